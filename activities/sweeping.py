"""What the sweep does: documents that stand in the database but have no workflow get one."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from sqlalchemy import func, select, update
from temporalio import activity
from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.service import RPCError, RPCStatusCode

from database import allowances, photos
from database.session import Sessions
from database.tables import PurchaseOrder, ReplacementOrder
from domain.messages import OrderState, PurchaseState
from runtime.temporal import order_workflow, purchase_workflow, start_document

Kind = tuple[
    type[ReplacementOrder] | type[PurchaseOrder], type[OrderState] | type[PurchaseState], Callable[[str], str], str
]
_DOCUMENTS: tuple[Kind, ...] = (
    (ReplacementOrder, OrderState, order_workflow, "ReplacementOrder"),
    (PurchaseOrder, PurchaseState, purchase_workflow, "PurchaseOrder"),
)
GRACE = timedelta(seconds=30)
"""How old a row must be before it counts as forgotten: its own request may still be starting it."""


class Sweeping:
    def __init__(self, sessions: Sessions, client: Client, task_queue: str) -> None:
        self._sessions = sessions
        self._client = client
        self._task_queue = task_queue

    @activity.defn
    async def start_forgotten(self) -> int:
        """Starts the documents whose writer died before starting them; returns how many."""
        started = 0
        for table, state, _, _ in _DOCUMENTS:
            async with self._sessions() as session:
                rows = (
                    await session.execute(
                        select(table.number, table.state)
                        .where(table.started_at.is_(None), table.created_at < datetime.now(UTC) - GRACE)
                        .order_by(table.created_at)
                        .limit(1000)
                    )
                ).all()
            for row in rows:
                activity.logger.warning("%s was never started", row.number)
                await start_document(self._client, self._task_queue, state.model_validate(row.state))
                async with self._sessions.begin() as session:
                    await session.execute(
                        update(table)
                        .where(table.number == row.number, table.started_at.is_(None))
                        .values(started_at=func.now())
                    )
            started += len(rows)
        return started

    @activity.defn
    async def throw_away_photos(self) -> int:
        """Throws away the photos of forms that were never sent, and who used up what; returns how many photos."""
        async with self._sessions.begin() as session:
            now = datetime.now(UTC)
            await allowances.sweep(session, now)
            return await photos.sweep(session, now)

    @activity.defn
    async def compare(self) -> int:
        """Open documents whose workflow failed, or is unknown to the engine, go on from their last step.

        Returns how many.
        """
        restarted = 0
        for table, state, workflow_id, kind in _DOCUMENTS:
            running = await self._client.count_workflows(f"WorkflowType = '{kind}' AND ExecutionStatus = 'Running'")
            async with self._sessions() as session:
                open_rows = await session.scalar(
                    select(func.count()).where(table.ended_at.is_(None), table.started_at.is_not(None))
                )
            if running.count >= (open_rows or 0):
                continue
            known = {
                found.id
                async for found in self._client.list_workflows(
                    f"WorkflowType = '{kind}' AND ExecutionStatus = 'Running'", page_size=1000
                )
            }
            async with self._sessions() as session:
                numbers = (
                    await session.scalars(
                        select(table.number).where(table.ended_at.is_(None), table.started_at.is_not(None))
                    )
                ).all()
            for number in numbers:
                activity.heartbeat()
                if workflow_id(number) in known or await self._lives(workflow_id(number)):
                    continue
                async with self._sessions() as session:
                    row = (await session.execute(select(table.seq, table.state).where(table.number == number))).one()
                activity.logger.error("%s has no living workflow and goes on from step %s", number, row.seq)
                await start_document(self._client, self._task_queue, state.model_validate(row.state))
                restarted += 1
        return restarted

    async def _lives(self, workflow: str) -> bool:
        """Whether it runs, or ran to its end a moment ago. Lists lag behind; asked directly, the engine knows."""
        try:
            described = await self._client.get_workflow_handle(workflow).describe()
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                return False
            raise
        return described.status in (WorkflowExecutionStatus.RUNNING, WorkflowExecutionStatus.COMPLETED)
