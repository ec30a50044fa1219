"""Transport: delivered, late, lost, turned back (policy 5.2.4)."""

from datetime import timedelta

import pytest

from database.tables import ClaimState, Parcel, ShipmentState
from domain.messages import Scanned
from domain.parcels import Milestone, Trouble
from domain.stages import Action, Role, Stage
from tests.workflows.documents import Declined, Order
from tests.workflows.house import House
from tests.workflows.week import Week

AGENT, CUSTOMER, DISPATCHER = Role.SERVICE_AGENT, Role.CUSTOMER, Role.DISPATCHER


async def on_its_way(house: House) -> tuple[Order, Week]:
    """Handed over on a Monday at ten past ten."""
    week = await house.week()
    return await (await house.order()).to(Stage.IN_TRANSIT), week


async def test_the_carrier_delivers(house: House) -> None:
    order = await (await house.order()).to(Stage.IN_TRANSIT)
    for milestone in (Milestone.PICKED_UP, Milestone.OUT_FOR_DELIVERY, Milestone.DELIVERED):
        await order.scan(milestone)
    await order.until(Stage.INSTALLATION)
    assert (await order.actions())[-2:] == ["hand_over", "deliver"]
    assert (await order.shipment()).state is ShipmentState.DELIVERED
    assert (await house.books())["outside/customers", house.part] == (1, 0)


@pytest.mark.parametrize("role", [CUSTOMER, AGENT, DISPATCHER])
async def test_somebody_says_it_is_there(house: House, role: Role) -> None:
    order = await (await house.order()).to(Stage.IN_TRANSIT)
    await order.deliver(role)
    assert await order.stage() is Stage.INSTALLATION


async def test_a_parcel_nobody_scans_is_asked_after(house: House) -> None:
    order, week = await on_its_way(house)
    await house.sleep_until(week("Fri 09:10"))
    assert await order.rang(week) == ["no_pickup_scan Wed 09:00", "no_movement Wed 10:10", "no_pickup_scan Fri 09:00"]
    assert await order.told(AGENT) == ["hand_over", "no_pickup_scan", "no_movement", "no_pickup_scan"]


async def test_a_parcel_that_moves_is_not(house: House) -> None:
    order, week = await on_its_way(house)
    await order.scan(Milestone.PICKED_UP)
    await house.sleep_until(week("Tue 16:00"))
    await order.scan(Milestone.IN_TRANSIT)
    await house.sleep_until(week("Thu 15:00"))
    assert await order.rang(week) == []
    await house.sleep_until(week("Thu 17:00"))
    assert await order.rang(week) == ["no_movement Thu 16:00"]


async def test_a_late_parcel_is_reported_escalated_and_at_last_given_up(house: House) -> None:
    order, week = await on_its_way(house)
    free = await house.available()
    await order.scanned(
        Scanned(
            shipment=(await order.shipment()).id,
            milestone=Milestone.PICKED_UP,
            trouble=None,
            at=week("Mon 11:00"),
            still_by=week("++++Mon 10:00"),
        )
    )
    await house.sleep_until(week("+++Mon 12:00"))
    await order.until(Stage.DISPATCH)
    rang = await order.rang(week)
    assert rang[:5] == [
        "remind Fri 09:14",
        "late +Mon 09:00",
        "escalate +Mon 09:00",
        "escalate +Wed 09:00",
        "escalate +Fri 09:00",
    ]
    assert rang[-1] == "declare_lost +++Mon 09:00"
    assert {"late", "declare_lost"} <= set(await order.told(CUSTOMER))

    lost, again = await order.shipments()
    assert (lost.state, again.state) == (ShipmentState.LOST, ShipmentState.PREPARING)
    [claim] = await order.claims()
    assert (claim.state, claim.shipment) == (ClaimState.OPEN, lost.id)
    assert claim.value == 258
    assert await house.available() == free - 1
    assert (await house.books())["outside/losses", house.part] == (1, 0)
    assert (await house.all(Parcel))[0].next_look_at is None


async def test_an_order_with_an_open_claim_waits_for_its_settlement(house: House) -> None:
    order = await (await house.order()).to(Stage.IN_TRANSIT)
    await order.lose()
    await order.to(Stage.REVISIT)
    assert (await order.works()).stage == Stage.SETTLING
    row = await order.row()
    assert (row.ending, row.wait_caretaker) == (Stage.CLOSED, DISPATCHER)
    assert (await order.last(Action.ANSWER_WORKS)).details["owing"] == [f"claim {(await order.claims())[0].id}"]

    with pytest.raises(Declined, match="unknown_claim"):
        await order.decide(Action.SETTLE_CLAIM, DISPATCHER, claim=99, amount="1", explanation="whose")
    await order.settle("200.00")
    assert await order.handle.result() == Stage.CLOSED
    assert (await order.claims())[0].settled_for == 200
    assert (await order.row()).outcome == "solved"


async def test_a_claim_may_be_settled_while_the_order_goes_on(house: House) -> None:
    order = await (await house.order()).to(Stage.IN_TRANSIT)
    await order.lose("damaged")
    await order.settle()
    assert await order.stage() is Stage.DISPATCH
    with pytest.raises(Declined, match="claim_settled"):
        await order.settle()
    await order.to(Stage.REVISIT)
    assert (await order.works()).stage == Stage.CLOSED


async def test_while_it_settles_nobody_moves_goods_that_are_not_under_way(house: House) -> None:
    order = await (await house.order()).to(Stage.IN_TRANSIT)
    await order.lose()
    await order.to(Stage.REVISIT)
    await order.works()
    before = await house.books()
    for decision in (order.deliver, order.lose, order.receive_back):
        with pytest.raises(Declined, match="stage_moved_on"):
            await decision()
    await order.scan(Milestone.DELIVERED)
    await order.settle()
    assert await order.handle.result() == Stage.CLOSED
    assert await house.books() == before


async def test_trouble_is_reported_once_however_often_it_is_told(house: House) -> None:
    order = await (await house.order()).to(Stage.IN_TRANSIT)
    async with house.sessions.begin() as session:
        (await session.get_one(Parcel, (await order.shipment()).id)).trouble = Trouble.DELAYED
    for _ in range(3):
        await order.scan(Milestone.IN_TRANSIT, Trouble.DELAYED)
    await order.scan(Milestone.IN_TRANSIT)
    await order.scan(Milestone.IN_TRANSIT, Trouble.DELAYED)
    await order.scan(Milestone.DELIVERED)
    await order.until(Stage.INSTALLATION)
    assert (await order.actions()).count("trouble") == 2
    assert (await order.last(Action.TROUBLE)).details["trouble"] == "delayed"
    assert "trouble" in await order.told(AGENT)


async def test_turned_back_and_sound_it_is_sent_again(house: House) -> None:
    order = await (await house.order()).to(Stage.DISPATCH)
    free = await house.available()
    await order.ship()
    await order.scan(Milestone.RETURNING, Trouble.REFUSED)
    await order.logged(Action.TURN_BACK)
    assert (await order.row()).wait_caretaker is Role.WAREHOUSE_KEEPER
    await order.scan(Milestone.RETURNED)
    await order.receive_back()
    assert await order.stage() is Stage.DISPATCH
    assert await house.available() == free
    assert await order.claims() == []
    assert (await order.actions()).count("turn_back") == 1
    await order.to(Stage.REVISIT)
    await order.works()


async def test_turned_back_and_damaged_it_is_claimed_and_kept_apart(house: House) -> None:
    order = await (await house.order()).to(Stage.IN_TRANSIT)
    free = await house.available()
    await order.scan(Milestone.RETURNED)
    await order.logged(Action.TURN_BACK)
    await order.receive_back("damaged")
    assert (await house.books())["HZ1/nonconforming", house.part] == (1, 0)
    [claim] = await order.claims()
    assert (claim.reason, claim.on) == ("damaged", Role.CARRIER)
    assert await house.available() == free - 1, "another is on its way to the customer"
    assert "receive_back" in await order.told(AGENT)


async def test_turned_back_after_delivery_the_visit_is_called_off(house: House) -> None:
    order = await (await house.order()).to(Stage.INSTALLATION)
    await order.book_visit()
    await order.scan(Milestone.RETURNING)
    await order.until(Stage.IN_TRANSIT)
    assert (await house.books())["in-transit", house.part] == (1, 0)
    assert [each.state for each in await order.appointments()] == ["called_off"]
    await order.receive_back()
    assert await order.stage() is Stage.DISPATCH


async def test_a_delivery_after_the_way_back_began_may_be_our_own(house: House) -> None:
    order = await (await house.order()).to(Stage.IN_TRANSIT)
    await order.scan(Milestone.RETURNING)
    await order.logged(Action.TURN_BACK)
    await order.scan(Milestone.DELIVERED)
    await order.receive_back()
    assert await order.stage() is Stage.DISPATCH
    assert "deliver" not in await order.actions()


async def test_a_turned_back_parcel_that_reaches_the_customer_after_all(house: House) -> None:
    order = await (await house.order()).to(Stage.IN_TRANSIT)
    await order.scan(Milestone.RETURNING)
    await order.logged(Action.TURN_BACK)
    await order.deliver(AGENT)
    assert await order.stage() is Stage.INSTALLATION


async def test_what_is_told_of_an_earlier_parcel_changes_nothing(house: House) -> None:
    order = await (await house.order()).to(Stage.IN_TRANSIT)
    earlier = (await order.shipment()).id
    await order.lose()
    await order.to(Stage.IN_TRANSIT)
    now = await house.now()
    await order.scanned(Scanned(shipment=earlier, milestone=Milestone.DELIVERED, trouble=None, at=now, still_by=now))
    await order.move_due(now + timedelta(days=9))
    assert await order.stage() is Stage.IN_TRANSIT


async def test_moving_the_due_instant_keeps_the_watch_over_scans(house: House) -> None:
    order, week = await on_its_way(house)
    await order.move_due(week("+++Mon 10:00"))
    await house.sleep_until(week("Wed 12:00"))
    assert await order.rang(week) == ["no_pickup_scan Wed 09:00", "no_movement Wed 10:10"]


async def test_a_carrier_without_a_line_is_not_missed_by_scans(house: House) -> None:
    week = await house.week()
    order = await (await house.order()).to(Stage.DISPATCH)
    await order.pack("manual")
    await order.hand_over("HAND-0001")
    await house.sleep_until(week("+Mon 12:00"))
    assert await order.rang(week) == ["remind Fri 09:14", "late +Mon 09:00", "escalate +Mon 09:00"]
