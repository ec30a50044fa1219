"""How many events the history of an order holds."""

from collections import Counter
from typing import Final

from temporalio.api.enums.v1 import EventType

from bench.office import Office
from bench.results import Cell, Results
from bench.system import System
from runtime.temporal import order_workflow

ORDER_LIMIT: Final = 90
ROUND_LIMIT: Final = 80
_PREFIX: Final = "EVENT_TYPE_"


async def measure(system: System, results: Results) -> None:
    async with Office(system.settings, system.temporal) as office:
        plain = await events(system, (await office.play()).number)
        order = await office.apply()
        await order.agree()
        await order.ship()
        await order.install()
        before = await events(system, order.number)
        await order.rework()
        after = await events(system, order.number)
        await order.close()
    rework = after - before
    results.hold("history of an order from stock", plain.total(), ORDER_LIMIT, "events")
    results.hold("history of a rework round", rework.total(), ROUND_LIMIT, "events")
    kinds = sorted(plain | rework, key=lambda kind: -plain[kind])
    rows: list[list[Cell]] = [
        [kind.removeprefix("WORKFLOW_").replace("_", " ").lower(), plain[kind], rework[kind]] for kind in kinds
    ]
    results.add("History events", ("event", "order from stock", "rework round"), rows)


async def events(system: System, number: str) -> Counter[str]:
    history = await system.temporal.get_workflow_handle(order_workflow(number)).fetch_history()
    return Counter(EventType.Name(event.event_type).removeprefix(_PREFIX) for event in history.events)
