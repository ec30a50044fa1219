"""Requests for quotation, the bids they get and what is awarded (policy 3.3.1)."""

from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import (
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    LargeBinary,
    Numeric,
    String,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from database.tables.base import Base, Document
from domain.requests import RequestStage
from domain.stages import Role


class RequestForQuotation(Document, Base):
    """One question to several suppliers. Bids stay sealed until `opened_at`; without a deadline it was an emergency,
    for `reason`."""

    __tablename__ = "request_for_quotation"
    number: Mapped[str] = mapped_column(String(32), primary_key=True)
    created_at: Mapped[datetime]
    entered_by: Mapped[str] = mapped_column(ForeignKey("user_account.code"))
    warehouse: Mapped[str] = mapped_column(ForeignKey("warehouse.code"))
    stage: Mapped[RequestStage]
    deadline: Mapped[datetime | None]
    opened_at: Mapped[datetime | None]
    note: Mapped[str] = mapped_column(Text, server_default="")
    reason: Mapped[str] = mapped_column(Text, server_default="")
    request_key: Mapped[str] = mapped_column(String(200))
    request_digest: Mapped[bytes] = mapped_column(LargeBinary)
    __table_args__ = (
        UniqueConstraint("entered_by", "request_key"),
        CheckConstraint("opened_at >= deadline", name="sealed_until_deadline"),
        CheckConstraint("deadline is not null or reason <> ''", name="emergency_has_reason"),
        Index("ix_request_for_quotation_created", text("created_at desc"), text("number desc")),
        Index("ix_request_for_quotation_unstarted", "created_at", postgresql_where=text("started_at is null")),
    )


class RequestLine(Base):
    __tablename__ = "request_line"
    request: Mapped[str] = mapped_column(ForeignKey("request_for_quotation.number"), primary_key=True)
    part: Mapped[str] = mapped_column(ForeignKey("part.code"), primary_key=True)
    quantity: Mapped[int]
    __table_args__ = (CheckConstraint("quantity > 0", name="quantity"),)


class Invitation(Base):
    """A supplier that was asked, behind a token that can't be guessed; `bid_at` is when its newest bid came."""

    __tablename__ = "invitation"
    request: Mapped[str] = mapped_column(ForeignKey("request_for_quotation.number"), primary_key=True)
    supplier: Mapped[str] = mapped_column(ForeignKey("supplier.code"), primary_key=True, index=True)
    token: Mapped[str] = mapped_column(String(64), unique=True)
    bid_at: Mapped[datetime | None]
    declined_at: Mapped[datetime | None]


class SupplierBid(Base):
    """What a supplier asks; a later one takes its place. Nobody reads it but `database.requests`."""

    __tablename__ = "bid"
    request: Mapped[str] = mapped_column(String(32), primary_key=True)
    supplier: Mapped[str] = mapped_column(String(32), primary_key=True)
    seq: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime]
    role: Mapped[Role]
    valid_until: Mapped[date]
    signed_by: Mapped[str]
    evidence: Mapped[str] = mapped_column(Text, server_default="")
    note: Mapped[str] = mapped_column(Text, server_default="")
    __table_args__ = (ForeignKeyConstraint(["request", "supplier"], ["invitation.request", "invitation.supplier"]),)


class BidLine(Base):
    """Yuan for a piece; `lead_days` from the order to our warehouse."""

    __tablename__ = "bid_line"
    request: Mapped[str] = mapped_column(String(32), primary_key=True)
    supplier: Mapped[str] = mapped_column(String(32), primary_key=True)
    seq: Mapped[int] = mapped_column(primary_key=True)
    part: Mapped[str] = mapped_column(String(64), primary_key=True)
    price: Mapped[Decimal]
    freight: Mapped[Decimal]
    lead_days: Mapped[int]
    guarantee_months: Mapped[int]
    __table_args__ = (
        ForeignKeyConstraint(["request", "supplier", "seq"], ["bid.request", "bid.supplier", "bid.seq"]),
        ForeignKeyConstraint(
            ["request", "part"], ["request_line.request", "request_line.part"], name="fk_bid_line_part"
        ),
        CheckConstraint("price > 0 and freight >= 0 and lead_days > 0 and guarantee_months >= 0", name="terms"),
    )


class AwardLine(Base):
    """Who got how many pieces of a line, at which place of the comparison; `gap` is how far from the best. An
    emergency has no comparison."""

    __tablename__ = "award_line"
    request: Mapped[str] = mapped_column(String(32), primary_key=True)
    part: Mapped[str] = mapped_column(String(64), primary_key=True)
    supplier: Mapped[str] = mapped_column(ForeignKey("supplier.code"), primary_key=True)
    quantity: Mapped[int]
    price: Mapped[Decimal]
    freight: Mapped[Decimal]
    rank: Mapped[int | None]
    gap: Mapped[Decimal | None] = mapped_column(Numeric(9, 4))
    bids: Mapped[int]
    purchase_order: Mapped[str | None] = mapped_column(ForeignKey("purchase_order.number"))
    __table_args__ = (
        ForeignKeyConstraint(["request", "part"], ["request_line.request", "request_line.part"]),
        CheckConstraint("quantity > 0", name="quantity"),
    )
