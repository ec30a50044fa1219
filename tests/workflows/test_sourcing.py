"""Sourcing: stock first, else a purchase order at once (policy 3.2.1)."""

import pytest

from database.tables import LineState, Reservation
from domain.stages import Action, PurchaseStage, Role, Stage
from domain.waiting import Clock
from tests.workflows.house import Declined, House


@pytest.mark.clause("3.2.1")
async def test_what_is_in_stock_is_sent_straight_away(house: House) -> None:
    await house.stock_up(house.part, 3)
    order = await (await house.order()).to(Stage.AUDIT, (house.part, 2))
    decided = await order.approve()
    assert decided.stage == Stage.DISPATCH
    assert await house.available() == 1
    assert await order.taken() == [
        f"2 × {house.part} in HZ1/qualified",
        f"parcel {order.number}-1 preparing",
    ]
    assert await house.purchases() == []


@pytest.mark.clause("3.2.1")
async def test_what_is_not_is_ordered_at_once(house: House) -> None:
    await house.stock_up(house.part, 0)
    order = await (await house.order()).to(Stage.AUDIT, (house.part, 2))
    decided = await order.approve()
    assert decided.stage == Stage.SOURCING
    [purchase] = await order.purchases()
    assert (await purchase.row()).stage is PurchaseStage.PLACED
    assert [(line.part, line.quantity) for line in await purchase.lines()] == [(house.part, 2)]
    assert await purchase.told(Role.SUPPLIER) == ["purchase_order"]
    await purchase.confirm()


async def test_the_best_value_is_asked_first(house: House) -> None:
    """S06 is cheapest but slow, S05 dear but quick: as the policy weighs it, S05."""
    await house.stock_up(house.part, 0)
    order = await (await house.order()).to(Stage.SOURCING)
    [purchase] = await order.purchases()
    assert (await purchase.row()).supplier == "S05"


async def test_the_own_warehouse_is_emptied_first(house: House) -> None:
    """The order is Hangzhou's; Chengdu comes first in the alphabet."""
    await house.stock_up(house.other_part, 1)
    async with house.sessions.begin() as session:
        await house.move(session, house.other_part, 5, "outside/opening", "CD1/qualified")
    for _ in range(2):
        await (await house.order()).to(Stage.DISPATCH, (house.other_part, 1))
    assert [row.place for row in await house.all(Reservation)] == ["HZ1/qualified", "CD1/qualified"]


async def test_an_order_waits_until_all_its_parts_are_there(house: House) -> None:
    await house.stock_up(house.part, 0)
    order = await (await house.order()).to(Stage.SOURCING, (house.part, 1), (house.other_part, 2))
    states = {line.part: line.state for line in await order.lines() if line.state is not LineState.DROPPED}
    assert states == {house.part: LineState.BACK_ORDERED, house.other_part: LineState.RESERVED}
    [purchase] = await order.purchases()
    await purchase.receive(1)
    await order.until(Stage.DISPATCH)
    assert (await order.row()).wait_clock == Clock.HANDOVER
    assert await order.taken() == [
        f"2 × {house.other_part} in HZ1/qualified",
        f"1 × {house.part} in HZ1/qualified",
        f"parcel {order.number}-1 preparing",
    ]


async def test_parts_nobody_supplies_wait_for_the_buyer(house: House) -> None:
    order = await (await house.order()).to(Stage.AUDIT)
    await house.stock_up(house.part, 0)
    await house.suspend("S01", "S05", "S06")
    assert (await order.approve()).stage == Stage.SOURCING
    assert (await order.last(Action.APPROVE)).details["no_supplier_for"] == [house.part]
    assert (await order.row()).wait_caretaker is Role.BUYER
    assert await house.purchases() == []

    due = (await order.row()).wait_due
    await house.later(hours=1)
    await order.source_again()
    assert (await order.row()).wait_due == due, "looking again puts nothing off"

    await house.stock_up(house.part, 1)
    assert (await order.source_again()).stage == Stage.DISPATCH


async def test_the_buyer_has_nothing_to_look_for_while_parts_are_on_order(house: House) -> None:
    await house.stock_up(house.part, 0)
    order = await (await house.order()).to(Stage.SOURCING)
    with pytest.raises(Declined, match="invalid_decision"):
        await order.source_again()
