"""From a decision to its answer: checked against the row, written down, put to the document's workflow."""

import asyncio
from collections.abc import Iterator
from datetime import datetime
from typing import Final

import structlog
from pydantic import BaseModel
from sqlalchemy.ext.asyncio import AsyncSession
from temporalio.client import (
    Client,
    RPCTimeoutOrCancelledError,
    WorkflowUpdateFailedError,
)
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode

from api.auth import Principal
from api.dependencies import House
from api.problems import LastStep, Problem
from database import submissions
from database.reading.documents import Head, head, last_step
from database.recovery import with_errands
from domain import auditing
from domain.messages import AuditDesk, Decide, Decided, DocumentState, OrderState
from domain.stages import Action, Life, Refusal, Role
from runtime.temporal import UPDATE_TIMEOUT, document_workflow, start_document

PATIENCE: Final = 3
"""Seconds that an applicant waits for the order's workflow to start; later it starts by itself."""

_log = structlog.stdlib.get_logger(__name__)


async def decide(
    house: House,
    session: AsyncSession,
    who: Principal,
    life: Life,
    number: str,
    decision: BaseModel,
    *,
    key: str,
    now: datetime,
) -> Decided:
    """Decides about a document, whose life says what may be decided, and says where it stands then.

    The same key gives the same answer. If it is the last step on record its workflow is asked all the same: a worker
    that died after the commit may have left it not knowing.

    Raises Problem: `not_found`, `role_forbidden`, `own_case`, `stage_moved_on`, `idempotency_key_reused`, what the
    step itself refuses, and `engine_unreachable`, after which the same key must be sent again.
    """
    action: Action = getattr(decision, "action")  # noqa: B009
    document = await head(session, life, number)
    if document is None:
        raise Problem("not_found")
    said: submissions.Said | None = None
    try:
        said = await submissions.recall(session, number, who.code, key, decision)
        if said is not None and said.answer is not None and said.answer.seq < document.state.seq:
            return said.answer
        role = said.role if said else role_for(who, document, action)
        if said is None:
            await submissions.keep(
                session, document=number, action=action, decision=decision, by=who.code, role=role, key=key, now=now
            )
        await session.commit()
        submission = submissions.submission_id(number, who.code, key)
        message = Decide(action=action, by=who.code, role=role, submission=submission, seen=document.state.seq)
        return await _put(house, document, message)
    except Refusal as refusal:
        await session.rollback()
        if said is not None and said.answer is not None:
            return said.answer  # on record, whatever the workflow has come to since
        raise await _refused(session, who, number, refusal) from refusal


async def started(house: House, state: DocumentState) -> bool:
    """Whether a new document's workflow could be started; the sweep starts those that could not."""
    try:
        async with asyncio.timeout(PATIENCE):
            await start_document(house.temporal, house.settings.task_queue, state)
    except (RPCError, RuntimeError, TimeoutError) as error:
        _log.warning("workflow not started yet", document=state.number, error=type(error).__name__)
        return False
    return True


def role_for(who: Principal, document: Head, action: Action) -> Role:
    """The role in which they may do this now. Raises Refusal `stage_moved_on`, `nothing_asked`, `role_forbidden`,
    `own_case`."""
    rule, stage = document.life.rules.get(action), document.state.stage
    if rule is None or stage not in rule.moves:
        raise Refusal("stage_moved_on", f"{action} is not possible at stage {stage}")
    if not _is_time(action, document):
        raise Refusal("nothing_asked", f"nothing is asked to which one could answer {action}")
    roles = [role for role in who.roles if role in rule.by and role is not Role.SYSTEM]
    if not roles:
        raise Refusal("role_forbidden", f"{action} is for {', '.join(sorted(rule.by))}")
    refusals = {role: refused_by_audit(who, role, action, document) for role in roles}
    allowed = [role for role, refusal in refusals.items() if refusal is None]
    if allowed:
        return allowed[0]
    raise refusals[roles[0]] or AssertionError("a role is refused or allowed")


def possible(who: Principal, document: Head) -> Iterator[tuple[Action, Role]]:
    """What they may do to the document now, and in which role."""
    for action in document.life.rules:
        try:
            yield action, role_for(who, document, action)
        except Refusal:
            continue


def _is_time(action: Action, document: Head) -> bool:
    wait = document.state.wait
    return wait is None or wait.asks_for(action)


def refused_by_audit(who: Principal, role: Role, action: Action, document: Head) -> Refusal | None:
    """Why the audit is not theirs: their own case, somebody else's desk, or signed by them already."""
    if not isinstance(document.state, OrderState):
        return None
    desk = document.state.audit or AuditDesk()
    return auditing.refusal(action, role, who.code, document.entered_by, desk, document.stand_ins)


async def _put(house: House, document: Head, message: Decide) -> Decided:
    """Raises Refusal if the workflow refuses, Problem `engine_unreachable` if it doesn't answer in time."""
    try:
        try:
            return await _update(house.temporal, document, message)
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND or document.ended:
                raise
        async with house.sessions() as session:
            state = await with_errands(session, document.state)
        await start_document(house.temporal, house.settings.task_queue, state)
        return await _update(house.temporal, document, message)
    except WorkflowUpdateFailedError as error:
        raise _refusal(error) from error
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            raise Refusal("stage_moved_on", "its workflow has ended") from error
        _log.warning("engine answers with an error", document=document.number, status=error.status.name)
        raise Problem("engine_unreachable") from error
    except (RPCTimeoutOrCancelledError, TimeoutError, RuntimeError) as error:
        _log.warning("engine unreachable", document=document.number, error=type(error).__name__)
        raise Problem("engine_unreachable") from error


async def _update(temporal: Client, document: Head, message: Decide) -> Decided:
    async with asyncio.timeout(UPDATE_TIMEOUT.total_seconds()):
        answer: Decided = await temporal.get_workflow_handle(document_workflow(document.number)).execute_update(
            "decide",
            message,
            id=str(message.submission),
            result_type=Decided,
            rpc_timeout=UPDATE_TIMEOUT,
        )
    return answer


def _refusal(error: WorkflowUpdateFailedError) -> Refusal:
    """Why the workflow refused. Raises Problem `engine_unreachable` if it was no refusal."""
    cause = error.cause
    if isinstance(cause, ApplicationError) and cause.type == "AcceptedUpdateCompletedWorkflow":
        return Refusal("stage_moved_on", "its workflow ended meanwhile")
    if isinstance(cause, ApplicationError) and cause.non_retryable and cause.type:
        return Refusal(cause.type, cause.message or cause.type)
    _log.error("decision failed", exc_info=error)
    raise Problem("engine_unreachable") from error


async def _refused(session: AsyncSession, who: Principal, number: str, refusal: Refusal) -> Problem:
    """The refusal as a problem; if the document moved on, with where it stands and who did what last."""
    if refusal.code != "stage_moved_on":
        return Problem(refusal.code, str(refusal))
    step = await last_step(session, number)
    told = Role.CUSTOMER not in who.roles
    last = LastStep(
        action=step.action, by=step.by if told else step.role, by_name=step.by_name if told else None, at=step.at
    )
    return Problem(refusal.code, str(refusal), stage=step.to_stage, last=last)
