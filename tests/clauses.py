"""`make clauses`: the project's map of the policy. Runs the tests that prove a clause and says which have none."""

import csv
import sys
from collections import defaultdict
from pathlib import Path

import pytest
from rich.console import Console
from rich.table import Table

CLAUSE = "clause"
_TEXT = Path(__file__).with_suffix(".csv").read_text(encoding="utf-8")
CLAUSES = {row["id"]: row["what"] for row in csv.DictReader(_TEXT.splitlines())}


class Proofs:
    """Which tests prove which clause, and how each ended. A test's report carries its clauses, from whichever process
    ran it."""

    def __init__(self) -> None:
        self.clauses: dict[str, set[str]] = defaultdict(set)
        self.failed: set[str] = set()
        self.passed: set[str] = set()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        for name, clause in report.user_properties:
            if name == CLAUSE:
                self.clauses[str(clause)].add(report.nodeid)
        if report.failed:
            self.failed.add(report.nodeid)
        elif report.when == "call" and report.passed:
            self.passed.add(report.nodeid)

    def holds(self, clause: str) -> bool:
        tests = self.clauses[clause]
        return tests <= self.passed and not tests & self.failed


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keeps the tests that prove something."""
    proofs = []
    for item in items:
        for marker in item.iter_markers(CLAUSE):
            clause = str(marker.args[0])
            if clause not in CLAUSES:
                raise pytest.UsageError(f"{item.nodeid} proves clause {clause}, which the policy does not have")
            item.user_properties.append((CLAUSE, clause))
        if item.user_properties:
            proofs.append(item)
    config.hook.pytest_deselected(items=[item for item in items if item not in proofs])
    items[:] = proofs


def main() -> int:
    proofs = Proofs()
    code = pytest.main(["-p", "no:cacheprovider", "-p", "tests.clauses", "-q", *sys.argv[1:]], plugins=[proofs])
    table = Table("clause", "tests", "passed", "what it says", box=None)
    for clause in CLAUSES:
        if tests := proofs.clauses.get(clause):
            table.add_row(clause, str(len(tests)), "yes" if proofs.holds(clause) else "NO", CLAUSES[clause])
    console = Console()
    console.print(table)
    without = [clause for clause in CLAUSES if clause not in proofs.clauses]
    proven = sum(proofs.holds(clause) for clause in proofs.clauses)
    console.print(f"{proven} of {len(CLAUSES)} clauses proven; none yet for: {', '.join(without)}")
    return int(code)


if __name__ == "__main__":
    sys.exit(main())
