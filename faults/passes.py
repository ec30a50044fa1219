"""The passes of a run: the same cases undisturbed, in a storm, and under a worker that dies at every commit."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from types import MappingProxyType

from carriers.server.depot import Depot
from faults import world
from faults.cases import CASES, Case, cases
from faults.people import Answered, Before, Experience, People, Player, within
from faults.stack import Stack
from faults.tally import Difference, Tally, compare, tally

START_APART = 0.3
"""Seconds between two applications: orders are to be hit at every stage, not all at the same one."""


@dataclass
class Pass:
    """What came of one pass: a tally by the case's place in the list, and what went wrong."""

    name: str
    seconds: float
    experience: Experience
    tallies: dict[int, Tally] = field(default_factory=dict)
    answered: list[Answered] = field(default_factory=list)
    differences: list[Difference] = field(default_factory=list)

    def summary(self) -> str:
        said = self.experience
        return (
            f"{self.name}: {len(self.tallies)} orders in {self.seconds:.0f} s, {said.decisions} decisions, "
            f"{said.repeated} requests repeated, {said.unavailable} answers 5xx"
        )


async def play(
    stack: Stack,
    name: str,
    number: int,
    first_place: int,
    patience: float,
    before: Mapping[str, Before] = MappingProxyType({}),
) -> Pass:
    """Plays a pass's cases side by side for at most `patience` seconds. `before` is what came of orders before."""
    wanted = cases(name, number, first_place)
    await prepare(stack, wanted)
    began, experience = time.monotonic(), Experience()
    depot = Depot(stack.parcels)
    async with AsyncExitStack() as leaving:
        people = People(stack, leaving, experience)
        players = [Player(people, depot, case, key(name, case), before) for case in wanted]
        await within(patience, *(after(n * START_APART, player) for n, player in enumerate(players)))
    depot.close()
    result = Pass(name, time.monotonic() - began, experience)
    await _tally(stack, result, players)
    return result


async def prepare(stack: Stack, wanted: Sequence[Case]) -> None:
    """Enters what the cases need."""
    await world.enter(
        stack.sessions,
        [case.part for case in wanted if case.own_part],
        [case.part for case in wanted if case.stocked],
    )


def key(name: str, case: Case) -> str:
    """The idempotency key of a case's application."""
    return f"faults-{name}-{case.place}".replace(" ", "-")


async def after(seconds: float, player: Player) -> None:
    await asyncio.sleep(seconds)
    await player.play()


async def _tally(stack: Stack, result: Pass, players: Sequence[Player]) -> None:
    for place, player in enumerate(players):
        case = player.case
        result.answered += player.answered
        if not player.number:
            result.differences.append(Difference("lost", f"{case.title}: its application was never answered"))
            continue
        async with stack.sessions() as session:
            found = await tally(session, player.number, case.part if case.own_part else None)
        result.tallies[place] = found
        if player.stage != case.ending:
            what = f"{player.number} {case.title}: stands at {player.stage}, should be {case.ending}"
            result.differences.append(Difference("stuck", what))
    result.differences += [Difference("lost", f"wrong answer: {each}") for each in result.experience.wrong]


def against(undisturbed: Pass, disturbed: Pass) -> list[Difference]:
    """What the disturbed pass did less or more than the undisturbed one."""
    return [
        difference
        for place, found in disturbed.tallies.items()
        for difference in compare(
            f"{disturbed.name} pass, {CASES[place % len(CASES)].title}", undisturbed.tallies.get(place, Tally()), found
        )
    ]
