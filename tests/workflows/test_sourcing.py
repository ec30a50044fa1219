"""Sourcing: stock first, else a purchase order at once (policy 3.2.1)."""

from datetime import datetime, timedelta

import pytest

from database.reading.substitutes import substitutes
from database.tables import BackOrder, LineState, Part, PartModel, Reservation, ReservationState, SubstitutePart
from domain.stages import Action, PurchaseStage, Role, Stage
from domain.waiting import Clock
from tests.workflows.documents import Declined
from tests.workflows.house import House


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


@pytest.mark.clause("3.2.1")
async def test_what_there_is_is_kept_and_only_the_rest_is_bought(house: House) -> None:
    await house.stock_up(house.part, 2)
    order = await (await house.order()).to(Stage.SOURCING, (house.part, 3))
    [purchase] = await order.purchases()
    assert [line.quantity for line in await purchase.lines()] == [1]
    assert await order.taken() == [
        f"2 × {house.part} in HZ1/qualified",
        f"1 × {house.part} of {purchase.number}",
    ]
    await purchase.receive(1)
    await order.until(Stage.DISPATCH)
    assert await house.available() == 0


@pytest.mark.clause("3.2.1")
async def test_other_warehouses_and_technicians_bins_come_before_a_supplier(house: House) -> None:
    await house.stock_up(house.part, 1)
    async with house.sessions.begin() as session:
        for place in ("CD1/qualified", "HZ1/bin-technician", "WH1/bin-technician5"):
            await house.move(session, house.part, 1, "outside/opening", place)
    order = await (await house.order()).to(Stage.DISPATCH, (house.part, 3))
    assert await house.purchases() == []
    assert [row.place for row in await house.all(Reservation)] == [
        "HZ1/qualified",
        "CD1/qualified",
        "HZ1/bin-technician",
    ], "nobody takes from the bin of another centre's technician"
    await order.to(Stage.REVISIT)


@pytest.mark.clause("3.2.1")
async def test_what_arrives_goes_to_who_is_urgent_then_to_who_waits_longest_for_a_reason(
    house: House,
) -> None:
    await house.stock_up(house.part, 0)
    first = await (await house.order()).to(Stage.SOURCING)
    second = await (await house.order()).to(Stage.SOURCING)
    urgent = await (await house.order(urgent=True)).to(Stage.SOURCING)
    of_first, _, of_urgent = await house.purchases()
    await of_first.receive(1)
    await urgent.until(Stage.DISPATCH)
    given = (await of_first.last(Action.INSPECT_GOODS)).details["given_to"]
    assert given == [[urgent.number, house.part, 1, "urgency"]]
    assert (await urgent.last(Action.RESTOCK)).details["given"] == [[house.part, 1, "HZ1/qualified", "urgency"]]

    await of_urgent.receive(1)
    await first.until(Stage.DISPATCH)
    assert (await of_urgent.last(Action.INSPECT_GOODS)).details["given_to"][0][3] in ("due", "age")
    assert await second.stage() is Stage.SOURCING


@pytest.mark.clause("3.2.1")
async def test_what_a_cancelled_order_gives_back_goes_to_who_waits(house: House) -> None:
    await house.stock_up(house.part, 1)
    taker = await (await house.order()).to(Stage.DISPATCH)
    waiter = await (await house.order()).to(Stage.SOURCING)
    await taker.cancel()
    await waiter.until(Stage.DISPATCH)
    assert (await taker.last(Action.CANCEL)).details["given_back"]["given_to"] == [
        [waiter.number, house.part, 1, "only_one"]
    ]


@pytest.mark.clause("3.2.1")
async def test_pieces_kept_too_long_for_an_order_that_lacks_others_go_to_who_waits(house: House) -> None:
    await house.stock_up(house.part, 1)
    slow = await (await house.order()).to(Stage.SOURCING, (house.part, 2))
    quick = await (await house.order()).to(Stage.SOURCING)
    await slow.move_due(await house.now() + timedelta(hours=1))
    wait = (await slow.row()).state["wait"]
    rings = datetime.fromisoformat(next(alarm["at"] for alarm in wait["alarms"] if alarm["action"] == "expire"))
    await house.sleep_until(rings)
    await quick.until(Stage.DISPATCH)
    expired = await slow.logged(Action.EXPIRE)
    assert expired.details["expired"] == [[house.part, 1, "HZ1/qualified"]]
    assert expired.details["given_to"] == [[quick.number, house.part, 1, "only_one"]]
    states = [row.state for row in await house.all(Reservation)]
    assert states == [ReservationState.EXPIRED, ReservationState.HELD]
    assert sum(row.quantity for row in await house.all(BackOrder, BackOrder.order == slow.number)) == 2


@pytest.mark.clause("1.3.2")
async def test_a_superseding_part_takes_the_place_of_one_that_is_out_of_stock(house: House) -> None:
    old, new = "CXW-MOTOR-180", "CXW-MOTOR-200"
    await house.stock_up(old, 1)
    await house.stock_up(new, 2)
    await house.change(Part, old, superseded_by=None)
    order = await (await house.order()).to(Stage.SOURCING, (old, 2))
    await house.change(Part, old, superseded_by=new)
    with pytest.raises(Declined, match="not_a_substitute"):
        await order.decide(Action.SUBSTITUTE, Role.BUYER, wanted=old, substitute="CXW-LAMP")
    with pytest.raises(Declined, match="part_not_wanted"):
        await order.decide(Action.SUBSTITUTE, Role.BUYER, wanted=new, substitute=old)
    await order.decide(Action.SUBSTITUTE, Role.SERVICE_AGENT, wanted=old, substitute=new, explanation="in stock")
    logged = await order.last(Action.SUBSTITUTE)
    assert (logged.details["instead_of"], logged.details["part"]) == (old, new)
    assert logged.details["given_back"]["reservations"] == [[old, 1, "HZ1/qualified"]]
    assert await order.stage() is Stage.AUDIT, "nobody signed for the other part yet"
    await order.approve()
    [line] = [line for line in await order.lines() if line.state is LineState.RESERVED]
    assert (line.part, line.instead_of, await order.stage()) == (new, old, Stage.DISPATCH)


@pytest.mark.clause("1.3.2")
async def test_a_part_known_to_do_as_well_is_a_substitute_where_it_fits(house: House) -> None:
    async with house.sessions.begin() as session:
        session.add(SubstitutePart(part=house.part, substitute="CXW-CAPACITOR"))
        session.add(SubstitutePart(part=house.part, substitute="XQG-PUMP"))
    async with house.sessions() as session:
        model = (await house.all(PartModel, PartModel.part == house.part))[0].model
        known = await substitutes(session, [house.part], model)
    assert [each.part for each in known] == ["CXW-CAPACITOR"], "the pump fits another machine"
