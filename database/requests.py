"""Requests for quotation: asked, answered, compared (policy 3.3.1).

A bid is sealed until its request is opened. `_opened` is the one statement that reads bids, and it reads none before:
whoever asks, the buyer and the API included.
"""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from hashlib import sha256
from secrets import token_urlsafe
from typing import Any

from pydantic import BaseModel
from sqlalchemy import Select, func, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.ext.asyncio import AsyncSession

from database import contracts
from database.contracts import Offer
from database.numbers import next_number
from database.policies import newest, timekeeper
from database.purchases import delivered_to, place
from database.steps import record
from database.tables import (
    AwardLine,
    BidLine,
    Invitation,
    Part,
    RequestForQuotation,
    RequestLine,
    Supplier,
    SupplierBid,
    SupplierReview,
    UserAccount,
    Warehouse,
)
from domain import comparing
from domain.bidding import Ask, BuyAtOnce
from domain.comparing import Placed, Weights
from domain.messages import RequestState
from domain.policy import Timekeeper
from domain.requests import RequestStage
from domain.stages import Refusal, Role
from domain.waiting import Clock, Wait


@dataclass(frozen=True)
class OpenedLine:
    """A line of a bid that is open. Yuan for a piece."""

    supplier: str
    part: str
    price: Decimal
    freight: Decimal
    lead_days: int
    guarantee_months: int
    valid_until: date
    note: str

    @property
    def landed(self) -> Decimal:
        return self.price + self.freight


@dataclass(frozen=True)
class Quote:
    """What a supplier asked for a piece, in yuan without freight, and when its bid was opened."""

    at: datetime
    price: Decimal


async def opened_bids(session: AsyncSession, request: str) -> Sequence[OpenedLine]:
    """The newest bid of each supplier, line by line; nothing as long as the request is not opened."""
    rows = await session.execute(_opened().where(BidLine.request == request).order_by(BidLine.part, BidLine.supplier))
    return [OpenedLine(**row._mapping) for row in rows]


async def quoted(session: AsyncSession, since: datetime, until: datetime) -> Mapping[str, Sequence[Quote]]:
    """What suppliers asked for a piece of each part in requests that were opened from `since` to before `until`."""
    rows = await session.execute(
        _opened()
        .add_columns(RequestForQuotation.opened_at)
        .where(RequestForQuotation.opened_at >= since, RequestForQuotation.opened_at < until)
    )
    found: dict[str, list[Quote]] = {}
    for row in rows:
        found.setdefault(row.part, []).append(Quote(row.opened_at, row.price))
    return found


def _opened() -> Select[*tuple[Any, ...]]:
    return (
        select(
            BidLine.supplier,
            BidLine.part,
            BidLine.price,
            BidLine.freight,
            BidLine.lead_days,
            BidLine.guarantee_months,
            SupplierBid.valid_until,
            SupplierBid.note,
        )
        .join(
            SupplierBid,
            (SupplierBid.request == BidLine.request)
            & (SupplierBid.supplier == BidLine.supplier)
            & (SupplierBid.seq == BidLine.seq),
        )
        .join(
            Invitation,
            (Invitation.request == SupplierBid.request)
            & (Invitation.supplier == SupplierBid.supplier)
            & (Invitation.bid_at == SupplierBid.at),
        )
        .join(RequestForQuotation, RequestForQuotation.number == BidLine.request)
        .where(RequestForQuotation.opened_at.is_not(None))
    )


async def compared(
    session: AsyncSession, bids: Sequence[OpenedLine], weights: Weights, at: datetime
) -> Mapping[str, Sequence[tuple[OpenedLine, Placed]]]:
    """The bids for each part, the best value first, each with its place; by the suppliers' scores as they were `at`."""
    known = await scores(session, {bid.supplier for bid in bids}, at)
    found: dict[str, list[tuple[OpenedLine, Placed]]] = {}
    for part in dict.fromkeys(bid.part for bid in bids):
        of_part = {bid.supplier: bid for bid in bids if bid.part == part}
        placed = comparing.compare(
            (
                comparing.Bid(bid.supplier, bid.landed, bid.lead_days, known.get(bid.supplier), bid.guarantee_months)
                for bid in of_part.values()
            ),
            weights,
        )
        found[part] = [(of_part[one.bid.supplier], one) for one in placed]
    return found


async def scores(session: AsyncSession, suppliers: Collection[str], at: datetime) -> dict[str, Decimal]:
    """What suppliers came to in the newest review of each before an instant (policy 3.1.1). Whoever was not reviewed by
    then, or on too little to count, has no score."""
    newest = (
        select(SupplierReview.supplier, SupplierReview.score)
        .ext(distinct_on(SupplierReview.supplier))
        .where(SupplierReview.supplier.in_(list(suppliers)), SupplierReview.reviewed_at <= at)
        .order_by(SupplierReview.supplier, SupplierReview.id.desc())
    )
    return {supplier: score for supplier, score in await session.execute(newest) if score is not None}


# --- asking -------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Asked:
    """The request that a question became; `created` is false when it had been one before."""

    state: RequestState
    created: bool


async def ask(session: AsyncSession, question: Ask, *, by: str, key: str, now: datetime, policy: str) -> Asked:
    """Asks the qualified suppliers; the same `key` from the same user gives what it gave before.

    The caller commits, then starts the workflow. Raises Refusal `idempotency_key_reused`, `unknown_part`,
    `unknown_supplier`, `unknown_warehouse`, `invalid_time`, `nobody_qualified`, `unknown_policy`.
    """
    if before := await _before(session, question, by, key):
        return before
    at, time = now.astimezone(UTC), await timekeeper(session, await newest(session, policy))
    if question.deadline is not None and question.deadline <= at:
        raise Refusal("invalid_time", "the deadline lies in the past")
    parts = [line.part for line in question.lines]
    await _known(session, Part, parts, "unknown_part")
    await _known(session, Supplier, question.suppliers, "unknown_supplier")
    qualified = await contracts.qualified_suppliers(session, parts, time, at)
    asked = sorted(qualified.keys() & set(question.suppliers) if question.suppliers else qualified)
    if not asked or set(question.suppliers) - set(asked):
        raise Refusal("nobody_qualified", "only suppliers that are qualified for one of the parts can be asked")
    wait = time.wait(Clock.BIDS, at, question.deadline)
    request = await _request(session, RequestStage.BIDDING, question, wait, time, by=by, key=key, at=at)
    request.deadline = wait.due
    request.note = question.note
    _begin(session, request, wait, "ask", by, {"suppliers": asked}, [("ask", Role.SUPPLIER)])
    session.add(request)
    await session.flush()
    session.add_all(RequestLine(request=request.number, **line.model_dump()) for line in question.lines)
    session.add_all(
        Invitation(request=request.number, supplier=supplier, token=token_urlsafe(32)) for supplier in asked
    )
    return Asked(RequestState.model_validate(request.state), created=True)


async def buy_at_once(
    session: AsyncSession, bought: BuyAtOnce, *, by: str, key: str, now: datetime, policy: str
) -> Asked:
    """An emergency: ordered without bids, looked into afterwards. Like `ask`; also raises Refusal `against_contract`
    where the policy lets no reason pass."""
    if before := await _before(session, bought, by, key):
        return before
    at, time = now.astimezone(UTC), await timekeeper(session, await newest(session, policy))
    await _known(session, Part, [line.part for line in bought.lines], "unknown_part")
    await _known(session, Supplier, [bought.supplier], "unknown_supplier")
    found = {
        breach
        for line in bought.lines
        for breach in await contracts.breaches(session, bought.supplier, line.part, line.quantity, line.price, time, at)
    }
    contracts.require(time.policy.purchasing, found, bought.reason)
    wait = time.wait(Clock.EMERGENCY, at)
    request = await _request(session, RequestStage.AFTERWARDS, bought, wait, time, by=by, key=key, at=at)
    request.reason = bought.reason
    offers = [
        Offer(bought.supplier, line.part, line.quantity, line.price, Decimal(0), bought.lead_days, 0)
        for line in bought.lines
    ]
    number = await place(session, bought.supplier, request.warehouse, offers, time, at, caused_by=request.number)
    details = {"supplier": bought.supplier, "purchase_orders": [number], "against_rules": sorted(found)}
    _begin(session, request, wait, "buy_at_once", by, details, [("emergency", Role.AUDITOR)], (number,))
    session.add(request)
    await session.flush()
    for line in bought.lines:
        session.add(RequestLine(request=request.number, part=line.part, quantity=line.quantity))
        await session.flush()
        session.add(
            AwardLine(
                request=request.number, part=line.part, supplier=bought.supplier, quantity=line.quantity,
                price=line.price, freight=Decimal(0), bids=0, purchase_order=number,
            )
        )  # fmt: skip
    return Asked(RequestState.model_validate(request.state), created=True)


async def _before(session: AsyncSession, said: BaseModel, by: str, key: str) -> Asked | None:
    """What this key asked for before. Raises Refusal `idempotency_key_reused` if that was something else."""
    await session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(f"rfq/{by}/{key}", 0))))
    row = await session.scalar(
        select(RequestForQuotation).where(RequestForQuotation.entered_by == by, RequestForQuotation.request_key == key)
    )
    if row is None:
        return None
    if row.request_digest != _digest(said):
        raise Refusal("idempotency_key_reused", "this key came with another request before")
    return Asked(RequestState.model_validate(row.state), created=False)


async def _known(session: AsyncSession, table: type[Part] | type[Supplier], codes: Collection[str], code: str) -> None:
    there = set(await session.scalars(select(table.code).where(table.code.in_(list(codes)))))
    if unknown := set(codes) - there:
        raise Refusal(code, f"there is no {', '.join(sorted(unknown))}")


async def _request(
    session: AsyncSession, stage: RequestStage, said: Ask | BuyAtOnce, wait: Wait, time: Timekeeper, *, by: str,
    key: str, at: datetime,
) -> RequestForQuotation:  # fmt: skip
    user = await session.get_one(UserAccount, by)
    if said.warehouse and await session.get(Warehouse, said.warehouse) is None:
        raise Refusal("unknown_warehouse", f"there is no warehouse {said.warehouse}")
    return RequestForQuotation(
        number=await next_number(session, "RFQ", at),
        created_at=at,
        entered_by=by,
        warehouse=said.warehouse or await delivered_to(session, user.service_centre),
        stage=stage,
        request_key=key,
        request_digest=_digest(said),
        policy_name=time.policy.name,
        policy_version=time.policy.version,
        log_head=b"",
    )


def _begin(
    session: AsyncSession, request: RequestForQuotation, wait: Wait, action: str, by: str, details: dict[str, Any],
    told: list[tuple[str, Role]], to_place: tuple[str, ...] = (),
) -> None:  # fmt: skip
    state = RequestState(number=request.number, stage=request.stage, seq=0, wait=wait, to_place=to_place)
    record(
        session, request, action=action, at=request.created_at, by=by, role=Role.BUYER, from_stage="",
        details=details, submission=None, state=state, told=told,
    )  # fmt: skip


def _digest(said: BaseModel) -> bytes:
    return sha256(json.dumps(said.model_dump(mode="json"), sort_keys=True).encode()).digest()


# --- answering ----------------------------------------------------------------------------------------------


async def invited(session: AsyncSession, token: str) -> Invitation | None:
    """Who holds this link."""
    return await session.scalar(select(Invitation).where(Invitation.token == token))


async def may_offer(session: AsyncSession, request: str, supplier: str, time: Timekeeper, at: datetime) -> set[str]:
    """The parts of a request that a supplier may make an offer for: those it is qualified for."""
    parts = (await session.scalars(select(RequestLine.part).where(RequestLine.request == request))).all()
    return (await contracts.qualified_suppliers(session, parts, time, at)).get(supplier, set())
