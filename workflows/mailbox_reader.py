"""One reader of the mailbox that customers write to (policy 2.1.1c)."""

from datetime import timedelta

from temporalio import workflow
from temporalio.workflow import SandboxImportNotificationPolicy

from activities.mailbox import MailReading

with workflow.unsafe.sandbox_import_notification_policy(SandboxImportNotificationPolicy.SILENT):
    from workflows.desk import a_shift  # loaded anew for each workflow, like this module


@workflow.defn
class MailboxReader:
    """Shift after shift of reading, as long as there is a mailbox; a look that finds nothing costs no event."""

    @workflow.run
    async def run(self) -> None:
        workflow.set_current_details("Reads the mails that customers write.")
        while not workflow.info().is_continue_as_new_suggested():
            reads = await workflow.execute_activity_method(
                MailReading.read_mailbox, **a_shift("mails", timedelta(seconds=30))
            )
            if not reads:
                return
        workflow.continue_as_new()
