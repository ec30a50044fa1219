"""What people say when they decide about a corrective action."""

from typing import Annotated, Literal

from pydantic import Field

from domain.shared_decisions import MoveDue
from domain.stages import Action
from domain.texts import Instant, Saying, SomeText, Text


class Impose(Saying):
    """The standing that a review proposes takes effect (policy 3.1.3)."""

    action: Literal[Action.IMPOSE] = Action.IMPOSE
    explanation: SomeText


class Dismiss(Saying):
    """What a review proposes does not take effect."""

    action: Literal[Action.DISMISS] = Action.DISMISS
    explanation: SomeText


class AnswerDemand(Saying):
    """The supplier's answer: why it happened, what will be done and until when (policy 3.1.3)."""

    action: Literal[Action.ANSWER_DEMAND] = Action.ANSWER_DEMAND
    cause: SomeText
    measures: SomeText
    done_by: Instant
    said_by: SomeText


class SubmitEvidence(Saying):
    """What shows that the measures were taken, such as a test report or photos of the line; and who says so."""

    action: Literal[Action.SUBMIT_EVIDENCE] = Action.SUBMIT_EVIDENCE
    evidence: SomeText
    said_by: Text = ""


class Verify(Saying):
    """The evidence is good: the cause is gone."""

    action: Literal[Action.VERIFY] = Action.VERIFY
    explanation: SomeText


class RejectEvidence(Saying):
    """The evidence is not good enough; the supplier goes on."""

    action: Literal[Action.REJECT_EVIDENCE] = Action.REJECT_EVIDENCE
    explanation: SomeText


class Release(Saying):
    """A second person lets a suspended supplier deliver again (policy 3.1.3)."""

    action: Literal[Action.RELEASE] = Action.RELEASE
    explanation: SomeText


class Worsen(Saying):
    """The supplier does not do what it owes: its standing gets worse by one."""

    action: Literal[Action.WORSEN] = Action.WORSEN
    explanation: SomeText


CorrectiveDecision = Annotated[
    Impose | Dismiss | AnswerDemand | SubmitEvidence | Worsen | Verify | RejectEvidence | Release | MoveDue,
    Field(discriminator="action"),
]
