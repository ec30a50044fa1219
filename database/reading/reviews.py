"""Suppliers' reviews and corrective actions as people read them (policy 3.1.1, 3.1.3)."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final, TypeVar

from pydantic import Field
from sqlalchemy import ColumnElement, false, func, or_, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from database.reading.documents import View, WaitView
from database.reading.keyset import Cursor, Page
from database.standings import before_worse_review
from database.tables import CorrectiveAction, Part, ReviewEvidence, Supplier, SupplierReview
from domain.correcting import WHERE_DISMISSED, CorrectiveStage, Standing
from domain.costs import months_on
from domain.figures import Ratio
from domain.messages import CorrectiveState
from domain.reviews import ReviewFigure
from domain.stages import Refusal, Role
from domain.waiting import Clock

_C: Final = CorrectiveAction
_R: Final = SupplierReview
_E: Final = ReviewEvidence


class CorrectionRow(View):
    """A corrective action in a list."""

    number: str
    stage: CorrectiveStage
    standing: Standing
    created_at: datetime
    ended_at: datetime | None
    review: int
    supplier: str
    supplier_name_en: str
    supplier_name_zh: str
    wait_clock: Clock | None
    wait_owner: Role | None
    wait_due: datetime | None
    overdue: bool


class ReviewView(View):
    """A supplier's review. A figure without cases has no value, and a score of nothing is none. `proposed` is the
    standing that it proposes, `correction` the corrective action that follows or was under way."""

    id: int
    supplier: str
    supplier_name_en: str
    supplier_name_zh: str
    standing_now: Standing
    first: date
    end: date
    reviewed_at: datetime
    policy_name: str
    policy_version: int
    figures: dict[ReviewFigure, Ratio]
    score: Decimal | None
    standing: Standing
    proposed: Standing | None
    correction: str | None

    @property
    def last(self) -> date:
        """The last month that is part of it."""
        return months_on(self.end, -1)


class CaseView(View):
    """A case behind a figure: the purchase order or replacement order it is about, and whether it counts for the
    supplier. `due` is until when something was owing, `done` when it happened; null if it never did."""

    id: int
    figure: ReviewFigure
    document: str
    part: str | None
    name_en: str | None
    name_zh: str | None
    good: bool
    due: datetime | None
    done: datetime | None


class CorrectionView(View):
    """One corrective action, and the review it follows from."""

    number: str
    stage: CorrectiveStage
    seq: int
    standing: Standing
    created_at: datetime
    ended_at: datetime | None
    policy_name: str
    policy_version: int
    state: CorrectiveState = Field(exclude=True)
    wait: WaitView | None
    review: ReviewView
    goes_back_to: CorrectiveStage | None = Field(
        description="Where it goes on if what a later, worse review proposes is dismissed; null if it ends."
    )


V = TypeVar("V", ReviewView, CaseView)


async def list_corrections(
    session: AsyncSession, *, open_only: bool, now: datetime, supplier: str = "", limit: int = 50,
    cursor: str | None = None,
) -> Page[CorrectionRow]:  # fmt: skip
    """Newest first. Raises Refusal `invalid_cursor`."""
    last = Cursor.read(cursor, "new")
    wanted: list[ColumnElement[bool]] = [_C.ended_at.is_(None)] if open_only else []
    if supplier:
        wanted.append(_C.supplier == supplier)
    if last:
        wanted.append(tuple_(_C.created_at, _C.number) < (last.at, last.number))
    rows = (
        await session.execute(
            select(
                _C.number,
                _C.stage,
                _C.standing,
                _C.created_at,
                _C.ended_at,
                _C.review,
                _C.supplier,
                Supplier.name_en.label("supplier_name_en"),
                Supplier.name_zh.label("supplier_name_zh"),
                _C.wait_clock,
                _C.wait_owner,
                _C.wait_due,
                func.coalesce(_C.wait_due < now, false()).label("overdue"),
            )
            .join(Supplier, Supplier.code == _C.supplier)
            .where(*wanted)
            .order_by(_C.created_at.desc(), _C.number.desc())
            .limit(limit + 1)
        )
    ).all()
    items = [CorrectionRow.model_validate(row) for row in rows[:limit]]
    if len(rows) <= limit:
        return Page(items=items, next=None)
    return Page(items=items, next=str(Cursor(sort="new", at=items[-1].created_at, number=items[-1].number)))


async def correction_view(session: AsyncSession, number: str, now: datetime) -> CorrectionView | None:
    """The corrective action with this number."""
    action = await session.get(_C, number)
    if action is None:
        return None
    [review] = await _reviews(session, _R.id == action.review)
    state = CorrectiveState.model_validate(action.state)
    before = await before_worse_review(session, number) if action.stage is CorrectiveStage.PROPOSED else None
    return CorrectionView(
        number=action.number,
        stage=action.stage,
        seq=action.seq,
        standing=action.standing,
        created_at=action.created_at,
        ended_at=action.ended_at,
        policy_name=action.policy_name,
        policy_version=action.policy_version,
        state=state,
        wait=WaitView.of(state.wait, now),
        review=review,
        goes_back_to=WHERE_DISMISSED[before] if before else None,
    )


async def newest_reviews(session: AsyncSession, *, after: str = "", limit: int = 50) -> list[ReviewView]:
    """The reviews of the period that was reviewed last, by supplier; those that follow supplier `after`."""
    newest = await session.get(_R, await session.scalar(select(func.max(_R.id))) or 0)
    if newest is None:
        return []
    of_period = (_R.first == newest.first, _R.end == newest.end, _R.supplier > after)
    return await _reviews(session, *of_period, order=_R.supplier, limit=limit)


async def list_reviews(
    session: AsyncSession, *, supplier: str = "", limit: int = 50, cursor: str | None = None
) -> Page[ReviewView]:
    """Every review, of one supplier if it is named, the newest first. Raises Refusal `invalid_cursor`."""
    wanted = [_R.supplier == supplier] if supplier else []
    if (last := _after(cursor, "reviewed")) is not None:
        wanted.append(_R.id < last)
    rows = await _reviews(session, *wanted, order=_R.id.desc(), limit=limit + 1)
    return _page(rows, "reviewed", limit)


async def review_view(session: AsyncSession, number: int) -> ReviewView | None:
    """One review."""
    return next(iter(await _reviews(session, _R.id == number)), None)


async def cases(
    session: AsyncSession,
    review: int,
    figure: ReviewFigure | None = None,
    *,
    limit: int = 50,
    cursor: str | None = None,
) -> Page[CaseView]:
    """What the figures of a review, or one of them, rest on. Raises Refusal `invalid_cursor`."""
    wanted = [_E.review == review]
    if figure:
        wanted.append(_E.figure == figure)
    if (last := _after(cursor, "cases")) is not None:
        wanted.append(_E.id > last)
    rows = await session.execute(
        select(_E.id, _E.figure, _E.document, _E.part, Part.name_en, Part.name_zh, _E.good, _E.due, _E.done)
        .outerjoin(Part, Part.code == _E.part)
        .where(*wanted)
        .order_by(_E.id)
        .limit(limit + 1)
    )
    return _page([CaseView.model_validate(row) for row in rows], "cases", limit)


def _after(cursor: str | None, sort: str) -> int | None:
    """The last row seen. Raises Refusal `invalid_cursor`."""
    last = Cursor.read(cursor, sort)
    if last is not None and not last.number.isdecimal():
        raise Refusal("invalid_cursor", "this is no cursor")
    return int(last.number) if last else None


def _page(rows: list[V], sort: str, limit: int) -> Page[V]:
    items = rows[:limit]
    more = len(rows) > limit
    return Page(items=items, next=str(Cursor(sort=sort, at=None, number=str(items[-1].id))) if more else None)


async def _reviews(session: AsyncSession, *wanted: Any, order: Any = _R.id, limit: int = 1) -> list[ReviewView]:
    """Each with the corrective action that follows from it, or else is under way with its supplier."""
    correction = (
        select(_C.number)
        .where(_C.supplier == _R.supplier, or_(_C.review == _R.id, _C.ended_at.is_(None)))
        .order_by(_C.created_at.desc())
        .limit(1)
        .correlate(_R)
        .scalar_subquery()
    )
    rows = await session.execute(
        select(
            _R.id,
            _R.supplier,
            Supplier.name_en.label("supplier_name_en"),
            Supplier.name_zh.label("supplier_name_zh"),
            Supplier.standing.label("standing_now"),
            _R.first,
            _R.end,
            _R.reviewed_at,
            _R.policy_name,
            _R.policy_version,
            _R.figures,
            _R.score,
            _R.standing,
            _R.proposed,
            correction.label("correction"),
        )
        .join(Supplier, Supplier.code == _R.supplier)
        .where(*wanted)
        .order_by(order)
        .limit(limit)
    )
    return [ReviewView.model_validate(row) for row in rows]
