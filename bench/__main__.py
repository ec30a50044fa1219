"""python -m bench: measures, prints, writes bench/results.json and docs/images/bench.svg."""

import argparse
import shutil
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench import answers, histories, idle, lists, orders, picture, pushes, statements, watching, workers
from bench.others import measure as others
from bench.others import picture as engines
from bench.results import Results, console
from bench.system import System, running_system
from runtime.temporal import run_then_rest


@dataclass(frozen=True)
class Size:
    """How much a run does: blocks of orders for their CPU, orders played for answers, parcels that are watched and
    looks at them, orders in the fuller database and how often each question is asked there, pushes of a
    carrier, orders that several workers play, orders that are imported and left alone."""

    blocks: int
    block: int
    orders: int
    parcels: tuple[int, ...]
    looks: int
    many: int
    times: int
    pushes: int
    shared: int
    idle: int


QUICK: Final = Size(
    blocks=3, block=8, orders=10, parcels=(1, 100), looks=200, many=10_000, times=20, pushes=500, shared=12,
    idle=200,
)  # fmt: skip
FULL: Final = Size(
    blocks=9, block=24, orders=60, parcels=(1, 100, 10_000), looks=1_000, many=100_000, times=40, pushes=100_000,
    shared=100, idle=20_000,
)  # fmt: skip
OTHERS: Final = "others"
SECTIONS: Final[Mapping[str, Callable[[System, Results, Size], Awaitable[None]]]] = {
    "histories": lambda system, results, size: histories.measure(system, results),
    "orders": lambda system, results, size: orders.measure(system, results, size.blocks, size.block),
    "answers": lambda system, results, size: answers.measure(system, results, size.orders),
    "watching": lambda system, results, size: watching.measure(system, results, size.parcels, size.looks),
    "statements": lambda system, results, size: statements.measure(system, results),
    "lists": lambda system, results, size: lists.measure(system, results, size.many, size.times),
    "pushes": lambda system, results, size: pushes.measure(system, results, size.pushes),
    "workers": lambda system, results, size: workers.measure(system, results, size.shared),
    OTHERS: lambda system, results, size: others.measure(system, results, size.blocks, size.block),
    "idle": lambda system, results, size: idle.measure(system, results, size.idle),
}


async def main(given: argparse.Namespace, home: Path) -> int:
    """Returns the exit code: 1 if a budget is exceeded."""
    results = Results(given.quick)
    async with running_system(home) as system:
        for name in given.only or [name for name in SECTIONS if given.others or name != OTHERS]:
            began = time.monotonic()
            await SECTIONS[name](system, results, QUICK if given.quick else FULL)
            console.print(f"{name}: {time.monotonic() - began:.0f} s")
    results.show_budgets()
    if not given.only:
        results.write()
        picture.FILE.write_text(picture.draw(results), encoding="utf-8")
        if given.others:
            engines.FILE.write_text(engines.draw(results), encoding="utf-8")
    return 1 if results.over else 0


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a few minutes")
    parser.add_argument("--others", action="store_true", help="side by side with other engines, too")
    parser.add_argument("--only", nargs="+", choices=SECTIONS, help="some sections; nothing is written then")
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
