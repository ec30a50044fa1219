"""First judgement on a real database: line decisions, the quotation as shown, inspections, asking again."""

from datetime import date, datetime, timedelta
from decimal import Decimal
from hashlib import sha256
from typing import Any

import pytest
from sqlalchemy import delete, insert

from database.tables import (
    Inspection,
    LineState,
    OrderLine,
    PurchaseOrder,
    Quotation,
    RegisteredUnit,
)
from domain.stages import Action, PurchaseStage, Role, Stage
from domain.waiting import Clock
from tests.activities.paper import PaperHouse
from tests.workflows.documents import Declined, Order
from tests.workflows.week import OFFICE

AGENT, CUSTOMER, TECHNICIAN = Role.SERVICE_AGENT, Role.CUSTOMER, Role.TECHNICIAN
FILTER = "CXW-FILTER"
COVERED = "CXW268-001001"


async def quotation(house: PaperHouse, order: Order) -> Quotation:
    """The newest one that was not taken back."""
    rows = await house.all(Quotation, Quotation.order == order.number, Quotation.withdrawn_at.is_(None))
    return rows[-1]


async def quote(order: Order, *lines: dict[str, Any], **said: Any) -> None:
    await order.decide(Action.QUOTE, AGENT, lines=list(lines), **said)


async def bought(house: PaperHouse) -> Order:
    """An order whose part must be bought, with its purchase order placed."""
    await house.stock_up(house.part, 0)
    return await (await house.order()).to(Stage.SOURCING)


async def days(house: PaperHouse, number: float) -> datetime:
    return await house.now() + timedelta(days=number)


# --- lines and costs --------------------------------------------------------------------------------------


@pytest.mark.clause("2.2.1")
async def test_a_line_may_be_refused_while_others_go_on(paper: PaperHouse) -> None:
    order = await paper.order()
    refused = {"part": FILTER, "quantity": 2, "refused_for": "wear"}
    await quote(order, {"part": paper.part}, refused)
    lines = {line.part: line for line in await order.lines()}
    assert lines[FILTER].state is LineState.REFUSED
    assert lines[FILTER].refused_for == "wear"
    assert lines[paper.part].state is LineState.WANTED
    told = await quotation(paper, order)
    assert told.parts == 258
    assert "Grease filter × 2 – it is worn by normal use" in told.shown["en"]
    await order.consent()
    await order.approve()
    assert [line.part for line in await order.lines() if line.state is LineState.RESERVED] == [paper.part]


async def test_a_refused_part_need_not_fit(paper: PaperHouse) -> None:
    order = await paper.order()
    await quote(order, {"part": paper.part}, {"part": "RO-PUMP", "refused_for": "not_faulty"})
    assert len(await order.lines()) == 2


async def test_who_refuses_every_line_refuses_the_order(paper: PaperHouse) -> None:
    order = await paper.order()
    with pytest.raises(ValueError, match="refuse the order instead"):
        await quote(order, {"part": paper.part, "refused_for": "wear"})


async def test_the_warranty_bears_what_it_covers(paper: PaperHouse) -> None:
    order = await paper.order(serial=COVERED)
    await quote(order, {"part": paper.part}, {"part": FILTER, "charge": "customer"})
    told = await quotation(paper, order)
    assert [told.parts, told.covered, told.goodwill] == [316, 258 + 130, 0]
    assert told.to_pay == 58


async def test_goodwill_bears_what_nothing_covers(paper: PaperHouse) -> None:
    order = await paper.order()
    await quote(order, {"part": paper.part, "charge": "goodwill"})
    told = await quotation(paper, order)
    assert [told.covered, told.goodwill, told.to_pay] == [0, 258 + 130, 0]
    assert isinstance(told.to_pay, Decimal)
    assert not told.in_warranty


async def test_no_warranty_where_there_is_none(paper: PaperHouse) -> None:
    order = await paper.order()
    with pytest.raises(Declined, match="not_in_warranty"):
        await quote(order, {"part": paper.part, "charge": "warranty"})


async def test_a_part_fitted_before_carries_its_own_guarantee(paper: PaperHouse) -> None:
    """The unit's own warranty is long over; the part's runs from its installation."""
    serial = "CXW268-OLD"
    async with paper.sessions.begin() as session:
        old = {"serial": serial, "model": paper.model, "sold_on": date(2015, 1, 1)}
        await session.execute(insert(RegisteredUnit).values(old))
    first = await (await paper.order(serial=serial)).to(Stage.REVISIT)
    assert (await quotation(paper, first)).to_pay == 388
    await first.works()
    await paper.later(days=200)
    again = await paper.order(serial=serial)
    await quote(again, {"part": paper.part}, {"part": FILTER})
    told = await quotation(paper, again)
    assert [line.charge for line in await again.lines()] == ["warranty", "customer"]
    assert told.to_pay == 58
    await paper.later(days=200)
    later = await paper.order(serial=serial)
    await quote(later, {"part": paper.part})
    assert (await quotation(paper, later)).to_pay == 388, "twelve months are over"


# --- when, and how sure -----------------------------------------------------------------------------------


@pytest.mark.clause("2.2.2")
async def test_a_part_in_stock_is_fairly_sure(paper: PaperHouse) -> None:
    order = await paper.order()
    await order.quote()
    told = await quotation(paper, order)
    assert told.sureness == "in_stock"
    assert told.basis == [{"part": paper.part, "sure": "in_stock"}]
    assert await paper.now() < told.expected_from < told.expected_to
    assert told.parts_by is not None
    assert "in stock" in told.shown["en"]
    assert "自安装之日起" in told.shown["zh"]


async def test_a_part_to_be_bought_is_an_estimate_until_the_supplier_has_delivered_often_enough(
    paper: PaperHouse,
) -> None:
    await paper.stock_up(paper.part, 0)
    order = await paper.order()
    await order.quote()
    told = await quotation(paper, order)
    assert told.sureness == "estimate"
    [basis] = told.basis
    assert (basis["supplier"], basis["days"], basis["deliveries"]) == ("S05", [3, 5], 0)

    now = await paper.now()
    rows = [
        {
            "number": f"PO-{n}", "created_at": now - timedelta(days=40), "supplier": "S05", "warehouse": "HZ1",
            "stage": PurchaseStage.GOODS_RECEIVED, "deliver_by": now - timedelta(days=30), "log_head": b"",
            "received_at": now - timedelta(days=40 - took), "policy_name": "standard", "policy_version": 1, "state": {},
        }
        for n, took in enumerate((10, 20, 30, 20, 10))
    ]  # fmt: skip
    async with paper.sessions.begin() as session:
        await session.execute(insert(PurchaseOrder).values(rows))
    order = await paper.order()
    await order.quote()
    async with paper.sessions.begin() as session:  # they have no log of their own
        await session.execute(delete(PurchaseOrder).where(PurchaseOrder.log_head == b""))
    [basis] = (await quotation(paper, order)).basis
    assert (basis["days"], basis["deliveries"]) == ([3, 8], 5), "in time at best, 2.6 times as long at worst"


async def test_pieces_on_order_that_nobody_waits_for_come_on_the_suppliers_word(paper: PaperHouse) -> None:
    gone = await bought(paper)
    [purchase] = await gone.purchases()
    promised = await days(paper, 6)
    await purchase.confirm(promised)
    await gone.cancel()
    order = await paper.order()
    await order.quote()
    told = await quotation(paper, order)
    assert told.sureness == "supplier_confirmed"
    assert told.basis[0]["purchase_order"] == purchase.number
    assert told.expected_from > promised


async def test_tibet_is_farther_than_the_next_street(paper: PaperHouse) -> None:
    arrivals = []
    for province in ("浙江省", "西藏自治区"):
        customer = {"name": province, "phone": "000-0000 0009", "province": province, "address": "1"}
        order = await paper.order(customer=customer)
        await order.quote()
        arrivals.append((await quotation(paper, order)).expected_to)
    assert arrivals[1] - arrivals[0] > timedelta(days=5)


# --- consent ----------------------------------------------------------------------------------------------


@pytest.mark.clause("2.2.2")
async def test_consent_is_kept_with_who_when_and_the_text(paper: PaperHouse) -> None:
    order = await (await paper.order()).to(Stage.QUOTED)
    shown = (await quotation(paper, order)).shown
    await order.decide(Action.CONSENT, CUSTOMER, shown=sha256(shown["en"].encode()).hexdigest())
    told = await quotation(paper, order)
    assert told.consented_to == shown["en"], "they read it in English, whatever language was noted"
    assert told.consented_hash == sha256(shown["en"].encode()).digest()
    assert told.consented_at == await paper.now()
    assert told.consented_by == "customer"
    assert (await order.last(Action.CONSENT)).details["agreed_to"] == told.consented_hash.hex()


async def test_on_the_phone_the_agent_notes_who_agreed(paper: PaperHouse) -> None:
    order = await (await paper.order()).to(Stage.QUOTED)
    await order.decide(Action.CONSENT, AGENT, said_by="王芳的先生")
    told = await quotation(paper, order)
    assert (told.consented_by, told.consented_said_by) == ("agent", "王芳的先生")
    assert told.consented_to == told.shown["zh"]


async def test_nobody_consents_to_what_they_have_not_seen(paper: PaperHouse) -> None:
    order = await (await paper.order()).to(Stage.QUOTED)
    with pytest.raises(Declined, match="quotation_changed"):
        await order.decide(Action.CONSENT, CUSTOMER, shown=sha256(b"another text").hexdigest())
    assert await order.stage() is Stage.QUOTED


async def test_a_correction_that_moves_little_keeps_the_consent(paper: PaperHouse) -> None:
    order = await (await paper.order()).to(Stage.RETURNED)
    agreed = await quotation(paper, order)
    await order.correct((paper.part, 1), ("CXW-CAPACITOR", 1))
    told = await quotation(paper, order)
    assert told.to_pay == agreed.to_pay + 18, "less than a tenth more"
    assert await order.stage() is Stage.AUDIT
    assert told.consented_to == agreed.consented_to


async def test_one_that_costs_more_asks_again_and_says_so(paper: PaperHouse) -> None:
    order = await (await paper.order()).to(Stage.RETURNED)
    await order.correct((paper.part, 2))
    told = await quotation(paper, order)
    assert await order.stage() is Stage.QUOTED
    assert (told.because, told.consented_at) == ("cost", None)
    assert "¥388.00" in told.shown["zh"].splitlines()[0]
    await order.consent()
    assert await order.stage() is Stage.AUDIT


# --- asked again because a supplier delivers later --------------------------------------------------------


@pytest.mark.clause("2.2.2")
async def test_a_supplier_who_delivers_later_than_told_makes_the_order_ask_again(paper: PaperHouse) -> None:
    order = await bought(paper)
    agreed = await quotation(paper, order)
    [purchase] = await order.purchases()
    promised = await days(paper, 30)
    await purchase.confirm(promised)
    row = await order.row()
    assert (row.stage, row.wait_clock, row.wait_owner) == (Stage.SOURCING, Clock.CONSENT, CUSTOMER)
    asked = await quotation(paper, order)
    assert (asked.because, asked.consented_at, asked.to_pay) == ("date", None, agreed.to_pay)
    assert asked.expected_from > promised
    assert (await order.told(CUSTOMER))[-1] == "quote"

    await purchase.receive(1)
    assert await order.stage() is Stage.DISPATCH, "they came in time after all: nobody need be asked"
    assert (await quotation(paper, order)).seq == agreed.seq


async def test_nothing_goes_out_before_the_answer(paper: PaperHouse) -> None:
    order = await bought(paper)
    [purchase] = await order.purchases()
    await purchase.confirm(await days(paper, 30))
    await paper.later(days=30)
    await purchase.receive(1)
    assert await order.stage() is Stage.SOURCING
    assert await order.taken() == [f"1 × {paper.part} in HZ1/qualified"]
    await order.consent()
    assert await order.stage() is Stage.DISPATCH


async def test_a_consent_before_the_goods_goes_on_waiting_for_them(paper: PaperHouse) -> None:
    order = await bought(paper)
    [purchase] = await order.purchases()
    await purchase.confirm(await days(paper, 30))
    await order.consent()
    row = await order.row()
    assert (row.stage, row.wait_clock) == (Stage.SOURCING, Clock.PARTS)
    await purchase.receive(1)
    assert await order.stage() is Stage.DISPATCH


async def test_who_declines_the_later_date_gives_everything_back(paper: PaperHouse) -> None:
    await paper.stock_up(paper.part, 0)
    order = await (await paper.order()).to(Stage.SOURCING, (paper.part, 1), (paper.other_part, 1))
    free = await paper.available(paper.other_part)
    [purchase] = await order.purchases()
    await purchase.confirm(await days(paper, 30))
    await order.decide(Action.DECLINE, CUSTOMER, explanation="too late")
    row = await order.row()
    assert (row.stage, row.outcome) == (Stage.DECLINED, "declined")
    assert await order.taken() == []
    assert await paper.available(paper.other_part) == free + 1


async def test_silence_is_reminded_and_ends_by_the_rule(paper: PaperHouse) -> None:
    order = await bought(paper)
    [purchase] = await order.purchases()
    await purchase.confirm(await days(paper, 30))
    await paper.ring(order, Action.REMIND)
    assert (await order.told(CUSTOMER))[-1] == "remind_consent"
    await paper.ring(order, Action.LAPSE)
    row = await order.row()
    assert (row.stage, row.outcome) == (Stage.DECLINED, "lapsed")
    assert await order.taken() == []


async def test_a_little_later_is_nobodys_business(paper: PaperHouse) -> None:
    order = await bought(paper)
    agreed = await quotation(paper, order)
    assert agreed.parts_by is not None
    [purchase] = await order.purchases()
    await purchase.confirm(agreed.parts_by)
    assert (await order.row()).wait_clock == Clock.PARTS
    await purchase.decide(
        Action.PROMISE_LATER,
        Role.SUPPLIER,
        promised_at=(agreed.parts_by + timedelta(hours=1)).isoformat(),
        explanation="short of copper",
    )
    assert (await order.row()).wait_clock == Clock.CONSENT


async def test_a_promise_that_moves_once_more_asks_once_more(paper: PaperHouse) -> None:
    order = await bought(paper)
    [purchase] = await order.purchases()
    await purchase.confirm(await days(paper, 30))
    first = await quotation(paper, order)
    later = (await days(paper, 60)).isoformat()
    await purchase.decide(Action.PROMISE_LATER, Role.SUPPLIER, promised_at=later, explanation="short of copper")
    second = await quotation(paper, order)
    assert second.seq > first.seq
    assert second.expected_to > first.expected_to
    stale = sha256(first.shown["zh"].encode()).hexdigest()
    with pytest.raises(Declined, match="quotation_changed"):
        await order.decide(Action.CONSENT, CUSTOMER, shown=stale)
    back = (await days(paper, 2)).isoformat()
    await purchase.decide(Action.PROMISE_LATER, Role.SUPPLIER, promised_at=back, explanation="found some")
    assert (await order.row()).wait_clock == Clock.PARTS


async def test_only_what_is_asked_is_answered(paper: PaperHouse) -> None:
    order = await bought(paper)
    for action in (Action.CONSENT, Action.DECLINE):
        with pytest.raises(Declined, match="nothing_asked"):
            await order.decide(action, CUSTOMER)


# --- inspection -------------------------------------------------------------------------------------------


async def opening(house: PaperHouse) -> datetime:
    """A Tuesday's ten o'clock to come."""
    local = (await house.now()).astimezone(OFFICE)
    ahead = (1 - local.weekday()) % 7 or 7
    return (local + timedelta(days=ahead)).replace(hour=10, minute=0, second=0, microsecond=0)


@pytest.mark.clause("2.2.1")
async def test_the_product_is_brought_in_and_judged_anew_with_the_finding(paper: PaperHouse) -> None:
    order, comes_at = await paper.order(), await opening(paper)
    said = {"outlet": paper.outlet, "advice": "bring it in", "comes_at": comes_at.isoformat(), "waybill": "SF12345678"}
    await order.decide(Action.SEND_FOR_INSPECTION, AGENT, **said)
    assert await order.due() > comes_at, "the outlet's time begins when the product is there"
    [kept] = await paper.all(Inspection)
    assert (kept.outlet, kept.comes_at, kept.waybill) == (paper.outlet, comes_at, "SF12345678")
    moved = comes_at + timedelta(days=1)
    await order.decide(Action.SEND_FOR_INSPECTION, AGENT, **said | {"comes_at": moved.isoformat()})
    assert await order.stage() is Stage.INSPECTION
    await order.decide(Action.FAULT_FOUND, TECHNICIAN, finding="the motor")
    assert await order.stage() is Stage.TRIAGE
    assert (await paper.all(Inspection))[-1].fault_found is True
    await order.quote()
    assert await order.stage() is Stage.QUOTED


@pytest.mark.parametrize(("serial", "fee"), [(COVERED, 0), (None, 60)])
@pytest.mark.clause("2.2.1")
async def test_no_fault_found_costs_what_the_policy_says(paper: PaperHouse, serial: str | None, fee: int) -> None:
    order = await paper.order(serial=serial)
    await order.inspect()
    await order.decide(Action.NO_FAULT_FOUND, TECHNICIAN, finding="the fuse at home")
    [kept] = await paper.all(Inspection)
    assert kept.fault_found is False
    assert kept.to_pay == fee
    assert (await order.last(Action.NO_FAULT_FOUND)).details["to_pay"] == f"{fee}.00"


async def test_no_appointment_at_a_closed_door(paper: PaperHouse) -> None:
    order = await paper.order()
    night = (await opening(paper)).replace(hour=21)
    with pytest.raises(Declined, match="outlet_closed"):
        await order.decide(
            Action.SEND_FOR_INSPECTION, AGENT, outlet=paper.outlet, advice="come", comes_at=night.isoformat()
        )
    past = await days(paper, -1)
    with pytest.raises(Declined, match="invalid_time"):
        await order.decide(
            Action.SEND_FOR_INSPECTION, AGENT, outlet=paper.outlet, advice="come", comes_at=past.isoformat()
        )
    assert await paper.all(OrderLine, OrderLine.order == order.number) == []
