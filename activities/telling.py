"""How documents hear of each other: started and signalled through Temporal, safely repeated."""

from collections.abc import Sequence

from sqlalchemy import func, select, update
from temporalio import activity
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from activities.alive import alive
from database.documents import AnyDocument
from database.recovery import open_state
from database.session import Sessions
from database.tables import CorrectiveAction, PurchaseOrder, WarehouseTask
from domain.documents import kind_of
from domain.stages import ORDER
from runtime.temporal import UPDATE_TIMEOUT, document_workflow, start_document


class Telling:
    def __init__(self, sessions: Sessions, client: Client, task_queue: str) -> None:
        self._sessions = sessions
        self._client = client
        self._task_queue = task_queue

    @activity.defn
    @alive
    async def place_purchase_orders(self, numbers: Sequence[str]) -> None:
        """Starts the workflows of purchase orders that are written but not yet alive (policy 3.2.1)."""
        await self._start(PurchaseOrder, numbers)

    @activity.defn
    @alive
    async def begin_tasks(self, numbers: Sequence[str]) -> None:
        """Starts the workflows of the warehouse's tasks that are written but not yet alive."""
        await self._start(WarehouseTask, numbers)

    @activity.defn
    @alive
    async def tell_orders(self, numbers: Sequence[str]) -> None:
        """Wakes orders whose parts came in; each looks for itself what there is."""
        for number in numbers:
            await self._signal(number, "goods_arrived")

    @activity.defn
    @alive
    async def tell_purchase_orders(self, numbers: Sequence[str]) -> None:
        """Tells purchase orders that an order no longer waits for them, and orders that its pieces went to them."""
        for number in numbers:
            kind = kind_of(number)
            await self._signal(number, "goods_arrived" if kind.life is ORDER else "wanted_less")

    async def _start(self, table: type[AnyDocument], numbers: Sequence[str]) -> set[str]:
        """Starts those that are not yet alive, and says which."""
        async with self._sessions() as session:
            rows = await session.execute(
                select(table.number, table.state).where(table.number.in_(numbers), table.started_at.is_(None))
            )
            states = [kind_of(number).state.model_validate(state) for number, state in rows]
        for state in states:
            await start_document(self._client, self._task_queue, state)
        async with self._sessions.begin() as session:
            await session.execute(
                update(table)
                .where(table.number.in_([state.number for state in states]), table.started_at.is_(None))
                .values(started_at=func.now())
            )
        return {state.number for state in states}

    @activity.defn
    @alive
    async def hold_purchase_orders(self, numbers: Sequence[str]) -> None:
        """Tells purchase orders that their supplier may not supply any more (policy 3.1.3)."""
        for number in numbers:
            await self._signal(number, "hold")

    @activity.defn
    @alive
    async def place_corrective_actions(self, numbers: Sequence[str]) -> None:
        """Starts the workflows of corrective actions that are written but not yet alive; others hear that their
        supplier was reviewed as worse (policy 3.1.3)."""
        started = await self._start(CorrectiveAction, numbers)
        for number in numbers:
            if number not in started:
                await self._signal(number, "reviewed_worse")

    async def _signal(self, number: str, signal: str) -> None:
        """Whoever is not at its end and has no workflow, not yet or not any more, gets one first; who has ended is not
        told."""
        workflow = self._client.get_workflow_handle(document_workflow(number))
        try:
            await workflow.signal(signal, rpc_timeout=UPDATE_TIMEOUT)
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
            async with self._sessions() as session:
                state = await open_state(session, number)
            if state:
                await start_document(self._client, self._task_queue, state, again=True)
                await workflow.signal(signal, rpc_timeout=UPDATE_TIMEOUT)
            else:
                activity.logger.info("%s has ended and is not told %s", number, signal)
