"""python -m bench: measures, prints, and writes bench/results.json."""

import argparse
import asyncio
import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench import histories, orders
from bench.results import Results, console
from bench.system import running_system


@dataclass(frozen=True)
class Size:
    """How much a run does."""

    blocks: int
    orders: int


QUICK: Final = Size(blocks=3, orders=12)
FULL: Final = Size(blocks=9, orders=40)


async def main(size: Size, quick: bool, home: Path) -> int:
    """Returns the exit code: 1 if a budget is exceeded."""
    results = Results(quick)
    async with running_system(home) as system:
        await histories.measure(system, results)
        await orders.measure(system, results, size.blocks, size.orders)
    results.show_budgets()
    results.write()
    await asyncio.sleep(0.2)  # Temporal's SDK may abort an interpreter that ends at once
    return 1 if results.over else 0


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a few minutes")
    parser.add_argument("--home", type=Path, help="folder for the run's data, kept afterwards")
    return parser.parse_args()


if __name__ == "__main__":
    given = arguments()
    folder = given.home or Path(tempfile.mkdtemp(prefix="huanjian-bench-"))
    try:
        code = asyncio.run(main(QUICK if given.quick else FULL, given.quick, folder))
    except BaseException:
        console.print(f"data and logs are in {folder}")
        raise
    if given.home is None:
        shutil.rmtree(folder)
    sys.exit(code)
