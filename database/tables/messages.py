"""Messages that leave the house: their words, whom they go to, and what became of each."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Identity, Index, Integer, String, Text, UniqueConstraint, func, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from database.tables.base import Base
from domain.stages import Role


class MessageChannel(StrEnum):
    """The way a message takes. IN_HOUSE: staff see it in their lists only; NONE: nobody knows a way."""

    MAIL = "mail"
    SMS = "sms"
    WECOM = "wecom"
    DINGTALK = "dingtalk"
    FEISHU = "feishu"
    IN_HOUSE = "in_house"
    NONE = "none"


class MessageState(StrEnum):
    """WAITING to be sent, now or again; SENT; SHOWN in the house; FAILED, so that somebody must do something;
    REPLACED by a message on another way; TOLD by phone."""

    WAITING = "waiting"
    SENT = "sent"
    SHOWN = "shown"
    FAILED = "failed"
    REPLACED = "replaced"
    TOLD = "told"


class Failure(StrEnum):
    """Why a message could not be sent, or not yet."""

    NO_ADDRESS = "no_address"
    NO_TEMPLATE = "no_template"
    TEMPLATE_BROKEN = "template_broken"
    NOT_SET_UP = "not_set_up"
    UNREACHABLE = "unreachable"
    BUSY = "busy"
    REFUSED = "refused"
    UNDELIVERABLE = "undeliverable"


class Message(Base):
    """One message to one recipient, as it was written. `message_id` never changes, however often it is sent; answers
    are threaded by it. The text names people and stays in this table."""

    __tablename__ = "message"
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    outbox: Mapped[int] = mapped_column(ForeignKey("outbox.id"), index=True)
    document: Mapped[str] = mapped_column(String(32), index=True)
    audience: Mapped[Role]
    channel: Mapped[MessageChannel]
    staff_channel: Mapped[str | None] = mapped_column(ForeignKey("staff_channel.code"))
    recipient: Mapped[str]
    language: Mapped[str] = mapped_column(String(8))
    message_id: Mapped[str] = mapped_column(String(200), unique=True)
    template_version: Mapped[int | None] = mapped_column(Integer)
    subject: Mapped[str]
    body: Mapped[str] = mapped_column(Text)
    sms: Mapped[dict[str, Any] | None]
    state: Mapped[MessageState]
    attempts: Mapped[int] = mapped_column(server_default=text("0"))
    next_try_at: Mapped[datetime | None]
    failure: Mapped[Failure | None]
    error: Mapped[str | None]
    created_at: Mapped[datetime]
    sent_at: Mapped[datetime | None]
    settled_by: Mapped[str | None] = mapped_column(ForeignKey("user_account.code"))
    settled_at: Mapped[datetime | None]
    __table_args__ = (
        Index("ix_message_due", "next_try_at", postgresql_where=text("state = 'waiting'")),
        Index("ix_message_open", "created_at", "id", postgresql_where=text("state in ('waiting', 'failed')")),
    )


class StaffChannel(Base):
    """Where a service centre's people of some roles hear of their work: a group's robot or a mailbox. Without a
    centre it is for all. `next_call_at` keeps a robot's limit across all workers."""

    __tablename__ = "staff_channel"
    code: Mapped[str] = mapped_column(String(32), primary_key=True)
    kind: Mapped[MessageChannel]
    service_centre: Mapped[str | None] = mapped_column(ForeignKey("service_centre.code"))
    roles: Mapped[list[str]] = mapped_column(ARRAY(String(32)))
    language: Mapped[str] = mapped_column(String(8), server_default="")
    address: Mapped[str]
    secret: Mapped[str] = mapped_column(server_default="")
    calls_per_minute: Mapped[int] = mapped_column(server_default=text("20"))
    next_call_at: Mapped[datetime] = mapped_column(server_default=func.now())
    active: Mapped[bool] = mapped_column(server_default=text("true"))


class UndeliverableAddress(Base):
    """A mail address that a server said can't be reached; nothing is mailed there until somebody tries again."""

    __tablename__ = "undeliverable_address"
    address: Mapped[str] = mapped_column(primary_key=True)
    since: Mapped[datetime]
    why: Mapped[str]


class NoticeTemplate(Base):
    """The words of a notice to an audience, in both languages. An edit is a new version; the newest is used."""

    __tablename__ = "notice_template"
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    notice: Mapped[str] = mapped_column(String(64))
    audience: Mapped[Role]
    version: Mapped[int]
    subject_zh: Mapped[str]
    subject_en: Mapped[str]
    text_zh: Mapped[str] = mapped_column(Text)
    text_en: Mapped[str] = mapped_column(Text)
    sms_zh: Mapped[str] = mapped_column(server_default="")
    sms_en: Mapped[str] = mapped_column(server_default="")
    sms_id_zh: Mapped[str] = mapped_column(server_default="")
    sms_id_en: Mapped[str] = mapped_column(server_default="")
    entered_by: Mapped[str] = mapped_column(String(32))
    entered_at: Mapped[datetime] = mapped_column(server_default=func.now())
    __table_args__ = (UniqueConstraint("notice", "audience", "version"),)
