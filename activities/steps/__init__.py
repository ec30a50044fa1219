"""What each action does to a document: one function a step, all in one transaction."""

from enum import StrEnum
from typing import Any, Final

from activities.steps import (
    amending,
    auditing,
    correcting,
    counting,
    delivering,
    installing,
    judging,
    purchasing,
    replenishing,
    requesting,
    rounds,
    settling,
    sourcing,
    supplementing,
)
from activities.steps.procedure import Procedure
from activities.steps.work import CorrectiveWork, OrderWork, TaskWork
from database.tables import CorrectiveAction, PurchaseOrder, ReplacementOrder, RequestForQuotation, WarehouseTask
from domain.correcting import CORRECTIVE, CorrectiveStage
from domain.messages import CorrectiveState, OrderState, PurchaseState, RequestState, TaskState
from domain.requests import REQUEST
from domain.stages import ENDS, ORDER, PURCHASE, Stage
from domain.tasks import CLOCK_OF, TASK
from domain.waiting import Clock

AUDITED = frozenset({Stage.AUDIT, Stage.ASKED})
"""Where an order has an audit's desk."""


class OfOrders(Procedure[ReplacementOrder, OrderState]):
    def resume(self, work: OrderWork, state: OrderState) -> None:
        work.shipment, work.audit = state.shipment, state.audit

    async def arrive(self, work: OrderWork, came_from: StrEnum) -> None:
        if work.stage in ENDS or work.stage is Stage.SETTLING:
            await settling.end(work)
        elif work.stage != came_from:
            await self._enter(work, came_from)
        if came_from is Stage.ASKED and work.stage not in AUDITED:
            await auditing.end_question(work)
        if work.stage not in AUDITED:
            work.audit = None

    async def _enter(self, work: OrderWork, came_from: StrEnum) -> None:
        if work.stage is Stage.SOURCING:
            await sourcing.source(work)
        elif work.stage is Stage.REWORK:
            work.document.round += 1
        if work.stage is Stage.AUDIT and came_from is not Stage.ASKED:
            await auditing.begin(work)

    def says(self, work: OrderWork) -> dict[str, Any]:
        order, audit = work.document, work.audit
        order.auditor, order.handed_by = (audit.holder, audit.handed_by) if audit else (None, None)
        return {
            "round": order.round,
            "entered_by": order.entered_by,
            "service_centre": order.service_centre,
            "urgent": order.urgent,
            "shipment": work.shipment,
            "audit": audit,
            "to_book": work.to_book,
            "to_recall": work.to_recall,
        }


class OfTasks(Procedure[WarehouseTask, TaskState]):
    def says(self, work: TaskWork) -> dict[str, Any]:
        return {"kind": work.document.kind, "to_begin": tuple(work.to_begin)}


class OfCorrectives(Procedure[CorrectiveAction, CorrectiveState]):
    def resume(self, work: CorrectiveWork, state: CorrectiveState) -> None:
        work.verified_by = state.verified_by

    def says(self, work: CorrectiveWork) -> dict[str, Any]:
        verified_by = work.verified_by if work.stage is CorrectiveStage.RELEASE else None
        return {"standing": work.document.standing, "verified_by": verified_by}


ORDERS: Final = OfOrders(
    ReplacementOrder,
    OrderState,
    ORDER,
    {
        **judging.STEPS,
        **auditing.STEPS,
        **sourcing.STEPS,
        **delivering.STEPS,
        **installing.STEPS,
        **settling.STEPS,
        **supplementing.STEPS,
        **amending.STEPS,
    },
    {
        Stage.TRIAGE: Clock.JUDGEMENT,
        Stage.QUOTED: Clock.CONSENT,
        Stage.RETURNED: Clock.CORRECTION,
        Stage.INSTALLATION: Clock.APPOINTMENT,
        Stage.REVISIT: Clock.REVISIT,
        Stage.REWORK: Clock.REWORK,
    },
)
PURCHASES: Final = Procedure(PurchaseOrder, PurchaseState, PURCHASE, purchasing.STEPS)
TASKS: Final = OfTasks(
    WarehouseTask, TaskState, TASK, {**counting.STEPS, **rounds.STEPS, **replenishing.STEPS}, CLOCK_OF
)
CORRECTIVES: Final = OfCorrectives(CorrectiveAction, CorrectiveState, CORRECTIVE, correcting.STEPS, correcting.CLOCK_OF)
REQUESTS: Final = Procedure(RequestForQuotation, RequestState, REQUEST, requesting.STEPS)
