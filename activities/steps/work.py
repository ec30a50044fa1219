"""One step of a document's life while it is being done, inside one transaction."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Generic, TypeVar

from pydantic import BaseModel
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from database.reading.audits import Examined
from database.tables import (
    CorrectiveAction,
    LineState,
    OrderLine,
    PurchaseOrder,
    ReplacementOrder,
    RequestForQuotation,
    WarehouseTask,
)
from domain.messages import AuditDesk, Step
from domain.policy import Timekeeper
from domain.stages import Role
from domain.waiting import Clock, Wait

D = TypeVar("D", ReplacementOrder, PurchaseOrder, WarehouseTask, CorrectiveAction, RequestForQuotation)
Said = TypeVar("Said", bound=BaseModel)


@dataclass
class Work(Generic[D]):
    """What a step works with, and what it finds: where it leads, what is waited for next, who is told what."""

    session: AsyncSession
    document: D
    step: Step
    time: Timekeeper
    content: BaseModel | None
    stage: StrEnum
    wait: Wait | None
    details: dict[str, Any] = field(default_factory=dict)
    told: list[tuple[str, Role]] = field(default_factory=list)
    to_place: list[str] = field(default_factory=list)
    to_tell: list[str] = field(default_factory=list)
    to_begin: list[str] = field(default_factory=list)
    to_book: bool = False
    to_recall: bool = False
    shipment: str | None = None
    audit: AuditDesk | None = None
    verified_by: str | None = None
    examined: Examined | None = None

    @property
    def at(self) -> datetime:
        return self.step.at

    @property
    def effect(self) -> str:
        """The key that makes this step's effects happen once."""
        return f"{self.document.number}/{self.step.seq}"

    def said(self, kind: type[Said]) -> Said:
        """What the person said with the decision."""
        assert isinstance(self.content, kind)
        return self.content

    def start(self, clock: Clock, due: datetime | None = None) -> None:
        """From now on something else is waited for."""
        self.wait = self.time.wait(clock, self.at, due)


OrderWork = Work[ReplacementOrder]
PurchaseWork = Work[PurchaseOrder]
TaskWork = Work[WarehouseTask]
CorrectiveWork = Work[CorrectiveAction]
RequestWork = Work[RequestForQuotation]

Steps = Mapping[StrEnum, Callable[[Work[D]], Awaitable[None]]]
"""What an action does to a document of the kind."""
OrderSteps = Steps[ReplacementOrder]
PurchaseSteps = Steps[PurchaseOrder]
TaskSteps = Steps[WarehouseTask]
CorrectiveSteps = Steps[CorrectiveAction]
RequestSteps = Steps[RequestForQuotation]


async def lines_in(work: OrderWork, *states: LineState) -> Sequence[OrderLine]:
    """The order's lines in these states, in the order of their parts."""
    return (
        await work.session.scalars(
            select(OrderLine)
            .where(OrderLine.order == work.document.number, OrderLine.state.in_(states))
            .order_by(OrderLine.part, OrderLine.id)
        )
    ).all()
