"""Many orders at once for few pieces, each over a connection of its own."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Final

import pytest
from sqlalchemy import func, select

from database import session as sessions_of
from database import stock
from database.applications import Application, apply
from database.session import Sessions
from database.tables import (
    LineState,
    MovementReason,
    OrderLine,
    Reservation,
    Stock,
)
from domain.sourcing import Where
from domain.stages import Role

ORDERS: Final = 500
PART: Final = "XQG-PUMP"


@pytest.fixture
async def sessions(database_url: str) -> AsyncIterator[Sessions]:
    engine = sessions_of.engine(database_url, connections=40)
    yield sessions_of.sessions(engine)
    await engine.dispose()


async def orders_for(sessions: Sessions, pieces: int) -> list[OrderLine]:
    """A line of so many pieces for each of the orders."""
    said = Application.model_validate(
        {"channel": "web", "customer": {"name": "客户", "phone": "15400000099"}, "product": "洗衣机", "fault": "不排水"}
    )
    async with sessions.begin() as session:
        applied = await apply(
            session, said, by="agent", role=Role.SERVICE_AGENT, key="race", now=datetime.now(UTC), policy="standard"
        )
        await session.flush()
        lines = [
            OrderLine(order=applied.state.number, round=0, part=PART, quantity=pieces, state=LineState.WANTED)
            for _ in range(ORDERS)
        ]
        session.add_all(lines)
    return lines


async def put_in_stock(sessions: Sessions, **places: int) -> None:
    """Nothing of the part is in the house but this."""
    async with sessions.begin() as session:
        there = await session.execute(
            select(Stock.place, Stock.on_hand).where(Stock.part == PART, Stock.on_hand > 0, Stock.zone != "outside")
        )
        moves = [(place, stock.LOSSES, pieces) for place, pieces in there]
        moves += [(stock.OPENING, f"{place}/qualified", pieces) for place, pieces in places.items()]
        for source, target, pieces in moves:
            await stock.move(
                session, PART, pieces, source=source, target=target, reason=MovementReason.OPENING,
                at=datetime.now(UTC), by="keeper", document="RACE", effect=f"race/{source}/{target}",
            )  # fmt: skip


async def race(sessions: Sessions, lines: list[OrderLine]) -> list[int]:
    async def reserve(line: OrderLine) -> int:
        async with sessions.begin() as session:
            return await stock.reserve(session, line, line.quantity, "HZ", tuple(Where), f"race/{line.id}")

    return await asyncio.gather(*(reserve(line) for line in lines))


async def reserved(sessions: Sessions) -> tuple[int, int, int]:
    """Pieces reserved by the reservations, by the balances, and pieces there are."""
    async with sessions() as session:
        by_lines = await session.scalar(select(func.sum(Reservation.quantity)).where(Reservation.part == PART))
        row = (
            await session.execute(
                select(func.sum(Stock.reserved), func.sum(Stock.on_hand)).where(
                    Stock.part == PART, Stock.zone != "outside"
                )
            )
        ).one()
    return by_lines or 0, row[0], row[1]


@pytest.mark.clause("3.2.1")
async def test_five_hundred_orders_for_a_hundred_pieces(sessions: Sessions) -> None:
    await put_in_stock(sessions, HZ1=60, WH1=40)
    got = await race(sessions, await orders_for(sessions, 1))
    assert (got.count(1), got.count(0)) == (100, 400)
    assert await reserved(sessions) == (100, 100, 100)


@pytest.mark.clause("3.2.1")
async def test_orders_that_want_several_get_exactly_what_there_is(sessions: Sessions) -> None:
    await put_in_stock(sessions, HZ1=55, WH1=30, CD1=15)
    got = await race(sessions, await orders_for(sessions, 3))
    assert sum(got) == 100
    assert await reserved(sessions) == (100, 100, 100)
