"""Who and what there is: people, customers, products, parts, suppliers, policies."""

from datetime import date, datetime
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
    Numeric,
    String,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from database.tables.base import Base


class ServiceCentre(Base):
    __tablename__ = "service_centre"
    code: Mapped[str] = mapped_column(String(32), primary_key=True)
    name_en: Mapped[str]
    name_zh: Mapped[str]
    city: Mapped[str]
    phone: Mapped[str]


class ServiceOutlet(Base):
    """Where customers bring a product in for inspection (policy 2.2.1): open on these days of the week (1 is Monday)
    between two times of the day (`09:00`), where they are known."""

    __tablename__ = "service_outlet"
    code: Mapped[str] = mapped_column(String(32), primary_key=True)
    service_centre: Mapped[str] = mapped_column(ForeignKey("service_centre.code"))
    name_en: Mapped[str]
    name_zh: Mapped[str]
    address: Mapped[str]
    phone: Mapped[str] = mapped_column(server_default="")
    open_days: Mapped[str] = mapped_column(String(7), server_default="1234567")
    opens: Mapped[str] = mapped_column(String(5), server_default="09:00")
    closes: Mapped[str] = mapped_column(String(5), server_default="18:00")


class UserAccount(Base):
    __tablename__ = "user_account"
    code: Mapped[str] = mapped_column(String(32), primary_key=True)
    name: Mapped[str]
    roles: Mapped[list[str]] = mapped_column(ARRAY(String(32)))
    service_centre: Mapped[str] = mapped_column(ForeignKey("service_centre.code"))
    password_hash: Mapped[str | None]
    language: Mapped[str] = mapped_column(String(8), server_default="zh")
    active: Mapped[bool] = mapped_column(server_default=text("true"))
    failed_logins: Mapped[int] = mapped_column(server_default=text("0"))
    locked_until: Mapped[datetime | None]


class UserSession(Base):
    """A log-in. Only the hash of its token is kept."""

    __tablename__ = "user_session"
    token_hash: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    user: Mapped[str] = mapped_column(ForeignKey("user_account.code"), index=True)
    csrf: Mapped[str]
    expires_at: Mapped[datetime]


class ApiKey(Base):
    """A system's key; it acts as its user. Only the hash is kept."""

    __tablename__ = "api_key"
    key_hash: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    user: Mapped[str] = mapped_column(ForeignKey("user_account.code"))
    label: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    revoked_at: Mapped[datetime | None]


class Technician(Base):
    __tablename__ = "technician"
    code: Mapped[str] = mapped_column(ForeignKey("user_account.code"), primary_key=True)
    city: Mapped[str]
    phone: Mapped[str]


class Certificate(Base):
    """What a technician may install (policy 6.1.1)."""

    __tablename__ = "certificate"
    technician: Mapped[str] = mapped_column(ForeignKey("technician.code"), primary_key=True)
    category: Mapped[str] = mapped_column(String(32), primary_key=True)
    number: Mapped[str]
    expires_on: Mapped[date]


class Customer(Base):
    __tablename__ = "customer"
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    name: Mapped[str]
    phone: Mapped[str] = mapped_column(index=True)
    email: Mapped[str | None]
    province: Mapped[str] = mapped_column(server_default="")
    city: Mapped[str] = mapped_column(server_default="")
    district: Mapped[str] = mapped_column(server_default="")
    address: Mapped[str] = mapped_column(server_default="")
    language: Mapped[str] = mapped_column(String(8), server_default="zh")
    __table_args__ = (Index("ix_customer_email", text("lower(email)")),)


class ProductModel(Base):
    __tablename__ = "product_model"
    code: Mapped[str] = mapped_column(String(64), primary_key=True)
    category: Mapped[str] = mapped_column(String(32))
    name_en: Mapped[str]
    name_zh: Mapped[str]
    warranty_months: Mapped[int]


class RegisteredUnit(Base):
    __tablename__ = "registered_unit"
    serial: Mapped[str] = mapped_column(String(64), primary_key=True)
    model: Mapped[str] = mapped_column(ForeignKey("product_model.code"))
    sold_on: Mapped[date]
    customer: Mapped[int | None] = mapped_column(ForeignKey("customer.id"), index=True)


class Fault(Base):
    """The fault tree, three levels deep; a code such as `power.none.blown_fuse` carries its parents. `categories` are
    the kinds of product that can have it; none named is all."""

    __tablename__ = "fault"
    code: Mapped[str] = mapped_column(String(96), primary_key=True)
    parent: Mapped[str | None] = mapped_column(ForeignKey("fault.code"))
    name_en: Mapped[str]
    name_zh: Mapped[str]
    categories: Mapped[list[str]] = mapped_column(ARRAY(String(32)), server_default="{}")


class Tracking(StrEnum):
    """What the ledger names of a part's pieces beside how many."""

    NONE = "none"
    LOT = "lot"
    SERIAL = "serial"


class Part(Base):
    __tablename__ = "part"
    code: Mapped[str] = mapped_column(String(64), primary_key=True)
    name_en: Mapped[str]
    name_zh: Mapped[str]
    specification: Mapped[str]
    unit: Mapped[str] = mapped_column(String(16))
    weight_kg: Mapped[Decimal] = mapped_column(Numeric(8, 3))
    length_cm: Mapped[Decimal] = mapped_column(Numeric(8, 1))
    width_cm: Mapped[Decimal] = mapped_column(Numeric(8, 1))
    height_cm: Mapped[Decimal] = mapped_column(Numeric(8, 1))
    value_class: Mapped[str] = mapped_column(String(1))
    hazard_class: Mapped[str] = mapped_column(String(16), server_default="none")
    list_price: Mapped[Decimal]
    guarantee_months: Mapped[int]
    tracking: Mapped[Tracking] = mapped_column(server_default=Tracking.NONE)
    superseded_by: Mapped[str | None] = mapped_column(ForeignKey("part.code"))
    __table_args__ = (CheckConstraint("value_class in ('A', 'B', 'C')", name="value_class"),)


class PartModel(Base):
    """Which part fits which model (policy 1.3.2)."""

    __tablename__ = "part_model"
    part: Mapped[str] = mapped_column(ForeignKey("part.code"), primary_key=True)
    model: Mapped[str] = mapped_column(ForeignKey("product_model.code"), primary_key=True, index=True)


class SubstitutePart(Base):
    """A part that does as well as another, or better, wherever both fit (policy 1.3.2); beside those that supersede
    it, which the part itself names."""

    __tablename__ = "substitute_part"
    part: Mapped[str] = mapped_column(ForeignKey("part.code"), primary_key=True)
    substitute: Mapped[str] = mapped_column(ForeignKey("part.code"), primary_key=True)
    __table_args__ = (CheckConstraint("part <> substitute", name="another"),)


class Supplier(Base):
    __tablename__ = "supplier"
    code: Mapped[str] = mapped_column(String(32), primary_key=True)
    name_en: Mapped[str]
    name_zh: Mapped[str]
    contact: Mapped[str]
    email: Mapped[str]
    standing: Mapped[str] = mapped_column(String(16), server_default="qualified")
    __table_args__ = (CheckConstraint("standing in ('qualified', 'warned', 'suspended', 'dropped')", name="standing"),)


class PolicyVersion(Base):
    __tablename__ = "policy_version"
    name: Mapped[str] = mapped_column(String(32), primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    content: Mapped[dict[str, Any]]
    entered_by: Mapped[str] = mapped_column(String(32))
    entered_at: Mapped[datetime] = mapped_column(server_default=func.now())


class WorkingDayOverride(Base):
    """A day the company or the government decided otherwise about (policy 1.3.1)."""

    __tablename__ = "working_day_override"
    day: Mapped[date] = mapped_column(primary_key=True)
    worked: Mapped[bool]
    note: Mapped[str]


class NumberSeries(Base):
    """The last running number of each kind of document on each day."""

    __tablename__ = "number_series"
    prefix: Mapped[str] = mapped_column(String(8), primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
    last: Mapped[int]
