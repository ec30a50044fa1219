"""Who keeps valuable and hazardous goods, who signed for moving them, who was refused (policy 4.3.3)."""

from datetime import datetime

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Identity,
    Index,
    LargeBinary,
    String,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from database.tables.base import Base
from database.tables.stock import MovementReason


class PlaceKeeper(Base):
    """A named keeper of a place with valuables or hazardous goods."""

    __tablename__ = "place_keeper"
    place: Mapped[str] = mapped_column(ForeignKey("place.code"), primary_key=True)
    keeper: Mapped[str] = mapped_column(ForeignKey("user_account.code"), primary_key=True)


class KeeperSignature(Base):
    """Somebody signed that a document's goods leave such a place, or come into it."""

    __tablename__ = "keeper_signature"
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    document: Mapped[str] = mapped_column(String(32))
    place: Mapped[str] = mapped_column(ForeignKey("place.code"))
    outward: Mapped[bool]
    by: Mapped[str] = mapped_column(ForeignKey("user_account.code"))
    at: Mapped[datetime]
    __table_args__ = (UniqueConstraint("document", "place", "outward", "by"),)


class KeeperRefusal(Base):
    """Somebody who is no keeper of a place tried to move its goods alone."""

    __tablename__ = "keeper_refusal"
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    at: Mapped[datetime]
    by: Mapped[str] = mapped_column(String(64))
    document: Mapped[str] = mapped_column(String(32), index=True)
    place: Mapped[str] = mapped_column(ForeignKey("place.code"))
    part: Mapped[str] = mapped_column(ForeignKey("part.code"))
    outward: Mapped[bool]
    signed_by: Mapped[str | None] = mapped_column(ForeignKey("user_account.code"))
    signed_at: Mapped[datetime | None]


class Transfer(Base):
    """Goods moved inside the house by hand, or a movement taken back; not `booked_at` before a second signature."""

    __tablename__ = "transfer"
    number: Mapped[str] = mapped_column(String(32), primary_key=True)
    by: Mapped[str] = mapped_column(ForeignKey("user_account.code"))
    key: Mapped[str] = mapped_column(String(200))
    digest: Mapped[bytes] = mapped_column(LargeBinary)
    at: Mapped[datetime]
    reason: Mapped[MovementReason]
    part: Mapped[str] = mapped_column(ForeignKey("part.code"))
    quantity: Mapped[int]
    source: Mapped[str] = mapped_column(ForeignKey("place.code"))
    target: Mapped[str] = mapped_column(ForeignKey("place.code"))
    lot: Mapped[str | None] = mapped_column(String(64))
    serial: Mapped[str | None] = mapped_column(String(64))
    reverses: Mapped[int | None] = mapped_column(ForeignKey("movement.id"))
    note: Mapped[str] = mapped_column(server_default="")
    booked_at: Mapped[datetime | None]
    __table_args__ = (
        UniqueConstraint("by", "key"),
        CheckConstraint("quantity > 0", name="quantity"),
        Index("ix_transfer_waiting", "at", postgresql_where=text("booked_at is null")),
    )
