"""Messages that did not leave: those that failed, and those that wait for too long."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, SelectBase, and_, cast, func, literal, null, or_, select, true, union_all
from sqlalchemy.ext.asyncio import AsyncSession

from database.reading.documents import View
from database.reading.orders import masked_email, masked_phone
from database.tables import Customer, Failure, Message, MessageChannel, MessageState, Outbox, ReplacementOrder
from domain.stages import Role
from domain.waiting import CARETAKERS

LATE: Final = timedelta(hours=1)
"""A message that waits for longer is somebody's task, whatever the reason: a server may be down, or nobody sends."""
_EVERYTHING: Final = frozenset({Role.SUPERVISOR, Role.ADMINISTRATOR})


@dataclass(frozen=True)
class Reader:
    """Whose tasks are looked for. Who looks after customers does so for a service centre; others for all."""

    roles: tuple[Role, ...]
    service_centre: str


class UndeliveredView(View):
    """A message that did not leave; `id` is None if nobody has taken it up yet."""

    id: int | None
    document: str
    audience: Role
    notice: str
    channel: MessageChannel | None
    recipient: str
    state: MessageState
    failure: Failure | None
    error: str | None
    attempts: int
    next_try_at: datetime | None
    created_at: datetime
    subject: str
    body: str
    customer_name: str | None
    phone: str | None

    @property
    def masked_recipient(self) -> str:
        return masked(self.channel, self.recipient)


def masked(channel: MessageChannel | None, recipient: str) -> str:
    """Enough of an address to know it again."""
    if channel is MessageChannel.MAIL:
        return masked_email(recipient) or ""
    return masked_phone(recipient) if channel is MessageChannel.SMS else recipient


async def undelivered(
    session: AsyncSession, reader: Reader, now: datetime, limit: int, number: int | None = None
) -> Sequence[UndeliveredView]:
    """This reader's tasks, the oldest first; of them only message `number` if that is given."""
    tasks = _tasks(reader, now, number).subquery()
    rows = await session.execute(
        select(tasks, Customer.name.label("customer_name"), Customer.phone)
        .outerjoin(ReplacementOrder, ReplacementOrder.number == tasks.c.document)
        .outerjoin(Customer, Customer.id == ReplacementOrder.customer)
        .order_by(tasks.c.created_at)
        .limit(limit)
    )
    return [UndeliveredView.model_validate(row) for row in rows]


async def count(session: AsyncSession, reader: Reader, now: datetime) -> int:
    """How many tasks this reader has."""
    return await session.scalar(select(func.count()).select_from(_tasks(reader, now).subquery())) or 0


def _tasks(reader: Reader, now: datetime, number: int | None = None) -> SelectBase:
    failed = (
        select(
            Message.id,
            Message.document,
            Message.audience,
            Outbox.template.label("notice"),
            Message.channel,
            Message.recipient,
            Message.state,
            Message.failure,
            Message.error,
            Message.attempts,
            Message.next_try_at,
            Message.created_at,
            Message.subject,
            Message.body,
        )
        .join(Outbox, Outbox.id == Message.outbox)
        .where(
            Message.state.in_((MessageState.WAITING, MessageState.FAILED)),
            or_(Message.state == MessageState.FAILED, Message.created_at < now - LATE),
            _for(reader, Message.audience, Message.document),
        )
    )
    if number is not None:
        return failed.where(Message.id == number)
    column, nothing = Message, literal("")
    unaddressed = select(
        cast(null(), column.id.type),
        Outbox.document,
        Outbox.audience,
        Outbox.template,
        cast(null(), column.channel.type),
        nothing,
        literal(MessageState.WAITING, column.state.type),
        cast(null(), column.failure.type),
        cast(null(), column.error.type),
        literal(0),
        cast(null(), column.next_try_at.type),
        Outbox.created_at,
        nothing,
        nothing,
    ).where(
        Outbox.addressed_at.is_(None), Outbox.created_at < now - LATE, _for(reader, Outbox.audience, Outbox.document)
    )
    return union_all(failed, unaddressed)


def _for(reader: Reader, audience: Any, document: Any) -> ColumnElement[bool]:
    """Whose task it is: who looks after the audience, and in any case whoever supervises."""
    if not _EVERYTHING.isdisjoint(reader.roles):
        return true()
    looked_after = [outside for outside, caretaker in CARETAKERS.items() if caretaker in reader.roles]
    here = select(ReplacementOrder.number).where(
        ReplacementOrder.number == document, ReplacementOrder.service_centre == reader.service_centre
    )
    return and_(audience.in_(looked_after), or_(audience != Role.CUSTOMER, here.exists()))
