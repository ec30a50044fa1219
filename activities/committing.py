"""Commits a step: one transaction, done once however often it is called."""

from functools import cache
from typing import Any, Final

import structlog
from sqlalchemy import Select, bindparam, exists, select
from sqlalchemy.ext.asyncio import AsyncSession
from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.alive import alive
from activities.steps import CORRECTIVES, ORDERS, PURCHASES, REQUESTS, TASKS
from activities.steps.procedure import Procedure, S
from activities.steps.work import D, Work
from database import keeping
from database.documents import AnyDocument
from database.policies import OWN_DAYS, load, on_calendar
from database.session import Sessions, unreachable
from database.tables import EventLog, Submission
from domain.decisions import DECISIONS
from domain.messages import CorrectiveState, OrderState, PurchaseState, RequestState, Step, TaskState
from domain.stages import Refusal

TRIES: Final = 3
_log = structlog.stdlib.get_logger(__name__)


class Committing:
    """The one writer of documents."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    @activity.defn
    @alive
    async def commit_order(self, step: Step) -> OrderState:
        return await self._commit(ORDERS, step)

    @activity.defn
    @alive
    async def commit_purchase(self, step: Step) -> PurchaseState:
        return await self._commit(PURCHASES, step)

    @activity.defn
    @alive
    async def commit_task(self, step: Step) -> TaskState:
        return await self._commit(TASKS, step)

    @activity.defn
    @alive
    async def commit_corrective(self, step: Step) -> CorrectiveState:
        return await self._commit(CORRECTIVES, step)

    @activity.defn
    @alive
    async def commit_request(self, step: Step) -> RequestState:
        return await self._commit(REQUESTS, step)

    async def _commit(self, procedure: Procedure[D, S], step: Step) -> S:
        """Takes the step. A repeat gives what the first gave: the log row's key is (document, seq).

        If another step stands there, the answer is where that one led, so that its errands are done too.
        """
        try:
            async with self._sessions.begin() as session:
                return await take_step(session, procedure, step)
        except Refusal as refusal:
            await self._note(refusal, step)
            raise refused(refusal) from refusal
        except Exception as error:
            if step.submission is None or unreachable(error) or activity.info().attempt < TRIES:
                raise
            # A fault of ours in what one person said must not keep everybody else from the document.
            _log.exception("a decision failed", document=step.document, action=step.action)
            what = f"{step.action} failed with {type(error).__name__}, nothing has changed"
            raise refused(Refusal("decision_failed", what)) from error

    async def _note(self, refusal: Refusal, step: Step) -> None:
        """Who tried to move goods that are not theirs to move is on record (policy 4.3.3)."""
        if isinstance(refusal, keeping.NotTheKeeper):
            async with self._sessions.begin() as session:
                await keeping.note(session, refusal, step.at)


async def take_step(session: AsyncSession, procedure: Procedure[D, S], step: Step) -> S:
    """Takes a step inside the caller's transaction. Raises Refusal."""
    document, own_days = await _locked(session, procedure.table, step)
    if document.seq != step.seq - 1:
        return procedure.state.model_validate(await _recorded(session, document, step))
    state = procedure.state.model_validate(document.state)
    work = await _begin(session, document, step, state, own_days)
    procedure.resume(work, state)
    return await procedure.take(work)


async def _locked(session: AsyncSession, kind: type[D], step: Step) -> tuple[D, dict[str, bool] | None]:
    """The document, and the company's own calendar, which every step of every document needs."""
    document, own_days = (await session.execute(_document(kind), {"number": step.document})).one()
    return document, own_days


@cache
def _document(kind: type[D]) -> Select[*tuple[Any, ...]]:
    wanted = select(kind, OWN_DAYS).where(kind.number == bindparam("number"))
    return wanted.with_for_update(of=kind).execution_options(populate_existing=True)


_SUBMITTED: Final = select(
    Submission.action,
    Submission.content,
    exists().where(EventLog.document == bindparam("document"), EventLog.submission == Submission.id).label("taken"),
).where(Submission.id == bindparam("submission"))


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
    asked = {"document": step.document, "submission": step.submission}
    submission = (await session.execute(_SUBMITTED, asked)).one()
    if submission.taken:
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
