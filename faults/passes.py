"""The passes of a run: the same cases undisturbed, in a storm, and under a worker that dies at every commit."""

import asyncio
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import MappingProxyType

from carriers.server.depot import Depot
from faults import world
from faults.cases import CASES, Case, cases
from faults.house_cases import HouseCase, house_cases
from faults.people import Answered, Experience, People, within
from faults.players import Caused, HousePlayer, OrderPlayer, Player
from faults.stack import Stack
from faults.tally import Difference, Tally, compare

START_APART = 0.3
"""Seconds between two applications: orders are to be hit at every stage, not all at the same one."""


AnyCase = Case | HouseCase


@dataclass
class Pass:
    """What came of one pass: a tally by the case's place in the list, and what went wrong."""

    name: str
    seconds: float
    experience: Experience
    cases: Sequence[AnyCase] = ()
    tallies: dict[int, Tally] = field(default_factory=dict)
    answered: list[Answered] = field(default_factory=list)
    differences: list[Difference] = field(default_factory=list)

    @property
    def orders(self) -> int:
        return sum(isinstance(self.cases[place], Case) for place in self.tallies)

    def summary(self) -> str:
        said = self.experience
        return (
            f"{self.name}: {self.orders} orders and {len(self.tallies) - self.orders} cases of the house in "
            f"{self.seconds:.0f} s, {said.decisions} decisions, {said.repeated} requests repeated, "
            f"{said.unavailable} answers 5xx"
        )


async def play(
    stack: Stack,
    name: str,
    rounds: int,
    first_place: int,
    patience: float,
    before: Caused = MappingProxyType({}),
) -> Pass:
    """Plays a pass's cases side by side for at most `patience` seconds. `before` is what orders caused before."""
    wanted = cast_of(name, rounds, first_place)
    await prepare(stack, wanted)
    began, experience = time.monotonic(), Experience()
    depot = Depot(stack.parcels)
    async with AsyncExitStack() as leaving:
        people = People(stack, leaving, experience)
        players = [player(people, depot, name, case, before) for case in wanted]
        await within(patience, *(after(n * START_APART, each) for n, each in enumerate(players)))
    depot.close()
    result = Pass(name, time.monotonic() - began, experience, wanted)
    await _tally(stack, result, players)
    return result


def cast_of(name: str, rounds: int, first_place: int) -> list[AnyCase]:
    """Every case of a pass so many times. `first_place` keeps passes out of each other's appointments."""
    orders = rounds * len(CASES)
    house = house_cases(name, rounds, first_place + orders)
    return [*house, *cases(name, orders, first_place)]  # the house's wait for deadlines, and begin first


def player(people: People, depot: Depot, name: str, case: AnyCase, before: Caused = MappingProxyType({})) -> Player:
    key = f"faults-{name}-{case.place}".replace(" ", "-")
    if isinstance(case, HouseCase):
        return HousePlayer(people, case, key)
    return OrderPlayer(people, depot, case, key, before)


async def prepare(stack: Stack, wanted: Sequence[AnyCase]) -> None:
    """Enters what the cases need."""
    orders = [case for case in wanted if isinstance(case, Case)]
    await world.enter(
        stack.sessions,
        [case.part for case in orders if case.own_part],
        [case.part for case in orders if case.stocked],
        unoffered=[case.part for case in orders if case.unoffered],
    )
    now = datetime.now(UTC)
    async with stack.sessions.begin() as session:
        for case in wanted:
            if isinstance(case, HouseCase):
                await case.ground(session, case.code, now)


async def after(seconds: float, player: Player) -> None:
    await asyncio.sleep(seconds)
    await player.play()


async def _tally(stack: Stack, result: Pass, players: Sequence[Player]) -> None:
    for place, (case, each) in enumerate(zip(result.cases, players, strict=True)):
        result.answered += each.answered
        async with stack.sessions() as session:
            found = await each.tally(session)
        if found is None:
            result.differences.append(Difference("lost", f"{result.name} pass, {case.title}: it never began"))
            continue
        result.tallies[place] = found
        if each.stage != case.ending:
            what = f"{result.name} pass, {case.title} {each.named}: stands at {each.stage}, should be {case.ending}"
            result.differences.append(Difference("stuck", what))
    result.differences += [Difference("lost", f"wrong answer: {each}") for each in result.experience.wrong]


def against(undisturbed: Pass, disturbed: Pass) -> list[Difference]:
    """What the disturbed pass did less or more than the undisturbed one, however often either played a case."""
    should = {undisturbed.cases[place].title: found for place, found in undisturbed.tallies.items()}
    differences: list[Difference] = []
    for place, found in disturbed.tallies.items():
        title = disturbed.cases[place].title
        differences += compare(f"{disturbed.name} pass, {title}", should.get(title, Tally()), found)
    return differences
