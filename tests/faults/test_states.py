"""The search through the states finds nothing where nothing is wrong, and finds what is."""

from collections.abc import Iterable, Sequence

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from activities.steps import correcting
from database import stock
from database.session import Sessions
from database.tables import Reservation
from domain.stages import Stage
from domain.waiting import Clock
from faults import house_states, world
from faults.order_situation import PART
from faults.search import Found, Move
from faults.states import explore_order, explore_paper, received

GONE_ON_FROM = 25


async def search(sessions: Sessions, pieces: int = 100) -> Found:
    await world.enter(sessions, [PART], [])
    async with sessions() as session:
        found = await explore_order(session, f"{pieces} in stock", pieces, GONE_ON_FROM)
        await session.rollback()
    return found


@pytest.mark.parametrize("pieces", [100, 0])
async def test_the_steps_as_they_are(sessions: Sessions, pieces: int) -> None:
    found = await search(sessions, pieces)
    assert len(found.edges) == GONE_ON_FROM
    assert [each.what for each in found.differences] == []


async def test_a_reservation_that_nobody_gives_back_is_found(
    sessions: Sessions, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def keep_all(session: AsyncSession, lines: Iterable[int]) -> Sequence[Reservation]:
        return []

    monkeypatch.setattr(stock, "release", keep_all)
    found = await search(sessions)
    assert any("left owing a reservation" in each.what for each in found.differences)


async def test_a_step_that_fails_is_found(sessions: Sessions, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(*given: object, **named: object) -> None:
        raise RuntimeError("no such place")

    monkeypatch.setattr(stock, "issue", fail)
    found = await search(sessions)
    assert any("hand_over at dispatch blows up: RuntimeError no such place" in each.what for each in found.differences)


@pytest.mark.parametrize("begins", house_states.BEGINNINGS, ids=lambda begins: begins.__name__)
async def test_the_house_s_own_documents_come_to_an_end(sessions: Sessions, begins: house_states.Begins) -> None:
    await world.enter(sessions, [], [])
    async with sessions() as session:
        found = await explore_paper(session, begins, GONE_ON_FROM)
        await session.rollback()
    assert [each.what for each in found.differences] == []
    assert any(situation.settled for situation in found.known)


async def test_a_standing_that_is_not_what_was_said_is_found(
    sessions: Sessions, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def keep(*given: object, **named: object) -> None:
        return None

    await world.enter(sessions, [], [])
    monkeypatch.setattr(correcting, "change_standing", keep)
    async with sessions() as session:
        found = await explore_paper(session, house_states.corrective_action, GONE_ON_FROM)
        await session.rollback()
    assert any("the supplier is qualified, should be suspended" in each.what for each in found.differences)


TOO_LATE: Sequence[Move] = (
    ("decide", "take", "0"),
    ("decide", "quote", "1"),
    ("decide", "approve", "0"),
    ("decide", "pack", "0"),
    ("decide", "cancel", "0"),
    ("booked",),
    ("scan", "in_transit"),
    ("recall",),
)
"""Cancelled while the label is being booked, and the carrier fetches the parcel before it is called off."""


ASKED_AGAIN: Sequence[Move] = (
    ("decide", "take", "0"),
    ("decide", "quote", "1"),
    ("decide", "approve", "0"),
    ("purchase", "confirm", "1", "0"),
    ("restock",),
)
"""The supplier delivers much later than the customer was told."""


@pytest.mark.parametrize(
    ("answer", "end"),
    [
        (("decide", "consent", "0"), Stage.SOURCING),
        (("decide", "decline", "0"), Stage.DECLINED),
        (("alarm", "lapse"), Stage.DECLINED),
    ],
)
async def test_the_search_knows_that_a_customer_is_asked_again(sessions: Sessions, answer: Move, end: Stage) -> None:
    await world.enter(sessions, [PART], [])
    async with sessions() as session:
        house = await received(session, pieces=0)
        for move in ASKED_AGAIN:
            await house.do(move)
        asked = await house.situation()
        assert (asked.stage, asked.order[2]) == (Stage.SOURCING, Clock.CONSENT)
        assert answer in await house.moves()
        await house.do(answer)
        assert (await house.situation()).stage is end
        assert end is Stage.SOURCING or await house.owing() == []


async def test_a_parcel_that_left_while_it_was_called_off_is_watched(sessions: Sessions) -> None:
    await world.enter(sessions, [PART], [])
    async with sessions() as session:
        house = await received(session, pieces=2)
        for move in TOO_LATE:
            await house.do(move)
        assert (await house.situation()).shipment[0] == "handed_over"
        assert await house.unwatched() == []
