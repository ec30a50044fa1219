"""Suppliers' reviews and corrective actions as people read them (policy 3.1.1, 3.1.3)."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final

from pydantic import Field
from sqlalchemy import ColumnElement, false, func, or_, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from database.reading.documents import View, WaitView
from database.reading.keyset import Cursor, Page
from database.tables import CorrectiveAction, Supplier, SupplierReview
from domain.correcting import CorrectiveStage, Standing
from domain.costs import months_on
from domain.figures import Ratio
from domain.messages import CorrectiveState
from domain.reviews import ReviewFigure
from domain.stages import Role
from domain.waiting import Clock

_C: Final = CorrectiveAction
_R: Final = SupplierReview


class CorrectionRow(View):
    """A corrective action in a list."""

    number: str
    stage: CorrectiveStage
    standing: Standing
    created_at: datetime
    supplier: str
    supplier_name_en: str
    supplier_name_zh: str
    wait_clock: Clock | None
    wait_owner: Role | None
    wait_due: datetime | None
    overdue: bool


class ReviewView(View):
    """A supplier's review. A figure without cases has no value, and a score of nothing is none."""

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


async def list_corrections(
    session: AsyncSession, *, open_only: bool, now: datetime, limit: int = 50, cursor: str | None = None
) -> Page[CorrectionRow]:
    """Newest first. Raises Refusal `invalid_cursor`."""
    last = Cursor.read(cursor, "new")
    wanted: list[ColumnElement[bool]] = [_C.ended_at.is_(None)] if open_only else []
    if last:
        wanted.append(tuple_(_C.created_at, _C.number) < (last.at, last.number))
    rows = (
        await session.execute(
            select(
                _C.number,
                _C.stage,
                _C.standing,
                _C.created_at,
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
    )


async def newest_reviews(session: AsyncSession, *, after: str = "", limit: int = 50) -> list[ReviewView]:
    """The reviews of the period that was reviewed last, by supplier; those that follow supplier `after`."""
    newest = await session.get(_R, await session.scalar(select(func.max(_R.id))) or 0)
    if newest is None:
        return []
    return await _reviews(
        session, _R.first == newest.first, _R.end == newest.end, _R.supplier > after, limit=limit
    )  # fmt: skip


async def _reviews(session: AsyncSession, *wanted: Any, limit: int = 1) -> list[ReviewView]:
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
        .order_by(_R.supplier)
        .limit(limit)
    )
    return [ReviewView.model_validate(row) for row in rows]
