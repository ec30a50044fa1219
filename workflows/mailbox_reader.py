"""One reader of the mailbox that customers write to (policy 2.1.1c)."""

from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy

from activities.mailbox import SHIFT, MailReading


@workflow.defn
class MailboxReader:
    """Shift after shift of reading, as long as there is a mailbox; a look that finds nothing costs no event."""

    @workflow.run
    async def run(self) -> None:
        workflow.set_current_details("Reads the mails that customers write.")
        while not workflow.info().is_continue_as_new_suggested():
            reads = await workflow.execute_activity_method(
                MailReading.read_mailbox,
                start_to_close_timeout=SHIFT * 2,
                heartbeat_timeout=timedelta(seconds=30),
                retry_policy=RetryPolicy(initial_interval=timedelta(seconds=1), maximum_interval=timedelta(seconds=10)),
            )
            if not reads:
                return
        workflow.continue_as_new()
