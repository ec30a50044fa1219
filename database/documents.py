"""Where the documents of each kind stand."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from database.tables import CorrectiveAction, PurchaseOrder, ReplacementOrder, RequestForQuotation, WarehouseTask
from domain.documents import Kind, kind_of

AnyDocument = ReplacementOrder | PurchaseOrder | WarehouseTask | CorrectiveAction | RequestForQuotation

TABLES: Final[Mapping[str, type[AnyDocument]]] = {
    "RO": ReplacementOrder,
    "PO": PurchaseOrder,
    "WT": WarehouseTask,
    "CA": CorrectiveAction,
    "RFQ": RequestForQuotation,
}
"""By the letters that the documents' numbers begin with."""


def table_of(kind: Kind) -> type[AnyDocument]:
    return TABLES[kind.prefix]


async def mark_started(session: AsyncSession, number: str, now: datetime) -> None:
    """Notes that a document's workflow was started, so that nobody has to start it again."""
    table = table_of(kind_of(number))
    await session.execute(
        update(table).where(table.number == number, table.started_at.is_(None)).values(started_at=now)
    )
