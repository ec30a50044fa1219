"""Records histories from a whole system that plays its demonstration: `python -m tests.replay.record`.

A history that is there is never recorded again: it is what some order in the field may look like. A new kind of
path gets a new name.
"""

import asyncio
import re
import tempfile
from pathlib import Path

from temporalio.client import Client

from runtime.temporal import connect, order_workflow, purchase_workflow, run_then_rest
from tests.stack.conftest import Stack, new_settings, running_stack

HISTORIES = Path(__file__).parents[1] / "histories"
ENDED = {"1": "from-stock", "2": "purchased", "3": "returned-and-reworked", "4": "cancelled"}
OPEN_AT = ("quoted", "audit", "returned", "sourcing", "dispatch", "in_transit", "installation", "revisit", "rework")


async def record() -> None:
    HISTORIES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as home:
        async with running_stack(new_settings(Path(home))) as stack:
            await stack.prints("policy “demo”")
            client = await connect(stack.settings)
            await _record_open(client, stack)
            await stack.prints("^demonstration: 4 of 4")
            for place, number in _orders(stack).items():
                await _save(client, order_workflow(number), ENDED[place])
            number = (await stack.prints(r"PO-\d+-\d+: confirm")).split()[4].rstrip(":")
            await _save(client, purchase_workflow(number), "purchase-order")


def _orders(stack: Stack) -> dict[str, str]:
    """The demonstration's orders by their place in it."""
    lines = (re.match(r"(\d) \| (RO-\S+)  ", line) for line in stack.printed)
    return {line[1]: line[2] for line in lines if line}


async def _record_open(client: Client, stack: Stack) -> None:
    """Orders as they stand at each of their waits, until the last has ended."""
    while not any("orders ended as they should" in line for line in stack.printed):
        for number in _orders(stack).values():
            stage = await _stage(client, number)
            if stage in OPEN_AT:
                await _save(client, order_workflow(number), f"open-at-{stage.replace('_', '-')}")
        await asyncio.sleep(0.1)


async def _stage(client: Client, number: str) -> str:
    found = await client.get_workflow_handle(order_workflow(number)).describe()
    return str(found.search_attributes.get("Stage", [""])[0])


async def _save(client: Client, workflow: str, name: str) -> None:
    file = HISTORIES / f"{name}.json"
    if not file.exists():
        history = await client.get_workflow_handle(workflow).fetch_history()
        file.write_text(history.to_json() + "\n", encoding="utf-8")


if __name__ == "__main__":
    run_then_rest(record())
