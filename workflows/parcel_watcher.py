"""One watcher a carrier account: it keeps the account's limits, whatever number of workers there is (policy 5.2.4)."""

from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy

from activities.watching import SHIFT, Watching


@workflow.defn
class ParcelWatcher:
    """Shift after shift of watching; a worker that dies is replaced after its heartbeats stop."""

    @workflow.run
    async def run(self, account: str) -> None:
        workflow.set_current_details(f"Watches the parcels of carrier account {account}.")
        while not workflow.info().is_continue_as_new_suggested():
            await workflow.execute_activity_method(
                Watching.watch_parcels,
                account,
                start_to_close_timeout=SHIFT * 2,
                heartbeat_timeout=timedelta(seconds=20),
                retry_policy=RetryPolicy(initial_interval=timedelta(seconds=1), maximum_interval=timedelta(seconds=10)),
                summary=account,
            )
        workflow.continue_as_new(account)
