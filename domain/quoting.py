"""What the customer is told before consenting: when, how sure, what it costs and who bears it (policy 2.2.2).

Money is yuan with two places, instants are aware UTC.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from enum import StrEnum

from domain.policy import AskAgainRules, LeadRules, Timekeeper, Transit
from domain.waiting import Clock
from domain.working_time import Span

_NOTHING = Decimal("0.00")


class Charge(StrEnum):
    """Who bears a line's cost."""

    WARRANTY = "warranty"
    GOODWILL = "goodwill"
    CUSTOMER = "customer"


class Sureness(StrEnum):
    """How sure a date is, the surest first."""

    IN_STOCK = "in_stock"
    SUPPLIER_CONFIRMED = "supplier_confirmed"
    ESTIMATE = "estimate"


class Because(StrEnum):
    """Why consent is asked again."""

    COST = "cost"
    DATE = "date"


@dataclass(frozen=True)
class Punctuality:
    """How long a supplier's deliveries took against their time allowed (1 = just in time): quick ones and slow ones,
    of so many."""

    quick: Decimal
    slow: Decimal
    deliveries: int


@dataclass(frozen=True)
class Lead:
    """Between how many days a supplier takes; `deliveries` it rests on, 0 where only the policy's allowance does."""

    shortest: int
    longest: int
    deliveries: int


@dataclass(frozen=True)
class Supply:
    """When a line's pieces are in the house, and what says so."""

    part: str
    earliest: datetime
    latest: datetime
    sure: Sureness
    supplier: str | None = None
    purchase_order: str | None = None
    lead: Lead | None = None

    def basis(self) -> dict[str, object]:
        """What the date rests on, for the record."""
        lead = self.lead
        said = {
            "part": self.part,
            "sure": self.sure,
            "supplier": self.supplier,
            "purchase_order": self.purchase_order,
            "days": [lead.shortest, lead.longest] if lead else None,
            "deliveries": lead.deliveries if lead else None,
        }
        return {name: value for name, value in said.items() if value is not None}


@dataclass(frozen=True)
class Expected:
    """When the parts are with the customer. Parts that come into the house after `parts_by` are a reason to ask
    again."""

    earliest: datetime
    latest: datetime
    parts_by: datetime
    sure: Sureness


@dataclass(frozen=True)
class Priced:
    """What a line costs, and who bears it."""

    amount: Decimal
    charge: Charge


@dataclass(frozen=True)
class Costs:
    parts: Decimal
    labour: Decimal
    travel: Decimal
    warranty: Decimal
    goodwill: Decimal

    @property
    def to_pay(self) -> Decimal:
        return self.parts + self.labour + self.travel - self.warranty - self.goodwill


def lead(days: int, seen: Punctuality | None, rules: LeadRules) -> Lead:
    """How long a supplier that allows itself so many days takes: as it did before, else by the policy's allowance."""
    if seen is None or seen.deliveries < rules.deliveries:
        return Lead(days, _whole(days * (1 + rules.longer), ROUND_CEILING), 0)
    shortest = max(1, _whole(days * min(seen.quick, Decimal(1)), ROUND_FLOOR))
    return Lead(shortest, max(shortest, _whole(days * seen.slow, ROUND_CEILING)), seen.deliveries)


def signed_by(time: Timekeeper, at: datetime) -> datetime:
    """When the audit of what is agreed to at `at` has been signed at the latest; nothing is ordered before."""
    return time.after(at, time.policy.clocks[Clock.SIGNATURE].due)


def to_be_bought(time: Timekeeper, at: datetime, part: str, supplier: str, takes: Lead) -> Supply:
    """Pieces that a supplier is asked for once the order is signed."""
    earliest = time.after(at, Span(max(takes.shortest, 1), "days"))
    latest = time.after(signed_by(time, at), Span(max(takes.longest, 1), "days"))
    return Supply(part, earliest, latest, Sureness.ESTIMATE, supplier=supplier, lead=takes)


def expected(time: Timekeeper, supplies: Iterable[Supply], transit: Transit) -> Expected:
    """When everything is with the customer: the last line decides, the least sure one says how sure.

    Goods leave the house after the policy's lead; they arrive in office hours.
    """
    lines, rules = tuple(supplies), time.policy.quotation
    first, last = max(line.earliest for line in lines), max(line.latest for line in lines)
    earliest = _arrival(time, first, rules.stock_lead, transit.earliest)
    return Expected(
        earliest=earliest,
        latest=max(earliest, _arrival(time, last, rules.stock_lead, transit.latest)),
        parts_by=time.after(last, rules.ask_again.later),
        sure=max((line.sure for line in lines), key=list(Sureness).index),
    )


def transit_to(province: str, transits: Sequence[Transit], otherwise: Span) -> Transit:
    """How long goods travel to a province, written with its kind (浙江省) or without."""
    said = province.strip()[:2]
    named = (one for one in transits if said and any(name.startswith(said) for name in one.provinces))
    return next(named, Transit(provinces=(), earliest=otherwise, latest=otherwise))


def split(lines: Iterable[Priced], labour: Decimal, travel: Decimal) -> Costs:
    """Who bears what of at least one line. There is one visit for all of them: where a line is under warranty, so is
    the visit, and where goodwill bears a line, it bears the visit."""
    borne: dict[Charge, Decimal] = {}
    for line in lines:
        borne[line.charge] = borne.get(line.charge, _NOTHING) + line.amount
    parts = sum(borne.values(), _NOTHING)
    visit = next(charge for charge in Charge if charge in borne)
    borne[visit] += labour + travel
    return Costs(parts, labour, travel, borne.get(Charge.WARRANTY, _NOTHING), borne.get(Charge.GOODWILL, _NOTHING))


def costs_more(agreed: Decimal, now: Decimal, rules: AskAgainRules) -> bool:
    """Whether the customer is to pay so much more than agreed that they must be asked again."""
    more = now - agreed
    return more > 0 and (more > rules.amount or more * 100 > agreed * rules.percent)


def _arrival(time: Timekeeper, in_house: datetime, lead_time: Span, travel: Span) -> datetime:
    return time.calendar.open_from(time.after(time.after(in_house, lead_time), travel))


def _whole(days: Decimal, rounding: str) -> int:
    return int(days.to_integral_value(rounding))
