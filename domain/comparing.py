"""Which of several bids is the best value, and by how much (policy 3.3.1).

Every criterion is held against the best there is: 0.08 is eight per cent worse. A bid's gap is the mean of those,
weighted as the policy says; the bid with the smallest gap wins.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Final

from pydantic import BaseModel, ConfigDict, Field, model_validator


class Criterion(StrEnum):
    LANDED_COST = "landed_cost"
    LEAD_TIME = "lead_time"
    SCORE = "score"
    GUARANTEE = "guarantee"


class Weights(BaseModel):
    """How much each criterion counts; only their proportions matter."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    landed_cost: Decimal = Field(ge=0)
    lead_time: Decimal = Field(ge=0)
    score: Decimal = Field(Decimal(0), ge=0)
    guarantee: Decimal = Field(Decimal(0), ge=0)

    @model_validator(mode="after")
    def _something_counts(self) -> "Weights":
        if not self.landed_cost + self.lead_time:
            raise ValueError("landed cost or lead time must count")
        return self

    def of(self, criterion: Criterion) -> Decimal:
        weight: Decimal = getattr(self, criterion)
        return weight


@dataclass(frozen=True)
class Bid:
    """One supplier's for one part. `landed` is what a piece costs in our warehouse, in yuan: price and freight;
    `lead` is in days, `score` from 0 to 100, None if nobody knows, `guarantee` in months."""

    supplier: str
    landed: Decimal
    lead: int
    score: Decimal | None = None
    guarantee: int = 0


@dataclass(frozen=True)
class Placed:
    """A bid in its place, 1 for the best. `gaps` are how much worse than the best it is in each criterion; what is
    not known of it is left out, and counts neither for nor against it."""

    bid: Bid
    rank: int
    gap: Decimal
    gaps: Mapping[Criterion, Decimal]


_NOTHING: Final = Decimal(0)
_LESS_IS_BETTER: Final = frozenset({Criterion.LANDED_COST, Criterion.LEAD_TIME})
_LEAST: Final = {Criterion.LANDED_COST: Decimal("0.01"), Criterion.LEAD_TIME: Decimal(1)}
"""What a best bid of nothing is held to be, so that others can be measured against it."""


def compare(bids: Iterable[Bid], weights: Weights) -> Sequence[Placed]:
    """The bids, the best value first. Of equals the cheaper, then the one whose code comes first."""
    known = [(bid, _values(bid)) for bid in bids]
    best = {
        criterion: (min if criterion in _LESS_IS_BETTER else max)(values)
        for criterion in Criterion
        if (values := [each[criterion] for _, each in known if criterion in each])
    }
    measured = [(bid, {name: _gap(name, value, best[name]) for name, value in each.items()}) for bid, each in known]
    ordered = sorted(
        ((_mean(gaps, weights), bid, gaps) for bid, gaps in measured),
        key=lambda one: (one[0], one[1].landed, one[1].supplier),
    )
    return [Placed(bid, rank, gap, gaps) for rank, (gap, bid, gaps) in enumerate(ordered, start=1)]


def _values(bid: Bid) -> dict[Criterion, Decimal]:
    values = {
        Criterion.LANDED_COST: bid.landed,
        Criterion.LEAD_TIME: Decimal(bid.lead),
        Criterion.GUARANTEE: Decimal(bid.guarantee),
    }
    return values if bid.score is None else {**values, Criterion.SCORE: bid.score}


def _gap(criterion: Criterion, value: Decimal, best: Decimal) -> Decimal:
    if criterion in _LESS_IS_BETTER:
        least = _LEAST[criterion]
        return max(value, least) / max(best, least) - 1
    return (best - value) / best if best else _NOTHING


def _mean(gaps: Mapping[Criterion, Decimal], weights: Weights) -> Decimal:
    counted = sum((weights.of(criterion) for criterion in gaps), _NOTHING)
    return sum((weights.of(criterion) * gap for criterion, gap in gaps.items()), _NOTHING) / counted
