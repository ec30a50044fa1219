"""What purchasing and keeping parts costs, and what drives it (policy 3.3.2).

Money is yuan with two places. Sums are kept for each month, part and supplier; every figure is made of them.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from statistics import median
from typing import Final
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field

from domain.figures import Ratio

_NOTHING: Final = Decimal("0.00")
_FEN: Final = Decimal("0.01")
DAYS_A_YEAR: Final = 365


class CostRules(BaseModel):
    """What keeping a piece costs a year, as a share of its value; up to which share of the cost parts count as A and
    as B."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    storage_rate: Decimal = Field(ge=0, le=1)
    a_share: Decimal = Field(Decimal("0.80"), gt=0, le=1)
    b_share: Decimal = Field(Decimal("0.95"), gt=0, le=1)


class Basis(StrEnum):
    """What a target price rests on, the best first."""

    CONTRACT = "contract"
    QUOTES = "quotes"
    PURCHASES = "purchases"


@dataclass(frozen=True)
class Target:
    price: Decimal
    basis: Basis


def target_price(contract: Decimal | None, quotes: Sequence[Decimal], purchased: Decimal | None) -> Target | None:
    """What a piece should have cost: the contract's price, else the median of the quotes, else the weighted price of
    the twelve months before. None if nobody can say."""
    if contract is not None:
        return Target(contract, Basis.CONTRACT)
    if quotes:
        return Target(Decimal(median(quotes)).quantize(_FEN), Basis.QUOTES)
    return Target(purchased.quantize(_FEN), Basis.PURCHASES) if purchased is not None else None


@dataclass(frozen=True)
class Sums:
    """What parts cost. `freight` is all that bringing them in cost, `expedited` the part of it paid for haste.

    `lines` are the receipts of a part. Of those that have a target: their number, how many kept it, what they
    cost (`priced`) and should have cost (`target`).
    """

    pieces: int = 0
    price: Decimal = _NOTHING
    freight: Decimal = _NOTHING
    expedited: Decimal = _NOTHING
    storage: Decimal = _NOTHING
    lines: int = 0
    with_target: int = 0
    at_target: int = 0
    priced: Decimal = _NOTHING
    target: Decimal = _NOTHING

    def __add__(self, other: "Sums") -> "Sums":
        return Sums(*(getattr(self, one.name) + getattr(other, one.name) for one in fields(self)))

    def __neg__(self) -> "Sums":
        return Sums(*(-getattr(self, one.name) for one in fields(self)))

    @property
    def total(self) -> Decimal:
        return self.price + self.freight + self.storage


def bought(pieces: int, unit_price: Decimal, target: Target | None) -> Sums:
    """One receipt of a part."""
    price = pieces * unit_price
    if target is None:
        return Sums(pieces=pieces, price=price, lines=1)
    return Sums(
        pieces=pieces,
        price=price,
        lines=1,
        with_target=1,
        at_target=int(unit_price <= target.price),
        priced=price,
        target=pieces * target.price,
    )


def cost_control(sums: Sums) -> Ratio:
    """The procurement cost control rate 采购成本控制率, 2 − Σ actual landed cost / Σ target cost (policy 7.2.1).

    Lines without a target, and their share of the freight, are left out.
    """
    freight = (sums.freight * sums.priced / sums.price).quantize(_FEN) if sums.price else _NOTHING
    return Ratio(2 * sums.target - sums.priced - freight, sums.target, sums.with_target)


def price_variance(sums: Sums) -> Decimal | None:
    """The favourable price variance, Σ (target − actual) × quantity: positive if less was paid than planned."""
    return sums.target - sums.priced if sums.with_target else None


def at_target(sums: Sums) -> Ratio:
    """The share of lines at or under their target."""
    return Ratio(sums.at_target, sums.with_target, sums.with_target)


def storage_cost(piece_days: Decimal, value: Decimal, rate: Decimal) -> Decimal:
    """What keeping pieces worth `value` each for so many days in all costs."""
    return (piece_days * value * rate / DAYS_A_YEAR).quantize(_FEN)


def split(amount: Decimal, shares: Mapping[str, Decimal]) -> dict[str, Decimal]:
    """An amount of money in proportion to the shares, to the fen: what rounding leaves goes to the largest share."""
    whole = sum(shares.values(), Decimal(0))
    if not whole:
        return {}
    parts = {key: (amount * share / whole).quantize(_FEN) for key, share in sorted(shares.items())}
    largest = max(parts, key=lambda key: (shares[key], key))
    parts[largest] += amount - sum(parts.values())
    return parts


class PartClass(StrEnum):
    A = "A"
    B = "B"
    C = "C"


@dataclass(frozen=True)
class Ranked:
    """One of those that make up a cost: its share of all, and that of all down to it."""

    key: str
    cost: Decimal
    share: Decimal
    cumulative: Decimal
    part_class: PartClass


def pareto(costs: Mapping[str, Decimal], rules: CostRules) -> list[Ranked]:
    """The few that cost most first. Who begins below the share of A is A, and so on."""
    whole, so_far, found = sum(costs.values(), _NOTHING), _NOTHING, []
    if whole <= 0:
        return []
    for key, cost in sorted(costs.items(), key=lambda one: (-one[1], one[0])):
        begins = so_far / whole
        so_far += cost
        kind = PartClass.A if begins < rules.a_share else PartClass.B if begins < rules.b_share else PartClass.C
        found.append(Ranked(key, cost, cost / whole, so_far / whole, kind))
    return found


class Driver(StrEnum):
    """Why a time cost another sum than the time before."""

    PRICE = "price"
    QUANTITY = "quantity"
    FREIGHT = "freight"
    EXPEDITES = "expedites"
    STORAGE = "storage"


@dataclass(frozen=True)
class Change:
    """How much of the difference one driver makes, and the part that makes most of that."""

    driver: Driver
    amount: Decimal
    part: str | None
    part_amount: Decimal


def drivers(before: Mapping[str, Sums], now: Mapping[str, Sums]) -> list[Change]:
    """What makes the difference between two times, by part in both; the largest first. Together they are all of it.

    A dearer piece counts as price for as many as are bought now; more pieces count at the price of before.
    """
    by_driver: dict[Driver, dict[str, Decimal]] = {driver: {} for driver in Driver}
    for part in sorted({*before, *now}):
        was, is_ = before.get(part, Sums()), now.get(part, Sums())
        dearer = _NOTHING
        if was.pieces and is_.pieces:
            dearer = is_.price - (was.price / was.pieces * is_.pieces).quantize(_FEN)
        by_driver[Driver.PRICE][part] = dearer
        by_driver[Driver.QUANTITY][part] = is_.price - was.price - dearer
        by_driver[Driver.FREIGHT][part] = (is_.freight - is_.expedited) - (was.freight - was.expedited)
        by_driver[Driver.EXPEDITES][part] = is_.expedited - was.expedited
        by_driver[Driver.STORAGE][part] = is_.storage - was.storage
    changes = [_change(driver, parts) for driver, parts in by_driver.items()]
    return sorted((each for each in changes if each.amount), key=lambda each: -abs(each.amount))


def _change(driver: Driver, parts: Mapping[str, Decimal]) -> Change:
    amount = sum(parts.values(), _NOTHING)
    part = max(parts, key=lambda one: parts[one] if amount >= 0 else -parts[one], default=None)
    return Change(driver, amount, part, parts[part] if part else _NOTHING)


def month_of(at: datetime, zone: ZoneInfo) -> date:
    """The month that an instant falls in where the office is, named by its first day."""
    return at.astimezone(zone).date().replace(day=1)


def months_on(month: date, number: int) -> date:
    """The month so many months later, or earlier if negative."""
    year, index = divmod(month.year * 12 + month.month - 1 + number, 12)
    return date(year, index + 1, 1)


def begins(month: date, zone: ZoneInfo) -> datetime:
    """The instant at which a month begins."""
    return datetime(month.year, month.month, 1, tzinfo=zone)


def summed(sums: Iterable[Sums]) -> Sums:
    return sum(sums, Sums())
