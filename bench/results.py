"""What a run found: budgets with their limits, tables, and the file they are kept in."""

import json
import os
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.table import Table as Shown

FILE: Final = Path(__file__).with_name("results.json")
console = Console(highlight=False, soft_wrap=True)

Cell = str | float


@dataclass(frozen=True)
class Budget:
    """A figure and what it may be at most."""

    name: str
    value: float
    limit: float
    unit: str
    ok: bool

    @classmethod
    def of(cls, name: str, value: float, limit: float, unit: str) -> "Budget":
        return cls(name, round(value, 2), limit, unit, value <= limit)


@dataclass(frozen=True)
class Table:
    """Figures without a limit; `note` says how they are to be read."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    note: str = ""


@dataclass
class Results:
    quick: bool
    at: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))
    machine: str = field(default_factory=lambda: f"{os.cpu_count()} cores, Python {platform.python_version()}")
    budgets: list[Budget] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)

    def hold(self, name: str, value: float, limit: float, unit: str) -> None:
        """Holds a figure against its limit."""
        self.budgets.append(Budget.of(name, value, limit, unit))

    def add(self, title: str, columns: Sequence[str], rows: Sequence[Sequence[Cell]], note: str = "") -> None:
        """Keeps a table and shows it at once."""
        rounded = [[round(cell, 2) if isinstance(cell, float) else cell for cell in row] for row in rows]
        self.tables.append(Table(title, columns, rounded, note))
        _show(self.tables[-1])

    @property
    def over(self) -> list[Budget]:
        return [budget for budget in self.budgets if not budget.ok]

    def show_budgets(self) -> None:
        rows = [[b.name, b.value, f"≤ {b.limit:g}", b.unit, "ok" if b.ok else "OVER"] for b in self.budgets]
        _show(Table("Budgets", ("figure", "value", "limit", "", ""), rows))

    def write(self, file: Path = FILE) -> None:
        file.write_text(json.dumps(asdict(self), ensure_ascii=False, indent=1) + "\n", encoding="utf-8")

    @classmethod
    def read(cls, file: Path = FILE) -> "Results":
        said: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        budgets = [Budget(**budget) for budget in said.pop("budgets")]
        tables = [Table(**table) for table in said.pop("tables")]
        return cls(**said, budgets=budgets, tables=tables)


def _show(table: Table) -> None:
    shown = Shown(*table.columns, title=table.title, title_justify="left", box=None, caption=table.note or None)
    for row in table.rows:
        shown.add_row(*(f"{cell:g}" if isinstance(cell, float) else str(cell) for cell in row))
    console.print(shown)
