"""A part of the system stands still for long: people get a clear answer soon, and may repeat what they asked."""

import asyncio
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from typing import Any, Final

import httpx

from carriers.server.depot import Depot
from faults import world
from faults.cases import APPROVE, Case, cases
from faults.people import Answered, Experience, People, Player, within
from faults.stack import Stack
from faults.tally import Difference

ANSWER_WITHIN: Final = 10.0
"""Seconds after which nobody should have to wonder any more."""
PARTS: Final = ("postgres", "temporal", "carriers")
_ASKED_BY: Final = {"postgres", "temporal"}
"""Without these nobody can decide anything; the carriers' absence people must not even notice."""
_AGAIN_AFTER: Final = 3.0


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
        return f"{self.part} still for {self.seconds:.0f} s: {asked} requests, codes {codes}, slowest {slowest:.1f} s"


async def outage(stack: Stack, part: str, seconds: float, orders: int, first_place: int, patience: float) -> Outage:
    """Orders at work when the part stops; each asks again and again, and goes on to its end afterwards."""
    result = Outage(part, seconds)
    await world.enter(stack.sessions, [], [])
    depot = Depot(stack.parcels)
    async with AsyncExitStack() as leaving:
        people = People(stack, leaving, Experience())
        for who in ("agent", "auditor"):
            await people.of(who)
        players = [Player(people, depot, case, f"faults-outage-{case.place}") for case in _orders(orders, first_place)]
        await asyncio.gather(*(_until_audit(player) for player in players))
        await asyncio.gather(stack.frozen(seconds, [part]), *(_insist(people, player, result) for player in players))
        await within(patience, *(player.play_until(player.over) for player in players))
        result.differences += [Difference("lost", f"wrong answer: {each}") for each in people.experience.wrong]
    depot.close()
    result.orders = len(players)
    for player in players:
        result.answered += player.answered
        if player.stage != "closed":
            what = f"{player.number}, at work when {part} stood still, stands at {player.stage}"
            result.differences.append(Difference("stuck", what))
    result.differences += _bad_answers(result)
    return result


def _orders(number: int, first_place: int) -> list[Case]:
    plain = next(case for case in cases("outage", 100, first_place) if case.title == "from stock")
    return [replace(plain, place=first_place + n) for n in range(number)]


async def _until_audit(player: Player) -> None:
    await player.apply()
    await player.play_until(lambda order: bool(order["stage"] == "audit"))


async def _insist(people: People, player: Player, result: Outage) -> None:
    """The auditor signs: the same request until it is answered. Others look at lists meanwhile."""
    request: dict[str, Any] = {
        "json": APPROVE.decision,
        "headers": {"Idempotency-Key": f"outage-{player.number}"},
        "timeout": 30,
    }
    auditor, agent = await people.of("auditor"), await people.of("agent")
    ends = time.monotonic() + result.seconds
    await asyncio.sleep(0.5)
    while True:
        answer = await _timed(result, auditor, "POST", f"/v1/orders/{player.number}/decisions", request)
        if answer is not None and answer.is_success:
            said = answer.json()
            player.answered.append(Answered(said["document"], said["seq"], APPROVE.decision["action"]))
            return
        if time.monotonic() < ends:
            await _timed(result, agent, "GET", f"/v1/orders/{player.number}", {"timeout": 30})
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
    return answer


def _bad_answers(result: Outage) -> list[Difference]:
    allowed = {200, 503} if result.part in _ASKED_BY else {200}
    return [
        Difference("stuck", f"{result.part} still: {request} was answered {code or 'nothing'} after {seconds:.1f} s")
        for request, code, seconds in result.answers
        if code not in allowed or seconds > ANSWER_WITHIN
    ]
