"""How many SQL statements and round trips each step of an order takes."""

from dataclasses import replace
from itertools import pairwise
from typing import Final

from pydantic import SecretStr

import standalone
from bench.office import Office
from bench.results import Cell, Results
from bench.system import System
from bench.wire import Count, counting
from runtime.ports import free_port
from standalone import StandaloneSettings

QUEUE: Final = "counted"


async def measure(system: System, results: Results) -> None:
    """One order played step by step by a worker and an API of its own, each behind a proxy that counts."""
    doors = {"worker": free_port(), "api": free_port()}
    server = system.settings.postgres_port
    async with counting(doors["worker"], server) as by_worker, counting(doors["api"], server) as by_api:
        behind = {name: _behind(system.settings, port) for name, port in doors.items()}
        worker = await standalone.worker(behind["worker"])
        await system.processes.start(replace(worker, name="counted-worker"))
        await system.processes.start(replace(standalone.api(behind["api"]), name="counted-api"))
        asked: list[tuple[str, Count, Count]] = []
        async with Office(
            behind["api"],
            system.temporal,
            at_once=1,
            heard=lambda what, seconds: asked.append((what, by_api.copy(), by_worker.copy())),
        ) as office:
            await office.play()  # the first one also fills caches
            asked.clear()
            asked.append(("", by_api.copy(), by_worker.copy()))
            await office.play()
    rows: list[list[Cell]] = []
    for (_, api_before, worker_before), (what, api_after, worker_after) in pairwise(asked):
        api, worker_ = api_after.since(api_before), worker_after.since(worker_before)
        rows.append([what, api.statements, api.round_trips, worker_.statements, worker_.round_trips])
    total = [sum(int(row[place]) for row in rows) for place in range(1, 5)]
    results.add(
        "SQL of an order",
        ("", "API statements", "round trips", "worker statements", "round trips"),
        [*rows, ["all", *total]],
        "begin and commit included; before a look the worker booked the parcel, or heard of its delivery",
    )


def _behind(settings: StandaloneSettings, port: int) -> StandaloneSettings:
    url = settings.database.replace(f":{settings.postgres_port}/", f":{port}/")
    return settings.model_copy(update={"database_url": SecretStr(url), "task_queue": QUEUE, "api_port": free_port()})
