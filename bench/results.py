"""What a run found: budgets with their limits and tables, section by section, and the file they are kept in."""

import json
import os
import platform
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.table import Table as Shown

FILE: Final = Path(__file__).with_name("results.json")
SECTIONS: Final = (
    "histories", "orders", "answers", "watching", "statements", "lists", "pushes", "workers", "others", "idle",
)  # fmt: skip
MADE: Final = ("bench/results.json", "docs")
"""What a run writes: with changes there alone the code is still the commit's."""
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
    """What one section found: when it began, on which machine, how busy that was before and after, of which commit,
    and how many seconds it took. Sections of one file may come from different runs."""

    quick: bool
    at: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))
    machine: str = field(default_factory=lambda: f"{os.cpu_count()} cores, Python {platform.python_version()}")
    commit: str = field(default_factory=lambda: commit())
    load: list[float] = field(default_factory=lambda: [load()])
    seconds: int = 0
    budgets: list[Budget] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)

    def hold(self, name: str, value: float, limit: float, unit: str) -> None:
        """Holds a figure against its limit."""
        self.budgets.append(Budget.of(name, value, limit, unit))

    def add(self, title: str, columns: Sequence[str], rows: Sequence[Sequence[Cell]], note: str = "") -> None:
        """Keeps a table and shows it at once."""
        rounded = [[round(cell, 2) if isinstance(cell, float) else cell for cell in row] for row in rows]
        self.tables.append(Table(title, list(columns), rounded, note))
        _show(self.tables[-1])

    def end(self, seconds: float) -> None:
        self.load.append(load())
        self.seconds = round(seconds)

    @property
    def over(self) -> list[Budget]:
        return [budget for budget in self.budgets if not budget.ok]


def commit() -> str:
    """The commit that is measured, with a plus if its code was changed since; empty where there is no git."""
    folder = FILE.parents[1]
    try:
        said = [
            subprocess.run(["git", "-C", str(folder), *asked], capture_output=True, text=True, check=True).stdout
            for asked in (
                ("rev-parse", "--short", "HEAD"),
                ("status", "--porcelain", "--", ":/", *(f":(exclude,top){made}" for made in MADE)),
            )
        ]
    except (OSError, subprocess.CalledProcessError):
        return ""
    return said[0].strip() + ("+" if said[1] else "")


def load() -> float:
    """How many processes wanted a core, on average of the last minute."""
    return round(os.getloadavg()[0], 1)


def show_budgets(sections: Iterable[Results]) -> None:
    rows = [
        [b.name, b.value, f"≤ {b.limit:g}", b.unit, "ok" if b.ok else "OVER"]
        for section in sections
        for b in section.budgets
    ]
    _show(Table("Budgets", ("figure", "value", "limit", "", ""), rows))


def keep(sections: Mapping[str, Results], file: Path = FILE) -> None:
    """Renews these sections in the file and leaves the others as they are. All budgets stand in one list."""
    every = read(file) | dict(sections)
    budgets: list[dict[str, Any]] = []
    kept: dict[str, dict[str, Any]] = {}
    for name in filter(every.__contains__, SECTIONS):
        kept[name] = asdict(every[name])
        budgets += [{"section": name, **budget} for budget in kept[name].pop("budgets")]
    written = {"budgets": budgets, "sections": kept}
    file.write_text(json.dumps(written, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def read(file: Path = FILE) -> dict[str, Results]:
    """Every section that was ever measured, by its name."""
    if not file.exists():
        return {}
    written = json.loads(file.read_text(encoding="utf-8"))
    found = {name: _section(**said) for name, said in written["sections"].items()}
    for budget in written["budgets"]:
        found[budget.pop("section")].budgets.append(Budget(**budget))
    return found


def _section(tables: list[dict[str, Any]], **said: Any) -> Results:
    return Results(**said, tables=[Table(**table) for table in tables])


def _show(table: Table) -> None:
    shown = Shown(*table.columns, title=table.title, title_justify="left", box=None, caption=table.note or None)
    for row in table.rows:
        shown.add_row(*(f"{cell:g}" if isinstance(cell, float) else str(cell) for cell in row))
    console.print(shown)
