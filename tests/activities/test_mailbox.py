"""Mails become orders, parts of orders, or drafts; once each, whatever dies meanwhile (policy 2.1.1c)."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy import select, update
from temporalio.client import Client
from temporalio.testing import ActivityEnvironment

from activities.mailbox import MailReading
from database import mails
from database.mails import READER
from database.session import Sessions
from database.tables import (
    Customer,
    Doubt,
    IncomingMail,
    MailPicture,
    MailState,
    Message,
    MessageChannel,
    MessageState,
    Outbox,
    Photo,
    ReplacementOrder,
    UndeliverableAddress,
)
from domain.messages import OrderState
from domain.stages import Role, Stage
from messaging.addresses import reply_address
from messaging.inbox import Inbox
from runtime.settings import Settings
from tests.messaging.dovecot import needs_dovecot, running_dovecot
from tests.messaging.fake_imap import PASSWORD, USER, FakeImap, fake_imap
from tests.messaging.mails import SERVICE, mail, malformed, picture, report

SERIAL = "CXW268-001001"
"""A unit of the customer's who has the mails' usual address."""
LETTER = f"您好,我家的油烟机 HG-CXW268 开机有异响,序列号 {SERIAL.lower()},请帮忙换电机。"
STRANGERS = "姓名:赵小满\n电话:139 1234 5678\n地址:杭州市西湖区示范路 9 号\n型号 HG-JSQ26 打不着火"
KEY = b"a key for tests"


class Engine:
    """Hears of the workflows that are started."""

    def __init__(self) -> None:
        self.started: list[OrderState] = []

    async def start_workflow(self, workflow: str, state: OrderState, **options: Any) -> None:
        self.started.append(state)


@dataclass
class Reader:
    """A mailbox, and who reads it."""

    imap: FakeImap
    sessions: Sessions
    engine: Engine
    reading: MailReading

    async def read(self, *raws: bytes) -> Sequence[IncomingMail]:
        """Puts mails into the mailbox, has it read to the end, and returns every mail there is."""
        for raw in raws:
            self.imap.put(raw)
        run = ActivityEnvironment().run
        while await run(self.reading.look):
            continue
        await run(self.reading.read_kept)
        return await self.mails()

    async def mails(self) -> Sequence[IncomingMail]:
        async with self.sessions() as session:
            return (await session.scalars(select(IncomingMail).order_by(IncomingMail.id))).all()

    async def orders(self) -> Sequence[ReplacementOrder]:
        async with self.sessions() as session:
            return (await session.scalars(select(ReplacementOrder).order_by(ReplacementOrder.number))).all()

    async def ask(self, question: Any) -> list[Any]:
        async with self.sessions() as session:
            return [*(await session.scalars(question)).all()]


def settings(port: int, **more: Any) -> Settings:
    return Settings(
        mailbox_host="127.0.0.1",
        mailbox_port=port,
        mailbox_user=USER,
        mailbox_password=SecretStr(PASSWORD),
        mailbox_encryption="none",
        mailbox_seconds=0.1,
        mail_address=SERVICE,
        mail_key=SecretStr(KEY.decode()),
        **more,
    )


@pytest.fixture
def imap() -> Iterator[FakeImap]:
    with fake_imap() as server:
        yield server


@pytest.fixture
async def reader(imap: FakeImap, sessions: Sessions) -> AsyncIterator[Reader]:
    engine: Any = Engine()
    opened = Reader(imap, sessions, engine, MailReading(sessions, engine, settings(imap.port)))
    yield opened
    await ActivityEnvironment().run(opened.reading._hang_up)


@pytest.mark.clause("2.1.1c")
@pytest.mark.parametrize("charset", ["utf-8", "gbk", "gb18030"])
async def test_a_known_customers_mail_becomes_an_order(reader: Reader, charset: str) -> None:
    photos = (("铭牌.png", picture()), ("b.jpg", picture("blue", "JPEG")), ("说明.doc", b"MZ"))
    [one] = await reader.read(mail(LETTER, charset=charset, photos=photos))
    [order] = await reader.orders()
    assert (one.state, one.order, one.left_out) == (MailState.ORDER, order.number, ["说明.doc"])
    assert (order.channel, order.serial, order.model, order.stage) == ("email", SERIAL, "HG-CXW268", Stage.RECEIVED)
    assert LETTER in order.fault_text
    assert order.entered_by == READER
    assert [state.number for state in reader.engine.started] == [order.number]
    assert order.started_at is not None
    [customer] = await reader.ask(select(Customer).where(Customer.id == order.customer))
    assert (customer.name, customer.phone) == ("王芳", "15400000001")
    assert len(await reader.ask(select(Photo.id).where(Photo.order == order.number))) == 2
    told = await reader.ask(select(Outbox).where(Outbox.document == order.number))
    assert [(row.template, row.audience) for row in told] == [("received", Role.CUSTOMER)]
    assert reader.imap.mails[1].seen


@pytest.mark.clause("2.1.1c")
async def test_a_strangers_mail_with_all_that_is_needed_becomes_an_order(reader: Reader) -> None:
    await reader.read(mail(STRANGERS, sender="xiaoman@example.com", name="小满", charset="gbk"))
    [order] = await reader.orders()
    [customer] = await reader.ask(select(Customer).where(Customer.id == order.customer))
    assert (customer.name, customer.phone, customer.email) == ("赵小满", "13912345678", "xiaoman@example.com")
    assert customer.address == "杭州市西湖区示范路 9 号"
    assert (order.model, order.serial) == ("HG-JSQ26", None)


@pytest.mark.parametrize(
    ("doubt", "changes"),
    [
        (Doubt.NO_TEXT, {"text": " "}),
        (Doubt.NO_PRODUCT, {"text": "油烟机坏了"}),
        (Doubt.NO_PRODUCT, {"text": "序列号 CXW268-999999"}),
        (Doubt.NO_CONTACT, {"text": "型号 HG-JSQ26", "sender": "who@example.com"}),
        (Doubt.SEVERAL_PRODUCTS, {"text": f"{SERIAL} CXW300T-001038"}),
        (Doubt.SEVERAL_PRODUCTS, {"text": "HG-JSQ26 HG-JSQ30"}),
        (Doubt.OTHERS_UNIT, {"text": "CXW300T-001038"}),
        (Doubt.OTHERS_UNIT, {"text": f"{SERIAL} 电话 13912345678", "sender": "who@example.com"}),
        (Doubt.OTHERS_PHONE, {"text": "HG-JSQ26 电话 15400000002", "sender": "who@example.com"}),
    ],
)
async def test_in_doubt_it_is_a_draft(reader: Reader, doubt: Doubt, changes: dict[str, Any]) -> None:
    [one] = await reader.read(mail(**changes))
    assert (one.state, one.doubt) == (MailState.DRAFT, doubt)
    assert await reader.orders() == []
    assert await reader.ask(select(Outbox)) == []


async def test_who_shares_an_address_is_told_apart_by_telephone(reader: Reader) -> None:
    async with reader.sessions.begin() as session:
        await session.execute(
            update(Customer).where(Customer.phone == "15400000002").values(email="WangFang@example.com")
        )
    [one] = await reader.read(mail("HG-CXW268 坏了"))
    assert one.doubt is Doubt.SEVERAL_CUSTOMERS
    await reader.read(mail("HG-CXW268 坏了,电话 154-0000-0002 / 15400000002", message_id="<2@x>"))
    [order] = await reader.orders()
    [customer] = await reader.ask(select(Customer).where(Customer.id == order.customer))
    assert customer.name == "李伟"


# --- twice, and deaths ------------------------------------------------------------------------------------


async def test_the_same_mail_twice_makes_one_order(reader: Reader) -> None:
    await reader.read(mail(LETTER))
    async with reader.sessions.begin() as session:
        await session.execute(update(IncomingMail).values(mailbox="another folder"))
    await reader.read(b"Received: by another way\r\n" + mail(LETTER), mail(LETTER, charset="gbk"))
    assert len(await reader.mails()) == len(await reader.orders()) == len(reader.engine.started) == 1


async def test_a_mail_without_an_id_is_known_by_what_it_is(reader: Reader) -> None:
    raw = mail(LETTER, message_id=None)
    await reader.read(raw, raw)
    assert len(await reader.mails()) == len(await reader.orders()) == 1


async def test_another_mail_under_the_same_id_is_not_lost(reader: Reader) -> None:
    other = mail("另一台 HG-JSQ26 也坏了")
    _, second = await reader.read(mail(LETTER), other, other)
    assert (second.state, second.doubt) == (MailState.DRAFT, Doubt.SAME_ID)
    assert len(await reader.orders()) == 1


async def test_the_same_request_in_a_new_mail_is_offered_to_be_joined(reader: Reader) -> None:
    first, second = await reader.read(mail(LETTER), mail(LETTER, message_id="<again@mail.example>"))
    assert (second.state, second.doubt, second.suggested) == (MailState.DRAFT, Doubt.OPEN_ORDER, first.order)


async def test_nobody_is_answered_by_itself_twice_a_day(reader: Reader) -> None:
    _, second = await reader.read(mail(LETTER), mail("HG-JSQ26 打不着火", message_id="<2@mail.example>"))
    assert (second.state, second.doubt) == (MailState.DRAFT, Doubt.SECOND_TODAY)


async def test_a_rebuilt_mailbox_is_looked_through_again(reader: Reader) -> None:
    await reader.read(mail(LETTER))
    reader.imap.put(mail("还有一封", message_id="<2@mail.example>"))
    reader.imap.forget_uids(first=40)
    assert [one.message_id for one in await reader.read()] == ["first@mail.example", "2@mail.example"]
    assert len(await reader.orders()) == 1
    assert len(await reader.read(mail("三", message_id="<3@mail.example>"))) == 3


async def test_what_people_had_read_before_the_first_look_is_left_alone(reader: Reader) -> None:
    reader.imap.mails[reader.imap.put(mail("old", message_id="<old@x>"))].seen = True
    assert [one.message_id for one in await reader.read(mail(LETTER))] == ["first@mail.example"]


@pytest.mark.parametrize("command", ["LOGIN", "SELECT", "SEARCH", "FETCH", "STORE"])
@pytest.mark.parametrize("manner", ["bye_at", "cut_at"])
async def test_a_server_that_goes_away_costs_nothing(reader: Reader, manner: str, command: str) -> None:
    getattr(reader.imap, manner).append(command)
    await reader.read(mail(LETTER))
    await reader.read(mail("二", message_id="<2@mail.example>"))
    assert [one.message_id for one in await reader.mails()] == ["first@mail.example", "2@mail.example"]
    assert len(await reader.orders()) == 1


async def test_a_worker_killed_between_keeping_and_reading(reader: Reader, database_url: str) -> None:
    """A process of its own, killed by itself once the mail is kept."""
    reader.imap.put(mail(LETTER))
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.activities.test_mailbox", database_url, str(reader.imap.port),
        cwd=Path(__file__).parents[2], env=os.environ,
    )  # fmt: skip
    assert await process.wait() == -signal.SIGKILL
    [kept] = await reader.mails()
    assert (kept.state, reader.imap.mails[1].seen) == (MailState.KEPT, False)
    await reader.read()
    [order] = await reader.orders()
    assert [one.order for one in await reader.mails()] == [order.number]
    assert len(reader.engine.started) == 1


async def test_two_readers_at_once_make_one_order(reader: Reader, imap: FakeImap) -> None:
    engine: Any = reader.engine
    other = Reader(imap, reader.sessions, engine, MailReading(reader.sessions, engine, settings(imap.port)))
    imap.put(mail(LETTER))
    await asyncio.gather(reader.read(), other.read())
    assert len(await reader.mails()) == len(await reader.orders()) == 1
    await ActivityEnvironment().run(other.reading._hang_up)


# --- which order ------------------------------------------------------------------------------------------


async def test_an_answer_to_the_orders_own_address_joins_it(reader: Reader) -> None:
    [first] = await reader.read(mail(LETTER))
    assert first.order is not None
    to = reply_address(SERVICE, first.order, KEY)
    answer = mail(
        "晚上七点以后在家", sender="son@example.com", to=to, message_id="<2@x>", photos=(("a.png", picture()),)
    )
    _, joined = await reader.read(answer)
    assert (joined.state, joined.order) == (MailState.JOINED, first.order)
    assert len(await reader.ask(select(MailPicture).where(MailPicture.mail == joined.id))) == 1
    told = await reader.ask(select(Outbox).where(Outbox.audience == Role.SERVICE_AGENT))
    assert [(row.document, row.template) for row in told] == [(first.order, "mail_received")]
    assert len(await reader.orders()) == 1


async def test_a_forged_address_proves_nothing(reader: Reader) -> None:
    [first] = await reader.read(mail(LETTER))
    forged = reply_address(SERVICE, str(first.order), b"another key")
    _, second = await reader.read(mail("改地址", sender="thief@example.com", to=forged, message_id="<2@x>"))
    assert (second.state, second.order) == (MailState.DRAFT, None)


async def test_an_answer_to_one_of_our_mails_joins_its_order(reader: Reader) -> None:
    [first] = await reader.read(mail(LETTER))
    await _sent(reader, str(first.order), "<ours.1@huanjian.example>")
    references = "<first@mail.example> <ours.1@huanjian.example>"
    _, joined = await reader.read(mail("好的", message_id="<2@x>", sender="son@example.com", References=references))
    assert (joined.state, joined.order) == (MailState.JOINED, first.order)


async def test_who_answers_their_own_mail_joins_its_order_and_nobody_elses(reader: Reader) -> None:
    [first] = await reader.read(mail(LETTER))
    own = mail("补充一张照片", message_id="<2@x>", In_Reply_To="<first@mail.example>")
    others = mail("是我", message_id="<3@x>", In_Reply_To="<first@mail.example>", sender="thief@example.com")
    _, second, third = await reader.read(own, others)
    assert (second.state, second.order) == (MailState.JOINED, first.order)
    assert third.state is MailState.DRAFT


async def test_a_number_in_the_subject_counts_from_the_orders_customer_only(reader: Reader) -> None:
    [first] = await reader.read(mail(LETTER))
    subject = f"Re: [{first.order}] 已收到您的换件申请"
    known = mail("好的", message_id="<2@x>", subject=subject)
    stranger = mail("好的", message_id="<3@x>", subject=subject, sender="thief@example.com")
    _, second, third = await reader.read(known, stranger)
    assert (second.state, second.order) == (MailState.JOINED, first.order)
    assert (third.state, third.doubt, third.suggested) == (MailState.DRAFT, Doubt.UNVERIFIED_NUMBER, first.order)


# --- robots -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "changes",
    [
        {"Auto_Submitted": "auto-replied"},
        {"Return_Path": "<>"},
        {"Precedence": "bulk"},
        {"List_Id": "<l.example.com>"},
        {"List_Unsubscribe": "<mailto:a@example.com>"},
        {"sender": "no-reply@example.com"},
        {"sender": "MAILER-DAEMON@example.com"},
        {"sender": SERVICE},
        {"sender": "service+ro-20261123-00427.abcdefgh@huanjian.example"},
        {"subject": "自动回复:不在办公室"},
    ],
)
async def test_robots_get_no_answer_and_no_order(reader: Reader, changes: dict[str, Any]) -> None:
    [one] = await reader.read(mail(**({"text": LETTER} | changes)))
    assert one.state is MailState.ROBOT
    assert await reader.orders() == await reader.ask(select(Outbox)) == reader.engine.started == []


async def test_an_absence_answered_to_our_mail_stands_with_its_order(reader: Reader) -> None:
    [first] = await reader.read(mail(LETTER))
    to = reply_address(SERVICE, str(first.order), KEY)
    _, absent = await reader.read(mail("我在休假", to=to, message_id="<2@x>", Auto_Submitted="auto-replied"))
    assert (absent.state, absent.order) == (MailState.ROBOT, first.order)
    assert len(await reader.ask(select(Outbox))) == 1  # the application's own


async def test_a_mail_of_ours_that_came_back_marks_the_address(reader: Reader) -> None:
    [first] = await reader.read(mail(LETTER))
    await _sent(reader, str(first.order), "<ours.1@huanjian.example>")
    await reader.read(report("wangfang@example.com", "<ours.1@huanjian.example>", action="delayed", status="4.4.1"))
    assert await reader.ask(select(UndeliverableAddress)) == []
    await reader.read(report("wangfang@example.com", "<none.of.ours@huanjian.example>"))
    assert await reader.ask(select(UndeliverableAddress)) == []
    raw = report("wangfang@example.com", "<ours.1@huanjian.example>").replace(b"Message-ID: <report", b"Message-ID: <3")
    await reader.read(raw)
    [marked] = await reader.ask(select(UndeliverableAddress))
    assert marked.address == "wangfang@example.com"
    assert len(await reader.orders()) == 1


async def _sent(reader: Reader, order: str, message_id: str) -> None:
    """A mail of ours about an order."""
    async with reader.sessions.begin() as session:
        [outbox] = (await session.scalars(select(Outbox.id).where(Outbox.document == order))).all()
        session.add(
            Message(
                outbox=outbox,
                document=order,
                audience=Role.CUSTOMER,
                channel=MessageChannel.MAIL,
                recipient="wangfang@example.com",
                language="zh",
                message_id=message_id,
                subject="",
                body="",
                state=MessageState.SENT,
                created_at=datetime.now(UTC),
            )
        )


# --- bad mails --------------------------------------------------------------------------------------------


async def test_malformed_mails_are_all_kept_and_read(reader: Reader) -> None:
    raws = [raw for _, raw in malformed(seed=11, number=225)]
    found = await reader.read(*raws)
    states = {state: sum(one.state is state for one in found) for state in MailState}
    print(f"of {len(raws)} malformed mails: {states}")  # noqa: T201
    assert len(found) == len(raws)
    assert states[MailState.KEPT] == 0
    async with reader.sessions() as session:
        kept = set((await session.scalars(select(IncomingMail.raw))).all())
    assert kept == set(raws)


async def test_a_mail_whose_reading_blows_up_holds_up_no_other(reader: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    async def blows_up(session: Any, **said: Any) -> Any:
        if "blow up" in said["subject"]:
            raise ZeroDivisionError
        return await recognise(session, **said)

    recognise = mails.recognise
    monkeypatch.setattr(mails, "recognise", blows_up)
    found = await reader.read(mail(LETTER, subject="blow up", message_id="<1@x>"), mail(LETTER, message_id="<2@x>"))
    assert [one.state for one in found] == [MailState.KEPT, MailState.ORDER]
    monkeypatch.undo()
    assert [one.state for one in await reader.read()] == [MailState.KEPT, MailState.ORDER], "left alone for a while"
    engine: Any = reader.engine
    await ActivityEnvironment().run(reader.reading._hang_up)
    reader.reading = MailReading(reader.sessions, engine, settings(reader.imap.port))
    assert MailState.KEPT not in [one.state for one in await reader.read()]


async def test_a_mail_that_cannot_be_parsed_is_an_agents(reader: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(raw: bytes, own: object = ()) -> Any:
        if raw:
            raise ZeroDivisionError
        return parse(raw)

    from activities import mailbox
    from messaging.parsing import parse

    monkeypatch.setattr(mailbox, "parse", fails)
    [one] = await reader.read(mail(LETTER))
    assert (one.state, one.doubt) == (MailState.DRAFT, Doubt.NO_TEXT)


async def test_without_a_mailbox_nothing_is_read(sessions: Sessions) -> None:
    nobody: Any = None
    assert await ActivityEnvironment().run(MailReading(sessions, nobody, Settings()).read_mailbox) is False


@needs_dovecot
@pytest.mark.clause("2.1.1c")
async def test_against_dovecot(sessions: Sessions) -> None:
    engine: Any = Engine()
    with running_dovecot() as server:
        reading = MailReading(sessions, engine, settings(server.port))
        reader = Reader(FakeImap(), sessions, engine, reading)
        server.put(mail(LETTER, charset="gb18030", photos=(("照片.png", picture()),)), mail("?", message_id="<2@x>"))
        first, second = await reader.read()
        assert (first.state, second.doubt) == (MailState.ORDER, Doubt.NO_PRODUCT)
        assert str(server.flags()).count("Seen") == 2
        server.forget_uids()
        await ActivityEnvironment().run(reading._hang_up)
        assert len(await reader.read()) == 2
        server.put(mail("3", message_id="<3@x>"))
        assert len(await reader.read()) == 3
        assert len(await reader.orders()) == 1
        await ActivityEnvironment().run(reading._hang_up)


def _die_once_kept(url: str, port: int) -> None:
    """Reads the mailbox until a mail is kept."""
    from database.session import engine, sessions

    def dies(inbox: Inbox, uid: int) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    async def read() -> None:
        nobody: Client = Engine()  # type: ignore[assignment]
        reading = MailReading(sessions(engine(url)), nobody, settings(port))
        die: Callable[[Inbox, int], None] = dies
        Inbox.mark_read = die  # type: ignore[assignment, method-assign]
        await ActivityEnvironment().run(reading.look)

    asyncio.run(read())


if __name__ == "__main__":
    _die_once_kept(sys.argv[1], int(sys.argv[2]))
