"""While a part is being counted, who counts is not told what the books say of it there (policy 4.2.2)."""

from collections.abc import Collection
from typing import Any

from sqlalchemy import ColumnElement, exists, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from database.tables import CountLine, Place, WarehouseTask
from domain.counting import CountState

_OPEN = (
    CountLine.state.in_((CountState.OPEN, CountState.RECOUNT)),
    WarehouseTask.number == CountLine.task,
    WarehouseTask.ended_at.is_(None),
)


def being_counted(part: Any, *places: Any) -> ColumnElement[bool]:
    """Whether a part is being counted in one of these places; for the rows of a question."""
    return exists().where(CountLine.part == part, or_(*(CountLine.place == place for place in places)), *_OPEN)


def told(blind: bool, part: Any, *places: Any) -> tuple[ColumnElement[bool], ...]:
    """What rows a reader may see: all, or those of nothing that is being counted if they count and so are `blind`."""
    return (~being_counted(part, *places),) if blind else ()


async def counted_places(session: AsyncSession, parts: Collection[str]) -> frozenset[tuple[str, str]]:
    """Where which of these parts are being counted."""
    rows = await session.execute(select(CountLine.place, CountLine.part).where(CountLine.part.in_(list(parts)), *_OPEN))
    return frozenset((place, part) for place, part in rows)


async def counted_in(session: AsyncSession, warehouse: str, parts: Collection[str]) -> frozenset[str]:
    """Which of these parts are being counted somewhere in a warehouse."""
    there = (CountLine.part.in_(list(parts)), Place.code == CountLine.place, Place.warehouse == warehouse)
    return frozenset(await session.scalars(select(CountLine.part).where(*there, *_OPEN).distinct()))


async def anything(session: AsyncSession) -> bool:
    """Whether anything is being counted, so that readers who count miss something."""
    return bool(await session.scalar(select(exists().where(*_OPEN))))
