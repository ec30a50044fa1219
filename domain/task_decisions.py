"""What people say when they decide about a task of the warehouse."""

from decimal import Decimal
from typing import Annotated, Literal

from pydantic import Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from domain.counting import Cause
from domain.levels import Way
from domain.shared_decisions import MoveDue
from domain.stages import Action
from domain.texts import Code, Instant, Money, Photos, Saying, Serials, SomeText, Text


class CountedPart(Saying):
    """So many pieces of a part lie in a place; `counted_at` if that was seen earlier than it is said."""

    place: Code
    part: Code
    quantity: int = Field(ge=0, le=999_999)
    counted_at: Instant | None = None


class RecordCounts(Saying):
    """What was counted (policy 4.2.2). A line may be said again until the count is finished; a part that is not on the
    list and lies there all the same is said like any other."""

    action: Literal[Action.RECORD_COUNTS] = Action.RECORD_COUNTS
    lines: Annotated[tuple[CountedPart, ...], Field(min_length=1, max_length=500)]

    @field_validator("lines")
    @classmethod
    def _each_once(cls, lines: tuple[CountedPart, ...]) -> tuple[CountedPart, ...]:
        if len({(line.place, line.part) for line in lines}) < len(lines):
            raise PydanticCustomError("said_twice", "say each part of a place once")
        return lines


class FinishCount(Saying):
    """Everything is counted: the lines are held against the books."""

    action: Literal[Action.FINISH_COUNT] = Action.FINISH_COUNT


class Explained(Saying):
    """The root cause of a line's difference; of a part with serial numbers also which pieces differ."""

    place: Code
    part: Code
    cause: Cause
    note: Annotated[Text, Field(validate_default=True)] = ""
    serials: Serials = ()

    @field_validator("note")
    @classmethod
    def _unknown_is_described(cls, note: str, info: ValidationInfo) -> str:
        if info.data.get("cause") is Cause.UNKNOWN and not note:
            raise PydanticCustomError("nothing_said", "say what was looked into")
        return note


class ExplainDifferences(Saying):
    """Why books and shelf differ, for every line that does (policy 4.2.2)."""

    action: Literal[Action.EXPLAIN_DIFFERENCES] = Action.EXPLAIN_DIFFERENCES
    lines: Annotated[tuple[Explained, ...], Field(min_length=1, max_length=500)]


class CountAgain(Saying):
    """The differences are not believed: they are counted once more."""

    action: Literal[Action.COUNT_AGAIN] = Action.COUNT_AGAIN
    explanation: SomeText


class ApproveAdjustment(Saying):
    """The books are put right (policy 4.2.2); by somebody who did not count."""

    action: Literal[Action.APPROVE_ADJUSTMENT] = Action.APPROVE_ADJUSTMENT
    note: Text = ""


class Answered(Saying):
    """What was seen of one item of a round's check list. What is not sound becomes a finding, with what is wrong, who
    puts it right and until when."""

    item: Code
    sound: bool
    note: Annotated[Text, Field(validate_default=True)] = ""
    owner: Code | None = None
    due: Instant | None = None

    @field_validator("note")
    @classmethod
    def _finding_is_described(cls, note: str, info: ValidationInfo) -> str:
        if info.data.get("sound") is False and not note:
            raise PydanticCustomError("nothing_said", "say what is wrong")
        return note


class ReportRound(Saying):
    """The warehouse was walked through (policy 4.3.2)."""

    action: Literal[Action.REPORT_ROUND] = Action.REPORT_ROUND
    answers: Annotated[tuple[Answered, ...], Field(min_length=1, max_length=100)]
    photos: Photos = ()


class Inspected(Saying):
    """Pieces that were set apart because the air was wrong: so many are sound, so many are not."""

    part: Code
    sound: int = Field(ge=0, le=999_999)
    unsound: int = Field(0, ge=0, le=999_999)


class PutRight(Saying):
    """What was done about a finding. `lines` says what the inspection of pieces showed that were set apart."""

    action: Literal[Action.PUT_RIGHT] = Action.PUT_RIGHT
    lines: Annotated[tuple[Inspected, ...], Field(max_length=500)] = ()
    note: SomeText
    photos: Photos = ()


class AcceptRemedy(Saying):
    """It was looked at and is right."""

    action: Literal[Action.ACCEPT_REMEDY] = Action.ACCEPT_REMEDY
    note: Text = ""


class Reopen(Saying):
    """It was looked at and is not right yet."""

    action: Literal[Action.REOPEN] = Action.REOPEN
    explanation: SomeText


class OrderProposed(Saying):
    """The proposed pieces, or as many as the buyer thinks right, are ordered (policy 4.2.3); from the supplier of best
    value if none is named."""

    action: Literal[Action.ORDER_PROPOSED] = Action.ORDER_PROPOSED
    quantity: int = Field(ge=1, le=9999)
    supplier: Code | None = None


class TurnDown(Saying):
    """What was proposed is not done."""

    action: Literal[Action.TURN_DOWN] = Action.TURN_DOWN
    explanation: SomeText


class DecideDisposal(Saying):
    """What becomes of pieces there are too many of (policy 4.2.3)."""

    action: Literal[Action.DECIDE_DISPOSAL] = Action.DECIDE_DISPOSAL
    way: Way
    quantity: int = Field(ge=1, le=999_999)
    note: Text = ""


class Dispose(Saying):
    """So many pieces are gone, and this was got for them."""

    action: Literal[Action.DISPOSE] = Action.DISPOSE
    quantity: int = Field(ge=1, le=999_999)
    proceeds: Money = Decimal("0.00")
    note: Text = ""


class CallOff(Saying):
    """It is not done after all."""

    action: Literal[Action.CALL_OFF] = Action.CALL_OFF
    explanation: SomeText


TaskDecision = Annotated[
    RecordCounts | FinishCount | ExplainDifferences | CountAgain | ApproveAdjustment | ReportRound | PutRight
    | AcceptRemedy | Reopen | OrderProposed | TurnDown | DecideDisposal | Dispose | CallOff | MoveDue,
    Field(discriminator="action"),
]  # fmt: skip
