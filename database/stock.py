"""Stock as a ledger of movements between places, and what is reserved of it (policy 3.2.1, 4.2.1).

Every function works inside the caller's transaction. Rows are locked in the order of part and place, so that
two orders never wait for each other.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Case, ScalarSelect, and_, case, exists, func, literal, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from database import keeping, lots
from database.lots import Pieces
from database.tables import (
    BackOrder,
    BackOrderState,
    Movement,
    MovementReason,
    OrderLine,
    Part,
    Place,
    Reservation,
    ReservationState,
    Stock,
    Tracking,
    Warehouse,
    Zone,
)
from domain.sourcing import Free, Precedence, Where, spread
from domain.stages import Refusal

SUPPLIERS = lots.SUPPLIERS
CUSTOMERS, CARRIERS = "outside/customers", "outside/carriers"
OPENING, LOSSES = "outside/opening", "outside/losses"
IN_TRANSIT = "in-transit"
_NEW = (SUPPLIERS, OPENING, LOSSES)
"""Pieces from here were not known before, or are found again."""
SHIPPABLE = (Zone.QUALIFIED, Zone.VALUABLES, Zone.HAZARDOUS)
"""Where sound pieces lie: only these are reserved and sent to customers."""
SOUND = (*SHIPPABLE, Zone.TECHNICIAN)
UNSOUND = (Zone.AWAITING_INSPECTION, Zone.NONCONFORMING, Zone.SCRAP)
"""Nothing comes from these into sound places but by an inspection."""
BY_HAND = (
    MovementReason.OPENING, MovementReason.PUT_AWAY, MovementReason.TRANSFER, MovementReason.SCRAPPING,
)  # fmt: skip
"""What may be reversed by hand; whatever else moved is put right by the document that moved it."""


async def move(
    session: AsyncSession,
    part: str,
    quantity: int,
    *,
    source: str,
    target: str,
    reason: MovementReason,
    at: datetime,
    by: str,
    document: str,
    effect: str,
    lot: str | None = None,
    serial: str | None = None,
    pieces: Sequence[Pieces] = (),
    note: str = "",
) -> None:
    """Books goods from one place to another, once per `effect` (policy 4.2.1).

    Of a part that has lots or serial numbers, they are of this one, or all of these `pieces`. Those that nobody names
    are the ones that came there first; on the way, outside and at inspection, those of the same document. What enters
    the house without a lot of its own has the document for one. Raises Refusal `not_enough_stock`, `serial_needed`,
    `unknown_place`, and NotTheKeeper where only a named keeper, or two signatures under the document, may move them
    (policy 4.3.3).
    """
    zones, tracking = await _zones_and_tracking(session, part, source, target)
    if reason not in keeping.UNKEPT:
        kept = keeping.kept_by_zone(source, target, zones)
        await keeping.require(session, kept, part=part, by=by, document=document)
    named = list(pieces)
    if not named and (lot or serial or tracking is Tracking.NONE):
        named = [Pieces(quantity, lot, serial)]
    elif not named:
        named = await lots.unnamed(session, part, quantity, source, zones[source], document, tracking)
    if tracking is Tracking.SERIAL and source in _NEW and not all(each.serial for each in named):
        raise Refusal("serial_needed", f"each piece of part {part} comes in with its serial number")
    common = {
        "part": part, "source": source, "target": target, "at": at, "by": by, "reason": reason, "note": note,
        "document": document,
    }  # fmt: skip
    for number, each in enumerate(named):
        key = f"{effect}+{number}" if number else effect
        if not await _booked(session, quantity=each.quantity, lot=each.lot, serial=each.serial, effect=key, **common):
            return
    await _balance(session, part, named, source, target, zones, at, document)


async def reverse(session: AsyncSession, movement: int, *, at: datetime, by: str, document: str, note: str) -> Movement:
    """Takes a movement back by its mirror, once; nothing booked is changed (policy 4.2.1). Returns what it took back.

    Raises Refusal `unknown_movement`, `reversed_before`, `not_by_hand`, `not_enough_stock`, and NotTheKeeper.
    """
    done = await session.get(Movement, movement)
    if done is None:
        raise Refusal("unknown_movement", f"there is no movement {movement}")
    if done.reason not in BY_HAND:
        raise Refusal("not_by_hand", f"movement {movement} belongs to {done.document} and is put right there")
    zones, _ = await _zones_and_tracking(session, done.part, done.target, done.source)
    kept = keeping.kept_by_zone(done.target, done.source, zones)
    await keeping.require(session, kept, part=done.part, by=by, document=document)
    booked = await _booked(
        session, part=done.part, quantity=done.quantity, source=done.target, target=done.source, at=at, by=by,
        reason=MovementReason.REVERSAL, note=note, document=document, lot=done.lot, serial=done.serial,
        reverses=done.id, effect=f"reverse/{done.id}",
    )  # fmt: skip
    if not booked:
        raise Refusal("reversed_before", f"movement {movement} was reversed before")
    pieces = [Pieces(done.quantity, done.lot, done.serial)]
    await _balance(session, done.part, pieces, done.target, done.source, zones, at, document)
    return done


async def _booked(session: AsyncSession, **movement: Any) -> bool:
    """Adds a movement; false if its effect was booked before."""
    booked = insert(Movement).values(movement).on_conflict_do_nothing(index_elements=["effect"])
    return await session.scalar(booked.returning(Movement.id)) is not None


async def _zones_and_tracking(
    session: AsyncSession, part: str, source: str, target: str
) -> tuple[dict[str, Zone], Tracking]:
    """Raises Refusal `unknown_place`."""
    rows = (
        await session.execute(
            select(Place.code, Place.zone, Part.tracking)
            .outerjoin(Part, Part.code == part)
            .where(Place.code.in_((source, target)))
        )
    ).all()
    zones = {row.code: row.zone for row in rows}
    if missing := {source, target} - set(zones):
        raise Refusal("unknown_place", f"there is no place {' or '.join(sorted(missing))}")
    return zones, rows[0].tracking or Tracking.NONE


async def _balance(
    session: AsyncSession,
    part: str,
    pieces: Sequence[Pieces],
    source: str,
    target: str,
    zones: dict[str, Zone],
    at: datetime,
    document: str,
) -> None:
    """Both balances of a movement, in the order of the places."""
    quantity = sum(each.quantity for each in pieces)
    for place, change in sorted(((source, -quantity), (target, quantity))):
        await _change(session, part, place, zones[place], change)
    for each in pieces:
        if each.lot or each.serial:
            await lots.change(session, part, each, source, target, zones, at, document)


async def _change(session: AsyncSession, part: str, place: str, zone: Zone, change: int) -> None:
    """Only outside the house does a balance go below nothing, and nobody moves what is reserved."""
    if change > 0 or zone is Zone.OUTSIDE:
        put = insert(Stock).values(place=place, part=part, zone=zone, on_hand=change)
        await session.execute(
            put.on_conflict_do_update(
                index_elements=["place", "part"], set_={"on_hand": Stock.on_hand + put.excluded.on_hand}
            )
        )
        return
    taken = await session.scalar(
        update(Stock)
        .where(Stock.place == place, Stock.part == part, Stock.on_hand - Stock.reserved >= -change)
        .values(on_hand=Stock.on_hand + change)
        .returning(Stock.place)
    )
    if taken is None:
        raise Refusal("not_enough_stock", f"{place} has no {-change} free pieces of part {part}")


async def reserve(
    session: AsyncSession,
    line: OrderLine,
    quantity: int,
    service_centre: str,
    look: Sequence[Where],
    effect: str,
    because: Precedence | None = None,
) -> int:
    """Reserves pieces for a line where the policy looks for them; how many, which may be fewer than wanted.

    The places are locked meanwhile, so that of N orders at once for M pieces nobody gets one that is gone.
    """
    rank = _rank(service_centre, look)
    rows = await session.execute(
        select(Stock.place, (Stock.on_hand - Stock.reserved).label("pieces"), rank.label("rank"))
        .join(Place, Place.code == Stock.place)
        .where(Stock.part == line.part, Stock.on_hand > Stock.reserved, rank.is_not(None))
        .order_by(Stock.place)
        .with_for_update(of=Stock)
    )
    taken = spread((Free(row.place, row.pieces, row.rank) for row in rows), quantity)
    for place, pieces in taken:
        await session.execute(
            update(Stock).where(Stock.place == place, Stock.part == line.part).values(reserved=Stock.reserved + pieces)
        )
        session.add(
            Reservation(
                line=line.id,
                place=place,
                part=line.part,
                quantity=pieces,
                state=ReservationState.HELD,
                because=because,
                effect=f"{effect}/{line.id}/{place}",
            )
        )
    await session.flush()
    return sum(pieces for _, pieces in taken)


def _rank(service_centre: str, look: Sequence[Where]) -> Case[Any]:
    """At which place of the policy's order a row of stock is looked at; null if it is not."""
    own = Place.warehouse.in_(select(Warehouse.code).where(Warehouse.service_centre == service_centre))
    sound = Stock.zone.in_(SHIPPABLE)
    where = {
        Where.OWN: and_(own, sound),
        Where.OTHER: and_(~own, sound),
        Where.TECHNICIAN: and_(own, Stock.zone == Zone.TECHNICIAN),
    }
    return case(*((where[each], rank) for rank, each in enumerate(look)))


async def free_for(
    session: AsyncSession, parts: Collection[str], service_centre: str, look: Sequence[Where]
) -> dict[str, int]:
    """How many pieces of these parts are free where the policy looks for them."""
    free = func.sum(Stock.on_hand - Stock.reserved)
    rows = await session.execute(
        select(Stock.part, free)
        .join(Place, Place.code == Stock.place)
        .where(Stock.part.in_(list(parts)), _rank(service_centre, look).is_not(None))
        .group_by(Stock.part)
    )
    return dict.fromkeys(parts, 0) | dict(rows.all())


async def free_pieces(session: AsyncSession, parts: Collection[str]) -> dict[str, int]:
    """How many pieces of these parts are free anywhere in the house."""
    free = func.sum(Stock.on_hand - Stock.reserved)
    sound = Stock.zone.in_(SOUND)
    rows = await session.execute(
        select(Stock.part, free).where(Stock.part.in_(list(parts)), sound).group_by(Stock.part)
    )
    return dict.fromkeys(parts, 0) | dict(rows.all())


async def held(session: AsyncSession, lines: Iterable[int]) -> Sequence[Reservation]:
    """What is reserved for these order lines now."""
    return (
        await session.scalars(
            select(Reservation)
            .where(Reservation.line.in_(list(lines)), Reservation.state == ReservationState.HELD)
            .order_by(Reservation.part, Reservation.place)
        )
    ).all()


def weight_held(lines: Iterable[int]) -> ScalarSelect[Decimal]:
    """Kilograms of what is reserved for these order lines now, for a question that asks more."""
    return (
        select(func.sum(Part.weight_kg * Reservation.quantity))
        .select_from(Reservation)
        .join(Part, Part.code == Reservation.part)
        .where(Reservation.line.in_(list(lines)), Reservation.state == ReservationState.HELD)
        .scalar_subquery()
    )


async def supplied(session: AsyncSession, lines: Collection[int]) -> tuple[Counter[int], Counter[int]]:
    """How many pieces are kept for each of these order lines, and how many it waits for."""
    kept = (
        select(Reservation.line, func.sum(Reservation.quantity), literal(True))
        .where(Reservation.line.in_(list(lines)), Reservation.state == ReservationState.HELD)
        .group_by(Reservation.line)
    )
    awaited = (
        select(BackOrder.line, func.sum(BackOrder.quantity), literal(False))
        .where(BackOrder.line.in_(list(lines)), BackOrder.state == BackOrderState.WAITING)
        .group_by(BackOrder.line)
    )
    found = {True: Counter[int](), False: Counter[int]()}
    for line, pieces, here in await session.execute(kept.union_all(awaited)):
        found[here][line] += pieces
    return found[True], found[False]


async def release(
    session: AsyncSession, lines: Iterable[int], state: ReservationState = ReservationState.RELEASED
) -> Sequence[Reservation]:
    """Gives back what is reserved for these order lines, and says what it was."""
    reservations = await held(session, lines)
    for reservation in reservations:
        await _unreserve(session, reservation)
        reservation.state = state
    return reservations


async def issue(
    session: AsyncSession,
    reservation: Reservation,
    *,
    at: datetime,
    by: str,
    document: str,
    effect: str,
    serials: Sequence[str] = (),
) -> None:
    """Turns a reservation into goods on their way; of numbered pieces those that were packed."""
    pieces = lots.numbered(serials)
    if pieces and len(pieces) < reservation.quantity:
        pieces.append(Pieces(reservation.quantity - len(pieces)))
    await _unreserve(session, reservation)
    reservation.state = ReservationState.SHIPPED
    await move(
        session,
        reservation.part,
        reservation.quantity,
        source=reservation.place,
        target=IN_TRANSIT,
        reason=MovementReason.ISSUE,
        at=at,
        by=by,
        document=document,
        effect=effect,
        pieces=pieces,
    )


async def _unreserve(session: AsyncSession, reservation: Reservation) -> None:
    await session.execute(
        update(Stock)
        .where(Stock.place == reservation.place, Stock.part == reservation.part)
        .values(reserved=Stock.reserved - reservation.quantity)
    )


async def knows(session: AsyncSession, part: str) -> bool:
    """Whether there is such a part."""
    return bool(await session.scalar(select(exists().where(Part.code == part))))


async def place_of(session: AsyncSession, warehouse: str, zone: Zone) -> str:
    """A warehouse's place for a kind of goods."""
    place = await session.scalar(
        select(Place.code).where(Place.warehouse == warehouse, Place.zone == zone).order_by(Place.code).limit(1)
    )
    if place is None:
        raise LookupError(f"warehouse {warehouse} has no place of zone {zone}")
    return place
