"""Work without an end: it is done in shifts, and whoever ends one leaves all he knows in PostgreSQL to the next."""

import asyncio
from contextlib import suppress
from datetime import timedelta
from time import monotonic
from typing import Final

from temporalio import activity

SHIFT: Final = timedelta(hours=1)
"""How long one activity works before it hands over to the next."""
BEAT: Final = 5.0
"""Seconds between two signs of life of a long rest."""


class Shift:
    """From now on for as long as a shift, or until the worker is asked to stop. `pause` is a rest, in seconds."""

    def __init__(self, pause: float) -> None:
        self._ends = monotonic() + SHIFT.total_seconds()
        self._pause = pause

    @property
    def lasts(self) -> bool:
        return monotonic() < self._ends and not activity.is_worker_shutdown()

    async def rest(self) -> None:
        """Waits for something to do, but not for a worker that is to stop; a long rest is no reason to be taken for
        dead."""
        left = self._pause
        while left > 0 and not activity.is_worker_shutdown():
            with suppress(TimeoutError):
                await asyncio.wait_for(activity.wait_for_worker_shutdown(), min(left, BEAT))
            left -= BEAT
            if left > 0:
                activity.heartbeat()
