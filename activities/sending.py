"""Sending messages: outbox rows are addressed and written, and what is due leaves the house.

One long activity. What it knows stands in PostgreSQL, so another worker can take over at any moment. A message may
leave twice, if its sender dies before writing that it did, and both times under the same id.
"""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Final

import structlog
from jinja2 import TemplateError
from sqlalchemy.ext.asyncio import AsyncSession
from temporalio import activity

from activities.alive import alive
from activities.setbacks import Setbacks
from activities.shifts import Shift
from database import messages, notices
from database.messages import Recipient
from database.reading.facts import facts
from database.session import Sessions
from database.tables import Failure, Message, MessageChannel, MessageState, NoticeTemplate, Outbox, StaffChannel
from domain.facts import Facts
from messaging import mail
from messaging.addresses import in_subject, reply_address, signature
from messaging.failures import BadAddress, Busy, NotSent, Refused, Unreachable
from messaging.mail import Letter, MailAccount
from messaging.robots import Robots
from messaging.sms import Kuaidi100Sms, SmsAccount, SmsSender
from messaging.words import Words, Written, write
from runtime.settings import Settings

BATCH: Final = 10
UNREACHABLE_FOR: Final = timedelta(seconds=30)
"""After this a server that was away is tried again; it counts against no message."""
FIRST_RETRY, LONGEST_RETRY = timedelta(minutes=1), timedelta(hours=2)
MOST_ATTEMPTS: Final = 16
"""With distances that double, about a day; then it is a person's task."""

_log = structlog.stdlib.get_logger(__name__)


class Ways:
    """The ways out of the house, opened when first needed."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._robots: Robots | None = None
        self._sms: SmsSender | None = None

    @property
    def mail(self) -> MailAccount:
        settings = self._settings
        host, port = settings.smtp
        return MailAccount(
            host=host,
            port=port,
            mailbox=settings.mail_address,
            name=settings.mail_name,
            user=settings.smtp_user or "",
            password=settings.smtp_password.get_secret_value() if settings.smtp_password else "",
            security=settings.smtp_encryption if settings.smtp_host else "none",
        )

    @property
    def robots(self) -> Robots:
        self._robots = self._robots or Robots()
        return self._robots

    @property
    def sms(self) -> SmsSender | None:
        """None if there is no contract with a provider."""
        settings = self._settings
        if self._sms is None and settings.sms_user and settings.sms_key:
            key = settings.sms_key.get_secret_value()
            self._sms = Kuaidi100Sms(SmsAccount(settings.sms_url, settings.sms_user, key, settings.sms_seller))
        return self._sms

    async def aclose(self) -> None:
        for way in (self._robots, self._sms):
            if way is not None:
                await way.aclose()


class Sending:
    def __init__(self, sessions: Sessions, settings: Settings) -> None:
        self._sessions = sessions
        self._settings = settings

    @activity.defn
    @alive
    async def send_messages(self) -> None:
        """Sends for a shift, or until the worker is asked to stop."""
        shift, ways = Shift(self._settings.watch_seconds), Ways(self._settings)
        sender = Sender(self._sessions, self._settings, ways)
        try:
            while shift.lasts:
                addressed = await sender.address()
                if not await sender.send() and not addressed:
                    await shift.rest()
        finally:
            await ways.aclose()


class Sender:
    """Somebody at work on the outbox. Any number may be."""

    def __init__(self, sessions: Sessions, settings: Settings, ways: Ways) -> None:
        self._sessions = sessions
        self._settings = settings
        self._ways = ways
        self._held_up = Setbacks[int]()

    async def address(self) -> bool:
        """Makes messages of the oldest outbox rows that have none; false if there is no such row."""
        for done in range(BATCH):
            async with self._sessions() as session:
                row = await messages.claim_unaddressed(session, self._held_up.left_alone())
                if row is None:
                    return done > 0
                with self._held_up.over(row.id):
                    await self._address(session, row)
                    await session.commit()
        return True

    async def _address(self, session: AsyncSession, row: Outbox) -> None:
        now = datetime.now(UTC)
        addressed = await messages.addressed(session, row)
        found, number = addressed.recipients, count(addressed.number)
        if not found and not addressed.reached:
            found = [Recipient(MessageChannel.NONE, "")]
        if found:
            template = await notices.newest_of(session, row.template, row.audience)
            for supplier in dict.fromkeys(recipient.supplier for recipient in found):
                known = await facts(session, row.document, row.seq, self._settings.api_url, supplier)
                if known is None:
                    raise LookupError(row.document)
                for recipient in found:
                    if recipient.supplier == supplier:
                        session.add(self._write(row, next(number), recipient, template, known, now))
        row.addressed_at = now

    def _write(
        self,
        row: Outbox,
        number: int,
        recipient: Recipient,
        template: NoticeTemplate | None,
        known: Facts,
        now: datetime,
    ) -> Message:
        """One message, in words. What can't be written is a message too, and fails at once."""
        message = Message(
            outbox=row.id,
            document=row.document,
            audience=row.audience,
            channel=recipient.channel,
            staff_channel=recipient.staff_channel,
            recipient=recipient.address,
            language=recipient.language,
            message_id=self._message_id(row, number),
            subject="",
            body="",
            created_at=now,
            state=MessageState.WAITING,
            next_try_at=now,
        )
        written = self._in_words(recipient, template, known, message)
        if written is not None:
            message.subject, message.body = written.subject, written.body
            if written.sms is not None:
                message.sms = {"id": written.sms.wording, "values": written.sms.values, "text": written.sms.text}
        if recipient.channel is MessageChannel.IN_HOUSE:
            message.state, message.next_try_at, message.failure = MessageState.SHOWN, None, None
        elif recipient.channel is MessageChannel.NONE:
            message.failure = message.failure or Failure.NO_ADDRESS
        if message.failure is not None:
            message.state, message.next_try_at = MessageState.FAILED, None
        return message

    def _in_words(
        self, recipient: Recipient, template: NoticeTemplate | None, known: Facts, message: Message
    ) -> Written | None:
        if template is None:
            message.failure = Failure.NO_TEMPLATE
            return None
        message.template_version = template.version
        try:
            return write(words_of(template), known, recipient.language, self._settings.time_zone)
        except TemplateError as error:
            message.failure, message.error = Failure.TEMPLATE_BROKEN, str(error)
            return None

    def _message_id(self, row: Outbox, number: int) -> str:
        """The same whenever it is asked for, and nobody's guess: who answers it proves to have got it."""
        said, host = f"{row.document.lower()}.{row.id}.{number}", self._settings.mail_address.rpartition("@")[2]
        return f"<{said}.{signature(said, self._settings.reply_key)}@{host}>"

    async def send(self) -> bool:
        """Sends what is due, to everybody at once and to each in turn; false if nothing is."""
        async with self._sessions.begin() as session:
            due = await messages.claim_due(session, datetime.now(UTC), BATCH)
        by_recipient: dict[str, list[Message]] = {}
        for message in due:
            by_recipient.setdefault(message.recipient, []).append(message)
        await asyncio.gather(*map(self._send_in_turn, by_recipient.values()))
        return bool(due)

    async def _send_in_turn(self, due: Sequence[Message]) -> None:
        for message in due:
            await self._send(message)

    async def _send(self, message: Message) -> None:
        try:
            await self._hand_over(message)
        except NotSent as failure:
            _log.warning("message did not leave", message=message.id, why=str(failure))
            async with self._sessions.begin() as session:
                await _note(session, message, failure, datetime.now(UTC))
        else:
            async with self._sessions.begin() as session:
                await messages.sent(session, message, datetime.now(UTC))

    async def _hand_over(self, message: Message) -> None:
        """Raises NotSent."""
        match message.channel:
            case MessageChannel.MAIL:
                await mail.send(await self._letter(message), self._ways.mail)
            case MessageChannel.SMS:
                sms, sender = message.sms or {}, self._ways.sms
                if sender is None or not sms:
                    raise NotSetUp("no SMS provider, or no SMS words")
                reference = message.message_id.strip("<>").partition("@")[0]
                await sender.send(message.recipient, sms["id"], sms["values"], reference)
            case _:
                async with self._sessions() as session:
                    robot = await session.get_one(StaffChannel, message.staff_channel)
                text = f"{in_subject(message.document, message.subject)}\n{message.body}"
                await self._ways.robots.send(robot.kind, robot.address, robot.secret, text)

    async def _letter(self, message: Message) -> Letter:
        settings = self._settings
        async with self._sessions() as session:
            references = await messages.earlier_ids(session, message)
        return Letter(
            recipient=message.recipient,
            reply_to=reply_address(settings.mail_address, message.document, settings.reply_key),
            subject=in_subject(message.document, message.subject),
            body=message.body,
            message_id=message.message_id,
            references=references,
            at=message.created_at,
        )


class NotSetUp(Refused):
    """The house has no such way out."""


async def _note(session: AsyncSession, message: Message, failure: NotSent, now: datetime) -> None:
    """What a message that did not leave waits for now."""
    match failure:
        case BadAddress() if message.channel is MessageChannel.MAIL:
            await messages.bounced(session, message.message_id, str(failure), now)
        case BadAddress():
            await messages.failed(session, message, Failure.UNDELIVERABLE, str(failure))
        case NotSetUp():
            await messages.failed(session, message, Failure.NOT_SET_UP, str(failure))
        case Unreachable():
            at = now + UNREACHABLE_FOR
            await messages.later(session, message, at, Failure.UNREACHABLE, str(failure), counted=False)
        case Busy() if message.attempts + 1 < MOST_ATTEMPTS:
            at = now + max(retry_after(message.attempts), failure.retry_after or timedelta())
            await messages.later(session, message, at, Failure.BUSY, str(failure), counted=True)
            if message.staff_channel and failure.retry_after:
                await messages.hush(session, message.staff_channel, now + failure.retry_after)
        case Busy():
            await messages.failed(session, message, Failure.BUSY, str(failure))
        case _:
            await messages.failed(session, message, Failure.REFUSED, str(failure))


def retry_after(attempts: int) -> timedelta:
    """How long to wait after so many attempts before the one that just failed."""
    return min(FIRST_RETRY * (1 << attempts), LONGEST_RETRY)


def words_of(template: NoticeTemplate) -> dict[str, Words]:
    """A version's words by language."""
    return {
        "zh": Words(template.subject_zh, template.text_zh, template.sms_zh, template.sms_id_zh),
        "en": Words(template.subject_en, template.text_en, template.sms_en, template.sms_id_en),
    }
