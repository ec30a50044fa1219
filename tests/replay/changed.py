"""A change to a workflow that must not pass the replay gate."""

from temporalio import workflow
from temporalio.workflow import SandboxImportNotificationPolicy

from domain.messages import OrderState

with workflow.unsafe.sandbox_import_notification_policy(SandboxImportNotificationPolicy.SILENT):
    from workflows.replacement_order import ReplacementOrder


@workflow.defn(name="ReplacementOrder")
class SleepsFirst(ReplacementOrder):
    @workflow.init
    def __init__(self, order: OrderState) -> None:
        super().__init__(order)

    @workflow.run
    async def run(self, order: OrderState) -> str:
        await workflow.sleep(1)
        return await super().run(order)
