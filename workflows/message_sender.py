"""Who sends what the outbox holds: one for the whole house, so that a fruitless look costs no event."""

from datetime import timedelta

from temporalio import workflow
from temporalio.workflow import SandboxImportNotificationPolicy

from activities.sending import Sending

with workflow.unsafe.sandbox_import_notification_policy(SandboxImportNotificationPolicy.SILENT):
    from workflows.desk import a_shift  # loaded anew for each workflow, like this module


@workflow.defn
class MessageSender:
    """Shift after shift of sending; a worker that dies is replaced after its heartbeats stop."""

    @workflow.run
    async def run(self) -> None:
        workflow.set_current_details("Sends the messages of the outbox.")
        while not workflow.info().is_continue_as_new_suggested():
            await workflow.execute_activity_method(Sending.send_messages, **a_shift("messages", timedelta(seconds=15)))
        workflow.continue_as_new()
