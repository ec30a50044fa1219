"""Application, first judgement, the customer's consent (policy 2.1, 2.2)."""

import pytest

from database.tables import Quotation
from domain.stages import Action, Role, Stage
from tests.workflows.documents import Declined, Order
from tests.workflows.house import House

AGENT, CUSTOMER, TECHNICIAN = Role.SERVICE_AGENT, Role.CUSTOMER, Role.TECHNICIAN


async def ended(order: Order) -> tuple[Stage, str | None]:
    """Where its workflow ended, and with what outcome; the row says the same."""
    row = await order.row()
    assert await order.handle.result() == row.stage
    assert row.ended_at is not None
    assert row.wait_due is None
    return row.stage, row.outcome


async def test_what_the_agent_hears_on_the_phone_is_in_the_agents_hands_at_once(house: House) -> None:
    order = await house.order()
    assert await order.stage() is Stage.TRIAGE
    assert await order.told(CUSTOMER) == ["received"]


async def test_what_comes_by_itself_waits_to_be_taken(house: House) -> None:
    order = await house.order(by="web", channel="web")
    assert await order.stage() is Stage.RECEIVED
    assert (await order.row()).wait_caretaker is AGENT
    await order.take()
    assert await order.stage() is Stage.TRIAGE


async def test_the_quotation_tells_time_cost_and_guarantee(house: House) -> None:
    order = await house.order(serial="CXW268-001001")
    await order.quote((house.part, 2), (house.other_part, 1))
    [quotation] = await house.all(Quotation)
    assert quotation.parts == 2 * 258 + 18
    assert quotation.in_warranty
    assert quotation.to_pay == 0
    assert quotation.guarantee_months == 6
    assert await house.now() < quotation.expected_from <= quotation.expected_to
    assert await order.told(CUSTOMER) == ["received", "quote"]


async def test_out_of_warranty_the_customer_pays(house: House) -> None:
    order = await house.order()
    await order.quote()
    [quotation] = await house.all(Quotation)
    assert not quotation.in_warranty
    assert quotation.to_pay == quotation.parts + quotation.labour + quotation.travel > 258


async def test_out_of_stock_the_quotation_counts_on_the_supplier(house: House) -> None:
    in_stock, missing = await house.order(), await house.order()
    await in_stock.quote()
    await house.stock_up(house.part, 0)
    await missing.quote()
    soon, late = await house.all(Quotation)
    assert late.expected_to > soon.expected_to


@pytest.mark.parametrize(
    ("part", "code"),
    [
        ("CXW-MOTOR-180", "part_superseded"),
        ("RO-PUMP", "part_does_not_fit"),
        ("NO-SUCH-PART", "unknown_part"),
    ],
)
async def test_only_parts_that_fit_are_quoted(house: House, part: str, code: str) -> None:
    order = await house.order()
    with pytest.raises(Declined, match=code):
        await order.quote((part, 1))
    assert await order.actions() == ["apply"]
    await order.quote()


async def test_nothing_is_quoted_that_nobody_supplies(house: House) -> None:
    order = await house.order()
    await house.stock_up("CXW-FILTER", 0)
    await house.suspend("S04", "S05")
    with pytest.raises(Declined, match="no_supplier"):
        await order.quote(("CXW-FILTER", 1))


async def test_consent_on_the_phone_comes_with_the_quotation(house: House) -> None:
    order = await house.order()
    await order.quote(on_phone=True)
    assert await order.stage() is Stage.AUDIT
    [quotation] = await house.all(Quotation)
    assert quotation.consented_by == "agent"
    assert quotation.consented_at is not None


async def test_the_customer_consents(house: House) -> None:
    order = await house.order()
    await order.quote()
    await order.consent()
    assert await order.stage() is Stage.AUDIT
    [quotation] = await house.all(Quotation)
    assert quotation.consented_by == "customer"


async def test_inspection_finds_the_fault(house: House) -> None:
    order = await house.order()
    await order.inspect()
    assert await order.stage() is Stage.INSPECTION
    assert (await order.row()).wait_caretaker is TECHNICIAN
    assert await order.told(CUSTOMER) == ["received", "send_for_inspection"]
    await order.decide(Action.FAULT_FOUND, TECHNICIAN, finding="the motor")
    assert await order.stage() is Stage.TRIAGE


async def test_inspection_finds_no_fault(house: House) -> None:
    order = await (await house.order()).to(Stage.INSPECTION)
    await order.decide(Action.NO_FAULT_FOUND, TECHNICIAN, finding="the fuse at home")
    assert await ended(order) == (Stage.CLOSED, "no_fault_found")


async def test_an_outlet_that_is_none(house: House) -> None:
    order = await house.order()
    with pytest.raises(Declined, match="unknown_outlet"):
        await order.decide(Action.SEND_FOR_INSPECTION, AGENT, outlet="NOWHERE", advice="there")


async def test_no_case_for_a_replacement(house: House) -> None:
    order = await house.order()
    await order.decide(Action.REFUSE, AGENT, reason="not_our_product", explanation="another maker's")
    assert await ended(order) == (Stage.REJECTED, "refused")
    assert "refuse" in await order.told(CUSTOMER)


async def test_the_customer_declines(house: House) -> None:
    order = await (await house.order()).to(Stage.QUOTED)
    await order.decide(Action.DECLINE, CUSTOMER)
    assert await ended(order) == (Stage.DECLINED, "declined")


async def test_a_quotation_nobody_answers_lapses_after_a_reminder(house: House) -> None:
    week = await house.week()
    order = await (await house.order()).to(Stage.QUOTED)
    await house.later(days=20)
    assert await order.rang(week) == ["remind Wed 14:12", "lapse +Tue 09:00"]
    assert await ended(order) == (Stage.DECLINED, "lapsed")
    assert await order.told(AGENT) == ["remind_consent", "lapse"]
    assert (await order.told(CUSTOMER))[-1] == "lapse"


async def test_who_has_not_been_asked_can_not_decide(house: House) -> None:
    order = await house.order()
    with pytest.raises(Declined, match="role_forbidden"):
        await order.decide(Action.REFUSE, Role.AUDITOR, reason="other", explanation="no")
    with pytest.raises(Declined, match="stage_moved_on"):
        await order.approve()
    assert await order.actions() == ["apply"]
