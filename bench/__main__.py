"""python -m bench: measures, prints, and renews what was measured in bench/results.json and the documents."""

import argparse
import shutil
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench import answers, histories, idle, lists, orders, pushes, statements, watching, workers
from bench.others import measure as others
from bench.results import Results, console, keep, show_budgets
from bench.system import System, running_system
from runtime.temporal import run_then_rest
from scripts import generated


@dataclass(frozen=True)
class Size:
    """How much a run does: blocks of orders for their CPU, orders played for answers, parcels that are watched and
    looks at them, orders in each database whose lists are read and how often each question is asked there, pushes of a
    carrier, orders that several workers play, orders that are imported and left alone."""

    blocks: int
    block: int
    orders: int
    parcels: tuple[int, ...]
    looks: int
    lists: tuple[int, ...]
    times: int
    pushes: int
    shared: int
    idle: int


QUICK: Final = Size(
    blocks=3, block=8, orders=10, parcels=(1, 100), looks=200, lists=(1_000, 10_000), times=20, pushes=500, shared=12,
    idle=200,
)  # fmt: skip
FULL: Final = Size(
    blocks=5, block=16, orders=60, parcels=(1, 100, 10_000), looks=1_000, lists=(1_000, 10_000, 100_000),
    times=40, pushes=100_000, shared=100, idle=20_000,
)  # fmt: skip
APART: Final = ("others", "idle")
"""Sections that are asked for by name, as they take long or need more than our own packages."""
SECTIONS: Final[Mapping[str, Callable[[System, Results, Size], Awaitable[None]]]] = {
    "histories": lambda system, results, size: histories.measure(system, results),
    "orders": lambda system, results, size: orders.measure(system, results, size.blocks, size.block),
    "answers": lambda system, results, size: answers.measure(system, results, size.orders),
    "watching": lambda system, results, size: watching.measure(system, results, size.parcels, size.looks),
    "statements": lambda system, results, size: statements.measure(system, results),
    "lists": lambda system, results, size: lists.measure(system, results, size.lists, size.times),
    "pushes": lambda system, results, size: pushes.measure(system, results, size.pushes),
    "workers": lambda system, results, size: workers.measure(system, results, size.shared),
    "others": lambda system, results, size: others.measure(system, results, size.blocks, size.block),
    "idle": lambda system, results, size: idle.measure(system, results, size.idle, size.blocks, size.block),
}


async def main(given: argparse.Namespace, home: Path) -> int:
    """Measures one section after the other; each is kept as soon as it ends, and one that fails takes no other along.

    Returns the exit code: 1 if a budget is exceeded or a section failed.
    """
    done: dict[str, Results] = {}
    wanted = given.only or [name for name in SECTIONS if name not in APART or getattr(given, name)]
    async with running_system(home) as system:
        for name in wanted:
            results, began = Results(given.quick), time.monotonic()
            try:
                await SECTIONS[name](system, results, QUICK if given.quick else FULL)
            except Exception:
                console.print_exception()
                continue
            results.end(time.monotonic() - began)
            console.print(f"{name}: {results.seconds} s, load {results.load}")
            done[name] = results
            if not given.show:
                keep({name: results})
    show_budgets(done.values())
    if failed := [name for name in wanted if name not in done]:
        console.print(f"failed, and left as measured before: {', '.join(failed)}")
    if not given.show:
        generated.main()
    return 1 if failed or any(results.over for results in done.values()) else 0


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a few minutes")
    parser.add_argument("--others", action="store_true", help="side by side with other engines, too")
    parser.add_argument("--idle", action="store_true", help="very many orders left alone, too")
    parser.add_argument("--only", nargs="+", choices=SECTIONS, help="these sections; the others stay as they are")
    parser.add_argument("--show", action="store_true", help="only show the figures, and write nothing")
    parser.add_argument("--home", type=Path, help="folder for the run's data, kept afterwards")
    return parser.parse_args()


if __name__ == "__main__":
    given = arguments()
    folder = given.home or Path(tempfile.mkdtemp(prefix="huanjian-bench-"))
    try:
        code = run_then_rest(main(given, folder))
    except BaseException:
        console.print(f"data and logs are in {folder}")
        raise
    if given.home is None:
        shutil.rmtree(folder)
    sys.exit(code)
