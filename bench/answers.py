"""How long people wait for an answer, alone and with nineteen others, and how many orders a burst gets through."""

import asyncio
from collections import defaultdict
from time import perf_counter
from typing import Final

from bench.office import Office
from bench.results import Cell, Results
from bench.system import System

DECISION_LIMIT: Final = 30
CLIENTS: Final = (1, 20)
DECISIONS: Final = ("quote", "approve", "pack", "hand_over", "book_appointment", "report_fitted", "answer_works")
PAGES: Final = {
    "list": "/v1/orders?mine=true",
    "order": "/v1/orders/{number}",
    "list, page": "/orders",
    "order, page": "/orders/{number}",
}
KINDS: Final = ("start", "decide", *PAGES, *DECISIONS)


async def measure(system: System, results: Results, orders: int) -> None:
    """`orders` orders are played by each number of clients; every order is then looked at in every way."""
    rows: list[list[Cell]] = []
    for clients in CLIENTS:
        took: dict[str, list[float]] = defaultdict(list)
        seconds, repeated = await _play(system, clients, max(1, orders // clients), took)
        played = clients * max(1, orders // clients)
        rows += [
            [kind, clients, len(took[kind]), *(percentile(took[kind], share) for share in (50, 95, 99))]
            for kind in KINDS
        ]
        rows.append(["orders a second, start to end", clients, played, played / seconds, "", ""])
        rows.append(["sent again after a 503", clients, repeated, "", "", ""])
        if clients == 1:
            results.hold("a decision, one client, p95", percentile(took["decide"], 95), DECISION_LIMIT, "ms")
    results.add("Answers in milliseconds", ("", "clients", "answers", "p50", "p95", "p99"), rows)


async def _play(system: System, clients: int, orders: int, took: dict[str, list[float]]) -> tuple[float, int]:
    """Returns how many seconds it took, and how many requests were sent again after a 503."""

    def heard(what: str, seconds: float) -> None:
        kinds = ("decide", what) if what in DECISIONS else ("start",) if what == "apply" else (what,)
        for kind in kinds:
            took[kind].append(1000 * seconds)

    async with Office(system.settings, system.temporal, clients, heard) as office:

        async def play() -> None:
            for _ in range(orders):
                order = await office.play()
                for name, path in PAGES.items():
                    await office.ask(name, office.clients["agent"].get(path.format(number=order.number)))

        began = perf_counter()
        await asyncio.gather(*(play() for _ in range(clients)))
        return perf_counter() - began, sum(client.repeated for client in office.clients.values())


def percentile(figures: list[float], share: int) -> float:
    """The smallest figure that `share` of a hundred do not exceed."""
    ordered = sorted(figures)
    return ordered[max(0, -(-len(ordered) * share // 100) - 1)]
