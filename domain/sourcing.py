"""Where pieces are taken from, and who gets those that become free (policy 3.2.1)."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Where(StrEnum):
    """Whose stock: the service centre's own warehouses, others, the bins of its own technicians."""

    OWN = "own"
    OTHER = "other"
    TECHNICIAN = "technician"


class Precedence(StrEnum):
    """Why somebody was served before the next who waited."""

    URGENCY = "urgency"
    DUE = "due"
    AGE = "age"
    ONLY_ONE = "only_one"


@dataclass(frozen=True)
class Free:
    """Free pieces in a place; `rank` is where the policy looks for them, the lowest first."""

    place: str
    pieces: int
    rank: int


@dataclass(frozen=True)
class Waiting:
    """What decides who is served first: urgency, then how near the order is to breaking its time, then its age."""

    order: str
    urgent: bool
    due: datetime | None
    since: datetime


def spread(free: Iterable[Free], quantity: int) -> list[tuple[str, int]]:
    """Which places so many pieces are taken from: one that has them all if there is, else as few as possible of the
    places looked at first. Fewer pieces if there are not so many."""
    found = sorted(free, key=lambda one: (one.rank, -one.pieces, one.place))
    if whole := next((one for one in found if one.pieces >= quantity), None):
        return [(whole.place, quantity)]
    taken = []
    for one in found:
        if quantity:
            taken.append((one.place, min(quantity, one.pieces)))
            quantity -= taken[-1][1]
    return taken


def precedence(served: Waiting, following: Waiting | None) -> Precedence:
    """Why `served` came before the next who waits for the same."""
    if following is None:
        return Precedence.ONLY_ONE
    if served.urgent != following.urgent:
        return Precedence.URGENCY
    return Precedence.DUE if served.due != following.due else Precedence.AGE
