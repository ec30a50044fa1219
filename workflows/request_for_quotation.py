"""The life of one request for quotation (policy 3.3.1)."""

from temporalio import workflow
from temporalio.workflow import SandboxImportNotificationPolicy

from activities.committing import Committing
from domain.messages import RequestState
from domain.requests import REQUEST, REQUEST_ENDS

with workflow.unsafe.sandbox_import_notification_policy(SandboxImportNotificationPolicy.SILENT):
    from workflows.desk import Desk  # loaded anew for each workflow, like this module


@workflow.defn
class RequestForQuotation(Desk[RequestState]):
    """Sealed until the deadline, compared, awarded; an emergency is bought at once and looked into afterwards."""

    life = REQUEST
    commit = staticmethod(Committing.commit_request)

    @workflow.init
    def __init__(self, request: RequestState) -> None:
        super().__init__(request)

    @workflow.run
    async def run(self, request: RequestState) -> str:
        await self.place_purchase_orders()
        while self.state.stage not in REQUEST_ENDS:
            await self.attend()
            await self.place_purchase_orders()
        await workflow.wait_condition(workflow.all_handlers_finished)
        return self.state.stage
