"""Running numbers of documents, one series a kind and day."""

from datetime import datetime
from typing import Literal
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from database.tables import NumberSeries
from domain.numbers import document_number

Prefix = Literal["RO", "PO", "RTS", "WT", "CA", "MV", "RFQ"]
"""The kinds of documents that have numbers."""

_OFFICE = ZoneInfo("Asia/Shanghai")


async def next_number(session: AsyncSession, prefix: Prefix, at: datetime) -> str:
    """The next number of a kind of document, such as RO-20261123-00017, on the office's day of `at`."""
    day = at.astimezone(_OFFICE).date()
    counted = (
        insert(NumberSeries)
        .values(prefix=prefix, day=day, last=1)
        .on_conflict_do_update(index_elements=["prefix", "day"], set_={"last": NumberSeries.last + 1})
        .returning(NumberSeries.last)
    )
    running = await session.scalar(select(counted.cte("counted").c.last))
    assert running is not None
    return document_number(prefix, day, running)
