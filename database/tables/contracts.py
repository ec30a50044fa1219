"""What is agreed with suppliers and known of them (policy 3.1.1, 3.1.2). A row never changes: a trigger refuses it.

What has changed is the next version; `database.contracts.in_force` says which one counts on a day.
"""

from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    String,
    Text,
    UniqueConstraint,
    func,
)
from sqlalchemy.orm import Mapped, mapped_column

from database.tables.base import Base
from domain.suppliers import PaperKind, Proof


class _Entered:
    version: Mapped[int] = mapped_column(primary_key=True)
    entered_by: Mapped[str] = mapped_column(String(32))
    entered_at: Mapped[datetime] = mapped_column(server_default=func.now())


class Contract(_Entered, Base):
    """What a supplier delivers a part for. `price` and `freight` are yuan for a piece; `request` is the request for
    quotation that it comes from, if it does."""

    __tablename__ = "contract"
    supplier: Mapped[str] = mapped_column(ForeignKey("supplier.code"), primary_key=True)
    part: Mapped[str] = mapped_column(ForeignKey("part.code"), primary_key=True, index=True)
    specification: Mapped[str] = mapped_column(Text)
    quality_standard: Mapped[str]
    price: Mapped[Decimal]
    freight: Mapped[Decimal] = mapped_column(server_default="0")
    lead_days: Mapped[int]
    valid_from: Mapped[date]
    valid_until: Mapped[date]
    payment_terms: Mapped[str]
    guarantee_months: Mapped[int] = mapped_column(server_default="0")
    after_sales: Mapped[str] = mapped_column(Text, server_default="")
    request: Mapped[str | None] = mapped_column(String(32))
    __table_args__ = (
        CheckConstraint("price > 0 and freight >= 0 and lead_days > 0 and guarantee_months >= 0", name="terms"),
        CheckConstraint("valid_until >= valid_from", name="in_order"),
    )


class ContractBreak(Base):
    """From so many pieces on, another price for a piece."""

    __tablename__ = "contract_break"
    supplier: Mapped[str] = mapped_column(String(32), primary_key=True)
    part: Mapped[str] = mapped_column(String(64), primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    from_quantity: Mapped[int] = mapped_column(primary_key=True)
    price: Mapped[Decimal]
    __table_args__ = (
        ForeignKeyConstraint(
            ["supplier", "part", "version"], ["contract.supplier", "contract.part", "contract.version"]
        ),
        CheckConstraint("from_quantity > 1 and price > 0", name="terms"),
    )


class Qualification(_Entered, Base):
    """A supplier may deliver a part, for a time, on some evidence (policy 3.1.1)."""

    __tablename__ = "qualification"
    supplier: Mapped[str] = mapped_column(ForeignKey("supplier.code"), primary_key=True)
    part: Mapped[str] = mapped_column(ForeignKey("part.code"), primary_key=True, index=True)
    valid_from: Mapped[date]
    valid_until: Mapped[date]
    proof: Mapped[Proof]
    reference: Mapped[str]
    note: Mapped[str] = mapped_column(Text, server_default="")
    __table_args__ = (CheckConstraint("valid_until >= valid_from", name="in_order"),)


class SupplierPaper(_Entered, Base):
    """A licence or certificate that runs out."""

    __tablename__ = "supplier_paper"
    supplier: Mapped[str] = mapped_column(ForeignKey("supplier.code"), primary_key=True)
    kind: Mapped[PaperKind] = mapped_column(primary_key=True)
    number: Mapped[str]
    issued_by: Mapped[str] = mapped_column(server_default="")
    expires_on: Mapped[date]


class ExpiryNotice(Base):
    """That something of a supplier's runs out was told: once for each version of it. `kind` is a paper's, or what is
    agreed about a part. Append-only by trigger."""

    __tablename__ = "expiry_notice"
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    supplier: Mapped[str] = mapped_column(ForeignKey("supplier.code"))
    kind: Mapped[str] = mapped_column(String(32))
    part: Mapped[str] = mapped_column(String(64))
    version: Mapped[int]
    runs_out_on: Mapped[date]
    told_at: Mapped[datetime]
    __table_args__ = (UniqueConstraint("supplier", "kind", "part", "version"),)
