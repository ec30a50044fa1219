"""The due list of watched parcels, their scans, and what carriers pushed (policy 5.2.4)."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, cast

from sqlalchemy import CursorResult, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import defer

from database.tables import CarrierAccount, CarrierPush, Parcel, ParcelScan
from domain.parcels import Scan

CLAIM = timedelta(minutes=2)
"""How long a claimed parcel is left to whoever claimed it; after that, or when a new shift begins, somebody else looks.
"""


async def claim_due(session: AsyncSession, account: str, now: datetime, limit: int) -> Sequence[Parcel]:
    """Takes up to `limit` parcels whose look is due; nobody else gets them meanwhile."""
    due = (
        select(Parcel.shipment)
        .where(Parcel.account == account, Parcel.next_look_at <= now)
        .order_by(Parcel.next_look_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
        .scalar_subquery()
    )
    claim = update(Parcel).where(Parcel.shipment.in_(due)).values(next_look_at=now + CLAIM, in_hand=True)
    return (await session.scalars(claim.returning(Parcel))).all()


async def take_over(session: AsyncSession, account: str, now: datetime) -> None:
    """Makes due what the watcher before had in hand when it died."""
    left = (Parcel.account == account, Parcel.next_look_at > now, Parcel.in_hand)
    await session.execute(update(Parcel).where(*left).values(next_look_at=now))


async def call_slots(session: AsyncSession, account: str, now: datetime, calls: int) -> tuple[datetime, timedelta]:
    """Reserves `calls` calls within the account's limit: when the first may be made, and the time between them.

    All workers draw from one row, so the limit holds however many there are.
    """
    minute = timedelta(minutes=1)
    taken = minute * calls / func.greatest(CarrierAccount.calls_per_minute, 1)
    row = (
        await session.execute(
            update(CarrierAccount)
            .where(CarrierAccount.code == account)
            .values(next_call_at=func.greatest(CarrierAccount.next_call_at, now) + taken)
            .returning(CarrierAccount.next_call_at, CarrierAccount.calls_per_minute)
        )
    ).one()
    step = minute / max(row.calls_per_minute, 1)
    return row.next_call_at - step * calls, step


async def next_due(session: AsyncSession, account: str) -> datetime | None:
    """When the account's next look is due."""
    return await session.scalar(select(func.min(Parcel.next_look_at)).where(Parcel.account == account))


async def add_scans(session: AsyncSession, shipment: str, scans: Iterable[Scan]) -> None:
    """Keeps what is new of these scans."""
    rows = [
        {
            "shipment": shipment,
            "key": scan.key,
            "at": scan.at,
            "milestone": scan.milestone,
            "trouble": scan.trouble,
            "in_person": scan.in_person,
            "code": scan.code[:32],
            "text": scan.text,
            "place": scan.place,
        }
        for scan in scans
    ]
    if rows:
        await session.execute(insert(ParcelScan).values(rows).on_conflict_do_nothing())


async def lock(session: AsyncSession, shipments: Iterable[str]) -> Sequence[Parcel]:
    """These parcels, always locked in the same order; without their labels, which are large."""
    wanted = select(Parcel).options(defer(Parcel.label)).where(Parcel.shipment.in_(list(shipments)))
    return (await session.scalars(wanted.order_by(Parcel.shipment).with_for_update())).all()


async def scans_of(session: AsyncSession, parcels: Sequence[Parcel]) -> Mapping[str, list[Scan]]:
    """The scans that are known of each of these parcels."""
    rows = await session.execute(_SCANS.where(ParcelScan.shipment.in_([parcel.shipment for parcel in parcels])))
    found: dict[str, list[Scan]] = {parcel.shipment: [] for parcel in parcels}
    waybills = {parcel.shipment: parcel.waybill for parcel in parcels}
    for shipment, at, milestone, code, text, trouble, place, in_person in rows:
        found[shipment].append(Scan(waybills[shipment], at, milestone, code, text, trouble, place, in_person))
    return found


_SCANS: Final = select(
    ParcelScan.shipment,
    ParcelScan.at,
    ParcelScan.milestone,
    ParcelScan.code,
    ParcelScan.text,
    ParcelScan.trouble,
    ParcelScan.place,
    ParcelScan.in_person,
)


async def keep_push(session: AsyncSession, account: str, key: str, raw: bytes) -> bool:
    """Keeps a push before it is answered; false if it came before."""
    result = await session.execute(
        insert(CarrierPush).values(account=account, key=key, raw=raw).on_conflict_do_nothing(index_elements=["key"])
    )
    return cast("CursorResult[Any]", result).rowcount == 1


async def unread_pushes(session: AsyncSession, account: str, limit: int) -> Sequence[CarrierPush]:
    """Pushes nobody has read yet, locked for the reader."""
    return (
        await session.scalars(
            select(CarrierPush)
            .where(CarrierPush.account == account, CarrierPush.read_at.is_(None))
            .order_by(CarrierPush.id)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
    ).all()


async def by_waybill(session: AsyncSession, account: str, waybill: str) -> Parcel | None:
    """The newest parcel under a waybill number: carriers use numbers again."""
    return await session.scalar(
        select(Parcel)
        .where(Parcel.account == account, Parcel.waybill == waybill)
        .order_by(Parcel.booked_at.desc())
        .limit(1)
        .with_for_update()
    )
