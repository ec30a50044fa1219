"""Counts of stock: what is to be counted, and what the books said of the instant it was (policy 4.2.2)."""

from collections.abc import Sequence
from decimal import Decimal

from sqlalchemy import ColumnElement, Select, case, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from database.tables import CountEntry, CountLine, Movement, Part, Place, PurchaseLine, Stock, Zone
from domain.counting import Counted, CountState

NOT_COUNTED = (Zone.OUTSIDE, Zone.IN_TRANSIT, Zone.SCRAP)
"""Places where nobody can go and count, or where nothing is kept."""


async def list_lines(session: AsyncSession, task: str, warehouse: str, value_class: str) -> None:
    """Lists what a count of a class of parts has to see: every part that was ever in a place of the warehouse."""
    rows = await session.execute(_to_see(warehouse, value_class))
    session.add_all(
        CountLine(task=task, place=place, part=part, value_class=value_class, unit_value=value, state=CountState.OPEN)
        for place, part, value in rows
    )
    await session.flush()


async def seen(session: AsyncSession, warehouse: str, value_class: str) -> bool:
    """Whether a count of a class of parts has anything to see in a warehouse."""
    return (await session.execute(_to_see(warehouse, value_class).limit(1))).one_or_none() is not None


def _to_see(warehouse: str, value_class: str) -> Select[str, str, Decimal]:
    return (
        select(Stock.place, Stock.part, unit_value())
        .join(Place, Place.code == Stock.place)
        .join(Part, Part.code == Stock.part)
        .where(Place.warehouse == warehouse, Part.value_class == value_class, Stock.zone.not_in(NOT_COUNTED))
    )


async def add_line(session: AsyncSession, task: str, place: str, part: Part) -> CountLine:
    """A line for something that lies where the books know nothing of it."""
    value = (await session.execute(select(unit_value()).where(Part.code == part.code))).scalar_one()
    line = CountLine(
        task=task, place=place, part=part.code, value_class=part.value_class, unit_value=value, state=CountState.OPEN
    )
    session.add(line)
    await session.flush()
    return line


async def lines_of(session: AsyncSession, task: str, *states: CountState) -> Sequence[CountLine]:
    """The lines of a count in these states, in the order of a walk through the places."""
    wanted = states or tuple(CountState)
    return (
        await session.scalars(
            select(CountLine)
            .where(CountLine.task == task, CountLine.state.in_(wanted))
            .order_by(CountLine.place, CountLine.part)
        )
    ).all()


async def entries_of(session: AsyncSession, task: str) -> dict[int, list[CountEntry]]:
    """What was counted, by line, the first attempt first."""
    rows = await session.scalars(
        select(CountEntry)
        .join(CountLine, CountLine.id == CountEntry.line)
        .where(CountLine.task == task)
        .order_by(CountEntry.line, CountEntry.attempt)
        .execution_options(populate_existing=True)
    )
    found: dict[int, list[CountEntry]] = {}
    for row in rows:
        found.setdefault(row.line, []).append(row)
    return found


async def hold_against_the_books(session: AsyncSession, task: str) -> None:
    """Notes beside each count what the ledger said of its instant: the balance now, without what has moved since.

    One statement, so that balance and movements are of one moment. A movement that was dated before the count and is
    booked only now is in both.
    """
    into = case((Movement.target == CountLine.place, Movement.quantity), else_=-Movement.quantity)
    since = (
        select(func.coalesce(func.sum(into), 0))
        .where(
            Movement.part == CountLine.part,
            or_(Movement.source == CountLine.place, Movement.target == CountLine.place),
            Movement.at > CountEntry.at,
        )
        .scalar_subquery()
    )
    on_hand = (
        select(Stock.on_hand).where(Stock.place == CountLine.place, Stock.part == CountLine.part).scalar_subquery()
    )
    await session.execute(
        update(CountEntry)
        .where(
            CountEntry.line == CountLine.id,
            CountLine.task == task,
            CountLine.state.in_((CountState.OPEN, CountState.RECOUNT)),
            CountEntry.book.is_(None),
        )
        .values(book=func.coalesce(on_hand, 0) - since)
        .execution_options(synchronize_session=False)
    )


def counted(entries: Sequence[CountEntry]) -> list[Counted]:
    return [Counted(entry.quantity, entry.book) for entry in entries if entry.book is not None]


def unit_value() -> ColumnElement[Decimal]:
    """What the books value a piece of the selected part at: the price it was last bought for, else its list price."""
    bought = (
        select(PurchaseLine.unit_price)
        .where(PurchaseLine.part == Part.code)
        .order_by(PurchaseLine.id.desc())
        .limit(1)
        .correlate(Part)
        .scalar_subquery()
    )
    return func.coalesce(bought, Part.list_price)
