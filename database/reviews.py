"""Reviewing suppliers: the cases behind each figure, the figures, and what follows (policy 3.1.1, 3.1.3).

Everything of a review is written in one transaction, once for each period and supplier.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import DateTime, and_, case, cast, exists, func, or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from database import costs
from database.standings import demand_correction
from database.tables import (
    BackOrder,
    BackOrderState,
    CostMonth,
    EventLog,
    OrderLine,
    PurchaseOrder,
    ReceivedLot,
    ReviewEvidence,
    Supplier,
    SupplierReview,
)
from domain import reviews
from domain.correcting import Standing
from domain.costs import Sums, begins, cost_control
from domain.figures import Ratio
from domain.policy import Timekeeper
from domain.receiving import LotVerdict
from domain.reviews import Delivery, Period, ReviewFigure, ReviewRules
from domain.stages import Action, PurchaseStage

_OPEN_AT_MOST: Final = timedelta(days=400)
"""No purchase order is due later than that after it was placed."""
_INSTANT: Final = DateTime(timezone=True)


@dataclass(frozen=True)
class Case:
    """What a figure rests on: a purchase order or an order, and whether it speaks for the supplier."""

    supplier: str
    figure: ReviewFigure
    document: str
    good: bool
    part: str | None = None
    due: datetime | None = None
    done: datetime | None = None


async def is_reviewed(session: AsyncSession, period: Period) -> bool:
    """Whether every supplier has its review of a period."""
    of_period = and_(SupplierReview.first == period.first, SupplierReview.end == period.end)
    missing = exists().where(~exists().where(SupplierReview.supplier == Supplier.code, of_period))
    return not await session.scalar(select(missing.select_from(Supplier)))


async def review(session: AsyncSession, period: Period, time: Timekeeper, now: datetime) -> Sequence[str]:
    """Reviews every supplier for a period; who has been is left alone. Returns the corrective actions that begin."""
    await costs.roll_up(session, time, now)
    window = begins(period.first, time.zone), begins(period.end, time.zone)
    cases = await _cases(session, *window, time.policy.review)
    prices = await _prices(session, period)
    begun = []
    for supplier in await session.scalars(select(Supplier).order_by(Supplier.code)):
        own = [one for one in cases if one.supplier == supplier.code]
        figures = _figures(own, prices.get(supplier.code, Sums()))
        row = await _enter(session, supplier, period, figures, own, time, now)
        number = await demand_correction(session, row, time, now) if row else None
        begun += [number] if number else []
    return begun


async def _enter(
    session: AsyncSession,
    supplier: Supplier,
    period: Period,
    figures: dict[ReviewFigure, Ratio],
    cases: Sequence[Case],
    time: Timekeeper,
    now: datetime,
) -> SupplierReview | None:
    """Puts a review on record, with the cases behind it. None if there was one."""
    rules, standing = time.policy.review, Standing(supplier.standing)
    points = reviews.score(figures, rules)
    entered = await session.scalar(
        insert(SupplierReview)
        .values(
            first=period.first,
            end=period.end,
            supplier=supplier.code,
            reviewed_at=now,
            policy_name=time.policy.name,
            policy_version=time.policy.version,
            figures={
                name: {"numerator": str(one.numerator), "denominator": str(one.denominator), "n": one.n}
                for name, one in figures.items()
            },
            score=points,
            standing=standing,
            proposed=reviews.proposed(figures, points, standing, rules),
        )
        .on_conflict_do_nothing(index_elements=["first", "end", "supplier"])
        .returning(SupplierReview.id)
    )
    if entered is None:
        return None
    if cases:
        rows = [{**asdict(one), "review": entered} for one in cases]
        await session.execute(insert(ReviewEvidence), [_without(row, "supplier") for row in rows])
    return await session.get_one(SupplierReview, entered)


def _without(row: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in row.items() if key != name}


def _figures(cases: Sequence[Case], prices: Sums) -> dict[ReviewFigure, Ratio]:
    def of(figure: ReviewFigure) -> list[Case]:
        return [one for one in cases if one.figure is figure]

    def good(figure: ReviewFigure) -> int:
        return sum(one.good for one in of(figure))

    lots, fitted, asked = (
        of(one) for one in (ReviewFigure.INCOMING_QUALITY, ReviewFigure.DURABILITY, ReviewFigure.RESPONSIVENESS)
    )
    due = [Delivery(one.due, one.done) for one in of(ReviewFigure.ON_TIME) if one.due]
    return {
        ReviewFigure.ON_TIME: reviews.on_time(due),
        ReviewFigure.INCOMING_QUALITY: reviews.incoming_quality(good(ReviewFigure.INCOMING_QUALITY), len(lots)),
        ReviewFigure.DURABILITY: reviews.durability(len(fitted) - good(ReviewFigure.DURABILITY), len(fitted)),
        ReviewFigure.RESPONSIVENESS: reviews.responsiveness(good(ReviewFigure.RESPONSIVENESS), len(asked)),
        ReviewFigure.PRICE: cost_control(prices),
    }


async def _prices(session: AsyncSession, period: Period) -> dict[str, Sums]:
    columns = [func.sum(getattr(CostMonth, name)) for name in Sums.__dataclass_fields__]
    rows = await session.execute(
        select(CostMonth.supplier, *columns)
        .where(CostMonth.month >= period.first, CostMonth.month < period.end, CostMonth.supplier.is_not(None))
        .group_by(CostMonth.supplier)
    )
    return {str(supplier): Sums(*sums) for supplier, *sums in rows}


# --- the cases ----------------------------------------------------------------------------------------------


async def _cases(session: AsyncSession, start: datetime, end: datetime, rules: ReviewRules) -> list[Case]:
    return [
        *await _due(session, start, end),
        *await _asked(session, start, end),
        *await _inspected(session, start, end),
        *await _fitted(session, start, end, rules),
    ]


def _first_said(what: Any, *actions: Action) -> Any:
    """Something of the first step of these kinds that a purchase order took."""
    return (
        select(what)
        .where(EventLog.document == PurchaseOrder.number, EventLog.action.in_(actions))
        .order_by(EventLog.seq)
        .limit(1)
        .correlate(PurchaseOrder)
        .scalar_subquery()
    )


async def _due(session: AsyncSession, start: datetime, end: datetime) -> list[Case]:
    """Purchase orders due in the period by what was promised first, else asked for. Taken back or passed on before it
    was due, one counts neither way."""
    promised = _first_said(cast(EventLog.details["promised_at"].astext, _INSTANT), Action.CONFIRM, Action.ACCEPT_DATE)
    due = func.coalesce(promised, PurchaseOrder.deliver_by)
    rows = await session.execute(
        select(PurchaseOrder.supplier, PurchaseOrder.number, due.label("due"), PurchaseOrder.received_at)
        .where(
            PurchaseOrder.created_at >= start - _OPEN_AT_MOST,
            PurchaseOrder.created_at < end,
            due >= start,
            due < end,
            PurchaseOrder.stage != PurchaseStage.WITHDRAWN,
            or_(PurchaseOrder.passed_on_at.is_(None), PurchaseOrder.passed_on_at >= due),
        )
        .order_by(PurchaseOrder.number)
    )
    return [
        Case(
            row.supplier,
            ReviewFigure.ON_TIME,
            row.number,
            Delivery(row.due, row.received_at).on_time,
            due=row.due,
            done=row.received_at,
        )
        for row in rows
    ]


async def _asked(session: AsyncSession, start: datetime, end: datetime) -> list[Case]:
    """Confirmations due in the period."""
    due = cast(EventLog.state["wait"]["due"].astext, _INSTANT)
    confirmed = aliased(EventLog)
    done = (
        select(confirmed.at)
        .where(confirmed.document == PurchaseOrder.number, confirmed.action.in_((Action.CONFIRM, Action.PROPOSE_DATE)))
        .order_by(confirmed.seq)
        .limit(1)
        .correlate(PurchaseOrder)
        .scalar_subquery()
    )
    rows = await session.execute(
        select(PurchaseOrder.supplier, PurchaseOrder.number, due.label("due"), done.label("done"))
        .join(EventLog, and_(EventLog.document == PurchaseOrder.number, EventLog.seq == 0))
        .where(
            PurchaseOrder.created_at >= start - _OPEN_AT_MOST,
            PurchaseOrder.created_at < end,
            due >= start,
            due < end,
            PurchaseOrder.stage != PurchaseStage.WITHDRAWN,
            or_(PurchaseOrder.passed_on_at.is_(None), PurchaseOrder.passed_on_at >= due, done.is_not(None)),
        )
        .order_by(PurchaseOrder.number)
    )
    return [
        Case(
            row.supplier,
            ReviewFigure.RESPONSIVENESS,
            row.number,
            row.done is not None and row.done <= row.due,
            due=row.due,
            done=row.done,
        )
        for row in rows
    ]


async def _inspected(session: AsyncSession, start: datetime, end: datetime) -> list[Case]:
    """Lots inspected in the period."""
    rows = await session.execute(
        select(
            ReceivedLot.supplier,
            ReceivedLot.purchase_order,
            ReceivedLot.part,
            ReceivedLot.verdict,
            ReceivedLot.received_at,
            ReceivedLot.inspected_at,
        )
        .where(ReceivedLot.inspected_at >= start, ReceivedLot.inspected_at < end)
        .order_by(ReceivedLot.id)
    )
    return [
        Case(
            row.supplier,
            ReviewFigure.INCOMING_QUALITY,
            row.purchase_order,
            row.verdict is LotVerdict.ACCEPTED,
            part=row.part,
            done=row.inspected_at,
        )
        for row in rows
    ]


async def _fitted(session: AsyncSession, start: datetime, end: datetime, rules: ReviewRules) -> list[Case]:
    """Parts fitted in the period that came from a purchase order for this case, and those that were found defective on
    the spot. A customer who says within the days of the policy that the fault stays speaks against them."""
    fitted, failed = aliased(EventLog), aliased(EventLog)
    failure = exists().where(
        failed.document == fitted.document,
        failed.action == Action.ANSWER_FAULTY,
        failed.round == OrderLine.round + 1,  # the step that begins the next round
        failed.at < fitted.at + timedelta(days=rules.failure_days),
    )
    defective = and_(fitted.action == Action.REPORT_NOT_FITTED, fitted.details["hindrance"].astext == "part_defective")
    round_of = case((fitted.action == Action.REPORT_NOT_FITTED, fitted.round - 1), else_=fitted.round)
    rows = await session.execute(
        select(
            PurchaseOrder.supplier,
            OrderLine.order,
            OrderLine.part,
            fitted.at,
            and_(fitted.action == Action.REPORT_FITTED, ~failure).label("good"),
        )
        .select_from(fitted)
        .join(OrderLine, and_(OrderLine.order == fitted.document, OrderLine.round == round_of))
        .join(BackOrder, and_(BackOrder.line == OrderLine.id, BackOrder.state == BackOrderState.SERVED))
        .join(PurchaseOrder, PurchaseOrder.number == BackOrder.purchase_order)
        .where(
            fitted.at >= start,
            fitted.at < end,
            or_(fitted.action == Action.REPORT_FITTED, defective),
        )
        .order_by(OrderLine.id)
    )
    return [
        Case(row.supplier, ReviewFigure.DURABILITY, row.order, row.good, part=row.part, done=row.at) for row in rows
    ]
