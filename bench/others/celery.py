"""Celery: every step a task that is acknowledged after it is done, Redis as broker and for the answers.

The stage is a row in PostgreSQL; `beat` looks for what is due. Rows exactly once, because the task moves the stage in
the row's transaction; calls at least once. Between a commit and the next task's `delay` nothing is durable.
"""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Annotated, Final

import psycopg
from celery import Celery
from celery.signals import worker_process_init
from fastapi import Body, FastAPI, HTTPException

from bench.others import order

BEFORE: Final = dict(zip(order.STEPS[1:], order.STEPS, strict=False))
SWEEP: Final = timedelta(seconds=10)
LATE: Final = "UPDATE orders SET due = now() + %s WHERE due < now() RETURNING id, stage"
MOVE: Final = "UPDATE orders SET stage = %s, due = now() + %s WHERE id = %s AND stage = %s"
SCAN: Final = "UPDATE orders SET scans = scans + 1 WHERE id = %s RETURNING scans"
COMMIT: Final = "INSERT INTO steps (order_id, step) VALUES (%s, %s)"
REACHED: Final = "SELECT EXISTS (SELECT FROM steps WHERE order_id = %s AND step = %s)"

tasks = Celery("orders", broker=os.environ[order.REDIS], backend=os.environ[order.REDIS])
tasks.conf.update(
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    worker_prefetch_multiplier=1,
    result_expires=timedelta(minutes=10),
    beat_schedule={"sweep": {"task": "bench.others.celery.sweep", "schedule": SWEEP}},
)
connection: psycopg.Connection


@worker_process_init.connect
def connect(**given: object) -> None:
    global connection
    connection = psycopg.connect(order.database(), autocommit=True)


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    connect()
    yield


app = FastAPI(lifespan=lifespan)


@tasks.task
def start(number: str) -> None:
    with connection.transaction():
        connection.execute(
            "INSERT INTO orders VALUES (%s, %s, 0, now() + %s) ON CONFLICT DO NOTHING",
            (number, order.APPLY, order.ALARM),
        )
        connection.execute(COMMIT + " ON CONFLICT DO NOTHING", (number, order.APPLY))


@tasks.task
def decide(number: str, action: str) -> bool:
    packed = action == order.BEFORE_BOOKING[-1]
    with connection.transaction():
        moved = move(number, action, SWEEP if packed else order.ALARM)
    if packed and moved:
        book.delay(number)
    return moved


@tasks.task
def book(number: str) -> None:
    connection.execute("INSERT INTO carrier_calls (order_id) VALUES (%s)", (number,))
    order.mishap()
    with connection.transaction():
        move(number, order.BOOKED)


@tasks.task
def scanned(number: str, milestone: str) -> None:
    with connection.transaction():
        if connection.execute(SCAN, (number,)).fetchone() == (len(order.SCANS),):
            move(number, order.DELIVERED)


@tasks.task
def sweep() -> None:
    for number, stage in connection.execute(LATE, (SWEEP,)):
        if stage == order.BEFORE_BOOKING[-1]:
            book.delay(number)


def move(number: str, step: str, due: timedelta = order.ALARM) -> bool:
    """Whether the order stood where this step is taken."""
    if not connection.execute(MOVE, (step, due, number, BEFORE[step])).rowcount:
        return False
    connection.execute(COMMIT, (number, step))
    return True


@app.post("/orders/{number}/run/send")
def take_order(number: str) -> None:
    start.delay(number).get()


@app.post("/orders/{number}/decide")
def take_decision(number: str, action: Annotated[str, Body()]) -> None:
    if not decide.delay(number, action).get():
        raise HTTPException(409)


@app.post("/orders/{number}/scanned")
def take_scan(number: str, milestone: Annotated[str, Body()]) -> None:
    scanned.apply_async((number, milestone), ignore_result=True)


@app.post("/orders/{number}/reached")
def reached(number: str, step: Annotated[str, Body()]) -> bool:
    return bool(connection.execute(REACHED, (number, step)).fetchone() == (True,))
