"""Random kills and freezes of the parts, at instants drawn from the seed."""

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from random import Random
from typing import Final

from faults.stack import PARTS, Stack

Targets = Sequence[tuple[str, ...]]
EVERYTHING: Final[Targets] = (*((part,) for part in PARTS), ("worker",), ("api",), PARTS)
"""What is hit at once: one part, the worker and the API twice as often, or everything."""


class Storm:
    """Hits the system until it is stopped: every target is killed once, then frozen once, then killed again. `hits`
    counts both."""

    def __init__(
        self, stack: Stack, random: Random, report: Callable[[str], None], targets: Targets = EVERYTHING
    ) -> None:
        self._targets = targets
        self.stack = stack
        self._random = random
        self._report = report
        self._deck: list[tuple[str, ...]] = []
        self._freezes = True
        self.hits: Counter[str] = Counter()

    @property
    def kills(self) -> int:
        return self.hits.total()

    @property
    def spared(self) -> list[str]:
        """What nothing was done to."""
        every = {f"{_name(parts)} {how}" for parts in self._targets for how in ("killed", "frozen")}
        return sorted(every - self.hits.keys())

    async def rage(self, at_most: int) -> None:
        """Pauses of a few seconds between hits: what was killed is often hit again while it starts."""
        while self.kills < at_most:
            await asyncio.sleep(self._random.uniform(2, 8))
            parts = self.draw()
            name = _name(parts)
            if not self.stack.runs(*parts):
                continue
            if self._freezes:
                seconds = self._random.uniform(1, 9)
                self.hits[f"{name} frozen"] += 1
                self._report(f"{name} frozen for {seconds:.1f} s")
                await self.stack.frozen(seconds, parts)
            else:
                self.hits[f"{name} killed"] += 1
                self._report(f"{name} killed")
                self.stack.kill(*parts)

    def draw(self) -> tuple[str, ...]:
        """Every target comes once before any comes again, as cards of a deck."""
        if not self._deck:
            self._freezes = not self._freezes
            self._deck = self._random.sample(self._targets, len(self._targets))
        return self._deck.pop()


def _name(parts: tuple[str, ...]) -> str:
    return "everything" if len(parts) > 1 else parts[0]
