"""Very many orders that wait: how fast a file of them is taken in, what they take up, how soon all is back after a
crash."""

import asyncio
import os
import signal
from contextlib import suppress
from statistics import median
from time import perf_counter
from typing import Final

import psutil
from sqlalchemy import text

from bench.client import UnexpectedAnswerError
from bench.office import AT_ONCE, LINES, Office, Order, application
from bench.orders import OURS, Kind, cost, play
from bench.others.engines import temporal_files
from bench.results import Cell, Results
from bench.system import CLIENT, SERVERS, Idle, System, difference, idle
from database.applications import Application
from database.importing import ImportedRow, Report, import_reports
from domain.messages import OrderState
from runtime.temporal import start_document

PARTS: Final = 5
"""The file is taken in by so many parts, to see whether the later ones cost more."""
LIMIT: Final = 1.1
"""What an order costs may not grow with their number; a tenth is what two like parts of a run differ by."""
FIRST: Final = 10_000_000
"""Places of customers that nobody else has."""
QUIET: Final = 50
"""Milliseconds of CPU a second; a worker at rest takes a fifth of it."""
IMPORT: Final = "Import, and workflows started: milliseconds of CPU of a row"
ROWS: Final = "rows so far"
NO_ANSWER: Final = (OSError, asyncio.IncompleteReadError, UnexpectedAnswerError)


async def measure(system: System, results: Results, orders: int, blocks: int, block: int) -> None:
    """So many orders are imported and then left alone, and `blocks` blocks of `block` others played before and after;
    then everything is killed."""
    async with Office(system.settings, system.temporal) as office:
        known = await office.apply()
    resting = await idle(system, (*SERVERS, CLIENT), 5)
    alone = await _whole_order(system, resting, blocks, block)
    empty = await _takes_up(system)
    rows: list[list[Cell]] = []
    for first in range(0, orders, orders // PARTS):
        part = range(first, min(orders, first + orders // PARTS))
        used, began = system.used(*SERVERS, CLIENT), perf_counter()
        await _take_in(system, part)
        seconds = perf_counter() - began
        spent = resting.less(difference(used, system.used(*SERVERS, CLIENT)), seconds)
        rows.append([part.stop, len(part) / seconds, *(spent[each] / len(part) for each in (*SERVERS, CLIENT))])
    growth = sum(map(float, rows[-1][2:])) / sum(map(float, rows[0][2:]))
    results.hold(f"CPU of an imported row, the last of {orders:,} against the first", growth, LIMIT, "×")
    results.add(IMPORT, (ROWS, "rows a second", *SERVERS, CLIENT), rows, f"{CLIENT} is who imports")
    busy = await _busy(system)
    among = await _whole_order(system, resting, blocks, block)
    results.hold(f"CPU of an order, from start to end, {orders:,} open against none", among / alone, LIMIT, "×")
    full, waiting = await _takes_up(system), await idle(system, SERVERS, 10)
    back = await _back_after_a_crash(system, known.number)
    results.add(
        f"{orders:,} idle orders",
        ("", "MiB without them", "MiB with them", "CPU at rest, ms a second"),
        [[name, empty[name], full[name], waiting.rate.get(name, "")] for name in full],
        f"an order from start to end: {among:.0f} ms of CPU beside them, {alone:.0f} without; the worker was busy for"
        f" {busy:.0f} s more after the last row; after kill -9 of all, a decision was answered after {back:.1f} s, of"
        " which 1 s nobody was started",
    )


async def _whole_order(system: System, resting: Idle, blocks: int, block: int) -> float:
    """Milliseconds of CPU of the model order in all processes."""
    async with Office(system.settings, system.temporal) as office:
        model = Kind("ours, warm", OURS, office.play)
        await play(model, AT_ONCE)
        return median([sum((await cost(system, model, block, resting)).values()) for _ in range(blocks)])


async def _take_in(system: System, places: range) -> None:
    async def start(state: OrderState) -> None:
        await start_document(system.temporal, system.settings.task_queue, state)

    reports = (
        Report(place, f"idle-{place}", Application.model_validate(application(FIRST + place))) for place in places
    )
    async for row in import_reports(reports, system.sessions, start, policy=system.settings.policy):
        assert isinstance(row, ImportedRow), row


async def _busy(system: System) -> float:
    """Seconds until the worker has begun what was imported, and told whom it has to tell."""
    began = perf_counter()
    async with asyncio.timeout(1_800):
        while (await idle(system, ("worker",), 3)).rate["worker"] > QUIET:
            pass
    return perf_counter() - began


async def _takes_up(system: System) -> dict[str, float]:
    """MiB of memory of each process, what it shares counted once, and MiB on the disk."""
    memory = {
        name: sum(each.memory_full_info().pss for each in _family(system.processes.pid(name))) / 2**20
        for name in SERVERS
    }
    async with system.sessions() as session:
        database = await session.scalar(text("SELECT pg_database_size(current_database())")) or 0
    files = sum(512 * file.stat().st_blocks for file in temporal_files(system) if file.exists())
    return memory | {"PostgreSQL's files": database / 2**20, "Temporal's files": files / 2**20}


async def _back_after_a_crash(system: System, number: str) -> float:
    """Seconds until a decision about an order that no process remembers was answered."""
    began = perf_counter()
    for process in [each for name in SERVERS for each in _family(system.processes.pid(name))]:
        with suppress(ProcessLookupError):
            os.kill(process.pid, signal.SIGKILL)
    async with asyncio.timeout(600):
        while True:
            with suppress(*NO_ANSWER):
                async with Office(system.settings, system.temporal) as office:
                    order = Order(number, office)
                    if (await order.look())["stage"] != "triage":  # decided, but the answer was lost
                        return perf_counter() - began
                    await order.decide("agent", "quote", lines=LINES, agreed_on_phone=True)
                    return perf_counter() - began
            await asyncio.sleep(0.1)


def _family(pid: int) -> list[psutil.Process]:
    process = psutil.Process(pid)
    return [process, *process.children(recursive=True)]
