"""Mails on pages: drafts that an agent decides about, and what came to orders (policy 2.1.1c)."""

import re
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy import select
from temporalio.testing import ActivityEnvironment

from activities.mailbox import MailReading
from database import mails
from database.session import Sessions
from database.tables import IncomingMail, MailState, Photo, ReplacementOrder
from messaging.addresses import reply_address
from messaging.parsing import parse
from runtime.settings import Settings
from tests.messaging.mails import SERVICE, mail, picture
from tests.pages.conftest import Browser
from tests.pages.engine import Engine

KEY = "a key for tests"
UNSURE = "油烟机坏了 <script>alert(1)</script>"
Receive = Callable[..., Awaitable[IncomingMail]]


@pytest.fixture
def receive(sessions: Sessions, engine: Engine) -> Receive:
    """Takes in a mail; returns what it is then."""
    settings = Settings(mail_address=SERVICE, mail_key=SecretStr(KEY))
    client: Any = engine
    reading = MailReading(sessions, client, settings)
    number = 0

    async def received(*arguments: Any, **options: Any) -> IncomingMail:
        nonlocal number
        number += 1
        options.setdefault("message_id", f"<{id(reading)}.{number}@mail.example>")
        raw = mail(*arguments, **options)
        read = parse(raw)
        async with sessions.begin() as session:
            kept = await mails.keep(session, raw, message_id=read.message_id, digest=read.digest, mailbox="test")
        await ActivityEnvironment().run(reading.read_kept)
        async with sessions() as session:
            return await session.get_one(IncomingMail, kept)

    return received


async def csrf(page: str) -> str:
    found = re.search(r'name="csrf" value="([^"]+)"', page)
    assert found
    return found[1]


async def test_a_draft_is_shown_as_text_with_its_pictures(receive: Receive, browser: Browser) -> None:
    draft = await receive(UNSURE, photos=(("铭牌.png", picture()), ("x.exe", b"MZ")), charset="gbk")
    async with browser("agent") as agent:
        listed = await agent.get("/mails")
        assert f'href="/mails/{draft.id}"' in listed.text
        assert "还有" in listed.text, "until when somebody is to look at it"
        assert int((await agent.get("/mails/count")).text) >= 1
        shown = await agent.get(f"/mails/{draft.id}")
        assert shown.status_code == 200
        assert "&lt;script&gt;alert(1)" in shown.text
        assert "<script>alert" not in shown.text
        assert "x.exe" in shown.text
        assert 'value="王芳"' in shown.text
        jpeg = await agent.get(f"/mails/{draft.id}/pictures/0")
        assert (jpeg.headers["content-type"], jpeg.content[:2]) == ("image/jpeg", b"\xff\xd8")
        assert (await agent.get(f"/mails/{draft.id}/pictures/1")).status_code == 404
        raw = await agent.get(f"/mails/{draft.id}/raw")
        assert raw.headers["content-disposition"].startswith("attachment")


async def test_a_draft_becomes_an_order_once(receive: Receive, browser: Browser, sessions: Sessions) -> None:
    draft = await receive(UNSURE, photos=(("a.png", picture()),))
    async with browser("agent") as agent:
        page = await agent.get(f"/mails/{draft.id}")
        form = {"csrf": await csrf(page.text), "channel": "email", "customer.name": "王芳", "fault": UNSURE}
        form |= {"customer.phone": "15400000001", "customer.language": "zh", "model": "HG-CXW268"}
        wrong = await agent.post(f"/mails/{draft.id}/apply", data=form | {"customer.phone": "?"})
        assert wrong.status_code == 422
        done = await agent.post(f"/mails/{draft.id}/apply", data=form)
        assert done.status_code == 303
        order = done.headers["location"].partition("?")[0].rpartition("/")[2]
        again = await agent.post(f"/mails/{draft.id}/apply", data=form)
        assert again.status_code == 409
        assert "其间已有他人处理了这封邮件" in again.text
        shown = await agent.get(f"/orders/{order}")
        assert f"/v1/orders/{order}/photos/" in shown.text
    async with sessions() as session:
        row = await session.get_one(ReplacementOrder, order)
        assert (row.channel, row.entered_by) == ("email", "agent")
        assert len((await session.scalars(select(Photo.id).where(Photo.order == order))).all()) == 1


async def test_a_draft_is_put_to_an_order(receive: Receive, browser: Browser, sessions: Sessions, cases: Any) -> None:
    number = await cases.apply()
    draft = await receive("是同一件事")
    async with browser("agent") as agent:
        token = await csrf((await agent.get(f"/mails/{draft.id}")).text)
        unknown = await agent.post(f"/mails/{draft.id}/join", data={"csrf": token, "order": "RO-20200101-00011"})
        assert unknown.status_code == 422
        done = await agent.post(f"/mails/{draft.id}/join", data={"csrf": token, "order": number.lower()})
        assert done.headers["location"] == f"/orders/{number}#mails"
        assert "是同一件事" in (await agent.get(f"/orders/{number}")).text
    async with sessions() as session:
        row = await session.get_one(IncomingMail, draft.id)
        assert (row.state, row.order, row.settled_by, row.seen_by) == (MailState.JOINED, number, "agent", "agent")


async def test_a_draft_is_dismissed_with_a_reason(receive: Receive, browser: Browser, sessions: Sessions) -> None:
    draft = await receive("便宜发票")
    async with browser("agent") as agent:
        token = await csrf((await agent.get(f"/mails/{draft.id}")).text)
        assert (await agent.post(f"/mails/{draft.id}/dismiss", data={"csrf": token})).status_code == 422
        form = {"csrf": token, "dismissal": "advertising", "note": "发票"}
        assert (await agent.post(f"/mails/{draft.id}/dismiss", data=form)).status_code == 303
        assert f'href="/mails/{draft.id}"' not in (await agent.get("/mails")).text
        assert "广告" in (await agent.get(f"/mails/{draft.id}")).text


async def test_an_answer_stands_on_its_orders_page_until_it_is_read(
    receive: Receive, browser: Browser, cases: Any
) -> None:
    number = await cases.apply()
    to = reply_address(SERVICE, number, KEY.encode())
    quote = "\n\n------------------ 原始邮件 ------------------\n旧文"
    joined = await receive(f"晚上七点以后在家{quote}", to=to, photos=(("a.png", picture("green")),))
    async with browser("agent") as agent:
        assert f'href="/orders/{number}#mails"' in (await agent.get("/mails?which=unread")).text
        page = (await agent.get(f"/orders/{number}")).text
        assert "晚上七点以后在家" in page
        assert "未读" in page
        assert f"/mails/{joined.id}/pictures/0" in page
        done = await agent.post(f"/mails/{joined.id}/seen", data={"csrf": await csrf(page)})
        assert done.headers["location"] == f"/orders/{number}#mails"
        assert "未读" not in (await agent.get(f"/orders/{number}")).text


async def test_robots_have_a_pile_of_their_own(receive: Receive, browser: Browser) -> None:
    robot = await receive("Sale!", List_Id="<l.example.com>")
    async with browser("agent") as agent:
        assert f'href="/mails/{robot.id}"' in (await agent.get("/mails?which=robots")).text
        assert f'href="/mails/{robot.id}"' not in (await agent.get("/mails")).text


@pytest.mark.parametrize(("user", "status"), [("agent", 200), ("supervisor", 200), ("keeper", 403), (None, 303)])
async def test_who_may_read_mails(browser: Browser, user: str | None, status: int) -> None:
    async with browser(user) as somebody:
        assert (await somebody.get("/mails")).status_code == status
        if user == "keeper":
            assert '"/mails"' not in (await somebody.get("/orders")).text


async def test_supervisors_look_and_do_not_decide(receive: Receive, browser: Browser) -> None:
    draft = await receive("?")
    async with browser("supervisor") as somebody:
        page = await somebody.get(f"/mails/{draft.id}")
        assert "/dismiss" not in page.text
        form = {"csrf": await csrf(page.text), "dismissal": "other"}
        assert (await somebody.post(f"/mails/{draft.id}/dismiss", data=form)).status_code == 403
