"""Who sends what the outbox holds: one for the whole house, so that a fruitless look costs no event."""

from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy

from activities.sending import SHIFT, Sending


@workflow.defn
class MessageSender:
    """Shift after shift of sending; a worker that dies is replaced after its heartbeats stop."""

    @workflow.run
    async def run(self) -> None:
        workflow.set_current_details("Sends the messages of the outbox.")
        while not workflow.info().is_continue_as_new_suggested():
            await workflow.execute_activity_method(
                Sending.send_messages,
                start_to_close_timeout=SHIFT * 2,
                heartbeat_timeout=timedelta(seconds=15),
                retry_policy=RetryPolicy(initial_interval=timedelta(seconds=1), maximum_interval=timedelta(seconds=10)),
                summary="messages",
            )
        workflow.continue_as_new()
