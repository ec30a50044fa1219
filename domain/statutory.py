"""What the law of 三包 gives the customer, whatever anybody decides: return, exchange (policy 1.3.1, 2.3).

Days are calendar days where the product was sold; the day after a sale is the first. Instants are aware UTC.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from domain.policy import StatutoryRules
from domain.warranty import is_covered


class Remedy(StrEnum):
    """What the customer may ask for."""

    RETURN = "return"
    EXCHANGE = "exchange"


class Ground(StrEnum):
    """Why they may."""

    FAULT_SOON = "fault_soon"
    FAULT_EARLY = "fault_early"
    FAILED_REPAIRS = "failed_repairs"
    PARTS_MISSING = "parts_missing"
    REPAIR_TOO_LONG = "repair_too_long"


@dataclass(frozen=True)
class Right:
    """A remedy from an instant on; `arisen` if the instant is past and the condition was met, else it arises then
    unless the parts or the repair are there before. `limit` is the days or repairs that the rule speaks of."""

    remedy: Remedy
    ground: Ground
    since: datetime
    arisen: bool
    limit: int


@dataclass(frozen=True)
class Record:
    """What counts: sale and warranty of the unit, when this fault was reported, every fault and repair of the unit on
    record, and when this order's parts were with the customer and its repair was done, if they were.

    `waits` is whether parts are still to come.
    """

    sold_on: date
    warranty_months: int
    reported_at: datetime
    faults: Sequence[datetime] = ()
    repairs: Sequence[datetime] = ()
    supplied_at: datetime | None = None
    repaired_at: datetime | None = None
    waits: bool = True


def rights(record: Record, rules: StatutoryRules, zone: ZoneInfo, now: datetime) -> tuple[Right, ...]:
    """The customer's rights, those that have arisen first, each group in the order of time."""
    found = [*_soon_after_sale(record, rules, zone), *_failed_repairs(record, rules, zone)]
    if is_covered(record.sold_on, record.warranty_months, _day(record.reported_at, zone)):
        found += _too_late(record, rules, zone, now)
    return tuple(sorted(found, key=lambda right: (not right.arisen, right.since, right.ground)))


def _soon_after_sale(record: Record, rules: StatutoryRules, zone: ZoneInfo) -> Iterable[Right]:
    days = (_day(record.reported_at, zone) - record.sold_on).days
    if 0 <= days <= rules.return_days:
        yield Right(Remedy.RETURN, Ground.FAULT_SOON, record.reported_at, arisen=True, limit=rules.return_days)
    if 0 <= days <= rules.exchange_days:
        yield Right(Remedy.EXCHANGE, Ground.FAULT_EARLY, record.reported_at, arisen=True, limit=rules.exchange_days)


def _failed_repairs(record: Record, rules: StatutoryRules, zone: ZoneInfo) -> Iterable[Right]:
    """The first fault within the warranty that came back after so many repairs."""
    for fault in sorted({*record.faults, record.reported_at}):
        covered = is_covered(record.sold_on, record.warranty_months, _day(fault, zone))
        if covered and sum(repair < fault for repair in record.repairs) >= rules.failed_repairs:
            yield Right(Remedy.EXCHANGE, Ground.FAILED_REPAIRS, fault, arisen=True, limit=rules.failed_repairs)
            return


def _too_late(record: Record, rules: StatutoryRules, zone: ZoneInfo, now: datetime) -> Iterable[Right]:
    for ground, days, done in (
        (Ground.REPAIR_TOO_LONG, rules.repair_days, record.repaired_at),
        (Ground.PARTS_MISSING, rules.parts_days, record.supplied_at),
    ):
        since = _after(record.reported_at, days, zone)
        arisen = (done or now) >= since if done or record.waits else False
        if arisen or (record.waits and done is None):
            yield Right(Remedy.EXCHANGE, ground, since, arisen, days)


def _day(instant: datetime, zone: ZoneInfo) -> date:
    return instant.astimezone(zone).date()


def _after(start: datetime, days: int, zone: ZoneInfo) -> datetime:
    """The midnight that ends the last of so many days after the one of `start`."""
    return datetime.combine(_day(start, zone) + timedelta(days=days + 1), time(), zone).astimezone(UTC)
