"""How documents hear of each other: started and signalled through Temporal, safely repeated."""

from collections.abc import Sequence

from sqlalchemy import func, select, update
from temporalio import activity
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from activities.alive import alive
from database.session import Sessions
from database.tables import PurchaseOrder
from domain.documents import kind_of
from domain.messages import PurchaseState
from domain.stages import ORDER
from runtime.temporal import UPDATE_TIMEOUT, document_workflow, order_workflow, start_document


class Telling:
    def __init__(self, sessions: Sessions, client: Client, task_queue: str) -> None:
        self._sessions = sessions
        self._client = client
        self._task_queue = task_queue

    @activity.defn
    @alive
    async def place_purchase_orders(self, numbers: Sequence[str]) -> None:
        """Starts the workflows of purchase orders that are written but not yet alive (policy 3.2.1)."""
        async with self._sessions() as session:
            rows = (
                await session.scalars(
                    select(PurchaseOrder).where(PurchaseOrder.number.in_(numbers), PurchaseOrder.started_at.is_(None))
                )
            ).all()
        for row in rows:
            await start_document(self._client, self._task_queue, PurchaseState.model_validate(row.state))
        async with self._sessions.begin() as session:
            await session.execute(
                update(PurchaseOrder)
                .where(PurchaseOrder.number.in_([row.number for row in rows]), PurchaseOrder.started_at.is_(None))
                .values(started_at=func.now())
            )

    @activity.defn
    @alive
    async def tell_orders(self, numbers: Sequence[str]) -> None:
        """Wakes orders whose parts came in; each looks for itself what there is."""
        for number in numbers:
            await self._signal(order_workflow(number), "goods_arrived")

    @activity.defn
    @alive
    async def tell_purchase_orders(self, numbers: Sequence[str]) -> None:
        """Tells purchase orders that an order no longer waits for them, and orders that its pieces went to them."""
        for number in numbers:
            kind = kind_of(number)
            await self._signal(document_workflow(number), "goods_arrived" if kind.life is ORDER else "wanted_less")

    async def _signal(self, workflow: str, signal: str) -> None:
        try:
            await self._client.get_workflow_handle(workflow).signal(signal, rpc_timeout=UPDATE_TIMEOUT)
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
            activity.logger.info("%s has ended and is not told %s", workflow, signal)
