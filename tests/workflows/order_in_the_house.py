"""What holds after every test, whatever happened in it."""

from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import TypeVar

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from database.log import verify
from database.session import Sessions
from database.tables import (
    Appointment,
    AppointmentState,
    BackOrder,
    BackOrderState,
    Base,
    Claim,
    ClaimState,
    EventLog,
    Movement,
    OrderLine,
    PurchaseOrder,
    ReplacementOrder,
    Reservation,
    ReservationState,
    Shipment,
    ShipmentState,
    Stock,
)
from domain.documents import kind_of
from domain.stages import Action
from domain.waiting import Wait

Row = TypeVar("Row", bound=Base)
UNDER_WAY = frozenset(
    {
        ShipmentState.PACKED,
        ShipmentState.BOOKED,
        ShipmentState.HANDED_OVER,
        ShipmentState.TURNED_BACK,
        ShipmentState.CALLING_OFF,
    }
)


async def disorder(sessions: Sessions) -> list[str]:
    """Everything that is wrong in the database of a house."""
    async with sessions() as session:
        broken = [str(chain.broken) async for chain in verify(session) if chain.broken]
        books = [fault async for fault in _books(session)]
        held = [fault async for fault in _held_by_the_dead(session)]
        events = await _all(session, EventLog)
    return broken + books + held + [*_waits(events), *_ways(events)]


async def _all(session: AsyncSession, table: type[Row]) -> Sequence[Row]:
    return (await session.scalars(select(table))).all()


async def _books(session: AsyncSession) -> AsyncIterator[str]:
    """Balances are the sum of the movements, and what is reserved is the sum of the reservations."""
    moved, reserved = Counter[tuple[str, str]](), Counter[tuple[str, str]]()
    for move in await _all(session, Movement):
        moved[move.source, move.part] -= move.quantity
        moved[move.target, move.part] += move.quantity
    for held in await _all(session, Reservation):
        if held.state is ReservationState.HELD:
            reserved[held.place, held.part] += held.quantity
    for row in await _all(session, Stock):
        if (row.on_hand, row.reserved) != (moved[row.place, row.part], reserved[row.place, row.part]):
            yield f"the books of {row.part} in {row.place} do not add up"


async def _held_by_the_dead(session: AsyncSession) -> AsyncIterator[str]:
    """What has ended holds nothing, and nobody waits for what has ended."""
    ended = {order.number for order in await _all(session, ReplacementOrder) if order.ended_at}
    over = {purchase.number for purchase in await _all(session, PurchaseOrder) if purchase.ended_at}
    line_of = {line.id: line.order for line in await _all(session, OrderLine)}
    for held in await _all(session, Reservation):
        if held.state is ReservationState.HELD and line_of[held.line] in ended:
            yield f"{line_of[held.line]} has ended and holds {held.part}"
    for wait in await _all(session, BackOrder):
        if wait.state is BackOrderState.WAITING and (wait.order in ended or wait.purchase_order in over):
            yield f"{wait.order} waits for {wait.purchase_order}, and one of them has ended"
    for visit in await _all(session, Appointment):
        if visit.state is AppointmentState.BOOKED and visit.order in ended:
            yield f"{visit.order} has ended and {visit.technician} still goes there"
    for parcel in await _all(session, Shipment):
        if parcel.state in UNDER_WAY and parcel.order in ended:
            yield f"{parcel.order} has ended and {parcel.id} is {parcel.state}"
    for claim in await _all(session, Claim):
        if claim.state is ClaimState.OPEN and claim.order in ended:
            yield f"{claim.order} has ended with an open claim"


def _waits(events: Sequence[EventLog]) -> Iterator[str]:
    """Whatever is open waits, and each alarm of a wait is possible at its stage: otherwise it would ring for ever."""
    for event in events:
        life = kind_of(event.document).life
        wait = Wait.model_validate(event.state["wait"]) if event.state["wait"] else None
        where = f"{event.document} at {event.to_stage}"
        if (wait is None) != (event.to_stage in life.ends):
            yield f"{where} waits for nothing, or has ended and still waits"
        for alarm in wait.alarms if wait else ():
            if event.to_stage not in life.rules[alarm.action].moves:
                yield f"{where} has the alarm {alarm.action}"
        if wait and not wait.alarms:
            yield f"{where} waits in silence"


def _ways(events: Sequence[EventLog]) -> Iterator[str]:
    """Every step leads where the table says, or where that stage is left for at once."""
    for event in events:
        life = kind_of(event.document).life
        if not event.from_stage:
            continue
        ways, edge = set[str](), {str(life.rules[Action(event.action)].moves[life.stages(event.from_stage)])}
        while edge:
            ways |= edge
            edge = {str(to) for stage in edge for to in life.passes.get(life.stages(stage), ())} - ways
        if event.to_stage not in ways:
            yield f"{event.document}: {event.action} led from {event.from_stage} to {event.to_stage}"
