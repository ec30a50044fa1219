"""The due list of watched parcels, their scans, and what carriers pushed (policy 5.2.4)."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, cast

from sqlalchemy import BigInteger, CursorResult, DateTime, Interval, String, bindparam, select, text, update
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession
from sqlalchemy.orm import defer

from database.policies import OWN_DAYS
from database.tables import CarrierPush, Parcel, ParcelScan, ReplacementOrder
from domain.parcels import Milestone, Scan

CLAIM = timedelta(minutes=2)
"""How long a claimed parcel is left to whoever claimed it; after that, or when a new shift begins, somebody else looks.
"""


@dataclass(frozen=True)
class Due:
    """A claimed parcel as it stood before.

    `settled`: its `scans`, told by their keys, had all been added up, and its order told. It is asked after from
    `first_call` on, calls of one claim `apart`, and left to the claimer until `claimed_until`.
    """

    shipment: str
    waybill: str
    company: str
    reference: str
    phone_last4: str
    policy_name: str
    policy_version: int
    subscribed_at: datetime | None
    last_look_at: datetime | None
    expected_at: datetime | None
    milestone: Milestone
    delivered_at: datetime | None
    scans: list[str]
    settled: bool
    claimed_until: datetime
    first_call: datetime
    apart: timedelta

    @property
    def policy(self) -> tuple[str, int]:
        """The policy version its order pins."""
        return self.policy_name, self.policy_version


AccountRecord = tuple[str, str, int, str, dict[str, Any]]
"""What a carrier account's row says: code, kind, calls a minute, push token, settings."""


@dataclass(frozen=True)
class Turn:
    """What a watcher does next, and what it must know for that: the account and the company's own calendar as they
    stand now. Nothing is `due` to it while pushes are `unread`."""

    unread: Sequence[int]
    account: AccountRecord
    own_days: Mapping[str, bool] | None
    due: Sequence[Due]


async def next_turn(connection: AsyncConnection, account: str, limit: int, left_alone: Sequence[int] = ()) -> Turn:
    """Takes up to `limit` parcels whose look is due, and the calls they need from the account's limit; or says which
    pushes nobody has read yet, but for those that are to be left alone.

    Nobody else gets them meanwhile. All workers draw calls from one row, so the limit holds however many there are.
    It is all one statement, as this is what an idle watcher asks every second. What is due PostgreSQL's own clock says:
    all workers share it, and as the planner knows it too, the statement is planned once and not every time.
    """
    asked = {"account": account, "limit": limit, "claim": CLAIM, "left_alone": list(left_alone)}
    rows = (await connection.execute(_NEXT_TURN, asked)).all()
    unread, *record, own_days = rows[0][:_OF_ACCOUNT]
    due = [Due(*row[_OF_ACCOUNT:]) for row in rows if row.shipment]
    return Turn(unread, (account, *record), own_days, due)


_INSTANT: Final = DateTime(timezone=True)
_OF_ACCOUNT: Final = 6
_NEXT_TURN: Final = (
    text(f"""
    with pushes as (
        select array(
            select id from carrier_push
            where account = :account and read_at is null and id <> all(:left_alone) order by id limit :limit
        ) as unread
    ), due as (
        select shipment, subscribed_at, in_hand from parcel
        where account = :account and next_look_at <= now() and cardinality((select unread from pushes)) = 0
        order by next_look_at limit :limit for update skip locked
    ), needed as (
        select count(*) + count(*) filter (where subscribed_at is null) as calls,
            interval '1 minute' / greatest(max(calls_per_minute), 1) as apart
        from due, carrier_account where code = :account
    ), drawn as (
        update carrier_account
        set next_call_at = greatest(next_call_at, now()) + calls * apart
        from needed where code = :account and calls > 0
        returning next_call_at as until, next_call_at - calls * apart as first_call, apart
    ), claimed as (
        update parcel set next_look_at = until + :claim, in_hand = true
        from due, drawn, replacement_order
        where parcel.shipment = due.shipment and replacement_order.number = parcel."order"
        returning parcel.shipment, waybill, company, reference, phone_last4, policy_name, policy_version,
            parcel.subscribed_at, last_look_at, expected_at, milestone, delivered_at,
            array(select key from parcel_scan where parcel_scan.shipment = parcel.shipment),
            not due.in_hand, next_look_at, first_call, apart
    )
    select unread, kind, calls_per_minute, push_token, settings, {OWN_DAYS} as own_days, claimed.*
    from carrier_account cross join pushes left join claimed on true
    where code = :account
    """)
    .bindparams(bindparam("claim", type_=Interval), bindparam("left_alone", type_=ARRAY(BigInteger)))
    .columns(milestone=Parcel.milestone.type, settings=JSONB(), own_days=JSONB())
)


async def looked_in_vain(
    connection: AsyncConnection, again: Sequence[tuple[Due, datetime | None]], now: datetime
) -> set[str]:
    """Looks that brought nothing, each with the instant of the next.

    Returns the shipments that were written: a parcel to which anything happened since it was claimed is left as it is.
    """
    told = {
        "now": now,
        "shipments": [due.shipment for due, _ in again],
        "claims": [due.claimed_until for due, _ in again],
        "again": [instant for _, instant in again],
    }
    return set((await connection.scalars(_LOOKED_IN_VAIN, told)).all())


_LOOKED_IN_VAIN: Final = text("""
    update parcel
    set looks = looks + 1, last_look_at = :now, last_error = null, next_look_at = again, in_hand = false
    from unnest(:shipments, :claims, :again) as look (of_shipment, claim, again)
    where shipment = of_shipment and next_look_at = claim
    returning shipment
    """).bindparams(
    bindparam("now", type_=_INSTANT),
    bindparam("shipments", type_=ARRAY(String)),
    bindparam("claims", type_=ARRAY(_INSTANT)),
    bindparam("again", type_=ARRAY(_INSTANT)),
)


async def take_over(session: AsyncSession, account: str, now: datetime) -> None:
    """Makes due what the watcher before had in hand when it died."""
    left = (Parcel.account == account, Parcel.next_look_at > now, Parcel.in_hand)
    await session.execute(update(Parcel).where(*left).values(next_look_at=now))


async def add_scans(session: AsyncSession, scans: Iterable[tuple[str, Scan]]) -> None:
    """Keeps what is new of these scans, each with its shipment."""
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
        for shipment, scan in scans
    ]
    if rows:
        await (await session.connection()).execute(_ADD_SCANS, rows)


_ADD_SCANS: Final = insert(ParcelScan).on_conflict_do_nothing()


async def lock(session: AsyncSession, shipments: Iterable[str]) -> Sequence[Parcel]:
    """These parcels, always locked in the same order; without their labels, which are large."""
    wanted = select(Parcel).options(defer(Parcel.label)).where(Parcel.shipment.in_(list(shipments)))
    return (await session.scalars(wanted.order_by(Parcel.shipment).with_for_update())).all()


async def policies_of(session: AsyncSession, parcels: Sequence[Parcel]) -> Mapping[str, tuple[str, int]]:
    """The policy version that each of these parcels' orders pins."""
    order = ReplacementOrder
    pinned = select(order.number, order.policy_name, order.policy_version)
    rows = await session.execute(pinned.where(order.number.in_([parcel.order for parcel in parcels])))
    return {number: (name, version) for number, name, version in rows}


async def scans_of(session: AsyncSession, parcels: Sequence[Parcel]) -> Mapping[str, list[Scan]]:
    """The scans that are known of each of these parcels."""
    rows = await session.execute(_SCANS.where(ParcelScan.shipment.in_([parcel.shipment for parcel in parcels])))
    found: dict[str, list[Scan]] = {parcel.shipment: [] for parcel in parcels}
    waybills = {parcel.shipment: parcel.waybill for parcel in parcels}
    for shipment, at, milestone, code, words, trouble, place, in_person in rows:
        found[shipment].append(Scan(waybills[shipment], at, milestone, code, words, trouble, place, in_person))
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


async def unread_pushes(session: AsyncSession, numbers: Sequence[int]) -> Sequence[CarrierPush]:
    """Those of these pushes that nobody has read yet, locked for the reader."""
    return (
        await session.scalars(
            select(CarrierPush)
            .where(CarrierPush.id.in_(numbers), CarrierPush.read_at.is_(None))
            .order_by(CarrierPush.id)
            .with_for_update(skip_locked=True)
        )
    ).all()


async def by_waybill(session: AsyncSession, account: str, waybills: Iterable[str]) -> Mapping[str, Parcel]:
    """The newest parcel under each of these waybill numbers, as carriers use numbers again; all of them locked, in the
    order of `lock`."""
    wanted = select(Parcel).options(defer(Parcel.label))
    rows = await session.scalars(
        wanted.where(Parcel.account == account, Parcel.waybill.in_(list(waybills)))
        .order_by(Parcel.shipment)
        .with_for_update()
    )
    return {parcel.waybill: parcel for parcel in sorted(rows, key=lambda parcel: parcel.booked_at)}
