"""Side by side: what the model order costs on each engine, how fast it is, and what a kill -9 does to it."""

import asyncio
import shutil
import signal
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, median
from time import perf_counter
from typing import Final

import asyncpg
import psutil

from bench.office import APART, AT_ONCE, Office
from bench.others import order
from bench.others.customer import Customer, Stubborn
from bench.others.engines import PYTHON, Engine, Hall, NotHereError, temporal_files
from bench.results import Cell, Results, console
from bench.system import Idle, System, difference
from runtime.embedded_postgres import EmbeddedPostgres
from runtime.ports import free_port
from runtime.processes import Processes

CROWD: Final = 20
BURSTS: Final = 3
PATIENCE: Final = 120
"""Seconds an order may take after a kill before it counts as stuck."""
LIMIT: Final = 1.0
OURS: Final = "ours"
REFERENCE: Final = "DBOS"
COSTS: Final = "Side by side: CPU of one order, milliseconds"
PARTS: Final = ("postgres", "servers", "own code")


@dataclass(frozen=True)
class Side:
    """One engine in the run: its processes by part, its database and its server's files, and how orders are played.

    `play(orders, at_once, apart)` returns the seconds that people waited for answers.
    """

    title: str
    pids: Callable[[], dict[str, list[int]]]
    url: str
    files: Sequence[Path]
    play: Callable[[int, int, float], Awaitable[float]]


async def measure(system: System, results: Results, blocks: int, orders: int) -> None:
    """`blocks` blocks of `orders` orders on each engine in turn; then crowds, then kills."""
    if not PYTHON.exists():
        console.print("others: left out, their packages are not installed (make bench OTHERS=1)")
        return
    home = system.settings.home / "others"
    home.mkdir()
    waited: list[float] = []

    def heard(what: str, seconds: float) -> None:
        if what != "look":
            waited.append(seconds)

    async with (
        Processes(home, report=lambda line: None) as processes,
        Office(system.settings, system.temporal, heard=heard) as office,
    ):
        postgres = EmbeddedPostgres(home, free_port())
        await postgres.create()
        await processes.start(postgres.program())
        hall = Hall(system, processes, postgres)
        engines, missing = await _start(hall)
        sides = [_product(system, office, waited), *(_side(hall, engine) for engine in engines)]
        await _costs(sides, missing, results, blocks, orders)
        await _speed(sides, results)
        await _kills(hall, engines, results)
    shutil.rmtree(home)


async def _start(hall: Hall) -> tuple[list[Engine], dict[str, str]]:
    """The engines that are here, and why the others are not."""
    engines, missing = [], {}
    for title, start in (
        (OURS, hall.ours),
        (REFERENCE, hall.dbos),
        ("Restate", hall.restate),
        ("Celery", hall.celery),
        ("plain code", hall.plain),
    ):
        try:
            engines.append(await start())
        except NotHereError as reason:
            missing[title] = str(reason)
            console.print(f"others: {title} left out: {reason}")
    return engines, missing


def _product(system: System, office: Office, waited: list[float]) -> Side:
    """The whole of ours, with its own order: rules, rooms, log, messages, and people who are logged in.

    `waited` is where the office keeps how long each answer took.
    """

    def pids() -> dict[str, list[int]]:
        pid = system.processes.pid
        return {
            "postgres": [pid("postgres")],
            "servers": [pid("temporal")],
            "own code": [pid("worker"), pid("api")],
        }

    async def play(orders: int, at_once: int, apart: float) -> float:
        office.turn = asyncio.Semaphore(at_once)
        waited.clear()
        await asyncio.gather(*(office.play() for _ in range(orders)))
        return sum(waited)

    url = system.settings.database.replace("+asyncpg", "")
    return Side("ours, the whole product", pids, url, temporal_files(system), play)


def _side(hall: Hall, engine: Engine) -> Side:
    def pids() -> dict[str, list[int]]:
        return {
            "postgres": [hall.pid("postgres")],
            "servers": [hall.pid(name) for name in engine.servers],
            "own code": [hall.pid(name) for name in engine.own],
        }

    async def play(orders: int, at_once: int, apart: float) -> float:
        customer = Customer(engine.port, at_once, apart)
        await asyncio.gather(*(customer.play() for _ in range(orders)))
        return customer.answers

    return Side(engine.title, pids, engine.url, engine.files, play)


async def _costs(sides: list[Side], missing: Mapping[str, str], results: Results, blocks: int, orders: int) -> None:
    for side in sides:
        await side.play(AT_ONCE, AT_ONCE, APART)
    resting = await _resting(sides, 8)
    costs: dict[str, list[dict[str, float]]] = defaultdict(list)
    kept: dict[str, list[float]] = defaultdict(list)
    for _ in range(blocks):
        for side in sides:
            there, before, began = await _disk(side), _used(side), perf_counter()
            await side.play(orders, AT_ONCE, APART)
            less = resting[side.title].less(difference(before, _used(side)), perf_counter() - began)
            kept[side.title].append((await _disk(side) - there) / 1024 / orders)
            costs[side.title].append({part: spent / orders for part, spent in less.items()})
    totals = {title: median(sum(cost.values()) for cost in each) for title, each in costs.items()}
    if REFERENCE in totals:
        ratio = median(sum(a.values()) / sum(b.values()) for a, b in zip(costs[OURS], costs[REFERENCE], strict=True))
        results.hold("CPU per order against DBOS doing the same, same run", ratio, LIMIT, "×")
    rows: list[list[Cell]] = []
    for title, each in costs.items():
        parts = [median(cost[part] for cost in each) for part in PARTS]
        rows.append([title, totals[title], totals[title] / totals[OURS], *parts, mean(kept[title])])
    rows += [[title, f"not here: {reason}", *[""] * 5] for title, reason in missing.items()]
    results.add(
        COSTS,
        ("", "all", "against ours", *PARTS, "KiB kept"),
        rows,
        f"medians of {blocks} blocks of {orders} orders, {AT_ONCE} requests at once; CPU less what it is at rest",
    )


async def _resting(sides: list[Side], seconds: float) -> dict[str, Idle]:
    """What each side uses while nobody wants anything, a second."""
    await asyncio.sleep(3)  # for what is still under way
    before = [_used(side) for side in sides]
    await asyncio.sleep(seconds)
    after = [_used(side) for side in sides]
    return {
        side.title: Idle({part: spent / seconds for part, spent in difference(early, late).items()})
        for side, early, late in zip(sides, before, after, strict=True)
    }


def _used(side: Side) -> dict[str, float]:
    """Milliseconds of CPU, user and system, that the processes of each part have used so far."""
    used = dict.fromkeys(PARTS, 0.0)
    for part, pids in side.pids().items():
        for process in (each for pid in pids for each in _family(pid)):
            with suppress(psutil.NoSuchProcess):
                times = process.cpu_times()
                used[part] += 1000 * (times.user + times.system + times.children_user + times.children_system)
    return used


async def _disk(side: Side) -> int:
    """Bytes that its database and its server's files take up."""
    connection = await asyncpg.connect(side.url)
    size = int(await connection.fetchval("SELECT pg_database_size(current_database())"))
    await connection.close()
    files = [file for root in side.files for file in (root, *root.rglob("*")) if file.is_file()]
    return size + sum(512 * file.stat().st_blocks for file in files)


def _family(pid: int) -> list[psutil.Process]:
    process = psutil.Process(pid)
    return [process, *process.children(recursive=True)]


async def _speed(sides: list[Side], results: Results) -> None:
    """One order after the other, and a crowd of them, on each engine in turn."""
    waited: dict[str, list[float]] = defaultdict(list)
    rates: dict[str, list[float]] = defaultdict(list)
    for _ in range(BURSTS):
        for side in sides:
            waited[side.title].append(await side.play(1, 1, 0))
            began = perf_counter()
            await side.play(CROWD, CROWD, 0)
            rates[side.title].append(CROWD / (perf_counter() - began))
    rows: list[list[Cell]] = [
        [side.title, 1000 * median(waited[side.title]), median(rates[side.title])] for side in sides
    ]
    results.add(
        "Side by side: speed",
        ("", "ms waited for the answers of one order", f"orders a second, {CROWD} at once"),
        rows,
        f"medians of {BURSTS}; the whole product's people pause 1.4 s in an order, the others look twice after 50 ms",
    )


async def _kills(hall: Hall, engines: list[Engine], results: Results) -> None:
    """All engines at once, as only what becomes of the orders counts: a death between the carrier's answer and its
    record, and all of an engine's own processes killed in the middle of a crowd."""
    rows = await asyncio.gather(*(_killed(hall, engine) for engine in engines))
    ours = next(row for row in rows if row[0] == OURS)
    results.hold(f"orders of ours that had not ended {PATIENCE} s after kill -9", CROWD - int(ours[3]), 0, "orders")
    results.add(
        "Side by side: kill -9",
        ("", "one: parcels booked", "after s", f"{CROWD}: ended", "after s", "parcels booked", "rows missing"),
        rows,
        f"on the left the process that called the carrier dies before it can write that down; on the right all own "
        f"processes die in the middle; people ask again; given up after {PATIENCE} s; started again after 1 s",
    )


async def _killed(hall: Hall, engine: Engine) -> list[Cell]:
    connection = await asyncpg.connect(engine.url)
    try:
        calls = await _calls(connection)
        engine.mishap.touch()
        ended, seconds = await _insist(engine, 1)
        once: list[Cell] = [await _calls(connection) - calls, seconds if ended else "never"]
        calls, steps = await _calls(connection), await _steps(connection)

        async def strike() -> None:
            while await _steps(connection) < steps + CROWD * len(order.STEPS) // 3:  # noqa: ASYNC110
                await asyncio.sleep(0.02)
            for process in (each for name in engine.own for each in _family(hall.pid(name))):
                with suppress(psutil.NoSuchProcess):
                    process.send_signal(signal.SIGKILL)

        (ended, seconds), _ = await asyncio.gather(_insist(engine, CROWD), strike())
        missing = ended * len(order.STEPS) - (await _steps(connection) - steps) if ended == CROWD else ""
        return [engine.title, *once, ended, seconds, await _calls(connection) - calls, missing]
    finally:
        await connection.close()


async def _insist(engine: Engine, orders: int) -> tuple[int, float]:
    """How many ended, and the seconds it took."""
    customer, began = Stubborn(engine.port, CROWD, 0), perf_counter()
    playing = [asyncio.create_task(customer.play()) for _ in range(orders)]
    done, stuck = await asyncio.wait(playing, timeout=PATIENCE)
    for task in stuck:
        task.cancel()
    await asyncio.gather(*stuck, return_exceptions=True)
    for task in done:
        task.result()
    return len(done), perf_counter() - began


async def _calls(connection: asyncpg.Connection) -> int:
    return int(await connection.fetchval("SELECT count(*) FROM carrier_calls"))


async def _steps(connection: asyncpg.Connection) -> int:
    return int(await connection.fetchval("SELECT count(*) FROM steps"))
