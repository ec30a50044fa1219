"""Orders that an application may say again: the same unit, the same fault, still open (policy 2.1.2)."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from database.tables import Customer, ReplacementOrder
from domain.duplicates import Complaint, same_fault
from domain.policy import Timekeeper

_O = ReplacementOrder


async def same_unit(session: AsyncSession, serial: str | None, model: str | None, phone: str) -> Sequence[_O]:
    """The open orders of a unit, newest first. Without a serial number on either side it is the customer's unit of
    that model. Whoever asks next about the same unit waits until this transaction is over."""
    for unit in filter(None, (serial, phone)):
        await session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(f"unit/{unit}", 0))))
    the_customers: ColumnElement[bool] = and_(_O.model == model, Customer.phone == phone)
    the_unit = or_(_O.serial == serial, and_(_O.serial.is_(None), the_customers)) if serial else the_customers
    found = await session.scalars(
        select(_O)
        .join(Customer, Customer.id == _O.customer)
        .where(_O.ended_at.is_(None), the_unit)
        .order_by(_O.created_at.desc(), _O.number.desc())
    )
    return found.all()


def duplicates(orders: Sequence[_O], complaint: Complaint, time: Timekeeper, now: datetime) -> list[_O]:
    """Those of a unit's orders that were made for the same fault, not too long ago."""
    rules = time.policy.duplicates
    return [
        order
        for order in orders
        if now <= time.after(order.created_at, rules.within)
        and same_fault(complaint, Complaint(order.fault_code, order.fault_text), rules)
    ]
