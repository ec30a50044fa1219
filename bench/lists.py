"""Whether lists and pages stay as fast with many orders in the database as with few."""

from collections import defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from statistics import median
from time import perf_counter
from typing import Final

from pydantic import SecretStr
from sqlalchemy import text

import standalone
from bench.client import Client
from bench.filling import OPEN_SHARE, fill
from bench.results import Cell, Results
from bench.system import System
from database.migrate import migrate
from database.reference import seed
from database.session import engine, sessions
from runtime.ports import free_port

LIMIT: Final = 1.5
PATIENCE: Final = 3_600.0
"""Seconds that one statement may take that fills a database; nobody waits for it."""
MONTH, YEAR = timedelta(days=30), timedelta(days=365)
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
FIGURES: Final = {
    "hints of an order": "/v1/orders/{number}/hints",
    "undelivered, counted": "/messages/count",
    "costs": "/v1/costs",
    "costs, page": "/costs",
    "receipts, page": "/costs/receipts",
    "reviews, page": "/supplier-reviews",
    "a review, page": "/supplier-reviews/1",
    "levels, page": "/tasks/levels",
    "balances, page": "/stock/balances",
    "balances a month ago, page": "/stock/balances?at={month_ago}",
    "balances a year ago, page": "/stock/balances?at={year_ago}",
    "movements, page": "/stock/movements",
}
"""What supervisors read. Costs of months and reviews are summed up by schedules, and here only read."""


@dataclass(frozen=True)
class House:
    """So many orders with an API in front of them, who asks it, and what it is asked about."""

    number: int
    clients: Mapping[str, Client]
    about: Mapping[str, str]


async def measure(system: System, results: Results, sizes: Sequence[int], times: int) -> None:
    """Every question `times` times, asked of few and of ever more orders in turn."""
    async with AsyncExitStack() as leaving:
        houses = [await leaving.enter_async_context(_house(system, number)) for number in sizes]
        lists = await _ask(houses, QUESTIONS, "agent", times)
        figures = await _ask(houses, FIGURES, "supervisor", times)
    few, *_, many = sizes
    worst = max(lists, key=lambda row: row[-1])
    results.hold(f"lists and pages, {many:,} orders against {few:,}: {worst[0]}", float(worst[-1]), LIMIT, "×")
    columns = ("", *(f"{number:,} orders" for number in sizes), "×")
    note = (
        f"medians of {times} answers in milliseconds, and of the ratio of the last to the first, asked one right after "
        f"the other; one order in {OPEN_SHARE} is open"
    )
    results.add("Lists and pages", columns, lists, note)
    read = (
        "the same of figures; no budget holds them; costs of months and reviews were summed up before, as schedules do"
    )
    results.add("Figures that supervisors read", columns, figures, read)


async def _ask(houses: Sequence[House], questions: Mapping[str, str], who: str, times: int) -> list[list[Cell]]:
    """A row for each question: how long it took in each house, and the ratio of the last to the first."""
    took: dict[tuple[str, int], list[float]] = defaultdict(list)
    for turn in range(times + 2):
        for question, path in questions.items():
            for house in houses:
                began = perf_counter()
                await house.clients[who].get(path.format(**house.about))
                if turn >= 2:  # the first ones fill caches
                    took[question, house.number].append(1000 * (perf_counter() - began))
    rows: list[list[Cell]] = []
    for question in questions:
        every = [took[question, house.number] for house in houses]
        growth = median(more / less for less, more in zip(every[0], every[-1], strict=True))
        rows.append([question, *map(median, every), growth])
    return rows


@asynccontextmanager
async def _house(system: System, number: int) -> AsyncIterator[House]:
    """A database of its own with so many orders, and an API in front of it."""
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
    today = datetime.now(UTC).date()
    about = {"number": order, "month_ago": f"{today - MONTH}", "year_ago": f"{today - YEAR}"}
    async with Client(settings.api_port, "agent") as agent, Client(settings.api_port, "supervisor") as supervisor:
        yield House(number, {"agent": agent, "supervisor": supervisor}, about)
