"""The real system for a run of the bench: a home and ports of its own, and what each of its processes has used."""

import asyncio
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import psutil
from temporalio.client import Client

import standalone
from bench.world import enter
from database.session import Sessions, engine, sessions
from runtime.home import claimed
from runtime.ports import free_port
from runtime.processes import Processes
from runtime.temporal import connect
from standalone import StandaloneSettings

SERVERS: Final = ("postgres", "temporal", "worker", "api")
"""The processes of ours that run all the time; the carrier test server stands for somebody else's."""
CLIENT: Final = "bench"
COLD_CACHE: Final = 5
"""More than are at work at once: one that is evicted at work does its step again. Far fewer than are open."""

Used = Mapping[str, float]


@dataclass(frozen=True)
class System:
    """A running system. `cold` has a worker that keeps few workflows in memory, with an API in front of it."""

    settings: StandaloneSettings
    cold: StandaloneSettings
    processes: Processes
    sessions: Sessions
    temporal: Client

    def used(self, *names: str) -> Used:
        """Milliseconds of CPU, user and system, that each of these has used so far, with its children."""
        pids = {name: os.getpid() if name == CLIENT else self.processes.pid(name) for name in names}
        return {name: 1000 * _seconds(psutil.Process(pid), alone=name == CLIENT) for name, pid in pids.items()}


def _seconds(process: psutil.Process, *, alone: bool) -> float:
    family = [process] if alone else [process, *process.children(recursive=True)]
    total = 0.0
    for each in family:
        times = each.cpu_times()
        total += times.user + times.system + (0 if alone else times.children_user + times.children_system)
    return total


def difference(before: Used, after: Used) -> dict[str, float]:
    return {name: after[name] - before[name] for name in before}


def settings_for(home: Path) -> StandaloneSettings:
    """The settings as they come, on free ports; parcels that never move by themselves, and no sweep meanwhile."""
    return StandaloneSettings(
        home=home,
        api_port=free_port(),
        postgres_port=free_port(),
        temporal_port=free_port(),
        temporal_ui_port=free_port(),
        carrier_port=free_port(),
        mail_port=free_port(),
        mail_page_port=free_port(),
        metrics_port=0,
        demonstration=False,
        carrier_leg_seconds=1e7,
        sweep_minutes=10_000,
        grace_seconds=5,
        log_level="WARNING",
    )


@asynccontextmanager
async def running_system(home: Path) -> AsyncIterator[System]:
    """Everything started and ready: the system, a second worker that is cold, and two bare ones."""
    settings = settings_for(home)
    cold = settings.model_copy(
        update={"task_queue": "cold", "cached_workflows": COLD_CACHE, "api_port": free_port()}
    )  # fmt: skip
    with claimed(home):
        async with Processes(home, report=lambda line: None) as processes:
            await standalone.bring_up(settings, processes)
            for name, program in (
                ("cold-worker", await standalone.worker(cold)),
                ("cold-api", standalone.api(cold)),
                ("bare", await standalone.worker(_queue(settings, "bare"), "bench.bare")),
                ("cold-bare", await standalone.worker(_queue(cold, "cold-bare"), "bench.bare")),
            ):
                await processes.start(replace(program, name=name))
            pool = engine(settings.database, 4)
            await enter(sessions(pool))
            yield System(settings, cold, processes, sessions(pool), await connect(settings))
            await pool.dispose()


def _queue(settings: StandaloneSettings, name: str) -> StandaloneSettings:
    return settings.model_copy(update={"task_queue": name})


@dataclass(frozen=True)
class Idle:
    """What the processes use while nobody wants anything, in milliseconds of CPU a second."""

    rate: Mapping[str, float]

    def less(self, used: Mapping[str, float], seconds: float) -> dict[str, float]:
        """What was used on top of it."""
        return {name: spent - self.rate.get(name, 0) * seconds for name, spent in used.items()}


async def idle(system: System, names: tuple[str, ...], seconds: float) -> Idle:
    await asyncio.sleep(2)  # for what is still under way
    before = system.used(*names)
    await asyncio.sleep(seconds)
    used = difference(before, system.used(*names))
    return Idle({name: spent / seconds for name, spent in used.items()})
