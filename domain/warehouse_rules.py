"""The warehouse's part of a policy version: counts, levels, safety rounds, climate (policy 4.1.2, 4.2.2–4.3.2)."""

from collections.abc import Mapping
from decimal import Decimal
from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, model_validator

from domain.levels import Aim
from domain.working_time import Span


class _Rules(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


Share = Annotated[Decimal, Field(ge=0, le=1)]


class CountingRules(_Rules):
    """For each class of parts: how often it is counted and how far a line may be off. `recounts` is how often a
    difference above tolerance is counted once more by somebody else (policy 4.2.2)."""

    every: Mapping[str, Span]
    tolerance: Mapping[str, Share]
    recounts: int = Field(ge=1)

    @model_validator(mode="after")
    def _every_class(self) -> "CountingRules":
        for said in (self.every, self.tolerance):
            if set(said) != {"A", "B", "C"}:
                raise ValueError("say it for each of the classes A, B and C")
        return self


class ClassAim(_Rules):
    """What a class of parts is kept for: share of replenishments without a shortage; for how many days is ordered at
    once, and for how many days stock may last at most (policy 4.2.3)."""

    service: float = Field(ge=0.5, lt=1)
    cover_days: int = Field(ge=1)
    most_days: int = Field(ge=1)


class LevelRules(_Rules):
    """How stock levels follow demand: in periods of so many days, so many of them back, looked at every so many days.

    Nothing asked for in `dead_days`: dead stock. What a supplier brought not longer than `returnable_days` ago may go
    back to it.
    """

    period_days: int = Field(ge=1)
    periods: int = Field(ge=4)
    smoothing: float = Field(gt=0, le=1)
    review_days: int = Field(ge=1)
    aims: Mapping[str, ClassAim]
    dead_days: int = Field(ge=1)
    returnable_days: int = Field(ge=0)

    def aim(self, value_class: str) -> Aim:
        """The aim for a class, in periods."""
        said = self.aims[value_class]
        return Aim(
            said.service,
            self.review_days / self.period_days,
            said.cover_days / self.period_days,
            said.most_days / self.period_days,
        )


class Topic(StrEnum):
    """What a safety round looks at (policy 4.3.2)."""

    FIRE = "fire"
    THEFT = "theft"
    DAMP = "damp"
    PESTS = "pests"
    EQUIPMENT = "equipment"


class CheckItem(_Rules):
    """One thing on a round's check list, asked so that yes is good."""

    code: str = Field(pattern=r"^[a-z_]{1,32}$")
    topic: Topic
    en: str
    zh: str


class RoundRules(_Rules):
    """How often a warehouse is walked through, and what is looked at (policy 4.3.2)."""

    every: Span
    items: tuple[CheckItem, ...]

    @model_validator(mode="after")
    def _whole(self) -> "RoundRules":
        if len({item.code for item in self.items}) < len(self.items):
            raise ValueError("name each item once")
        if missing := set(Topic) - {item.topic for item in self.items}:
            raise ValueError(f"nothing is looked at for {', '.join(sorted(missing))}")
        return self


class Climate(_Rules):
    """What a zone's air may be: degrees Celsius, and relative humidity in per cent."""

    temperature: tuple[Decimal, Decimal]
    humidity: tuple[Decimal, Decimal]

    @model_validator(mode="after")
    def _in_order(self) -> "Climate":
        if any(low >= high for low, high in (self.temperature, self.humidity)):
            raise ValueError("the lower border comes first")
        return self

    def outside(self, temperature: Decimal, humidity: Decimal) -> tuple[str, ...]:
        """What of a reading is out of range."""
        readings = (("temperature", temperature, self.temperature), ("humidity", humidity, self.humidity))
        return tuple(name for name, value, (low, high) in readings if not low <= value <= high)


class ClimateRules(_Rules):
    """The air of each zone (policy 4.1.2); a sensor that says nothing for `silent_after` is looked after."""

    zones: Mapping[str, Climate]
    silent_after: Span


class WarehouseRules(_Rules):
    counting: CountingRules
    levels: LevelRules
    rounds: RoundRules
    climate: ClimateRules
