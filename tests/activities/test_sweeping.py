"""The sweep: what fell between the database and the engine is brought to life, and nothing else."""

from datetime import timedelta

import pytest
from temporalio.client import WorkflowExecutionStatus

from database.tables import PurchaseOrder, ReplacementOrder
from domain.messages import OrderState
from domain.stages import PurchaseStage, Stage
from tests.workflows.house import House, Order

LONG_AGO = timedelta(hours=1)


async def forgotten(house: House) -> Order:
    """An application whose workflow was never started."""
    started: list[OrderState] = []

    async def dies(state: OrderState) -> None:
        started.append(state)

    house.begin, begin = dies, house.begin  # type: ignore[method-assign]
    order = await house.order()
    house.begin = begin  # type: ignore[method-assign]
    await house.change(ReplacementOrder, order.number, started_at=None, created_at=await house.now() - LONG_AGO)
    return order


async def test_what_was_never_started_is_started_once(lone_house: House) -> None:
    order = await forgotten(lone_house)
    assert await lone_house.sweep() == {"started": 1, "restarted": 0}
    assert await lone_house.sweep() == {"started": 0, "restarted": 0}
    await order.to(Stage.AUDIT)


async def test_what_was_entered_just_now_is_left_to_who_entered_it(lone_house: House) -> None:
    order = await lone_house.order()
    await lone_house.change(ReplacementOrder, order.number, started_at=None, created_at=await lone_house.now())
    assert await lone_house.sweep() == {"started": 0, "restarted": 0}


async def test_started_and_not_noted_is_not_started_again(lone_house: House) -> None:
    order = await lone_house.order()
    run = (await order.handle.describe()).run_id
    await lone_house.change(
        ReplacementOrder, order.number, started_at=None, created_at=await lone_house.now() - LONG_AGO
    )
    await lone_house.sweep()
    assert (await order.handle.describe()).run_id == run
    assert (await order.row()).started_at is not None


async def test_a_purchase_order_whose_order_died_before_placing_it(lone_house: House) -> None:
    await lone_house.stock_up(lone_house.part, 0)
    order = await (await lone_house.order()).to(Stage.SOURCING)
    [purchase] = await order.purchases()
    await purchase.handle.terminate()
    await lone_house.change(
        PurchaseOrder, purchase.number, started_at=None, created_at=await lone_house.now() - LONG_AGO
    )
    assert (await lone_house.sweep())["started"] == 1
    await purchase.receive(1)
    await order.until(Stage.DISPATCH)


@pytest.mark.parametrize("stage", [Stage.SOURCING, Stage.DISPATCH, Stage.IN_TRANSIT, Stage.REVISIT])
async def test_an_order_whose_workflow_is_lost_goes_on_from_its_record(lone_house: House, stage: Stage) -> None:
    if stage is Stage.SOURCING:
        await lone_house.stock_up(lone_house.part, 0)
    order = await (await lone_house.order()).to(stage)
    purchases = await order.purchases()
    await order.handle.terminate()
    if purchases:
        await purchases[0].receive(1)
        await purchases[0].handle.result()
    assert await lone_house.sweep() == {"started": 0, "restarted": 1}
    if purchases:
        await order.until(Stage.DISPATCH)
    await order.to(Stage.REVISIT)
    await order.works()
    assert await order.handle.result() == Stage.CLOSED


async def test_a_purchase_order_whose_workflow_is_lost_goes_on_too(lone_house: House) -> None:
    await lone_house.stock_up(lone_house.part, 0)
    order = await (await lone_house.order()).to(Stage.SOURCING)
    [purchase] = await order.purchases()
    await purchase.confirm(await lone_house.now() + timedelta(hours=1))
    await purchase.handle.terminate()
    assert await lone_house.sweep() == {"started": 0, "restarted": 1}
    await purchase.receive(1)
    assert await purchase.handle.result() == PurchaseStage.GOODS_RECEIVED
    await order.until(Stage.DISPATCH)


async def test_what_has_ended_stays_ended(lone_house: House) -> None:
    order = await lone_house.order()
    await order.cancel()
    await order.handle.result()
    assert await lone_house.sweep() == {"started": 0, "restarted": 0}
    assert (await order.handle.describe()).status is WorkflowExecutionStatus.COMPLETED
