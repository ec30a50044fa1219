"""Sums of costs by month, part and supplier, made from the ledger and the bills (policy 3.3.2).

A month's sums are computed anew until it is over; a page reads them and never the orders, however many there are.
"""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Final

from sqlalchemy import ColumnElement, and_, case, delete, func, or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from database.contracts import in_force, price_for
from database.requests import Quote, quoted
from database.stock import SHIPPABLE
from database.tables import (
    Contract,
    CostMonth,
    CostRollUp,
    InboundFreight,
    Movement,
    Part,
    Place,
    PurchaseLine,
    PurchaseOrder,
    Stock,
    Zone,
)
from domain import costs
from domain.costs import Sums, bought, months_on, split, storage_cost, target_price
from domain.policy import Timekeeper
from domain.stages import Refusal

Key = tuple[str, str | None]
"""A part and its supplier."""

YEAR: Final = 12
"""Over how many months prices are weighted and stock is laid to suppliers."""
A_YEAR: Final = timedelta(days=costs.DAYS_A_YEAR)
OUTSIDE: Final = (Zone.OUTSIDE, Zone.IN_TRANSIT, Zone.SCRAP)
"""Where pieces cost no storage."""


@dataclass(frozen=True)
class Bill:
    """What bringing goods in cost; `expedited_because` if it was paid for haste."""

    amount: Decimal
    reference: str
    expedited_because: str | None


async def enter_freight(
    session: AsyncSession, purchase_order: str, bill: Bill, *, by: str, key: str, at: datetime
) -> None:
    """Puts a bill on record, once for each key. Raises Refusal `idempotency_key_reused`."""
    kept = await session.scalar(
        insert(InboundFreight)
        .values(purchase_order=purchase_order, **asdict(bill), by=by, key=key, at=at)
        .on_conflict_do_nothing(index_elements=["purchase_order", "by", "key"])
        .returning(InboundFreight.id)
    )
    if kept is not None:
        return
    before = await session.scalar(
        select(InboundFreight).where(
            InboundFreight.purchase_order == purchase_order, InboundFreight.by == by, InboundFreight.key == key
        )
    )
    if before is None or Bill(before.amount, before.reference, before.expedited_because) != bill:
        raise Refusal("idempotency_key_reused", "the key came with another bill before")


async def roll_up(session: AsyncSession, time: Timekeeper, now: datetime) -> Sequence[date]:
    """Computes every month that has changed since it was last computed; returns them. Repeating it does no harm."""
    done = []
    month, last = await _first(session, time, now), costs.month_of(now, time.zone)
    while month <= last:
        await _month(session, month, time, now)
        done.append(month)
        month = months_on(month, 1)
    return done


async def _first(session: AsyncSession, time: Timekeeper, now: datetime) -> date:
    """The month in which the newest roll-up ended; if there is none, that of the first movement."""
    until = await session.scalar(select(func.max(CostRollUp.until)))
    return costs.month_of(until or await session.scalar(select(func.min(Movement.at))) or now, time.zone)


async def _month(session: AsyncSession, month: date, time: Timekeeper, now: datetime) -> None:
    start, end = costs.begins(month, time.zone), min(now, costs.begins(months_on(month, 1), time.zone))
    sums: dict[Key, Sums] = {}
    past = await _past(session, month)
    _add(sums, await _receipts(session, start, end, past))
    _add(sums, await _freight(session, start, end))
    _add(sums, await _storage(session, start, end, past, sums, time))
    await session.execute(delete(CostMonth).where(CostMonth.month == month))
    if sums:
        await session.execute(
            insert(CostMonth),
            [{"month": month, "part": part, "supplier": supplier, **asdict(one)}
             for (part, supplier), one in sorted(sums.items(), key=str)],
        )  # fmt: skip
    row = {"until": now, "policy_name": time.policy.name, "policy_version": time.policy.version}
    await session.execute(
        insert(CostRollUp).values(month=month, **row).on_conflict_do_update(index_elements=["month"], set_=row)
    )


def _add(sums: dict[Key, Sums], more: Iterable[tuple[Key, Sums]]) -> None:
    for key, one in more:
        sums[key] = sums.get(key, Sums()) + one


@dataclass
class _Past:
    """What was bought of each part in the twelve months before: pieces by supplier, and what all of them cost."""

    pieces: dict[str, dict[str, Decimal]]
    price: dict[str, Decimal]

    def unit_price(self, part: str) -> Decimal | None:
        pieces = sum(self.pieces.get(part, {}).values())
        return self.price[part] / pieces if pieces else None


async def _past(session: AsyncSession, month: date) -> _Past:
    past = _Past({}, {})
    rows = await session.execute(
        select(CostMonth.part, CostMonth.supplier, func.sum(CostMonth.pieces), func.sum(CostMonth.price))
        .where(
            CostMonth.month >= months_on(month, -YEAR),
            CostMonth.month < month,
            CostMonth.pieces > 0,
            CostMonth.supplier.is_not(None),
        )
        .group_by(CostMonth.part, CostMonth.supplier)
    )
    for part, supplier, pieces, price in rows:
        past.pieces.setdefault(part, {})[str(supplier)] = Decimal(pieces)
        past.price[part] = past.price.get(part, Decimal(0)) + price
    return past


async def _receipts(session: AsyncSession, start: datetime, end: datetime, past: _Past) -> list[tuple[Key, Sums]]:
    """Every receipt of sound pieces, against its target. Quotes of the year before it was ordered count."""
    rows = (
        await session.execute(
            select(
                Movement.part,
                PurchaseOrder.supplier,
                PurchaseOrder.created_at,
                Movement.quantity,
                PurchaseLine.unit_price,
                price_for(PurchaseLine.quantity).label("contract"),
                Movement.reverses.is_not(None).label("reversed"),
            )
            .join(PurchaseOrder, PurchaseOrder.number == Movement.document)
            .join(
                PurchaseLine,
                and_(PurchaseLine.purchase_order == PurchaseOrder.number, PurchaseLine.part == Movement.part),
            )
            .outerjoin(
                Contract,
                and_(
                    Contract.supplier == PurchaseOrder.supplier,
                    Contract.part == Movement.part,
                    in_force(Contract, func.date(PurchaseOrder.created_at)),
                ),
            )
            .where(Movement.at >= start, Movement.at < end, came_in())
        )
    ).all()
    first = min((row.created_at for row in rows), default=start)
    quotes = await quoted(session, first - A_YEAR, end)
    found = []
    for row in rows:
        asked = [quote.price for quote in quotes.get(row.part, ()) if _counts(quote, row.created_at)]
        target = target_price(row.contract, asked, past.unit_price(row.part))
        one = bought(row.quantity, row.unit_price, target)
        found.append(((row.part, row.supplier), -one if row.reversed else one))
    return found


def _counts(quote: Quote, ordered: datetime) -> bool:
    return ordered - A_YEAR <= quote.at <= ordered


def came_in() -> ColumnElement[bool]:
    """Whether a movement brought sound pieces into the house, or takes such a one back."""
    return or_(
        and_(Movement.target_zone.in_(SHIPPABLE), Movement.reverses.is_(None)),
        and_(Movement.source_zone.in_(SHIPPABLE), Movement.reverses.is_not(None)),
    )


async def _freight(session: AsyncSession, start: datetime, end: datetime) -> list[tuple[Key, Sums]]:
    """The bills that came in, each laid to the parts of its purchase order by what they cost."""
    ordered = func.json_object_agg(PurchaseLine.part, PurchaseLine.quantity * PurchaseLine.unit_price)
    bills = (
        select(
            InboundFreight.purchase_order,
            func.sum(InboundFreight.amount).label("amount"),
            func.sum(case((InboundFreight.expedited_because.is_not(None), InboundFreight.amount), else_=0)).label(
                "expedited"
            ),
        )
        .where(InboundFreight.at >= start, InboundFreight.at < end)
        .group_by(InboundFreight.purchase_order)
        .subquery()
    )
    rows = await session.execute(
        select(bills, PurchaseOrder.supplier, ordered.label("ordered"))
        .join(PurchaseOrder, PurchaseOrder.number == bills.c.purchase_order)
        .join(PurchaseLine, PurchaseLine.purchase_order == PurchaseOrder.number)
        .group_by(*bills.c, PurchaseOrder.supplier)
    )
    found: list[tuple[Key, Sums]] = []
    for row in rows:
        worth = {part: Decimal(str(value)) for part, value in row.ordered.items()}
        expedited = split(row.expedited, worth)
        found += [
            ((part, row.supplier), Sums(freight=amount, expedited=expedited[part]))
            for part, amount in split(row.amount, worth).items()
        ]
    return found


async def _storage(
    session: AsyncSession, start: datetime, end: datetime, past: _Past, sums: dict[Key, Sums], time: Timekeeper
) -> list[tuple[Key, Sums]]:
    """What keeping each part cost, laid to those who delivered it in twelve months by their pieces."""
    found: list[tuple[Key, Sums]] = []
    delivered = {part: dict(by_supplier) for part, by_supplier in past.pieces.items()}
    for (part, supplier), one in sums.items():
        if supplier is not None and one.pieces:
            shares = delivered.setdefault(part, {})
            shares[supplier] = shares.get(supplier, Decimal(0)) + one.pieces
    for part, list_price, piece_days in await _piece_days(session, start, end):
        value = past.unit_price(part) or list_price
        cost = storage_cost(piece_days, value, time.policy.costs.storage_rate)
        laid = split(cost, delivered.get(part, {}))
        found += [((part, supplier), Sums(storage=amount)) for supplier, amount in laid.items() if amount]
        if not laid:
            found.append(((part, None), Sums(storage=cost)))
    return found


async def _piece_days(session: AsyncSession, start: datetime, end: datetime) -> Sequence[tuple[str, Decimal, Decimal]]:
    """Of each part its list price and for how many days its pieces lay in the house, all together.

    From the balance of now the ledger leads back to that of the beginning.
    """
    inside = select(Place.code).where(Place.zone.not_in(OUTSIDE))
    change = case((Movement.target.in_(inside), Movement.quantity), else_=0) - case(
        (Movement.source.in_(inside), Movement.quantity), else_=0
    )
    days_left = func.extract("epoch", end - Movement.at) / 86400
    moved = (
        select(
            Movement.part,
            func.sum(change).label("pieces"),
            func.sum(change * days_left).filter(Movement.at < end).label("days"),
        )
        .where(Movement.at >= start)
        .group_by(Movement.part)
        .subquery()
    )
    stands = (
        select(Stock.part, func.sum(Stock.on_hand).label("pieces"))
        .where(Stock.zone.not_in(OUTSIDE))
        .group_by(Stock.part)
        .subquery()
    )
    whole = Decimal(str((end - start).total_seconds() / 86400))
    piece_days = (stands.c.pieces - func.coalesce(moved.c.pieces, 0)) * whole + func.coalesce(moved.c.days, 0)
    rows = await session.execute(
        select(Part.code, Part.list_price, piece_days)
        .join(stands, stands.c.part == Part.code)
        .outerjoin(moved, moved.c.part == Part.code)
        .where(piece_days > 0)
    )
    return [(part, price, Decimal(days)) for part, price, days in rows]
