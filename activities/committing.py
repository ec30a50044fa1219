"""Commits a step: one transaction, done once however often it is called."""

from typing import Any, TypeVar

from sqlalchemy import exists, select
from sqlalchemy.ext.asyncio import AsyncSession
from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.steps import (
    take_corrective_step,
    take_order_step,
    take_purchase_step,
    take_request_step,
    take_task_step,
)
from activities.steps.work import CorrectiveWork, OrderWork, PurchaseWork, RequestWork, TaskWork, Work
from database import keeping
from database.documents import AnyDocument
from database.policies import OWN_DAYS, load, on_calendar
from database.session import Sessions
from database.tables import (
    CorrectiveAction,
    EventLog,
    PurchaseOrder,
    ReplacementOrder,
    RequestForQuotation,
    Submission,
    WarehouseTask,
)
from domain.decisions import DECISIONS
from domain.messages import CorrectiveState, OrderState, PurchaseState, RequestState, Step, TaskState
from domain.stages import Refusal

D = TypeVar("D", ReplacementOrder, PurchaseOrder, WarehouseTask, CorrectiveAction, RequestForQuotation)
S = TypeVar("S", OrderState, PurchaseState, TaskState, CorrectiveState, RequestState)


class Committing:
    """The one writer of documents."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    @activity.defn
    async def commit_order(self, step: Step) -> OrderState:
        """Takes an order's step. A repeat gives what the first gave: the log row's key is (order, seq).

        If another step stands there, the answer is where that one led, so that its errands are done too.
        """
        try:
            async with self._sessions.begin() as session:
                return await order_step(session, step)
        except Refusal as refusal:
            await self._note(refusal, step)
            raise refused(refusal) from refusal

    @activity.defn
    async def commit_purchase(self, step: Step) -> PurchaseState:
        """Takes a purchase order's step, with the same guarantee."""
        try:
            async with self._sessions.begin() as session:
                return await purchase_step(session, step)
        except Refusal as refusal:
            await self._note(refusal, step)
            raise refused(refusal) from refusal

    @activity.defn
    async def commit_task(self, step: Step) -> TaskState:
        """Takes a warehouse task's step, with the same guarantee."""
        try:
            async with self._sessions.begin() as session:
                return await task_step(session, step)
        except Refusal as refusal:
            await self._note(refusal, step)
            raise refused(refusal) from refusal

    @activity.defn
    async def commit_corrective(self, step: Step) -> CorrectiveState:
        """Takes a corrective action's step, with the same guarantee."""
        try:
            async with self._sessions.begin() as session:
                return await corrective_step(session, step)
        except Refusal as refusal:
            raise refused(refusal) from refusal

    @activity.defn
    async def commit_request(self, step: Step) -> RequestState:
        """Takes a request for quotation's step, with the same guarantee."""
        try:
            async with self._sessions.begin() as session:
                return await request_step(session, step)
        except Refusal as refusal:
            raise refused(refusal) from refusal

    async def _note(self, refusal: Refusal, step: Step) -> None:
        """Who tried to move goods that are not theirs to move is on record (policy 4.3.3)."""
        if isinstance(refusal, keeping.NotTheKeeper):
            async with self._sessions.begin() as session:
                await keeping.note(session, refusal, step.at)


async def order_step(session: AsyncSession, step: Step) -> OrderState:
    """Takes an order's step inside the caller's transaction. Raises Refusal."""
    order, own_days = await _locked(session, ReplacementOrder, step)
    if order.seq != step.seq - 1:
        return OrderState.model_validate(await _recorded(session, order, step))
    state = OrderState.model_validate(order.state)
    work: OrderWork = await _begin(session, order, step, state, own_days)
    work.shipment, work.audit = state.shipment, state.audit
    return await take_order_step(work)


async def purchase_step(session: AsyncSession, step: Step) -> PurchaseState:
    """Takes a purchase order's step inside the caller's transaction. Raises Refusal."""
    purchase, own_days = await _locked(session, PurchaseOrder, step)
    if purchase.seq != step.seq - 1:
        return PurchaseState.model_validate(await _recorded(session, purchase, step))
    state = PurchaseState.model_validate(purchase.state)
    work: PurchaseWork = await _begin(session, purchase, step, state, own_days)
    return await take_purchase_step(work)


async def task_step(session: AsyncSession, step: Step) -> TaskState:
    """Takes a warehouse task's step inside the caller's transaction. Raises Refusal."""
    task, own_days = await _locked(session, WarehouseTask, step)
    if task.seq != step.seq - 1:
        return TaskState.model_validate(await _recorded(session, task, step))
    state = TaskState.model_validate(task.state)
    work: TaskWork = await _begin(session, task, step, state, own_days)
    return await take_task_step(work)


async def corrective_step(session: AsyncSession, step: Step) -> CorrectiveState:
    """Takes a corrective action's step inside the caller's transaction. Raises Refusal."""
    action, own_days = await _locked(session, CorrectiveAction, step)
    if action.seq != step.seq - 1:
        return CorrectiveState.model_validate(await _recorded(session, action, step))
    state = CorrectiveState.model_validate(action.state)
    work: CorrectiveWork = await _begin(session, action, step, state, own_days)
    work.verified_by = state.verified_by
    return await take_corrective_step(work)


async def request_step(session: AsyncSession, step: Step) -> RequestState:
    """Takes a request for quotation's step inside the caller's transaction. Raises Refusal."""
    request, own_days = await _locked(session, RequestForQuotation, step)
    if request.seq != step.seq - 1:
        return RequestState.model_validate(await _recorded(session, request, step))
    state = RequestState.model_validate(request.state)
    work: RequestWork = await _begin(session, request, step, state, own_days)
    return await take_request_step(work)


async def _locked(session: AsyncSession, kind: type[D], step: Step) -> tuple[D, dict[str, bool] | None]:
    """The document, and the company's own calendar, which every step of every document needs."""
    wanted = select(kind, OWN_DAYS).where(kind.number == step.document)
    locked = wanted.with_for_update(of=kind).execution_options(populate_existing=True)
    document, own_days = (await session.execute(locked)).one()
    return document, own_days


async def _begin(session: AsyncSession, document: D, step: Step, state: S, own_days: dict[str, bool] | None) -> Work[D]:
    policy = await load(session, document.policy_name, document.policy_version)
    content = None
    if step.submission is not None:
        content = await _said(session, step)
    return Work(
        session=session,
        document=document,
        step=step,
        time=on_calendar(policy, own_days),
        content=content,
        stage=document.stage,
        wait=state.wait,
    )


async def _said(session: AsyncSession, step: Step) -> Any:
    """What was submitted with the step. Raises Refusal if it is on record already: it is decided once."""
    taken = exists().where(EventLog.document == step.document, EventLog.submission == step.submission)
    submission = (
        await session.execute(
            select(Submission.action, Submission.content, taken).where(Submission.id == step.submission)
        )
    ).one()
    if submission[2]:
        raise Refusal("stage_moved_on", "it was decided before")
    return DECISIONS[submission.action].model_validate(submission.content)


async def _recorded(session: AsyncSession, document: AnyDocument, step: Step) -> dict[str, Any]:
    """Where the step led that was taken at this place; where the document stands now if there is none, because the
    database was put back to an earlier day."""
    row = await session.get(EventLog, (step.document, step.seq))
    return row.state if row is not None else document.state


def refused(refusal: Refusal) -> ApplicationError:
    """A refusal as it travels: final, with its stable code as type."""
    return ApplicationError(str(refusal), type=refusal.code, non_retryable=True)
