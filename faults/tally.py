"""What an order came to, counted: the same case must come to the same in every pass."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from database.tables import (
    Appointment,
    BackOrder,
    Claim,
    EventLog,
    Movement,
    OrderLine,
    Outbox,
    Parcel,
    PurchaseLine,
    PurchaseOrder,
    ReplacementOrder,
    Reservation,
    RevisitAttempt,
    Shipment,
    Signature,
)
from domain.stages import Action

Tally = Counter[str]

_CLOCKS: Final = (Action.REMIND, Action.ESCALATE)
_PASSING: Final = {
    Action.LATE,
    Action.NO_MOVEMENT,
    Action.NO_PICKUP_SCAN,
    Action.TROUBLE,
    Action.PASS_ON,
    Action.WITHDRAW,
}
"""Messages that depend on how long something took, on which scan was seen, or on how often somebody was told."""
_SAME: Final = {Action.PICK_UP: Action.HAND_OVER}
"""The keeper's word and the carrier's scan are the same thing; whichever comes first."""


@dataclass(frozen=True)
class Difference:
    """`kind` is lost (less than undisturbed), doubled (more) or stuck."""

    kind: str
    what: str


def compare(title: str, expected: Tally, found: Tally) -> list[Difference]:
    """What is missing of, and what is too much against, the undisturbed pass."""
    return [
        Difference(kind, f"{title}: {count} × {what}")
        for kind, more, less in (("lost", expected, found), ("doubled", found, expected))
        for what, count in sorted((more - less).items())
    ]


async def tally(session: AsyncSession, number: str, own_part: str | None) -> Tally:
    """Counts everything that hangs on an order; `own_part` has another name in every pass."""

    def part(code: str) -> str:
        return "own part" if code == own_part else code

    order = await session.get_one(ReplacementOrder, number)
    purchases = await purchases_of(session, number)
    shipments = (await session.scalars(select(Shipment).where(Shipment.order == number))).all()
    documents = [number, *(purchase.number for purchase in purchases)]
    lines = (await session.scalars(select(OrderLine).where(OrderLine.order == number))).all()
    found: Tally = Counter([f"order {order.stage} {order.outcome} in round {order.round}"])
    found.update(f"line {part(line.part)} × {line.quantity} {line.state}" for line in lines)
    found.update(f"purchase order to {each.supplier} {each.stage}" for each in purchases)
    found.update(f"shipment by {each.account} {each.state}" for each in shipments)
    for reservation in await session.scalars(
        select(Reservation).where(Reservation.line.in_([line.id for line in lines]))
    ):
        found[f"reservation {part(reservation.part)} × {reservation.quantity} {reservation.state}"] += 1
    for wait in await session.scalars(select(BackOrder).where(BackOrder.order == number)):
        found[f"back order {part(wait.part)} × {wait.quantity} {wait.state}"] += 1
    for line in await session.scalars(select(PurchaseLine).where(PurchaseLine.purchase_order.in_(documents))):
        found[f"purchase line {part(line.part)} {line.quantity}, {line.received} in, {line.refused} refused"] += 1
    moved = [*documents, *(shipment.id for shipment in shipments)]
    for goods in await session.scalars(select(Movement).where(Movement.document.in_(moved))):
        found[f"movement {part(goods.part)} × {goods.quantity} {goods.source} → {goods.target}"] += 1
    for claim in await session.scalars(select(Claim).where(Claim.order == number)):
        found[f"claim {claim.reason} {claim.value} {claim.state} for {claim.settled_for}"] += 1
    for visit in await session.scalars(select(Appointment).where(Appointment.order == number)):
        found[f"appointment {visit.state}"] += 1
    found["parcels"] += len((await session.scalars(select(Parcel.shipment).where(Parcel.order == number))).all())
    found["signatures"] += len((await session.scalars(select(Signature.seq).where(Signature.order == number))).all())
    found["revisit attempts"] += len(
        (await session.scalars(select(RevisitAttempt.seq).where(RevisitAttempt.order == number))).all()
    )
    found.update(await _decisions(session, documents))
    found.update(await _messages(session, documents))
    return +found


async def purchases_of(session: AsyncSession, number: str) -> list[PurchaseOrder]:
    """The purchase orders an order caused, and those that took over from them."""
    found: list[PurchaseOrder] = []
    causes = [number]
    while causes:
        caused = EventLog.details["for"].astext.in_(causes)
        placed = select(EventLog.document).where(EventLog.action == "place", caused)
        rows = await session.scalars(select(PurchaseOrder).where(PurchaseOrder.number.in_(placed)))
        found += (new := list(rows))
        causes = [purchase.number for purchase in new]
    return found


async def _decisions(session: AsyncSession, documents: Sequence[str]) -> Iterable[str]:
    rows = await session.scalars(
        select(EventLog.action).where(EventLog.document.in_(documents), EventLog.submission.is_not(None))
    )
    return [f"decision {action}" for action in rows if action != Action.HAND_OVER]  # the carrier may come first


async def _messages(session: AsyncSession, documents: Sequence[str]) -> Mapping[str, int]:
    rows = await session.execute(select(Outbox.template, Outbox.audience).where(Outbox.document.in_(documents)))
    return Counter(
        f"message {_SAME.get(Action(template), template) if template in list(Action) else template} to {audience}"
        for template, audience in rows
        if template not in _PASSING and not template.startswith(tuple(f"{clock}_" for clock in _CLOCKS))
    )
