"""From outbox rows to messages that left: against a real SMTP server, the carrier test server and real rows."""

import asyncio
import socket
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import patch

import httpx
import pytest
from pydantic import SecretStr
from sqlalchemy import func, select, update
from temporalio.testing import ActivityEnvironment

from activities import sending
from activities.sending import MOST_ATTEMPTS, Sender, Sending, Ways, retry_after
from database import messages
from database.messages import again, bounced, told_by_phone
from database.tables import (
    Customer,
    Failure,
    IncomingMail,
    Message,
    MessageChannel,
    MessageState,
    NoticeTemplate,
    Outbox,
    ReplacementOrder,
    StaffChannel,
    UndeliverableAddress,
)
from domain.stages import Role, Stage
from messaging.addresses import document_of
from messaging.failures import Busy
from messaging.robots import Robots
from messaging.sms import SmsAccount as Account
from runtime.ports import free_port
from runtime.settings import Settings
from tests.activities.paper import PaperHouse
from tests.messaging.conftest import MailServer, mail_server, sms_account
from tests.workflows.documents import Order

__all__ = ["mail_server", "sms_account"]

KEY = "a key of the house"
S, C = MessageState, MessageChannel


@dataclass
class Office:
    """A house with an order, a way out, and everything that left."""

    paper: PaperHouse
    settings: Settings
    sms: Account

    def sender(self) -> Sender:
        return Sender(self.paper.sessions, self.settings, Ways(self.settings))

    async def send(self) -> None:
        """Until there is nothing to do now."""
        sender = self.sender()
        while await sender.address() or await sender.send():
            pass
        await sender._ways.aclose()

    async def messages(self, *conditions: object, audience: Role = Role.CUSTOMER) -> Sequence[Message]:
        async with self.paper.sessions() as session:
            wanted = select(Message).where(Message.audience == audience, *conditions).order_by(Message.id)  # type: ignore[arg-type]
            return (await session.scalars(wanted)).all()

    async def set_customer(self, **values: str | None) -> None:
        async with self.paper.sessions.begin() as session:
            wanted = select(ReplacementOrder.customer).order_by(ReplacementOrder.created_at.desc()).limit(1)
            await session.execute(update(Customer).where(Customer.id == wanted.scalar_subquery()).values(values))

    async def due_now(self) -> None:
        async with self.paper.sessions.begin() as session:
            await session.execute(
                update(Message).where(Message.state == S.WAITING).values(next_try_at=datetime.now(UTC))
            )

    async def taken_sms(self) -> list[dict[str, Any]]:
        async with httpx.AsyncClient() as client:
            found: list[dict[str, Any]] = (await client.get(f"{self.sms.url}/_control/sms")).json()
            return found


@pytest.fixture
def office(paper: PaperHouse, mail_server: MailServer, sms_account: Account) -> Office:
    settings = Settings(
        mail_port=mail_server.port,
        mail_key=SecretStr(KEY),
        sms_url=sms_account.url,
        sms_user=sms_account.user,
        sms_key=SecretStr(sms_account.key),
        public_url="https://service.example.com",
    )
    return Office(paper, settings, sms_account)


@pytest.fixture
async def order(office: Office) -> Order:
    """Received; its customer has a mail address and a phone."""
    order = await office.paper.order()
    await office.set_customer(email="wang.fang@example.com", phone="13800005678", language="zh")
    return order


async def test_a_step_becomes_a_mail(office: Office, order: Order, mail_server: MailServer) -> None:
    await office.send()
    [message] = await office.messages()
    [mail] = mail_server.mails()
    assert message.state is S.SENT
    assert message.sent_at is not None
    assert mail.recipients == ("wang.fang@example.com",)
    assert mail.message["message-id"] == message.message_id
    assert mail.message["subject"] == f"[{order.number}] 已收到您的换件申请"
    assert document_of(mail.message["reply-to"], "service@huanjian.example", KEY.encode()) == order.number
    async with office.paper.sessions() as session:
        token = (await session.get_one(ReplacementOrder, order.number)).tracking_token
        row = await session.get_one(Outbox, message.outbox)
    assert f"https://service.example.com/track/{token}" in mail.text
    assert row.sent_at == message.sent_at


async def test_an_order_s_mails_are_one_thread(office: Office, order: Order, mail_server: MailServer) -> None:
    await office.send()
    await order.to(Stage.QUOTED)
    await office.send()
    await order.to(Stage.DISPATCH)
    await office.send()
    mails = [mail.message for mail in mail_server.mails() if mail.recipients == ("wang.fang@example.com",)]
    ids = [mail["message-id"] for mail in mails]
    assert len(ids) == len(set(ids)) == 3
    assert mails[0]["references"] is None
    assert mails[2]["references"].split() == ids[:2]
    assert mails[2]["in-reply-to"] == ids[1]


async def test_what_a_customer_wrote_belongs_to_the_thread(
    office: Office, order: Order, mail_server: MailServer
) -> None:
    theirs = {"key": b"1", "digest": b"1", "raw": b"", "mailbox": "", "order": order.number}
    written = (("first@mail.example", "wang.fang@example.com"), ("other@mail.example", "son@example.com"))
    async with office.paper.sessions.begin() as session:
        for message_id, sender in written:
            session.add(IncomingMail(**theirs | {"key": sender.encode()}, message_id=message_id, sender=sender))
    await office.send()
    [mail] = mail_server.mails()
    assert mail.message["in-reply-to"] == mail.message["references"] == "<first@mail.example>"


@pytest.mark.parametrize(
    ("language", "expected", "missing"),
    [("zh", ("已收到",), ("Dear",)), ("en", ("Dear",), ("您好",)), ("", ("您好", "———", "Dear"), ())],
)
async def test_the_customer_s_language(
    office: Office,
    order: Order,
    mail_server: MailServer,
    language: str,
    expected: Sequence[str],
    missing: Sequence[str],
) -> None:
    await office.set_customer(language=language)
    await office.send()
    text = mail_server.mails()[0].text
    assert [text.index(each) for each in expected] == sorted(text.index(each) for each in expected)
    assert not any(each in text for each in missing)


async def test_without_an_address_an_sms(office: Office, order: Order, mail_server: MailServer) -> None:
    await office.set_customer(email=None)
    before = len(await office.taken_sms())
    await office.send()
    [message] = await office.messages()
    assert (message.channel, message.state) == (C.SMS, S.SENT)
    [sms] = (await office.taken_sms())[before:]
    assert sms["phone"] == "13800005678"
    assert sms["outorder"] in message.message_id
    assert sms["content"]["number"] == order.number
    assert mail_server.mails() == []


async def test_dying_between_sending_and_writing_sends_the_same_id_again(
    office: Office, order: Order, mail_server: MailServer
) -> None:
    with patch.object(messages, "sent", side_effect=SystemError("killed")), pytest.raises(SystemError):
        await office.send()
    await office.send()  # still in the hands of who died
    assert len(mail_server.mails()) == 1
    await office.due_now()
    await office.send()
    first, second = mail_server.mails()
    assert first.message["message-id"] == second.message["message-id"]
    assert first.message["date"] == second.message["date"]
    [message] = await office.messages()
    assert message.state is S.SENT


async def test_dying_while_addressing_leaves_nothing(office: Office, order: Order) -> None:
    with patch.object(sending, "write", side_effect=asyncio.CancelledError), pytest.raises(asyncio.CancelledError):
        await office.send()
    assert await office.messages() == []
    await office.send()
    assert [message.state for message in await office.messages()] == [S.SENT]


async def test_what_blows_up_while_it_is_addressed_holds_up_no_other_message(office: Office, order: Order) -> None:
    async with office.paper.sessions.begin() as session:
        odd = Outbox(document="RO-NOBODY-KNOWS", seq=1, audience=Role.CUSTOMER, template="received", content={})
        odd.created_at = datetime.now(UTC) - timedelta(days=1)
        session.add(odd)
    await office.send()
    assert [message.document for message in await office.messages()] == [order.number]
    async with office.paper.sessions() as session:
        assert (await session.get_one(Outbox, odd.id)).addressed_at is None


async def test_senders_at_once_send_each_message_once(office: Office, mail_server: MailServer) -> None:
    for _ in range(12):
        await office.paper.order()
    async with office.paper.sessions.begin() as session:
        await session.execute(update(Customer).values(email="a@example.com"))
        count = await session.scalar(select(func.count()).select_from(Outbox).where(Outbox.audience == Role.CUSTOMER))
    await asyncio.gather(*(office.send() for _ in range(4)))
    ids = [mail.message["message-id"] for mail in mail_server.mails()]
    assert len(ids) == len(set(ids)) == count
    assert {message.state for message in await office.messages()} == {S.SENT}


async def test_not_now_is_later_and_later_and_then_a_task(
    office: Office, order: Order, mail_server: MailServer
) -> None:
    await office.set_customer(email="refuse-451@example.com")
    for attempt in range(MOST_ATTEMPTS):
        began = datetime.now(UTC)
        await office.send()
        [message] = await office.messages()
        assert message.attempts == attempt + 1
        assert message.failure is Failure.BUSY
        assert message.error is not None
        assert "451" in message.error
        if attempt + 1 < MOST_ATTEMPTS:
            assert message.state is S.WAITING
            assert message.next_try_at is not None
            assert message.next_try_at - began >= retry_after(attempt)
            await office.due_now()
    assert message.state is S.FAILED
    assert message.next_try_at is None


def test_the_distances_grow_to_about_a_day() -> None:
    distances = [retry_after(attempt) for attempt in range(MOST_ATTEMPTS)]
    assert distances == sorted(distances)
    assert distances[0] == timedelta(minutes=1)
    assert timedelta(hours=12) < sum(distances, timedelta()) < timedelta(hours=36)


async def test_a_server_that_is_down_counts_against_no_message(
    office: Office, order: Order, mail_server: MailServer
) -> None:
    settings = office.settings
    office.settings = settings.model_copy(update={"mail_port": free_port()})
    office.settings.__dict__.pop("smtp", None)
    for _ in range(3):
        await office.send()
        await office.due_now()
    [message] = await office.messages()
    assert (message.state, message.attempts, message.failure) == (S.WAITING, 0, Failure.UNREACHABLE)
    office.settings = settings
    await office.send()
    [message] = await office.messages()
    assert (message.state, message.attempts, message.failure) == (S.SENT, 1, None)


async def test_a_bounce_marks_the_address_and_the_customer_gets_an_sms(
    office: Office, order: Order, mail_server: MailServer
) -> None:
    await office.set_customer(email="Refuse-550@example.com")
    await office.send()
    mail, sms = await office.messages()
    assert (mail.channel, mail.state, mail.failure) == (C.MAIL, S.REPLACED, Failure.UNDELIVERABLE)
    assert (sms.channel, sms.state) == (C.SMS, S.SENT)
    async with office.paper.sessions() as session:
        marked = await session.get_one(UndeliverableAddress, "refuse-550@example.com")
    assert "550" in marked.why
    await order.to(Stage.QUOTED)
    await office.send()
    assert [message.channel for message in await office.messages()] == [C.MAIL, C.SMS, C.SMS]


async def test_without_a_phone_a_bounce_is_a_task(office: Office, order: Order) -> None:
    await office.set_customer(email="refuse-550@example.com", phone="")
    await office.send()
    mail, nobody = await office.messages()
    assert mail.state is S.REPLACED
    assert (nobody.channel, nobody.state, nobody.failure) == (C.NONE, S.FAILED, Failure.NO_ADDRESS)
    assert nobody.body, "the agent reads out what it says"


async def test_a_delivery_report_that_comes_later_does_the_same(
    office: Office, order: Order, mail_server: MailServer
) -> None:
    await office.send()
    [message] = await office.messages()
    for expected in (True, False):
        async with office.paper.sessions.begin() as session:
            found = await bounced(session, message.message_id, "5.1.1 unknown", datetime.now(UTC))
            assert (found is not None) is expected
            assert await bounced(session, "<nothing@of.ours>", "", datetime.now(UTC)) is None
    await office.send()
    mail, sms = await office.messages()
    assert (mail.state, sms.channel, sms.state) == (S.REPLACED, C.SMS, S.SENT)
    assert len(mail_server.mails()) == 1


async def test_sending_again_takes_the_address_as_it_is_now(
    office: Office, order: Order, mail_server: MailServer
) -> None:
    await office.set_customer(email="refuse-550@example.com", phone="")
    await office.send()
    failed = (await office.messages())[-1]
    await office.set_customer(email="wang.fang@example.com")
    for expected in (True, False):
        async with office.paper.sessions.begin() as session:
            assert await again(session, failed.id, "agent", datetime.now(UTC)) is expected
    await office.send()
    *_, nobody, mail = await office.messages()
    assert (nobody.state, nobody.settled_by) == (S.REPLACED, "agent")
    assert (mail.state, mail.recipient) == (S.SENT, "wang.fang@example.com")
    async with office.paper.sessions() as session:
        assert await session.get(UndeliverableAddress, "refuse-550@example.com") is None


async def test_told_by_phone_settles_it_with_who_and_when(office: Office, order: Order) -> None:
    await office.set_customer(email=None, phone="")
    await office.send()
    [failed] = await office.messages()
    at = datetime.now(UTC)
    for expected in (True, False):
        async with office.paper.sessions.begin() as session:
            assert await told_by_phone(session, failed.id, "agent", at) is expected
    [told] = await office.messages()
    assert (told.state, told.settled_by, told.settled_at) == (S.TOLD, "agent", at)


async def test_a_message_told_by_phone_meanwhile_stays_told(office: Office, order: Order) -> None:
    sender = office.sender()
    while await sender.address():
        pass
    [message] = await office.messages()
    async with office.paper.sessions.begin() as session:
        assert await told_by_phone(session, message.id, "agent", datetime.now(UTC))
    async with office.paper.sessions.begin() as session:
        await messages.sent(session, message, datetime.now(UTC))
        await messages.failed(session, message, Failure.REFUSED, "late")
    assert [each.state for each in await office.messages()] == [S.TOLD]


async def test_staff_hear_of_it_in_their_group(office: Office, order: Order, mail_server: MailServer) -> None:
    await _channels(office, mail_server, calls_per_minute=600)
    await order.to(Stage.RETURNED)
    await office.send()
    said = [each["text"] for each in mail_server.post.said if each["group"] == "hz-agents"]
    assert len(said) == 1
    assert said[0].startswith(f"[{order.number}] 审核退回，请补正")
    assert said[0].endswith(f"https://service.example.com/orders/{order.number}")
    assert {message.channel for message in await office.messages(audience=Role.SERVICE_AGENT)} == {C.WECOM}


async def test_a_robot_speaks_no_faster_than_it_may(office: Office, mail_server: MailServer) -> None:
    await _channels(office, mail_server, calls_per_minute=20)
    for _ in range(3):
        await (await office.paper.order()).to(Stage.RETURNED)
    await office.send()
    assert len(mail_server.post.said) == 1
    waiting = await office.messages(Message.state == S.WAITING, audience=Role.SERVICE_AGENT)
    assert len(waiting) == 2
    assert all(each.next_try_at and each.attempts == 0 for each in waiting)


async def test_a_robot_that_says_too_often_is_left_alone(office: Office, order: Order, mail_server: MailServer) -> None:
    await _channels(office, mail_server, calls_per_minute=600)
    await order.to(Stage.RETURNED)
    busy = Busy("send too fast", "130101", timedelta(minutes=10))
    with patch.object(Robots, "send", side_effect=busy):
        await office.send()
    async with office.paper.sessions() as session:
        robot = await session.get_one(StaffChannel, "hz-agents")
    assert robot.next_call_at > datetime.now(UTC) + timedelta(minutes=9)


async def test_without_a_channel_staff_see_it_in_the_house(office: Office, order: Order) -> None:
    async with office.paper.sessions.begin() as session:
        await session.execute(update(StaffChannel).values(active=False))
    await order.to(Stage.RETURNED)
    await office.send()
    [message] = await office.messages(audience=Role.SERVICE_AGENT)
    assert (message.channel, message.state) == (C.IN_HOUSE, S.SHOWN)


async def test_a_supplier_gets_its_purchase_order(office: Office, mail_server: MailServer) -> None:
    await office.paper.stock_up(office.paper.part, 0)
    order = await (await office.paper.order()).to(Stage.SOURCING, (office.paper.part, 2))
    [purchase] = await order.purchases()
    await office.send()
    [message] = await office.messages(audience=Role.SUPPLIER)
    assert (message.state, message.channel) == (S.SENT, C.MAIL)
    [mail] = [mail for mail in mail_server.mails() if f"[{purchase.number}]" in mail.message["subject"]]
    assert office.paper.part in mail.text
    assert "Please confirm" in mail.text


@pytest.mark.parametrize(
    ("values", "failure"),
    [({"notice": "another"}, Failure.NO_TEMPLATE), ({"text_zh": "{{ colour }}"}, Failure.TEMPLATE_BROKEN)],
)
async def test_what_cannot_be_written_is_a_task(
    office: Office, order: Order, values: dict[str, str], failure: Failure
) -> None:
    async with office.paper.sessions.begin() as session:
        await session.execute(update(NoticeTemplate).where(NoticeTemplate.notice == "received").values(values))
    await office.send()
    [message] = await office.messages()
    assert (message.state, message.failure) == (S.FAILED, failure)


async def test_without_a_provider_an_sms_is_a_task(office: Office, order: Order) -> None:
    await office.set_customer(email=None)
    office.settings = office.settings.model_copy(update={"sms_user": None})
    await office.send()
    [message] = await office.messages()
    assert (message.state, message.failure) == (S.FAILED, Failure.NOT_SET_UP)


async def test_refused_for_good_is_a_task_at_once(office: Office, order: Order) -> None:
    await office.set_customer(email=None, phone="0571-8888")
    await office.send()
    [message] = await office.messages()
    assert (message.state, message.failure, message.attempts) == (S.FAILED, Failure.UNDELIVERABLE, 1)


async def test_the_activity_sends_until_the_worker_stops(office: Office, order: Order, mail_server: MailServer) -> None:
    environment = ActivityEnvironment()
    running = asyncio.create_task(
        environment.run(
            Sending(office.paper.sessions, office.settings.model_copy(update={"watch_seconds": 0.05})).send_messages
        )
    )
    async with asyncio.timeout(20):
        while not mail_server.mails():  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    environment.worker_shutdown()
    await asyncio.wait_for(running, 5)


async def test_the_activity_beats_while_a_mail_server_says_nothing(office: Office, order: Order) -> None:
    """Else it would be taken for dead, and a second sender begun beside it."""
    beats = asyncio.Semaphore(0)
    environment = ActivityEnvironment()
    environment.info = replace(environment.info, heartbeat_timeout=timedelta(seconds=0.3))
    environment.on_heartbeat = lambda *_: beats.release()
    with socket.create_server(("127.0.0.1", 0)) as silent:
        settings = office.settings.model_copy(update={"mail_port": silent.getsockname()[1]})
        running = asyncio.create_task(environment.run(Sending(office.paper.sessions, settings).send_messages))
        async with asyncio.timeout(10):
            for _ in range(5):
                await beats.acquire()
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running


async def test_every_step_of_an_order_s_life_has_words(office: Office, mail_server: MailServer) -> None:
    order = await (await office.paper.order()).to(Stage.REVISIT)
    await office.set_customer(email="wang.fang@example.com")
    await order.not_reached()
    await order.works()
    await office.send()
    async with office.paper.sessions() as session:
        rows = await session.scalar(select(func.count()).select_from(Outbox))
        failed = (await session.scalars(select(Message).where(Message.state == S.FAILED))).all()
        addressed = await session.scalar(select(func.count(Message.outbox.distinct())))
    assert failed == []
    assert addressed == rows


async def _channels(office: Office, server: MailServer, calls_per_minute: int) -> None:
    async with office.paper.sessions.begin() as session:
        await session.execute(
            update(StaffChannel)
            .where(StaffChannel.code == "hz-agents")
            .values(address=f"{server.url}/robots/wecom/hz-agents", calls_per_minute=calls_per_minute)
        )
        await session.execute(update(StaffChannel).where(StaffChannel.code != "hz-agents").values(active=False))
