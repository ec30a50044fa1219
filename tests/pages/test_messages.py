"""Messages that did not leave are somebody's task; their words are edited, refused and previewed."""

from collections.abc import Callable, Coroutine
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import func, select, update

from database.session import Sessions
from database.tables import Failure, Message, MessageChannel, MessageState, NoticeTemplate, Outbox, UserAccount
from domain.stages import Role
from tests.pages.cases import Cases
from tests.pages.conftest import Browser

Undelivered = Callable[..., Coroutine[Any, Any, int]]
NOTICE = "/notices/customer/received"


@pytest.fixture(autouse=True)
async def english(sessions: Sessions) -> None:
    """Everybody reads English."""
    async with sessions.begin() as session:
        await session.execute(update(UserAccount).values(language="en"))


@pytest.fixture
def undelivered(sessions: Sessions) -> Undelivered:
    async def make(order: str, **values: Any) -> int:
        """The message about an order's receipt, failed; its number."""
        async with sessions.begin() as session:
            row = (
                await session.scalars(select(Outbox).where(Outbox.document == order, Outbox.template == "received"))
            ).one()
            row.addressed_at = row.created_at
            message = Message(
                outbox=row.id, document=order, audience=Role.CUSTOMER, channel=MessageChannel.MAIL,
                recipient="wang.fang@example.com", language="zh", message_id=f"<{order}@test>", subject="已受理",
                body="您好", created_at=row.created_at, state=MessageState.FAILED, failure=Failure.REFUSED,
                error="554 no", attempts=3,
            )  # fmt: skip
            for name, value in values.items():
                setattr(message, name, value)
            session.add(message)
            await session.flush()
            return message.id

    return make


@pytest.fixture
async def order(cases: Cases) -> str:
    return await cases.apply()


async def test_a_failed_message_is_the_agents_task(
    browser: Browser, order: str, undelivered: Undelivered, sessions: Sessions
) -> None:
    number = await undelivered(order)
    async with browser("agent") as agent:
        page = await agent.get("/messages")
        assert order in page.text
        assert "refused by the other side" in page.text
        assert "554 no" in page.text
        assert "to do" in (await agent.get("/messages/count")).text
        shown = await agent.get(f"/orders/{order}")
        assert "Customer: mail w***@example.com, failed: refused by the other side" in shown.text
        assert f"/messages/{number}/again" in shown.text
        told = await _press(agent, f"/messages/{number}/told", page.text)
        assert told.status_code == 303
        assert order not in (await agent.get("/messages")).text
        assert "told by phone, agent" in (await agent.get(f"/orders/{order}")).text
    async with sessions() as session:
        message = await session.get_one(Message, number)
    assert (message.state, message.settled_by) == (MessageState.TOLD, "agent")


async def test_sending_again_opens_the_row(
    browser: Browser, order: str, undelivered: Undelivered, sessions: Sessions
) -> None:
    number = await undelivered(order)
    async with browser("agent") as agent:
        page = (await agent.get("/messages")).text
        assert (await _press(agent, f"/messages/{number}/again", page)).headers["location"] == "/messages?done=again"
        assert "being sent again" in (await agent.get("/messages?done=again")).text
        assert (await _press(agent, f"/messages/{number}/again", page)).status_code == 404
        assert "Customer: waits to be sent" in (await agent.get(f"/orders/{order}")).text
    async with sessions() as session:
        message = await session.get_one(Message, number)
        row = await session.get_one(Outbox, message.outbox)
    assert (message.state, message.settled_by, row.addressed_at) == (MessageState.REPLACED, "agent", None)


async def test_other_peoples_tasks_are_not_ours(browser: Browser, order: str, undelivered: Undelivered) -> None:
    number = await undelivered(order)
    for user in ("buyer", "keeper"):
        async with browser(user) as other:
            page = (await other.get("/messages")).text
            assert order not in page
            assert (await _press(other, f"/messages/{number}/told", page)).status_code == 404
    async with browser("supervisor") as supervisor:
        page = (await supervisor.get("/messages")).text
        assert order in page
        assert "wang.fang@example.com" not in page


@pytest.mark.parametrize(("age", "listed"), [(timedelta(minutes=5), False), (timedelta(hours=2), True)])
async def test_what_waits_for_long_is_listed_too(
    browser: Browser, order: str, undelivered: Undelivered, age: timedelta, listed: bool
) -> None:
    now = datetime.now(UTC)
    await undelivered(
        order, state=MessageState.WAITING, failure=Failure.UNREACHABLE, created_at=now - age, next_try_at=now
    )
    async with browser("agent") as agent:
        assert (order in (await agent.get("/messages")).text) is listed


async def test_what_nobody_takes_up_is_listed_too(browser: Browser, order: str, sessions: Sessions) -> None:
    async with sessions.begin() as session:
        long_ago = datetime.now(UTC) - timedelta(hours=2)
        await session.execute(update(Outbox).where(Outbox.document == order).values(created_at=long_ago))
    async with browser("agent") as agent:
        page = (await agent.get("/messages")).text
        assert order in page
        assert "is the worker running?" in page


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"state": MessageState.SENT, "sent_at": datetime(2026, 11, 23, 8, tzinfo=UTC)}, "mail w***@example.com, sent"),
        ({"state": MessageState.SHOWN}, "in their list in the house"),
        ({"state": MessageState.WAITING, "failure": None}, "mail w***@example.com, waits to be sent"),
        ({"state": MessageState.WAITING, "failure": Failure.BUSY}, "mail w***@example.com, will be tried again"),
    ],
)
async def test_the_story_says_what_became_of_it(
    browser: Browser, order: str, undelivered: Undelivered, values: dict[str, Any], said: str
) -> None:
    await undelivered(order, **values)
    async with browser("agent") as agent:
        assert f"Customer: {said}" in (await agent.get(f"/orders/{order}")).text


async def test_a_new_version_of_the_words(browser: Browser, sessions: Sessions) -> None:
    async with browser("supervisor") as supervisor:
        assert "Application received" in (await supervisor.get("/notices")).text
        form = await _words(sessions)
        answer = await _send(supervisor, form | {"subject_zh": "收到了 {{ number }}"})
        assert answer.status_code == 303
        page = (await supervisor.get(answer.headers["location"])).text
        assert "Saved." in page
        assert "收到了 RO-20261123-00424" in page
        before = await _count(sessions)
        assert (await _send(supervisor, form | {"subject_zh": "收到了 {{ number }}"})).status_code == 303
    assert await _count(sessions) == before
    async with sessions() as session:
        newest = (await session.scalars(_versions())).first()
    assert newest is not None
    assert newest.entered_by == "supervisor"


@pytest.mark.parametrize(
    ("field", "text", "said"),
    [
        ("text_zh", "{{ colour }}", "No message knows these names: colour"),
        ("subject_en", "{% if %}", "can&#39;t be read"),
        ("subject_en", "", "A subject is one line"),
        ("sms_en", "{% if number %}x{% endif %}", "Only facts, if and for"),
        ("sms_zh", "", "Write something here."),
        ("text_en", "", "Write something here."),
    ],
)
async def test_words_that_could_not_be_sent_are_refused_and_kept_in_the_form(
    browser: Browser, sessions: Sessions, field: str, text: str, said: str
) -> None:
    before = await _count(sessions)
    async with browser("administrator") as administrator:
        answer = await _send(administrator, await _words(sessions) | {field: text})
    assert answer.status_code == 422
    assert said in answer.text
    assert text.replace("<", "&lt;") in answer.text
    assert await _count(sessions) == before


async def test_a_preview_with_a_real_order_saves_nothing(browser: Browser, sessions: Sessions, order: str) -> None:
    before = await _count(sessions)
    async with browser("supervisor") as supervisor:
        form = await _words(sessions) | {"preview": "yes", "order": order.lower()}
        page = (await _send(supervisor, form | {"text_en": "This is {{ number }}."})).text
        assert f"This is {order}." in page
        unknown = (await _send(supervisor, form | {"order": "RO-1"})).text
        assert "There is no order RO-1" in unknown
    assert await _count(sessions) == before


async def test_words_are_the_supervisors_and_administrators(browser: Browser, sessions: Sessions) -> None:
    async with browser("agent") as agent:
        assert (await agent.get("/notices")).status_code == 403
        assert (await agent.get(NOTICE)).status_code == 403
        assert (await _send(agent, await _words(sessions), "/messages")).status_code == 403
    async with browser("supervisor") as supervisor:
        assert (await supervisor.get("/notices/customer/nothing")).status_code == 404


def _versions() -> Any:
    wanted = select(NoticeTemplate).where(NoticeTemplate.notice == "received", NoticeTemplate.audience == Role.CUSTOMER)
    return wanted.order_by(NoticeTemplate.version.desc())


async def _words(sessions: Sessions) -> dict[str, str]:
    async with sessions() as session:
        row = (await session.scalars(_versions())).first()
    assert row is not None
    names = [f"{kind}_{language}" for kind in ("subject", "text", "sms", "sms_id") for language in ("zh", "en")]
    return {name: getattr(row, name) for name in names}


async def _count(sessions: Sessions) -> int:
    async with sessions() as session:
        return await session.scalar(select(func.count()).select_from(NoticeTemplate)) or 0


async def _send(client: httpx.AsyncClient, form: dict[str, str], where: str = NOTICE) -> httpx.Response:
    return await _press(client, NOTICE, (await client.get(where)).text, form)


async def _press(client: httpx.AsyncClient, url: str, page: str, form: dict[str, str] | None = None) -> httpx.Response:
    csrf = page.split('name="csrf" value="')[1].partition('"')[0]
    return await client.post(url, data={"csrf": csrf, **(form or {})})
