"""python -m bench.bare: a worker for the bare workflow, set up as ours is."""

import asyncio
import signal

from temporalio import activity
from temporalio.worker import Worker

from activities.alive import alive
from bench.bare.order import NOTHING, BareOrder
from runtime.settings import Settings
from runtime.temporal import connect, work_then_rest, worker_config


@activity.defn(name=NOTHING)
@alive
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
        **worker_config(settings),
    ):
        await stop.wait()


if __name__ == "__main__":
    work_then_rest(main())
