"""The system is put back to a backup while its orders are under way, and the world is not: everything still ends well.

The carriers keep every booking made since the backup. Once Temporal goes back too, once it stays where it came to.
"""

import asyncio
import shutil
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Final

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

import backup
from carriers.server.depot import Depot
from database.tables import ReplacementOrder, Restoration
from faults import passes, world
from faults.checks import all_checks
from faults.passes import START_APART, AnyCase, Pass
from faults.people import Answered, Experience, People
from faults.players import Caused, Player
from faults.stack import Stack, settings_for
from faults.tally import Difference, purchases_of
from standalone import StandaloneSettings

WAYS: Final = {"backup": False, "backup-ahead": True}
"""Whether the engine stays where it came to, as one of its own does."""
_BACKED_UP_AT, _ENDED_AT = 3, 5
"""Decisions a case when the backup is made, and when the first system ends; a case takes six or seven."""
_BEGIN_AFTER_IT: Final = 4
"""Orders that the backup knows nothing of."""
_ALARMS_WITHIN: Final = timedelta(minutes=5)
"""After their instant, as nobody was alive between the backup and the restoration."""
_SETTLED_WITHIN: Final = 90.0


@dataclass
class PutBack:
    """What came of a system that was put back."""

    played: Pass
    begun_since: int
    decided_since: int
    found: Sequence[str] = ()
    differences: list[Difference] = field(default_factory=list)

    def summary(self) -> str:
        return (
            f"{self.played.name}: {self.begun_since} orders and {self.decided_since} decisions made since and made "
            f"again; found and listed: {len(self.found)}"
        )


async def put_back(home: Path, name: str, first_place: int, patience: float, report: Callable[[str], None]) -> PutBack:
    """Backs up a system at work, lets it go on, restores it elsewhere; everybody goes on there."""
    wanted = passes.cast_of(name, 1, first_place)
    first = settings_for(home / "first", frozenset(policy.name for policy in world.all_policies()))
    before, since = await _at_work(first, home / "backup", name, wanted, patience, report)
    given = {field: getattr(first, field) for field in first.model_fields_set}
    second = StandaloneSettings(**(given | {"home": home / "second"}))
    await backup.restore(second, home / "backup", lambda line: None)
    _keep_the_world(first.home, second.home, ahead=WAYS[name])
    async with Stack(second, report) as stack:
        async with stack.sessions() as session:
            on_record = await _on_record(session)
            begun = [said for said in since if said.document.startswith("RO") and said.document not in on_record]
        played = await passes.play(stack, name, 1, first_place, patience, on_record)
        result = PutBack(played, len({said.document for said in begun}), len(since))
        if (found := await _settled(stack)) is None:
            result.differences.append(Difference("stuck", f"{name}: documents and workflows were never compared"))
        result.found = found or ()
        result.differences += await all_checks(
            stack, [*before, *played.answered], forgotten={said.document for said in begun}, latest=_ALARMS_WITHIN
        )
    return result


async def _at_work(
    settings: StandaloneSettings,
    folder: Path,
    name: str,
    wanted: Sequence[AnyCase],
    patience: float,
    report: Callable[[str], None],
) -> tuple[list[Answered], list[Answered]]:
    """What people were answered before the backup began, and after."""
    async with Stack(settings, report) as stack, AsyncExitStack() as leaving:
        await passes.prepare(stack, wanted)
        depot = Depot(stack.parcels)
        people = People(stack, leaving, Experience())
        players = [passes.player(people, depot, name, case) for case in wanted]
        early, late = players[:-_BEGIN_AFTER_IT], players[-_BEGIN_AFTER_IT:]
        playing = asyncio.gather(*(passes.after(n * START_APART, player) for n, player in enumerate(early)))
        await _decided(early, _BACKED_UP_AT, patience)
        before = [said for player in players for said in player.answered]
        await backup.back_up(settings, folder, lambda line: None)
        begun_since = asyncio.gather(*(player.play() for player in late))
        await _decided(players, _ENDED_AT, patience)
        for under_way in (playing, begun_since):
            under_way.cancel()
            with suppress(asyncio.CancelledError):
                await under_way
        depot.close()
    return before, [said for player in players for said in player.answered if said not in before]


async def _decided(players: Sequence[Player], times: int, patience: float) -> None:
    """Until so many decisions an order were taken."""
    with suppress(TimeoutError):
        async with asyncio.timeout(patience / 2):
            while sum(len(player.answered) for player in players) < times * len(players):  # noqa: ASYNC110
                await asyncio.sleep(0.2)


def _keep_the_world(first: Path, second: Path, *, ahead: bool) -> None:
    """The carriers are not put back; an engine that is not the home's own isn't either."""
    shutil.rmtree(second / "carriers")
    shutil.copytree(first / "carriers", second / "carriers")
    if ahead:
        (second / backup.WORKFLOWS).unlink()
        for path in first.glob(f"{backup.WORKFLOWS}*"):
            shutil.copy2(path, second)


async def _on_record(session: AsyncSession) -> Caused:
    """The orders on record, and what each has caused."""
    return {
        number: [purchase.number for purchase in await purchases_of(session, number)]
        for number in (await session.scalars(select(ReplacementOrder.number))).all()
    }


async def _settled(stack: Stack) -> Sequence[str] | None:
    """What was found once everything was compared; None if that never came."""
    with suppress(TimeoutError):
        async with asyncio.timeout(_SETTLED_WITHIN):
            while True:
                async with stack.sessions() as session:
                    restoration = await session.scalar(select(Restoration))
                if restoration is not None and restoration.settled_at is not None:
                    return list(restoration.found)
                await asyncio.sleep(1)
    return None
