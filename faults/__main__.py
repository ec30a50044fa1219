"""python -m faults: kills what can be killed, and counts what is lost, doubled or stuck."""

import argparse
import asyncio
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Final

from rich.console import Console

import activities
import standalone
from activities.carriers import Carriers
from faults import backups, fuzz, outages, passes, posted, races, spoiled, states, walker, world
from faults.checks import RUNG_AFTER_TROUBLE, RUNG_BY, all_checks, clocks, unplayed
from faults.deaths import Deaths
from faults.people import Answered, Experience
from faults.search import Found
from faults.stack import Stack, settings_for
from faults.storm import Storm
from faults.tally import Difference
from faults.trouble import small_disk
from faults.upgrades import OLDER, older_worker, step_up
from runtime.temporal import run_then_rest
from standalone import StandaloneSettings

QUICK_PASSES: Final = ("storm", "outages", "races", "input", "deaths", "backup", "states")
PASSES: Final = (*QUICK_PASSES, "upgrade")
DISK_MEGABYTES: Final = 600
MORTAL: Final = "faults.worker"
HARDLY_ALIVE: Final = timedelta(minutes=5)
"""How late an alarm may ring while workers live for seconds: its task is tried every 25 s, and may die again."""
LEFT_AFTER: Final = 45
"""Seconds that cases are played before bad input comes and nobody goes on: by then something stands at every stage."""
KINDS: Final = ("lost", "doubled", "stuck")
console = Console(highlight=False, soft_wrap=True)


@dataclass(frozen=True)
class Size:
    """How much a run does: how often it plays every case in storm and upgrade, hits of the storm, points of death of a
    hundred.

    `to_bid` is how long suppliers have for their bids while workers hardly live for a second. `states` is how many are
    gone on from. `patience` is how many seconds a pass may take before what is open is stuck.
    """

    rounds: int
    hits: int
    death_share: int
    outage_seconds: float
    outage_orders: int
    alarm_races: int
    bad_inputs: int
    patience: float
    states: int
    to_bid: timedelta = world.TIME_TO_BID
    calm_seconds: float = 300
    older: str = "HEAD~1"


QUICK: Final = Size(
    rounds=1,
    hits=12,
    death_share=15,
    outage_seconds=15,
    outage_orders=4,
    alarm_races=2,
    bad_inputs=5,
    patience=900,
    states=150,
)
FULL: Final = Size(
    rounds=2,
    hits=120,
    death_share=100,
    outage_seconds=60,
    outage_orders=10,
    alarm_races=20,
    bad_inputs=60,
    patience=1800,
    states=1_000,
    to_bid=timedelta(minutes=8),
    calm_seconds=600,
)


@dataclass
class Run:
    """What a run has found so far."""

    seed: int
    orders: int = 0
    kills: int = 0
    answered: list[Answered] = field(default_factory=list)
    found: list[Difference] = field(default_factory=list)
    not_met: list[str] = field(default_factory=list)
    began: float = field(default_factory=time.monotonic)
    took: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def timed(self, name: str) -> Iterator[None]:
        """Notes how long a pass took."""
        began = time.monotonic()
        try:
            yield
        finally:
            self.took[name] = self.took.get(name, 0) + time.monotonic() - began

    def wrong(self, found: Iterable[Difference]) -> None:
        """Keeps what is wrong for the end, and says it at once."""
        for difference in found:
            self.found.append(difference)
            self.say(f"{difference.kind}: {difference.what}")

    def missed(self, what: str, missing: Sequence[str]) -> None:
        """Keeps what the run was to meet and did not: it proves nothing about that."""
        if missing:
            self.not_met.append(f"{what}: {', '.join(missing)}")

    def add(self, played: passes.Pass) -> None:
        self.orders += played.orders
        self.answered += played.answered
        self.wrong(played.differences)
        self.say(played.summary())

    def add_outage(self, seen: outages.Outage) -> None:
        self.orders += seen.orders
        self.kills += 1
        self.wrong(seen.differences)
        self.say(seen.summary())

    def add_races(self, held: races.Races) -> None:
        self.orders += held.orders
        self.answered += held.answered
        self.wrong(held.differences)
        self.say(held.summary())

    def add_input(self, sent: fuzz.Fuzzed | spoiled.Spoiled) -> None:
        self.wrong(sent.differences)
        self.say(sent.summary())

    def add_states(self, explored: Found) -> None:
        self.wrong(explored.differences)
        self.say(explored.summary())

    def add_put_back(self, came_to: backups.PutBack, calm: passes.Pass) -> None:
        self.add(came_to.played)
        self.kills += 1
        self.wrong([*came_to.differences, *passes.against(calm, came_to.played)])
        self.say(came_to.summary())

    def add_deaths(self, points: list[str]) -> None:
        self.kills += len(points)
        self.say(f"{len(points)} deaths: {' '.join(points)}")

    def say(self, text: str) -> None:
        console.print(f"{time.monotonic() - self.began:6.1f} s  {text}", markup=False)

    def report(self, line: str) -> None:
        """Keeps the supervisor's own reports out of the figures."""


async def main(seed: int, size: Size, home: Path, wanted: Collection[str]) -> int:
    """Returns the exit code: 1 when anything is lost, doubled or stuck, or was not met at all."""
    run = Run(seed)
    if set(wanted) != {"states"}:
        settings = settings_for(home, frozenset(policy.name for policy in world.all_policies()))
        await on_the_stack(run, settings, size, wanted)
    if "states" in wanted:
        with run.timed("states"):
            for explored in await states.all_states(home / "states", size.states):
                run.add_states(explored)
    return conclude(run)


async def on_the_stack(run: Run, settings: StandaloneSettings, size: Size, wanted: Collection[str]) -> None:
    """The passes that need the whole system; what must hold is checked when all of them are over."""
    calm = passes.Pass("calm", 0, Experience())
    async with Stack(settings, run.report) as stack:
        run.say("the system is up")
        if not {"storm", "upgrade", "deaths", "backup"}.isdisjoint(wanted):
            with run.timed("calm"):
                calm = await passes.play(stack, "calm", 1, 1000, size.calm_seconds)
                run.add(calm)
                run.missed("no case plays", await unplayed(stack.sessions))
                async with stack.sessions() as session:
                    run.wrong([each async for each in clocks(session, RUNG_BY)])
                if twice := posted.came_twice(stack.mails):
                    run.wrong([Difference("doubled", f"messages: {twice} mails came twice, and nothing had died")])
        if "storm" in wanted:
            storm = Storm(stack, Random(run.seed), run.say)
            played = passes.play(stack, "storm", size.rounds, 2000, size.patience)
            with run.timed("storm"):
                await stormy(run, storm, played, size.hits, calm)
        for number, part in enumerate(outages.PARTS if "outages" in wanted else ()):
            first_place = 3000 + 100 * number
            with run.timed("outages"):
                seen = await outages.outage(
                    stack, part, size.outage_seconds, size.outage_orders, first_place, size.patience
                )
                run.add_outage(seen)
                run.answered += seen.answered
        if "races" in wanted:
            with run.timed("races"):
                run.add_races(await races.race(stack, run.seed, size.alarm_races, 4000, size.patience))
        if "upgrade" in wanted:
            with run.timed("upgrade"):
                await stack.start(await older_worker(settings, size.older, settings.home / "older"))
                await stack.end("worker")
                stepping_up = asyncio.create_task(step_up(stack))
                storm = Storm(stack, Random(run.seed), run.say, (("worker",), (OLDER,)))
                played = passes.play(stack, "upgrade", size.rounds, 6000, size.patience)
                await stormy(run, storm, played, size.hits, calm)
                await stepping_up
        if "input" in wanted:  # the last: nobody cares for the orders that it leaves
            with run.timed("input"):
                await bad_input(run, stack, size.bad_inputs)
        await check(run, stack, run.answered)
    if "outages" in wanted:
        with run.timed("outages"):
            await without_room(run, size, settings.home / "small-disk")
    if "deaths" in wanted:
        with run.timed("deaths"):
            await dying(run, settings_for(settings.home / "dying", settings.other_policies), size, calm)
    for number, way in enumerate(backups.WAYS if "backup" in wanted else ()):
        folder, first_place = settings.home / f"backup-{number}", 7000 + 500 * number
        with run.timed(way):
            came_to = await backups.put_back(folder, way, first_place, size.patience, run.report)
            run.add_put_back(came_to, calm)


async def check(run: Run, stack: Stack, answered: list[Answered], latest: timedelta = RUNG_AFTER_TROUBLE) -> None:
    """Everything that must hold at the end."""
    with run.timed("checks"):
        run.wrong(await all_checks(stack, answered, latest=latest))
    run.say(f"mails: {posted.came_twice(stack.mails)} came twice under the same id")


async def bad_input(run: Run, stack: Stack, examples: int) -> None:
    """What nobody should send: to every operation and page as everybody, while every case is under way; as a carrier,
    as a file, a photo or a mail."""
    left = await passes.play(stack, "left", 1, 9000, LEFT_AFTER)
    run.answered += left.answered
    people, there = await fuzz.with_keys(stack.sessions), await fuzz.there(stack.sessions)
    run.add_input(await asyncio.to_thread(walker.walk, stack.api, people, there, run.seed, 1 + examples // 30))
    there = await fuzz.there(stack.sessions)
    run.add_input(await asyncio.to_thread(fuzz.fuzz, stack.api, people, there, run.seed, examples))
    run.add_input(await spoiled.pushes(stack, run.seed, 30 * examples))
    run.add_input(await spoiled.files(stack, run.seed, 10 * examples))
    run.add_input(await spoiled.photos(stack, people["agent"], run.seed, 20 * examples))
    run.add_input(await spoiled.mails(stack, run.seed, 20 * examples))


async def without_room(run: Run, size: Size, home: Path) -> None:
    """The disk under everything is full for a while."""
    policies = frozenset(policy.name for policy in world.all_policies())
    try:
        with small_disk(home, DISK_MEGABYTES):
            async with Stack(settings_for(home, policies), run.report) as stack:
                seen = await outages.full_disk(stack, size.outage_seconds, size.outage_orders, 3900, size.patience)
                run.add_outage(seen)
                run.wrong(await all_checks(stack, seen.answered))
    except PermissionError as error:
        run.say(f"room on the disk: left out, {error}")


async def dying(run: Run, settings: StandaloneSettings, size: Size, calm: passes.Pass) -> None:
    """The same cases under workers that die at their commits: while one starts again, the other takes over."""
    folder = settings.home / "deaths"
    Deaths.plan(folder, run.seed, size.death_share)
    async with Stack(settings, run.report, MORTAL, size.to_bid) as stack:
        await stack.start(replace(await standalone.worker(settings, MORTAL), name="second-worker"))
        run.say("another system is up, with two workers that die at their commits")
        played = await passes.play(stack, "deaths", 1, 5000, size.patience)
        run.add(played)
        run.add_deaths(Deaths.met(folder))
        if size.death_share == 100:
            every = activities.build(settings, stack.sessions, stack.temporal, Carriers())
            run.missed("nobody died in", Deaths.outlived(folder, every))
        run.wrong(passes.against(calm, played))
        await check(run, stack, played.answered, HARDLY_ALIVE)


async def stormy(run: Run, storm: Storm, played: Awaitable[passes.Pass], hits: int, calm: passes.Pass) -> None:
    """The same cases while parts are killed and frozen at random."""
    raging = asyncio.create_task(storm.rage(hits))
    came_to = await played
    raging.cancel()
    with suppress(asyncio.CancelledError):
        await raging
    await storm.stack.recovered()
    run.add(came_to)
    run.kills += storm.kills
    run.say(f"{came_to.name}: {', '.join(f'{count} × {what}' for what, count in sorted(storm.hits.items()))}")
    run.missed(f"{came_to.name}, nothing was done to", storm.spared)
    run.wrong(passes.against(calm, came_to))


def conclude(run: Run) -> int:
    counts = Counter(difference.kind for difference in run.found)
    for difference in run.found:
        console.print(f"{difference.kind}: {difference.what}", markup=False)
    for what in run.not_met:
        console.print(f"not met: {what}", markup=False)
    if run.found:
        console.print(f"repeat with SEED={run.seed}")
    console.print("took: " + ", ".join(f"{name} {seconds:.0f} s" for name, seconds in run.took.items()))
    figures = ", ".join(f"{counts[kind]} {kind}" for kind in KINDS)
    console.print(f"faults: {run.orders} orders, {run.kills} kills, {figures}")
    return 1 if run.found or run.not_met else 0


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m faults", description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--quick", action="store_true", help="a few minutes instead of an hour")
    parser.add_argument("--only", nargs="+", choices=PASSES, help="some of the passes")
    parser.add_argument("--older", default="HEAD~1", help="the commit whose worker stands beside ours in `upgrade`")
    parser.add_argument("--home", type=Path, help="folder for the run's data, kept afterwards")
    return parser.parse_args()


if __name__ == "__main__":
    given = arguments()
    folder = given.home or Path(tempfile.mkdtemp(prefix="huanjian-faults-"))
    (folder / "states").mkdir(parents=True, exist_ok=True)
    wanted = given.only or (QUICK_PASSES if given.quick else PASSES)
    size = replace(QUICK if given.quick else FULL, older=given.older)
    code = run_then_rest(main(given.seed, size, folder, wanted))
    if code == 0 and given.home is None:
        shutil.rmtree(folder)
    else:
        console.print(f"data and logs are in {folder}")
    sys.exit(code)
