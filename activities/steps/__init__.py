"""What each action does to a document: one function a step, all in one transaction."""

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
from activities.steps.work import (
    CorrectiveWork,
    OrderSteps,
    OrderWork,
    PurchaseSteps,
    PurchaseWork,
    RequestSteps,
    RequestWork,
    TaskSteps,
    TaskWork,
)
from database.steps import record, reminder
from domain.correcting import CORRECTIVE, CORRECTIVE_ENDS, CorrectiveStage
from domain.decisions import MoveDue
from domain.messages import CorrectiveState, DocumentState, OrderState, PurchaseState, RequestState, TaskState
from domain.notices import TOLD
from domain.requests import REQUEST, REQUEST_ENDS, RequestStage
from domain.stages import ENDS, ORDER, PURCHASE, PURCHASE_ENDS, Action, PurchaseStage, Refusal, Role, Stage
from domain.tasks import CLOCK_OF, TASK, TASK_ENDS, TaskStage
from domain.waiting import Clock

ORDER_STEPS: OrderSteps = {
    **judging.STEPS,
    **auditing.STEPS,
    **sourcing.STEPS,
    **delivering.STEPS,
    **installing.STEPS,
    **settling.STEPS,
    **supplementing.STEPS,
    **amending.STEPS,
}
PURCHASE_STEPS: PurchaseSteps = purchasing.STEPS
REQUEST_STEPS: RequestSteps = requesting.STEPS
TASK_STEPS: TaskSteps = {**counting.STEPS, **rounds.STEPS, **replenishing.STEPS}

FIRST_CLOCK = {
    Stage.TRIAGE: Clock.JUDGEMENT,
    Stage.QUOTED: Clock.CONSENT,
    Stage.RETURNED: Clock.CORRECTION,
    Stage.INSTALLATION: Clock.APPOINTMENT,
    Stage.REVISIT: Clock.REVISIT,
    Stage.REWORK: Clock.REWORK,
}
"""What a stage waits for when an order comes to it; the other stages' own steps say it."""

AUDITED = frozenset({Stage.AUDIT, Stage.ASKED})
"""Where an order has an audit's desk."""


async def take_order_step(work: OrderWork) -> OrderState:
    """Does the step and puts it on record. Raises Refusal, and then nothing is written."""
    order, step = work.document, work.step
    came_from = order.stage
    work.stage = ORDER.next_stage(came_from, step.action, step.role)
    _ring(work)
    if step.action in ORDER_STEPS:
        await ORDER_STEPS[step.action](work)
    if work.stage in ENDS or work.stage is Stage.SETTLING:
        await settling.end(work)
    elif work.stage != came_from:
        await _enter(work, came_from)
    if came_from is Stage.ASKED and work.stage not in AUDITED:
        await auditing.end_question(work)
    audit = work.audit if work.stage in AUDITED else None
    order.auditor, order.handed_by = (audit.holder, audit.handed_by) if audit else (None, None)
    order.stage = Stage(work.stage)
    if work.stage in ENDS:
        order.ended_at = work.at
    state = OrderState(
        number=order.number,
        stage=order.stage,
        seq=step.seq,
        round=order.round,
        entered_by=order.entered_by,
        service_centre=order.service_centre,
        urgent=order.urgent,
        wait=work.wait,
        action=step.action,
        submission=step.submission,
        shipment=work.shipment,
        audit=audit,
        to_place=tuple(work.to_place),
        to_tell=tuple(work.to_tell),
        to_book=work.to_book,
        to_recall=work.to_recall,
    )
    _record(work, state, came_from)
    return state


async def _enter(work: OrderWork, came_from: Stage) -> None:
    if work.stage is Stage.SOURCING:
        await sourcing.source(work)
    elif work.stage is Stage.REWORK:
        work.document.round += 1
    if work.stage is Stage.AUDIT and came_from is not Stage.ASKED:
        await auditing.begin(work)
    elif work.stage in FIRST_CLOCK:
        work.start(FIRST_CLOCK[Stage(work.stage)])


async def take_purchase_step(work: PurchaseWork) -> PurchaseState:
    """Does the step and puts it on record. Raises Refusal, and then nothing is written."""
    purchase, step = work.document, work.step
    came_from = purchase.stage
    work.stage = PURCHASE.next_stage(came_from, step.action, step.role)
    _ring(work)
    if step.action in PURCHASE_STEPS:
        await PURCHASE_STEPS[step.action](work)
    purchase.stage = PurchaseStage(work.stage)
    if work.stage in PURCHASE_ENDS:
        purchase.ended_at = work.at
    state = PurchaseState(
        number=purchase.number,
        stage=purchase.stage,
        seq=step.seq,
        wait=work.wait,
        action=step.action,
        submission=step.submission,
        to_tell=tuple(work.to_tell),
        to_place=tuple(work.to_place),
    )
    _record(work, state, came_from)
    return state


async def take_task_step(work: TaskWork) -> TaskState:
    """Does the step and puts it on record. Raises Refusal, and then nothing is written."""
    task, step = work.document, work.step
    came_from = task.stage
    work.stage = TASK.next_stage(came_from, step.action, step.role)
    _ring(work)
    if step.action in TASK_STEPS:
        await TASK_STEPS[step.action](work)
    task.stage = TaskStage(work.stage)
    if task.stage in TASK_ENDS:
        task.ended_at, work.wait = work.at, None
    elif task.stage is not came_from:
        work.start(CLOCK_OF[task.stage])
    state = TaskState(
        number=task.number,
        kind=task.kind,
        stage=task.stage,
        seq=step.seq,
        wait=work.wait,
        action=step.action,
        submission=step.submission,
        to_place=tuple(work.to_place),
        to_begin=tuple(work.to_begin),
    )
    _record(work, state, came_from)
    return state


async def take_corrective_step(work: CorrectiveWork) -> CorrectiveState:
    """Does the step and puts it on record. Raises Refusal, and then nothing is written."""
    action, step = work.document, work.step
    came_from = action.stage
    work.stage = CORRECTIVE.next_stage(came_from, step.action, step.role)
    _ring(work)
    if step.action in correcting.STEPS:
        await correcting.STEPS[step.action](work)
    action.stage = CorrectiveStage(work.stage)
    if action.stage in CORRECTIVE_ENDS:
        work.wait, action.ended_at = None, work.at
    elif action.stage is not came_from and step.action is not Action.ANSWER_DEMAND:
        work.start(correcting.CLOCK_OF[action.stage])
    state = CorrectiveState(
        number=action.number,
        stage=action.stage,
        seq=step.seq,
        wait=work.wait,
        standing=action.standing,
        verified_by=work.verified_by if action.stage is CorrectiveStage.RELEASE else None,
        action=step.action,
        submission=step.submission,
        to_tell=tuple(work.to_tell),
    )
    _record(work, state, came_from)
    return state


async def take_request_step(work: RequestWork) -> RequestState:
    """Does the step and puts it on record. Raises Refusal, and then nothing is written."""
    request, step = work.document, work.step
    came_from = request.stage
    work.stage = REQUEST.next_stage(came_from, step.action, step.role)
    _ring(work)
    if step.action in REQUEST_STEPS:
        await REQUEST_STEPS[step.action](work)
    request.stage = RequestStage(work.stage)
    if work.stage in REQUEST_ENDS:
        request.ended_at, work.wait = work.at, None
    state = RequestState(
        number=request.number,
        stage=request.stage,
        seq=step.seq,
        wait=work.wait,
        action=step.action,
        submission=step.submission,
        to_place=tuple(work.to_place),
    )
    _record(work, state, came_from)
    return state


def _ring(work: OrderWork | PurchaseWork | TaskWork | CorrectiveWork | RequestWork) -> None:
    """An alarm that rang is used up or stands again later; a clock moved by a person starts anew."""
    step = work.step
    if step.alarm is not None and work.wait is not None:
        work.details |= {"clock": work.wait.clock, "due": work.wait.due.isoformat(), "count": step.alarm.count}
        if step.action in (Action.REMIND, Action.ESCALATE):
            work.told.append(reminder(step.action, work.wait))
            if step.action is Action.REMIND and work.wait.owner in (Role.CUSTOMER, Role.SUPPLIER):
                work.told.append((reminder(step.action, work.wait)[0], work.wait.owner))
        work.wait = work.time.rang(work.wait, step.alarm, work.at)
    elif step.action is Action.MOVE_DUE and work.wait is not None:
        due = work.said(MoveDue).due
        if due <= work.at:
            raise Refusal("invalid_time", "a clock can't be moved into the past")
        work.details |= {"due": [work.wait.due.isoformat(), due.isoformat()], "clock": work.wait.clock}
        work.wait = work.time.moved(work.wait, work.at, due)


def _record(
    work: OrderWork | PurchaseWork | TaskWork | CorrectiveWork | RequestWork, state: DocumentState, came_from: str
) -> None:
    step = work.step
    record(
        work.session,
        work.document,
        action=step.action,
        at=step.at,
        by=step.by,
        role=step.role,
        from_stage=came_from,
        details=work.details,
        submission=step.submission,
        state=state,
        told=[*work.told, *((step.action, audience) for audience in TOLD.get(step.action, ()))],
    )
