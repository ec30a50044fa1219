"""Cancelling at every stage gives back exactly what was taken, and says what can't be given back."""

from datetime import timedelta

import pytest
from temporalio.service import RPCError

from carriers.protocol import Recall
from database.tables import LineState, Parcel, ShipmentState
from domain.parcels import Milestone
from domain.stages import OPEN, Action, PurchaseStage, Role, Stage
from tests.workflows.documents import Declined, Order
from tests.workflows.house import House

WITH_THE_CUSTOMER = {Stage.INSTALLATION, Stage.REVISIT, Stage.REWORK}


async def cancelled(order: Order) -> dict[str, object]:
    """Sees a cancelled order to its end, where it holds nothing; what the log says of it."""
    assert await order.handle.result() == Stage.CANCELLED
    row = await order.row()
    assert (row.stage, row.outcome) == (Stage.CANCELLED, "cancelled")
    assert await order.taken() == []
    open_lines = {LineState.WANTED, LineState.RESERVED, LineState.BACK_ORDERED}
    assert not [line for line in await order.lines() if line.state in open_lines]
    said: dict[str, object] = (await order.last(Action.CANCEL)).details
    return said


@pytest.mark.parametrize("stage", [stage for stage in OPEN if stage is not Stage.SETTLING])
async def test_at_every_stage(house: House, stage: Stage) -> None:
    if stage is Stage.SOURCING:
        await house.stock_up(house.part, 0)
    order = await house.order(by="web", channel="web")
    before = await house.books()
    await order.to(stage)
    await order.cancel()
    if stage is Stage.IN_TRANSIT:
        await order.logged(Action.RECALL)
        await order.scan(Milestone.RETURNED)
        await order.logged(Action.TURN_BACK)
        await order.receive_back()
    said = await cancelled(order)
    assert {"service_agent", "customer"} <= {role for role in Role if "cancel" in await order.told(role)}
    after = await house.books()
    if stage in WITH_THE_CUSTOMER:
        assert said["not_given_back"] == {"with_customer": (await order.shipment()).id}
        on_hand, reserved = before.pop(("HZ1/qualified", house.part))
        assert after.pop(("HZ1/qualified", house.part)) == (on_hand - 1, reserved)
        assert after.pop(("outside/customers", house.part)) == (1, 0)
    assert after == before


async def test_a_reservation_is_named_and_free_again(house: House) -> None:
    order = await (await house.order()).to(Stage.DISPATCH, (house.part, 2), (house.other_part, 1))
    await order.cancel()
    said = await cancelled(order)
    assert said["given_back"] == {
        "reservations": [[house.other_part, 1, "HZ1/qualified"], [house.part, 2, "HZ1/qualified"]]
    }
    assert said["called_off"] == (await order.shipment()).id


async def test_a_purchase_order_not_yet_signed_is_taken_back(house: House) -> None:
    await house.stock_up(house.part, 0)
    order = await (await house.order()).to(Stage.SOURCING)
    [purchase] = await order.purchases()
    await order.cancel()
    said = await cancelled(order)
    assert said["given_back"] == {"purchase_orders": [purchase.number]}
    assert await purchase.handle.result() == PurchaseStage.WITHDRAWN


async def test_pieces_that_came_in_meanwhile_are_free_again(house: House) -> None:
    """Received for the order, reserved for it, and the order is cancelled before it hears of it."""
    await house.stock_up(house.part, 0)
    order = await (await house.order()).to(Stage.SOURCING, (house.part, 1), ("CXW-LAMP", 1))
    [purchase] = await order.purchases()
    await purchase.receive(1)
    await order.cancel()
    await cancelled(order)
    assert await house.available() == 1


async def test_a_technicians_time_is_given_back(house: House) -> None:
    order = await (await house.order()).to(Stage.INSTALLATION)
    starts = await house.now() + timedelta(days=1)
    await order.book_visit(starts_at=starts)
    await order.cancel()
    said = await cancelled(order)
    assert said["given_back"] == {"appointment": ["technician", starts.isoformat()]}
    other = await (await house.order()).to(Stage.INSTALLATION)
    await other.book_visit(starts_at=starts)


async def test_a_packed_parcel_without_a_label_is_unpacked(house: House) -> None:
    before = await house.books()
    order = await (await house.order()).to(Stage.DISPATCH)
    await order.pack("manual")
    await order.cancel()
    await cancelled(order)
    assert await house.books() == before
    assert house.carrier.asked == []


async def test_a_label_is_annulled_and_its_parcel_watched_no_more(house: House) -> None:
    before = await house.books()
    order = await (await house.order()).to(Stage.DISPATCH)
    await order.pack()
    await order.booked()
    await order.cancel()
    await cancelled(order)
    shipment = await order.shipment()
    assert shipment.state is ShipmentState.CALLED_OFF
    assert house.carrier.asked == [f"book {shipment.id}", f"cancel {shipment.waybill}"]
    recall = await order.last(Action.RECALL)
    assert recall.details["answer"] == "accepted"
    assert recall.details["given_back"] == {"reservations": [[house.part, 1, "HZ1/qualified"]]}
    assert [parcel.next_look_at for parcel in await house.all(Parcel)] == [None]
    assert await house.books() == before


async def test_a_label_still_being_booked_is_annulled_once_it_is(house: House) -> None:
    before = await house.books()
    order = await (await house.order()).to(Stage.DISPATCH)
    house.carrier.away = True
    await order.pack()
    assert (await order.cancel()).stage == Stage.SETTLING
    assert (await house.books()) != before, "packed goods wait for the carrier's answer"
    house.carrier.away = False
    await cancelled(order)
    *_, asked = house.carrier.asked
    assert asked.startswith("cancel ")
    assert await house.books() == before


async def test_a_booking_that_is_refused_leaves_nothing_to_annul(house: House) -> None:
    order = await (await house.order()).to(Stage.DISPATCH)
    house.carrier.away = True
    await order.pack()
    await order.cancel()
    house.carrier.refuses, house.carrier.away = True, False
    await cancelled(order)
    assert (await order.last(Action.RECALL)).details["answer"] == "by_hand"
    assert not [asked for asked in house.carrier.asked if asked.startswith("cancel")]


async def test_while_the_carrier_is_asked_somebody_is_reminded(house: House) -> None:
    order = await (await house.order()).to(Stage.DISPATCH)
    await order.pack()
    await order.booked()
    house.carrier.away = True
    await order.cancel()
    due = (await order.row()).wait_due
    assert due is not None
    house.carrier.patience = timedelta(days=2)
    await house.sleep_until(due + timedelta(days=7))
    assert {"remind", "escalate"} <= set(await order.actions())
    house.carrier.away = False
    await house.later(days=4)
    await cancelled(order)


async def test_a_parcel_the_carrier_fetched_unseen_comes_back_by_way_of_the_keeper(house: House) -> None:
    """Too late to annul: the goods are out of the house, and the order settles when they are back."""
    before = await house.books()
    order = await (await house.order()).to(Stage.DISPATCH)
    await order.pack()
    await order.booked()
    house.carrier.recall = Recall.TOO_LATE
    await order.cancel()
    await order.logged(Action.RECALL, 2)
    waybill = (await order.shipment()).waybill
    assert house.carrier.asked[1:] == [f"cancel {waybill}", f"intercept {waybill}"]
    assert (await house.books())["in-transit", house.part] == (1, 0)
    assert await order.stage() is Stage.SETTLING

    await order.scan(Milestone.RETURNING)
    await order.logged(Action.TURN_BACK)
    await order.receive_back()
    await cancelled(order)
    assert await house.books() == before


@pytest.mark.parametrize("answer", Recall)
async def test_a_parcel_on_its_way_is_asked_back(house: House, answer: Recall) -> None:
    order = await (await house.order()).to(Stage.IN_TRANSIT)
    house.carrier.recall = answer
    await order.cancel()
    recall = await order.logged(Action.RECALL)
    assert recall.details["answer"] == answer
    assert house.carrier.asked[-1] == f"intercept {(await order.shipment()).waybill}"
    assert await order.stage() is Stage.SETTLING
    assert (await order.last(Action.CANCEL)).details["owing"] == [f"parcel {(await order.shipment()).id}"]
    await order.receive_back()
    await cancelled(order)


async def test_without_a_line_to_the_carrier_a_person_asks(house: House) -> None:
    order = await (await house.order()).to(Stage.DISPATCH)
    await order.pack("manual")
    await order.hand_over("HAND-0001")
    await order.cancel()
    assert (await order.logged(Action.RECALL)).details["answer"] == "by_hand"
    await order.receive_back()
    await cancelled(order)


async def test_a_parcel_that_reaches_the_customer_all_the_same(house: House) -> None:
    order = await (await house.order()).to(Stage.IN_TRANSIT)
    await order.cancel()
    await order.logged(Action.RECALL)
    await order.scan(Milestone.DELIVERED)
    await cancelled(order)
    assert (await house.books())["outside/customers", house.part] == (1, 0)


async def test_a_parcel_lost_on_the_way_back_is_claimed_before_the_end(house: House) -> None:
    order = await (await house.order()).to(Stage.IN_TRANSIT)
    await order.cancel()
    await order.logged(Action.RECALL)
    assert (await order.lose()).stage == Stage.SETTLING
    await order.settle()
    await cancelled(order)


async def test_a_parcel_already_on_its_way_back_is_received_first(house: House) -> None:
    before = await house.books()
    order = await (await house.order()).to(Stage.IN_TRANSIT)
    await order.scan(Milestone.RETURNING)
    await order.logged(Action.TURN_BACK)
    await order.cancel()
    await order.scan(Milestone.RETURNED)
    await order.receive_back()
    await cancelled(order)
    assert await house.books() == before
    assert "recall" not in await order.actions()


async def test_an_open_claim_outlives_the_cancelling(house: House) -> None:
    order = await (await house.order()).to(Stage.IN_TRANSIT)
    await order.lose()
    assert (await order.cancel()).stage == Stage.SETTLING
    assert (await order.row()).wait_clock == "settlement"
    assert await order.taken() == []
    await order.settle()
    await cancelled(order)


async def test_what_is_cancelled_stays_cancelled(house: House) -> None:
    order = await house.order()
    await order.cancel()
    await cancelled(order)
    with pytest.raises(RPCError):
        await order.cancel()


async def test_only_staff_cancels(house: House) -> None:
    order = await house.order()
    for role in (Role.CUSTOMER, Role.AUDITOR, Role.WAREHOUSE_KEEPER):
        with pytest.raises(Declined, match="role_forbidden"):
            await order.decide(Action.CANCEL, role, reason="other")
