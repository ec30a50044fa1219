"""What was measured, as docs/costs.md shows it."""

from collections.abc import Sequence
from typing import Final

from bench.results import Cell, Results, Table, read

NOT_YET: Final = "Not measured yet."


def budgets() -> str:
    """Every budget of every section, one table."""
    sections = read()
    rows = [
        (budget.name, _cell(budget.value), f"≤ {budget.limit:g} {budget.unit}", "ok" if budget.ok else "**over**", name)
        for name, section in sections.items()
        for budget in section.budgets
    ]
    return _table(("figure", "value", "limit", "", "section"), rows)


def section(name: str) -> str:
    """When and on what it was measured, then its tables."""
    sections = read()
    if name not in sections:
        return NOT_YET
    found = sections[name]
    alone = len(found.tables) == 1
    return "\n\n".join([_measured(found), *(_shown(table, titled=not alone) for table in found.tables)])


def _measured(found: Results) -> str:
    busy = " to ".join(f"{load:g}" for load in dict.fromkeys(found.load))
    said = [
        found.at[:16].replace("T", " ") + " UTC",
        f"commit {found.commit}" if found.commit else "",
        found.machine,
        f"load {busy}" if busy else "",
        "short run" if found.quick else "full run",
        f"{found.seconds} s" if found.seconds else "",
    ]
    return f"*{', '.join(filter(None, said))}*"


def _shown(table: Table, *, titled: bool) -> str:
    title = f"**{table.title}**" if titled else ""
    written = _table(table.columns, [[_cell(cell) for cell in row] for row in table.rows])
    note = table.note[:1].upper() + table.note[1:]
    return "\n\n".join(filter(None, (title, written, note and f"{note}.")))


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    return "\n".join(f"| {' | '.join(row)} |" for row in (columns, ["---"] * len(columns), *rows))


def _cell(cell: Cell) -> str:
    if isinstance(cell, str):
        return cell
    return f"{cell:,.0f}" if abs(cell) >= 100 else f"{cell:,.2f}".rstrip("0").rstrip(".")
