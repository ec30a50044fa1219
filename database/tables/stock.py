"""Where parts lie, and every movement of them (policy 4.1.1, 4.2.1)."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    String,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from database.tables.base import Base
from domain.sourcing import Precedence


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


class MovementReason(StrEnum):
    """Why goods moved (policy 4.2.1). `unstated` is what moved before movements said why."""

    UNSTATED = "unstated"
    OPENING = "opening"
    RECEIPT = "receipt"
    INSPECTION = "inspection"
    PUT_AWAY = "put_away"
    TRANSFER = "transfer"
    ISSUE = "issue"
    DELIVERY = "delivery"
    RETURN = "return"
    LOSS = "loss"
    COUNT = "count"
    QUARANTINE = "quarantine"
    RETURN_TO_SUPPLIER = "return_to_supplier"
    PROMOTION = "promotion"
    SCRAPPING = "scrapping"
    REVERSAL = "reversal"


class ReservationState(StrEnum):
    HELD = "held"
    SHIPPED = "shipped"
    RELEASED = "released"
    EXPIRED = "expired"


class Warehouse(Base):
    __tablename__ = "warehouse"
    code: Mapped[str] = mapped_column(String(32), primary_key=True)
    service_centre: Mapped[str] = mapped_column(ForeignKey("service_centre.code"))
    name_en: Mapped[str]
    name_zh: Mapped[str]
    address: Mapped[str]


class Place(Base):
    """A bin, or the floor, of a zone in a warehouse; those of no warehouse are on the way or outside the house."""

    __tablename__ = "place"
    code: Mapped[str] = mapped_column(String(48), primary_key=True)
    warehouse: Mapped[str | None] = mapped_column(ForeignKey("warehouse.code"))
    zone: Mapped[Zone]
    bin: Mapped[str | None] = mapped_column(String(32))
    __table_args__ = (UniqueConstraint("code", "zone"), UniqueConstraint("warehouse", "zone", "bin"))


class Stock(Base):
    """The balance of a part in a place. Never negative inside the house, never more reserved than there is, and
    nothing reserved but what is sound (policy 4.1.1)."""

    __tablename__ = "stock"
    place: Mapped[str] = mapped_column(String(48), primary_key=True)
    part: Mapped[str] = mapped_column(ForeignKey("part.code"), primary_key=True, index=True)
    zone: Mapped[Zone]
    on_hand: Mapped[int] = mapped_column(server_default=text("0"))
    reserved: Mapped[int] = mapped_column(server_default=text("0"))
    __table_args__ = (
        ForeignKeyConstraint(["place", "zone"], ["place.code", "place.zone"], onupdate="CASCADE"),
        CheckConstraint("zone = 'outside' or on_hand >= 0", name="never_negative"),
        CheckConstraint("reserved >= 0 and (reserved = 0 or reserved <= on_hand)", name="reserved_within_on_hand"),
        CheckConstraint(
            "reserved = 0 or zone in ('qualified', 'valuables', 'hazardous', 'technician')", name="reserved_zone"
        ),
    )


class StockLot(Base):
    """How much of a place's balance is of which lot, or which serial number, of parts that have them. No number is
    in two places of the house. What lies in a parcel is `packed_for` its shipment, and moves with no other."""

    __tablename__ = "stock_lot"
    place: Mapped[str] = mapped_column(ForeignKey("place.code"), primary_key=True)
    part: Mapped[str] = mapped_column(ForeignKey("part.code"), primary_key=True)
    lot: Mapped[str] = mapped_column(String(64), primary_key=True, server_default="")
    serial: Mapped[str] = mapped_column(String(64), primary_key=True, server_default="")
    on_hand: Mapped[int]
    since: Mapped[datetime]
    packed_for: Mapped[str | None] = mapped_column(ForeignKey("shipment.id"))
    __table_args__ = (
        CheckConstraint("on_hand >= 0 and (serial = '' or on_hand <= 1)", name="on_hand"),
        Index(
            "uq_stock_lot_serial", "part", "serial", unique=True, postgresql_where=text("serial <> '' and on_hand > 0")
        ),
        Index("ix_stock_lot_lot", "lot"),
        Index("ix_stock_lot_serial", "serial", postgresql_where=text("serial <> ''")),
        Index("ix_stock_lot_packed_for", "packed_for", postgresql_where=text("packed_for is not null")),
    )


class Movement(Base):
    """Goods from one place to another; the two balances always move together (policy 4.2.1).

    Append-only by trigger. A correction is a movement back that names the one it `reverses`: once, and its mirror,
    which another trigger sees to, as it notes the two zones of that moment.
    """

    __tablename__ = "movement"
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    part: Mapped[str] = mapped_column(ForeignKey("part.code"))
    quantity: Mapped[int]
    source: Mapped[str] = mapped_column(ForeignKey("place.code"))
    target: Mapped[str] = mapped_column(ForeignKey("place.code"))
    source_zone: Mapped[Zone | None]
    target_zone: Mapped[Zone | None]
    at: Mapped[datetime] = mapped_column(index=True)
    by: Mapped[str] = mapped_column(String(64))
    reason: Mapped[MovementReason] = mapped_column(server_default=MovementReason.UNSTATED)
    note: Mapped[str] = mapped_column(server_default="")
    document: Mapped[str] = mapped_column(String(32), index=True)
    lot: Mapped[str | None] = mapped_column(String(64))
    serial: Mapped[str | None] = mapped_column(String(64))
    reverses: Mapped[int | None] = mapped_column(ForeignKey("movement.id"), unique=True)
    effect: Mapped[str] = mapped_column(unique=True)
    __table_args__ = (
        CheckConstraint("quantity > 0 and (serial is null or quantity = 1)", name="quantity"),
        CheckConstraint("source <> target", name="moves"),
        CheckConstraint("(reason = 'reversal') = (reverses is not null)", name="reversal"),
        CheckConstraint(
            "target_zone <> 'in_transit' and target <> 'outside/customers' or reason = 'reversal' or source_zone in"
            " ('qualified', 'valuables', 'hazardous', 'technician', 'in_transit', 'outside')",
            name="only_sound_leaves",
        ),
        CheckConstraint(
            "target_zone <> 'technician' or reason = 'reversal' or source_zone in"
            " ('qualified', 'valuables', 'hazardous', 'technician', 'in_transit', 'outside')",
            name="only_sound_carried",
        ),
        CheckConstraint(
            "reason not in ('transfer', 'put_away')"
            " or source_zone not in ('awaiting_inspection', 'nonconforming', 'scrap')"
            " or target_zone not in ('qualified', 'valuables', 'hazardous', 'technician')",
            name="sound_by_inspection",
        ),
        Index("ix_movement_part_at", "part", "at"),
        Index("ix_movement_part_id", "part", "id"),
        Index("ix_movement_source_id", "source", "id"),
        Index("ix_movement_target_id", "target", "id"),
        Index("ix_movement_by_id", "by", "id"),
        Index("ix_movement_reason_id", "reason", "id"),
        Index("ix_movement_lot", "lot", postgresql_where=text("lot is not null")),
        Index("ix_movement_serial", "serial", postgresql_where=text("serial is not null")),
    )


class Reservation(Base):
    """Pieces kept for an order line; `because` says why it got them before others who waited (policy 3.2.1)."""

    __tablename__ = "reservation"
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    line: Mapped[int] = mapped_column(ForeignKey("order_line.id"), index=True)
    place: Mapped[str] = mapped_column(ForeignKey("place.code"))
    part: Mapped[str] = mapped_column(ForeignKey("part.code"))
    quantity: Mapped[int]
    state: Mapped[ReservationState]
    because: Mapped[Precedence | None]
    effect: Mapped[str] = mapped_column(unique=True)
    __table_args__ = (CheckConstraint("quantity > 0", name="quantity"),)
