"""What the sweep does: every document has a workflow, and each of the two stands where the other stands."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from sqlalchemy import func, select, update
from temporalio import activity
from temporalio.client import Client, WorkflowExecution, WorkflowExecutionDescription, WorkflowExecutionStatus
from temporalio.service import RPCError, RPCStatusCode

from activities.alive import alive
from activities.setbacks import Setbacks
from activities.telling import Telling
from database import allocation, allowances, photos, restorations
from database.documents import table_of
from database.recovery import open_state
from database.session import Sessions
from domain.documents import KINDS, Kind
from runtime.search_attributes import DUE, STAGE, WAITING_FOR
from runtime.temporal import UPDATE_TIMEOUT, document_workflow, purchase_workflow, start_document

GRACE = timedelta(seconds=30)
"""How old a row must be before it counts as forgotten: its own request may still be starting it."""
_SAME_INSTANT: Final = timedelta(seconds=1)
"""Engines keep instants less exactly than we do."""
_COMMITS: Final = {"commit_order", "commit_purchase", "commit_task", "commit_corrective", "commit_request"}


@dataclass(frozen=True)
class Place:
    """Where a document stands, as far as both sides tell without being asked: stage, who is waited for, until when."""

    stage: str
    owner: str | None
    due: datetime | None

    def is_at(self, other: "Place") -> bool:
        if (self.stage, self.owner, self.due is None) != (other.stage, other.owner, other.due is None):
            return False
        return self.due is None or other.due is None or abs(self.due - other.due) < _SAME_INSTANT


@dataclass(frozen=True)
class Found:
    """What became of a document whose sides were compared, as a sentence; `apart` if they did not agree."""

    sentence: str
    apart: bool = True


@dataclass(frozen=True)
class Recorded:
    """A document's row: where it stands, and by how many steps it came there."""

    place: Place
    seq: int
    ended: bool


class Sweeping:
    def __init__(self, sessions: Sessions, client: Client, task_queue: str) -> None:
        self._sessions = sessions
        self._client = client
        self._task_queue = task_queue

    @activity.defn
    @alive
    async def start_forgotten(self) -> int:
        """Starts the documents whose writer died before starting them; returns how many."""
        started, held_up = 0, Setbacks[str]()
        for kind in KINDS:
            table = table_of(kind)
            async with self._sessions() as session:
                numbers = (
                    await session.scalars(
                        select(table.number)
                        .where(table.started_at.is_(None), table.created_at < datetime.now(UTC) - GRACE)
                        .order_by(table.created_at)
                        .limit(1000)
                    )
                ).all()
            for number in numbers:
                activity.logger.warning("%s was never started", number)
                with held_up.over(number):
                    await self._start(number)
                    async with self._sessions.begin() as session:
                        await session.execute(
                            update(table)
                            .where(table.number == number, table.started_at.is_(None))
                            .values(started_at=func.now())
                        )
                    started += 1
        return started

    @activity.defn
    @alive
    async def throw_away_photos(self) -> int:
        """Throws away the photos of forms that were never sent, and who used up what; returns how many photos."""
        async with self._sessions.begin() as session:
            now = datetime.now(UTC)
            await allowances.sweep(session, now)
            return await photos.sweep(session, now)

    @activity.defn
    @alive
    async def serve_waiting(self) -> int:
        """Free pieces go to who waits for them, however they came to be free, and orders that have what they waited for
        are told (policy 3.2.1); returns how many orders."""
        async with self._sessions() as session:
            parts = await allocation.waited_for_and_free(session)
        for part in parts:
            async with self._sessions.begin() as session:
                waits = await allocation.queue(session, [part])
                await allocation.give_out(session, waits, f"sweep/{datetime.now(UTC):%Y%m%d%H%M%S%f}")
        async with self._sessions() as session:
            orders = await allocation.supplied_untold(session)
        await Telling(self._sessions, self._client, self._task_queue).tell_orders(orders)
        return len(orders)

    @activity.defn
    @alive
    async def compare(self) -> int:
        """Documents whose workflow is missing, failed, or stands elsewhere go on from their last step on record.

        After the database was put back every one of them does, as nobody knows what its workflow has heard, and what
        was found is kept with the restoration. Returns how many.
        """
        async with self._sessions() as session:
            restoration = await restorations.unsettled(session)
        found = [each for kind in KINDS for each in await self._compare(kind, afresh=restoration is not None)]
        if restoration is not None:
            await self._settle([each.sentence for each in found if each.apart])
        return len(found)

    async def _compare(self, kind: Kind, *, afresh: bool) -> list[Found]:
        running = await self._running(kind)
        rows = await self._open_rows(kind)
        apart = [number for number, row in rows.items() if afresh or not _agree(running.get(number), row)]
        found, held_up = list[Found](), Setbacks[str]()
        for number in (*apart, *(number for number in running if number not in rows)):
            what: Found | None = Found(f"{number} blew up and is left as it was: the worker's log says why")
            with held_up.over(number):
                what = await self._bring_together(kind, number, afresh=afresh)
            if what:
                activity.logger.log(logging.ERROR if what.apart else logging.INFO, "%s", what.sentence)
                found.append(what)
        return found

    async def _running(self, kind: Kind) -> dict[str, Place]:
        """The workflows that run, by the number of their document. Lists lag behind a little."""
        query = f"WorkflowType = '{kind.workflow}' AND ExecutionStatus = 'Running' AND TaskQueue = '{self._task_queue}'"
        listed = self._client.list_workflows(query, page_size=1000, rpc_timeout=UPDATE_TIMEOUT)
        return {found.id.partition("/")[2]: _place(found) async for found in listed}

    async def _open_rows(self, kind: Kind) -> Mapping[str, Place]:
        table = table_of(kind)
        async with self._sessions() as session:
            rows = await session.execute(
                select(table.number, table.stage, table.wait_owner, table.wait_due).where(
                    table.ended_at.is_(None), table.started_at.is_not(None)
                )
            )
        return {number: Place(stage, owner, due) for number, stage, owner, due in rows}

    async def _bring_together(self, kind: Kind, number: str, *, afresh: bool) -> Found | None:
        """Asks both sides themselves; where they are apart the workflow begins anew from the row. Says what it did.

        What moves this moment is left alone: the next sweep sees where it came to.
        """
        before = await self._row(kind, number)
        described = await self._describe(number)
        runs = described is not None and described.status is WorkflowExecutionStatus.RUNNING
        if not runs and (before is None or before.ended):
            return None
        if described is not None and runs and not afresh and (_at_work(described) or _agree(_place(described), before)):
            return None
        if await self._row(kind, number) != before:
            return None
        if before is None:
            if not afresh:
                return Found(f"{number} has a workflow and no row")
            await self._terminate(number, "the database was put back to before it was written")
            return Found(f"{number} was begun after the backup and is not known any more: enter it again")
        if runs:
            await self._terminate(number, "begins anew from its last step on record")
        if not await self._start(number, again=True):
            return None
        return _said(number, before, described)

    async def _row(self, kind: Kind, number: str) -> Recorded | None:
        table = table_of(kind)
        columns = (table.stage, table.wait_owner, table.wait_due, table.seq, table.ended_at)
        async with self._sessions() as session:
            row = (await session.execute(select(*columns).where(table.number == number))).one_or_none()
        if row is None:
            return None
        stage, owner, due, seq, ended_at = row
        return Recorded(Place(stage, owner, due), seq, ended_at is not None)

    async def _describe(self, number: str) -> WorkflowExecutionDescription | None:
        try:
            return await self._client.get_workflow_handle(document_workflow(number)).describe(
                rpc_timeout=UPDATE_TIMEOUT
            )
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
            return None

    async def _terminate(self, number: str, reason: str) -> None:
        try:
            workflow = self._client.get_workflow_handle(document_workflow(number))
            await workflow.terminate(reason=reason, rpc_timeout=UPDATE_TIMEOUT)
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:  # it has ended meanwhile
                raise

    async def _start(self, number: str, *, again: bool = False) -> bool:
        """False if the document has ended."""
        async with self._sessions() as session:
            state = await open_state(session, number)
        if state:
            await start_document(self._client, self._task_queue, state, again=again)
        return state is not None

    async def _settle(self, found: list[str]) -> None:
        """What the workflows were told before they began anew is told once more."""
        async with self._sessions() as session:
            unwanted = await restorations.unwanted(session)
        for number in unwanted:
            await self._client.get_workflow_handle(purchase_workflow(number)).signal(
                "wanted_less", rpc_timeout=UPDATE_TIMEOUT
            )
        async with self._sessions.begin() as session:
            now = datetime.now(UTC)
            await restorations.tell_parcels_again(session, now)
            await restorations.settle(session, found, now)


def _place(workflow: WorkflowExecution) -> Place:
    attributes = workflow.typed_search_attributes
    return Place(attributes.get(STAGE) or "", attributes.get(WAITING_FOR), attributes.get(DUE))


def _agree(workflow: Place | None, row: Place | Recorded | None) -> bool:
    place = row.place if isinstance(row, Recorded) else row
    return workflow is not None and place is not None and workflow.is_at(place)


def _at_work(described: WorkflowExecutionDescription) -> bool:
    """Whether the workflow is about to take a step, or tries to."""
    raw = described.raw_description
    commits = any(pending.activity_type.name in _COMMITS for pending in raw.pending_activities)
    return raw.HasField("pending_workflow_task") or commits


def _said(number: str, row: Recorded, described: WorkflowExecutionDescription | None) -> Found:
    if described is None:
        stood = "had no workflow"
    elif described.status is not WorkflowExecutionStatus.RUNNING:
        stood = f"had a workflow that was {described.status and described.status.name.lower()}"
    else:
        stood = f"had a workflow at {_place(described).stage or '?'}"
    apart = (
        described is None
        or described.status is not WorkflowExecutionStatus.RUNNING
        or not _agree(_place(described), row)
    )
    return Found(f"{number} {stood} and goes on from step {row.seq} on record, at {row.place.stage}", apart)
