"""What a buyer says who places a purchase order by hand (policy 3.1.2, 3.2.2). Money is yuan."""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic_core import PydanticCustomError

from domain.bidding import Pieces
from domain.texts import Code, LeadDays, Price, Text


class _Said(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class LineByHand(_Said):
    """A part; without a price it is ordered at that of the contract."""

    part: Code
    quantity: Pieces = 1
    price: Price | None = None


def _each_once(lines: tuple[LineByHand, ...]) -> tuple[LineByHand, ...]:
    if len({line.part for line in lines}) < len(lines):
        raise PydanticCustomError("part_twice", "name each part once")
    return lines


class OrderByHand(_Said):
    """What is ordered of whom. Without `lead_days` it comes in the longest time that is agreed; `reason` is for what is
    against the rules and may pass with one."""

    supplier: Code
    lines: Annotated[tuple[LineByHand, ...], Field(min_length=1, max_length=20), AfterValidator(_each_once)]
    lead_days: LeadDays | None = None
    warehouse: Code | None = None
    reason: Text = ""
