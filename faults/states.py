"""Every state that documents can come to, by driving the real steps on PostgreSQL from every state found before.

What people decide, what the carrier does with the parcel, what suppliers bring and which alarms ring are the moves.
States are told apart by what can matter later; rounds and numbers of what is over do not count, so the search ends.
"""

from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy.ext.asyncio import AsyncSession

from database import session as database_session
from database import stock
from database.applications import Application, apply
from database.migrate import migrate
from database.reference import seed
from database.stock import OPENING
from database.tables import MovementReason
from domain.stages import Role
from faults import house_states, world
from faults.order_moves import House
from faults.order_situation import PART
from faults.search import Found, explore
from runtime.embedded_postgres import running_postgres
from runtime.ports import free_port
from runtime.settings import Settings


async def all_states(home: Path, most: int) -> list[Found]:
    """Explores an order whose part is in stock, one whose part must be bought each time, and each kind of the house's
    own documents."""
    async with running_postgres(home, free_port(), fast=True) as postgres:
        await migrate(postgres.url())
        engine = database_session.engine(postgres.url(), 2)
        sessions = database_session.sessions(engine)
        await seed(sessions, Settings())
        await world.enter(sessions, [PART], [])
        found = []
        for name, pieces in (("in stock", 10_000), ("to be bought", 0)):
            async with sessions() as session:
                found.append(await explore_order(session, name, pieces, most))
                await session.rollback()
        for begins in house_states.BEGINNINGS:
            async with sessions() as session:
                found.append(await explore_paper(session, begins, most))
                await session.rollback()
        await engine.dispose()
    return found


async def explore_order(session: AsyncSession, name: str, pieces: int, most: int) -> Found:
    """From an order that was just received, with so many pieces of its part in stock."""
    return await explore(session, await received(session, pieces), name, most)


async def explore_paper(session: AsyncSession, begins: house_states.Begins, most: int) -> Found:
    """From one of the house's own documents that has just begun."""
    paper = await house_states.begun(session, begins, datetime.now(UTC))
    return await explore(session, paper, begins.__name__.replace("_", " "), most)


async def received(session: AsyncSession, pieces: int) -> House:
    """An order that waits to be taken, with so many pieces of its part in stock."""
    now = datetime.now(UTC)
    if pieces:
        await stock.move(
            session,
            PART,
            pieces,
            source=OPENING,
            target="HZ1/qualified",
            reason=MovementReason.OPENING,
            at=now,
            by=Role.SYSTEM,
            document="OPENING",
            effect="opening/states",
        )
    said = Application.model_validate(
        {"channel": "web", "customer": {"name": "客户", "phone": "15400000099"}, "product": "电器", "fault": "不转"}
    )
    applied = await apply(
        session, said, by="agent", role=Role.SERVICE_AGENT, key="states", now=now, policy=world.POLICY
    )
    await session.flush()
    return House(session, applied.state.number, now)
