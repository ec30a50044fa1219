"""Dispatch: picked, packed, labelled, handed over (policy 5.2.1 to 5.2.3)."""

import pytest

from database.tables import Parcel, ShipmentState
from domain.parcels import Milestone
from domain.stages import Action, Role, Stage
from tests.workflows.documents import Declined
from tests.workflows.house import House

AGENT, CUSTOMER, KEEPER, DISPATCHER = Role.SERVICE_AGENT, Role.CUSTOMER, Role.WAREHOUSE_KEEPER, Role.DISPATCHER


async def test_packed_booked_and_handed_over(house: House) -> None:
    order = await (await house.order()).to(Stage.DISPATCH)
    before = await house.books()
    await order.pack()
    await order.booked()
    shipment = await order.shipment()
    assert shipment.waybill
    assert (await order.last(Action.BOOK)).details == {"waybill": shipment.waybill, "carrier": "sf"}
    assert house.carrier.asked == [f"book {shipment.id}"]

    await order.hand_over()
    assert await order.stage() is Stage.IN_TRANSIT
    after = await house.books()
    on_hand, reserved = before["HZ1/qualified", house.part]
    assert after["HZ1/qualified", house.part] == (on_hand - 1, reserved - 1)
    assert after["in-transit", house.part] == (1, 0)


@pytest.mark.clause("5.2.3")
async def test_the_service_centre_and_the_customer_hear_of_the_waybill_at_once(house: House) -> None:
    order = await (await house.order()).to(Stage.IN_TRANSIT)
    handed_over = await order.last(Action.HAND_OVER)
    assert handed_over.details["waybill"] == (await order.shipment()).waybill is not None
    assert "hand_over" in await order.told(AGENT)
    assert "hand_over" in await order.told(CUSTOMER)


async def test_nothing_unpacked_is_handed_over(house: House) -> None:
    order = await (await house.order()).to(Stage.DISPATCH)
    with pytest.raises(Declined, match="not_packed"):
        await order.hand_over("SF12345678")


async def test_a_refused_booking_goes_by_hand_with_a_typed_waybill(house: House) -> None:
    order = await (await house.order()).to(Stage.DISPATCH)
    house.carrier.refuses = True
    await order.pack()
    await order.logged(Action.BOOKING_REFUSED)
    assert await order.told(DISPATCHER) == ["booking_refused"]

    with pytest.raises(Declined, match="unknown_carrier"):
        await order.pack("pigeon")
    await order.pack("manual")
    with pytest.raises(Declined, match="waybill_missing"):
        await order.hand_over()
    await order.hand_over("HAND-0001")
    assert (await order.shipment()).waybill == "HAND-0001"
    assert await house.all(Parcel) == [], "nobody asks a carrier that has no line"


async def test_one_waybill_a_parcel(house: House) -> None:
    order = await (await house.order()).to(Stage.DISPATCH)
    await order.pack()
    await order.booked()
    with pytest.raises(Declined, match="already_booked"):
        await order.pack("manual")
    with pytest.raises(Declined, match="other_waybill"):
        await order.hand_over("ANOTHER-1")
    await order.hand_over((await order.shipment()).waybill)


async def test_while_the_label_is_being_booked_the_parcel_stays(house: House) -> None:
    """Otherwise one parcel could have two bookings, or one that nobody watches."""
    order = await (await house.order()).to(Stage.DISPATCH)
    house.carrier.away = True
    await order.pack()
    with pytest.raises(Declined, match="already_booked"):
        await order.pack("manual")
    with pytest.raises(Declined, match="not_packed"):
        await order.hand_over("HAND-0001")
    house.carrier.away = False
    await order.booked()
    assert len(await house.all(Parcel)) == 1
    await order.hand_over()


async def test_packed_again_before_a_carrier_without_a_line_takes_it(house: House) -> None:
    order = await (await house.order()).to(Stage.DISPATCH)
    await order.pack("manual")
    await order.pack("sf")
    await order.booked()
    await order.hand_over()


async def test_the_carriers_scan_shows_that_it_has_the_goods(house: House) -> None:
    order = await (await house.order()).to(Stage.DISPATCH)
    await order.pack()
    await order.booked()
    await order.scan(Milestone.PICKED_UP)
    await order.until(Stage.IN_TRANSIT)
    assert (await order.shipment()).state is ShipmentState.HANDED_OVER
    assert "pick_up" in await order.told(CUSTOMER)
    with pytest.raises(Declined, match="stage_moved_on"):
        await order.hand_over()


async def test_a_scan_may_come_before_the_answer_to_the_booking(house: House) -> None:
    order = await (await house.order()).to(Stage.DISPATCH)
    house.carrier.away = True
    await order.pack()
    await order.scan(Milestone.PICKED_UP)
    house.carrier.away = False
    await order.until(Stage.IN_TRANSIT)
    assert (await order.actions())[-3:] == ["pack", "book", "pick_up"]
    [parcel] = await house.all(Parcel)
    assert parcel.next_look_at is not None


async def test_a_booking_that_the_carrier_annulled_is_no_pick_up(house: House) -> None:
    order = await (await house.order()).to(Stage.DISPATCH)
    await order.pack()
    await order.booked()
    await order.scan(Milestone.CANCELLED)
    await order.hand_over()
    assert (await order.actions())[-2:] == ["book", "hand_over"]


async def test_a_late_handover_is_reminded_and_escalated_until_it_is_done(house: House) -> None:
    week = await house.week()
    order = await (await house.order()).to(Stage.DISPATCH)
    await house.sleep_until(week("Wed 12:00"))
    await order.pack()
    await house.sleep_until(week("Wed 15:30"))
    assert await order.rang(week) == ["remind Tue 09:35", "escalate Wed 09:00", "escalate Wed 14:30"]
    assert await order.told(KEEPER) == ["remind_handover"]
    assert await order.told(Role.SUPERVISOR) == ["escalate_handover", "escalate_handover"]
    await order.hand_over()
