"""Audit: signed, returned with reasons, rejected (policy 2.3)."""

import json
from datetime import date
from hashlib import sha256

import pytest

from database.tables import Absence, AuditQuestion, ReplacementOrder, Reservation, Signature, WorkingDayOverride
from domain.stages import Action, Role, Stage
from tests.workflows.documents import CHECKS, Declined
from tests.workflows.house import House
from tests.workflows.week import Week

AUDITOR, AGENT, CUSTOMER, SUPERVISOR = Role.AUDITOR, Role.SERVICE_AGENT, Role.CUSTOMER, Role.SUPERVISOR


async def test_the_auditor_signs_exactly_what_was_shown(house: House) -> None:
    order = await (await house.order(serial="CXW268-001001")).to(Stage.AUDIT, (house.part, 2))
    await order.approve()
    [signature] = await house.all(Signature)
    assert signature.by == "auditor"
    assert signature.signed["lines"] == [[house.part, 2]]
    assert signature.signed["serial"] == "CXW268-001001"
    assert {check: seen["verdict"] for check, seen in signature.signed["checks"].items()} == {
        "customer_data": "open",
        "fault_and_part": "open",
        "warranty": "passed",
        "company_policy": "passed",
    }
    assert signature.digest == sha256(json.dumps(signature.signed, sort_keys=True).encode()).digest()
    assert (await order.last(Action.APPROVE)).details["signature"] == signature.digest.hex()


@pytest.mark.parametrize("check", CHECKS)
async def test_no_signature_while_a_check_is_open(house: House, check: str) -> None:
    order = await house.order()
    with pytest.raises(ValueError, match=check):
        await order.decide(Action.APPROVE, AUDITOR, **CHECKS | {check: False})


async def test_returned_and_corrected_it_keeps_its_number(house: House) -> None:
    order = await (await house.order()).to(Stage.AUDIT)
    await order.send_back()
    assert await order.stage() is Stage.RETURNED
    assert (await order.row()).wait_caretaker is AGENT
    assert (await order.last(Action.RETURN_FOR_CORRECTION)).details == {"reasons": ["fault_and_part"], "attempt": 1}
    assert "return_for_correction" in await order.told(AGENT)
    assert "return_for_correction" in await order.told(CUSTOMER)

    await order.correct((house.other_part, 2), serial="CXW268-001001")
    assert await order.stage() is Stage.AUDIT
    changed = (await order.last(Action.CORRECT)).details
    assert changed["lines"] == [[[house.part, 1]], [[house.other_part, 2]]]
    assert changed["serial"] == [None, "CXW268-001001"]

    await order.send_back("warranty")
    assert (await order.row()).audit_attempts == 2
    await order.correct((house.other_part, 2))
    await order.approve()
    assert await order.stage() is Stage.DISPATCH
    assert len({event.document for event in await order.events()}) == 1


async def test_what_is_signed_after_a_correction_is_what_was_corrected(house: House) -> None:
    """Lines and cost belong together: the quotation is made anew."""
    order = await (await house.order()).to(Stage.RETURNED)
    await order.correct((house.other_part, 1))
    await order.approve()
    [signature] = await house.all(Signature)
    assert signature.signed["lines"] == [[house.other_part, 1]]
    assert signature.signed["to_pay"] == "148.00"


async def test_a_correction_that_costs_the_customer_more_needs_consent_again(house: House) -> None:
    order = await (await house.order()).to(Stage.RETURNED)
    await order.correct((house.part, 3))
    assert await order.stage() is Stage.QUOTED
    await order.consent()
    await order.approve()
    [signature] = await house.all(Signature)
    assert signature.signed["to_pay"] == f"{3 * 258 + 130}.00"


async def test_rejected_with_a_reason_that_the_customer_hears(house: House) -> None:
    week = await house.week()
    order = await (await house.order()).to(Stage.AUDIT)
    await order.decide(Action.REJECT, AUDITOR, reasons=["company_policy", "warranty"], explanation="not covered")
    assert (await order.row()).outcome == "rejected"
    assert (await order.last(Action.REJECT)).details == {
        "reasons": ["company_policy", "warranty"],
        "objection_until": week("+Mon 18:00").isoformat(),
    }
    assert "reject" in await order.told(CUSTOMER)
    assert "reject" in await order.told(AGENT)


async def test_nobody_audits_a_case_they_entered(house: House) -> None:
    order = await (await house.order(by="auditor")).to(Stage.AUDIT)
    with pytest.raises(Declined, match="own_case"):
        await order.approve(by="auditor")
    await order.approve(by="auditor2")
    assert await order.stage() is Stage.DISPATCH


async def test_nor_returns_or_rejects_it(house: House) -> None:
    order = await (await house.order(by="auditor")).to(Stage.AUDIT)
    for action in (Action.RETURN_FOR_CORRECTION, Action.REJECT):
        with pytest.raises(Declined, match="own_case"):
            await order.decide(action, AUDITOR, by="auditor", reasons=["duplicate"], explanation="twice")
    assert await order.stage() is Stage.AUDIT


# --- the machine's checks ---------------------------------------------------------------------------------


async def test_a_failed_check_is_signed_with_a_reason_only(house: House) -> None:
    """The unit under this serial number is another model: the machine says no, the auditor may know better."""
    order = await (await house.order(serial="CXW268-001001")).to(Stage.AUDIT)
    await house.change(ReplacementOrder, order.number, model="HG-CXW300T")
    with pytest.raises(Declined, match="override_reason_missing"):
        await order.approve()
    await order.decide(Action.APPROVE, AUDITOR, **CHECKS, customer_data_reason="the plate was swapped in a repair")
    [signature] = await house.all(Signature)
    check = signature.signed["checks"]["customer_data"]
    assert (check["verdict"], check["reason"]) == ("failed", "the plate was swapped in a repair")
    assert {"evidence": "model_differs", "verdict": "failed", "model": "HG-CXW300T", "registered": "HG-CXW268"} in (
        check["evidence"]
    )
    assert (await order.last(Action.APPROVE)).details["overridden"] == ["customer_data"]


# --- two signatures ---------------------------------------------------------------------------------------


@pytest.mark.clause("2.3.2")
async def test_what_costs_much_is_signed_by_two_and_the_second_clock_is_its_own(house: House) -> None:
    week = await house.week()
    await house.stock_up(house.part, 20)
    order = await (await house.order()).to(Stage.AUDIT, (house.part, 8))
    await house.sleep_until(week("Tue 10:10"))
    await order.approve()
    assert await order.stage() is Stage.AUDIT
    row = await order.row()
    assert (row.wait_clock, row.wait_owner) == ("second_signature", AUDITOR)
    assert row.wait_since is not None
    assert week.name(row.wait_since) == "Tue 10:10"
    assert "approve" not in await order.told(CUSTOMER)
    with pytest.raises(Declined, match="signed_before"):
        await order.approve()
    assert (await house.all(Reservation)) == [], "nothing leaves before the second signature"

    await order.approve(by="auditor2")
    assert await order.stage() is Stage.DISPATCH
    assert [signature.by for signature in await house.all(Signature)] == ["auditor", "auditor2"]
    assert (await order.told(CUSTOMER)).count("approve") == 1


async def test_what_costs_very_much_is_signed_by_the_supervisor_too(house: House) -> None:
    await house.stock_up(house.part, 30)
    order = await (await house.order()).to(Stage.AUDIT, (house.part, 20))
    with pytest.raises(Declined, match="role_forbidden"):
        await order.decide(Action.APPROVE, SUPERVISOR, **CHECKS)
    reason = {"company_policy_reason": "a hotel's whole kitchen"}
    await order.decide(Action.APPROVE, AUDITOR, **CHECKS, **reason)
    assert (await order.row()).wait_caretaker is SUPERVISOR
    with pytest.raises(Declined, match="role_forbidden"):
        await order.decide(Action.APPROVE, AUDITOR, by="auditor2", **CHECKS, **reason)
    await order.decide(Action.APPROVE, SUPERVISOR, **CHECKS, **reason)
    assert await order.stage() is Stage.DISPATCH


async def test_a_first_signature_does_not_outlive_a_return(house: House) -> None:
    await house.stock_up(house.part, 20)
    order = await (await house.order()).to(Stage.AUDIT, (house.part, 8))
    await order.approve()
    await order.decide(
        Action.RETURN_FOR_CORRECTION, AUDITOR, by="auditor2", reasons=["customer_data"], explanation="whose is it?"
    )
    await order.correct((house.part, 8))
    await order.approve()
    assert await order.stage() is Stage.AUDIT, "the corrected case is signed anew by both"
    await order.approve(by="auditor2")
    assert await order.stage() is Stage.DISPATCH


# --- what was signed is what leaves -----------------------------------------------------------------------


@pytest.mark.clause("2.3.2")
async def test_a_rework_with_dearer_parts_is_signed_anew_and_says_why(house: House) -> None:
    order = await (await house.order()).to(Stage.REWORK)
    await order.send_part((house.part, 3))
    assert await order.stage() is Stage.AUDIT
    assert (await order.last(Action.SEND_PART)).details["unsigned"] == ["lines"]
    assert (await order.row()).state["audit"]["changed"] == ["lines"]
    await order.approve()
    assert await order.stage() is Stage.DISPATCH
    newest = (await house.all(Signature))[-1].signed
    assert (newest["round"], newest["lines"], newest["cost"]) == (1, [[house.part, 3]], "774.00")


@pytest.mark.parametrize("part", ["CXW-MOTOR-200", "CXW-CAPACITOR"], ids=["the same", "a cheap one"])
async def test_a_rework_with_what_was_signed_or_little_more_goes_straight_on(house: House, part: str) -> None:
    order = await (await house.order()).to(Stage.REWORK)
    await order.send_part((part, 1))
    assert await order.stage() is Stage.DISPATCH


async def test_what_changed_since_the_signature_is_not_packed(house: House) -> None:
    order = await (await house.order(serial="CXW268-001001")).to(Stage.DISPATCH)
    await house.change(ReplacementOrder, order.number, serial="CXW268-001002")
    with pytest.raises(Declined, match="not_signed"):
        await order.pack()
    await house.change(ReplacementOrder, order.number, serial="CXW268-001001")
    await order.pack()


async def test_what_changed_since_the_signature_is_not_bought(house: House) -> None:
    """Parts come in for an order whose facts are not those that were signed: it goes to the audit, with the reason."""
    await house.stock_up(house.part, 0)
    order = await (await house.order(serial="CXW268-001001")).to(Stage.SOURCING)
    [purchase] = await order.purchases()
    await purchase.confirm()
    await house.change(ReplacementOrder, order.number, serial="CXW268-001002")
    await purchase.receive(1)
    await order.until(Stage.AUDIT)
    assert (await order.last(Action.RESTOCK)).details["unsigned"] == ["serial"]
    await order.decide(Action.APPROVE, AUDITOR, **CHECKS, warranty_reason="sold as a set, one date for both")
    assert await order.stage() is Stage.DISPATCH


# --- whose it is ------------------------------------------------------------------------------------------


async def test_an_audit_is_taken_handed_on_and_given_back(house: House) -> None:
    order = await (await house.order()).to(Stage.AUDIT)
    await order.take_audit()
    with pytest.raises(Declined, match="audit_taken"):
        await order.approve(by="auditor2")
    with pytest.raises(Declined, match="audit_taken"):
        await order.hand_on("auditor2", by="auditor2")
    await order.hand_on("auditor2")
    row = await order.row()
    assert (row.auditor, row.handed_by) == ("auditor2", "auditor")
    with pytest.raises(Declined, match="audit_taken"):
        await order.approve()
    await order.decide(Action.RELEASE_AUDIT, SUPERVISOR)
    assert (await order.row()).auditor is None
    await order.approve()
    assert (await order.row()).auditor is None
    assert (await order.actions()).count("take_audit") == 1


async def test_it_is_handed_only_to_who_may_do_it(house: House) -> None:
    order = await (await house.order(by="auditor2")).to(Stage.AUDIT)
    for to, code in (("auditor2", "own_case"), ("keeper", "unknown_auditor"), ("nobody", "unknown_auditor")):
        with pytest.raises(Declined, match=code):
            await order.hand_on(to)


async def test_a_deputy_signs_during_an_absence_and_neither_before_nor_after(house: House) -> None:
    week = await house.week()
    order = await (await house.order()).to(Stage.AUDIT)
    await order.take_audit()
    async with house.sessions.begin() as session:
        session.add(
            Absence(
                user="auditor",
                deputy="auditor2",
                since=week("Tue 09:00"),
                until=week("Wed 18:00"),
                entered_by="auditor",
            )
        )
    for moment in ("Mon 16:00", "Thu 10:10"):
        await house.sleep_until(week(moment))
        with pytest.raises(Declined, match="audit_taken"):
            await order.approve(by="auditor2")
    late = await (await house.order()).to(Stage.AUDIT)
    await late.take_audit()
    await house.change(Absence, 1, until=week("Fri 18:00"))
    await late.approve(by="auditor2")
    assert await late.stage() is Stage.DISPATCH


# --- it rests while the customer is asked -----------------------------------------------------------------


async def test_the_clock_rests_while_the_customer_is_asked(house: House) -> None:
    week = await house.week()
    order = await (await house.order()).to(Stage.AUDIT)
    assert await order.due() == week("Wed 18:00")
    await house.sleep_until(week("Tue 10:09:30"))
    await order.ask_customer()
    assert (await order.row()).wait_caretaker is AGENT
    assert "ask_customer" in await order.told(CUSTOMER)
    await house.sleep_until(week("Thu 16:10"))
    await order.answer_question()
    assert week.name(await order.due()) == "+Mon 15:00", "as many working hours are left as there were"
    await house.sleep_until(week("+Mon 16:10"))
    assert await order.rang(week) == [
        "remind Thu 09:34",
        "remind Fri 10:20",
        "remind +Mon 09:14",
        "escalate +Mon 15:00",
    ]
    [question] = await house.all(AuditQuestion)
    assert question.ended_at is not None
    assert [week.name(question.asked_at), week.name(question.ended_at)] == ["Tue 10:09", "Thu 16:10"]
    assert (question.question, question.reply) == ("which serial number?", "CXW268-001001")


async def test_a_silent_customer_holds_the_audit_up_for_so_long_only(house: House) -> None:
    week = await house.week()
    order = await (await house.order()).to(Stage.AUDIT)
    await order.ask_customer(AGENT)
    await house.sleep_until(week("+Mon 12:00"))
    assert await order.stage() is Stage.AUDIT
    assert await order.rang(week) == ["remind Wed 09:35", "resume Fri 09:00"]
    [question] = await house.all(AuditQuestion)
    assert (question.reply, question.ended_as) == (None, Role.SYSTEM)
    assert (await order.row()).wait_clock == "signature"


async def test_cancelled_while_asked_the_pause_has_an_end(house: House) -> None:
    order = await (await house.order()).to(Stage.ASKED)
    await order.cancel()
    [question] = await house.all(AuditQuestion)
    assert question.ended_at is not None


# --- objections -------------------------------------------------------------------------------------------


@pytest.mark.clause("2.3.2")
async def test_an_objection_goes_to_another_auditor_and_a_second_rejection_is_final(house: House) -> None:
    order = await (await house.order()).to(Stage.AUDIT)
    await order.reject()
    await order.object()
    assert await order.stage() is Stage.AUDIT
    assert (await order.row()).outcome is None
    with pytest.raises(Declined, match="rejected_before"):
        await order.approve()
    with pytest.raises(Declined, match="rejected_before"):
        await order.hand_on("auditor", by="auditor2")
    await order.reject(by="auditor2")
    assert await order.handle.result() == Stage.REJECTED
    assert (await order.last(Action.REJECT)).details["final"] is True


async def test_another_auditor_may_find_that_the_customer_is_right(house: House) -> None:
    order = await (await house.order()).to(Stage.OBJECTION)
    await order.object(AGENT)
    await order.approve(by="auditor2")
    assert await order.stage() is Stage.DISPATCH


async def test_without_an_objection_the_rejection_becomes_final(house: House) -> None:
    week = await house.week()
    order = await (await house.order()).to(Stage.OBJECTION)
    await house.sleep_until(week("++Mon 12:00"))
    assert await order.stage() is Stage.REJECTED
    assert (await order.row()).outcome == "rejected"
    assert await order.rang(week) == ["remind Thu 15:28", "make_final +Tue 09:00"]


# --- the calendar -----------------------------------------------------------------------------------------


@pytest.mark.clause("2.3.1")
async def test_the_audit_around_national_day_rests_on_holidays_and_runs_on_the_make_up_day(house: House) -> None:
    """2027, as announced: off from Friday 1 to Thursday 7 October, worked on Saturday 9."""
    days_off = [date(2027, 10, day) for day in range(1, 8)]
    async with house.sessions.begin() as session:
        session.add_all(WorkingDayOverride(day=day, worked=False, note="国庆节") for day in days_off)
        session.add(WorkingDayOverride(day=date(2027, 10, 9), worked=True, note="国庆节调休上班"))
    week = Week(date(2027, 9, 27))
    await house.sleep_until(week("Thu 16:07"))
    left_alone, asked = [await (await house.order()).to(Stage.AUDIT) for _ in range(2)]
    assert await left_alone.due() == week("+Sat 18:00")
    await house.sleep_until(week("Thu 17:07"))
    await asked.ask_customer()
    assert await asked.due() == week("++Mon 18:00")
    await house.sleep_until(week("+Sat 11:10"))
    await asked.answer_question()
    assert week.name(await asked.due()) in ("++Tue 13:32", "++Tue 13:33"), "the server's clock runs on a little"
    await house.sleep_until(week("++Mon 12:00"))
    assert await left_alone.rang(week) == ["remind +Fri 17:03", "remind +Sat 14:37", "escalate ++Mon 09:00"]
    assert await asked.rang(week) == ["remind ++Mon 11:06"]
    assert await left_alone.told(AUDITOR) == ["remind_signature", "remind_signature"]
    assert await left_alone.told(SUPERVISOR) == ["escalate_signature"]
