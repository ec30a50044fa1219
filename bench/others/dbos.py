"""DBOS: a workflow whose every step is recorded in PostgreSQL; rows by its transactions, exactly once with the record.

Decisions are messages to the workflow, which says by an event that it has committed them, as in DBOS's own shop.
Alarms are the time-outs of its waits. The call to the carrier is a step: at least once.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated

import sqlalchemy
from dbos import DBOS, SetWorkflowID, SQLAlchemyDatasource
from fastapi import Body, FastAPI, HTTPException

from bench.others import order

URL = order.database().replace("postgresql:", "postgresql+psycopg:")
COMMIT = sqlalchemy.text("INSERT INTO steps (order_id, step) VALUES (:order, :step)")
CALL = sqlalchemy.text("INSERT INTO carrier_calls (order_id) VALUES (:order)")
REACHED = sqlalchemy.text("SELECT EXISTS (SELECT FROM steps WHERE order_id = :order AND step = :step)")
ALARM = order.ALARM.total_seconds()

engine = sqlalchemy.create_engine(URL, pool_size=10)
rows = SQLAlchemyDatasource.create(URL, engine=engine)
DBOS(config={"name": "orders", "system_database_url": URL, "log_level": "WARNING", "application_version": "1"})


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    DBOS.launch()
    yield
    DBOS.destroy()


app = FastAPI(lifespan=lifespan)


@rows.transaction(isolation_level="READ COMMITTED")
def commit(number: str, step: str) -> None:
    rows.sql_session().execute(COMMIT, {"order": number, "step": step})


@DBOS.step()
def call_carrier(number: str) -> None:
    with engine.begin() as connection:
        connection.execute(CALL, {"order": number})
    order.mishap()


@DBOS.workflow()
def run(number: str) -> None:
    commit(number, order.APPLY)
    for action in order.BEFORE_BOOKING:
        decision(number, action)
    call_carrier(number)
    commit(number, order.BOOKED)
    decision(number, order.HAND_OVER)
    for milestone in order.SCANS:
        wait(milestone)
    commit(number, order.DELIVERED)
    for action in order.AT_HOME:
        decision(number, action)


def decision(number: str, action: str) -> None:
    wait(action)
    commit(number, action)
    DBOS.set_event(action, True)


def wait(topic: str) -> None:
    while DBOS.recv(topic, ALARM) is None:
        pass  # an alarm


@app.post("/orders/{number}/run/send")
def start(number: str) -> None:
    with SetWorkflowID(number):
        DBOS.start_workflow(run, number)


@app.post("/orders/{number}/decide")
def decide(number: str, action: Annotated[str, Body()]) -> None:
    DBOS.send(number, True, action, idempotency_key=f"{number} {action}")
    if not DBOS.get_event(number, action, timeout_seconds=60):
        raise HTTPException(409)


@app.post("/orders/{number}/scanned")
def scanned(number: str, milestone: Annotated[str, Body()]) -> None:
    DBOS.send(number, True, milestone, idempotency_key=f"{number} {milestone}")


@app.post("/orders/{number}/reached")
def reached(number: str, step: Annotated[str, Body()]) -> bool:
    with engine.connect() as connection:
        return bool(connection.execute(REACHED, {"order": number, "step": step}).scalar())
