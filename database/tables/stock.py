"""Where parts lie, and every movement of them (policy 4.1.1, 4.2.1)."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Identity,
    String,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from database.tables.base import Base


class Zone(StrEnum):
    """Kinds of place. Those outside the house balance the ledger and may be negative (policy 4.1.1)."""

    QUALIFIED = "qualified"
    AWAITING_INSPECTION = "awaiting_inspection"
    NONCONFORMING = "nonconforming"
    VALUABLES = "valuables"
    HAZARDOUS = "hazardous"
    TECHNICIAN = "technician"
    IN_TRANSIT = "in_transit"
    SCRAP = "scrap"
    OUTSIDE = "outside"


class ReservationState(StrEnum):
    HELD = "held"
    SHIPPED = "shipped"
    RELEASED = "released"


class Warehouse(Base):
    __tablename__ = "warehouse"
    code: Mapped[str] = mapped_column(String(32), primary_key=True)
    service_centre: Mapped[str] = mapped_column(ForeignKey("service_centre.code"))
    name_en: Mapped[str]
    name_zh: Mapped[str]
    address: Mapped[str]


class Place(Base):
    __tablename__ = "place"
    code: Mapped[str] = mapped_column(String(48), primary_key=True)
    warehouse: Mapped[str | None] = mapped_column(ForeignKey("warehouse.code"))
    zone: Mapped[Zone]


class Stock(Base):
    """The balance of a part in a place. Never negative inside the house, never more reserved than there is."""

    __tablename__ = "stock"
    place: Mapped[str] = mapped_column(ForeignKey("place.code"), primary_key=True)
    part: Mapped[str] = mapped_column(ForeignKey("part.code"), primary_key=True, index=True)
    zone: Mapped[Zone]
    on_hand: Mapped[int] = mapped_column(server_default=text("0"))
    reserved: Mapped[int] = mapped_column(server_default=text("0"))
    __table_args__ = (
        CheckConstraint("zone = 'outside' or on_hand >= 0", name="never_negative"),
        CheckConstraint("reserved >= 0 and (reserved = 0 or reserved <= on_hand)", name="reserved_within_on_hand"),
        CheckConstraint("reserved = 0 or zone in ('qualified', 'valuables', 'hazardous')", name="reserved_zone"),
    )


class Movement(Base):
    """Goods from one place to another; the two balances always move together (policy 4.2.1)."""

    __tablename__ = "movement"
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    part: Mapped[str] = mapped_column(ForeignKey("part.code"), index=True)
    quantity: Mapped[int]
    source: Mapped[str] = mapped_column(ForeignKey("place.code"))
    target: Mapped[str] = mapped_column(ForeignKey("place.code"))
    at: Mapped[datetime] = mapped_column(index=True)
    by: Mapped[str] = mapped_column(String(64))
    document: Mapped[str] = mapped_column(String(32), index=True)
    effect: Mapped[str] = mapped_column(String(96), unique=True)
    __table_args__ = (
        CheckConstraint("quantity > 0", name="quantity"),
        CheckConstraint("source <> target", name="moves"),
    )


class Reservation(Base):
    __tablename__ = "reservation"
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    line: Mapped[int] = mapped_column(ForeignKey("order_line.id"), index=True)
    place: Mapped[str] = mapped_column(ForeignKey("place.code"))
    part: Mapped[str] = mapped_column(ForeignKey("part.code"))
    quantity: Mapped[int]
    state: Mapped[ReservationState]
    effect: Mapped[str] = mapped_column(String(96), unique=True)
    __table_args__ = (CheckConstraint("quantity > 0", name="quantity"),)
