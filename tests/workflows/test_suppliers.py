"""What a supplier may answer, what its silence leads to, and who hears of a delay (policy 3.2.2, 3.2.3)."""

from datetime import timedelta

import pytest
from sqlalchemy import update

from database.tables import PurchaseOrder, SupplierLink
from domain.offer import digest
from domain.stages import Action, PurchaseStage, Role, Stage
from tests.workflows.documents import Declined
from tests.workflows.house import House
from tests.workflows.test_purchasing import short_of

BUYER, AGENT, SUPPLIER, SUPERVISOR, CUSTOMER = (
    Role.BUYER, Role.SERVICE_AGENT, Role.SUPPLIER, Role.SUPERVISOR, Role.CUSTOMER,
)  # fmt: skip


@pytest.mark.clause("3.2.2")
async def test_the_order_states_everything_and_is_signed_as_it_was_shown(house: House) -> None:
    _, purchase = await short_of(house, 2)
    row = await purchase.row()
    for language, said in (("zh", "风机电机 200 瓦"), ("en", "Fan motor 200 W")):
        text = row.shown[language]
        for stated in (said, house.part, "220 V 50 Hz 200 W", "2 ", row.number):
            assert stated in text
        assert text.count("\n") == 6
    with pytest.raises(Declined, match="purchase_order_changed"):
        await purchase.confirm(role=SUPPLIER, shown="0" * 64)
    with pytest.raises(Declined, match="later_than_asked"):
        await purchase.confirm(row.deliver_by + timedelta(hours=1), role=SUPPLIER)

    seen = digest(row.shown["en"])
    await purchase.confirm(row.deliver_by, role=SUPPLIER, shown=seen.hex())
    signed = await purchase.row()
    assert (signed.signed_by, signed.signed_text, signed.signed_hash) == ("the supplier", row.shown["en"], seen)
    confirmed = await purchase.last(Action.CONFIRM)
    assert (confirmed.details["signed"], confirmed.at) == (seen.hex(), signed.signed_at)


async def test_another_date_is_proposed_and_agreed_to(house: House) -> None:
    order, purchase = await short_of(house)
    proposed = (await purchase.row()).deliver_by + timedelta(days=1)
    with pytest.raises(Declined, match="nothing_asked"):
        await purchase.decide(Action.ACCEPT_DATE, BUYER)
    assert (await purchase.propose(proposed)).stage == PurchaseStage.PLACED
    row = await purchase.row()
    assert (row.wait_clock, row.wait_owner, row.promised_at) == ("proposal", BUYER, None)
    assert await purchase.told(BUYER) == ["propose_date"]
    await purchase.decide(Action.ACCEPT_DATE, BUYER)
    row = await purchase.row()
    assert (row.stage, row.promised_at, row.wait_clock) == (PurchaseStage.CONFIRMED, proposed, "arrival")
    assert (await purchase.told(SUPPLIER))[-1] == "accept_date"
    assert await purchase.told(AGENT) == ["supplier_late"]
    await purchase.receive(1)
    await order.until(Stage.DISPATCH)


async def test_a_proposal_that_nobody_answers_is_escalated(house: House) -> None:
    week = await house.week()
    _, purchase = await short_of(house)
    await purchase.propose(week("+Wed 12:00"))
    await house.sleep_until(week("Wed 12:00"))
    assert "remind_proposal" in await purchase.told(BUYER)
    assert "escalate_proposal" in await purchase.told(SUPERVISOR)
    assert await purchase.stage() is PurchaseStage.PLACED


@pytest.mark.clause("3.2.2")
async def test_a_silent_supplier_gives_way_to_the_next_of_the_ranking_at_the_placement(house: House) -> None:
    """Since then the third has become the best by far, and the second has left."""
    week = await house.week()
    order, purchase = await short_of(house)
    assert (await purchase.row()).ranking == {house.part: ["S05", "S01", "S06"]}
    async with house.sessions.begin() as session:
        await session.execute(
            update(PurchaseOrder)
            .where(PurchaseOrder.number == purchase.number)
            .values(ranking={house.part: ["S05", "S06", "S01"]})
        )
    await house.sleep_until(week("Thu 12:00"))
    await purchase.until(PurchaseStage.PASSED_ON)
    alarms = [rang.split()[0] for rang in await purchase.rang(week)]
    assert (alarms[0], alarms[-1]) == ("remind", "pass_on")
    assert "escalate" in alarms
    assert "remind_confirmation" in await purchase.told(SUPPLIER)
    assert "escalate_confirmation" in await purchase.told(SUPERVISOR)
    [second] = await house.open_purchases()
    row = await second.row()
    assert (row.supplier, row.replaces, row.ranking) == ("S06", purchase.number, {house.part: ["S05", "S06", "S01"]})

    await second.decide(Action.REFUSE_ORDER, SUPPLIER, explanation="no steel")
    assert await second.handle.result() == PurchaseStage.PASSED_ON
    [third] = await house.open_purchases()
    assert (await third.row()).supplier == "S01"
    assert (await third.decide(Action.REFUSE_ORDER, SUPPLIER, explanation="no steel")).stage == PurchaseStage.PLACED
    assert (await third.told(BUYER))[-2:] == ["no_other_supplier", "refuse_order"]
    await third.receive(1)
    await order.until(Stage.DISPATCH)


@pytest.mark.clause("3.2.3")
async def test_a_supplier_is_asked_before_its_date_and_silence_is_escalated(house: House) -> None:
    week = await house.week()
    _, purchase = await short_of(house)
    await purchase.confirm(week("Fri 12:00"))
    await house.sleep_until(week("Wed 18:00"))
    assert (await purchase.actions())[-1] == "check_in"
    assert (await purchase.told(SUPPLIER))[-1] == "check_in"
    await purchase.decide(Action.REPORT_ON_TRACK, SUPPLIER)
    await house.sleep_until(week("Fri 09:30"))
    assert "unanswered" not in await purchase.actions()

    await purchase.later(week("+Fri 12:00"))
    await house.sleep_until(week("+Thu 18:00"))
    actions = await purchase.actions()
    assert actions.count("check_in") == 2
    assert actions.count("unanswered") == 1
    assert "unanswered" in await purchase.told(SUPERVISOR)


@pytest.mark.clause("3.2.3")
async def test_a_delay_moves_the_dates_of_who_waits_and_past_a_threshold_the_customer_hears_of_it(house: House) -> None:
    week = await house.week()
    order, purchase = await short_of(house)
    promised = week("Wed 12:00")
    assert (await order.row()).parts_expected_at == (await purchase.row()).deliver_by
    await purchase.confirm(promised)
    with pytest.raises(Declined, match="said_by_missing"):
        await purchase.later(week("Thu 12:00"), said_by="")

    await purchase.later(week("Fri 12:00"))
    await order.logged(Action.RESTOCK)
    assert (await order.row()).parts_expected_at == week("Fri 12:00")
    assert "promise_later" in await purchase.told(AGENT)
    assert "parts_later" not in await order.told(CUSTOMER)

    later = week("+Thu 12:00")
    await purchase.later(later)
    await order.logged(Action.RESTOCK, 2)
    assert (await order.row()).parts_expected_at == later
    assert (await order.told(CUSTOMER))[-1] == "parts_later"

    await purchase.later(week("++++Fri 12:00"))
    await order.logged(Action.RESTOCK, 3)
    assert (await order.told(CUSTOMER))[-1] == "quote", "so late that consent is asked again says it all"


@pytest.mark.clause("3.2.3")
async def test_a_delay_that_grows_little_by_little_is_told_once_it_has_grown_enough(house: House) -> None:
    await house.week()
    order, purchase = await short_of(house)
    asked_for = (await purchase.row()).deliver_by
    await purchase.confirm(asked_for)
    told = []
    for times, days in enumerate((2, 4, 6, 7), start=1):
        await purchase.later(asked_for + timedelta(days=days))
        await order.logged(Action.RESTOCK, times)
        told.append((await order.told(CUSTOMER)).count("parts_later"))
    assert told[0] == 0
    assert told[-1] == 1, told


async def test_a_link_that_was_renewed_opens_nothing(house: House) -> None:
    _, purchase = await short_of(house)
    [first] = await house.all(SupplierLink, SupplierLink.document == purchase.number)
    assert len(first.token) == 32
    await purchase.decide(Action.RENEW_LINK, BUYER, explanation="the contact left")
    links = {link.token: link for link in await house.all(SupplierLink, SupplierLink.document == purchase.number)}
    assert len(links) == 2
    assert links.pop(first.token).revoked_at is not None
    assert [link.revoked_at for link in links.values()] == [None]
    assert (await purchase.told(SUPPLIER))[-1] == "renew_link"
