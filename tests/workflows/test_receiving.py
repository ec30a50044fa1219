"""Goods that come in: counted, inspected, paid; refused ones go back (policy 3.2.3, 4.1.1)."""

from decimal import Decimal

import pytest
from sqlalchemy import update
from sqlalchemy.exc import IntegrityError

from database.tables import InvoiceState, LotReading, PurchaseLine, ReceivedLot, SupplierReturn
from domain.receiving import LotVerdict
from domain.stages import Action, PurchaseStage, Role, Stage
from tests.workflows.documents import Declined, Purchase
from tests.workflows.house import House
from tests.workflows.test_purchasing import short_of

KEEPER, BUYER, AGENT, SUPPLIER = Role.WAREHOUSE_KEEPER, Role.BUYER, Role.SERVICE_AGENT, Role.SUPPLIER
AWAITING, SOUND, UNSOUND = "HZ1/awaiting-inspection", "HZ1/qualified", "HZ1/nonconforming"


def on_hand(books: dict[tuple[str, str], tuple[int, int]], part: str) -> dict[str, int]:
    """Where the part's pieces lie in the house."""
    return {place: pieces for (place, each), (pieces, _) in books.items() if each == part and place.startswith("HZ1")}


@pytest.mark.clause("4.1.1")
async def test_nothing_passes_that_was_not_inspected(house: House) -> None:
    order, purchase = await short_of(house, 2)
    await purchase.confirm()
    assert (await purchase.count(2, noted=2)).stage == PurchaseStage.CONFIRMED
    assert on_hand(await house.books(), house.part) == {AWAITING: 2}
    row = await purchase.row()
    assert (row.wait_clock, row.wait_owner) == ("incoming_inspection", KEEPER)
    assert await order.stage() is Stage.SOURCING
    assert await house.available() == 0

    [lot] = await purchase.lots()
    async with house.sessions() as session:
        with pytest.raises(IntegrityError, match="untouched"):
            await session.execute(update(ReceivedLot).where(ReceivedLot.id == lot.id).values(accepted=2))

    await purchase.inspect()
    await order.until(Stage.DISPATCH)
    assert (await house.books())[SOUND, house.part] == (2, 2)
    assert await purchase.settle() is PurchaseStage.GOODS_RECEIVED


@pytest.mark.clause("3.2.3")
async def test_delivered_in_two_parts_of_which_one_lot_is_refused(house: House) -> None:
    order, purchase = await short_of(house, 7)
    await purchase.confirm()
    await purchase.count(3, note="DN-1")
    await purchase.inspect(checked=2)
    assert on_hand(await house.books(), house.part) == {SOUND: 3}
    assert (await purchase.row()).wait_clock == "arrival"

    await purchase.count(4, note="DN-2", noted=5, batch="B-7")
    assert await purchase.told(BUYER) == ["confirm", "count_differs"]
    readings = (await purchase.found_sound(checked=2))["readings"]
    readings[-1]["value"] = "31.5"  # ohms; 36 to 44 are allowed
    readings[-1]["characteristic"] = "winding"
    readings[-2] |= {"characteristic": "no-load", "value": "0.9"}
    await purchase.inspect(checked=2, readings=readings)
    first, second = await purchase.lots()
    assert (first.verdict, first.accepted, second.verdict) == (LotVerdict.ACCEPTED, 3, LotVerdict.REFUSED)
    assert (second.checked, second.faulty, second.accepted, second.refused, second.batch) == (2, 1, 0, 4, "B-7")
    kept = await house.all(LotReading, LotReading.lot == second.id, LotReading.characteristic == "winding")
    assert [(row.value, row.low, row.high) for row in kept][-1] == (Decimal("31.5"), Decimal(36), Decimal(44))
    assert on_hand(await house.books(), house.part) == {SOUND: 3, UNSOUND: 4}
    for audience in (SUPPLIER, BUYER, AGENT):
        assert "goods_refused" in await purchase.told(audience)
    assert await order.stage() is Stage.SOURCING

    [back] = await house.all(SupplierReturn, SupplierReturn.purchase_order == purchase.number)
    [claim] = await purchase.claims()
    [line] = await purchase.lines()
    assert (back.quantity, claim.value) == (4, 4 * line.unit_price)
    await purchase.hand_back()
    assert on_hand(await house.books(), house.part) == {SOUND: 3}
    with pytest.raises(Declined, match="return_handed_back"):
        await purchase.decide(Action.HAND_BACK, KEEPER, back=back.number, taken_by="driver")

    await purchase.count(4, note="DN-3")
    assert (await purchase.inspect(checked=2)).stage == PurchaseStage.TO_SETTLE
    await order.until(Stage.DISPATCH)
    assert (await purchase.row()).received_at is not None
    await purchase.bill()
    assert await purchase.stage() is PurchaseStage.TO_SETTLE
    await purchase.settle_claim("120.00")
    assert await purchase.handle.result() == PurchaseStage.GOODS_RECEIVED


@pytest.mark.clause("3.2.2")
async def test_one_serves_three_orders_of_which_one_is_cancelled(house: House) -> None:
    gone, purchase = await short_of(house, 3)
    await purchase.confirm()
    await gone.cancel()
    await purchase.logged(Action.WITHDRAW)
    first, cancelled, third = [(await short_of(house))[0] for _ in range(3)]
    assert [each.number for each in await house.purchases()] == [purchase.number]
    await cancelled.cancel()
    assert (await purchase.logged(Action.WITHDRAW, 2)).details["still_waiting"] == [first.number, third.number]

    fourth, same = await short_of(house)
    assert same.number == purchase.number, "the cancelled order's piece is the next one's"
    await purchase.receive(3)
    for order in (first, third, fourth):
        await order.until(Stage.DISPATCH)
    assert await cancelled.taken() == []
    assert await house.available() == 0
    assert await purchase.settle() is PurchaseStage.GOODS_RECEIVED


async def test_a_lot_looked_at_piece_by_piece_is_sorted(house: House) -> None:
    order, purchase = await short_of(house, 2)
    await purchase.receive(2, refused=0)
    await order.until(Stage.DISPATCH)
    other, second = await short_of(house, 3)
    await second.count(3)
    await second.inspect(faulty=1)
    [lot] = await second.lots()
    assert (lot.verdict, lot.accepted, lot.refused) == (LotVerdict.REFUSED, 2, 1)
    assert await other.stage() is Stage.SOURCING


async def test_what_an_inspection_may_not_leave_out(house: House) -> None:
    _, purchase = await short_of(house, 4)
    await purchase.count(3, note="DN-1")
    with pytest.raises(Declined, match="delivery_note_known"):
        await purchase.count(1, note="DN-1")
    with pytest.raises(Declined, match="too_many"):
        await purchase.count(2)
    with pytest.raises(Declined, match="sample_incomplete"):
        await purchase.inspect(checked=1)
    with pytest.raises(Declined, match="sample_incomplete"):
        await purchase.inspect(checked=4)
    with pytest.raises(Declined, match="readings_incomplete"):
        await purchase.inspect(checked=2, readings=[])
    with pytest.raises(Declined, match="unknown_lot"):
        await purchase.inspect(lot=10**6)
    assert [lot.verdict for lot in await purchase.lots()] == [None]
    await purchase.inspect(checked=2)
    with pytest.raises(Declined, match="lot_inspected"):
        await purchase.inspect(checked=2)


async def test_goods_that_nobody_inspects_are_asked_after(house: House) -> None:
    week = await house.week()
    _, purchase = await short_of(house, 2)
    await purchase.count(1)
    await house.sleep_until(week("Wed 12:00"))
    assert [rang for rang in await purchase.rang(week) if rang.startswith("remind")] == ["remind Tue 09:35"]
    assert "remind_incoming_inspection" in await purchase.told(KEEPER)
    assert "escalate_incoming_inspection" in await purchase.told(Role.SUPERVISOR)


async def in_the_house(house: House) -> tuple[Purchase, Decimal]:
    """Five pieces that were accepted, and what one costs."""
    _, purchase = await short_of(house, 5)
    await purchase.receive(5)
    [line] = await purchase.lines()
    return purchase, line.unit_price


async def test_an_invoice_within_tolerance_is_matched(house: House) -> None:
    purchase, price = await in_the_house(house)
    await purchase.bill((house.part, 5, str(price + Decimal("1.00"))), invoice="F-1")
    [invoice] = await purchase.invoices()
    assert (invoice.state, invoice.payable) == (InvoiceState.MATCHED, 5 * price + 5)
    assert await purchase.handle.result() == PurchaseStage.GOODS_RECEIVED


@pytest.mark.clause("3.2.3")
async def test_an_invoice_for_more_than_was_accepted_is_decided_and_never_paid(house: House) -> None:
    purchase, price = await in_the_house(house)
    await purchase.bill((house.part, 6, str(price)), invoice="F-1")
    [invoice] = await purchase.invoices()
    assert (invoice.state, invoice.payable) == (InvoiceState.DIFFERS, None)
    assert (await purchase.last(Action.ENTER_INVOICE)).details["differs"] == {house.part: ["quantity"]}
    assert (await purchase.told(BUYER))[-1] == "invoice_differs"
    assert (await purchase.row()).wait_clock == "account"

    await purchase.decide_invoice("F-1", "pay_as_invoiced")
    [invoice] = await purchase.invoices()
    assert (invoice.state, invoice.payable, invoice.decided_by) == (InvoiceState.DECIDED, 5 * price, "buyer")
    assert await purchase.handle.result() == PurchaseStage.GOODS_RECEIVED
    async with house.sessions() as session:
        with pytest.raises(IntegrityError, match="paid"):
            await session.execute(
                update(PurchaseLine).where(PurchaseLine.purchase_order == purchase.number).values(paid=6)
            )


async def test_an_invoice_that_is_too_dear_is_paid_as_ordered_or_sent_back(house: House) -> None:
    purchase, price = await in_the_house(house)
    dear = str(price * 2)
    await purchase.bill((house.part, 2, dear), invoice="F-1")
    await purchase.decide_invoice("F-1", "send_back")
    await purchase.bill((house.part, 2, dear), invoice="F-2")
    await purchase.decide_invoice("F-2", "pay_as_ordered")
    assert "decide_invoice" in await purchase.told(SUPPLIER)
    with pytest.raises(Declined, match="invoice_known"):
        await purchase.bill((house.part, 3, str(price)), invoice="F-2")
    with pytest.raises(Declined, match="invoice_decided"):
        await purchase.decide_invoice("F-2", "pay_as_invoiced")
    with pytest.raises(Declined, match="part_not_ordered"):
        await purchase.bill(("CXW-LAMP", 1, "1.00"))
    await purchase.bill(invoice="F-3")
    assert [(each.state, each.payable) for each in await purchase.invoices()][:2] == [
        (InvoiceState.SENT_BACK, Decimal("0.00")),
        (InvoiceState.DECIDED, 2 * price),
    ]
    assert sum(each.payable or 0 for each in await purchase.invoices()) == 5 * price
    assert await purchase.handle.result() == PurchaseStage.GOODS_RECEIVED


async def test_what_was_accepted_is_paid_although_the_next_supplier_takes_over(house: House) -> None:
    order, purchase = await short_of(house, 2)
    await purchase.receive(1)
    await purchase.pass_on()
    assert await purchase.stage() is PurchaseStage.TO_SETTLE
    [second] = await house.open_purchases()
    await second.receive(1)
    await order.until(Stage.DISPATCH)
    assert await purchase.settle() is PurchaseStage.PASSED_ON
