"""Incoming inspection by sampling plan, and the supplier's invoice against order and receipt (policy 3.2.3, 4.1.1)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from domain.policy import InvoiceRules, Sampling


class LotVerdict(StrEnum):
    ACCEPTED = "accepted"
    REFUSED = "refused"


@dataclass(frozen=True)
class Inspected:
    """What an inspection comes to. A lot that was looked at piece by piece is sorted: its sound pieces are accepted
    although the lot counts as refused."""

    verdict: LotVerdict
    accepted: int
    refused: int


def sampling_for(plan: Sequence[Sampling], lot: int) -> Sampling:
    """The row of the plan for a lot of so many pieces; the last row is for all that are larger."""
    return next((row for row in plan if lot <= row.up_to), plan[-1])


def sample_of(row: Sampling, lot: int) -> int:
    """How many pieces of the lot must be looked at."""
    return min(row.sample, lot)


def inspected(row: Sampling, lot: int, checked: int, faulty: int) -> Inspected:
    """The verdict on a lot of which `checked` pieces were looked at and `faulty` were."""
    verdict = LotVerdict.REFUSED if faulty >= row.refuse else LotVerdict.ACCEPTED
    refused = lot if verdict is LotVerdict.REFUSED and checked < lot else faulty
    return Inspected(verdict, lot - refused, refused)


class Difference(StrEnum):
    """How an invoice differs from order and receipt."""

    QUANTITY = "quantity"
    PRICE = "price"


@dataclass(frozen=True)
class Due:
    """A part of a purchase order as its supplier may bill it: accepted and not paid yet, at the agreed price
    in yuan."""

    pieces: int
    price: Decimal


@dataclass(frozen=True)
class Billed:
    """A part as it was billed. Yuan a piece."""

    part: str
    pieces: int
    price: Decimal


def differences(billed: Sequence[Billed], due: Mapping[str, Due], rules: InvoiceRules) -> dict[str, list[Difference]]:
    """What differs by part; nothing if the invoice matches. A price may differ by the policy's share, and by all of the
    pieces together no more than its amount."""
    found: dict[str, list[Difference]] = {}
    for line in billed:
        agreed = due.get(line.part, Due(0, line.price))
        more = line.price - agreed.price
        wrong = [Difference.QUANTITY] if line.pieces > agreed.pieces else []
        if more > agreed.price * rules.percent / 100 or more * line.pieces > rules.amount:
            wrong.append(Difference.PRICE)
        if wrong:
            found[line.part] = wrong
    return found


def payable(billed: Sequence[Billed], due: Mapping[str, Due], *, as_invoiced: bool) -> list[Billed]:
    """What may be paid of an invoice: never more pieces than were accepted, at the agreed price, or at the billed one
    if that is lower or was allowed."""
    found = []
    for line in billed:
        agreed = due.get(line.part, Due(0, line.price))
        price = line.price if as_invoiced else min(line.price, agreed.price)
        if pieces := min(line.pieces, agreed.pieces):
            found.append(Billed(line.part, pieces, price))
    return found
