"""Reading the mailbox that customers write to (policy 2.1.1c).

One long activity. A mail is kept as it came, and only then read and marked; what it became is written in one
transaction with the fact that it was read. So another worker can take over at any moment, and two at once do no harm.
"""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final, TypeVar

from pydantic import ValidationError
from sqlalchemy.ext.asyncio import AsyncSession
from temporalio import activity
from temporalio.client import Client
from temporalio.service import RPCError

from activities.setbacks import Setbacks
from activities.shifts import Shift
from database import applications, mails, messages
from database.applications import Application
from database.mails import READER
from database.session import Sessions
from database.tables import Doubt, IncomingMail, MailState
from domain.messages import OrderState
from domain.numbers import is_well_formed
from domain.stages import Refusal, Role
from messaging.addresses import document_of, documents_in
from messaging.inbox import FAILURES, Inbox, mailbox
from messaging.parsing import PICTURES, Mail, parse
from runtime.pictures import Picture, clean
from runtime.settings import Settings
from runtime.temporal import start_document

HEARTBEAT: Final = 5.0
MOST_PICTURES: Final = 9
MOST_REFERENCES: Final = 50
_LATER: Final = "photo_not_now"
_T = TypeVar("_T")


class MailReading:
    def __init__(self, sessions: Sessions, client: Client, settings: Settings) -> None:
        self._sessions = sessions
        self._client = client
        self._settings = settings
        self._inbox: Inbox | None = None
        self._held_up = Setbacks[int]()

    @activity.defn
    async def read_mailbox(self) -> bool:
        """Reads for a shift, or until the worker is asked to stop. False if the settings name no mailbox."""
        if not self._settings.mailbox_host:
            activity.logger.warning("no mailbox is set: no mail is read")
            return False
        shift = Shift(self._settings.mailbox_seconds)
        try:
            while shift.lasts:
                activity.heartbeat()
                await self.read_kept()
                if not await self.look():
                    await shift.rest()
        finally:
            await self._hang_up()
        return True

    async def look(self) -> bool:
        """Keeps what is new in the mailbox; false if nothing is, or nobody answers."""
        name = mailbox(self._settings)
        try:
            if self._inbox is None:
                self._inbox = await _in_thread(Inbox, self._settings)
            return await self._fetch(self._inbox, name)
        except FAILURES as error:
            activity.logger.warning("the mailbox can't be read: %s", error)
            await self._hang_up()
            async with self._sessions.begin() as session:
                await mails.not_read(session, name, f"{type(error).__name__}: {error}")
            return False

    async def _fetch(self, inbox: Inbox, name: str) -> bool:
        await _in_thread(inbox.select)
        async with self._sessions() as session:
            known = await mails.progress(session, name)
        if known is None:
            last = await _in_thread(inbox.before_unread)
        elif known.validity != inbox.validity:
            activity.logger.warning("the mailbox was rebuilt; recent mails are looked at again")
            last = await _in_thread(inbox.before_day, mails.rescan_from(known.read_at))
        else:
            last = known.last_uid
        uids = await _in_thread(inbox.after, last)
        if not uids:
            await self._note(name, inbox.validity, last)
        for uid in uids:
            raw = await _in_thread(inbox.fetch, uid)
            if raw is not None:
                await self._keep(raw, name)
            await self._note(name, inbox.validity, uid)
            if raw is not None:
                await _in_thread(inbox.mark_read, uid)
        return bool(uids)

    async def _keep(self, raw: bytes, name: str) -> None:
        mail = await self._parsed(raw)
        async with self._sessions.begin() as session:
            await mails.keep(session, raw, message_id=mail.message_id, digest=mail.digest, mailbox=name)

    async def _parsed(self, raw: bytes) -> Mail:
        """What the mail says. One that can't be parsed at all says nothing, and an agent looks at it as it came."""
        try:
            return await _in_thread(parse, raw, {self._settings.mail_address.lower()})
        except Exception:
            activity.logger.exception("a mail of %d bytes can't be parsed", len(raw))
            return await _in_thread(parse, b"")

    async def _note(self, name: str, validity: int, uid: int) -> None:
        async with self._sessions.begin() as session:
            await mails.read_until(session, name, validity, uid, datetime.now(UTC))

    async def _hang_up(self) -> None:
        inbox, self._inbox = self._inbox, None
        if inbox is not None:
            await _in_thread(inbox.close)

    # --- reading what is kept -----------------------------------------------------------------------------

    async def read_kept(self) -> None:
        """Reads every mail that was kept and not read, by whomever."""
        async with self._sessions() as session:
            waiting = await mails.unread(session, self._held_up.left_alone())
        for number in waiting:
            activity.heartbeat()
            with self._held_up.over(number):
                try:
                    await self.read(number)
                except Refusal as refusal:
                    activity.logger.warning("mail %s is read later: %s", number, refusal)

    async def read(self, number: int) -> None:
        """What a mail becomes: an order, part of one, a robot's word, or a draft for an agent."""
        async with self._sessions() as session:
            raw = await mails.raw_mail(session, number)
        mail = await self._parsed(raw)
        pictures, left_out = await _pictures(mail)
        now = datetime.now(UTC)
        async with self._sessions.begin() as session:
            row = await mails.locked(session, number, (MailState.KEPT,))
            if row is None:
                return
            _describe(row, mail, left_out, now)
            await mails.keep_pictures(session, number, pictures)
            state = await self._decide(session, row, mail, now)
        if state is not None:
            await self._start(state, now)

    async def _decide(self, session: AsyncSession, row: IncomingMail, mail: Mail, now: datetime) -> OrderState | None:
        order = await self._proven_order(session, mail)
        if mail.robot is not None:
            row.state, row.robot, row.order = MailState.ROBOT, mail.robot, order
            for failure in mail.failures:
                await messages.bounced(session, f"<{failure.message_id}>", failure.status, now)
            return None
        named = order or await self._named_order(session, mail)
        if named and (order or await mails.is_contact(session, named, mail.sender)):
            await mails.join(session, row, named, by=READER, now=now)
            return None
        found = await mails.recognise(
            session, sender=mail.sender, sender_name=mail.sender_name, subject=mail.subject, text=mail.text, now=now
        )
        row.recognised, row.suggested = found.application, named or found.order
        doubt = Doubt.SAME_ID if row.same_id else Doubt.UNVERIFIED_NUMBER if named else found.doubt
        if doubt is None:
            try:
                application = Application.model_validate(found.application)
                async with session.begin_nested():
                    applied = await mails.make_order(
                        session,
                        row,
                        application,
                        by=READER,
                        role=Role.SYSTEM,
                        now=now,
                        policy=self._settings.policy,
                        even_if_known=True,
                    )
            except (ValidationError, Refusal) as error:
                activity.logger.warning("mail %s makes no application: %s", row.id, type(error).__name__)
                doubt = Doubt.UNREADABLE
            else:
                return applied.state
        row.state, row.doubt = MailState.DRAFT, doubt
        return None

    async def _proven_order(self, session: AsyncSession, mail: Mail) -> str | None:
        """The order whose own address was written to, or one of whose mails is answered."""
        address, key = self._settings.mail_address, self._settings.reply_key
        proven = dict.fromkeys(document_of(recipient, address, key) for recipient in mail.recipients)
        for number in filter(None, proven):
            if found := await mails.known_order(session, number):
                return found
        return await mails.order_answered(session, mail.sender, mail.references[:MOST_REFERENCES])

    async def _named_order(self, session: AsyncSession, mail: Mail) -> str | None:
        """An order whose number stands in the subject, which anybody may write."""
        for number in filter(is_well_formed, documents_in(mail.subject)):
            if found := await mails.known_order(session, number):
                return found
        return None

    async def _start(self, state: OrderState, now: datetime) -> None:
        """Starts the order's workflow; if that can't be done now, the sweep does it."""
        try:
            await start_document(self._client, self._settings.task_queue, state)
        except RPCError as error:
            activity.logger.warning("%s was not started yet: %s", state.number, error.status)
            return
        async with self._sessions.begin() as session:
            await applications.mark_started(session, state.number, now)


def _describe(row: IncomingMail, mail: Mail, left_out: list[str], now: datetime) -> None:
    row.sender, row.sender_name, row.subject, row.body = mail.sender, mail.sender_name, mail.subject, mail.text
    row.sent_at, row.left_out, row.read_at = mail.sent_at, left_out, now


async def _pictures(mail: Mail) -> tuple[list[tuple[str, bytes, Picture]], list[str]]:
    """The pictures drawn anew, and the names of all other files. Raises Refusal `photo_not_now`."""
    shown: list[tuple[str, bytes, Picture]] = []
    left_out: list[str] = []
    for one in mail.attachments if mail.robot is None else ():
        try:
            if one.kind not in PICTURES or len(shown) == MOST_PICTURES:
                raise Refusal("photo_not_a_picture", one.kind)
            shown.append((one.name, one.content, await clean(one.content)))
        except Refusal as refusal:
            if refusal.code == _LATER:
                raise
            left_out.append(one.name)
    return shown, left_out


async def _in_thread(work: Callable[..., _T], *arguments: object) -> _T:
    """Runs what blocks; a slow server is no reason to be taken for dead."""
    running = asyncio.create_task(asyncio.to_thread(work, *arguments))
    while not running.done():
        await asyncio.wait({running}, timeout=HEARTBEAT)
        activity.heartbeat()
    return running.result()
