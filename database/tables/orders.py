"""Replacement orders and what belongs to one."""

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Identity,
    Index,
    LargeBinary,
    String,
    Text,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from database.tables.base import Base, Document
from domain.order_decisions import LineRefusal, LossReason
from domain.quoting import Because, Charge, Sureness
from domain.stages import ENDS, Action, Role, Stage


class Channel(StrEnum):
    HOTLINE = "hotline"
    WEB = "web"
    EMAIL = "email"


class LineState(StrEnum):
    WANTED = "wanted"
    REFUSED = "refused"
    RESERVED = "reserved"
    BACK_ORDERED = "back_ordered"
    SHIPPED = "shipped"
    FITTED = "fitted"
    RETURNED = "returned"
    LOST = "lost"
    DROPPED = "dropped"


class AppointmentState(StrEnum):
    BOOKED = "booked"
    KEPT = "kept"
    CALLED_OFF = "called_off"


class ClaimState(StrEnum):
    OPEN = "open"
    SETTLED = "settled"


class ReplacementOrder(Document, Base):
    """One replacement order, from application to closing. Only its workflow's steps write it."""

    __tablename__ = "replacement_order"
    number: Mapped[str] = mapped_column(String(32), primary_key=True)
    created_at: Mapped[datetime]
    channel: Mapped[Channel]
    customer: Mapped[int] = mapped_column(ForeignKey("customer.id"), index=True)
    serial: Mapped[str | None] = mapped_column(String(64), index=True)
    model: Mapped[str | None] = mapped_column(ForeignKey("product_model.code"))
    product: Mapped[str] = mapped_column(server_default="")
    fault_code: Mapped[str | None] = mapped_column(ForeignKey("fault.code"))
    fault_text: Mapped[str] = mapped_column(Text)
    bought_on: Mapped[date | None]
    bought_under: Mapped[str] = mapped_column(server_default="")
    service_centre: Mapped[str] = mapped_column(ForeignKey("service_centre.code"))
    urgent: Mapped[bool] = mapped_column(server_default=text("false"))
    entered_by: Mapped[str] = mapped_column(ForeignKey("user_account.code"))
    stage: Mapped[Stage]
    round: Mapped[int] = mapped_column(server_default=text("0"))
    audit_attempts: Mapped[int] = mapped_column(server_default=text("0"))
    revisit_attempts: Mapped[int] = mapped_column(server_default=text("0"))
    ending: Mapped[Stage | None]
    outcome: Mapped[str | None] = mapped_column(String(32))
    technician: Mapped[str | None] = mapped_column(ForeignKey("technician.code"))
    auditor: Mapped[str | None] = mapped_column(ForeignKey("user_account.code"))
    handed_by: Mapped[str | None] = mapped_column(ForeignKey("user_account.code"))
    parts_expected_at: Mapped[datetime | None]
    tracking_token: Mapped[str] = mapped_column(String(64), unique=True)
    application_key: Mapped[str] = mapped_column(String(200))
    application_digest: Mapped[bytes] = mapped_column(LargeBinary)
    search_text: Mapped[str] = mapped_column(Text)
    __table_args__ = (
        UniqueConstraint("entered_by", "application_key"),
        Index("ix_replacement_order_created", text("created_at desc"), text("number desc")),
        Index(
            "ix_replacement_order_stage_due",
            "stage",
            "wait_due",
            "number",
            postgresql_include=["wait_caretaker", "service_centre", "technician", "auditor"],
        ),
        Index(
            "ix_replacement_order_caretaker_due",
            "wait_caretaker",
            "service_centre",
            "wait_due",
            "number",
            postgresql_include=["technician", "auditor"],
            postgresql_where=text("ended_at is null"),
        ),
        Index("ix_replacement_order_open_due", "wait_due", "number", postgresql_where=text("ended_at is null")),
        Index(
            "ix_replacement_order_search",
            "search_text",
            postgresql_using="gin",
            postgresql_ops={"search_text": "gin_trgm_ops"},
            postgresql_with={"gin_pending_list_limit": 64},
        ),
        Index("ix_replacement_order_auditor", "auditor", postgresql_where=text("auditor is not null")),
        Index("ix_replacement_order_unstarted", "created_at", postgresql_where=text("started_at is null")),
        Index(
            "ix_replacement_order_cured", "model", "fault_code", "ended_at", postgresql_where=text("stage = 'closed'")
        ),
        Index("ix_replacement_order_of_model", "model", "ended_at", postgresql_where=text("stage = 'closed'")),
        CheckConstraint(
            "(ended_at is null) = (stage not in ({}))".format(", ".join(f"'{end}'" for end in sorted(ENDS))),
            name="ended",
        ),
        {"postgresql_with": {"autovacuum_vacuum_scale_factor": 0.05}},
    )


class OrderLine(Base):
    """One part and quantity of an order, in one round: who bears it, or why it is refused (policy 2.2.1, 2.2.2).
    `instead_of` is the part that was wanted first, where a substitute took its place."""

    __tablename__ = "order_line"
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    order: Mapped[str] = mapped_column(ForeignKey("replacement_order.number"), index=True)
    round: Mapped[int]
    part: Mapped[str] = mapped_column(ForeignKey("part.code"))
    instead_of: Mapped[str | None] = mapped_column(ForeignKey("part.code"))
    quantity: Mapped[int]
    state: Mapped[LineState]
    charge: Mapped[Charge | None]
    refused_for: Mapped[LineRefusal | None]
    guarantee_until: Mapped[date | None]
    __table_args__ = (CheckConstraint("quantity > 0", name="quantity"),)


class Submission(Base):
    """What a person said with a decision. The key makes saying it twice the same as saying it once."""

    __tablename__ = "submission"
    id: Mapped[UUID] = mapped_column(primary_key=True)
    document: Mapped[str] = mapped_column(String(32))
    idempotency_key: Mapped[str] = mapped_column(String(200))
    digest: Mapped[bytes] = mapped_column(LargeBinary)
    action: Mapped[Action]
    content: Mapped[dict[str, Any]]
    by: Mapped[str] = mapped_column(String(64))
    role: Mapped[Role]
    at: Mapped[datetime] = mapped_column(server_default=func.now())
    __table_args__ = (UniqueConstraint("document", "by", "idempotency_key"),)


class EventLog(Base):
    """Every step of every document, append-only: a trigger refuses update and delete. Each row's hash covers the
    row before it, so a row can't be changed or taken out unseen."""

    __tablename__ = "event_log"
    document: Mapped[str] = mapped_column(String(32), primary_key=True)
    seq: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(index=True)
    action: Mapped[str] = mapped_column(String(32))
    by: Mapped[str] = mapped_column(String(64))
    role: Mapped[Role]
    round: Mapped[int]
    from_stage: Mapped[str] = mapped_column(String(32))
    to_stage: Mapped[str] = mapped_column(String(32))
    details: Mapped[dict[str, Any]]
    submission: Mapped[UUID | None] = mapped_column(ForeignKey("submission.id"))
    state: Mapped[dict[str, Any]]
    previous_hash: Mapped[bytes] = mapped_column(LargeBinary)
    hash: Mapped[bytes] = mapped_column(LargeBinary)


class Outbox(Base):
    """Somebody to be told of a step, written with the step. It is `addressed_at` once it has become messages, and
    `sent_at` when one of them first left."""

    __tablename__ = "outbox"
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    document: Mapped[str] = mapped_column(String(32))
    seq: Mapped[int]
    template: Mapped[str] = mapped_column(String(64))
    audience: Mapped[Role]
    content: Mapped[dict[str, Any]]
    created_at: Mapped[datetime]
    sent_at: Mapped[datetime | None]
    addressed_at: Mapped[datetime | None]
    __table_args__ = (
        UniqueConstraint("document", "seq", "template", "audience"),
        Index("ix_outbox_unsent", "created_at", postgresql_where=text("sent_at is null")),
        Index("ix_outbox_unaddressed", "created_at", "id", postgresql_where=text("addressed_at is null")),
    )


class Quotation(Base):
    """What the customer was told before consenting: time, cost, guarantee (policy 2.2.2).

    `shown` holds the words in each language, `basis` what each line's date rests on. Parts that come into the house
    after `parts_by` are a reason to ask again; `because` says why this one did. Whoever agreed, agreed to the text in
    `consented_to`. What was asked again and needs no answer any more is withdrawn.
    """

    __tablename__ = "quotation"
    order: Mapped[str] = mapped_column(ForeignKey("replacement_order.number"), primary_key=True)
    seq: Mapped[int] = mapped_column(primary_key=True)
    expected_from: Mapped[datetime]
    expected_to: Mapped[datetime]
    parts: Mapped[Decimal]
    labour: Mapped[Decimal]
    travel: Mapped[Decimal]
    covered: Mapped[Decimal]
    goodwill: Mapped[Decimal] = mapped_column(server_default=text("0"))
    in_warranty: Mapped[bool]
    guarantee_months: Mapped[int]
    parts_by: Mapped[datetime | None]
    sureness: Mapped[Sureness | None]
    basis: Mapped[list[dict[str, Any]]] = mapped_column(JSONB, server_default=text("'[]'"))
    because: Mapped[Because | None]
    shown: Mapped[dict[str, str]] = mapped_column(JSONB, server_default=text("'{}'"))
    consented_at: Mapped[datetime | None]
    consented_by: Mapped[str | None] = mapped_column(String(64))
    consented_said_by: Mapped[str | None]
    consented_to: Mapped[str | None] = mapped_column(Text)
    consented_hash: Mapped[bytes | None] = mapped_column(LargeBinary)
    withdrawn_at: Mapped[datetime | None]

    @property
    def to_pay(self) -> Decimal:
        return self.parts + self.labour + self.travel - self.covered - self.goodwill


class Signature(Base):
    """An auditor's signature: who, when, and the digest of exactly what was signed (policy 2.3.2)."""

    __tablename__ = "signature"
    order: Mapped[str] = mapped_column(ForeignKey("replacement_order.number"), primary_key=True)
    seq: Mapped[int] = mapped_column(primary_key=True)
    by: Mapped[str] = mapped_column(ForeignKey("user_account.code"))
    at: Mapped[datetime]
    signed: Mapped[dict[str, Any]]
    digest: Mapped[bytes] = mapped_column(LargeBinary)


class Appointment(Base):
    __tablename__ = "appointment"
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    order: Mapped[str] = mapped_column(ForeignKey("replacement_order.number"), index=True)
    round: Mapped[int]
    technician: Mapped[str] = mapped_column(ForeignKey("technician.code"))
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    state: Mapped[AppointmentState]
    __table_args__ = (
        CheckConstraint("ends_at > starts_at", name="ends_after_start"),
        Index("uq_appointment_booked", "order", unique=True, postgresql_where=text("state = 'booked'")),
    )


class RevisitAttempt(Base):
    """A revisit tried or made (policy 6.2.1)."""

    __tablename__ = "revisit_attempt"
    order: Mapped[str] = mapped_column(ForeignKey("replacement_order.number"), primary_key=True)
    seq: Mapped[int] = mapped_column(primary_key=True)
    round: Mapped[int]
    at: Mapped[datetime]
    reached: Mapped[bool]
    works: Mapped[bool | None]
    satisfaction: Mapped[int | None]
    __table_args__ = (CheckConstraint("satisfaction between 1 and 5", name="satisfaction"),)


class Claim(Base):
    """What carrier or supplier owes us for a loss (policy 5.2.4)."""

    __tablename__ = "claim"
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    order: Mapped[str] = mapped_column(ForeignKey("replacement_order.number"), index=True)
    seq: Mapped[int]
    on: Mapped[Role]
    shipment: Mapped[str | None] = mapped_column(ForeignKey("shipment.id"))
    reason: Mapped[LossReason]
    value: Mapped[Decimal]
    state: Mapped[ClaimState]
    settled_for: Mapped[Decimal | None]
    __table_args__ = (UniqueConstraint("order", "seq", "on"),)
