"""What an order costs in CPU: ours against a bare workflow, warm and cold, block by block in turn.

The orders of a block are open side by side and take turns. A cold worker keeps fewer workflows than that, so each
is gone from its memory when its turn comes again.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from itertools import count
from statistics import median
from time import perf_counter
from typing import Any, Final

from temporalio.client import WorkflowHandle
from temporalio.common import SearchAttributePair, TypedSearchAttributes

from bench.bare.order import BareOrder
from bench.office import APART, AT_ONCE, MILESTONES, Office
from bench.results import Results
from bench.system import CLIENT, Idle, System, difference, idle
from runtime.search_attributes import STAGE

WARM_LIMIT: Final = 1.25
COLD_LIMIT: Final = 1.6
OURS: Final = ("postgres", "temporal", "worker", "api", CLIENT)
COLD: Final = ("postgres", "temporal", "cold-worker", "cold-api", "worker", "api", CLIENT)
"""Parcels are watched, and pushes taken in, by the worker and the API that were there first."""
BARE: Final = ("temporal", "bare", CLIENT)
COLD_BARE: Final = ("temporal", "cold-bare", CLIENT)
_serial = count()


@dataclass(frozen=True)
class Kind:
    """One way of carrying out the model order, and the processes that take part in it."""

    title: str
    processes: tuple[str, ...]
    play: Callable[[], Awaitable[object]]


async def measure(system: System, results: Results, blocks: int, orders: int) -> None:
    """`blocks` blocks of `orders` orders of each kind, in turn."""
    names = tuple(dict.fromkeys((*OURS, *COLD, *BARE, *COLD_BARE)))
    async with Office(system.settings, system.temporal) as warm, Office(system.cold, system.temporal) as cold:
        kinds = (
            Kind("ours, warm", OURS, warm.play),
            Kind("bare, warm", BARE, Bare(system, "bare").play),
            Kind("ours, cold", COLD, cold.play),
            Kind("bare, cold", COLD_BARE, Bare(system, "cold-bare").play),
        )
        for kind in kinds:
            await play(kind, AT_ONCE)
        resting = await idle(system, names, 8)
        costs: dict[str, list[Mapping[str, float]]] = {kind.title: [] for kind in kinds}
        for _ in range(blocks):
            for kind in kinds:
                costs[kind.title].append(await cost(system, kind, orders, resting))
    totals = {title: median(sum(cost.values()) for cost in each) for title, each in costs.items()}
    warm_ratio = totals["ours, warm"] / totals["bare, warm"]
    results.hold("CPU of an order, warm, against bare", warm_ratio, WARM_LIMIT, "×")
    results.hold("CPU of an order, cold, against warm", totals["ours, cold"] / totals["ours, warm"], COLD_LIMIT, "×")
    parts = ("postgres", "temporal", "worker", "api", CLIENT)
    results.add(
        "CPU per order, milliseconds, user and system",
        ("", "all", *parts),
        [[title, totals[title], *(_part(each, part) for part in parts)] for title, each in costs.items()],
        f"medians of {blocks} blocks of {orders} orders, {AT_ONCE} requests at once; "
        f"less what the idle system uses ({sum(resting.rate.values()):.0f} ms a second in all of its processes)",
    )


async def play(kind: Kind, orders: int) -> None:
    await asyncio.gather(*(kind.play() for _ in range(orders)))


async def cost(system: System, kind: Kind, orders: int, resting: Idle) -> dict[str, float]:
    """Milliseconds of CPU of an order by process, of so many played side by side."""
    before, began = system.used(*kind.processes), perf_counter()
    await play(kind, orders)
    used = difference(before, system.used(*kind.processes))
    return {name: spent / orders for name, spent in resting.less(used, perf_counter() - began).items()}


def _part(costs: list[Mapping[str, float]], part: str) -> float:
    """A part of the total; workers and APIs are called the same whichever they are."""
    return median(sum(spent for name, spent in cost.items() if _plain(name) == part) for cost in costs)


def _plain(name: str) -> str:
    return {"cold-worker": "worker", "bare": "worker", "cold-bare": "worker", "cold-api": "api"}.get(name, name)


class Bare:
    """The bare workflow, moved on as the model order is."""

    def __init__(self, system: System, task_queue: str) -> None:
        self._temporal = system.temporal
        self._task_queue = task_queue
        self._turn = asyncio.Semaphore(AT_ONCE)

    async def play(self) -> str:
        """Returns its id."""
        name = f"bare/{next(_serial)}"
        stage = TypedSearchAttributes([SearchAttributePair(STAGE, "triage")])
        async with self._turn:
            handle = await self._temporal.start_workflow(
                BareOrder.run, id=name, task_queue=self._task_queue, search_attributes=stage
            )
        await self._decide(handle, "quote", "approve", "pack")
        await asyncio.sleep(2 * APART)
        await self._decide(handle, "hand_over")
        for milestone in MILESTONES:
            async with self._turn:
                await handle.signal(BareOrder.scanned, milestone)
            await asyncio.sleep(APART)
        await asyncio.sleep(2 * APART)
        await self._decide(handle, "book_appointment", "report_fitted", "answer_works")
        return name

    async def _decide(self, handle: WorkflowHandle[Any, Any], *actions: str) -> None:
        for action in actions:
            async with self._turn:
                await handle.execute_update(BareOrder.decide, action)
