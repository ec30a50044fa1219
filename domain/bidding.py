"""What is said about a request for quotation: the question, the bids, the award (policy 3.3.1). Money is yuan."""

from collections.abc import Sequence
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from domain.shared_decisions import MoveDue
from domain.stages import Action
from domain.texts import Code, Day, Instant, LeadDays, Money, Months, Price, SomeText, SomeWords, Text

Pieces = Annotated[int, Field(ge=1, le=99_999)]


class Finding(StrEnum):
    """What an auditor finds of an emergency afterwards."""

    JUSTIFIED = "justified"
    NOT_JUSTIFIED = "not_justified"


class _Said(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class AskedLine(_Said):
    part: Code
    quantity: Pieces = 1


class BoughtLine(_Said):
    """What is bought in an emergency, at the price that was agreed on the spot."""

    part: Code
    quantity: Pieces = 1
    price: Price


class OfferedLine(_Said):
    """What a supplier asks for a piece, and in how many days it is in our warehouse; without a price it makes no offer
    for the part."""

    part: Code
    price: Price | None = None
    freight: Money = Decimal("0.00")
    lead_days: LeadDays | None = Field(None, validate_default=True)
    guarantee_months: Months = 0

    @field_validator("lead_days")
    @classmethod
    def _in_how_many_days(cls, days: int | None, info: ValidationInfo) -> int | None:
        if days is None and info.data.get("price") is not None:
            raise PydanticCustomError("lead_days_missing", "say in how many days it comes")
        return days


class AwardedLine(_Said):
    """How many pieces a supplier gets; none is no award."""

    part: Code
    supplier: Code
    quantity: int = Field(0, ge=0, le=99_999)


L = TypeVar("L", AskedLine, BoughtLine, OfferedLine)


def _each_once(lines: tuple[L, ...]) -> tuple[L, ...]:
    if len({line.part for line in lines}) < len(lines):
        raise PydanticCustomError("part_twice", "name each part once")
    return lines


def _something(lines: tuple[OfferedLine, ...]) -> tuple[OfferedLine, ...]:
    if all(line.price is None for line in lines):
        raise PydanticCustomError("nothing_offered", "offer at least one part, or say that you make no offer")
    return lines


class Question(_Said):
    """What is wanted, until the policy's deadline unless another is said."""

    lines: Annotated[tuple[AskedLine, ...], Field(min_length=1, max_length=20), AfterValidator(_each_once)]
    deadline: Instant | None = None
    warehouse: Code | None = None
    note: Text = ""


class Ask(Question):
    """Asked of all who are qualified for one of the parts, unless suppliers are named."""

    suppliers: Annotated[tuple[Code, ...], Field(max_length=50)] = ()


class BuyAtOnce(_Said):
    """It can't wait for bids, for this reason; an auditor looks into it afterwards."""

    supplier: Code
    lines: Annotated[tuple[BoughtLine, ...], Field(min_length=1, max_length=20), AfterValidator(_each_once)]
    lead_days: LeadDays = 1
    warehouse: Code | None = None
    reason: SomeText


class Bid(_Said):
    """A supplier's answer. A buyer who enters it says for whom, and on what evidence."""

    action: Literal[Action.BID] = Action.BID
    supplier: Code | None = None
    lines: Annotated[
        tuple[OfferedLine, ...],
        Field(min_length=1, max_length=20),
        AfterValidator(_each_once),
        AfterValidator(_something),
    ]
    valid_until: Day
    signed_by: SomeWords
    evidence: Text = ""
    note: Text = ""

    @property
    def offered(self) -> Sequence[OfferedLine]:
        return [line for line in self.lines if line.price is not None]


class NoBid(_Said):
    """The supplier makes no offer; one that it made is taken back."""

    action: Literal[Action.NO_BID] = Action.NO_BID
    supplier: Code | None = None
    explanation: Text = ""


class OpenBids(_Said):
    """The deadline is over: from now on the bids can be read."""

    action: Literal[Action.OPEN_BIDS] = Action.OPEN_BIDS


class Award(_Said):
    """Who gets how many pieces. Their bids become contracts, and purchase orders if it is ordered now."""

    action: Literal[Action.AWARD] = Action.AWARD
    lines: Annotated[tuple[AwardedLine, ...], Field(min_length=1, max_length=60)]
    order_now: bool = True
    reason: Text = ""

    @field_validator("lines")
    @classmethod
    def _each_supplier_once_a_part(cls, lines: tuple[AwardedLine, ...]) -> tuple[AwardedLine, ...]:
        if len({(line.part, line.supplier) for line in lines}) < len(lines):
            raise PydanticCustomError("part_twice", "name each part once")
        if not (given := tuple(line for line in lines if line.quantity)):
            raise PydanticCustomError("nothing_awarded", "award at least one piece, or call the request off")
        return given


class Abandon(_Said):
    """Nothing is awarded; whoever was asked is told."""

    action: Literal[Action.ABANDON] = Action.ABANDON
    explanation: SomeText


class LookInto(_Said):
    """An auditor has looked into an emergency."""

    action: Literal[Action.LOOK_INTO] = Action.LOOK_INTO
    finding: Finding
    explanation: SomeText


RequestDecision = Annotated[
    Bid | NoBid | OpenBids | Award | Abandon | LookInto | MoveDue, Field(discriminator="action")
]
