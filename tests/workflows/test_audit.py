"""Audit: signed, returned with reasons, rejected (policy 2.3)."""

import json
from hashlib import sha256

import pytest

from database.tables import Signature
from domain.stages import Action, Role, Stage
from tests.workflows.house import CHECKS, Declined, House

AUDITOR, AGENT, CUSTOMER = Role.AUDITOR, Role.SERVICE_AGENT, Role.CUSTOMER


async def test_the_auditor_signs_exactly_what_was_shown(house: House) -> None:
    order = await (await house.order(serial="CXW268-001001")).to(Stage.AUDIT, (house.part, 2))
    await order.approve()
    [signature] = await house.all(Signature)
    assert signature.by == "auditor"
    assert signature.signed["lines"] == [[house.part, 2]]
    assert signature.signed["serial"] == "CXW268-001001"
    assert signature.signed["checks"] == CHECKS
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
    assert (await order.last(Action.RETURN_FOR_CORRECTION)).details == {"reason": "fault_and_part", "attempt": 1}
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
    order = await (await house.order()).to(Stage.AUDIT)
    await order.decide(Action.REJECT, AUDITOR, reason="company_policy", explanation="not covered")
    assert await order.handle.result() == Stage.REJECTED
    assert (await order.row()).outcome == "rejected"
    assert (await order.last(Action.REJECT)).details == {"reason": "company_policy"}
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
            await order.decide(action, AUDITOR, by="auditor", reason="duplicate", explanation="twice")
    assert await order.stage() is Stage.AUDIT
