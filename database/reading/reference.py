"""What there is to choose from: models, parts, faults, suppliers, technicians, places to go."""

from collections.abc import Collection
from datetime import date
from decimal import Decimal
from typing import Any, Final, TypeVar

from sqlalchemy import ColumnElement, String, cast, func, literal, or_, select
from sqlalchemy.dialects.postgresql import JSONB, aggregate_order_by
from sqlalchemy.ext.asyncio import AsyncSession

from database.contracts import in_force
from database.reading.documents import View
from database.tables import (
    Base,
    CarrierAccount,
    Certificate,
    Contract,
    Fault,
    Part,
    PartModel,
    ProductModel,
    RegisteredUnit,
    ServiceCentre,
    ServiceOutlet,
    Supplier,
    Technician,
    Tracking,
    UserAccount,
)
from domain.stages import Role

V = TypeVar("V", bound=View)


class Named(View):
    code: str
    name_en: str
    name_zh: str


class ModelView(Named):
    category: str
    warranty_months: int


class FaultView(Named):
    """A fault of the tree; `categories` are the kinds of product that can have it, none named is all."""

    parent: str | None
    categories: tuple[str, ...]


class CentreView(Named):
    city: str
    phone: str


class OutletView(Named):
    """Where products are inspected; open on these days of the week (1 is Monday) between two times of the day."""

    service_centre: str
    address: str
    phone: str
    open_days: str
    opens: str
    closes: str


class CarrierView(Named):
    """A contract with a carrier; `kind` says how it is asked."""

    kind: str
    carrier: str
    preferred: int


class PartView(Named):
    """A part and the models it fits (policy 1.3.2). Money in yuan."""

    specification: str
    unit: str
    weight_kg: Decimal
    length_cm: Decimal
    width_cm: Decimal
    height_cm: Decimal
    value_class: str
    hazard_class: str
    list_price: Decimal
    guarantee_months: int
    tracking: Tracking
    superseded_by: str | None
    models: tuple[str, ...]


class PriceView(View):
    part: str
    price: Decimal
    lead_days: int
    valid_until: date


class SupplierView(Named):
    """A supplier of the register (policy 3.1.1) and what it asks."""

    contact: str
    email: str
    standing: str
    prices: tuple[PriceView, ...]


class CertificateView(View):
    category: str
    number: str
    expires_on: date
    valid: bool


class TechnicianView(View):
    """A technician and what they may install (policy 6.1.1)."""

    code: str
    name: str
    service_centre: str
    city: str
    phone: str
    certificates: tuple[CertificateView, ...]


async def model_of(session: AsyncSession, serial: str) -> ModelView | None:
    """What a registered unit is."""
    found = await session.scalar(
        select(ProductModel)
        .join(RegisteredUnit, RegisteredUnit.model == ProductModel.code)
        .where(RegisteredUnit.serial == serial)
    )
    return ModelView.model_validate(found) if found else None


async def models(session: AsyncSession) -> list[ModelView]:
    return await _all(session, ProductModel, ModelView)


async def faults(session: AsyncSession) -> list[FaultView]:
    """The fault tree; a code begins with its parent's."""
    return await _all(session, Fault, FaultView)


async def service_centres(session: AsyncSession) -> list[CentreView]:
    return await _all(session, ServiceCentre, CentreView)


async def service_outlets(session: AsyncSession) -> list[OutletView]:
    return await _all(session, ServiceOutlet, OutletView)


async def carriers(session: AsyncSession) -> list[CarrierView]:
    return await _all(session, CarrierAccount, CarrierView)


async def parts(session: AsyncSession, model: str | None = None, also: Collection[str] = ()) -> list[PartView]:
    """Every part, or those that fit a model, and `also` some that do not."""
    fits = (
        select(func.coalesce(func.array_agg(aggregate_order_by(PartModel.model, PartModel.model)), []))
        .where(PartModel.part == Part.code)
        .correlate(Part)
        .scalar_subquery()
    )
    wanted = select(*Part.__table__.columns, fits.label("models")).order_by(Part.code)
    if model:
        fitting = select(PartModel.part).where(PartModel.model == model)
        wanted = wanted.where(or_(Part.code.in_(fitting), Part.code.in_(also)))
    return [PartView.model_validate(row) for row in await session.execute(wanted)]


async def suppliers(session: AsyncSession, today: date, part: str | None = None) -> list[SupplierView]:
    """Every supplier, or those that have a contract for a part, with what they ask."""
    asked = [Contract.supplier == Supplier.code, in_force(Contract, today)]
    if part:
        asked.append(Contract.part == part)
    price = func.jsonb_build_object(
        "part", Contract.part, "price", cast(Contract.price, String),
        "lead_days", Contract.lead_days, "valid_until", Contract.valid_until,
    )  # fmt: skip
    prices = _gathered(price, Contract.part, asked, Supplier)
    wanted = select(*Supplier.__table__.columns, prices.label("prices")).order_by(Supplier.code)
    if part:
        wanted = wanted.where(
            Supplier.code.in_(select(Contract.supplier).where(Contract.part == part, in_force(Contract, today)))
        )
    return [SupplierView.model_validate(row) for row in await session.execute(wanted)]


async def technicians(session: AsyncSession, today: date, category: str | None = None) -> list[TechnicianView]:
    """Every technician, or those with a valid certificate for a category of products."""
    certificate = func.jsonb_build_object(
        "category", Certificate.category, "number", Certificate.number,
        "expires_on", Certificate.expires_on, "valid", Certificate.expires_on >= today,
    )  # fmt: skip
    held = [Certificate.technician == Technician.code]
    certificates = _gathered(certificate, Certificate.category, held, Technician)
    wanted = (
        select(
            Technician.code,
            UserAccount.name,
            UserAccount.service_centre,
            Technician.city,
            Technician.phone,
            certificates.label("certificates"),
        )
        .join(UserAccount, UserAccount.code == Technician.code)
        .where(UserAccount.active)
        .order_by(Technician.code)
    )
    if category:
        qualified = select(Certificate.technician).where(
            Certificate.category == category, Certificate.expires_on >= today
        )
        wanted = wanted.where(Technician.code.in_(qualified))
    return [TechnicianView.model_validate(row) for row in await session.execute(wanted)]


_NONE: Final = literal([], JSONB)


def _gathered(row: Any, order: Any, wanted: list[ColumnElement[bool]], of: type[Base]) -> Any:
    """The rows that belong to one of `of`, as a list."""
    return (
        select(func.coalesce(func.jsonb_agg(aggregate_order_by(row, order)), _NONE))
        .where(*wanted)
        .correlate(of)
        .scalar_subquery()
    )


class PersonView(View):
    code: str
    name: str


async def people(session: AsyncSession, role: Role) -> list[PersonView]:
    """Who works here in this role, by name."""
    rows = (
        select(UserAccount.code, UserAccount.name)
        .where(UserAccount.active, UserAccount.roles.contains([role.value]))
        .order_by(UserAccount.name)
    )
    return [PersonView.model_validate(row) for row in await session.execute(rows)]


async def _all(session: AsyncSession, table: Any, view: type[V]) -> list[V]:
    rows = await session.scalars(select(table).order_by(table.code))
    return [view.model_validate(row) for row in rows]
