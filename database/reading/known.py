"""What is known of a caller before they have said much: by serial number or phone (policy 2.1.1a)."""

from collections.abc import Sequence
from datetime import date, datetime

from sqlalchemy import ColumnElement, false, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from database.reading.documents import View
from database.reading.orders import CustomerView
from database.tables import Customer, OrderLine, Part, ProductModel, RegisteredUnit, ReplacementOrder
from domain.stages import Stage
from domain.texts import plain_phone
from domain.warranty import months_later

MOST_ORDERS = 8


class KnownUnit(View):
    """A registered unit. `warranty_until` is the last day of its warranty (policy 2.3.1)."""

    serial: str
    model: str
    name_en: str
    name_zh: str
    sold_on: date
    warranty_until: date


class Guarantee(View):
    """A part fitted before that is still under its own guarantee (policy 2.2.2)."""

    part: str
    name_en: str
    name_zh: str
    order: str
    until: date


class EarlierOrder(View):
    number: str
    stage: Stage
    created_at: datetime
    ended_at: datetime | None
    fault: str


class Known(View):
    """A customer, their units and what was done for them."""

    customer: CustomerView | None
    units: tuple[KnownUnit, ...]
    guarantees: tuple[Guarantee, ...]
    orders: tuple[EarlierOrder, ...]


async def known(session: AsyncSession, serial: str, phone: str, today: date) -> Known | None:
    """What is known of this unit, else of this caller's units; None if nothing is."""
    units = await _units(session, RegisteredUnit.serial == serial) if serial else []
    owner = units[0][1] if units else None
    customer = await session.get(Customer, owner) if owner else await _by_phone(session, phone)
    if not units and customer:
        units = await _units(session, RegisteredUnit.customer == customer.id)
    serials = [unit.serial for unit, _ in units]
    by_phone = select(Customer.id).where(Customer.phone == (customer.phone if customer else plain_phone(phone)))
    about: ColumnElement[bool] = or_(
        ReplacementOrder.serial.in_(serials or [serial]),
        ReplacementOrder.customer.in_(by_phone) if customer and not serial else false(),
    )
    orders = await _orders(session, about)
    if not units and not customer and not orders:
        return None
    return Known(
        customer=CustomerView.model_validate(customer) if customer else None,
        units=tuple(unit for unit, _ in units),
        guarantees=tuple(await _guarantees(session, about, today)),
        orders=tuple(orders),
    )


async def _by_phone(session: AsyncSession, phone: str) -> Customer | None:
    """Whom we have known the longest: what strangers say under somebody's number stands beside it."""
    if not plain_phone(phone):
        return None
    return await session.scalar(
        select(Customer).where(Customer.phone == plain_phone(phone)).order_by(Customer.id).limit(1)
    )


async def _units(session: AsyncSession, wanted: ColumnElement[bool]) -> list[tuple[KnownUnit, int | None]]:
    rows = await session.execute(
        select(RegisteredUnit, ProductModel)
        .join(ProductModel, ProductModel.code == RegisteredUnit.model)
        .where(wanted)
        .order_by(RegisteredUnit.sold_on.desc(), RegisteredUnit.serial)
    )
    return [
        (
            KnownUnit(
                serial=unit.serial,
                model=model.code,
                name_en=model.name_en,
                name_zh=model.name_zh,
                sold_on=unit.sold_on,
                warranty_until=months_later(unit.sold_on, model.warranty_months),
            ),
            unit.customer,
        )
        for unit, model in rows
    ]


async def _orders(session: AsyncSession, about: ColumnElement[bool]) -> Sequence[EarlierOrder]:
    order = ReplacementOrder
    rows = await session.execute(
        select(order.number, order.stage, order.created_at, order.ended_at, order.fault_text.label("fault"))
        .where(about)
        .order_by(order.created_at.desc(), order.number.desc())
        .limit(MOST_ORDERS)
    )
    return [EarlierOrder.model_validate(row) for row in rows]


async def _guarantees(session: AsyncSession, about: ColumnElement[bool], today: date) -> Sequence[Guarantee]:
    rows = await session.execute(
        select(OrderLine.part, Part.name_en, Part.name_zh, OrderLine.order, OrderLine.guarantee_until.label("until"))
        .join(Part, Part.code == OrderLine.part)
        .join(ReplacementOrder, ReplacementOrder.number == OrderLine.order)
        .where(about, OrderLine.guarantee_until >= today)
        .order_by(OrderLine.guarantee_until.desc(), OrderLine.id)
    )
    return [Guarantee.model_validate(row) for row in rows]
