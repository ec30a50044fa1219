"""Which pieces of a part are meant: lots and serial numbers, where they lie, what of them is packed (policy 4.2.1).

Every function works inside the caller's transaction.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import case, func, or_, select, update
from sqlalchemy.dialects.postgresql import distinct_on, insert
from sqlalchemy.ext.asyncio import AsyncSession

from database.tables import Movement, Stock, StockLot, Tracking, Zone
from domain.stages import Refusal

SUPPLIERS = "outside/suppliers"


@dataclass(frozen=True)
class Pieces:
    """Some pieces of a part; of one lot, or one with its serial number, where the part has them."""

    quantity: int
    lot: str | None = None
    serial: str | None = None


def numbered(serials: Collection[str]) -> list[Pieces]:
    """A piece for each of these serial numbers."""
    return [Pieces(1, serial=serial) for serial in serials]


async def unnamed(
    session: AsyncSession, part: str, quantity: int, source: str, zone: Zone, document: str, tracking: Tracking
) -> list[Pieces]:
    """Which lots or serial numbers unnamed pieces are taken to be: those that the document brought there, and in the
    house else the oldest that are not packed. The rest came in before the part had any."""
    inside = zone not in (Zone.OUTSIDE, Zone.IN_TRANSIT)
    known: list[Pieces] = []
    if not inside or zone is Zone.AWAITING_INSPECTION:
        known = await _brought_by(session, part, source, document)
    if inside and not known:
        await session.execute(
            select(Stock.place).where(Stock.place == source, Stock.part == part).with_for_update()
        )  # nobody takes the same pieces
        rows = await session.scalars(
            select(StockLot)
            .where(
                StockLot.place == source,
                StockLot.part == part,
                StockLot.on_hand > 0,
                StockLot.packed_for.is_(None),
            )
            .order_by(StockLot.since, StockLot.lot, StockLot.serial)
            .execution_options(populate_existing=True)
        )
        known = [Pieces(row.on_hand, row.lot or None, row.serial or None) for row in rows]
    taken, left = [], quantity
    for pieces in known:
        if left:
            taken.append(Pieces(min(left, pieces.quantity), pieces.lot, pieces.serial))
            left -= taken[-1].quantity
    if left:
        taken.append(Pieces(left, document if zone is Zone.OUTSIDE and tracking is Tracking.LOT else None))
    return taken


async def _brought_by(session: AsyncSession, part: str, place: str, document: str) -> list[Pieces]:
    """What a document brought to a place and has not taken away."""
    brought = func.sum(case((Movement.target == place, Movement.quantity), else_=-Movement.quantity))
    rows = await session.execute(
        select(Movement.lot, Movement.serial, brought)
        .where(
            Movement.document == document,
            Movement.part == part,
            (Movement.source == place) | (Movement.target == place),
        )
        .group_by(Movement.lot, Movement.serial)
        .having(brought > 0)
        .order_by(func.min(Movement.id))
    )
    return [Pieces(quantity, lot, serial) for lot, serial, quantity in rows]


async def change(
    session: AsyncSession,
    part: str,
    pieces: Pieces,
    source: str,
    target: str,
    zones: Mapping[str, Zone],
    at: datetime,
    document: str,
) -> None:
    """Moves pieces of one lot, or a numbered one, which nobody else has packed. Raises Refusal `not_enough_stock`."""
    named = {"part": part, "lot": pieces.lot or "", "serial": pieces.serial or ""}
    if zones[source] is not Zone.OUTSIDE:
        taken = await session.scalar(
            update(StockLot)
            .where(
                StockLot.place == source, *(getattr(StockLot, name) == value for name, value in named.items()),
                StockLot.on_hand >= pieces.quantity,
                or_(StockLot.packed_for.is_(None), StockLot.packed_for == document),
            )
            .values(on_hand=StockLot.on_hand - pieces.quantity, packed_for=None)
            .returning(StockLot.place)
        )  # fmt: skip
        if taken is None:
            what = f"serial number {pieces.serial}" if pieces.serial else f"lot {pieces.lot}"
            raise Refusal("not_enough_stock", f"{source} has no {pieces.quantity} free pieces of {what}")
    if zones[target] is not Zone.OUTSIDE:
        put = insert(StockLot).values(place=target, on_hand=pieces.quantity, since=at, **named)
        await session.execute(
            put.on_conflict_do_update(
                index_elements=["place", "part", "lot", "serial"],
                set_={"on_hand": StockLot.on_hand + put.excluded.on_hand},
            )
        )


async def known(session: AsyncSession, part: str, serials: Collection[str]) -> Sequence[str]:
    """Those of these serial numbers that no supplier can bring, as their pieces are here, under way or a customer's;
    what went back to a supplier may come again."""
    newest = (
        select(Movement.serial, Movement.target)
        .ext(distinct_on(Movement.serial))
        .where(Movement.part == part, Movement.serial.in_(list(serials)))
        .order_by(Movement.serial, Movement.id.desc())
        .subquery()
    )
    rows = await session.scalars(select(newest.c.serial).where(newest.c.target != SUPPLIERS).order_by("serial"))
    return rows.all()


async def pack(
    session: AsyncSession, shipment: str, part: str, place: str, quantity: int, scanned: Collection[str]
) -> list[str]:
    """Keeps those of the scanned pieces that are of this part and place for a shipment, as many as it wants.

    Pieces that came in before the part had serial numbers go without one. Raises Refusal `serial_needed`.
    """
    rows = (
        await session.scalars(
            select(StockLot)
            .where(
                StockLot.place == place, StockLot.part == part, StockLot.serial.in_(list(scanned)),
                StockLot.on_hand > 0, StockLot.packed_for.is_(None),
            )
            .order_by(StockLot.serial)
            .limit(quantity)
            .with_for_update()
            .execution_options(populate_existing=True)
        )
    ).all()  # fmt: skip
    if len(rows) < quantity and (least := quantity - await _without_number(session, part, place)) > len(rows):
        raise Refusal("serial_needed", f"scan {least} serial numbers of part {part} that lie in {place}")
    for row in rows:
        row.packed_for = shipment
    await session.flush()
    return [row.serial for row in rows]


async def _without_number(session: AsyncSession, part: str, place: str) -> int:
    """Pieces in a place that came in before the part had serial numbers."""
    with_number = select(func.coalesce(func.sum(StockLot.on_hand), 0)).where(
        StockLot.place == place, StockLot.part == part, StockLot.serial != ""
    )
    rest = select(Stock.on_hand - with_number.scalar_subquery()).where(Stock.place == place, Stock.part == part)
    return await session.scalar(rest) or 0


async def unpack(session: AsyncSession, shipment: str) -> None:
    """Numbered pieces that were packed for a shipment are anybody's again."""
    await session.execute(update(StockLot).where(StockLot.packed_for == shipment).values(packed_for=None))
