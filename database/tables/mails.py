"""Mails that came in, what they were taken for, and how far each mailbox has been read."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Identity,
    Index,
    LargeBinary,
    String,
    Text,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from database.tables.base import Base


class MailState(StrEnum):
    """KEPT, but not read yet; ORDER: it became one; JOINED: it belongs to one; DRAFT: an agent must say what it is;
    ROBOT: no person wrote it; DISMISSED by an agent."""

    KEPT = "kept"
    ORDER = "order"
    JOINED = "joined"
    DRAFT = "draft"
    ROBOT = "robot"
    DISMISSED = "dismissed"


class Doubt(StrEnum):
    """Why a mail did not become an order by itself."""

    NO_CONTACT = "no_contact"
    NO_PRODUCT = "no_product"
    SEVERAL_PRODUCTS = "several_products"
    SEVERAL_CUSTOMERS = "several_customers"
    OTHERS_UNIT = "others_unit"
    OTHERS_PHONE = "others_phone"
    OPEN_ORDER = "open_order"
    UNVERIFIED_NUMBER = "unverified_number"
    SECOND_TODAY = "second_today"
    SAME_ID = "same_id"
    NO_TEXT = "no_text"
    UNREADABLE = "unreadable"


class Dismissal(StrEnum):
    """Why a mail is none of our business."""

    ADVERTISING = "advertising"
    NO_APPLICATION = "no_application"
    DUPLICATE = "duplicate"
    ANSWERED_OTHERWISE = "answered_otherwise"
    OTHER = "other"


class Mailbox(Base):
    """How far a folder was read: up to this UID, as long as UIDs mean what they meant (`validity`)."""

    __tablename__ = "mailbox"
    name: Mapped[str] = mapped_column(primary_key=True)
    validity: Mapped[int] = mapped_column(BigInteger)
    last_uid: Mapped[int] = mapped_column(BigInteger)
    read_at: Mapped[datetime]
    error: Mapped[str | None]


class IncomingMail(Base):
    """One mail, kept as it came before anybody reads it. `key` is the hash of its Message-ID, else of all of it;
    `digest` is of what it says, however it travelled; `left_out` names the files that are no pictures we can show."""

    __tablename__ = "incoming_mail"
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    key: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    digest: Mapped[bytes] = mapped_column(LargeBinary)
    raw: Mapped[bytes] = mapped_column(LargeBinary, deferred=True)
    same_id: Mapped[bool] = mapped_column(server_default=text("false"))
    message_id: Mapped[str | None] = mapped_column(index=True)
    mailbox: Mapped[str]
    came_at: Mapped[datetime] = mapped_column(server_default=func.now())
    state: Mapped[MailState] = mapped_column(server_default=MailState.KEPT.value)
    read_at: Mapped[datetime | None]
    sender: Mapped[str] = mapped_column(server_default="", index=True)
    sender_name: Mapped[str] = mapped_column(server_default="")
    sent_at: Mapped[datetime | None]
    subject: Mapped[str] = mapped_column(server_default="")
    body: Mapped[str] = mapped_column(Text, server_default="")
    left_out: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default=text("'{}'"))
    robot: Mapped[str | None] = mapped_column(String(32))
    doubt: Mapped[Doubt | None]
    recognised: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"))
    suggested: Mapped[str | None] = mapped_column(ForeignKey("replacement_order.number"))
    order: Mapped[str | None] = mapped_column(ForeignKey("replacement_order.number"), index=True)
    settled_by: Mapped[str | None] = mapped_column(ForeignKey("user_account.code"))
    settled_at: Mapped[datetime | None]
    dismissal: Mapped[Dismissal | None]
    note: Mapped[str] = mapped_column(Text, server_default="")
    seen_by: Mapped[str | None] = mapped_column(ForeignKey("user_account.code"))
    seen_at: Mapped[datetime | None]
    __table_args__ = (
        Index("ix_incoming_mail_kept", "id", postgresql_where=text("state = 'kept'")),
        Index("ix_incoming_mail_draft", "id", postgresql_where=text("state = 'draft'")),
        Index("ix_incoming_mail_unseen", "id", postgresql_where=text("state = 'joined' and seen_at is null")),
        CheckConstraint("(\"order\" is not null) or state not in ('order', 'joined')", name="order"),
        CheckConstraint("(state = 'dismissed') = (dismissal is not null)", name="dismissed"),
    )


class MailPicture(Base):
    """A picture that came with a mail."""

    __tablename__ = "mail_picture"
    mail: Mapped[int] = mapped_column(ForeignKey("incoming_mail.id"), primary_key=True)
    place: Mapped[int] = mapped_column(primary_key=True)
    picture: Mapped[bytes] = mapped_column(ForeignKey("picture.sha256"), index=True)
    name: Mapped[str]
