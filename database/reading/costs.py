"""What purchasing and keeping parts cost: figures, tables, and what drives it (policy 3.3.2).

All of it is made of the sums of months, however many orders there are; only the receipts behind a sum are looked up.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final
from zoneinfo import ZoneInfo

from sqlalchemy import FromClause, case, func, select, true, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from database.costs import came_in
from database.reading.documents import View
from database.reading.keyset import Cursor, Page
from database.tables import (
    CostMonth,
    CostRollUp,
    InboundFreight,
    Movement,
    Part,
    PurchaseLine,
    PurchaseOrder,
    Supplier,
    UserAccount,
)
from domain import costs
from domain.costs import Change, CostRules, Driver, PartClass, Sums, months_on
from domain.figures import Ratio
from domain.stages import Refusal


@dataclass(frozen=True)
class WantedCosts:
    """Of which months, `first` to `last`, and of which part and supplier if not of all."""

    first: date
    last: date
    part: str | None = None
    supplier: str | None = None

    @property
    def months(self) -> int:
        return (self.last.year - self.first.year) * 12 + self.last.month - self.first.month + 1


class RatioView(View):
    """`value` is null if there is no data. `n` is the number of cases it rests on."""

    value: Decimal | None
    numerator: Decimal
    denominator: Decimal
    n: int

    @classmethod
    def of(cls, ratio: Ratio) -> "RatioView":
        return cls(
            value=ratio.value,
            numerator=Decimal(ratio.numerator),
            denominator=Decimal(ratio.denominator),
            n=ratio.n,
        )


class CostLine(View):
    """The sums of a month, a part or a supplier, in yuan. `share` and what follows it are of the whole; null where a
    ranking says nothing."""

    key: str
    name_en: str
    name_zh: str
    pieces: int
    price: Decimal
    freight: Decimal
    expedited: Decimal
    storage: Decimal
    total: Decimal
    variance: Decimal | None
    cost_control: RatioView
    share: Decimal | None = None
    cumulative: Decimal | None = None
    part_class: PartClass | None = None


class ChangeView(View):
    """How much one driver adds to the cost of the time before, and the part that makes most of it."""

    driver: Driver
    amount: Decimal
    part: str | None
    part_name_en: str
    part_name_zh: str
    part_amount: Decimal


class CostAnalysis(View):
    """Costs of some months in yuan. `until` is when they were last summed up, null if never; `before` is the total of
    as many months before, null if nothing is known of them. No data is null."""

    first: date
    last: date
    until: datetime | None
    total: Decimal
    before: Decimal | None
    cost_control: RatioView
    at_target: RatioView
    variance: Decimal | None
    freight_share: RatioView
    expedited_share: RatioView
    months: tuple[CostLine, ...]
    parts: tuple[CostLine, ...]
    suppliers: tuple[CostLine, ...]
    drivers: tuple[ChangeView, ...]


class Receipt(View):
    """Sound pieces that came in, at which price; less than none where a receipt was taken back."""

    at: datetime
    purchase_order: str
    part: str
    supplier: str
    quantity: int
    unit_price: Decimal


class FreightBill(View):
    at: datetime
    by_name: str | None
    amount: Decimal
    reference: str
    expedited_because: str | None


_SUMS: Final = [getattr(CostMonth, one.name) for one in fields(Sums)]


async def analysis(session: AsyncSession, wanted: WantedCosts, rules: CostRules) -> CostAnalysis:
    """The costs of the months wanted, held against as many months before."""
    now, before = await _sums(session, wanted)
    whole = costs.summed(now.months.values())
    parts, suppliers = await _names(session, Part), await _names(session, Supplier)
    months = {months_on(wanted.first, n): Sums() for n in range(wanted.months)} | now.months
    return CostAnalysis(
        first=wanted.first,
        last=wanted.last,
        until=await session.scalar(select(func.max(CostRollUp.until))),
        total=whole.total,
        before=costs.summed(before.months.values()).total if before.months else None,
        cost_control=RatioView.of(costs.cost_control(whole)),
        at_target=RatioView.of(costs.at_target(whole)),
        variance=costs.price_variance(whole),
        freight_share=RatioView.of(Ratio(whole.freight, whole.price, whole.lines)),
        expedited_share=RatioView.of(Ratio(whole.expedited, whole.freight, whole.lines)),
        months=tuple(_line(f"{month:%Y-%m}", ("", ""), one) for month, one in months.items()),
        parts=_ranked(now.parts, parts, rules),
        suppliers=_ranked(now.suppliers, suppliers, rules),
        drivers=tuple(_change(one, parts) for one in costs.drivers(before.parts, now.parts)) if before.months else (),
    )


@dataclass
class _Grouped:
    """The same sums by month, by part and by supplier; what can't be laid to a supplier has an empty one."""

    months: dict[date, Sums] = field(default_factory=dict)
    parts: dict[str, Sums] = field(default_factory=dict)
    suppliers: dict[str, Sums] = field(default_factory=dict)


async def _sums(session: AsyncSession, wanted: WantedCosts) -> tuple[_Grouped, _Grouped]:
    """Of the months wanted, and of as many before, in one question."""
    now, before = _Grouped(), _Grouped()
    within = (CostMonth.month >= wanted.first).label("within")
    groups = (CostMonth.month, CostMonth.part, CostMonth.supplier)
    query = (
        select(within, func.grouping(*groups).label("grouped"), *groups, *map(func.sum, _SUMS))
        .where(CostMonth.month >= months_on(wanted.first, -wanted.months), CostMonth.month <= wanted.last)
        .group_by(func.grouping_sets(*(tuple_(within, group) for group in groups)))
        .order_by(CostMonth.month)
    )
    if wanted.part:
        query = query.where(CostMonth.part == wanted.part)
    if wanted.supplier:
        query = query.where(CostMonth.supplier == wanted.supplier)
    for is_now, grouped, month, part, supplier, *sums in await session.execute(query):
        time, one = now if is_now else before, Sums(*sums)
        match grouped:
            case 0b011:
                time.months[month] = one
            case 0b101:
                time.parts[part] = one
            case _:
                time.suppliers[supplier or ""] = one
    return now, before


async def _names(session: AsyncSession, table: type[Part] | type[Supplier]) -> dict[str, tuple[str, str]]:
    rows = await session.execute(select(table.code, table.name_en, table.name_zh))
    return {code: (en, zh) for code, en, zh in rows}


def _line(key: str, names: tuple[str, str], one: Sums, **ranked: Any) -> CostLine:
    return CostLine(
        key=key,
        name_en=names[0],
        name_zh=names[1],
        pieces=one.pieces,
        price=one.price,
        freight=one.freight,
        expedited=one.expedited,
        storage=one.storage,
        total=one.total,
        variance=costs.price_variance(one),
        cost_control=RatioView.of(costs.cost_control(one)),
        **ranked,
    )


def _ranked(sums: Mapping[str, Sums], names: Mapping[str, tuple[str, str]], rules: CostRules) -> tuple[CostLine, ...]:
    """The dearest first."""
    ranked = costs.pareto({key: one.total for key, one in sums.items() if one.total}, rules)
    return tuple(
        _line(
            one.key,
            names.get(one.key, ("", "")),
            sums[one.key],
            share=one.share,
            cumulative=one.cumulative,
            part_class=one.part_class,
        )
        for one in ranked
    )


def _change(one: Change, names: Mapping[str, tuple[str, str]]) -> ChangeView:
    en, zh = names.get(one.part or "", ("", ""))
    return ChangeView(
        driver=one.driver,
        amount=one.amount,
        part=one.part,
        part_name_en=en,
        part_name_zh=zh,
        part_amount=one.part_amount,
    )


async def receipts(
    session: AsyncSession, wanted: WantedCosts, zone: ZoneInfo, *, limit: int = 50, cursor: str | None = None
) -> Page[Receipt]:
    """What came in behind these costs, the newest first. Raises Refusal `invalid_cursor`."""
    ordered = _ordered()
    query = (
        select(
            Movement.id,
            Movement.at,
            Movement.document.label("purchase_order"),
            Movement.part,
            ordered.c.supplier,
            case((Movement.reverses.is_(None), Movement.quantity), else_=-Movement.quantity).label("quantity"),
            ordered.c.unit_price,
        )
        .join(ordered, true())
        .where(
            Movement.at >= costs.begins(wanted.first, zone),
            Movement.at < costs.begins(months_on(wanted.last, 1), zone),
            came_in(),
        )
    )
    if wanted.part:
        query = query.where(Movement.part == wanted.part)
    if wanted.supplier:
        query = query.where(ordered.c.supplier == wanted.supplier)
    if last := Cursor.read(cursor, "received"):
        if last.at is None or not last.number.isdecimal():
            raise Refusal("invalid_cursor", "this is no cursor")
        query = query.where(tuple_(Movement.at, Movement.id) < (last.at, int(last.number)))
    rows = (await session.execute(query.order_by(Movement.at.desc(), Movement.id.desc()).limit(limit + 1))).all()
    more = Cursor(sort="received", at=rows[limit - 1].at, number=str(rows[limit - 1].id)) if len(rows) > limit else None
    return Page(items=[Receipt.model_validate(row) for row in rows[:limit]], next=str(more) if more else None)


def _ordered() -> FromClause:
    """The one line a movement is a receipt of. Asked for one by one, as the newest movements are enough: joined, all of
    the ledger would be read in the order of its documents."""
    return (
        select(PurchaseOrder.supplier, PurchaseLine.unit_price)
        .join(PurchaseLine, PurchaseLine.purchase_order == PurchaseOrder.number)
        .where(PurchaseOrder.number == Movement.document, PurchaseLine.part == Movement.part)
        .limit(1)
        .correlate(Movement)
        .lateral("ordered")
    )


async def freight_bills(session: AsyncSession, purchase_order: str) -> Sequence[FreightBill]:
    """What bringing a purchase order's goods in has cost, the oldest first."""
    rows = await session.execute(
        select(
            InboundFreight.at,
            UserAccount.name.label("by_name"),
            InboundFreight.amount,
            InboundFreight.reference,
            InboundFreight.expedited_because,
        )
        .outerjoin(UserAccount, UserAccount.code == InboundFreight.by)
        .where(InboundFreight.purchase_order == purchase_order)
        .order_by(InboundFreight.id)
    )
    return [FreightBill.model_validate(row) for row in rows]
