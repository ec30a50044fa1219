"""The life of one purchase order: it may serve several orders, and outlives a cancelled one (policy 3.2)."""

from temporalio import workflow
from temporalio.workflow import SandboxImportNotificationPolicy

from activities.committing import Committing
from activities.telling import Telling
from domain.messages import PurchaseState
from domain.stages import PURCHASE, PURCHASE_ENDS, Action

with workflow.unsafe.sandbox_import_notification_policy(SandboxImportNotificationPolicy.SILENT):
    from workflows.desk import Desk, patient  # loaded anew for each workflow, like this module


@workflow.defn
class PurchaseOrder(Desk[PurchaseState]):
    """Placed, confirmed by signature, followed until the goods are there (policy 3.2.2, 3.2.3)."""

    life = PURCHASE
    commit = staticmethod(Committing.commit_purchase)

    @workflow.init
    def __init__(self, purchase: PurchaseState) -> None:
        self._wanted_less = self._held = False
        super().__init__(purchase)

    @workflow.run
    async def run(self, purchase: PurchaseState) -> str:
        while self.state.stage not in PURCHASE_ENDS:
            await self.attend(lambda: self._wanted_less or self._held)
            if self._wanted_less:
                self._wanted_less = False
                await self.report(Action.WITHDRAW)
            if self._held:
                self._held = False
                await self.report(Action.HOLD)
            await self.tell_orders()
        await workflow.wait_condition(workflow.all_handlers_finished)
        return self.state.stage

    async def tell_orders(self) -> None:
        """Whoever waits hears of goods; a supplier that takes over is asked."""
        await self.place_purchase_orders()
        while self._to_tell:
            numbers, self._to_tell = self._to_tell, []
            await workflow.execute_activity_method(Telling.tell_orders, numbers, **patient(" ".join(numbers)))

    @workflow.signal
    def wanted_less(self) -> None:
        """An order no longer waits for its pieces."""
        self._wanted_less = True

    @workflow.signal
    def hold(self) -> None:
        """Its supplier may not supply any more (policy 3.1.3)."""
        self._held = True
