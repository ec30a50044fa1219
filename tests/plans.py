"""How PostgreSQL reads a table for what is asked."""

import json
from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import Any

from sqlalchemy import Engine, event
from sqlalchemy.ext.asyncio import AsyncSession

Question = Callable[[AsyncSession], Awaitable[Any]]
Node = Mapping[str, Any]


async def scans(session: AsyncSession, question: Question, table: str = "replacement_order") -> list[Node]:
    """Every look at the table: what is asked is caught and carried out again with the same values."""
    caught: list[tuple[str, Any]] = []

    def note(*arguments: Any) -> None:
        caught.append((arguments[2], arguments[3]))

    event.listen(Engine, "before_cursor_execute", note)
    await question(session)
    event.remove(Engine, "before_cursor_execute", note)
    connection = await session.connection()
    found: list[Node] = []
    for statement, values in caught:
        if statement.startswith(("SELECT", "WITH")):
            asked = f"explain (analyze, format json) {statement}"
            plan = (await connection.exec_driver_sql(asked, tuple(values))).scalar_one()
            whole = json.loads(plan) if isinstance(plan, str) else plan
            found += [node for node in nodes(whole[0]["Plan"]) if node.get("Relation Name") == table]
    return found


def nodes(plan: Node) -> Iterator[Node]:
    yield plan
    for each in plan.get("Plans", ()):
        yield from nodes(each)


def read(scan: Node) -> float:
    """How many rows, shown or not."""
    removed = sum(value for name, value in scan.items() if name.startswith("Rows Removed"))
    return float((scan["Actual Rows"] + removed) * scan["Actual Loops"])
