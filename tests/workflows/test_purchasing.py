"""Purchase orders: confirmed, followed, received; they serve orders and outlive them (policy 3.2)."""

from datetime import timedelta

import pytest

from database.ordering import order
from database.tables import CostMonth
from domain.ordering import OrderByHand
from domain.stages import Action, PurchaseStage, Role, Stage
from tests.workflows.documents import Declined, Order, Purchase
from tests.workflows.house import House
from workflows.cost_analysis import CostAnalysis

BUYER, AGENT, SUPPLIER, SUPERVISOR = Role.BUYER, Role.SERVICE_AGENT, Role.SUPPLIER, Role.SUPERVISOR


async def short_of(house: House, pieces: int = 1, urgent: bool = False) -> tuple[Order, Purchase]:
    """An order that waits for so many pieces of a part that has run out, and its purchase order."""
    if not await house.purchases():
        await house.stock_up(house.part, 0)
    order = await (await house.order(urgent=urgent)).to(Stage.SOURCING, (house.part, pieces))
    return order, (await order.purchases())[-1]


async def test_the_supplier_signs_and_delivers_and_the_order_goes_on(house: House) -> None:
    order, purchase = await short_of(house)
    promised = await house.now() + timedelta(days=2)
    await purchase.confirm(promised)
    row = await purchase.row()
    assert (row.stage, row.promised_at, row.signed_by) == (PurchaseStage.CONFIRMED, promised, "the supplier")
    assert await purchase.told(BUYER) == ["confirm"]

    await purchase.receive(1)
    assert await purchase.stage() is PurchaseStage.TO_SETTLE
    assert await purchase.settle() is PurchaseStage.GOODS_RECEIVED
    await order.until(Stage.DISPATCH)
    assert (await order.actions())[-1] == "restock"


async def test_a_late_supplier_is_reminded_and_escalated_in_office_hours(house: House) -> None:
    week = await house.week()
    order, purchase = await short_of(house)
    await house.sleep_until(week("Wed 09:30"))
    await purchase.confirm(week("Fri 12:00"))
    await house.sleep_until(week("+Tue 12:00"))
    assert await purchase.rang(week) == [
        "remind Tue 09:35",
        "remind Tue 15:05",
        "escalate Wed 09:00",
        "remind Thu 15:45",
        "escalate Fri 13:30",
        "escalate +Tue 09:00",
    ]
    assert await purchase.told(BUYER) == [
        "remind_confirmation",
        "remind_confirmation",
        "confirm",
        "remind_arrival",
        "unanswered",
    ]
    assert await purchase.told(SUPERVISOR) == [
        "escalate_confirmation", "escalate_arrival", "unanswered", "escalate_arrival",
    ]  # fmt: skip
    await purchase.receive(1)
    await order.until(Stage.DISPATCH)


async def test_a_promise_later_than_asked_is_reported_to_the_service_centre(house: House) -> None:
    _, purchase = await short_of(house)
    deliver_by = (await purchase.row()).deliver_by
    await purchase.confirm(deliver_by + timedelta(days=1))
    assert await purchase.told(AGENT) == ["supplier_late"]
    await purchase.decide(
        Action.PROMISE_LATER, SUPPLIER, promised_at=(deliver_by + timedelta(days=3)).isoformat(), explanation="strike"
    )
    assert await purchase.told(AGENT) == ["supplier_late", "promise_later"]
    assert (await purchase.row()).wait_due == deliver_by + timedelta(days=3)


async def test_nobody_promises_what_is_past(house: House) -> None:
    _, purchase = await short_of(house)
    with pytest.raises(Declined, match="invalid_time"):
        await purchase.confirm(await house.now() - timedelta(minutes=1))


async def test_goods_come_in_parts_and_some_are_refused(house: House) -> None:
    order, purchase = await short_of(house, 3)
    await purchase.receive(1, refused=1)
    assert await purchase.stage() is PurchaseStage.CONFIRMED
    assert (await purchase.last(Action.INSPECT_GOODS)).details["outstanding"] == {house.part: 2}
    assert (await house.books())["HZ1/nonconforming", house.part] == (1, 0)
    assert await purchase.told(AGENT) == ["goods_refused"]
    assert await order.stage() is Stage.SOURCING

    with pytest.raises(Declined, match="too_many"):
        await purchase.receive(3)
    with pytest.raises(Declined, match="part_not_ordered"):
        await purchase.receive(1, part="CXW-LAMP")

    await purchase.receive(2)
    assert await purchase.settle() is PurchaseStage.GOODS_RECEIVED
    await order.until(Stage.DISPATCH)
    assert await house.available() == 0


async def test_a_part_is_counted_once_in_a_receipt(house: House) -> None:
    _, purchase = await short_of(house, 2)
    line = {"part": house.part, "counted": 1}
    with pytest.raises(ValueError, match="once"):
        await purchase.decide(Action.RECEIVE_GOODS, Role.WAREHOUSE_KEEPER, delivery_note="D1", lines=[line, line])


async def test_a_silent_supplier_is_followed_by_the_next(house: House) -> None:
    week = await house.week()
    order, purchase = await short_of(house)
    await house.sleep_until(week("Thu 12:00"))
    await purchase.until(PurchaseStage.PASSED_ON)
    assert (await purchase.rang(week))[-1] == "pass_on Thu 09:00"
    first, *reminded, last = await purchase.told(SUPPLIER)
    assert (first, {*reminded}, last) == ("purchase_order", {"remind_confirmation"}, "pass_on")
    assert len(reminded) >= 2

    [second] = await house.open_purchases()
    row = await second.row()
    assert (row.supplier, row.replaces) == ("S01", purchase.number)
    assert await order.taken() == [f"1 × {house.part} of {second.number}"]
    await second.receive(1)
    await order.until(Stage.DISPATCH)


async def test_with_nobody_left_to_ask_the_clock_keeps_asking_the_buyer(house: House) -> None:
    week = await house.week()
    await house.suspend("S01", "S06")
    _, purchase = await short_of(house)
    with pytest.raises(Declined, match="no_supplier"):
        await purchase.pass_on()
    await house.sleep_until(week("+Mon 12:00"))
    assert await purchase.stage() is PurchaseStage.PLACED
    assert (await purchase.last(Action.PASS_ON)).details["no_other_supplier_for"] == house.part
    assert [rang for rang in await purchase.rang(week) if rang.startswith("escalate")][-1] > "escalate +"
    assert "escalate_confirmation" in await purchase.told(SUPERVISOR)


async def test_the_buyer_asks_somebody_else(house: House) -> None:
    order, purchase = await short_of(house)
    await purchase.confirm()
    await purchase.pass_on()
    assert await purchase.handle.result() == PurchaseStage.PASSED_ON
    [second] = await house.open_purchases()
    await second.pass_on()
    [third] = await house.open_purchases()
    assert [(await each.row()).supplier for each in (purchase, second, third)] == ["S05", "S01", "S06"]
    with pytest.raises(Declined, match="no_supplier"):
        await third.pass_on()
    await third.receive(1)
    await order.until(Stage.DISPATCH)


async def test_an_order_cancelled_before_the_signature_takes_its_purchase_order_with_it(house: House) -> None:
    order, purchase = await short_of(house)
    await order.cancel()
    assert await order.handle.result() == Stage.CANCELLED
    assert await purchase.handle.result() == PurchaseStage.WITHDRAWN
    assert await purchase.told(SUPPLIER) == ["purchase_order", "withdraw"]


async def test_a_signed_purchase_order_outlives_its_order_and_serves_the_next(house: House) -> None:
    order, purchase = await short_of(house, 2)
    await purchase.confirm()
    await order.cancel()
    withdrawn = await purchase.logged(Action.WITHDRAW)
    assert withdrawn.details["still_waiting"] == []
    assert "not_given_back" in withdrawn.details

    waiting, same = await short_of(house)
    assert same.number == purchase.number
    await purchase.receive(2)
    await waiting.until(Stage.DISPATCH)
    assert await house.available() == 1
    assert (await (await house.order()).to(Stage.DISPATCH)).number
    assert await house.available() == 0


async def test_of_two_orders_that_wait_for_one_purchase_order_one_is_cancelled(house: House) -> None:
    first, purchase = await short_of(house, 2)
    await purchase.confirm()
    await first.cancel()
    await purchase.logged(Action.WITHDRAW)
    left, _ = await short_of(house)
    right, _ = await short_of(house)
    assert [each.number for each in await house.purchases()] == [purchase.number]

    await right.cancel()
    assert (await purchase.logged(Action.WITHDRAW, 2)).details["still_waiting"] == [left.number]
    await purchase.receive(2)
    await left.until(Stage.DISPATCH)
    assert await house.available() == 1
    assert await right.taken() == []


async def test_who_is_urgent_is_served_first(house: House) -> None:
    first, purchase = await short_of(house, 2)
    await purchase.confirm()
    await first.cancel()
    await purchase.logged(Action.WITHDRAW)
    patient, _ = await short_of(house)
    urgent, _ = await short_of(house, urgent=True)
    await purchase.receive(1)
    await urgent.until(Stage.DISPATCH)
    assert await patient.stage() is Stage.SOURCING
    await purchase.receive(1)
    await patient.until(Stage.DISPATCH)


async def test_pieces_that_went_to_somebody_else_are_ordered_again(house: House) -> None:
    """One of two pieces went to an order that is urgent and waited for another purchase order, which is signed."""
    order, purchase = await short_of(house, 2)
    await purchase.confirm()
    urgent, other = await short_of(house, urgent=True)
    await other.confirm()
    await urgent.cancel()
    urgent, _ = await short_of(house, urgent=True)
    await purchase.receive(2)
    assert await purchase.settle() is PurchaseStage.GOODS_RECEIVED
    await urgent.until(Stage.DISPATCH)
    await order.logged(Action.RESTOCK)
    assert await order.taken() == [f"1 × {house.part} in HZ1/qualified", f"1 × {house.part} of {other.number}"]
    await other.receive(1)
    await order.until(Stage.DISPATCH)


async def test_a_supplier_who_delivers_unasked_has_confirmed(house: House) -> None:
    order, purchase = await short_of(house, 2)
    await purchase.receive(1)
    assert await purchase.stage() is PurchaseStage.CONFIRMED
    assert (await purchase.row()).wait_clock == "arrival"
    await purchase.receive(1)
    await order.until(Stage.DISPATCH)


@pytest.mark.clause("3.3.2")
async def test_what_came_in_is_in_the_costs_of_the_month_once_they_are_summed_up(house: House) -> None:
    _, purchase = await short_of(house, 2)
    await purchase.receive(2)
    run = house.client.execute_workflow
    months = await run(CostAnalysis.run, id="costs", task_queue=house.settings.task_queue)
    row = await purchase.row()
    [line] = await purchase.lines()
    [cost] = await house.all(CostMonth, CostMonth.part == house.part, CostMonth.supplier == row.supplier)
    assert (cost.month, cost.pieces, cost.price) == (months[-1], 2, 2 * line.unit_price)


@pytest.mark.clause("3.2.1")
async def test_what_is_bought_for_stock_serves_who_waits_and_what_a_cancelled_order_frees_goes_on_to_others(
    house: House,
) -> None:
    await house.stock_up(house.part, 0)
    by_hand = OrderByHand.model_validate({"supplier": "S05", "lines": [{"part": house.part, "quantity": 4}]})
    async with house.sessions.begin() as session:
        placed = await order(
            session, by_hand, by="buyer", key="for stock", now=await house.now(), policy=house.policy.name
        )
    await house.begin(placed.state)
    purchase = Purchase(house, placed.state.number)
    cancelled, served = [await (await house.order()).to(Stage.SOURCING, (house.part, 2)) for _ in range(2)]
    awaited = f"2 × {house.part} of {purchase.number}"
    assert [await each.taken() for each in (cancelled, served)] == [[awaited], [awaited]]
    await purchase.confirm()
    await cancelled.cancel()
    await purchase.logged(Action.WITHDRAW)
    later = await (await house.order()).to(Stage.SOURCING, (house.part, 1))
    assert await later.taken() == [f"1 × {house.part} of {purchase.number}"]
    assert len(await house.purchases()) == 1, "nothing is bought twice"
    await purchase.receive(4)
    for each in (served, later):
        await each.until(Stage.DISPATCH)
    assert await house.available() == 1, "what nobody waits for lies in stock"
