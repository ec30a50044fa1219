"""The log of every document: append-only, and sealed so that a change shows."""

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from database.log import Break, Verified, verify
from database.policies import newest
from database.session import Sessions
from domain.stages import Stage
from tests.activities.paper import PaperHouse, paper_house


@pytest.fixture
async def paper(sessions: Sessions) -> PaperHouse:
    async with sessions() as session:
        policy = await newest(session, "standard")
    return paper_house(sessions, policy)


async def verified(sessions: Sessions, document: str | None = None) -> list[Verified]:
    async with sessions() as session:
        return [chain async for chain in verify(session, document)]


async def tampered(sessions: Sessions, statement: str) -> None:
    """What only somebody with the database in their hands can do."""
    async with sessions.begin() as session:
        await session.execute(text("alter table event_log disable trigger append_only"))
        await session.execute(text(statement))
        await session.execute(text("alter table event_log enable trigger append_only"))


@pytest.mark.parametrize("table", ["event_log", "movement"])
@pytest.mark.parametrize("statement", ["update {} set \"by\" = 'somebody'", "delete from {}", "truncate {} cascade"])
async def test_what_is_written_stays_written(paper: PaperHouse, table: str, statement: str) -> None:
    await paper.order()
    with pytest.raises(DBAPIError, match="append-only"):
        async with paper.sessions.begin() as session:
            await session.execute(text(statement.format(table)))


async def test_whole_chains_verify(paper: PaperHouse) -> None:
    order = await (await paper.order()).to(Stage.REVISIT)
    await paper.stock_up(paper.part, 0)
    buying = await (await paper.order()).to(Stage.SOURCING)
    [purchase] = await buying.purchases()
    chains = {chain.document: (chain.rows, chain.broken) for chain in await verified(paper.sessions)}
    assert chains == {order.number: (10, None), buying.number: (4, None), purchase.number: (1, None)}
    assert [chain.document for chain in await verified(paper.sessions, order.number)] == [order.number]
    assert await verified(paper.sessions, "RO-20260101-00000") == []


async def test_steps_taken_while_the_chains_are_read_break_none(paper: PaperHouse) -> None:
    await paper.order()
    later = await paper.order()
    async with paper.sessions() as session:
        chains = verify(session)
        first = await anext(chains)
        await later.to(Stage.AUDIT)
        rest = [chain async for chain in chains]
    assert [(chain.document, chain.broken) for chain in rest] == [(later.number, None)], first
    assert rest[0].rows > 1


@pytest.mark.parametrize(
    "change",
    [
        "\"by\" = 'somebody'",
        "at = at - interval '1 day'",
        "details = '{}'",
        "to_stage = 'closed'",
        "state = jsonb_set(state, '{urgent}', 'true')",
        "submission = null",
    ],
)
async def test_a_changed_row_shows(paper: PaperHouse, change: str) -> None:
    order = await (await paper.order()).to(Stage.DISPATCH)
    await tampered(paper.sessions, f"update event_log set {change} where seq = 3")
    [chain] = await verified(paper.sessions)
    assert chain.broken == Break(order.number, 3, "the row does not say what was sealed")


async def test_a_row_sealed_anew_breaks_the_one_after_it(paper: PaperHouse) -> None:
    order = await (await paper.order()).to(Stage.DISPATCH)
    await tampered(paper.sessions, "update event_log set hash = sha256(hash) where seq = 1")
    assert (await verified(paper.sessions))[0].broken == Break(order.number, 1, "the row does not say what was sealed")
    await tampered(paper.sessions, "update event_log set previous_hash = sha256(previous_hash) where seq = 1")
    broken = (await verified(paper.sessions))[0].broken
    assert broken == Break(order.number, 1, "the row does not follow the one before it")


@pytest.mark.parametrize("seq", [0, 2, 3])
async def test_a_missing_row_shows_wherever_it_was(paper: PaperHouse, seq: int) -> None:
    order = await (await paper.order()).to(Stage.DISPATCH)
    await tampered(paper.sessions, f"delete from event_log where seq = {seq}")
    [chain] = await verified(paper.sessions)
    assert chain.broken == Break(order.number, seq, "the row is missing")
