"""The watch over an account's parcels: looks and pushes, the account's limit, and what an order is told."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Any

import pytest
from sqlalchemy import update
from temporalio.service import RPCError, RPCStatusCode
from temporalio.testing import ActivityEnvironment

from activities.watching import Watching
from carriers.protocol import Account, AccountKind, BadSignature, Busy, NoData, Push, Refused, Watch, Waybill
from database import parcels, restorations
from database.session import alone
from database.tables import CarrierAccount, CarrierPush, Parcel, ParcelScan, ReplacementOrder, WorkingDayOverride
from domain.messages import Scanned
from domain.parcels import Milestone, Scan, Trouble
from domain.stages import Stage
from tests.activities.paper import PaperHouse
from tests.workflows.paper_carrier import PaperCarriers

ACCOUNT = "sf"
M = Milestone


@dataclass
class ScriptedCarrier:
    """Says of each waybill what stands in `scans`, unless an error is due; notes when it was asked what."""

    account: Account
    scans: dict[str, list[Scan]] = field(default_factory=dict)
    errors: list[BaseException] = field(default_factory=list)
    looks: list[tuple[datetime, str]] = field(default_factory=list)
    subscribed: list[str] = field(default_factory=list)
    pushes: dict[bytes, Push] = field(default_factory=dict)
    blow_up: set[str] = field(default_factory=set)

    async def track(self, waybill: Waybill) -> Sequence[Scan]:
        self.looks.append((datetime.now(UTC), waybill.number))
        if self.errors:
            raise self.errors.pop(0)
        if waybill.number in self.blow_up:
            raise ZeroDivisionError
        if waybill.number not in self.scans:
            raise NoData("nothing yet")
        return self.scans[waybill.number]

    async def subscribe(self, waybill: Waybill, callback: str) -> None:
        if self.errors:
            raise self.errors.pop(0)
        self.subscribed.append(f"{waybill.number} {callback}")

    def parse_push(self, body: bytes, token: str) -> Push:
        if body not in self.pushes:
            raise BadSignature("not ours")
        return self.pushes[body]


@dataclass
class Orders:
    """The engine, as far as orders are told something. While `away` it can't be reached."""

    told: list[tuple[str, Scanned]] = field(default_factory=list)
    away: bool = False

    def get_workflow_handle(self, workflow: str) -> "OneOrder":
        return OneOrder(self, workflow)

    def milestones(self) -> list[str]:
        return [news.milestone for _, news in self.told]


@dataclass
class OneOrder:
    orders: Orders
    workflow: str

    async def signal(self, name: str, news: Scanned, rpc_timeout: timedelta) -> None:
        if self.orders.away:
            raise RPCError("nobody there", RPCStatusCode.UNAVAILABLE, b"")
        self.orders.told.append((f"{self.workflow} {name}", news))


@dataclass
class PaperWatch:
    """Parcels on their way, the carrier that has them, and who watches."""

    paper: PaperHouse
    carrier: ScriptedCarrier
    orders: Orders
    shipments: list[str]

    @property
    def shipment(self) -> str:
        return self.shipments[0]

    def watching(self) -> Watching:
        client: Any = self.orders
        carriers = PaperCarriers(self.carrier)
        return Watching(self.paper.sessions, client, carriers, "http://huanjian.test", timedelta(milliseconds=20))

    @asynccontextmanager
    async def at_work(self, watchers: int = 1) -> AsyncIterator[None]:
        """So many workers watch the account meanwhile; then they are asked to stop, and do."""
        environments, begun = [ActivityEnvironment() for _ in range(watchers)], asyncio.Semaphore(0)
        for environment in environments:
            environment.on_heartbeat = lambda *_: begun.release()
        shifts = [asyncio.ensure_future(env.run(self.watching().watch_parcels, ACCOUNT)) for env in environments]
        async with asyncio.timeout(10):
            for _ in shifts:
                await begun.acquire()
        yield
        for environment in environments:
            environment.worker_shutdown()
        await asyncio.gather(*shifts)

    async def look(self, watchers: int = 1) -> None:
        """Watches until nothing is due."""
        async with self.at_work(watchers):
            await self.paper.until(self._idle)

    async def look_again(self, watchers: int = 1) -> None:
        """Every parcel is due now, however lately it was asked after."""
        await self.make_due()
        await self.look(watchers)

    async def look_together(self, watchers: int) -> None:
        """Every parcel gets due when all are at work: a watcher that begins takes over what others have in hand."""
        for shipment in self.shipments:
            await self.paper.change(Parcel, shipment, next_look_at=None)
        async with self.at_work(watchers):
            await self.make_due()
            await self.paper.until(self._idle)

    async def make_due(self) -> None:
        for shipment in self.shipments:
            await self.paper.change(Parcel, shipment, next_look_at=datetime.now(UTC), last_look_at=None)

    async def turn(self) -> parcels.Turn:
        """What a watcher begins with that dies thereupon."""
        async with alone(self.paper.sessions).connect() as connection:
            return await parcels.next_turn(connection, ACCOUNT, 20)

    async def push(self, *scans: Scan, watch: Watch = Watch.RUNNING, key: str = "", number: str = "") -> None:
        """The carrier pushes, and somebody keeps it."""
        body = (key or f"push {len(self.carrier.pushes)}").encode()
        waybill = number or (await self.parcel()).waybill
        self.carrier.pushes[body] = Push(body.decode(), waybill, "shunfeng", watch, "", scans)
        async with self.paper.sessions.begin() as session:
            await parcels.keep_push(session, ACCOUNT, body.decode(), body)

    async def parcel(self, shipment: str = "") -> Parcel:
        [row] = await self.paper.all(Parcel, Parcel.shipment == (shipment or self.shipment))
        return row

    async def scan(self, milestone: Milestone, hours_ago: float = 1, trouble: Trouble | None = None) -> Scan:
        at = self.paper.clock - timedelta(hours=hours_ago)
        return Scan((await self.parcel()).waybill, at, milestone, str(milestone), f"{milestone} by 王师傅", trouble)

    async def carrier_says(self, *scans: Scan) -> None:
        self.carrier.scans[(await self.parcel()).waybill] = list(scans)

    async def _idle(self) -> bool:
        due = await self.paper.all(Parcel, Parcel.next_look_at <= datetime.now(UTC) + parcels.CLAIM * 2)
        claimed = [row for row in due if row.last_look_at is None]
        unread = await self.paper.all(CarrierPush, CarrierPush.read_at.is_(None))
        return not claimed and not unread


Open = Callable[..., Awaitable[PaperWatch]]


@pytest.fixture
def watch(paper: PaperHouse) -> Open:
    """Opens a watch over so many parcels, under way for two days."""

    async def open_watch(
        parcels: int = 1, spacing: timedelta = timedelta(minutes=30), a_minute: int = 60_000
    ) -> PaperWatch:
        shipments = []
        for _ in range(parcels):
            order = await (await paper.order()).to(Stage.IN_TRANSIT)
            shipments.append((await order.shipment()).id)
            booked = paper.clock - timedelta(days=2)
            await paper.change(Parcel, shipments[-1], booked_at=booked, next_look_at=datetime.now(UTC))
        await paper.change(CarrierAccount, ACCOUNT, calls_per_minute=a_minute)
        account = Account(
            ACCOUNT, AccountKind.KUAIDI100, spacing, a_minute,
            "http://x", "http://x", "X", "k", "s", "salt", "t" * 22,
        )  # fmt: skip
        return PaperWatch(paper, ScriptedCarrier(account), Orders(), shipments)

    return open_watch


async def test_a_look_that_brings_nothing_tells_nobody(watch: Open) -> None:
    watched = await watch()
    await watched.look()
    parcel = await watched.parcel()
    assert (parcel.looks, parcel.milestone, parcel.last_error) == (1, "created", None)
    assert parcel.next_look_at is not None
    assert parcel.last_look_at is not None
    assert parcel.next_look_at - parcel.last_look_at >= timedelta(minutes=30)
    assert watched.orders.told == []


async def test_an_order_is_told_what_changes_its_course_and_nothing_else(watch: Open) -> None:
    watched = await watch()
    scans = [await watched.scan(M.PICKED_UP, 40)]
    for milestone, hours_ago in ((M.IN_TRANSIT, 39), (M.ARRIVED_CITY, 38), (M.OUT_FOR_DELIVERY, 37)):
        await watched.carrier_says(*scans)
        await watched.look_again()
        scans.append(await watched.scan(milestone, hours_ago))
    scans.append(await watched.scan(M.DELIVERED, 36))
    await watched.carrier_says(*scans)
    await watched.look_again()
    assert watched.orders.milestones() == ["picked_up", "delivered"]
    assert (await watched.parcel()).told_milestone == "delivered"
    assert len(await watched.paper.all(ParcelScan)) == 5


async def test_a_parcel_that_moves_gives_signs_of_life(watch: Open) -> None:
    """Before it counts as standing still: two days after its last move, and were that a Saturday."""
    watched = await watch()
    async with watched.paper.sessions.begin() as session:
        for day in range(-3, 6):
            at_work = watched.paper.clock.date() + timedelta(days=day)
            session.add(WorkingDayOverride(day=at_work, worked=True, note="stocktaking"))
    await watched.carrier_says(await watched.scan(M.PICKED_UP, 47))
    await watched.look_again()
    await watched.paper.change(Parcel, watched.shipment, told_at=watched.paper.clock - timedelta(hours=46))
    await watched.carrier_says(await watched.scan(M.PICKED_UP, 47), await watched.scan(M.IN_TRANSIT, 1))
    await watched.look_again()
    first, sign = [news for _, news in watched.orders.told]
    assert sign.still_by > first.still_by
    assert sign.still_by >= watched.paper.clock - timedelta(hours=1) + timedelta(days=2)


@pytest.mark.parametrize("seed", range(3))
async def test_scans_come_in_any_order_and_thrice(watch: Open, seed: int) -> None:
    watched = await watch()
    chance = Random(seed)
    story = [
        await watched.scan(M.PICKED_UP, 40),
        await watched.scan(M.IN_TRANSIT, 30),
        await watched.scan(M.EXCEPTION, 20, Trouble.ADDRESS),
        await watched.scan(M.OUT_FOR_DELIVERY, 10),
        await watched.scan(M.DELIVERED, 1),
    ]
    shuffled = story * 3
    chance.shuffle(shuffled)
    await watched.carrier_says(*shuffled[:7])
    await watched.push(*shuffled[7:11])
    await watched.look_again()
    await watched.push(*shuffled[11:])
    await watched.push(*shuffled)
    await watched.look_again()
    parcel = await watched.parcel()
    assert (parcel.milestone, parcel.trouble) == ("delivered", None)
    assert len(await watched.paper.all(ParcelScan)) == len(story)
    assert watched.orders.milestones()[-1] == "delivered"
    assert watched.orders.milestones().count("delivered") == 1


async def test_a_push_is_read_once_and_tells_the_order_at_once(watch: Open) -> None:
    watched = await watch()
    await watched.look()
    delivered = await watched.scan(M.DELIVERED)
    for _ in range(2):
        await watched.push(delivered, key="the same")
    await watched.look()
    assert watched.orders.milestones() == ["delivered"]
    assert (await watched.parcel()).looks == 1, "a push is no question to the carrier"


async def test_a_push_and_a_look_race(watch: Open) -> None:
    """Both bring the delivery at once; the order may hear of it twice, and the books of the parcel are the same."""
    watched = await watch()
    delivered = await watched.scan(M.DELIVERED)
    await watched.carrier_says(delivered)
    await watched.push(delivered)
    await watched.look_again(watchers=3)
    assert set(watched.orders.milestones()) == {"delivered"}
    assert len(await watched.paper.all(ParcelScan)) == 1
    assert (await watched.parcel()).delivered_at == delivered.at


async def test_two_watchers_never_look_at_one_parcel_twice(watch: Open) -> None:
    watched = await watch(parcels=8)
    for _ in range(2):
        await watched.look_together(watchers=3)
    asked = Counter(number for _, number in watched.carrier.looks)
    assert set(asked.values()) == {2}
    assert len(asked) == 8
    assert {(await watched.parcel(each)).looks for each in watched.shipments} == {2}


async def test_all_watchers_together_keep_the_accounts_limit(watch: Open) -> None:
    """Six hundred calls a minute are one every tenth of a second, subscriptions included."""
    watched = await watch(parcels=5, a_minute=600)
    await watched.look_together(watchers=2)
    calls = sorted(at for at, _ in watched.carrier.looks)
    assert len(calls) == len(watched.carrier.subscribed) == 5
    assert calls[-1] - calls[0] >= timedelta(seconds=0.1 * 2 * 4 * 0.9)


async def test_a_slow_account_keeps_its_claims_and_its_heart_beats(watch: Open) -> None:
    """Its calls lie further apart than a claim lasts: nobody else must look meanwhile."""
    watched = await watch(parcels=2, a_minute=1)
    beats: list[object] = []
    environment = ActivityEnvironment()
    environment.on_heartbeat = lambda *details: beats.append(details)
    shift = asyncio.ensure_future(environment.run(watched.watching().watch_parcels, ACCOUNT))
    await watched.paper.until(lambda: watched.paper.knows(Parcel, Parcel.next_look_at > datetime.now(UTC)))
    for shipment in watched.shipments:
        claim = (await watched.parcel(shipment)).next_look_at
        assert claim is not None
        assert claim > datetime.now(UTC) + timedelta(minutes=4)
    assert (await watched.turn()).due == []
    assert beats
    shift.cancel()
    with pytest.raises(asyncio.CancelledError):
        await shift


async def test_a_new_shift_takes_up_what_a_dead_watcher_had_in_hand(watch: Open) -> None:
    watched = await watch()
    assert (await watched.turn()).due
    await watched.carrier_says(await watched.scan(M.DELIVERED))
    async with watched.at_work():
        await watched.paper.until(lambda: watched.paper.knows(Parcel, Parcel.told_milestone == M.DELIVERED))
    assert not (await watched.parcel()).in_hand


async def test_who_dies_between_asking_and_writing_it_down_leaves_a_parcel_that_is_due(watch: Open) -> None:
    watched = await watch()
    watched.carrier.errors = [asyncio.CancelledError()]
    await watched.paper.change(Parcel, watched.shipment, subscribed_at=watched.paper.clock)
    with pytest.raises(asyncio.CancelledError):
        await ActivityEnvironment().run(watched.watching().watch_parcels, ACCOUNT)
    parcel = await watched.parcel()
    assert (parcel.in_hand, parcel.looks) == (True, 0)
    assert (await watched.turn()).due == []
    await watched.look()
    parcel = await watched.parcel()
    assert (parcel.in_hand, parcel.looks, len(watched.carrier.looks)) == (False, 1, 2)


async def test_a_claim_stands_as_soon_as_it_is_made(watch: Open) -> None:
    """Whoever holds it need not commit anything, nor can take it back."""
    watched = await watch()
    async with alone(watched.paper.sessions).connect() as connection:
        turn = await parcels.next_turn(connection, ACCOUNT, 20)
        [due] = turn.due
        assert (await watched.parcel()).next_look_at == due.claimed_until
        await connection.rollback()
    assert (await watched.parcel()).in_hand


async def test_pushes_go_before_looks(watch: Open) -> None:
    watched = await watch()
    await watched.push(await watched.scan(M.DELIVERED))
    turn = await watched.turn()
    assert turn.unread
    assert turn.due == []
    async with watched.paper.sessions.begin() as session:
        await session.execute(update(CarrierPush).values(read_at=watched.paper.clock))
    turn = await watched.turn()
    assert not turn.unread
    assert [due.shipment for due in turn.due] == [watched.shipment]


HALF_A_CHARACTER = "\ud800"


async def test_a_push_that_cannot_be_kept_holds_up_neither_pushes_nor_looks(watch: Open) -> None:
    """What is known to blow up is refused when it is read; this stands for what nobody thought of."""
    watched = await watch(parcels=2)
    odd, sound = await watched.scan(M.PICKED_UP), await watched.scan(M.DELIVERED)
    await watched.push(replace(odd, text=HALF_A_CHARACTER))
    await watched.push(sound)
    async with watched.at_work():
        await watched.paper.until(lambda: watched.paper.knows(Parcel, Parcel.told_milestone == M.DELIVERED))
        await watched.paper.until(lambda: watched.paper.knows(Parcel, Parcel.looks == 1))
    left = await watched.paper.all(CarrierPush, CarrierPush.read_at.is_(None))
    assert [row.raw for row in left] == [b"push 0"]


async def test_a_parcel_whose_look_blows_up_holds_up_no_other(watch: Open) -> None:
    watched = await watch(parcels=3)
    waybills = [(await watched.parcel(shipment)).waybill for shipment in watched.shipments]
    at = watched.paper.clock - timedelta(hours=1)
    watched.carrier.scans = {waybill: [Scan(waybill, at, M.DELIVERED, "", "")] for waybill in waybills}
    watched.carrier.scans[waybills[0]] = [Scan(waybills[0], at, M.DELIVERED, "", "zero byte: \0")]
    watched.carrier.blow_up = {waybills[1]}
    async with watched.at_work():
        await watched.paper.until(lambda: watched.paper.knows(Parcel, Parcel.told_milestone == M.DELIVERED))
        await watched.paper.until(lambda: watched.paper.knows(Parcel, Parcel.last_error.is_not(None)))
    [delivered] = await watched.paper.all(Parcel, Parcel.milestone == M.DELIVERED)
    [failed] = await watched.paper.all(Parcel, Parcel.last_error.is_not(None))
    assert (delivered.waybill, failed.waybill) == (waybills[2], waybills[1])
    assert failed.last_error == "ZeroDivisionError()"
    due = (await watched.parcel(watched.shipments[0])).next_look_at
    assert due is not None, "it is looked at again"


async def test_a_turn_knows_the_account_and_the_calendar_as_they_stand(watch: Open) -> None:
    watched = await watch()
    before = await watched.turn()
    assert before.own_days is None
    await watched.paper.change(CarrierAccount, ACCOUNT, settings={"min_spacing": "PT1H"}, push_token="n" * 22)
    async with watched.paper.sessions.begin() as session:
        session.add(WorkingDayOverride(day=date(2026, 10, 1), worked=True, note="stocktaking"))
    after = await watched.turn()
    assert after.account == (*before.account[:3], "n" * 22, {"min_spacing": "PT1H"})
    assert after.own_days == {"2026-10-01": True}


async def test_pushes_are_asked_for_once(watch: Open) -> None:
    watched = await watch()
    for _ in range(2):
        await watched.look_again()
    number = (await watched.parcel()).waybill
    assert watched.carrier.subscribed == [f"{number} http://huanjian.test/v1/carriers/sf/push/{'t' * 22}"]


async def test_without_pushes_it_is_looked_at_all_the_same(watch: Open) -> None:
    watched = await watch()
    watched.carrier.errors = [Refused("no subscriptions")]
    await watched.carrier_says(await watched.scan(M.PICKED_UP))
    await watched.look()
    assert watched.orders.milestones() == ["picked_up"]
    assert (await watched.parcel()).subscribed_at is None


async def test_a_carrier_that_gave_up_pushing_is_asked_again(watch: Open) -> None:
    watched = await watch()
    await watched.look()
    await watched.push(watch=Watch.GIVEN_UP)
    await watched.look()
    assert (await watched.parcel()).subscribed_at is None
    await watched.look_again()
    assert len(watched.carrier.subscribed) == 2


@pytest.mark.parametrize(
    ("error", "said", "after"),
    [
        (NoData("nothing"), None, timedelta(minutes=30)),
        (Busy("slow down", "429", timedelta(hours=9)), "429 slow down", timedelta(hours=9)),
        (Refused("wrong number", "400"), "400 wrong number", timedelta(minutes=30)),
    ],
)
async def test_a_look_that_fails_is_made_again_later(
    watch: Open, error: Exception, said: str | None, after: timedelta
) -> None:
    watched = await watch()
    await watched.paper.change(Parcel, watched.shipment, subscribed_at=watched.paper.clock)
    watched.carrier.errors = [error]
    await watched.look()
    parcel = await watched.parcel()
    assert parcel.last_error == said
    assert parcel.next_look_at is not None
    assert parcel.next_look_at >= datetime.now(UTC) + after - timedelta(seconds=20)
    await watched.carrier_says(await watched.scan(M.PICKED_UP))
    await watched.look_again()
    assert (await watched.parcel()).last_error is None
    assert watched.orders.milestones() == ["picked_up"]


async def test_an_order_that_can_not_be_told_is_told_later_without_asking_the_carrier_again(watch: Open) -> None:
    """Carriers lock numbers that are asked after too often."""
    watched = await watch()
    watched.orders.away = True
    await watched.carrier_says(await watched.scan(M.DELIVERED))
    await watched.look()
    parcel = await watched.parcel()
    assert parcel.told_milestone is None
    assert parcel.next_look_at is not None
    assert parcel.next_look_at <= datetime.now(UTC) + timedelta(minutes=1)

    watched.orders.away = False
    await watched.paper.change(Parcel, watched.shipment, next_look_at=datetime.now(UTC))
    async with watched.at_work():
        await watched.paper.until(lambda: watched.paper.knows(Parcel, Parcel.told_milestone == M.DELIVERED))
    assert watched.orders.milestones() == ["delivered"]
    assert len(watched.carrier.looks) == 1


async def test_who_has_ended_need_not_be_told(watch: Open) -> None:
    watched = await watch()
    watched.orders.away = True
    order = (await watched.parcel()).order
    await watched.paper.change(ReplacementOrder, order, stage=Stage.CANCELLED, ended_at=watched.paper.clock)
    await watched.carrier_says(await watched.scan(M.DELIVERED))
    await watched.look()
    assert (await watched.parcel()).told_milestone == "delivered"
    await watched.paper.change(ReplacementOrder, order, stage=Stage.IN_TRANSIT, ended_at=None)


async def test_a_push_nobody_can_read_or_place_stops_nothing(watch: Open) -> None:
    watched = await watch()
    async with watched.paper.sessions.begin() as session:
        await parcels.keep_push(session, ACCOUNT, "forged", b"forged")
    await watched.push(await watched.scan(M.DELIVERED), number="SOMEBODY-ELSES")
    await watched.push(await watched.scan(M.PICKED_UP))
    await watched.look()
    assert watched.orders.milestones() == ["picked_up"]


async def test_a_waybill_used_again_is_the_newest_parcels(watch: Open) -> None:
    watched = await watch(parcels=2)
    old, new = watched.shipments
    number = (await watched.parcel(new)).waybill
    long_ago = watched.paper.clock - timedelta(days=200)
    await watched.paper.change(Parcel, old, waybill=number, booked_at=long_ago, next_look_at=None)
    await watched.push(await watched.scan(M.DELIVERED), number=number)
    await watched.look()
    assert [(await watched.parcel(each)).milestone for each in (old, new)] == ["created", "delivered"]


async def test_scans_of_somebody_elses_parcel_long_ago_do_not_count(watch: Open) -> None:
    watched = await watch()
    await watched.carrier_says(await watched.scan(M.DELIVERED, 24 * 90))
    await watched.look()
    assert (await watched.parcel()).milestone == "created"
    assert watched.orders.told == []


async def test_a_delivered_parcel_is_looked_at_once_more(watch: Open) -> None:
    """A return after delivery is not always reported."""
    watched = await watch()
    delivered = await watched.scan(M.DELIVERED, 1)
    await watched.carrier_says(delivered)
    await watched.look()
    assert (await watched.parcel()).next_look_at == delivered.at + timedelta(days=3)
    await watched.carrier_says(delivered, await watched.scan(M.RETURNING, 0.5))
    await watched.look_again()
    assert watched.orders.milestones() == ["delivered", "returning"]


async def test_after_a_restoration_an_order_is_told_again_although_the_carrier_says_nothing_new(watch: Open) -> None:
    """Its workflow may have forgotten what it heard."""
    watched = await watch()
    await watched.carrier_says(await watched.scan(M.DELIVERED, 1))
    await watched.look()
    async with watched.paper.sessions.begin() as session:
        await restorations.tell_parcels_again(session, datetime.now(UTC))
    await watched.paper.change(Parcel, watched.shipment, last_look_at=None)
    await watched.look()
    assert watched.orders.milestones() == ["delivered", "delivered"]
    assert (await watched.parcel()).told_milestone == "delivered"
