"""Customers: who they are and where they live, as far as we know (policy 2.1.2)."""

from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from database.tables import Customer, ReplacementOrder

FIELDS: Final = ("name", "phone", "email", "province", "city", "district", "address", "language")


async def named(session: AsyncSession, said: Mapping[str, Any], *, by_us: bool) -> Customer:
    """The customer of that name and phone. What an agent hears anew about them replaces what was known; what comes from
    outside does not, or who knows a name and a number could have somebody's parts sent elsewhere: it stands beside."""
    told = {field: value for field, value in said.items() if value and field != "language"}
    known = select(Customer).where(Customer.phone == said["phone"], Customer.name == said["name"]).order_by(Customer.id)
    found = (await session.scalars(known)).all()
    same = [one for one in found if by_us or all(getattr(one, field) == value for field, value in told.items())]
    if not same:
        return await _added(session, said)
    return await put_right(session, same[0], told | {"language": said["language"]}) if by_us else same[0]


async def put_right(session: AsyncSession, customer: Customer, told: Mapping[str, Any], order: str = "") -> Customer:
    """The customer with what was `told`, for this `order` or a new one. What another open order stands on stays as it
    is: its signature covers who gets the parts, and where."""
    known = {field: getattr(customer, field) for field in FIELDS}
    if known | dict(told) == known:
        return customer
    others = select(ReplacementOrder.number).where(
        ReplacementOrder.customer == customer.id, ReplacementOrder.ended_at.is_(None), ReplacementOrder.number != order
    )
    if await session.scalar(others.limit(1)):
        return await _added(session, known | dict(told))
    for field, value in told.items():
        setattr(customer, field, value)
    await session.flush()
    return customer


async def _added(session: AsyncSession, said: Mapping[str, Any]) -> Customer:
    customer = Customer(**said)
    session.add(customer)
    await session.flush()
    return customer
