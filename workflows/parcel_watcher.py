"""One watcher a carrier account: it keeps the account's limits, whatever number of workers there is (policy 5.2.4)."""

from datetime import timedelta

from temporalio import workflow
from temporalio.workflow import SandboxImportNotificationPolicy

from activities.watching import Watching

with workflow.unsafe.sandbox_import_notification_policy(SandboxImportNotificationPolicy.SILENT):
    from workflows.desk import a_shift  # loaded anew for each workflow, like this module


@workflow.defn
class ParcelWatcher:
    """Shift after shift of watching; a worker that dies is replaced after its heartbeats stop."""

    @workflow.run
    async def run(self, account: str) -> None:
        workflow.set_current_details(f"Watches the parcels of carrier account {account}.")
        while not workflow.info().is_continue_as_new_suggested():
            await workflow.execute_activity_method(
                Watching.watch_parcels, account, **a_shift(account, timedelta(seconds=20))
            )
        workflow.continue_as_new(account)
