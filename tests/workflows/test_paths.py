"""Every path of the stage table, on a server that skips time."""

import pytest

from domain.stages import Action, Role, Stage
from tests.workflows.house import House

AGENT, AUDITOR, KEEPER = Role.SERVICE_AGENT, Role.AUDITOR, Role.WAREHOUSE_KEEPER


@pytest.mark.clause("1.2")
async def test_from_stock_to_the_satisfied_answer(house: House) -> None:
    before = await house.available(house.part)
    order = await house.order()
    await order.to_revisit()
    await order.decide(Action.ANSWER_WORKS, AGENT, satisfaction=5)
    assert await order.stage() is Stage.CLOSED
    assert await order.handle.result() == Stage.CLOSED
    assert (await order.row()).outcome == "solved"
    assert await house.available(house.part) == before - 1
