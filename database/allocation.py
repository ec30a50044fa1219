"""Who gets pieces that became free: by urgency, then breach risk, then age; the reason is kept (policy 3.2.1)."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import exists, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from database import stock
from database.policies import load
from database.tables import (
    BackOrder,
    BackOrderState,
    LineState,
    OrderLine,
    ReplacementOrder,
    Reservation,
    ReservationState,
    Stock,
)
from domain.sourcing import Precedence, Waiting, precedence
from domain.stages import Stage

Queue = Sequence[tuple[BackOrder, ReplacementOrder]]


@dataclass(frozen=True)
class Given:
    """Pieces that were reserved for an order that waited for them."""

    order: str
    part: str
    quantity: int
    because: Precedence

    @property
    def told(self) -> list[str | int]:
        """As the log has it."""
        return [self.order, self.part, self.quantity, self.because]


async def queue(session: AsyncSession, parts: Collection[str]) -> Queue:
    """Who waits for these parts, whatever purchase order they wait for, in the order in which they are served.

    Call it before the pieces are booked: everybody locks who waits first and stock second, so that no two
    transactions wait for each other.
    """
    if not parts:
        return ()
    rows = await session.execute(
        select(BackOrder, ReplacementOrder)
        .join(ReplacementOrder, ReplacementOrder.number == BackOrder.order)
        .where(BackOrder.part.in_(list(parts)), BackOrder.state == BackOrderState.WAITING)
        .order_by(
            ReplacementOrder.urgent.desc(),
            ReplacementOrder.wait_due.nulls_last(),
            ReplacementOrder.created_at,
            BackOrder.id,
        )
        .with_for_update(of=BackOrder)
    )
    return [(back_order, order) for back_order, order in rows]


async def give_out(session: AsyncSession, waits: Queue, effect: str) -> list[Given]:
    """Reserves free pieces for those who wait, the first in the queue first, a part of what they want if need be.

    The orders that got something have to be told: `goods_arrived`.
    """
    await session.flush()
    free = await stock.free_pieces(session, {back_order.part for back_order, _ in waits})
    given: list[Given] = []
    for number, (back_order, order) in enumerate(waits):
        if back_order.state is not BackOrderState.WAITING or not free[back_order.part]:
            continue
        line = await session.get_one(OrderLine, back_order.line)
        following = next((one for other, one in waits[number + 1 :] if other.part == back_order.part), None)
        because = precedence(_waiting(order), _waiting(following) if following else None)
        policy = await load(session, order.policy_name, order.policy_version)
        got = await stock.reserve(
            session, line, back_order.quantity, order.service_centre, policy.sourcing.look, effect, because
        )
        if got == back_order.quantity:
            back_order.state = BackOrderState.SERVED
        else:
            back_order.quantity -= got
        free[back_order.part] -= got
        if got:
            given.append(Given(order.number, back_order.part, got, because))
    await session.flush()
    return given


async def waited_for_and_free(session: AsyncSession) -> Sequence[str]:
    """Parts that somebody waits for while pieces of them are free in the house."""
    free = exists().where(
        Stock.part == BackOrder.part,
        Stock.zone.in_(stock.SOUND),
        Stock.on_hand > Stock.reserved,
    )
    waited = select(BackOrder.part).where(BackOrder.state == BackOrderState.WAITING, free).distinct()
    return (await session.scalars(waited.order_by(BackOrder.part))).all()


async def supplied_untold(session: AsyncSession) -> Sequence[str]:
    """Orders that have all pieces of a line they still think they wait for: whoever gave them could not say so."""
    kept = (
        select(func.coalesce(func.sum(Reservation.quantity), 0))
        .where(Reservation.line == OrderLine.id, Reservation.state == ReservationState.HELD)
        .correlate(OrderLine)
        .scalar_subquery()
    )
    rows = (
        select(OrderLine.order)
        .join(ReplacementOrder, ReplacementOrder.number == OrderLine.order)
        .where(
            ReplacementOrder.stage == Stage.SOURCING,
            OrderLine.state == LineState.BACK_ORDERED,
            kept >= OrderLine.quantity,
        )
        .distinct()
        .order_by(OrderLine.order)
    )
    return (await session.scalars(rows)).all()


def _waiting(order: ReplacementOrder) -> Waiting:
    return Waiting(order.number, order.urgent, order.wait_due, order.created_at)
