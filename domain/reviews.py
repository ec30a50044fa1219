"""How suppliers are reviewed: five figures, a score, and the standing that follows (policy 3.1.1, 3.1.3).

What counts is what was due in the period, not what was done in it. No data is no data, never 0 or 100; a figure that
rests on fewer cases than the policy asks for is shown and counts for nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Final

from pydantic import BaseModel, ConfigDict, Field, model_validator

from domain.correcting import Standing
from domain.costs import months_on
from domain.figures import Ratio

_ONE: Final = Decimal(1)


class ReviewFigure(StrEnum):
    """Each as a share, 1 for the best."""

    ON_TIME = "on_time"
    INCOMING_QUALITY = "incoming_quality"
    DURABILITY = "durability"
    RESPONSIVENESS = "responsiveness"
    PRICE = "price"


class _Rules(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Floor(_Rules):
    """A figure below this share means this standing, whatever the score says."""

    figure: ReviewFigure
    below: Decimal = Field(gt=0, le=1)
    standing: Standing


class ReviewRules(_Rules):
    """Reviews cover `months` months. A score is from 0 to 100; below a threshold it means that standing. The standings
    in `automatic` take effect by rule, a person decides about the others."""

    months: int = Field(ge=1, le=12)
    smallest_n: int = Field(5, ge=1)
    failure_days: int = Field(90, ge=1)
    weights: Mapping[ReviewFigure, Decimal]
    thresholds: Mapping[Standing, Decimal]
    floors: tuple[Floor, ...] = ()
    automatic: frozenset[Standing] = frozenset()

    @model_validator(mode="after")
    def _makes_sense(self) -> "ReviewRules":
        if not any(self.weights.values()) or any(weight < 0 for weight in self.weights.values()):
            raise ValueError("weights are not negative, and one of them counts")
        if Standing.QUALIFIED in self.thresholds or Standing.QUALIFIED in self.automatic:
            raise ValueError("being qualified is no consequence")
        return self


@dataclass(frozen=True)
class Delivery:
    """A purchase order that was due: until when, and when all of it had come, if it has."""

    due: datetime
    received: datetime | None

    @property
    def on_time(self) -> bool:
        return self.received is not None and self.received <= self.due


def on_time(deliveries: list[Delivery]) -> Ratio:
    """Received no later than first promised / due in the period. Overdue and still open is late."""
    return Ratio(sum(one.on_time for one in deliveries), len(deliveries), len(deliveries))


def incoming_quality(accepted: int, inspected: int) -> Ratio:
    """Lots accepted / lots inspected in the period."""
    return Ratio(accepted, inspected, inspected)


def dppm(refused: int, inspected: int) -> Decimal | None:
    """Defective parts per million: pieces refused of a million that came in."""
    return round(Decimal(refused) * 1_000_000 / inspected) * _ONE if inspected else None


def durability(failed: int, installed: int) -> Ratio:
    """Installed in the period without a failure since / installed in the period."""
    return Ratio(installed - failed, installed, installed)


def responsiveness(confirmed_in_time: int, asked: int) -> Ratio:
    """Confirmed within the policy's time / asked, of the confirmations due in the period."""
    return Ratio(confirmed_in_time, asked, asked)


def score(figures: Mapping[ReviewFigure, Ratio], rules: ReviewRules) -> Decimal | None:
    """The weighted mean of the figures that rest on enough cases, from 0 to 100; None if none does."""
    counted = {name: value for name, value in enough(figures, rules).items() if rules.weights.get(name)}
    weight = sum((rules.weights[name] for name in counted), Decimal(0))
    if not weight:
        return None
    whole = sum(
        (rules.weights[name] * min(max(value, Decimal(0)), _ONE) for name, value in counted.items()), Decimal(0)
    )
    return round(100 * whole / weight, 1)


def enough(figures: Mapping[ReviewFigure, Ratio], rules: ReviewRules) -> dict[ReviewFigure, Decimal]:
    """The figures that rest on enough cases."""
    return {name: one.value for name, one in figures.items() if one.value is not None and one.n >= rules.smallest_n}


def proposed(
    figures: Mapping[ReviewFigure, Ratio], points: Decimal | None, now: Standing, rules: ReviewRules
) -> Standing | None:
    """The standing that a review proposes: the worst that score or a figure means. None if it is no worse than now;
    it gets better only by putting things right."""
    means = [standing for standing, below in rules.thresholds.items() if points is not None and points < below]
    values = enough(figures, rules)
    means += [floor.standing for floor in rules.floors if floor.figure in values and values[floor.figure] < floor.below]
    worst = max(means, key=lambda standing: standing.rank, default=now)
    return worst if worst.rank > now.rank else None


@dataclass(frozen=True)
class Period:
    """From the first day of a month until the first day of another, which is not part of it."""

    first: date
    end: date

    @property
    def name(self) -> str:
        """For example `2026-07/2026-09`."""
        return f"{self.first:%Y-%m}/{months_on(self.end, -1):%Y-%m}"


def last_ended(today: date, rules: ReviewRules) -> Period:
    """The newest period that is over; periods of a year begin in January."""
    month = today.replace(day=1)
    end = months_on(month, -((month.month - 1) % rules.months))
    return Period(months_on(end, -rules.months), end)
