"""What covers a fault: the unit's warranty, and the guarantees of parts fitted before (policy 2.2.2, 2.3.1)."""

from dataclasses import dataclass
from datetime import date

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from database.tables import LineState, OrderLine, Part, ProductModel, RegisteredUnit, ReplacementOrder
from domain.warranty import is_covered, months_later


@dataclass(frozen=True)
class UnitCover:
    """A registered unit's warranty; its last day counts."""

    sold_on: date
    months: int

    @property
    def until(self) -> date:
        return months_later(self.sold_on, self.months)

    def holds(self, on: date) -> bool:
        return is_covered(self.sold_on, self.months, on)


@dataclass(frozen=True)
class PartCover:
    """The guarantee of a part fitted into a unit; it runs from the day it was fitted."""

    part: str
    name_en: str
    name_zh: str
    order: str
    fitted_on: date
    until: date

    def holds(self, on: date) -> bool:
        return self.fitted_on <= on <= self.until


async def unit_cover(session: AsyncSession, serial: str | None) -> UnitCover | None:
    """The warranty of the unit with this serial number; None if it is not registered."""
    if not serial:
        return None
    row = (
        await session.execute(
            select(RegisteredUnit.sold_on, ProductModel.warranty_months)
            .join(ProductModel, ProductModel.code == RegisteredUnit.model)
            .where(RegisteredUnit.serial == serial)
        )
    ).one_or_none()
    return UnitCover(row.sold_on, row.warranty_months) if row else None


async def part_covers(session: AsyncSession, serial: str | None, *, without: str) -> list[PartCover]:
    """The guarantees of parts fitted into this unit by other orders than `without`, the longest first.

    A part's newest fitting counts; the day it was fitted follows from its months.
    """
    if not serial:
        return []
    rows = await session.execute(
        select(
            OrderLine.part,
            Part.name_en,
            Part.name_zh,
            Part.guarantee_months,
            func.max(OrderLine.order).label("order"),
            func.max(OrderLine.guarantee_until).label("until"),
        )
        .join(ReplacementOrder, ReplacementOrder.number == OrderLine.order)
        .join(Part, Part.code == OrderLine.part)
        .where(
            ReplacementOrder.serial == serial,
            ReplacementOrder.number != without,
            OrderLine.state == LineState.FITTED,
            OrderLine.guarantee_until.is_not(None),
        )
        .group_by(OrderLine.part, Part.name_en, Part.name_zh, Part.guarantee_months)
        .order_by(func.max(OrderLine.guarantee_until).desc(), OrderLine.part)
    )
    return [
        PartCover(
            row.part, row.name_en, row.name_zh, row.order, months_later(row.until, -row.guarantee_months), row.until
        )
        for row in rows
    ]
