"""python -m bench.bare: a worker for the bare workflow, set up as ours is."""

import asyncio
import signal
from datetime import timedelta

from temporalio import activity
from temporalio.worker import Worker

from bench.bare.order import NOTHING, BareOrder
from runtime.sandbox import workflow_runner
from runtime.settings import Settings
from runtime.temporal import connect, run_then_rest


@activity.defn(name=NOTHING)
async def nothing(step: str) -> str:
    """A commit, or a call to the carrier, with an empty body."""
    return step


async def main() -> None:
    settings = Settings()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with Worker(
        await connect(settings),
        task_queue=settings.task_queue,
        workflows=[BareOrder],
        activities=[nothing],
        workflow_runner=workflow_runner(),
        max_cached_workflows=settings.cached_workflows,
        max_concurrent_workflow_tasks=settings.workflow_slots,
        max_concurrent_activities=settings.activity_slots,
        max_concurrent_local_activities=settings.local_activity_slots,
        graceful_shutdown_timeout=timedelta(seconds=settings.grace_seconds),
    ):
        await stop.wait()


if __name__ == "__main__":
    run_then_rest(main())
