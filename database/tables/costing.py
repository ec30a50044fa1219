"""What parts cost, by month, part and supplier, and what bringing them in cost (policy 3.3.2)."""

from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Identity, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from database.tables.base import Base


class InboundFreight(Base):
    """A bill for bringing in the goods of a purchase order. Never changed: a bill that was wrong is followed by one of
    the opposite amount. Haste has a reason."""

    __tablename__ = "inbound_freight"
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    purchase_order: Mapped[str] = mapped_column(ForeignKey("purchase_order.number"), index=True)
    amount: Mapped[Decimal]
    expedited_because: Mapped[str | None] = mapped_column(Text)
    reference: Mapped[str]
    at: Mapped[datetime] = mapped_column(index=True)
    by: Mapped[str] = mapped_column(String(64))
    key: Mapped[str] = mapped_column(String(200))
    __table_args__ = (
        UniqueConstraint("purchase_order", "by", "key"),
        CheckConstraint("amount <> 0", name="amount"),
        CheckConstraint("expedited_because <> ''", name="reason"),
    )


class CostMonth(Base):
    """A month's sums of one part from one supplier; without a supplier what can't be laid to one. Computed anew as long
    as the month may change. `month` is its first day where the office is."""

    __tablename__ = "cost_month"
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    month: Mapped[date]
    part: Mapped[str] = mapped_column(ForeignKey("part.code"))
    supplier: Mapped[str | None] = mapped_column(ForeignKey("supplier.code"))
    pieces: Mapped[int]
    price: Mapped[Decimal]
    freight: Mapped[Decimal]
    expedited: Mapped[Decimal]
    storage: Mapped[Decimal]
    lines: Mapped[int]
    with_target: Mapped[int]
    at_target: Mapped[int]
    priced: Mapped[Decimal]
    target: Mapped[Decimal]
    __table_args__ = (UniqueConstraint("month", "part", "supplier", postgresql_nulls_not_distinct=True),)


class CostRollUp(Base):
    """Until which instant the costs of a month were summed up, and by which policy version."""

    __tablename__ = "cost_roll_up"
    month: Mapped[date] = mapped_column(primary_key=True)
    until: Mapped[datetime]
    policy_name: Mapped[str] = mapped_column(String(32))
    policy_version: Mapped[int]
