"""Which quotation counts: the one that was agreed to, or the one that is asked about (policy 2.2.2)."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import ColumnElement, Select, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.ext.asyncio import AsyncSession

from database.tables import Quotation, ReplacementOrder


def _newest(order: str, *where: ColumnElement[bool]) -> Select[Quotation]:
    wanted = select(Quotation).where(Quotation.order == order, Quotation.withdrawn_at.is_(None), *where)
    return wanted.order_by(Quotation.seq.desc()).limit(1)


async def newest(session: AsyncSession, order: str) -> Quotation:
    """What the customer was told last, if it was not taken back."""
    return (await session.scalars(_newest(order))).one()


async def agreed(session: AsyncSession, order: str) -> Quotation | None:
    """What the customer agreed to last."""
    return await session.scalar(_newest(order, Quotation.consented_at.is_not(None)))


async def broken_by(session: AsyncSession, orders: Collection[str], promised_at: datetime) -> list[str]:
    """Those of these orders, on their first supply, to which pieces promised for then come later than agreed."""
    newest_agreed = (
        select(Quotation.order, Quotation.parts_by)
        .ext(distinct_on(Quotation.order))
        .join(ReplacementOrder, ReplacementOrder.number == Quotation.order)
        .where(Quotation.order.in_(list(orders)), Quotation.consented_at.is_not(None), ReplacementOrder.round == 0)
        .order_by(Quotation.order, Quotation.seq.desc())
        .subquery()
    )
    rows = await session.scalars(
        select(newest_agreed.c.order).where(newest_agreed.c.parts_by < promised_at).order_by(newest_agreed.c.order)
    )
    return list(rows)
