"""Messages on their way: claimed by whoever sends them, and what became of each.

An outbox row becomes messages when it is addressed. Whatever goes wrong for good ends here as a message that failed
and is somebody's task, or opens the row to be addressed anew.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, cast

from sqlalchemy import ColumnElement, CursorResult, delete, func, or_, select, true, union_all, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from database.tables import (
    AwardLine,
    CorrectiveAction,
    Customer,
    Failure,
    IncomingMail,
    Invitation,
    Message,
    MessageChannel,
    MessageState,
    Outbox,
    PurchaseOrder,
    ReplacementOrder,
    RequestForQuotation,
    StaffChannel,
    Supplier,
    UndeliverableAddress,
    Warehouse,
    WarehouseTask,
)
from domain.stages import Action, Role
from domain.waiting import Clock

CLAIM: Final = timedelta(minutes=1)
"""How long a message in hand is left to whoever claimed it; longer than a way out takes that answers at all. Who takes
longer sends it twice under one id."""
BOTH: Final = ""
_OPEN: Final = (MessageState.WAITING, MessageState.FAILED)
_IN_WAREHOUSES: Final = (PurchaseOrder, WarehouseTask, RequestForQuotation)


@dataclass(frozen=True)
class Recipient:
    """Where a message may go. `language` is the reader's, empty if nobody knows it."""

    channel: MessageChannel
    address: str
    language: str = BOTH
    staff_channel: str | None = None
    supplier: str | None = None


# --- from the outbox ---------------------------------------------------------------------------------------


async def claim_unaddressed(session: AsyncSession, left_alone: Sequence[int] = ()) -> Outbox | None:
    """The oldest row nobody is addressing, locked, but for those that are to be left alone."""
    return await session.scalar(
        select(Outbox)
        .where(Outbox.addressed_at.is_(None), Outbox.id.not_in(left_alone))
        .order_by(Outbox.created_at, Outbox.id)
        .limit(1)
        .with_for_update(skip_locked=True)
    )


@dataclass(frozen=True)
class Addressed:
    """Whom an outbox row is for. `number` is the running number of its next message, which with the row's own makes an
    id that never changes; `reached`: it has a message already that nothing has replaced."""

    recipients: Sequence[Recipient]
    number: int
    reached: bool


async def addressed(session: AsyncSession, row: Outbox) -> Addressed:
    """Everybody the row is for, each on the best way that is open, if anybody knows a way.

    Those who have their message already are left out.
    """
    match row.audience:
        case Role.CUSTOMER:
            found = await _customer(session, row.document)
        case Role.SUPPLIER:
            found = await _supplier(session, row.document) or await _asked(session, row)
        case _:
            found = await _staff(session, row)
    known = (
        await session.execute(
            select(Message.channel, Message.recipient, Message.state != MessageState.REPLACED).where(
                Message.outbox == row.id
            )
        )
    ).all()
    there = {(channel, address) for channel, address, stands in known if stands}
    left = [each for each in found if (each.channel, each.address) not in there]
    return Addressed(left, len(known) + 1, bool(there))


async def _customer(session: AsyncSession, order: str) -> list[Recipient]:
    customer = (
        await session.execute(
            select(Customer.email, Customer.phone, Customer.language, UndeliverableAddress.address)
            .join(ReplacementOrder, ReplacementOrder.customer == Customer.id)
            .outerjoin(UndeliverableAddress, UndeliverableAddress.address == func.lower(Customer.email))
            .where(ReplacementOrder.number == order)
        )
    ).one()
    if customer.email and customer.address is None:
        return [Recipient(MessageChannel.MAIL, customer.email, customer.language)]
    if customer.phone:
        return [Recipient(MessageChannel.SMS, customer.phone, customer.language)]
    return []


async def _supplier(session: AsyncSession, document: str) -> list[Recipient]:
    of_purchase = select(PurchaseOrder.supplier).where(PurchaseOrder.number == document)
    of_action = select(CorrectiveAction.supplier).where(CorrectiveAction.number == document)
    email = await session.scalar(
        select(Supplier.email).where(
            or_(Supplier.code == document, Supplier.code.in_(of_purchase.union_all(of_action)))
        )
    )
    if email and await is_deliverable(session, email):
        return [Recipient(MessageChannel.MAIL, email)]
    return []


async def _asked(session: AsyncSession, row: Outbox) -> list[Recipient]:
    """Of the suppliers that were asked for a quotation, those whom this is for."""
    won = select(AwardLine.supplier).where(AwardLine.request == row.document)
    for_whom: dict[str, ColumnElement[bool]] = {
        f"{Action.REMIND}_{Clock.BIDS}": Invitation.bid_at.is_(None) & Invitation.declined_at.is_(None),
        Action.AWARD: Invitation.supplier.in_(won),
        "not_awarded": Invitation.bid_at.is_not(None) & Invitation.supplier.not_in(won),
    }
    rows = await session.execute(
        select(Supplier.code, Supplier.email)
        .join(Invitation, Invitation.supplier == Supplier.code)
        .where(Invitation.request == row.document, for_whom.get(row.template, true()))
        .order_by(Supplier.code)
    )
    return [
        Recipient(MessageChannel.MAIL, email, supplier=code)
        for code, email in rows
        if email and await is_deliverable(session, email)
    ]


async def _staff(session: AsyncSession, row: Outbox) -> list[Recipient]:
    """The channels of these roles in the document's service centre; without any, their lists in the house."""
    centre = await session.scalar(
        select(ReplacementOrder.service_centre).where(ReplacementOrder.number == row.document)
    ) or await session.scalar(
        select(Warehouse.service_centre).where(
            Warehouse.code.in_(
                union_all(*(select(kind.warehouse).where(kind.number == row.document) for kind in _IN_WAREHOUSES))
            )
        )
    )
    channels = await session.scalars(
        select(StaffChannel)
        .where(
            StaffChannel.active,
            StaffChannel.roles.contains([str(row.audience)]),
            or_(StaffChannel.service_centre.is_(None), StaffChannel.service_centre == centre),
        )
        .order_by(StaffChannel.code)
    )
    found = [
        Recipient(each.kind, each.address if each.kind is MessageChannel.MAIL else each.code, each.language, each.code)
        for each in channels
        if each.kind is not MessageChannel.MAIL or await is_deliverable(session, each.address)
    ]
    return found or [Recipient(MessageChannel.IN_HOUSE, "")]


# --- sending -----------------------------------------------------------------------------------------------


async def claim_due(session: AsyncSession, now: datetime, limit: int) -> Sequence[Message]:
    """Messages to send now, taken in hand: nobody else gets them before CLAIM is over. A robot that has spoken as
    often as it may is left alone until it may again."""
    due = (
        await session.scalars(
            select(Message)
            .where(Message.state == MessageState.WAITING, Message.next_try_at <= now)
            .order_by(Message.next_try_at, Message.id)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
    ).all()
    claimed: list[Message] = []
    for message in due:
        wait = await _robots_turn(session, message, now)
        message.next_try_at = wait or now + CLAIM
        if wait is None:
            claimed.append(message)
    return claimed


async def _robots_turn(session: AsyncSession, message: Message, now: datetime) -> datetime | None:
    """Until when this message's robot must be silent; None if it may speak now, and then it has."""
    if message.staff_channel is None or message.channel is MessageChannel.MAIL:
        return None
    robot = await session.get_one(StaffChannel, message.staff_channel, with_for_update=True)
    if robot.next_call_at > now:
        return robot.next_call_at
    robot.next_call_at = now + timedelta(minutes=1) / robot.calls_per_minute
    return None


async def hush(session: AsyncSession, staff_channel: str, until: datetime) -> None:
    """The robot said that it has spoken too often."""
    await session.execute(
        update(StaffChannel)
        .where(StaffChannel.code == staff_channel)
        .values(next_call_at=func.greatest(StaffChannel.next_call_at, until))
    )


async def earlier_ids(session: AsyncSession, message: Message) -> Sequence[str]:
    """The Message-IDs of the mails about the same document that this recipient got or wrote before, oldest first."""
    ours = select(Message.message_id, Message.created_at.label("at")).where(
        Message.document == message.document,
        Message.channel == MessageChannel.MAIL,
        Message.recipient == message.recipient,
        Message.id < message.id,
    )
    theirs = select("<" + IncomingMail.message_id + ">", IncomingMail.came_at).where(
        IncomingMail.order == message.document,
        IncomingMail.sender == message.recipient.lower(),
        IncomingMail.came_at <= message.created_at,
        IncomingMail.message_id.regexp_match("^[!-~]{1,200}$"),
    )
    before = ours.union_all(theirs).subquery()
    return (await session.scalars(select(before.c.message_id).order_by(before.c.at))).all()


async def sent(session: AsyncSession, message: Message, at: datetime) -> None:
    """The other side has taken it."""
    row = update(Outbox).where(Outbox.id == message.outbox, Outbox.sent_at.is_(None)).values(sent_at=at)
    await session.execute(
        update(Message)
        .add_cte(row.cte("told"))
        .where(Message.id == message.id, Message.state == MessageState.WAITING)
        .values(
            state=MessageState.SENT,
            attempts=Message.attempts + 1,
            sent_at=at,
            next_try_at=None,
            failure=None,
            error=None,
        )
    )


async def later(
    session: AsyncSession, message: Message, at: datetime, failure: Failure, error: str, *, counted: bool
) -> None:
    """It is to be tried again at `at`."""
    await _write(
        session,
        message,
        next_try_at=at,
        failure=failure,
        error=error,
        attempts=Message.attempts + (1 if counted else 0),
    )


async def failed(session: AsyncSession, message: Message, failure: Failure, error: str) -> None:
    """It will never leave as it is; somebody has to do something."""
    await _write(
        session,
        message,
        state=MessageState.FAILED,
        next_try_at=None,
        failure=failure,
        error=error,
        attempts=Message.attempts + 1,
    )


async def _write(session: AsyncSession, message: Message, **values: Any) -> None:
    await session.execute(
        update(Message).where(Message.id == message.id, Message.state == MessageState.WAITING).values(values)
    )


# --- addresses that can't be reached -----------------------------------------------------------------------


async def is_deliverable(session: AsyncSession, address: str) -> bool:
    return await session.get(UndeliverableAddress, address.lower()) is None


async def mark_undeliverable(session: AsyncSession, address: str, why: str, at: datetime) -> None:
    """Nothing is mailed to this address any more, until somebody tries it again."""
    await session.execute(
        insert(UndeliverableAddress)
        .values(address=address.lower(), since=at, why=why)
        .on_conflict_do_update(index_elements=["address"], set_={"why": why})
    )


async def bounced(session: AsyncSession, message_id: str, why: str, at: datetime) -> Message | None:
    """A mail came back, at once or as a delivery report later: its address is marked, and whoever it was for is told
    on another way. None if the mail is none of ours, or came back before."""
    message = await session.scalar(select(Message).where(Message.message_id == message_id).with_for_update())
    if message is None or message.state not in (MessageState.WAITING, MessageState.SENT):
        return None
    await mark_undeliverable(session, message.recipient, why, at)
    message.failure, message.error = Failure.UNDELIVERABLE, why
    await _anew(session, message)
    return message


async def _anew(session: AsyncSession, message: Message) -> None:
    """The row is addressed once more, as things stand then."""
    message.state, message.next_try_at = MessageState.REPLACED, None
    await session.execute(update(Outbox).where(Outbox.id == message.outbox).values(addressed_at=None))


# --- what people do about messages that did not leave ------------------------------------------------------


async def again(session: AsyncSession, number: int, by: str, at: datetime) -> bool:
    """Sends a message again, to the address as it is known now and in today's words. False if there is nothing to
    do any more."""
    message = await session.get(Message, number, with_for_update=True)
    if message is None or message.state not in _OPEN:
        return False
    message.settled_by, message.settled_at = by, at
    for address in await _mail_addresses(session, message):
        await session.execute(delete(UndeliverableAddress).where(UndeliverableAddress.address == address.lower()))
    await _anew(session, message)
    return True


async def told_by_phone(session: AsyncSession, number: int, by: str, at: datetime) -> bool:
    """Somebody has said it on the phone instead. False if there is nothing to do any more."""
    told = await session.execute(
        update(Message)
        .where(Message.id == number, Message.state.in_(_OPEN))
        .values(state=MessageState.TOLD, settled_by=by, settled_at=at, next_try_at=None)
    )
    return cast("CursorResult[Any]", told).rowcount == 1


async def _mail_addresses(session: AsyncSession, message: Message) -> Sequence[str]:
    """Every address the message's row was mailed to."""
    return (
        await session.scalars(
            select(Message.recipient).where(Message.outbox == message.outbox, Message.channel == MessageChannel.MAIL)
        )
    ).all()
