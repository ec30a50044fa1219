"""How worker processes share the load, and what the others do when one of them is killed."""

import asyncio
import os
import signal
from dataclasses import replace
from time import perf_counter
from typing import Final

import standalone
from bench.office import Office
from bench.results import Cell, Results
from bench.system import System, difference
from runtime.ports import free_port

NUMBERS: Final = (1, 2, 4)
CLIENTS: Final = 20


async def measure(system: System, results: Results, orders: int) -> None:
    """So many orders played at once by each number of workers; the last number once more, losing a worker half-way."""
    rows: list[list[Cell]] = []
    for number in NUMBERS:
        settings = system.settings.model_copy(update={"task_queue": f"shared-{number}", "api_port": free_port()})
        worker = await standalone.worker(settings)
        names = tuple(f"shared-{number}-{each}" for each in range(number))
        programs = [replace(standalone.api(settings), name=f"shared-{number}-api")]
        programs += [replace(worker, name=name) for name in names]
        for program in programs:
            await system.processes.start(program)
        async with Office(settings, system.temporal, CLIENTS) as office:
            await office.play()
            rows.append([str(number), *await _play(system, office, names, orders)])
            if number == max(NUMBERS):
                victim = system.processes.pid(names[0])
                asyncio.get_running_loop().call_later(3, os.kill, victim, signal.SIGKILL)
                began = perf_counter()
                await asyncio.gather(*(office.play() for _ in range(orders)))
                seconds = perf_counter() - began
                rows.append([f"{number}, one killed after 3 s", orders, seconds, orders / seconds, "", ""])
        for program in programs:
            await system.processes.end(program.name)
    results.add(
        "Several workers",
        ("workers", "orders", "seconds", "orders a second", "CPU, busiest", "CPU, idlest"),
        rows,
        f"{CLIENTS} requests at once; CPU of a worker in milliseconds; whoever is killed is started again",
    )


async def _play(system: System, office: Office, names: tuple[str, ...], orders: int) -> list[Cell]:
    before, began = system.used(*names), perf_counter()
    await asyncio.gather(*(office.play() for _ in range(orders)))
    seconds = perf_counter() - began
    used = difference(before, system.used(*names)).values()
    return [orders, seconds, orders / seconds, max(used), min(used)]
