"""A part of the system is away for long: people get a clear answer soon, and may repeat what they asked."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Final

import httpx
from sqlalchemy import text

import standalone
from carriers.server.depot import Depot
from faults import world
from faults.cases import Case, cases
from faults.habits import APPROVE
from faults.people import Answered, Experience, People, within
from faults.players import OrderPlayer
from faults.stack import Stack
from faults.tally import Difference
from faults.trouble import Wire, filled, slow_clients
from runtime.settings import LOOPBACK

ANSWER_WITHIN: Final = 10.0
"""Seconds after which nobody should have to wonder any more."""
FROZEN: Final = ("postgres", "temporal", "carriers")
REFUSING: Final = {f"{part}, refusing,": part for part in ("postgres", "temporal")}
PARTS: Final = (*FROZEN, *REFUSING, "database pool", "a worker's network")
"""What stands still and keeps every connection open, what takes none, and what there is too little of."""
_UNNOTICED: Final = {"carriers"}
"""What people must not even notice; without the others nobody can decide anything."""
_ALWAYS: Final = "/healthz"
"""What is answered by 200 whatever is away."""
_CUT_OFF: Final = "cut-off-worker"
_CROWD, _SLOW_CLIENTS = 60, 200
_BEGINS_WITHIN: Final = 10.0
_SOON, _AGAIN_AFTER = 0.5, 3.0


@dataclass
class Outage:
    """What people saw while a part stood still."""

    part: str
    seconds: float
    answers: list[tuple[str, int, float]] = field(default_factory=list)
    orders: int = 0
    answered: list[Answered] = field(default_factory=list)
    differences: list[Difference] = field(default_factory=list)

    def summary(self) -> str:
        slowest = max((seconds for _, _, seconds in self.answers), default=0.0)
        codes = ", ".join(str(code) for code in sorted({code for _, code, _ in self.answers}))
        asked = len(self.answers)
        return f"{self.part} away for {self.seconds:.0f} s: {asked} requests, codes {codes}, slowest {slowest:.1f} s"


Disturb = Callable[["People", Outage], Awaitable[None]]


async def outage(stack: Stack, part: str, seconds: float, orders: int, first_place: int, patience: float) -> Outage:
    """One of PARTS is away while orders are at work."""
    match part:
        case "database pool":
            return await _during(
                stack, Outage(part, seconds), lambda *seen: _crowd(stack, *seen), orders, first_place, patience
            )
        case "a worker's network":
            async with _cut_off_worker(stack) as wires:
                return await _during(
                    stack, Outage(part, seconds), lambda *seen: _cut(wires, *seen), orders, first_place, patience
                )
        case _ if part in REFUSING:
            return await _during(
                stack, Outage(part, seconds), lambda *_: stack.kept_down(seconds, REFUSING[part]), orders, first_place,
                patience,
            )  # fmt: skip
        case _:
            return await _during(
                stack, Outage(part, seconds), lambda *_: stack.frozen(seconds, [part]), orders, first_place, patience
            )


async def full_disk(stack: Stack, seconds: float, orders: int, first_place: int, patience: float) -> Outage:
    """The disk under the whole stack, a small one, is full while orders are at work."""

    async def fill(people: People, result: Outage) -> None:
        with filled(stack.settings.home):
            await asyncio.sleep(seconds)

    return await _during(stack, Outage("room on the disk", seconds), fill, orders, first_place, patience)


async def _during(
    stack: Stack, result: Outage, disturb: Disturb, orders: int, first_place: int, patience: float
) -> Outage:
    """Orders at work when the trouble begins. Who signs asks again and again; everybody goes on as far as it lets him,
    and to the end afterwards."""
    part = result.part
    await world.enter(stack.sessions, [], [])
    depot = Depot(stack.parcels)
    async with AsyncExitStack() as leaving:
        people = People(stack, leaving, Experience())
        for who in ("agent", "auditor"):
            await people.of(who)
        players = [
            OrderPlayer(people, depot, case, f"faults-outage-{case.place}") for case in _orders(orders, first_place)
        ]
        await asyncio.gather(*(_until_audit(player) for player in players))
        trouble = asyncio.gather(disturb(people, result), *(_looks_on(people, each, result) for each in players))
        await within(patience + result.seconds, *(_insist(people, each, result) for each in players))
        await trouble
        result.differences += [Difference("lost", f"wrong answer: {each}") for each in people.experience.wrong]
    depot.close()
    result.orders = len(players)
    for player in players:
        result.answered += player.answered
        if player.stage != "closed":
            what = f"{player.number}, at work when {part} was away, stands at {player.stage}"
            result.differences.append(Difference("stuck", what))
    result.differences += _bad_answers(result)
    return result


def _orders(number: int, first_place: int) -> list[Case]:
    plain = next(case for case in cases("outage", 100, first_place) if case.title == "from stock")
    return [replace(plain, place=first_place + n) for n in range(number)]


async def _until_audit(player: OrderPlayer) -> None:
    await player.apply()
    await player.play_until(lambda order: bool(order["stage"] == "audit"))


async def _insist(people: People, player: OrderPlayer, result: Outage) -> None:
    """The auditor signs: the same request until it is answered. Then it goes on to the end."""
    request: dict[str, Any] = {
        "json": APPROVE.decision,
        "headers": {"Idempotency-Key": f"outage-{player.number}"},
        "timeout": 30,
    }
    auditor = await people.of("auditor")
    await asyncio.sleep(_SOON)
    while True:
        answer = await _timed(result, auditor, "POST", f"/v1/orders/{player.number}/decisions", request)
        if answer is not None and answer.is_success:
            break
        await asyncio.sleep(_AGAIN_AFTER)
    said = answer.json()
    player.answered.append(Answered(said["document"], said["seq"], APPROVE.decision["action"]))
    await player.play()


async def _looks_on(people: People, player: OrderPlayer, result: Outage) -> None:
    """Somebody looks at the order as long as it lasts."""
    agent, ends = await people.of("agent"), time.monotonic() + result.seconds
    await asyncio.sleep(_SOON)
    while time.monotonic() < ends:
        await _timed(result, agent, "GET", f"/v1/orders/{player.number}", {"timeout": 30})
        await _timed(result, agent, "GET", _ALWAYS, {"timeout": 30})
        await asyncio.sleep(_AGAIN_AFTER)


async def _timed(
    result: Outage, client: httpx.AsyncClient, method: str, path: str, request: dict[str, Any]
) -> httpx.Response | None:
    began = time.monotonic()
    try:
        answer = await client.request(method, path, **request)
    except httpx.TransportError:
        result.answers.append((f"{method} {path}", 0, time.monotonic() - began))
        return None
    result.answers.append((f"{method} {path}", answer.status_code, time.monotonic() - began))
    if answer.status_code == httpx.codes.SERVICE_UNAVAILABLE and "retry-after" not in answer.headers:
        result.differences.append(Difference("stuck", f"{result.part} away: {method} {path} does not say when to ask"))
    return answer


def _bad_answers(result: Outage) -> list[Difference]:
    return [
        Difference("stuck", f"{result.part} away: {request} was answered {code or 'nothing'} after {seconds:.1f} s")
        for request, code, seconds in result.answers
        if code not in _allowed(result.part, request) or seconds > ANSWER_WITHIN
    ]


def _allowed(part: str, request: str) -> set[int]:
    return {200} if part in _UNNOTICED or request.endswith(_ALWAYS) else {200, 503}


async def _crowd(stack: Stack, people: People, result: Outage) -> None:
    """Every connection of the API waits for a table that somebody has locked, and more clients come than there are."""
    agent = await people.of("agent")
    ends = time.monotonic() + result.seconds

    async def ask() -> None:
        while time.monotonic() < ends:
            await _timed(result, agent, "GET", "/v1/orders", {"timeout": 30})

    async with slow_clients(stack.settings.api_port, _SLOW_CLIENTS), stack.sessions.begin() as session:
        await session.execute(text("lock table replacement_order in access exclusive mode"))
        asking = asyncio.gather(*(ask() for _ in range(_CROWD)))
        await asyncio.sleep(result.seconds)
        await session.rollback()
        await asking


@asynccontextmanager
async def _cut_off_worker(stack: Stack) -> AsyncIterator[list[Wire]]:
    """A second worker, which reaches PostgreSQL and Temporal over wires of its own."""
    settings = stack.settings
    async with Wire(settings.postgres_port) as to_database, Wire(settings.temporal_port) as to_temporal:
        worker = await standalone.worker(settings)
        over_wires = {
            "HUANJIAN_DATABASE_URL": settings.database.replace(f":{settings.postgres_port}/", f":{to_database.port}/"),
            "HUANJIAN_TEMPORAL_ADDRESS": f"{LOOPBACK}:{to_temporal.port}",
        }
        await stack.start(
            replace(worker, name=_CUT_OFF, environment={**worker.environment, **over_wires}, ready=_after_a_while())
        )
        yield [to_database, to_temporal]
        await stack.end(_CUT_OFF)


def _after_a_while() -> Callable[[], Awaitable[bool]]:
    """Temporal does not say which worker it hears: this one has begun by then."""
    begun = time.monotonic()

    async def ready() -> bool:
        return time.monotonic() > begun + _BEGINS_WITHIN

    return ready


async def _cut(wires: list[Wire], people: People, result: Outage) -> None:
    for wire in wires:
        wire.cut()
    await asyncio.sleep(result.seconds)
    for wire in wires:
        wire.mend()
