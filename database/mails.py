"""Mails that came in: kept as they are, then read; what they belong to, and what becomes of them (policy 2.1.1c)."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from hashlib import sha256
from secrets import token_urlsafe
from typing import Any, Final

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from database import photos
from database.applications import Application, Applied, apply
from database.duplicates import same_unit
from database.tables import (
    Customer,
    Dismissal,
    Doubt,
    IncomingMail,
    Mailbox,
    MailPicture,
    MailState,
    Message,
    Outbox,
    Photo,
    ProductModel,
    RegisteredUnit,
    ReplacementOrder,
    ServiceCentre,
)
from domain.letters import read_letter
from domain.stages import Refusal, Role
from runtime.pictures import Picture

READER: Final = "mailbox"
"""The user in whose name mails become orders."""
NOTICE: Final = "mail_received"
A_DAY: Final = timedelta(days=1)
LONGEST_FAULT: Final = 4000
OPEN: Final = (MailState.DRAFT, MailState.ROBOT)
"""Mails that an agent may still make something of."""


# --- keeping ----------------------------------------------------------------------------------------------


async def keep(session: AsyncSession, raw: bytes, *, message_id: str | None, digest: bytes, mailbox: str) -> int | None:
    """Keeps a mail as it came; None if it is there already, from whatever folder.

    Another mail under the same Message-ID is kept too: some programs give every mail the same.
    """
    key = sha256(message_id.encode() if message_id else raw).digest()
    values = {"raw": raw, "message_id": message_id, "digest": digest, "mailbox": mailbox}
    for same_id in (False, True):
        kept: int | None = await session.scalar(
            insert(IncomingMail)
            .values(values | {"key": sha256(key + digest).digest() if same_id else key, "same_id": same_id})
            .on_conflict_do_nothing(index_elements=["key"])
            .returning(IncomingMail.id)
        )
        if kept is not None:
            return kept
        if await session.scalar(select(IncomingMail.digest).where(IncomingMail.key == key)) == digest:
            return None
    return None


async def unread(session: AsyncSession, left_alone: Sequence[int] = ()) -> Sequence[int]:
    """Mails that were kept and not read, the oldest first, but for those that are to be left alone."""
    kept = select(IncomingMail.id).where(IncomingMail.state == MailState.KEPT, IncomingMail.id.not_in(left_alone))
    return (await session.scalars(kept.order_by(IncomingMail.id))).all()


async def raw_mail(session: AsyncSession, number: int) -> bytes:
    return (await session.scalars(select(IncomingMail.raw).where(IncomingMail.id == number))).one()


async def locked(session: AsyncSession, number: int, states: Collection[MailState]) -> IncomingMail | None:
    """The mail, for whoever decides about it now; None if somebody else has."""
    mail = await session.get(IncomingMail, number, with_for_update=True)
    return mail if mail and mail.state in states else None


async def progress(session: AsyncSession, name: str) -> Mailbox | None:
    return await session.get(Mailbox, name)


async def read_until(session: AsyncSession, name: str, validity: int, uid: int, at: datetime) -> None:
    """Notes how far the mailbox was read."""
    row = {"validity": validity, "last_uid": uid, "read_at": at, "error": None}
    await session.execute(
        insert(Mailbox).values(row | {"name": name}).on_conflict_do_update(index_elements=["name"], set_=row)
    )


async def not_read(session: AsyncSession, name: str, error: str) -> None:
    """Notes why the mailbox can't be read."""
    await session.execute(update(Mailbox).where(Mailbox.name == name).values(error=error))


# --- which order ------------------------------------------------------------------------------------------


async def order_answered(session: AsyncSession, sender: str, references: Sequence[str]) -> str | None:
    """The order of the newest mail that is answered: ours, or the sender's own that belongs to one."""
    for reference in references:
        ours = await session.scalar(select(Message.document).where(Message.message_id == f"<{reference}>"))
        theirs = await session.scalar(
            select(IncomingMail.order).where(IncomingMail.message_id == reference, IncomingMail.sender == sender)
        )
        number = ours or theirs
        if number and (found := await known_order(session, number)):
            return found
    return None


async def known_order(session: AsyncSession, number: str) -> str | None:
    """The number, if there is such an order."""
    return await session.scalar(select(ReplacementOrder.number).where(ReplacementOrder.number == number))


async def is_contact(session: AsyncSession, order: str, address: str) -> bool:
    """Whether the order's customer has this address."""
    email = await session.scalar(
        select(Customer.email).join(ReplacementOrder, ReplacementOrder.customer == Customer.id)
        .where(ReplacementOrder.number == order)
    )  # fmt: skip
    return bool(address) and (email or "").lower() == address


# --- what it says -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Recognised:
    """An application as far as the mail makes one; `doubt` is why it can't be one without an agent."""

    application: dict[str, Any]
    doubt: Doubt | None
    order: str | None = None


async def recognise(
    session: AsyncSession, *, sender: str, sender_name: str, subject: str, text: str, now: datetime
) -> Recognised:
    """Finds customer and product that the mail names, among those that we know."""
    letter = read_letter(f"{subject}\n{text}")
    units = (await session.scalars(select(RegisteredUnit).where(RegisteredUnit.serial.in_(letter.codes)))).all()
    models = (await session.scalars(select(ProductModel.code).where(ProductModel.code.in_(letter.codes)))).all()
    customers = await _customers(session, sender, letter.phones)
    customer = customers[0] if len(customers) == 1 else None
    unit = units[0] if len(units) == 1 else None
    model = unit.model if unit else models[0] if len(models) == 1 else None
    phone = letter.phones[0] if letter.phones else ""
    name = letter.name or sender_name
    if customer:
        who = {
            field: getattr(customer, field) for field in ("name", "phone", "province", "city", "district", "address")
        }
        who |= {"email": customer.email, "language": customer.language}
    else:
        who = {"name": name, "phone": phone, "email": sender or None, "address": letter.address}
        who |= {"language": letter.language}
    application: dict[str, Any] = {
        "channel": "email",
        "customer": who,
        "serial": unit.serial if unit else None,
        "model": model,
        "fault": "\n".join(filter(None, (subject, text)))[:LONGEST_FAULT],
        "service_centre": await _nearest_centre(session, str(who.get("city") or "")),
    }
    owner = unit.customer if unit else None
    open_ones = await same_unit(session, application["serial"], model, str(who["phone"])) if model else ()
    same = open_ones[0].number if open_ones else None
    doubts = {
        Doubt.NO_TEXT: not text.strip(),
        Doubt.SEVERAL_PRODUCTS: len(units) > 1 or (not units and len(models) > 1),
        Doubt.NO_PRODUCT: not model,
        Doubt.SEVERAL_CUSTOMERS: len(customers) > 1,
        Doubt.NO_CONTACT: not customer and not (name and phone),
        Doubt.OTHERS_UNIT: owner is not None and (customer is None or customer.id != owner),
        Doubt.OTHERS_PHONE: customer is None and await _is_known_phone(session, phone),
        Doubt.OPEN_ORDER: same is not None,
        Doubt.SECOND_TODAY: await _was_answered_today(session, sender, now),
    }
    return Recognised(application, next((doubt for doubt, is_so in doubts.items() if is_so), None), same)


async def _customers(session: AsyncSession, sender: str, phones: Collection[str]) -> Sequence[Customer]:
    """Who has this address, each as we have known them the longest; of several, the one whose telephone is named."""
    rows = await session.scalars(
        select(Customer).where(func.lower(Customer.email) == sender).order_by(Customer.id.desc()).limit(20)
    )
    found = [*{(customer.name, customer.phone): customer for customer in rows}.values()]
    named = [customer for customer in found if customer.phone in phones]
    return named if len(found) > 1 and len(named) == 1 else found


async def _is_known_phone(session: AsyncSession, phone: str) -> bool:
    return await session.scalar(select(Customer.id).where(Customer.phone == phone).limit(1)) is not None


async def _nearest_centre(session: AsyncSession, city: str) -> str | None:
    return await session.scalar(select(ServiceCentre.code).where(ServiceCentre.city == city).limit(1))


async def _was_answered_today(session: AsyncSession, sender: str, now: datetime) -> bool:
    """Whether a mail of theirs was acknowledged by itself within a day: two machines must not keep writing."""
    earlier = select(IncomingMail.id).where(
        IncomingMail.sender == sender,
        IncomingMail.state == MailState.ORDER,
        IncomingMail.settled_by.is_(None),
        IncomingMail.read_at > now - A_DAY,
    )
    return await session.scalar(earlier.limit(1)) is not None


# --- what becomes of it -----------------------------------------------------------------------------------


async def keep_pictures(session: AsyncSession, mail: int, pictures: Sequence[tuple[str, bytes, Picture]]) -> None:
    """Keeps the pictures that came with a mail: each its name, its file, and what it shows."""
    for place, (name, raw, picture) in enumerate(pictures):
        digest = await photos.keep_picture(session, raw, picture)
        session.add(MailPicture(mail=mail, place=place, picture=digest, name=name))
    await session.flush()


async def make_order(
    session: AsyncSession, mail: IncomingMail, application: Application, *, by: str, role: Role, now: datetime,
    policy: str, even_if_known: bool,
) -> Applied:  # fmt: skip
    """Makes an order of a mail, with its pictures. Raises Refusal and Duplicate as `database.applications.apply`."""
    pictures = await session.scalars(
        select(MailPicture.picture).where(MailPicture.mail == mail.id).order_by(MailPicture.place)
    )
    shown = [Photo(id=token_urlsafe(24), picture=picture, sent_at=now) for picture in pictures]
    session.add_all(shown)
    await session.flush()
    asked = application.model_copy(update={"photos": tuple(photo.id for photo in shown)})
    applied = await apply(
        session, asked, by=by, role=role, key=f"mail/{mail.id}", now=now, policy=policy, even_if_known=even_if_known
    )
    mail.state, mail.order = MailState.ORDER, applied.state.number
    _settle(mail, by, now)
    return applied


async def join(session: AsyncSession, mail: IncomingMail, order: str, *, by: str, now: datetime) -> None:
    """Puts a mail to an order, whose agents are told. Raises Refusal `not_found`."""
    seq = await session.scalar(select(ReplacementOrder.seq).where(ReplacementOrder.number == order))
    if seq is None:
        raise Refusal("not_found", f"there is no order {order}")
    mail.state, mail.order = MailState.JOINED, order
    _settle(mail, by, now)
    notice = {"document": order, "seq": seq, "template": NOTICE, "audience": Role.SERVICE_AGENT}
    await session.execute(
        insert(Outbox).values(notice | {"content": {"mail": mail.id}, "created_at": now}).on_conflict_do_nothing()
    )


def dismiss(mail: IncomingMail, reason: Dismissal, note: str, *, by: str, now: datetime) -> None:
    mail.state, mail.dismissal, mail.note = MailState.DISMISSED, reason, note
    _settle(mail, by, now)


async def see(session: AsyncSession, number: int, *, by: str, now: datetime) -> None:
    """Somebody has read a mail that belongs to an order."""
    await session.execute(
        update(IncomingMail)
        .where(IncomingMail.id == number, IncomingMail.seen_at.is_(None))
        .values(seen_by=by, seen_at=now)
    )


def _settle(mail: IncomingMail, by: str, now: datetime) -> None:
    """Notes who decided, unless it was the reader itself."""
    if by != READER:
        mail.settled_by, mail.settled_at = by, now


def rescan_from(read_at: datetime, days: int = 14) -> date:
    """From which day on a mailbox is read again whose UIDs mean nothing any more."""
    return (read_at - timedelta(days=days)).date()
