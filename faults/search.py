"""A search through everything that can happen to a document: each state gone on from once.

Whatever is explored says where it stands, what can happen next, and what is wrong there. No end may leave something
owing, no state may be without a way to an end, and no step may blow up.
"""

from collections import defaultdict, deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from sqlalchemy.ext.asyncio import AsyncSession

from domain.stages import Refusal
from faults.tally import Difference

DEEPEST: Final = 100
"""So many moves in a row are one transaction inside the other."""

Move = tuple[str, ...]
Flaw = tuple[str, str]
"""A kind of fault, and what it is."""


class Situation(Protocol):
    """Where something stands, as far as it can matter later. Told apart from others by its hash."""

    @property
    def stage(self) -> Any: ...

    @property
    def settled(self) -> bool:
        """Whether it has ended, and nothing that it caused is under way."""

    @property
    def said(self) -> str:
        """The same in a few words."""


class Explored(Protocol):
    """A document in a transaction that is never committed. `errands` is what no table knows of it."""

    errands: Any

    async def situation(self) -> Situation: ...

    async def moves(self) -> Sequence[Move]:
        """Everything that can happen next."""

    async def do(self, move: Move) -> None:
        """Makes the move. Raises Refusal if it may not be made."""

    async def flaws(self, here: Any) -> Sequence[Flaw]:
        """What is wrong where it stands."""


@dataclass
class Found:
    """What the search came to. `edges` says by which move each state leads to which."""

    name: str
    start: Situation
    edges: dict[Situation, dict[Situation, Move]] = field(default_factory=dict)
    known: set[Situation] = field(default_factory=set)
    steps: int = 0
    faults: dict[str, tuple[str, Situation, tuple[Move, ...]]] = field(default_factory=dict)

    @property
    def beyond(self) -> set[Situation]:
        """States that were found and not gone on from."""
        return self.known - self.edges.keys()

    def wrong(self, kind: str, what: str, where: Situation, *moves: Move) -> None:
        """Notes a fault once: in which state, and after which further move."""
        self.faults.setdefault(what, (kind, where, moves))

    @property
    def differences(self) -> list[Difference]:
        """The faults, each with the shortest way to it."""
        ways = self._ways()
        return [
            Difference(kind, f"states, {self.name}: {what}, after {_told((*ways[where], *moves))}")
            for what, (kind, where, moves) in self.faults.items()
        ]

    def _ways(self) -> dict[Situation, tuple[Move, ...]]:
        ways: dict[Situation, tuple[Move, ...]] = {self.start: ()}
        queue = deque([self.start])
        while queue:
            here = queue.popleft()
            for there, move in self.edges.get(here, {}).items():
                if there not in ways:
                    ways[there] = (*ways[here], move)
                    queue.append(there)
        return ways

    def summary(self) -> str:
        ends = sum(situation.settled for situation in self.known)
        deepest = max(len(way) for way in self._ways().values())
        bound = f"{len(self.beyond)} at the bound not gone on from" if self.beyond else "all gone on from"
        figures = f"{len(self.known)} states, {ends} settled ends, {self.steps} steps, {deepest} deep"
        return f"states, {self.name}: {figures}, {bound}"


def _told(way: Sequence[Move]) -> str:
    return " → ".join(" ".join(move) for move in way)


async def explore(session: AsyncSession, document: Explored, name: str, most: int) -> Found:
    """From where the document stands into the deep, each state gone on from once, at most `most` of them."""
    start = await document.situation()
    found = Found(name, start)
    await _look(document, start, found)
    await _go_on(session, document, start, found, most, 0)
    _judge(found)
    return found


async def _go_on(
    session: AsyncSession, document: Explored, here: Situation, found: Found, most: int, depth: int
) -> None:
    """Makes every move there is from a state, and goes on from what is new before the next."""
    found.edges[here] = {}
    errands = document.errands
    for move in await document.moves():
        session.expunge_all()
        document.errands = errands
        savepoint = await session.begin_nested()
        try:
            await document.do(move)
            there = await document.situation()
        except Refusal:
            pass
        except Exception as error:  # whatever it is, it would be tried again for ever
            what = f"{' '.join(move[:2])} at {here.stage} blows up: {type(error).__name__} {str(error)[:200]}"
            found.wrong("stuck", what, here, move)
        else:
            found.steps += 1
            found.edges[here].setdefault(there, move)
            await _look(document, there, found)
            if there not in found.edges and len(found.edges) < most and depth < DEEPEST:
                await _go_on(session, document, there, found, most, depth + 1)
        finally:
            await savepoint.rollback()
    session.expunge_all()


async def _look(document: Explored, here: Situation, found: Found) -> None:
    """Notes what is wrong with a state that is new."""
    if here in found.known:
        return
    found.known.add(here)
    for kind, what in await document.flaws(here):
        found.wrong(kind, what, here)


def _judge(found: Found) -> None:
    """Whoever can't come to a settled end, nor to a state that was not gone on from, is without a way on."""
    before: dict[Situation, set[Situation]] = defaultdict(set)
    for here, theres in found.edges.items():
        for there in theres:
            before[there].add(here)
    reached = {situation for situation in found.known if situation.settled} | found.beyond
    queue = deque(reached)
    while queue:
        for here in before[queue.popleft()] - reached:
            reached.add(here)
            queue.append(here)
    for situation in found.known - reached:
        found.wrong("stuck", f"no way from {situation.said} to an end", situation)
