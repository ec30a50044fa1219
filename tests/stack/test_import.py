"""A backlog of fault reports becomes orders with running workflows, once."""

from pathlib import Path

import pytest

from runtime.temporal import connect
from tests.stack.conftest import Stack
from tests.stack.test_demonstration import huanjian

pytestmark = pytest.mark.timeout(240)

HEADER = "id,product_category,brand,year_of_manufacture,event_date,problem\n"


async def test_every_row_becomes_an_order_or_is_refused(stack: Stack, tmp_path: Path) -> None:
    file = tmp_path / "backlog.csv"
    good = "".join(f'r{n},Kettle,Brand,2019,2024-05-0{n},"It leaks, and then\nit stops."\n' for n in range(1, 6))
    file.write_text(HEADER + good + "r6,Kettle,Brand,2019,yesterday,broken\n", encoding="utf-8")
    code, printed = await huanjian(stack.environment, "import", str(file), "--invent-customers")
    assert code == 1
    assert "line 12 r6: refused: event_date" in printed
    assert printed.endswith("6 rows: 5 created, 0 there already, 1 refused")
    code, printed = await huanjian(stack.environment, "import", str(file), "--invent-customers")
    assert printed.endswith("6 rows: 0 created, 5 there already, 1 refused")
    client = await connect(stack.settings)
    query = "WorkflowType = 'ReplacementOrder' AND ExecutionStatus = 'Running' AND Stage = 'received'"
    assert (await client.count_workflows(query)).count == 5


async def test_a_file_that_is_none(stack: Stack, tmp_path: Path) -> None:
    file = tmp_path / "none.csv"
    file.write_text("a,b\n1,2\n", encoding="utf-8")
    code, printed = await huanjian(stack.environment, "import", str(file))
    assert code == 2
    assert "has no column id" in printed
