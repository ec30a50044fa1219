"""How much of a part to keep (policy 4.2.3): from what was asked for and how long suppliers take, no shortage and no
overstock.

Demand is pieces a period. Spare parts are asked for seldom and in jumps, so one forecast serves all: TSB (Teunter,
Syntetos and Babai), which smooths how often and how much apart and sinks while nothing is asked for. With demand in
every period it is plain exponential smoothing.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import ceil, exp, lgamma, log, sqrt
from statistics import NormalDist, fmean, pvariance
from typing import Final

INTERMITTENT_FROM: Final = 1.32
ERRATIC_FROM: Final = 0.49
"""The borders of Syntetos, Boylan and Croston: periods between demands, squared coefficient of variation of sizes."""


class Pattern(StrEnum):
    NONE = "none"
    SMOOTH = "smooth"
    ERRATIC = "erratic"
    INTERMITTENT = "intermittent"
    LUMPY = "lumpy"


class Excess(StrEnum):
    """Too much of a part: more than can be used up in time, or nobody has asked for it in a long time."""

    OVERSTOCK = "overstock"
    DEAD = "dead"


class Way(StrEnum):
    """What is done with too much of a part."""

    PROMOTION = "promotion"
    RETURN = "return"
    SCRAP = "scrap"


@dataclass(frozen=True)
class Lead:
    """How many periods a supplier takes, on average, and how much that varies (variance, in periods squared)."""

    mean: float
    variance: float = 0.0


@dataclass(frozen=True)
class Aim:
    """What a class of parts is kept for: the share of replenishments without a shortage, how often we look, for how
    long we order, and for how long stock may last. In periods."""

    service: float
    review: float
    cover: float
    most_cover: float


@dataclass(frozen=True)
class Level:
    """What to keep of a part, in pieces: order when there are `reorder_point` or fewer, up to `up_to`; more than `most`
    is overstock. `forecast` and `variance` are of one period."""

    pattern: Pattern
    forecast: float
    variance: float
    lead: Lead
    safety_stock: int
    reorder_point: int
    up_to: int
    most: int


def pattern(demand: Sequence[int]) -> Pattern:
    """What kind of demand this is, the oldest period first."""
    sizes = [size for size in demand if size]
    if not sizes:
        return Pattern.NONE
    seldom = len(demand) / len(sizes) >= INTERMITTENT_FROM
    erratic = pvariance(sizes) / fmean(sizes) ** 2 >= ERRATIC_FROM
    return {
        (False, False): Pattern.SMOOTH,
        (False, True): Pattern.ERRATIC,
        (True, False): Pattern.INTERMITTENT,
        (True, True): Pattern.LUMPY,
    }[seldom, erratic]


def forecast(demand: Sequence[int], smoothing: float) -> float:
    """Pieces expected in the next period by TSB; how often and how much are smoothed alike, from their averages on."""
    sizes = [size for size in demand if size]
    if not sizes:
        return 0.0
    often, size = len(sizes) / len(demand), fmean(sizes)
    for asked in demand:
        often += smoothing * (bool(asked) - often)
        if asked:
            size += smoothing * (asked - size)
    return often * size


def level(demand: Sequence[int], lead: Lead, aim: Aim, smoothing: float) -> Level:
    """What to keep of a part with this history, the oldest period first.

    What is asked for until goods that are ordered at the next look have come is a sum over a time that varies itself;
    the reorder point is the smallest stock that covers it with the wished service.
    """
    expected = forecast(demand, smoothing)
    variance = fmean([(asked - expected) ** 2 for asked in demand]) if expected else 0.0
    time = lead.mean + aim.review
    mean, spread = expected * time, variance * time + expected**2 * lead.variance
    kind = pattern(demand)
    point = _quantile(mean, spread, aim.service, kind)
    return Level(
        pattern=kind,
        forecast=expected,
        variance=variance,
        lead=lead,
        safety_stock=max(0, point - ceil(mean)),
        reorder_point=point,
        up_to=point + ceil(expected * aim.cover),
        most=point + ceil(expected * max(aim.cover, aim.most_cover)),
    )


def to_order(wanted: Level, position: int) -> int:
    """Pieces to order with so many in stock and on order that nobody waits for; 0 above the reorder point."""
    return max(0, wanted.up_to - position) if position <= wanted.reorder_point and wanted.forecast else 0


def excess(wanted: Level, free: int, periods_without: int, dead_after: int) -> tuple[Excess, int] | None:
    """How much of what lies free is too much, and why; `periods_without` is how long nobody has asked for it."""
    if free > 0 and periods_without >= dead_after:
        return Excess.DEAD, free
    if wanted.forecast and free > wanted.most:
        return Excess.OVERSTOCK, free - wanted.most
    return None


def _quantile(mean: float, variance: float, service: float, kind: Pattern) -> int:
    """The fewest pieces that are enough with this probability. Jumpy demand is counted out piece by piece: negative
    binomial, or Poisson where it varies no more than that; the normal distribution is for the steady kind."""
    if mean <= 0:
        return 0
    if kind in (Pattern.SMOOTH, Pattern.ERRATIC):
        return max(0, ceil(NormalDist(mean, sqrt(variance)).inv_cdf(service) if variance else mean))
    reached = 0.0
    for pieces, probability in enumerate(_probabilities(mean, variance)):
        reached += probability
        if reached >= service or pieces > mean + 40 * sqrt(max(variance, mean)):
            return pieces
    raise AssertionError("probabilities never end")


def _probabilities(mean: float, variance: float) -> Iterator[float]:
    """Of 0, 1, 2, … pieces."""
    pieces = 0
    size = mean**2 / (variance - mean) if variance > mean * (1 + 1e-9) else None
    while True:
        if size is None:
            yield exp(pieces * log(mean) - mean - lgamma(pieces + 1))
        else:
            chance = size / (size + mean)
            ways = lgamma(pieces + size) - lgamma(size) - lgamma(pieces + 1)
            yield exp(ways + size * log(chance) + pieces * log(mean / (size + mean)))
        pieces += 1
