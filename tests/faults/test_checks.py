"""The checks at the end of a run find what they are there to find."""

from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from database.applications import Application, apply
from database.session import Sessions
from database.tables import EventLog, Message, MessageChannel, MessageState, Outbox, ReplacementOrder, Stock
from domain.documents import KINDS
from domain.stages import Action, Role
from faults import checks
from faults.people import Answered
from faults.posted import messages
from faults.tally import Difference, tally
from messaging.server.post import Post

Check = Callable[[AsyncSession], AsyncIterator[Difference]]
PART = {"place": "HZ1/qualified", "part": "CXW-LAMP"}


@pytest.fixture
async def session(sessions: Sessions) -> AsyncIterator[AsyncSession]:
    """A database with one order in it that was just applied for."""
    said = Application.model_validate(
        {"customer": {"name": "客户", "phone": "15400000099"}, "product": "电器", "fault": "不转"}
    )
    async with sessions() as opened:
        await apply(
            opened, said, by="agent", role=Role.SERVICE_AGENT, key="checks", now=datetime.now(UTC), policy="standard"
        )
        await opened.flush()
        yield opened


async def found(check: Check, session: AsyncSession) -> list[str]:
    return [each.what async for each in check(session)]


@pytest.mark.parametrize(
    "check",
    [checks.ledger, checks.reservations, checks.chains, checks.nothing_owing, checks.clocks, checks.waits],
    ids=lambda check: check.__name__,
)
async def test_nothing_is_wrong_at_first(check: Check, session: AsyncSession) -> None:
    assert await found(check, session) == []


async def test_a_balance_without_movement(session: AsyncSession) -> None:
    await session.execute(update(Stock).filter_by(**PART).values(on_hand=Stock.on_hand + 1))
    assert len(await found(checks.ledger, session)) == 2


async def test_a_reservation_nobody_holds(session: AsyncSession) -> None:
    await session.execute(update(Stock).filter_by(**PART).values(reserved=1))
    assert await found(checks.reservations, session) == [
        "stock: 1 of CXW-LAMP reserved in HZ1/qualified, 0 by reservations"
    ]


async def test_a_head_that_is_not_the_last_row(session: AsyncSession) -> None:
    await session.execute(update(ReplacementOrder).values(log_head=b"another"))
    assert len(await found(checks.chains, session)) == 1


@pytest.mark.parametrize(
    ("seconds", "kinds"), [(-1, ["doubled"]), (0, []), (20, []), (200, ["stuck"])], ids=lambda value: str(value)
)
async def test_an_alarm_that_rang_before_its_instant_or_long_after(
    session: AsyncSession, seconds: int, kinds: list[str]
) -> None:
    applied = (await session.execute(select(EventLog.__table__))).mappings().one()
    alarm = next(alarm for alarm in applied["state"]["wait"]["alarms"] if alarm["action"] == Action.REMIND)
    rang_at = datetime.fromisoformat(alarm["at"]) + timedelta(seconds=seconds)
    rang = {"seq": applied["seq"] + 1, "action": Action.REMIND, "at": rang_at, "submission": None}
    await session.execute(insert(EventLog).values(**(dict(applied) | rang)))
    await session.execute(update(ReplacementOrder).values(started_at=datetime.now(UTC)))
    assert [each.kind async for each in checks.clocks(session)] == kinds


async def test_an_open_order_that_waits_for_nobody(session: AsyncSession) -> None:
    await session.execute(update(ReplacementOrder).values(state=ReplacementOrder.state.op("||")({"wait": None})))
    [what] = await found(checks.waits, session)
    assert what.endswith("at triage waits for nobody")


async def test_a_decision_that_was_answered_and_is_not_there(session: AsyncSession) -> None:
    answered = [Answered("RO-20261124-00015", 7, "quote")]
    assert [each.kind async for each in checks.answers(session, answered)] == ["lost"]


async def test_an_order_leaves_traces(session: AsyncSession) -> None:
    row = (await session.scalars(EventLog.__table__.select().with_only_columns(EventLog.document))).one()
    counted = await tally(session, row, None)
    assert counted == {"order triage None in round 0": 1, "message received to customer": 1}


async def test_what_nobody_did_is_named_unless_there_is_a_reason(session: AsyncSession, sessions: Sessions) -> None:
    known = {(kind.prefix, action) for kind in KINDS for action in kind.life.rules}
    assert checks.UNPLAYED.keys() < known
    row = (await session.scalars(select(EventLog))).one()
    same = {column.key: getattr(row, column.key) for column in EventLog.__table__.columns}
    session.add(EventLog(**same | {"seq": 1, "action": Action.TAKE}))
    await session.commit()
    missing = set(await checks.unplayed(sessions))
    expected = known - checks.UNPLAYED.keys() - {("RO", Action.TAKE)}
    assert missing == {f"{prefix} {action}" for prefix, action in expected}


async def test_messages_that_did_not_come_or_came_from_nobody_or_twice(
    session: AsyncSession, sessions: Sessions, tmp_path: Path
) -> None:
    outbox = (await session.scalars(select(Outbox))).one()
    for number, state in enumerate((MessageState.SENT, MessageState.WAITING), 1):
        session.add(
            Message(
                outbox=outbox.id, document=outbox.document, audience=outbox.audience, channel=MessageChannel.MAIL,
                recipient="customer@example.com", language="zh", message_id=f"<{number}@huanjian>", subject="", body="",
                state=state, created_at=outbox.created_at,
            )
        )  # fmt: skip
    outbox.addressed_at = outbox.created_at
    await session.commit()
    Post(tmp_path).keep(["somebody@example.com"], b"Message-ID: <unknown@huanjian>\r\n\r\n")
    assert [each.what async for each in messages(sessions, tmp_path, within=0)] == [
        "messages: 1 have not left",
        "messages: <1@huanjian> counts as sent and never came",
        "messages: <unknown@huanjian> came, and nobody sent it",
        "messages: received of " + outbox.document + " was written twice to one mail",
    ]
