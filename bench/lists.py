"""Whether lists and pages stay as fast with many orders in the database as with few."""

from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from statistics import median
from time import perf_counter
from typing import Final

from pydantic import SecretStr
from sqlalchemy import text

import standalone
from bench.client import Client
from bench.office import application
from bench.results import Cell, Results
from bench.system import System
from database.applications import Application, apply
from database.migrate import migrate
from database.reference import seed
from database.session import Sessions, engine, sessions
from domain.stages import Role
from runtime.ports import free_port

FEW: Final = 1_000
LIMIT: Final = 1.5
PATIENCE: Final = 3_600.0
"""Seconds that one statement may take that fills a database; nobody waits for it."""
OPEN_SHARE: Final = 10
"""One order in so many is open; of those every one has its place among five stages."""
STAGES: Final = (
    ("triage", "judgement", "service_agent"),
    ("audit", "signature", "auditor"),
    ("dispatch", "handover", "warehouse_keeper"),
    ("in_transit", "delivery", "dispatcher"),
    ("revisit", "revisit", "service_agent"),
)
QUESTIONS: Final = {
    "newest": "/v1/orders",
    "mine": "/v1/orders?mine=true",
    "overdue": "/v1/orders?overdue=true",
    "at audit": "/v1/orders?stage=audit",
    "closed": "/v1/orders?stage=closed",
    "search, a phone": "/v1/orders?q=13800000777",
    "search, a common word": "/v1/orders?q=%E9%A3%8E%E6%9C%BA",
    "counts": "/v1/orders/counts",
    "order": "/v1/orders/{number}",
    "events of an order": "/v1/orders/{number}/events",
    "list, page": "/orders",
    "all, page": "/orders?which=all",
    "order, page": "/orders/{number}",
}


async def measure(system: System, results: Results, many: int, times: int) -> None:
    """Every question `times` times, asked of few and of many orders in turn."""
    took: dict[tuple[str, int], list[float]] = defaultdict(list)
    async with AsyncExitStack() as leaving:
        houses = [await leaving.enter_async_context(_house(system, number)) for number in (FEW, many)]
        for turn in range(times + 2):
            for question, path in QUESTIONS.items():
                for client, number, order in houses:
                    began = perf_counter()
                    await client.get(path.format(number=order))
                    if turn >= 2:  # the first ones fill caches
                        took[question, number].append(1000 * (perf_counter() - began))
    rows: list[list[Cell]] = []
    for question in QUESTIONS:
        few, lots = took[question, FEW], took[question, many]
        growth = median(more / less for less, more in zip(few, lots, strict=True))
        rows.append([question, median(few), median(lots), growth])
    worst = max(rows, key=lambda row: row[-1])
    results.hold(f"lists and pages, {many:,} orders against {FEW:,}: {worst[0]}", float(worst[-1]), LIMIT, "×")
    note = (
        f"medians of {times} answers in milliseconds, and of the ratio of two asked one right after the other; "
        f"one order in {OPEN_SHARE} is open"
    )
    results.add("Lists and pages", ("", f"{FEW:,} orders", f"{many:,} orders", "×"), rows, note)


@asynccontextmanager
async def _house(system: System, number: int) -> AsyncIterator[tuple[Client, int, str]]:
    """A database of its own with so many orders, an API in front of it, and the number of an order in it."""
    name = f"bench_{number}"
    admin = engine(system.settings.database, 1)
    async with admin.connect() as connection:
        await (await connection.execution_options(isolation_level="AUTOCOMMIT")).execute(
            text(f"create database {name}")
        )
    await admin.dispose()
    url = system.settings.database.rpartition("/")[0] + f"/{name}"
    await migrate(url)
    pool = engine(url, 2, PATIENCE)
    await seed(sessions(pool), system.settings)
    order = await fill(sessions(pool), number)
    await pool.dispose()
    settings = system.settings.model_copy(update={"database_url": SecretStr(url), "api_port": free_port()})
    await system.processes.start(replace(standalone.api(settings), name=f"api-{number}"))
    async with Client(settings.api_port, "agent") as client:
        yield client, number, order


async def fill(sessions: Sessions, number: int) -> str:
    """Makes so many orders of one that applied; returns the number of one that is open."""
    async with sessions.begin() as session:
        applied = await apply(
            session,
            Application.model_validate(application(0)),
            by="agent",
            role=Role.SERVICE_AGENT,
            key="template",
            now=datetime.now(UTC),
            policy="standard",
        )
        given = {"template": applied.state.number, "number": number}
        await session.execute(text("set local statement_timeout = 0"))
        for statement in _statements():
            await session.execute(text(statement), given)
    async with sessions() as session:  # autovacuum would do so in the middle of what is measured
        connection = await session.connection(execution_options={"isolation_level": "AUTOCOMMIT"})
        await connection.execute(text("set statement_timeout = 0"))
        await connection.execute(text("vacuum (analyze)"))
    return f"RO-B{OPEN_SHARE:07}"


def _statements() -> list[str]:
    """Rows like the template's: customers, orders at their stages, their lines and their logs."""
    place = f"n / {OPEN_SHARE} % {len(STAGES)}"
    stage, clock, owner = (
        f"case when n % {OPEN_SHARE} > 0 then {end} else "
        f"(array[{', '.join(repr(each[column]) for each in STAGES)}])[{place} + 1] end"
        for column, end in enumerate(("'closed'", "null", "null"))
    )
    number = "'RO-B' || lpad(n::text, 7, '0')"
    created = "now() - n * interval '10 minutes'"
    due = f"case when n % {OPEN_SHARE} = 0 then now() + (n % 200 - 40) * interval '1 hour' end"
    order = {
        "number": number,
        "created_at": created,
        "customer": "c.id",
        "stage": stage,
        "wait_clock": clock,
        "wait_owner": owner,
        "wait_caretaker": owner,
        "wait_since": f"case when n % {OPEN_SHARE} = 0 then {created} end",
        "wait_due": due,
        "ended_at": f"case when n % {OPEN_SHARE} > 0 then now() end",
        "tracking_token": "'token-' || n",
        "application_key": "'key-' || n",
        "search_text": f"lower({number}) || ' ' || c.name || ' ' || c.phone || ' hg-cxw268 风机不转'",
        "state": f"t.state || jsonb_build_object('number', {number}, 'stage', {stage})",
    }
    series = "generate_series(1, :number) n"
    return [
        "insert into customer (name, phone, city, address)"
        f" select '客户' || n, '138' || lpad(n::text, 8, '0'), '杭州市', '示范路' from {series}",
        f"insert into replacement_order select {_like('t', order)} from replacement_order t, {series}"
        " join customer c on c.phone = '138' || lpad(n::text, 8, '0') and c.name = '客户' || n"
        " where t.number = :template",
        'insert into order_line ("order", round, part, quantity, state)'
        f" select {number}, l.round, l.part, l.quantity, l.state from order_line l, {series}"
        ' where l."order" = :template',
        f"insert into event_log select {_like('e', {'document': number, 'seq': 'step'})}"
        f" from event_log e, {series}, generate_series(0, 5) step where e.document = :template",
    ]


def _like(table: str, changes: dict[str, str]) -> str:
    """The row `table` stands for, but for these columns."""
    pairs = ", ".join(f"'{column}', {value}" for column, value in changes.items())
    return f"(jsonb_populate_record({table}, jsonb_build_object({pairs}))).*"
