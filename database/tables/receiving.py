"""What suppliers deliver, how it was found, what goes back, what they bill and what they owe (policy 3.2.3, 4.1.1)."""

from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    Numeric,
    String,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from database.tables.base import Base
from database.tables.orders import ClaimState
from domain.purchase_decisions import InvoiceOutcome
from domain.receiving import LotVerdict


class Characteristic(Base):
    """What is measured of a part when it comes in, and between which limits it must lie. None is no limit."""

    __tablename__ = "characteristic"
    part: Mapped[str] = mapped_column(ForeignKey("part.code"), primary_key=True)
    code: Mapped[str] = mapped_column(String(64), primary_key=True)
    name_en: Mapped[str]
    name_zh: Mapped[str]
    unit: Mapped[str]
    low: Mapped[Decimal | None] = mapped_column(Numeric(12, 4))
    high: Mapped[Decimal | None] = mapped_column(Numeric(12, 4))
    __table_args__ = (CheckConstraint("low <= high and (low is not null or high is not null)", name="limits"),)


class GoodsReceipt(Base):
    """A delivery as it was counted at the door."""

    __tablename__ = "goods_receipt"
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    purchase_order: Mapped[str] = mapped_column(ForeignKey("purchase_order.number"))
    seq: Mapped[int]
    delivery_note: Mapped[str] = mapped_column(String(64))
    at: Mapped[datetime]
    by: Mapped[str] = mapped_column(String(64))
    __table_args__ = (UniqueConstraint("purchase_order", "seq"), UniqueConstraint("purchase_order", "delivery_note"))


class ReceivedLot(Base):
    """The pieces of one part in one delivery: awaiting their inspection, then each either accepted or refused. Of a
    part that has serial numbers they are kept, and which of them were refused."""

    __tablename__ = "received_lot"
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    receipt: Mapped[int] = mapped_column(ForeignKey("goods_receipt.id"), index=True)
    purchase_order: Mapped[str] = mapped_column(ForeignKey("purchase_order.number"), index=True)
    supplier: Mapped[str] = mapped_column(ForeignKey("supplier.code"))
    part: Mapped[str] = mapped_column(ForeignKey("part.code"), index=True)
    batch: Mapped[str] = mapped_column(String(64))
    quantity: Mapped[int]
    noted: Mapped[int | None]
    sample: Mapped[int]
    refuse: Mapped[int]
    received_at: Mapped[datetime]
    verdict: Mapped[LotVerdict | None]
    checked: Mapped[int | None]
    faulty: Mapped[int | None]
    accepted: Mapped[int] = mapped_column(server_default=text("0"))
    refused: Mapped[int] = mapped_column(server_default=text("0"))
    serials: Mapped[list[str]] = mapped_column(ARRAY(String(64)), server_default="{}")
    refused_serials: Mapped[list[str]] = mapped_column(ARRAY(String(64)), server_default="{}")
    inspected_at: Mapped[datetime | None]
    inspected_by: Mapped[str | None] = mapped_column(String(64))
    __table_args__ = (
        UniqueConstraint("receipt", "part"),
        CheckConstraint("quantity > 0 and sample between 1 and quantity and refuse > 0", name="quantity"),
        CheckConstraint(
            "(verdict is null) = (inspected_at is null) and (verdict is null) = (checked is null)"
            " and accepted >= 0 and refused >= 0"
            " and accepted + refused = case when verdict is null then 0 else quantity end",
            name="untouched",
        ),
        CheckConstraint("checked between sample and quantity and faulty between 0 and checked", name="checked"),
        Index("ix_received_lot_inspected", "supplier", "inspected_at"),
        Index("ix_received_lot_awaiting", "received_at", postgresql_where=text("verdict is null")),
    )


class LotReading(Base):
    """A reading of a piece, with the limits that held then."""

    __tablename__ = "lot_reading"
    lot: Mapped[int] = mapped_column(ForeignKey("received_lot.id"), primary_key=True)
    piece: Mapped[int] = mapped_column(primary_key=True)
    characteristic: Mapped[str] = mapped_column(String(64), primary_key=True)
    value: Mapped[Decimal] = mapped_column(Numeric(12, 4))
    low: Mapped[Decimal | None] = mapped_column(Numeric(12, 4))
    high: Mapped[Decimal | None] = mapped_column(Numeric(12, 4))


class SupplierReturn(Base):
    """Refused goods that go back: a document of its own, open until they have left."""

    __tablename__ = "supplier_return"
    number: Mapped[str] = mapped_column(String(32), primary_key=True)
    purchase_order: Mapped[str] = mapped_column(ForeignKey("purchase_order.number"), index=True)
    lot: Mapped[int] = mapped_column(ForeignKey("received_lot.id"), unique=True)
    part: Mapped[str] = mapped_column(ForeignKey("part.code"))
    quantity: Mapped[int]
    opened_at: Mapped[datetime]
    handed_back_at: Mapped[datetime | None]
    handed_back_by: Mapped[str | None] = mapped_column(String(64))
    taken_by: Mapped[str | None]
    waybill: Mapped[str | None] = mapped_column(String(40))
    __table_args__ = (
        CheckConstraint("quantity > 0", name="quantity"),
        CheckConstraint("(handed_back_at is null) = (taken_by is null)", name="handed_back"),
    )


class SupplierClaim(Base):
    """What a supplier owes us for refused goods. Yuan."""

    __tablename__ = "supplier_claim"
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    purchase_order: Mapped[str] = mapped_column(ForeignKey("purchase_order.number"), index=True)
    lot: Mapped[int] = mapped_column(ForeignKey("received_lot.id"), unique=True)
    value: Mapped[Decimal]
    state: Mapped[ClaimState]
    opened_at: Mapped[datetime]
    settled_at: Mapped[datetime | None]
    settled_for: Mapped[Decimal | None]
    __table_args__ = (CheckConstraint("(state = 'settled') = (settled_for is not null)", name="settled"),)


class InvoiceState(StrEnum):
    MATCHED = "matched"
    DIFFERS = "differs"
    DECIDED = "decided"
    SENT_BACK = "sent_back"


class SupplierInvoice(Base):
    """A supplier's invoice, matched against order and receipt. `payable` is what may be paid of it, in yuan."""

    __tablename__ = "supplier_invoice"
    supplier: Mapped[str] = mapped_column(ForeignKey("supplier.code"), primary_key=True)
    number: Mapped[str] = mapped_column(String(64), primary_key=True)
    purchase_order: Mapped[str] = mapped_column(ForeignKey("purchase_order.number"), index=True)
    entered_at: Mapped[datetime]
    entered_by: Mapped[str] = mapped_column(String(64))
    total: Mapped[Decimal]
    payable: Mapped[Decimal | None]
    state: Mapped[InvoiceState]
    outcome: Mapped[InvoiceOutcome | None]
    decided_at: Mapped[datetime | None]
    decided_by: Mapped[str | None] = mapped_column(String(64))
    __table_args__ = (
        CheckConstraint("(state = 'differs') = (payable is null)", name="payable"),
        CheckConstraint("(state in ('decided', 'sent_back')) = (outcome is not null)", name="decided"),
    )


class InvoiceLine(Base):
    """A part on an invoice: as billed, and what of it may be paid. Yuan a piece."""

    __tablename__ = "invoice_line"
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    supplier: Mapped[str] = mapped_column(String(32))
    invoice: Mapped[str] = mapped_column(String(64))
    part: Mapped[str] = mapped_column(ForeignKey("part.code"))
    quantity: Mapped[int]
    unit_price: Mapped[Decimal]
    paid_quantity: Mapped[int] = mapped_column(server_default=text("0"))
    paid_price: Mapped[Decimal | None]
    __table_args__ = (
        ForeignKeyConstraint(["supplier", "invoice"], ["supplier_invoice.supplier", "supplier_invoice.number"]),
        UniqueConstraint("supplier", "invoice", "part"),
        CheckConstraint("paid_quantity between 0 and quantity", name="paid_quantity"),
    )
