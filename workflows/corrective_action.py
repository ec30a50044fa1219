"""The life of one corrective action: demanded, answered, carried out, verified, released (policy 3.1.3)."""

from temporalio import workflow
from temporalio.workflow import SandboxImportNotificationPolicy

from activities.committing import Committing
from activities.telling import Telling
from domain.correcting import CORRECTIVE, CORRECTIVE_ENDS
from domain.messages import CorrectiveState

with workflow.unsafe.sandbox_import_notification_policy(SandboxImportNotificationPolicy.SILENT):
    from workflows.desk import Desk, patient  # loaded anew for each workflow, like this module


@workflow.defn
class CorrectiveAction(Desk[CorrectiveState]):
    """Waits for the supplier and for those who judge it; what is overdue makes its standing worse by rule."""

    life = CORRECTIVE
    commit = staticmethod(Committing.commit_corrective)

    @workflow.init
    def __init__(self, action: CorrectiveState) -> None:
        super().__init__(action)

    @workflow.run
    async def run(self, action: CorrectiveState) -> str:
        await self.hold_purchase_orders()
        while self.state.stage not in CORRECTIVE_ENDS:
            await self.attend()
            await self.hold_purchase_orders()
        await workflow.wait_condition(workflow.all_handlers_finished)
        return self.state.stage

    async def hold_purchase_orders(self) -> None:
        """Open purchase orders hear that their supplier may not supply any more."""
        while self._to_tell:
            numbers, self._to_tell = self._to_tell, []
            await workflow.execute_activity_method(Telling.hold_purchase_orders, numbers, **patient(" ".join(numbers)))
