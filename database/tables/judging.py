"""What the first judgement needs and leaves: recalls, inspections (policy 1.3.2, 2.2.1)."""

from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import CheckConstraint, ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from database.tables.base import Base


class Recall(Base):
    """Units of a model that are to be put right whoever complains: those with serial numbers from one to another,
    as long as the recall is open. `part` cures them, if a part does."""

    __tablename__ = "recall"
    code: Mapped[str] = mapped_column(String(32), primary_key=True)
    model: Mapped[str] = mapped_column(ForeignKey("product_model.code"), index=True)
    serial_from: Mapped[str] = mapped_column(String(64))
    serial_to: Mapped[str] = mapped_column(String(64))
    part: Mapped[str | None] = mapped_column(ForeignKey("part.code"))
    name_en: Mapped[str]
    name_zh: Mapped[str]
    opened_on: Mapped[date]
    closed_on: Mapped[date | None]
    __table_args__ = (
        CheckConstraint("length(serial_from) = length(serial_to)", name="serials"),
        CheckConstraint("closed_on >= opened_on", name="closed_after_opened"),
    )


class Inspection(Base):
    """The customer brings the product to an outlet, or sends it there (policy 2.2.1). `to_pay` is what an inspection
    costs that found no fault."""

    __tablename__ = "inspection"
    order: Mapped[str] = mapped_column(ForeignKey("replacement_order.number"), primary_key=True)
    seq: Mapped[int] = mapped_column(primary_key=True)
    outlet: Mapped[str] = mapped_column(ForeignKey("service_outlet.code"))
    comes_at: Mapped[datetime | None]
    waybill: Mapped[str | None] = mapped_column(String(40))
    found_at: Mapped[datetime | None]
    fault_found: Mapped[bool | None]
    to_pay: Mapped[Decimal | None]
