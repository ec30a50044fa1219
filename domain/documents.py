"""The kinds of document with a life of its own, known by the letters that their numbers begin with."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from domain.correcting import CORRECTIVE
from domain.messages import (
    CorrectiveState,
    DocumentState,
    OrderState,
    PurchaseState,
    RequestState,
    TaskState,
)
from domain.requests import REQUEST
from domain.stages import ORDER, PURCHASE, Life
from domain.tasks import TASK


@dataclass(frozen=True)
class Kind:
    """`workflow` is what carries it through its life, `folder` where the workflow's id begins."""

    prefix: str
    life: Life
    state: type[DocumentState]
    workflow: str
    folder: str
    name_zh: str


KINDS: Final[Sequence[Kind]] = (
    Kind("RO", ORDER, OrderState, "ReplacementOrder", "replacement-order", "换件单"),
    Kind("PO", PURCHASE, PurchaseState, "PurchaseOrder", "purchase-order", "采购订单"),
    Kind("WT", TASK, TaskState, "WarehouseTask", "warehouse-task", "仓储任务"),
    Kind("CA", CORRECTIVE, CorrectiveState, "CorrectiveAction", "corrective-action", "整改"),
    Kind("RFQ", REQUEST, RequestState, "RequestForQuotation", "request-for-quotation", "询价单"),
)


def kind_of(number: str) -> Kind:
    """Raises LookupError if no kind of document has such numbers."""
    prefix = number.partition("-")[0]
    for kind in KINDS:
        if kind.prefix == prefix:
            return kind
    raise LookupError(f"no document has a number like {number}")
