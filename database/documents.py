"""Where the documents of each kind stand."""

from collections.abc import Mapping
from typing import Final

from database.tables import CorrectiveAction, PurchaseOrder, ReplacementOrder, RequestForQuotation, WarehouseTask
from domain.documents import Kind

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
