"""Plain code: FastAPI and asyncpg, the stage in a row that is locked and moved on in one transaction.

What comes after a commit without anybody asking (the call to the carrier) is a task in memory. A sweep finds what is
due: alarms, and calls that a crash swallowed. Rows exactly once, calls at least once.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Annotated, Final

import asyncpg
from fastapi import BackgroundTasks, Body, FastAPI, HTTPException

from bench.others import order

BEFORE: Final = dict(zip(order.STEPS[1:], order.STEPS, strict=False))
SWEEP: Final = timedelta(seconds=10)
LATE: Final = "UPDATE orders SET due = now() + $1 WHERE due < now() RETURNING id, stage"
MOVE: Final = "UPDATE orders SET stage = $3, due = now() + $4 WHERE id = $1 AND stage = $2 RETURNING id"
SCAN: Final = "UPDATE orders SET scans = scans + 1 WHERE id = $1 RETURNING scans"
pool: asyncpg.Pool


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    global pool
    async with asyncpg.create_pool(order.database(), min_size=4, max_size=10) as pool:
        sweeping = asyncio.create_task(sweep())
        yield
        sweeping.cancel()


app = FastAPI(lifespan=lifespan)


@app.post("/orders/{number}/run/send")
async def start(number: str) -> None:
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute("INSERT INTO orders VALUES ($1, $2, 0, now() + $3)", number, order.APPLY, order.ALARM)
        await connection.execute(order.COMMIT, number, order.APPLY)


@app.post("/orders/{number}/decide")
async def decide(number: str, action: Annotated[str, Body()], later: BackgroundTasks) -> None:
    packed = action == order.BEFORE_BOOKING[-1]
    async with pool.acquire() as connection, connection.transaction():
        if not await move(connection, number, action, SWEEP if packed else order.ALARM):
            raise HTTPException(409)
    if packed:
        later.add_task(book, number)


@app.post("/orders/{number}/scanned")
async def scanned(number: str, milestone: Annotated[str, Body()]) -> None:
    async with pool.acquire() as connection, connection.transaction():
        if await connection.fetchval(SCAN, number) == len(order.SCANS):
            await move(connection, number, order.DELIVERED)


@app.post("/orders/{number}/reached")
async def reached(number: str, step: Annotated[str, Body()]) -> bool:
    return bool(await pool.fetchval(order.REACHED, number, step))


async def move(connection: asyncpg.Connection, number: str, step: str, due: timedelta = order.ALARM) -> bool:
    """Whether the order stood where this step is taken."""
    if not await connection.fetchval(MOVE, number, BEFORE[step], step, due):
        return False
    await connection.execute(order.COMMIT, number, step)
    return True


async def book(number: str) -> None:
    await pool.execute(order.CALL, number)
    order.mishap()
    async with pool.acquire() as connection, connection.transaction():
        await move(connection, number, order.BOOKED)


async def sweep() -> None:
    while True:
        for late in await pool.fetch(LATE, SWEEP):
            if late["stage"] == order.BEFORE_BOOKING[-1]:
                await book(late["id"])
        await asyncio.sleep(SWEEP.total_seconds())
