"""Ours: the engine as we use it (updates, commits as local activities, sandbox), with this order's rows as its work.

`python -m bench.others.ours` is the worker, `app` the API in front of it. Steps are done at least once, so rows have
a key; an update is answered after its commit.
"""

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated

import asyncpg
from fastapi import Body, FastAPI
from temporalio import activity
from temporalio.client import Client, WorkflowHandle
from temporalio.common import SearchAttributePair, TypedSearchAttributes
from temporalio.worker import Worker

from activities.alive import alive
from bench.bare.order import NOTHING, BareOrder
from bench.others import order
from runtime.search_attributes import STAGE
from runtime.settings import Settings
from runtime.temporal import TASK_TIMEOUT, connect, work_then_rest, worker_config

settings = Settings()
pool: asyncpg.Pool
temporal: Client


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    global pool, temporal
    temporal = await connect(settings)
    async with asyncpg.create_pool(order.database(), min_size=4, max_size=10) as pool:
        yield
    await asyncio.sleep(0.2)  # the SDK's runtime must be idle before the interpreter goes


app = FastAPI(lifespan=lifespan)


@app.post("/orders/{number}/run/send")
async def start(number: str) -> None:
    await pool.execute(order.COMMIT, number, order.APPLY)
    stage = TypedSearchAttributes([SearchAttributePair(STAGE, order.APPLY)])
    await temporal.start_workflow(
        BareOrder.run,
        id=number,
        task_queue=settings.task_queue,
        search_attributes=stage,
        task_timeout=TASK_TIMEOUT,
    )


@app.post("/orders/{number}/decide")
async def decide(number: str, action: Annotated[str, Body()]) -> None:
    await workflow(number).execute_update(BareOrder.decide, action, id=action)


@app.post("/orders/{number}/scanned")
async def scanned(number: str, milestone: Annotated[str, Body()]) -> None:
    await workflow(number).signal(BareOrder.scanned, milestone)


@app.post("/orders/{number}/reached")
async def reached(number: str, step: Annotated[str, Body()]) -> bool:
    return bool(await pool.fetchval(order.REACHED, number, step))


def workflow(number: str) -> WorkflowHandle[BareOrder, None]:
    return temporal.get_workflow_handle_for(BareOrder.run, number)


@activity.defn(name=NOTHING)
@alive
async def do(step: str) -> str:
    number = activity.info().workflow_id
    if step == "book":
        await pool.execute(order.CALL, number)
        order.mishap()
    else:
        await pool.execute(order.COMMIT, number, step)
    return step


async def work() -> None:
    global pool
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with (
        asyncpg.create_pool(order.database(), min_size=4, max_size=10) as pool,
        Worker(
            await connect(settings),
            task_queue=settings.task_queue,
            workflows=[BareOrder],
            activities=[do],
            **worker_config(settings),
        ),
    ):
        await stop.wait()


if __name__ == "__main__":
    work_then_rest(work())
