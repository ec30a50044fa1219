"""Purchase orders and who waits for them (policy 3.2)."""

from datetime import datetime
from decimal import Decimal
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
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from database.tables.base import Base, Document
from domain.stages import PurchaseStage


class BackOrderState(StrEnum):
    WAITING = "waiting"
    SERVED = "served"
    WITHDRAWN = "withdrawn"


class PurchaseOrder(Document, Base):
    """One order to one supplier. Only its workflow's steps write it.

    `shown` is the document's text by language, `ranking` the suppliers of each part as they stood when it was placed;
    `signed_text` is what was signed, to the letter; `ordered_by` is the buyer who placed it by hand, `request_key` what
    that request is known again by.
    """

    __tablename__ = "purchase_order"
    number: Mapped[str] = mapped_column(String(32), primary_key=True)
    created_at: Mapped[datetime]
    supplier: Mapped[str] = mapped_column(ForeignKey("supplier.code"), index=True)
    warehouse: Mapped[str] = mapped_column(ForeignKey("warehouse.code"))
    stage: Mapped[PurchaseStage]
    deliver_by: Mapped[datetime]
    promised_at: Mapped[datetime | None]
    shown: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"))
    ranking: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"))
    signed_by: Mapped[str | None]
    signed_at: Mapped[datetime | None]
    signed_text: Mapped[str | None] = mapped_column(Text)
    signed_hash: Mapped[bytes | None] = mapped_column(LargeBinary)
    proposed_for: Mapped[datetime | None]
    proposed_by: Mapped[str | None]
    received_at: Mapped[datetime | None]
    passed_on_at: Mapped[datetime | None]
    ordered_by: Mapped[str | None] = mapped_column(String(64))
    request_key: Mapped[str | None] = mapped_column(String(200))
    request_digest: Mapped[bytes | None] = mapped_column(LargeBinary)
    replaces: Mapped[str | None] = mapped_column(ForeignKey("purchase_order.number"))
    __table_args__ = (
        Index("ix_purchase_order_created", text("created_at desc"), text("number desc")),
        Index("ix_purchase_order_unstarted", "created_at", postgresql_where=text("started_at is null")),
        UniqueConstraint("ordered_by", "request_key"),
    )


class SupplierLink(Base):
    """A page for somebody without an account, behind a token that can't be guessed; open until it is revoked."""

    __tablename__ = "supplier_link"
    token: Mapped[str] = mapped_column(String(64), primary_key=True)
    document: Mapped[str] = mapped_column(String(32), index=True)
    supplier: Mapped[str] = mapped_column(ForeignKey("supplier.code"))
    created_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]


class PurchaseLine(Base):
    """A part that is ordered: `received` were accepted, `refused` were not, `paid` may be paid for (yuan a piece)."""

    __tablename__ = "purchase_line"
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    purchase_order: Mapped[str] = mapped_column(ForeignKey("purchase_order.number"), index=True)
    part: Mapped[str] = mapped_column(ForeignKey("part.code"), index=True)
    quantity: Mapped[int]
    unit_price: Mapped[Decimal]
    received: Mapped[int] = mapped_column(server_default=text("0"))
    refused: Mapped[int] = mapped_column(server_default=text("0"))
    paid: Mapped[int] = mapped_column(server_default=text("0"))
    __table_args__ = (
        UniqueConstraint("purchase_order", "part"),
        CheckConstraint("quantity > 0 and received between 0 and quantity and refused >= 0", name="quantity"),
        CheckConstraint("paid between 0 and received", name="paid"),
    )


class BackOrder(Base):
    """An order line waiting for pieces, and the purchase order they are expected from."""

    __tablename__ = "back_order"
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    line: Mapped[int] = mapped_column(ForeignKey("order_line.id"), index=True)
    order: Mapped[str] = mapped_column(ForeignKey("replacement_order.number"))
    part: Mapped[str] = mapped_column(ForeignKey("part.code"))
    quantity: Mapped[int]
    purchase_order: Mapped[str] = mapped_column(ForeignKey("purchase_order.number"), index=True)
    state: Mapped[BackOrderState]
    effect: Mapped[str] = mapped_column(unique=True)
    __table_args__ = (
        CheckConstraint("quantity > 0", name="quantity"),
        Index("ix_back_order_waiting", "part", postgresql_where=text("state = 'waiting'")),
    )
