"""Audit: signed once or twice, returned with reasons, or rejected; whose it is, and when it rests (policy 2.3)."""

import json
from hashlib import sha256
from typing import Any

from sqlalchemy import select

from activities.steps.amending import take_registered_model
from activities.steps.quoting import quote_lines
from activities.steps.work import OrderSteps, OrderWork, lines_in
from database import quotations
from database.absences import stand_ins
from database.reading.audits import Examined, examine, signed
from database.tables import AuditAttempt, AuditQuestion, LineState, Signature, UserAccount
from domain.auditing import Checked, Verdict, judge, refusal, signers, unsigned
from domain.messages import AuditDesk
from domain.order_decisions import (
    AnswerQuestion,
    Approve,
    AskCustomer,
    Correct,
    HandOnAudit,
    Reject,
    ReturnForCorrection,
)
from domain.stages import Action, Refusal, Role, Stage
from domain.waiting import Clock, Wait


async def begin(work: OrderWork) -> None:
    """The order comes to the audit: anybody's who has not rejected it before, with its own clock."""
    rejecters = await work.session.scalars(
        select(AuditAttempt.by).where(AuditAttempt.order == work.document.number, AuditAttempt.action == Action.REJECT)
    )
    changed = tuple(work.details.get("unsigned", ()))
    work.audit = AuditDesk(rejected_by=tuple(sorted(set(rejecters))), changed=changed)
    work.start(Clock.SIGNATURE)


async def missing_signatures(work: OrderWork) -> tuple[str, ...]:
    """What of the parts that are about to leave, or to be bought, is not signed for; empty if they may go."""
    now, rules = await _examine(work), work.time.policy.audit
    needed = len(signers(rules, now.case.cost, now.case.goodwill))
    return unsigned(now.facts, await signed(work.session, work.document.number), needed, now.prices, rules)


async def approve(work: OrderWork) -> None:
    """A signature: who, when, and a digest of exactly what was signed, the machine's verdicts and the evidence for
    them included (policy 2.3.1, 2.3.2). Where it takes two, the first one leaves the order at the audit."""
    desk, said = await _desk(work), work.said(Approve)
    now, rules = await _examine(work), work.time.policy.audit
    checks = {found.check.value: _confirmed(found, said) for found in judge(now.case, rules)}
    document = {**now.facts, "checks": checks}
    digest = sha256(json.dumps(document, sort_keys=True).encode()).digest()
    work.session.add(
        Signature(
            order=work.document.number, seq=work.step.seq, by=work.step.by, at=work.at, signed=document, digest=digest
        )
    )
    overridden = [check for check, verdict in checks.items() if verdict["verdict"] == Verdict.FAILED]
    work.details |= {"signature": digest.hex()} | ({"overridden": overridden} if overridden else {})
    needed = signers(rules, now.case.cost, now.case.goodwill)
    signatures = (*desk.signed_by, work.step.by)
    if len(signatures) < len(needed):
        _wait_for_the_second(work, desk, signatures, needed[len(signatures)])
    else:
        work.told.append((Action.APPROVE, Role.CUSTOMER))


async def _examine(work: OrderWork) -> Examined:
    """The case as this step finds it; what it does to the parts comes after."""
    work.examined = work.examined or await examine(work.session, work.document.number, work.time.policy)
    return work.examined


def _confirmed(found: Checked, said: Approve) -> dict[str, Any]:
    """What the machine found and the auditor says to it. Raises Refusal where a reason is missing."""
    reason = getattr(said, f"{found.check}_reason")
    if found.verdict is Verdict.FAILED and not reason:
        why = "; ".join(str(seen) for seen in found.evidence if seen.verdict is Verdict.FAILED)
        raise Refusal("override_reason_missing", f"the check of {found.check} failed ({why}): say why you sign")
    evidence = [{"evidence": seen.evidence, "verdict": seen.verdict, **seen.about} for seen in found.evidence]
    return {"verdict": found.verdict, "evidence": evidence, "reason": reason}


def _wait_for_the_second(work: OrderWork, desk: AuditDesk, signatures: tuple[str, ...], role: Role) -> None:
    work.stage = work.document.stage
    work.audit = desk.model_copy(update={"holder": None, "handed_by": None, "signed_by": signatures, "role": role})
    work.start(Clock.SECOND_SIGNATURE)
    assert work.wait is not None
    work.wait = work.wait.model_copy(update={"owner": role})
    work.details |= {"second_signature_by": role}
    work.told.append(("second_signature", role))


async def return_for_correction(work: OrderWork) -> None:
    """Back to the service centre with the reasons, under the same number (policy 2.3.2)."""
    await _desk(work)
    said = work.said(ReturnForCorrection)
    await _not_passed(work, said)
    work.details |= {"attempt": work.document.audit_attempts}


async def reject(work: OrderWork) -> None:
    """Not passed: the customer hears why, and may object once (policy 2.3.2)."""
    desk = await _desk(work)
    await _not_passed(work, work.said(Reject))
    work.document.outcome = "rejected"
    if desk.rejected_by:
        work.stage = Stage.REJECTED
        work.details |= {"final": True}
        return
    work.start(Clock.OBJECTION)
    assert work.wait is not None
    work.details |= {"objection_until": work.wait.due.isoformat()}


async def _not_passed(work: OrderWork, said: ReturnForCorrection | Reject) -> None:
    """Keeps what was seen, so that the next attempt shows what is different."""
    now = await _examine(work)
    work.session.add(
        AuditAttempt(
            order=work.document.number,
            seq=work.step.seq,
            at=work.at,
            by=work.step.by,
            action=said.action,
            reasons=list(said.reasons),
            explanation=said.explanation,
            seen=dict(now.facts),
        )
    )
    work.document.audit_attempts += 1
    work.details |= {"reasons": list(said.reasons)}


async def object_to_it(work: OrderWork) -> None:
    """The customer does not accept the rejection; somebody else looks again."""
    work.document.outcome = None


async def correct(work: OrderWork) -> None:
    """What the service centre put right; the timeline shows what changed.

    Time, cost and guarantee are worked out anew; if they move past what the policy allows, the customer is asked again
    (policy 2.2.2).
    """
    order, said = work.document, work.said(Correct)
    agreed = await quotations.newest(work.session, order.number)
    before = {"serial": order.serial, "lines": [[x.part, x.quantity] for x in await lines_in(work, LineState.WANTED)]}
    order.serial = said.serial or order.serial
    await take_registered_model(work)
    order.fault_text = said.fault or order.fault_text
    quotation = await quote_lines(work, said.lines, agreed)
    if quotation.because:
        work.stage = Stage.QUOTED
        work.told.append((Action.QUOTE, Role.CUSTOMER))
    after = {"serial": order.serial, "lines": [[line.part, line.quantity] for line in said.lines]}
    work.details |= {key: [before[key], after[key]] for key in before if before[key] != after[key]}


# --- whose it is ------------------------------------------------------------------------------------------


async def _desk(work: OrderWork) -> AuditDesk:
    """The audit's desk. Raises Refusal if whoever acts may not do this there now (policy 2.3)."""
    desk, step = work.audit or AuditDesk(), work.step
    deputies = await stand_ins(work.session, desk.holder, work.at) if desk.holder not in (None, step.by) else ()
    if refused := refusal(step.action, step.role, step.by, work.document.entered_by, desk, deputies):
        raise refused
    return desk


async def take_audit(work: OrderWork) -> None:
    await _hand(work, await _desk(work), work.step.by, None)


async def hand_on_audit(work: OrderWork) -> None:
    """To a named person, who must be able to do what is to be done."""
    desk, to = await _desk(work), work.said(HandOnAudit).auditor
    account = await work.session.get(UserAccount, to)
    if account is None or not account.active or desk.role not in account.roles:
        raise Refusal("unknown_auditor", f"{to} is no {desk.role} who works here")
    anew = desk.model_copy(update={"holder": None})
    if refused := refusal(Action.APPROVE, desk.role, to, work.document.entered_by, anew):
        raise refused
    await _hand(work, desk, to, work.step.by)
    work.details |= {"auditor": to}


async def release_audit(work: OrderWork) -> None:
    await _hand(work, await _desk(work), None, None)


async def _hand(work: OrderWork, desk: AuditDesk, holder: str | None, by: str | None) -> None:
    work.audit = desk.model_copy(update={"holder": holder, "handed_by": by})


# --- when it rests ----------------------------------------------------------------------------------------


async def ask_customer(work: OrderWork) -> None:
    """The audit's clock rests while the customer is asked, and the customer's runs."""
    await _desk(work)
    assert work.wait is not None
    work.session.add(
        AuditQuestion(
            order=work.document.number,
            seq=work.step.seq,
            asked_at=work.at,
            asked_by=work.step.by,
            question=work.said(AskCustomer).question,
            wait=work.wait.model_dump(mode="json"),
        )
    )
    work.details |= {"paused": work.wait.clock}
    work.start(Clock.QUESTION)


async def answer_question(work: OrderWork) -> None:
    await _go_on(work, work.said(AnswerQuestion).reply)


async def resume(work: OrderWork) -> None:
    """The customer does not answer in time, or the auditor needs no answer any more."""
    await _desk(work)
    await _go_on(work, None)


async def _go_on(work: OrderWork, reply: str | None) -> None:
    """The audit goes on with the working time that was left to it."""
    question = await end_question(work, reply)
    wait = work.time.resumed(Wait.model_validate(question.wait), question.asked_at, work.at)
    work.wait = wait
    work.details |= {"paused_from": question.asked_at.isoformat(), "due": [question.wait["due"], wait.due.isoformat()]}


async def end_question(work: OrderWork, reply: str | None = None) -> AuditQuestion:
    """Whatever ends the pause, it is listed until when it lasted."""
    question = (
        await work.session.scalars(
            select(AuditQuestion).where(AuditQuestion.order == work.document.number, AuditQuestion.ended_at.is_(None))
        )
    ).one()
    question.ended_at, question.ended_by, question.ended_as = work.at, work.step.by, work.step.role
    question.reply = reply
    return question


STEPS: OrderSteps = {
    Action.APPROVE: approve,
    Action.RETURN_FOR_CORRECTION: return_for_correction,
    Action.REJECT: reject,
    Action.CORRECT: correct,
    Action.OBJECT: object_to_it,
    Action.TAKE_AUDIT: take_audit,
    Action.HAND_ON_AUDIT: hand_on_audit,
    Action.RELEASE_AUDIT: release_audit,
    Action.ASK_CUSTOMER: ask_customer,
    Action.ANSWER_QUESTION: answer_question,
    Action.RESUME: resume,
}
