"""Counting stock (policy 4.2.2): what becomes of a counted line, and how exact the books were (policy 7.2.1)."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from pydantic import BaseModel, ConfigDict


class Cause(StrEnum):
    """Why the books and the shelf differed: every difference is traced to one."""

    NOT_BOOKED = "not_booked"
    BOOKED_TWICE = "booked_twice"
    WRONG_PART = "wrong_part"
    WRONG_PLACE = "wrong_place"
    WRONG_QUANTITY = "wrong_quantity"
    DAMAGED = "damaged"
    STOLEN = "stolen"
    UNKNOWN = "unknown"


class CountState(StrEnum):
    """OPEN to be counted; RECOUNT by somebody else; MATCHED and kept; DIFFERS, to be traced; ADJUSTED in the books."""

    OPEN = "open"
    RECOUNT = "recount"
    MATCHED = "matched"
    DIFFERS = "differs"
    ADJUSTED = "adjusted"


@dataclass(frozen=True)
class Counted:
    """What somebody counted, and what the books said of that very instant."""

    quantity: int
    book: int

    @property
    def difference(self) -> int:
        return self.quantity - self.book


def is_within(counted: Counted, tolerance: Decimal) -> bool:
    """Whether a line counts as right: off by no more than this share of the books."""
    return abs(counted.difference) <= abs(counted.book) * tolerance


def judge(counts: Sequence[Counted], tolerance: Decimal, recounts: int) -> CountState:
    """What becomes of a line that was counted so, the newest count last.

    A difference within tolerance is traced as it is. Above it, somebody else counts, until two counts running find the
    same difference, or it was recounted as often as the policy asks.
    """
    last = counts[-1]
    if not last.difference:
        return CountState.MATCHED
    agreed = len(counts) > 1 and counts[-2].difference == last.difference
    if is_within(last, tolerance) or agreed or len(counts) > recounts:
        return CountState.DIFFERS
    return CountState.RECOUNT


class CountedLine(BaseModel):
    """A line as it was left: its class, the books of the count's instant, what was counted, what a piece is worth."""

    model_config = ConfigDict(frozen=True, from_attributes=True)
    id: int
    value_class: str
    book: int
    quantity: int
    unit_value: Decimal


class StockAccuracy(BaseModel):
    """Stock accuracy 库存准确率, version 1: lines within tolerance of all lines counted. Beside it how far pieces and
    money were off, each miss counted in full, so that shortages and surpluses never cancel out."""

    model_config = ConfigDict(frozen=True)
    version: int = 1
    right: int
    counted: int
    rate: Decimal
    quantity_rate: Decimal | None
    value_rate: Decimal | None
    wrong_lines: tuple[int, ...]


def stock_accuracy(lines: Collection[CountedLine], tolerances: Mapping[str, Decimal]) -> StockAccuracy | None:
    """None if nothing was counted. The rates beside it are None where the books had nothing to be exact about."""
    if not lines:
        return None
    wrong = tuple(
        line.id for line in lines if not is_within(Counted(line.quantity, line.book), tolerances[line.value_class])
    )
    right = len(lines) - len(wrong)
    return StockAccuracy(
        right=right,
        counted=len(lines),
        rate=Decimal(right) / len(lines),
        quantity_rate=_exactness([(Decimal(line.book), Decimal(line.quantity)) for line in lines]),
        value_rate=_exactness([(line.book * line.unit_value, line.quantity * line.unit_value) for line in lines]),
        wrong_lines=wrong,
    )


def _exactness(pairs: Sequence[tuple[Decimal, Decimal]]) -> Decimal | None:
    book = sum((abs(booked) for booked, _ in pairs), Decimal(0))
    missed = sum((abs(counted - booked) for booked, counted in pairs), Decimal(0))
    return max(Decimal(0), (book - missed) / book) if book else None
