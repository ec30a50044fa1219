"""Purchase orders that a buyer places by hand, held against what is agreed with the supplier (policy 3.1.2)."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from hashlib import sha256

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from database import contracts
from database.contracts import Offer
from database.policies import newest, timekeeper
from database.purchases import delivered_to, place
from database.tables import Contract, Part, PurchaseOrder, Supplier, UserAccount, Warehouse
from domain.messages import PurchaseState
from domain.ordering import LineByHand, OrderByHand
from domain.policy import Timekeeper
from domain.stages import Refusal, Role
from domain.suppliers import Breach


@dataclass(frozen=True)
class Placed:
    """The purchase order that was placed; `created` is false when it had been before."""

    state: PurchaseState
    created: bool


async def order(
    session: AsyncSession, said: OrderByHand, *, by: str, key: str, now: datetime, policy: str
) -> Placed:  # fmt: skip
    """Places a purchase order; the same `key` from the same user gives what it gave before.

    The caller commits, then starts the workflow. Raises Refusal `idempotency_key_reused`, `unknown_part`,
    `unknown_supplier`, `unknown_warehouse`, `terms_missing`, `against_contract`, `reason_needed`.
    """
    digest = sha256(json.dumps(said.model_dump(mode="json"), sort_keys=True).encode()).digest()
    if before := await _before(session, digest, by, key):
        return before
    at, time = now.astimezone(UTC), await timekeeper(session, await newest(session, policy))
    if await session.get(Supplier, said.supplier) is None:
        raise Refusal("unknown_supplier", f"there is no supplier {said.supplier}")
    if said.warehouse and await session.get(Warehouse, said.warehouse) is None:
        raise Refusal("unknown_warehouse", f"there is no warehouse {said.warehouse}")
    offers = [await _offer(session, said, line, time.today(at)) for line in said.lines]
    found = await breaches(session, offers, time, at)
    contracts.require(time.policy.purchasing, found, said.reason)
    user = await session.get_one(UserAccount, by)
    number = await place(
        session, said.supplier, said.warehouse or await delivered_to(session, user.service_centre), offers, time, at,
        by=by, role=Role.BUYER, details={"against_rules": list(found), "reason": said.reason} if found else {},
    )  # fmt: skip
    row = await session.get_one(PurchaseOrder, number)
    row.ordered_by, row.request_key, row.request_digest = by, key, digest
    await session.flush()
    return Placed(PurchaseState.model_validate(row.state), created=True)


async def breaches(
    session: AsyncSession, offers: Sequence[Offer], time: Timekeeper, at: datetime
) -> Sequence[Breach]:  # fmt: skip
    """What speaks against ordering this."""
    found = {
        breach
        for one in offers
        for breach in await contracts.breaches(session, one.supplier, one.part, one.quantity, one.price, time, at)
    }
    return [breach for breach in Breach if breach in found]


async def against(session: AsyncSession, said: OrderByHand, now: datetime, policy: str) -> Sequence[Breach]:
    """What speaks against an order that is being written; nothing as long as it can't be said."""
    time = await timekeeper(session, await newest(session, policy))
    try:
        offers = [await _offer(session, said, line, time.today(now)) for line in said.lines]
    except Refusal:
        return ()
    return await breaches(session, offers, time, now.astimezone(UTC))


async def _offer(session: AsyncSession, said: OrderByHand, line: LineByHand, today: date) -> Offer:
    """What a line orders, completed by the contract in force. Raises Refusal `unknown_part`, `terms_missing`."""
    if await session.get(Part, line.part) is None:
        raise Refusal("unknown_part", f"there is no part {line.part}")
    agreed = (
        await session.execute(
            select(
                contracts.price_for(line.quantity).label("price"),
                Contract.freight,
                Contract.lead_days,
                Contract.guarantee_months,
            ).where(
                Contract.supplier == said.supplier,
                Contract.part == line.part,
                contracts.in_force(Contract, today),
            )
        )
    ).one_or_none()
    price, lead = line.price or (agreed and agreed.price), said.lead_days or (agreed and agreed.lead_days)
    if price is None or lead is None:
        raise Refusal("terms_missing", f"nothing is agreed for {line.part}: say price and lead time")
    return Offer(
        said.supplier, line.part, line.quantity, price, agreed.freight if agreed else Decimal(0), lead,
        agreed.guarantee_months if agreed else 0,
    )  # fmt: skip


async def _before(session: AsyncSession, digest: bytes, by: str, key: str) -> Placed | None:
    """What this key ordered before. Raises Refusal `idempotency_key_reused` if that was something else."""
    await session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(f"po/{by}/{key}", 0))))
    row = await session.scalar(
        select(PurchaseOrder).where(PurchaseOrder.ordered_by == by, PurchaseOrder.request_key == key)
    )
    if row is None:
        return None
    if row.request_digest != digest:
        raise Refusal("idempotency_key_reused", "this key came with another order before")
    return Placed(PurchaseState.model_validate(row.state), created=False)
