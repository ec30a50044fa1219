"""What a corrective action does step by step: the supplier's standing, what it owes us, its release (policy 3.1.3)."""

from collections.abc import Mapping
from enum import StrEnum

from sqlalchemy import select

from activities.steps.work import CorrectiveSteps, CorrectiveWork
from database.standings import before_worse_review, change_standing, open_purchases, standing_of, worse_review
from database.tables import Submission
from domain.correcting import WHERE_DISMISSED, ChangedBecause, CorrectiveStage, Standing
from domain.corrective_decisions import AnswerDemand, SubmitEvidence
from domain.stages import Action, Refusal, Role
from domain.waiting import Clock

CLOCK_OF: Mapping[StrEnum, Clock] = {
    CorrectiveStage.PROPOSED: Clock.STANDING,
    CorrectiveStage.DEMANDED: Clock.DEMAND,
    CorrectiveStage.CARRYING_OUT: Clock.MEASURES,
    CorrectiveStage.VERIFICATION: Clock.VERIFICATION,
    CorrectiveStage.RELEASE: Clock.RELEASE,
}
"""What each stage waits for when an action comes to it."""


async def impose(work: CorrectiveWork) -> None:
    """The standing takes effect; a supplier that is dropped has nothing to put right."""
    await _put(work, work.document.standing, ChangedBecause.DECISION)


async def dismiss(work: CorrectiveWork) -> None:
    """What was demanded before the review that is dismissed is still owing."""
    before = await before_worse_review(work.session, work.document.number)
    if before is not None:
        work.stage = WHERE_DISMISSED[before]
        work.document.standing = await standing_of(work.session, work.document.supplier)


async def reviewed_worse(work: CorrectiveWork) -> None:
    """A later review is worse than what this is about: it is about that now, in effect at once if the policy says so,
    else for a person to decide (policy 3.1.3)."""
    document = work.document
    review = await worse_review(work.session, document)
    if review is None or review.proposed is None:
        raise Refusal("nothing_asked", f"no later review of {document.supplier} is worse")
    work.details |= {"standing": [document.standing, review.proposed]}
    document.review, document.standing = review.id, review.proposed
    if review.proposed not in work.time.policy.review.automatic:
        work.told.append(("standing_proposed", Role.SUPERVISOR))
        work.start(Clock.STANDING)
        return
    work.stage = CorrectiveStage.DEMANDED
    await _put(work, review.proposed, ChangedBecause.REVIEW)
    if work.stage is CorrectiveStage.DEMANDED:
        work.start(Clock.DEMAND)


async def answer_demand(work: CorrectiveWork) -> None:
    """The supplier's own date is when its measures are due."""
    said = work.said(AnswerDemand)
    if said.done_by <= work.at:
        raise Refusal("invalid_time", "the date lies in the past")
    work.details |= {"done_by": said.done_by.isoformat()}
    work.start(Clock.MEASURES, said.done_by)


async def submit_evidence(work: CorrectiveWork) -> None:
    """Whoever hands it in says who they are."""
    if not work.said(SubmitEvidence).said_by:
        raise Refusal("said_by_missing", "say who hands in the evidence")


async def worsen(work: CorrectiveWork) -> None:
    """What is owing and overdue makes the standing worse, and is owing anew."""
    clock = work.wait.clock if work.wait else CLOCK_OF[work.document.stage]
    await _put(work, work.document.standing.worse, ChangedBecause.OVERDUE)
    if work.stage is not CorrectiveStage.DROPPED:
        work.start(clock)


async def verify(work: CorrectiveWork) -> None:
    """Evidence found good. A supplier that was suspended needs a second person (policy 3.1.3)."""
    if work.document.standing is Standing.SUSPENDED:
        work.stage, work.verified_by = CorrectiveStage.RELEASE, work.step.by
    else:
        await _put(work, Standing.QUALIFIED, ChangedBecause.VERIFIED)


async def release(work: CorrectiveWork) -> None:
    """By somebody else than who verified; there is evidence, or it would not have come so far."""
    if work.step.by == work.verified_by:
        raise Refusal("verified_before", "you verified the evidence; somebody else must release")
    await _put(work, Standing.QUALIFIED, ChangedBecause.RELEASED)


async def _put(work: CorrectiveWork, standing: Standing, because: ChangedBecause) -> None:
    """From now on the supplier stands so; open purchase orders with one that may not supply hear of it."""
    document = work.document
    before = await standing_of(work.session, document.supplier)
    explanation = ""
    if work.step.submission is not None:
        content = await work.session.scalar(select(Submission.content).where(Submission.id == work.step.submission))
        explanation = str((content or {}).get("explanation", ""))
    if before is not standing:
        await change_standing(
            work.session, document.supplier, standing, because,
            at=work.at, by=work.step.by, role=work.step.role, document=document.number, explanation=explanation,
        )  # fmt: skip
        work.details |= {"standing": [before, standing]}
    if standing is not Standing.QUALIFIED:
        document.standing = standing
    if standing is Standing.DROPPED:
        work.stage = CorrectiveStage.DROPPED
    if not standing.supplies:
        work.to_tell += await open_purchases(work.session, document.supplier)
        work.details |= {"held": list(work.to_tell)}
    work.told += [(f"standing_{standing}", audience) for audience in (Role.SUPPLIER, Role.BUYER)]


STEPS: CorrectiveSteps = {
    Action.IMPOSE: impose,
    Action.DISMISS: dismiss,
    Action.REVIEWED_WORSE: reviewed_worse,
    Action.ANSWER_DEMAND: answer_demand,
    Action.SUBMIT_EVIDENCE: submit_evidence,
    Action.WORSEN: worsen,
    Action.VERIFY: verify,
    Action.RELEASE: release,
}
