"""What is said about documents of several kinds."""

from typing import Literal

from pydantic import Field

from domain.stages import Action
from domain.texts import Instant, Money, Saying, SomeText


class SettleClaim(Saying):
    """What a claim on carrier or supplier came to; 0 if nothing was got."""

    action: Literal[Action.SETTLE_CLAIM] = Action.SETTLE_CLAIM
    claim: int = Field(ge=1)
    amount: Money
    explanation: SomeText


class MoveDue(Saying):
    """A clock is moved by a person, with a reason; nothing else moves one."""

    action: Literal[Action.MOVE_DUE] = Action.MOVE_DUE
    due: Instant
    explanation: SomeText
