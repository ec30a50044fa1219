"""The watch over an account's parcels: due looks and pushes, told to orders only when something changes.

One long activity a carrier account. What it knows stands in PostgreSQL, so another worker can take over at any
moment, and two at once do no harm: parcels are claimed, calls are drawn from the account's limit, scans are
kept once, and telling an order twice changes nothing.
"""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property, partial
from time import monotonic

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession
from temporalio import activity
from temporalio.client import Client
from temporalio.service import RPCError

from activities.carriers import Carriers
from activities.setbacks import Setbacks
from activities.shifts import Shift
from carriers.protocol import Busy, Carrier, CarrierError, NoData, Push, Unreadable, Watch, Waybill
from database import parcels
from database.parcels import Due, Turn
from database.policies import OWN_DAYS, load, on_calendar
from database.session import Sessions, alone
from database.tables import CarrierPush, Parcel, ReplacementOrder
from domain.messages import Scanned
from domain.parcels import ENDS, UNDER_WAY, Milestone, Scan, Spacing, fold, next_look
from domain.parcels import Parcel as Known
from domain.policy import Timekeeper
from domain.working_time import Span
from runtime.temporal import UPDATE_TIMEOUT, order_workflow

Version = tuple[str, int]

BATCH = 100
UNTOLD = timedelta(seconds=30)
"""After this a parcel is looked at again whose order was not told what was seen."""
HEARTBEAT = timedelta(seconds=5)


class Watching:
    def __init__(
        self, sessions: Sessions, client: Client, carriers: Carriers, callback_base: str, idle: timedelta
    ) -> None:
        self._sessions = sessions
        self._client = client
        self._carriers = carriers
        self._callback_base = callback_base
        self._idle = idle

    @cached_property
    def _alone(self) -> AsyncEngine:
        return alone(self._sessions)

    @activity.defn
    async def watch_parcels(self, account: str) -> None:
        """Watches an account's parcels for a shift, or until the worker is asked to stop."""
        shift = Shift(self._idle.total_seconds())
        async with self._sessions.begin() as session:
            await parcels.take_over(session, account, datetime.now(UTC))
        pulse, held_up = Pulse(), Setbacks[int]()
        while shift.lasts:
            pulse.beat()
            async with self._alone.connect() as connection:
                turn = await parcels.next_turn(connection, account, BATCH, held_up.left_alone())
            if turn.due:
                await self._look(turn, pulse)
            elif not turn.unread or not await held_up.apart(turn.unread, partial(self._read_pushes, account)):
                await shift.rest()

    async def _look(self, turn: Turn, pulse: "Pulse") -> None:
        """Asks the carrier after the parcels that are due."""
        carrier = await self._carriers.of(turn.account)
        async with self._sessions() as session:
            times = await _times(session, {due.policy for due in turn.due}, turn.own_days)
        slot = turn.due[0].first_call
        looks: list[tuple[Due, Finding]] = []
        for due in turn.due:
            if due.subscribed_at is None:
                await _until(slot, pulse)
                slot += due.apart
                await self._subscribe(carrier, due)
            await _until(slot, pulse)
            slot += due.apart
            looks.append((due, await self._look_at(carrier, due)))
        done = await self._looked_in_vain(carrier, looks, times)
        if left := [finding for due, finding in looks if due.shipment not in done]:
            await self._learn_apart(carrier, left)

    async def _looked_in_vain(
        self, carrier: Carrier, looks: Sequence[tuple[Due, "Finding"]], times: Mapping[Version, Timekeeper]
    ) -> set[str]:
        """Writes down the looks that brought nothing, all at once; returns whose they were."""
        now = datetime.now(UTC)
        spacings = _spacings(times, now, carrier)
        again = []
        for due, finding in looks:
            if due.settled and finding.fruitless:
                course = Known(due.milestone, delivered_at=due.delivered_at)
                again.append((due, next_look(course, now, due.expected_at, spacings[due.policy])))
        if not again:
            return set()
        async with self._alone.connect() as connection:
            return await parcels.looked_in_vain(connection, again, now)

    async def _subscribe(self, carrier: Carrier, due: Due) -> None:
        """Asks for pushes; without them the looks go on all the same."""
        callback = f"{self._callback_base}/v1/carriers/{carrier.account.code}/push/{carrier.account.push_token}"
        try:
            await carrier.subscribe(_waybill(due), callback)
        except CarrierError as error:
            activity.logger.warning("no pushes for %s: %s", due.shipment, error)
            return
        async with self._sessions.begin() as session:
            (await session.get_one(Parcel, due.shipment)).subscribed_at = datetime.now(UTC)

    async def _look_at(self, carrier: Carrier, due: Due) -> "Finding":
        """What the carrier says; nothing new if it was asked a moment ago and only the order is still to be told."""
        if due.last_look_at and datetime.now(UTC) - due.last_look_at < carrier.account.min_spacing:
            return Finding(due.shipment, asked=False)
        try:
            scans = await carrier.track(_waybill(due))
            return Finding(due.shipment, scans, fruitless=all(scan.key in due.scans for scan in scans))
        except NoData:
            return Finding(due.shipment, fruitless=True)
        except CarrierError as error:
            activity.logger.warning("no look at %s: %s", due.shipment, error)
            return Finding(due.shipment, failure=error)
        except Exception as error:
            activity.logger.exception("the look at %s blew up", due.shipment)
            return Finding(due.shipment, failure=Unreadable(repr(error)))

    async def _read_pushes(self, account: str, numbers: Sequence[int]) -> bool:
        """Takes in these pushes; false if somebody else does."""
        async with self._sessions.begin() as session:
            rows = await parcels.unread_pushes(session, numbers)
            if not rows:
                return False
            carrier, now = await self._carriers.get(session, account), datetime.now(UTC)
            for row in rows:
                row.read_at = now
            pushes = [(row, push) for row in rows if (push := _read(carrier, row))]
            known = await parcels.by_waybill(session, account, {push.number for _, push in pushes})
            found: list[Finding] = []
            for row, push in pushes:
                parcel = known.get(push.number)
                if parcel is None:
                    activity.logger.info("push %s is about a parcel we don't know", row.id)
                    continue
                if push.watch is Watch.GIVEN_UP:
                    parcel.subscribed_at = None
                    parcel.company = push.company or parcel.company
                if parcel.next_look_at is not None or parcel.milestone in ENDS:
                    # Whoever dies between reading and learning leaves a parcel that is looked at again.
                    parcel.next_look_at, parcel.in_hand = now + UNTOLD, True
                found.append(Finding(parcel.shipment, push.scans, asked=False))
            await parcels.add_scans(session, [(each.shipment, scan) for each in found for scan in each.scans])
        if found:
            await self._learn_apart(carrier, found)
        return True

    async def _learn_apart(self, carrier: Carrier, found: Sequence["Finding"]) -> None:
        """A parcel of which nothing can be learnt is looked at again, and keeps nobody from learning of the others."""
        by_shipment = {finding.shipment: finding for finding in found}

        async def learn(shipments: Sequence[str]) -> bool:
            await self._learn(carrier, [by_shipment[shipment] for shipment in shipments])
            return True

        await Setbacks[str]().apart([*by_shipment], learn)

    async def _learn(self, carrier: Carrier, found: Sequence["Finding"]) -> None:
        """Keeps what is new, says when to look again, and tells the orders for which something changed."""
        now = datetime.now(UTC)
        by_shipment = {finding.shipment: finding for finding in found}
        news: dict[str, News] = {}
        async with self._sessions.begin() as session:
            watched = await parcels.lock(session, by_shipment)
            scans = await parcels.scans_of(session, watched)
            policies = await parcels.policies_of(session, watched)
            times = await _times(session, {*policies.values()}, await session.scalar(select(OWN_DAYS)))
            spacings = _spacings(times, now, carrier)
            fresh: list[tuple[str, Scan]] = []
            for parcel in watched:
                finding, policy = by_shipment[parcel.shipment], policies[parcel.order]
                known = {scan.key: scan for scan in scans[parcel.shipment]}
                new = {scan.key: scan for scan in finding.scans if scan.key not in known}
                fresh += [(parcel.shipment, scan) for scan in new.values()]
                course = fold({**known, **new}.values(), parcel.booked_at)
                _note(parcel, course, finding, spacings[policy], now)
                if told := _news(parcel, times[policy], now):
                    # Whoever dies before the order is told leaves a parcel that is looked at again.
                    news[parcel.shipment] = News(parcel.order, told, parcel.next_look_at)
                    parcel.next_look_at, parcel.in_hand = now + UNTOLD, True
            await parcels.add_scans(session, fresh)
        for shipment, each in news.items():
            activity.heartbeat()
            if await self._tell(each.order, each.scanned):
                async with self._sessions.begin() as session:
                    parcel = await session.get_one(Parcel, shipment, with_for_update=True)
                    parcel.told_milestone, parcel.told_trouble = each.scanned.milestone, each.scanned.trouble
                    parcel.told_at = now
                    if parcel.next_look_at == now + UNTOLD:
                        parcel.next_look_at, parcel.in_hand = each.next_look_at, False

    async def _tell(self, order: str, news: Scanned) -> bool:
        """False if the order must be told again: its workflow may be missing for a while, but not its row."""
        try:
            await self._client.get_workflow_handle(order_workflow(order)).signal(
                "scanned", news, rpc_timeout=UPDATE_TIMEOUT
            )
        except RPCError as error:
            activity.logger.warning("%s could not be told: %s", order, error.status)
            async with self._sessions() as session:
                return (await session.get_one(ReplacementOrder, order)).ended_at is not None
        return True


@dataclass(frozen=True)
class Finding:
    """What a look or a push brought; `asked` if the carrier was, `fruitless` if it then told nothing new."""

    shipment: str
    scans: Sequence[Scan] = ()
    failure: CarrierError | None = None
    asked: bool = True
    fruitless: bool = False


@dataclass(frozen=True)
class News:
    """What an order is to hear of its parcel, and when to look again once it has."""

    order: str
    scanned: Scanned
    next_look_at: datetime | None


def _read(carrier: Carrier, row: CarrierPush) -> Push | None:
    try:
        return carrier.parse_push(row.raw, carrier.account.push_token)
    except CarrierError as error:
        activity.logger.warning("push %s can't be read: %s", row.id, error)
        return None


async def _times(
    session: AsyncSession, policies: Collection[Version], own_days: Mapping[str, bool] | None
) -> dict[Version, Timekeeper]:
    """The clocks of these policy versions; few are in force at a time, and each is read once."""
    return {policy: on_calendar(await load(session, *policy), own_days) for policy in policies}


def _note(parcel: Parcel, known: Known, finding: Finding, spacing: Spacing, now: datetime) -> None:
    """Writes down what the scans add up to, that the carrier was asked, and when to ask again."""
    parcel.milestone = max(known.milestone, Milestone.CREATED, key=list(Milestone).index)
    parcel.trouble, parcel.last_moved_at, parcel.delivered_at = (
        known.trouble,
        known.last_moved_at,
        known.delivered_at,
    )
    parcel.in_hand, failure = False, finding.failure
    if finding.asked:
        parcel.looks += 1
        parcel.last_look_at, parcel.last_error = now, str(failure) if failure else None
    if parcel.next_look_at is not None:
        wanted = next_look(known, now, parcel.expected_at, spacing)
        retry = failure.retry_after if isinstance(failure, Busy) else None
        parcel.next_look_at = max(wanted, now + retry) if wanted and retry else wanted


class Pulse:
    """Signs of life of a shift, a second apart: one costs as much as a good part of a look."""

    def __init__(self) -> None:
        self._next = 0.0

    def beat(self) -> None:
        if (now := monotonic()) >= self._next:
            self._next = now + 1
            activity.heartbeat()


async def _until(instant: datetime, pulse: Pulse) -> None:
    """Until the carrier may be asked again; a slow account is no reason to be taken for dead."""
    pulse.beat()
    while (seconds := (instant - datetime.now(UTC)).total_seconds()) > 0:
        await asyncio.sleep(min(seconds, HEARTBEAT.total_seconds()))
        pulse.beat()


def _waybill(due: Due) -> Waybill:
    return Waybill(due.waybill, due.company, due.phone_last4, due.reference)


def _spacings(times: Mapping[Version, Timekeeper], now: datetime, carrier: Carrier) -> dict[Version, Spacing]:
    return {policy: _spacing(time, now, carrier) for policy, time in times.items()}


def _spacing(time: Timekeeper, now: datetime, carrier: Carrier) -> Spacing:
    rules = time.policy.parcels

    def length(span: Span) -> timedelta:
        return time.after(now, span) - now

    return Spacing(
        minimum=carrier.account.min_spacing,
        near=length(rules.look_near_due),
        far=length(rules.look_every),
        window=length(rules.near_window),
        late=length(rules.late_look),
    )


def _news(parcel: Parcel, time: Timekeeper, now: datetime) -> Scanned | None:
    """What the order must hear: the parcel's course changed, or a sign of life before it counts as standing still."""
    moved_at = parcel.last_moved_at or now
    still_by = time.rings_after(moved_at, time.policy.parcels.no_movement)
    told = parcel.told_milestone or Milestone.CREATED
    changed = parcel.trouble != parcel.told_trouble or (
        parcel.milestone != told and not {parcel.milestone, told} <= UNDER_WAY
    )
    half = (still_by - moved_at) / 2
    moving = parcel.told_at is not None and moved_at > parcel.told_at and moved_at - parcel.told_at > half
    if not changed and not moving:
        return None
    return Scanned(
        shipment=parcel.shipment,
        milestone=parcel.milestone,
        trouble=parcel.trouble,
        at=moved_at,
        still_by=still_by,
    )
