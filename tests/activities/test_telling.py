"""Documents hear of each other, however often they are told."""

from temporalio.testing import ActivityEnvironment

from activities.telling import Telling
from database.purchases import offers, place
from database.tables import PurchaseOrder
from domain.stages import Action, PurchaseStage, Stage
from tests.workflows.documents import Purchase
from tests.workflows.house import House
from tests.workflows.warehouse import time_of


def telling(house: House) -> Telling:
    return Telling(house.sessions, house.client, house.settings.task_queue)


async def test_a_purchase_order_is_brought_to_life_once(house: House) -> None:
    await house.stock_up(house.part, 0)
    order = await (await house.order()).to(Stage.SOURCING)
    [purchase] = await order.purchases()
    started_at = (await purchase.row()).started_at
    await house.change(PurchaseOrder, purchase.number, started_at=None)
    for _ in range(2):
        await ActivityEnvironment().run(telling(house).place_purchase_orders, [purchase.number])
    assert (await purchase.row()).started_at != started_at
    await purchase.confirm()
    assert await purchase.actions() == ["place", "confirm"]
    assert (await purchase.handle.describe()).run_id == (await purchase.handle.describe()).run_id


async def test_an_order_told_thrice_of_goods_goes_on_once(house: House) -> None:
    await house.stock_up(house.part, 0)
    order = await (await house.order()).to(Stage.SOURCING)
    [purchase] = await order.purchases()
    await purchase.receive(1)
    for _ in range(2):
        await ActivityEnvironment().run(telling(house).tell_orders, [order.number])
    await order.until(Stage.DISPATCH)
    await order.to(Stage.IN_TRANSIT)
    assert (await order.actions()).count("restock") == 1


async def test_a_purchase_order_told_twice_that_nobody_waits_is_withdrawn_once(house: House) -> None:
    await house.stock_up(house.part, 0)
    order = await (await house.order()).to(Stage.SOURCING)
    [purchase] = await order.purchases()
    await order.cancel()
    assert await purchase.handle.result() == PurchaseStage.WITHDRAWN
    await ActivityEnvironment().run(telling(house).tell_purchase_orders, [purchase.number])
    assert (await purchase.actions()).count(Action.WITHDRAW) == 1


async def test_a_purchase_order_that_is_not_alive_yet_hears_that_nobody_waits(house: House) -> None:
    """An order is cancelled while the next supplier's purchase order is written and has no workflow yet."""
    order, time, now = await house.order(), await time_of(house), await house.now()
    async with house.sessions.begin() as session:
        best, *_ = await offers(session, house.part, 1, time, now, set())
        number = await place(session, best.supplier, "HZ1", [best], time, now, caused_by=order.number)
    await ActivityEnvironment().run(telling(house).tell_purchase_orders, [number])
    purchase = Purchase(house, number)
    assert await purchase.handle.result() == PurchaseStage.WITHDRAWN
    assert await purchase.actions() == ["place", "withdraw"]


async def test_a_purchase_order_whose_workflow_was_lost_hears_that_nobody_waits(house: House) -> None:
    await house.stock_up(house.part, 0)
    order = await (await house.order()).to(Stage.SOURCING)
    [purchase] = await order.purchases()
    await purchase.handle.terminate()
    await order.cancel()
    assert await order.handle.result() == Stage.CANCELLED
    assert await house.client.get_workflow_handle(purchase.handle.id).result() == PurchaseStage.WITHDRAWN


async def test_an_order_whose_workflow_was_lost_hears_that_its_goods_are_there(house: House) -> None:
    """No sweep has to come first."""
    await house.stock_up(house.part, 0)
    order = await (await house.order()).to(Stage.SOURCING)
    [purchase] = await order.purchases()
    await order.handle.terminate()
    await purchase.receive(1)
    await order.until(Stage.DISPATCH)
    assert (await order.actions()).count("restock") == 1


async def test_who_has_ended_or_never_was_is_not_told(house: House) -> None:
    order = await house.order()
    await order.cancel()
    await order.handle.result()
    run = ActivityEnvironment().run
    await run(telling(house).tell_orders, [order.number, "RO-20260101-00000"])
    await run(telling(house).tell_purchase_orders, ["PO-20260101-00000"])
    await run(telling(house).place_purchase_orders, ["PO-20260101-00000"])
    assert await order.actions() == ["apply", "cancel"]
