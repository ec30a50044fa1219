"""Purchase orders and who waits for them (policy 3.2)."""

from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Identity,
    Index,
    String,
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
    """One order to one supplier. Only its workflow's steps write it."""

    __tablename__ = "purchase_order"
    number: Mapped[str] = mapped_column(String(32), primary_key=True)
    created_at: Mapped[datetime]
    supplier: Mapped[str] = mapped_column(ForeignKey("supplier.code"), index=True)
    warehouse: Mapped[str] = mapped_column(ForeignKey("warehouse.code"))
    stage: Mapped[PurchaseStage]
    deliver_by: Mapped[datetime]
    promised_at: Mapped[datetime | None]
    signed_by: Mapped[str | None]
    replaces: Mapped[str | None] = mapped_column(ForeignKey("purchase_order.number"))
    __table_args__ = (
        Index("ix_purchase_order_created", text("created_at desc"), text("number desc")),
        Index("ix_purchase_order_unstarted", "created_at", postgresql_where=text("started_at is null")),
    )


class PurchaseLine(Base):
    __tablename__ = "purchase_line"
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    purchase_order: Mapped[str] = mapped_column(ForeignKey("purchase_order.number"), index=True)
    part: Mapped[str] = mapped_column(ForeignKey("part.code"), index=True)
    quantity: Mapped[int]
    unit_price: Mapped[Decimal]
    received: Mapped[int] = mapped_column(server_default=text("0"))
    refused: Mapped[int] = mapped_column(server_default=text("0"))
    __table_args__ = (
        UniqueConstraint("purchase_order", "part"),
        CheckConstraint("quantity > 0 and received between 0 and quantity and refused >= 0", name="quantity"),
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
    effect: Mapped[str] = mapped_column(String(96), unique=True)
    __table_args__ = (
        CheckConstraint("quantity > 0", name="quantity"),
        Index("ix_back_order_waiting", "part", postgresql_where=text("state = 'waiting'")),
    )
