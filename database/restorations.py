"""What is done to a database that was put back, so that nothing is given out or told wrongly afterwards."""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime, timedelta
from typing import Final, get_args
from zoneinfo import ZoneInfo

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from database.numbers import Prefix
from database.purchases import for_orders
from database.tables import (
    BackOrder,
    BackOrderState,
    CarrierAccount,
    Message,
    MessageState,
    NumberSeries,
    Outbox,
    Parcel,
    PurchaseOrder,
    ReplacementOrder,
    Restoration,
    Shipment,
    ShipmentState,
)
from domain.parcels import Milestone
from domain.stages import PurchaseStage

GAP: Final = 500_000
"""How many numbers of a series are left out: more than can have been given out since the backup."""

_OFFICE: Final = ZoneInfo("Asia/Shanghai")


async def begin(session: AsyncSession, made_at: datetime, now: datetime) -> list[str]:
    """Notes the restoration, and returns in sentences what may have happened in the world since the backup."""
    await _skip_numbers(session, made_at, now)
    found = [sentence async for sentence in _doubtful(session)]
    session.add(Restoration(made_at=made_at, restored_at=now, found=found))
    return found


async def _skip_numbers(session: AsyncSession, made_at: datetime, now: datetime) -> None:
    """A number given out since the backup stands on papers and in the carriers' books: no other order gets it."""
    first, last = (instant.astimezone(_OFFICE).date() for instant in (made_at, now))
    for day in (first + timedelta(days=n) for n in range((last - first).days + 1)):
        for prefix in get_args(Prefix):
            skipped = insert(NumberSeries).values(prefix=prefix, day=day, last=GAP)
            await session.execute(
                skipped.on_conflict_do_update(index_elements=["prefix", "day"], set_={"last": NumberSeries.last + GAP})
            )


async def _doubtful(session: AsyncSession) -> AsyncIterator[str]:
    """Shipments for which the carrier may have been asked since, and messages that may have been sent."""
    rows = await session.scalars(
        select(Shipment.id)
        .join(CarrierAccount, CarrierAccount.code == Shipment.account)
        .outerjoin(Parcel, Parcel.shipment == Shipment.id)
        .where(
            Shipment.state.in_((ShipmentState.PREPARING, ShipmentState.PACKED, ShipmentState.CALLING_OFF)),
            CarrierAccount.kind != "manual",
            Parcel.shipment.is_(None),
        )
        .order_by(Shipment.id)
    )
    for shipment in rows:
        yield (
            f"{shipment} had no label yet. If it got one since, booking it again finds that label; "
            "if it is never packed again, call the label off with the carrier"
        )
    waiting = select(func.count()).where(Message.state == MessageState.WAITING)
    unaddressed = select(func.count()).where(Outbox.addressed_at.is_(None))
    if count := (await session.scalar(waiting) or 0) + (await session.scalar(unaddressed) or 0):
        yield f"{count} messages were still to be sent; those that were sent since are sent once more"


async def listed(session: AsyncSession) -> Sequence[Restoration]:
    """All of them, the oldest first."""
    return (await session.scalars(select(Restoration).order_by(Restoration.id))).all()


async def unsettled(session: AsyncSession) -> Restoration | None:
    """The restoration after which documents and workflows are still to be compared."""
    return await session.scalar(
        select(Restoration).where(Restoration.settled_at.is_(None)).order_by(Restoration.id.desc()).limit(1)
    )


async def unwanted(session: AsyncSession) -> Sequence[str]:
    """Purchase orders for orders that nobody confirmed and no order waits for any more: they may not have been told."""
    waiting = select(BackOrder.purchase_order).where(BackOrder.state == BackOrderState.WAITING)
    placed = select(PurchaseOrder.number).where(
        PurchaseOrder.stage == PurchaseStage.PLACED, for_orders(), PurchaseOrder.number.not_in(waiting)
    )
    return (await session.scalars(placed.order_by(PurchaseOrder.number))).all()


async def tell_parcels_again(session: AsyncSession, now: datetime) -> None:
    """Whatever an order was told of its parcel, its workflow may have forgotten; telling it twice does no harm."""
    under_way = (
        select(ReplacementOrder.number)
        .where(ReplacementOrder.ended_at.is_(None), ReplacementOrder.state["shipment"].as_string() == Parcel.shipment)
        .exists()
    )
    await session.execute(
        update(Parcel)
        .where(under_way, Parcel.milestone != Milestone.CREATED)
        .values(told_milestone=None, told_trouble=None, told_at=None, next_look_at=now, in_hand=True)
    )


async def settle(session: AsyncSession, found: Sequence[str], now: datetime) -> None:
    """Every document has a workflow again that stands where its row stands."""
    for restoration in await session.scalars(select(Restoration).where(Restoration.settled_at.is_(None))):
        restoration.settled_at, restoration.found = now, [*restoration.found, *found]
