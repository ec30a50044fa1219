"""A parcel on its way: the carrier's scans, what they add up to, and when to ask the carrier again.

Carriers repeat scans, send them out of order and send some too late. What a parcel's scans add up to depends
on the set of scans alone, so a push and a query may race, and either may come twice. (policy 5.2.4)
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from hashlib import sha256
from typing import Final


class Milestone(StrEnum):
    """Where a parcel is, in the words every carrier's codes are brought to.

    Scans of the same instant count in this order.
    """

    UNKNOWN = "unknown"
    CREATED = "created"
    PICKED_UP = "picked_up"
    IN_TRANSIT = "in_transit"
    ARRIVED_CITY = "arrived_city"
    OUT_FOR_DELIVERY = "out_for_delivery"
    AVAILABLE_FOR_PICKUP = "available_for_pickup"
    ATTEMPT_FAILED = "attempt_failed"
    EXCEPTION = "exception"
    CANCELLED = "cancelled"
    DELIVERED = "delivered"
    RETURNING = "returning"
    RETURNED = "returned"


UNDER_WAY: Final = frozenset(
    {
        Milestone.PICKED_UP,
        Milestone.IN_TRANSIT,
        Milestone.ARRIVED_CITY,
        Milestone.OUT_FOR_DELIVERY,
        Milestone.AVAILABLE_FOR_PICKUP,
        Milestone.ATTEMPT_FAILED,
    }
)
"""Milestones that mean the same to whoever waits for the goods: they are coming."""


class Trouble(StrEnum):
    """Why a parcel is not simply on its way; kept apart from where it is."""

    DELAYED = "delayed"
    STALLED = "stalled"
    DAMAGED = "damaged"
    REFUSED = "refused"
    LOST = "lost"
    UNREACHABLE = "unreachable"
    ADDRESS = "address"
    OUT_OF_AREA = "out_of_area"
    HELD = "held"
    UNCLAIMED = "unclaimed"
    CUSTOMS = "customs"
    FORWARDED = "forwarded"
    OTHER = "other"


@dataclass(frozen=True)
class Scan:
    """One event as the carrier told it.

    `at` is aware. `code` and `text` are the carrier's own; the text may name people, so it stays in the
    database. `in_person` says that the code proves the consignee's own signature: a locker's, a neighbour's
    or a station's does not.
    """

    waybill: str
    at: datetime
    milestone: Milestone
    code: str
    text: str
    trouble: Trouble | None = None
    place: str = ""
    in_person: bool = False

    def __post_init__(self) -> None:
        if self.at.tzinfo is None:
            raise ValueError("a scan's instant has no time zone")

    @property
    def key(self) -> str:
        """The same event told again has the same key. The place is left out: carriers edit it."""
        instant = self.at.astimezone(UTC).isoformat()
        return sha256("|".join((self.waybill, instant, self.code, self.text)).encode()).hexdigest()


@dataclass(frozen=True)
class Parcel:
    """What the scans add up to.

    `picked_up_at` is the first instant at which the carrier is known to have the parcel, `last_moved_at` the
    last one at which somebody handled it. `delivered_at` is set while, and only while, the milestone is
    DELIVERED; `delivered_to_person` says that the consignee signed for it.
    """

    milestone: Milestone = Milestone.UNKNOWN
    trouble: Trouble | None = None
    picked_up_at: datetime | None = None
    last_moved_at: datetime | None = None
    delivered_at: datetime | None = None
    delivered_to_person: bool = False

    @property
    def ended(self) -> bool:
        return self.milestone in ENDS


ENDS: Final = frozenset({Milestone.DELIVERED, Milestone.RETURNED, Milestone.CANCELLED})
HANDED_OVER_TOLERANCE: Final = timedelta(hours=24)

_RANK: Final = {milestone: rank for rank, milestone in enumerate(Milestone)}
_NOBODY_HANDLES: Final = frozenset({Milestone.CREATED, Milestone.CANCELLED})
_COMPUTED_BY_CLOCK: Final = frozenset({Trouble.DELAYED, Trouble.STALLED})

# Milestones that only some others may follow; everything else that comes later came late.
_FOLLOWED_BY: Final = {
    Milestone.DELIVERED: frozenset({Milestone.DELIVERED, Milestone.RETURNING, Milestone.RETURNED}),
    Milestone.RETURNING: frozenset({Milestone.DELIVERED, Milestone.RETURNED}),
    Milestone.RETURNED: frozenset[Milestone](),
}


def fold(scans: Iterable[Scan], handed_over_at: datetime | None = None) -> Parcel:
    """The parcel that these scans describe, whatever their order and however often each is told.

    Waybill numbers are used again after a while: scans from more than 24 h before `handed_over_at` belong to
    somebody else's parcel and do not count. A delivery after the way back began may be the sender's or the
    consignee's: it counts as delivered, but not to the person.
    """
    ordered = sorted(scans, key=_order)
    own = {
        scan.key: scan
        for scan in ordered
        if handed_over_at is None or scan.at >= handed_over_at - HANDED_OVER_TOLERANCE
    }
    parcel, turned_back = Parcel(), False
    for scan in own.values():
        parcel = _handled(parcel, scan)
        if _counts(parcel.milestone, scan.milestone):
            parcel = _reached(parcel, scan, to_person=scan.in_person and not turned_back)
        turned_back = turned_back or parcel.milestone is Milestone.RETURNING
    return parcel


def _order(scan: Scan) -> tuple[datetime, int, str, str, str, bool]:
    return (scan.at, _RANK[scan.milestone], scan.key, scan.place, scan.trouble or "", scan.in_person)


def _handled(parcel: Parcel, scan: Scan) -> Parcel:
    """Whoever scanned it had it in hand; "no news for days" and "too late" are only a clock's."""
    if scan.milestone in _NOBODY_HANDLES or scan.trouble in _COMPUTED_BY_CLOCK:
        return parcel
    picked_up_at = None if scan.milestone is Milestone.UNKNOWN else scan.at
    return replace(parcel, picked_up_at=parcel.picked_up_at or picked_up_at, last_moved_at=scan.at)


def _counts(now: Milestone, then: Milestone) -> bool:
    if then is Milestone.UNKNOWN or (then is Milestone.CREATED and now is not Milestone.UNKNOWN):
        return False
    return now not in _FOLLOWED_BY or then in _FOLLOWED_BY[now]


def _reached(parcel: Parcel, scan: Scan, *, to_person: bool) -> Parcel:
    match scan.milestone:
        case Milestone.DELIVERED:  # a second signature adds proof, not a second delivery
            return replace(
                parcel,
                milestone=Milestone.DELIVERED,
                trouble=scan.trouble,
                delivered_at=parcel.delivered_at or scan.at,
                delivered_to_person=parcel.delivered_to_person or to_person,
            )
        case Milestone.RETURNING | Milestone.RETURNED:  # the reason is told before the way back begins
            return replace(
                parcel,
                milestone=scan.milestone,
                trouble=scan.trouble or parcel.trouble,
                delivered_at=None,
                delivered_to_person=False,
            )
        case milestone:
            return replace(parcel, milestone=milestone, trouble=scan.trouble)


@dataclass(frozen=True)
class Spacing:
    """How often to ask a carrier about a parcel.

    `minimum` is the carrier's own limit and is never undercut. `near` applies within `window` of the expected
    arrival, and while the parcel is out for delivery; `far` otherwise. A delivered parcel is looked at once
    more, `late` after its delivery, because a return after delivery is not always reported.
    """

    minimum: timedelta
    near: timedelta
    far: timedelta
    window: timedelta
    late: timedelta


def next_look(parcel: Parcel, now: datetime, expected: datetime | None, spacing: Spacing) -> datetime | None:
    """When to ask the carrier again, having asked it at `now`; None when there is nothing more to learn.

    `expected` is the expected arrival, if there is one.
    """
    soonest = now + spacing.minimum
    if parcel.delivered_at is not None:
        late = parcel.delivered_at + spacing.late
        return max(soonest, late) if now < late else None
    if parcel.ended:
        return None
    if parcel.milestone is Milestone.OUT_FOR_DELIVERY:
        return max(soonest, now + spacing.near)
    if expected is None or now > expected + spacing.window:
        return max(soonest, now + spacing.far)
    return max(soonest, now + spacing.near, min(now + spacing.far, expected - spacing.window))
