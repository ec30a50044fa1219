"""Audit: signed, returned with reasons, or rejected (policy 2.3)."""

import json
from hashlib import sha256

from activities.steps.judging import newest_quotation, quote_lines
from activities.steps.work import OrderSteps, OrderWork, lines_in
from database.tables import LineState, RegisteredUnit, Signature
from domain.decisions import Approve, Correct, Reject, ReturnForCorrection
from domain.stages import Action, Refusal, Role, Stage


def _not_own_case(work: OrderWork) -> None:
    """Four eyes: who entered a case decides nothing about it (policy 2.3)."""
    if work.step.by == work.document.entered_by:
        raise Refusal("own_case", "who entered the case can't audit it")


async def approve(work: OrderWork) -> None:
    """The auditor's signature: who, when, and a digest of exactly what was signed (policy 2.3.2)."""
    _not_own_case(work)
    order, said = work.document, work.said(Approve)
    lines = await lines_in(work, LineState.WANTED)
    quotation = await newest_quotation(work)
    signed = {
        "order": order.number,
        "customer": order.customer,
        "serial": order.serial,
        "model": order.model,
        "fault": order.fault_text,
        "lines": [[line.part, line.quantity] for line in lines],
        "in_warranty": quotation.in_warranty,
        "to_pay": str(quotation.to_pay),
        "checks": said.model_dump(mode="json", exclude={"action", "note"}),
    }
    digest = sha256(json.dumps(signed, sort_keys=True).encode()).digest()
    work.session.add(
        Signature(order=order.number, seq=work.step.seq, by=work.step.by, at=work.at, signed=signed, digest=digest)
    )
    work.details |= {"signature": digest.hex()}


async def return_for_correction(work: OrderWork) -> None:
    """Back to the service centre with the reason, under the same number (policy 2.3.2)."""
    _not_own_case(work)
    work.document.audit_attempts += 1
    work.details |= {"reason": work.said(ReturnForCorrection).reason, "attempt": work.document.audit_attempts}


async def reject(work: OrderWork) -> None:
    _not_own_case(work)
    reason = work.said(Reject).reason
    work.document.outcome = "rejected"
    work.details |= {"reason": reason}


async def correct(work: OrderWork) -> None:
    """What the service centre put right; the timeline shows what changed.

    Time, cost and guarantee are worked out anew; if the customer is to pay more, they are asked again (policy 2.2.2).
    """
    order, said, agreed = work.document, work.said(Correct), await newest_quotation(work)
    before = {"serial": order.serial, "lines": [[x.part, x.quantity] for x in await lines_in(work, LineState.WANTED)]}
    order.serial = said.serial or order.serial
    if registered := await work.session.get(RegisteredUnit, order.serial or ""):
        order.model = registered.model
    order.fault_text = said.fault or order.fault_text
    quotation = await quote_lines(work, said.lines)
    if quotation.to_pay > agreed.to_pay:
        work.stage = Stage.QUOTED
        work.told.append((Action.QUOTE, Role.CUSTOMER))
    else:
        quotation.consented_at, quotation.consented_by = agreed.consented_at, agreed.consented_by
    after = {"serial": order.serial, "lines": [[line.part, line.quantity] for line in said.lines]}
    work.details |= {key: [before[key], after[key]] for key in before if before[key] != after[key]}


STEPS: OrderSteps = {
    Action.APPROVE: approve,
    Action.RETURN_FOR_CORRECTION: return_for_correction,
    Action.REJECT: reject,
    Action.CORRECT: correct,
}
