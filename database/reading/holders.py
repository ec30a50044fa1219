"""For whom pieces of a part are reserved."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from database.tables import OrderLine, Reservation, ReservationState


async def holders(session: AsyncSession, place: str, part: str) -> Sequence[str]:
    """The orders that pieces of a part in a place are reserved for."""
    return (
        await session.scalars(
            select(OrderLine.order)
            .join(Reservation, Reservation.line == OrderLine.id)
            .where(Reservation.place == place, Reservation.part == part, Reservation.state == ReservationState.HELD)
            .distinct()
            .order_by(OrderLine.order)
        )
    ).all()
