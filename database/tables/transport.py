"""Shipments, their parcels and the carriers (policy 5.2)."""

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    BigInteger,
    ForeignKey,
    Identity,
    Index,
    LargeBinary,
    Numeric,
    String,
    Text,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from database.tables.base import Base
from domain.parcels import Milestone, Trouble


class ShipmentState(StrEnum):
    PREPARING = "preparing"
    PACKED = "packed"
    BOOKED = "booked"
    HANDED_OVER = "handed_over"
    DELIVERED = "delivered"
    TURNED_BACK = "turned_back"
    RECEIVED_BACK = "received_back"
    LOST = "lost"
    CALLING_OFF = "calling_off"
    CALLED_OFF = "called_off"


class CarrierAccount(Base):
    """An account with a carrier. `next_call_at` keeps the account's limit across all workers."""

    __tablename__ = "carrier_account"
    code: Mapped[str] = mapped_column(String(32), primary_key=True)
    kind: Mapped[str] = mapped_column(String(16))
    carrier: Mapped[str] = mapped_column(String(32))
    name_en: Mapped[str]
    name_zh: Mapped[str]
    settings: Mapped[dict[str, Any]]
    calls_per_minute: Mapped[int]
    next_call_at: Mapped[datetime] = mapped_column(server_default=func.now())
    push_token: Mapped[str] = mapped_column(String(64), unique=True)
    preferred: Mapped[int] = mapped_column(server_default=text("0"))


class Shipment(Base):
    """Goods under way to a customer; its id is the key under which the carrier knows the booking."""

    __tablename__ = "shipment"
    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    order: Mapped[str] = mapped_column(ForeignKey("replacement_order.number"), index=True)
    round: Mapped[int]
    state: Mapped[ShipmentState]
    account: Mapped[str] = mapped_column(ForeignKey("carrier_account.code"))
    weight_kg: Mapped[Decimal] = mapped_column(Numeric(8, 3))
    waybill: Mapped[str | None] = mapped_column(String(40), index=True)
    packed_at: Mapped[datetime | None]
    packed_by: Mapped[str | None] = mapped_column(String(32))
    handed_over_at: Mapped[datetime | None]
    expected_at: Mapped[datetime | None]
    delivered_at: Mapped[datetime | None]


class ShipmentLine(Base):
    """Pieces of an order's line from one place; `serials` are those that were scanned into the parcel."""

    __tablename__ = "shipment_line"
    shipment: Mapped[str] = mapped_column(ForeignKey("shipment.id"), primary_key=True)
    line: Mapped[int] = mapped_column(ForeignKey("order_line.id"), primary_key=True)
    place: Mapped[str] = mapped_column(ForeignKey("place.code"), primary_key=True)
    part: Mapped[str] = mapped_column(ForeignKey("part.code"))
    quantity: Mapped[int]
    serials: Mapped[list[str]] = mapped_column(ARRAY(String(64)), server_default="{}")


class Parcel(Base):
    """What a carrier knows as ours: its booking, the watch over it, and what its scans add up to."""

    __tablename__ = "parcel"
    shipment: Mapped[str] = mapped_column(ForeignKey("shipment.id"), primary_key=True)
    order: Mapped[str] = mapped_column(ForeignKey("replacement_order.number"))
    account: Mapped[str] = mapped_column(ForeignKey("carrier_account.code"))
    waybill: Mapped[str] = mapped_column(String(40))
    company: Mapped[str] = mapped_column(String(32))
    reference: Mapped[str] = mapped_column(server_default="")
    phone_last4: Mapped[str] = mapped_column(String(4), server_default="")
    label: Mapped[bytes | None] = mapped_column(LargeBinary)
    label_type: Mapped[str | None]
    booked_at: Mapped[datetime]
    expected_at: Mapped[datetime | None]
    milestone: Mapped[Milestone]
    trouble: Mapped[Trouble | None]
    last_moved_at: Mapped[datetime | None]
    delivered_at: Mapped[datetime | None]
    told_milestone: Mapped[Milestone | None]
    told_trouble: Mapped[Trouble | None]
    told_at: Mapped[datetime | None]
    subscribed_at: Mapped[datetime | None]
    looks: Mapped[int] = mapped_column(server_default=text("0"))
    last_look_at: Mapped[datetime | None]
    last_error: Mapped[str | None]
    next_look_at: Mapped[datetime | None]
    in_hand: Mapped[bool] = mapped_column(server_default=text("false"))
    __table_args__ = (
        UniqueConstraint("account", "waybill", "shipment"),
        Index("ix_parcel_due", "account", "next_look_at", postgresql_where=text("next_look_at is not null")),
    )


class ParcelScan(Base):
    """A carrier's event, kept once whatever way and however often it came. The text may name people."""

    __tablename__ = "parcel_scan"
    shipment: Mapped[str] = mapped_column(ForeignKey("parcel.shipment"), primary_key=True)
    key: Mapped[str] = mapped_column(String(64), primary_key=True)
    at: Mapped[datetime]
    milestone: Mapped[Milestone]
    trouble: Mapped[Trouble | None]
    in_person: Mapped[bool]
    code: Mapped[str] = mapped_column(String(32))
    text: Mapped[str] = mapped_column(Text)
    place: Mapped[str]


class CarrierPush(Base):
    """What a carrier pushed, raw, kept before it is answered."""

    __tablename__ = "carrier_push"
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    account: Mapped[str] = mapped_column(ForeignKey("carrier_account.code"))
    key: Mapped[str] = mapped_column(String(64), unique=True)
    raw: Mapped[bytes] = mapped_column(LargeBinary)
    received_at: Mapped[datetime] = mapped_column(server_default=func.now())
    read_at: Mapped[datetime | None]
    __table_args__ = (Index("ix_carrier_push_unread", "account", "id", postgresql_where=text("read_at is null")),)
