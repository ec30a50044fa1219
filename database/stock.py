"""Stock as a ledger of movements between places, and what is reserved of it (policy 3.2.1, 4.2.1).

Every function works inside the caller's transaction. Rows are locked in the order of part and place, so that
two orders never wait for each other.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import func, literal, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from database.tables import Movement, OrderLine, Place, Reservation, ReservationState, Stock, Warehouse, Zone

SUPPLIERS, CUSTOMERS, CARRIERS = "outside/suppliers", "outside/customers", "outside/carriers"
OPENING, LOSSES = "outside/opening", "outside/losses"
IN_TRANSIT = "in-transit"
SHIPPABLE = (Zone.QUALIFIED, Zone.VALUABLES, Zone.HAZARDOUS)


async def move(
    session: AsyncSession,
    part: str,
    quantity: int,
    *,
    source: str,
    target: str,
    at: datetime,
    by: str,
    document: str,
    effect: str,
) -> None:
    """Books goods from one place to another, once per `effect`."""
    booked = await session.scalar(
        insert(Movement)
        .values(
            part=part, quantity=quantity, source=source, target=target, at=at, by=by, document=document, effect=effect
        )
        .on_conflict_do_nothing(index_elements=["effect"])
        .returning(Movement.id)
    )
    if booked is None:
        return
    places = select(Place.code, literal(part), Place.zone, literal(0)).where(Place.code.in_((source, target)))
    await session.execute(
        insert(Stock)
        .from_select(["place", "part", "zone", "on_hand"], places.order_by(Place.code))
        .on_conflict_do_nothing(index_elements=["place", "part"])
    )
    for place, change in sorted(((source, -quantity), (target, quantity))):
        await session.execute(
            update(Stock).where(Stock.place == place, Stock.part == part).values(on_hand=Stock.on_hand + change)
        )


async def reserve(session: AsyncSession, line: OrderLine, service_centre: str, effect: str) -> bool:
    """Reserves a whole line from one place, the service centre's own warehouse first; false if none has enough."""
    own_first = select(Warehouse.code).where(Warehouse.service_centre == service_centre)
    fitting = (
        select(Stock.place)
        .join(Place, Place.code == Stock.place)
        .where(
            Stock.part == line.part,
            Stock.zone.in_(SHIPPABLE),
            Stock.on_hand - Stock.reserved >= line.quantity,
        )
        .order_by(Place.warehouse.in_(own_first).desc(), Stock.place)
        .limit(1)
    )
    while (place := await session.scalar(fitting)) is not None:
        if await hold(session, line, place, effect):
            return True
    return False


async def most_free(session: AsyncSession, part: str) -> int:
    """The most pieces of a part that any one place has free for customers."""
    free = func.coalesce(func.max(Stock.on_hand - Stock.reserved), 0)
    return await session.scalar(select(free).where(Stock.part == part, Stock.zone.in_(SHIPPABLE))) or 0


async def hold(session: AsyncSession, line: OrderLine, place: str, effect: str) -> bool:
    """Reserves a line's pieces in a place; false if there are not enough left."""
    held = await session.scalar(
        update(Stock)
        .where(Stock.place == place, Stock.part == line.part, Stock.on_hand - Stock.reserved >= line.quantity)
        .values(reserved=Stock.reserved + line.quantity)
        .returning(Stock.place)
    )
    if held is None:
        return False
    session.add(
        Reservation(
            line=line.id,
            place=place,
            part=line.part,
            quantity=line.quantity,
            state=ReservationState.HELD,
            effect=effect,
        )
    )
    await session.flush()
    return True


async def held(session: AsyncSession, lines: Iterable[int]) -> Sequence[Reservation]:
    """What is reserved for these order lines now."""
    return (
        await session.scalars(
            select(Reservation)
            .where(Reservation.line.in_(list(lines)), Reservation.state == ReservationState.HELD)
            .order_by(Reservation.part, Reservation.place)
        )
    ).all()


async def release(session: AsyncSession, lines: Iterable[int]) -> Sequence[Reservation]:
    """Gives back what is reserved for these order lines, and says what it was."""
    reservations = await held(session, lines)
    for reservation in reservations:
        await _unreserve(session, reservation)
        reservation.state = ReservationState.RELEASED
    return reservations


async def issue(
    session: AsyncSession, reservation: Reservation, *, at: datetime, by: str, document: str, effect: str
) -> None:
    """Turns a reservation into goods on their way."""
    await _unreserve(session, reservation)
    reservation.state = ReservationState.SHIPPED
    await move(
        session,
        reservation.part,
        reservation.quantity,
        source=reservation.place,
        target=IN_TRANSIT,
        at=at,
        by=by,
        document=document,
        effect=effect,
    )


async def _unreserve(session: AsyncSession, reservation: Reservation) -> None:
    await session.execute(
        update(Stock)
        .where(Stock.place == reservation.place, Stock.part == reservation.part)
        .values(reserved=Stock.reserved - reservation.quantity)
    )


async def place_of(session: AsyncSession, warehouse: str, zone: Zone) -> str:
    """A warehouse's place for a kind of goods."""
    place = await session.scalar(
        select(Place.code).where(Place.warehouse == warehouse, Place.zone == zone).order_by(Place.code).limit(1)
    )
    if place is None:
        raise LookupError(f"warehouse {warehouse} has no place of zone {zone}")
    return place
