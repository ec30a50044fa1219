"""Installation: a qualified technician at an agreed time, and the report (policy 6.1)."""

from datetime import timedelta

import pytest

from database.tables import AppointmentState, Certificate, LineState, OrderLine
from domain.stages import Action, Role, Stage
from domain.warranty import months_later
from tests.workflows.documents import Declined, Order
from tests.workflows.house import House

AGENT, CUSTOMER, TECHNICIAN = Role.SERVICE_AGENT, Role.CUSTOMER, Role.TECHNICIAN


async def fitted_lines(order: Order) -> list[OrderLine]:
    return [line for line in await order.lines() if line.state is LineState.FITTED]


async def test_a_visit_is_agreed_made_and_reported(house: House) -> None:
    order = await (await house.order()).to(Stage.INSTALLATION)
    starts = await house.now() + timedelta(days=1)
    await order.book_visit(starts_at=starts)
    row = await order.row()
    assert (row.wait_clock, row.wait_due, row.technician) == ("visit", starts + timedelta(hours=1), "technician")
    assert "book_appointment" in await order.told(CUSTOMER)
    assert "book_appointment" in await order.told(TECHNICIAN)

    await order.fitted()
    assert await order.stage() is Stage.REVISIT
    [visit] = await order.appointments()
    assert visit.state is AppointmentState.KEPT
    [line] = await fitted_lines(order)
    assert line.guarantee_until == months_later((await house.now()).date(), 12)


@pytest.mark.clause("6.1.1")
async def test_only_a_technician_with_the_products_certificate_is_sent(house: House) -> None:
    order = await (await house.order()).to(Stage.INSTALLATION)
    visit = await house.now() + timedelta(days=2)

    with pytest.raises(Declined, match="technician_not_qualified"):
        await order.book_visit("technician2", visit)

    await house.change(Certificate, ("technician", "range_hood"), expires_on=(visit - timedelta(days=1)).date())
    with pytest.raises(Declined, match="technician_not_qualified"):
        await order.book_visit("technician", visit)

    await house.change(Certificate, ("technician", "range_hood"), expires_on=visit.date())
    await order.book_visit("technician", visit)
    assert [each.technician for each in await order.appointments()] == ["technician"]


async def test_a_technician_is_in_one_place_at_a_time(house: House) -> None:
    first, second = [await (await house.order()).to(Stage.INSTALLATION) for _ in range(2)]
    ten = await house.now() + timedelta(days=1)
    await first.book_visit(starts_at=ten)
    for starts in (ten, ten + timedelta(minutes=59), ten - timedelta(minutes=59)):
        with pytest.raises(Declined, match="technician_taken"):
            await second.book_visit(starts_at=starts)
    await second.book_visit(starts_at=ten + timedelta(hours=1))


async def test_a_visit_put_off_frees_its_time(house: House) -> None:
    first, second = [await (await house.order()).to(Stage.INSTALLATION) for _ in range(2)]
    ten = await house.now() + timedelta(days=1)
    await first.book_visit(starts_at=ten)
    await first.book_visit(starts_at=ten + timedelta(minutes=30))
    await first.book_visit(starts_at=ten + timedelta(days=1))
    await second.book_visit(starts_at=ten)
    assert [each.state for each in await first.appointments()] == ["called_off", "called_off", "booked"]


async def test_no_visit_in_the_past_or_by_nobody(house: House) -> None:
    order = await (await house.order()).to(Stage.INSTALLATION)
    with pytest.raises(Declined, match="invalid_time"):
        await order.book_visit(starts_at=await house.now() - timedelta(minutes=1))
    with pytest.raises(Declined, match="unknown_technician"):
        await order.book_visit("nobody")


async def test_the_visits_own_technician_reports(house: House) -> None:
    order = await (await house.order()).to(Stage.INSTALLATION)
    with pytest.raises(Declined, match="no_appointment"):
        await order.fitted()
    await order.book_visit()
    with pytest.raises(Declined, match="not_your_visit"):
        await order.fitted(by="technician5")
    with pytest.raises(Declined, match="not_your_visit"):
        await order.decide(Action.REPORT_FITTED, AGENT)
    await order.fitted()


@pytest.mark.parametrize("role", [CUSTOMER, AGENT])
async def test_a_customer_who_fits_it_needs_no_visit(house: House, role: Role) -> None:
    order = await (await house.order()).to(Stage.INSTALLATION)
    await order.book_visit()
    await order.decide(Action.REPORT_FITTED, role, completion="fitted_by_customer")
    assert await order.stage() is Stage.REVISIT
    assert [each.state for each in await order.appointments()] == ["called_off"]
    assert len(await fitted_lines(order)) == 1


async def test_what_can_not_be_fitted_goes_to_rework(house: House) -> None:
    order = await (await house.order()).to(Stage.INSTALLATION)
    await order.book_visit()
    await order.not_fitted("wrong_part")
    row = await order.row()
    assert (row.stage, row.round, row.wait_caretaker) == (Stage.REWORK, 1, Role.DISPATCHER)
    assert (await order.last(Action.REPORT_NOT_FITTED)).details["hindrance"] == "wrong_part"

    await order.send_part((house.other_part, 1))
    await order.to(Stage.REVISIT)
    assert {line.part: line.state for line in await order.lines() if line.round == 1} == {
        house.other_part: LineState.FITTED
    }
    assert [line.state for line in await order.lines() if line.part == house.part] == [LineState.RETURNED]
    await order.works()


async def test_a_customer_who_was_out_gets_another_visit_with_the_same_part(house: House) -> None:
    order = await (await house.order()).to(Stage.INSTALLATION)
    await order.book_visit()
    await order.not_fitted("customer_absent")
    await order.send_technician()
    assert await order.stage() is Stage.INSTALLATION
    await order.install()
    [line] = await fitted_lines(order)
    assert (line.part, line.round) == (house.part, 0)
    assert len(await order.shipments()) == 1


async def test_a_rework_part_must_fit_too(house: House) -> None:
    order = await (await house.order()).to(Stage.REWORK)
    with pytest.raises(Declined, match="part_does_not_fit"):
        await order.send_part(("RO-PUMP", 1))
    await order.send_part()
