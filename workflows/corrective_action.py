"""The life of one corrective action: demanded, answered, carried out, verified, released (policy 3.1.3)."""

from temporalio import workflow
from temporalio.workflow import SandboxImportNotificationPolicy

from activities.committing import Committing
from activities.telling import Telling
from domain.correcting import CORRECTIVE, CORRECTIVE_ENDS
from domain.messages import CorrectiveState
from domain.stages import Action

with workflow.unsafe.sandbox_import_notification_policy(SandboxImportNotificationPolicy.SILENT):
    from workflows.desk import Desk, patient  # loaded anew for each workflow, like this module


@workflow.defn
class CorrectiveAction(Desk[CorrectiveState]):
    """Waits for the supplier and for those who judge it; what is overdue makes its standing worse by rule."""

    life = CORRECTIVE
    commit = staticmethod(Committing.commit_corrective)

    @workflow.init
    def __init__(self, action: CorrectiveState) -> None:
        self._reviewed_worse = False
        super().__init__(action)

    @workflow.run
    async def run(self, action: CorrectiveState) -> str:
        await self.hold_purchase_orders()
        while self.state.stage not in CORRECTIVE_ENDS:
            await self.attend(lambda: self._reviewed_worse)
            if self._reviewed_worse:
                self._reviewed_worse = False
                await self.report(Action.REVIEWED_WORSE)
            await self.hold_purchase_orders()
        await workflow.wait_condition(workflow.all_handlers_finished)
        return self.state.stage

    async def hold_purchase_orders(self) -> None:
        """Open purchase orders hear that their supplier may not supply any more."""
        while self._to_tell:
            numbers, self._to_tell = self._to_tell, []
            await workflow.execute_activity_method(Telling.hold_purchase_orders, numbers, **patient(" ".join(numbers)))

    @workflow.signal
    def reviewed_worse(self) -> None:
        """A later review of the supplier is worse than what this is about (policy 3.1.3)."""
        self._reviewed_worse = True
