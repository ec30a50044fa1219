"""Signs of life: by their silence Temporal knows a worker that died, long before the activity would have timed out."""

import asyncio
import functools
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from datetime import timedelta
from typing import Any, ParamSpec, TypeVar

from temporalio import activity

P = ParamSpec("P")
T = TypeVar("T")


def alive(work: Callable[P, Awaitable[T]]) -> Callable[P, Coroutine[Any, Any, T]]:
    """An activity that beats while it runs, if its workflow listens for that; one that is soon done never does, nor
    one that is called by no worker."""

    @functools.wraps(work)
    async def working(*given: P.args, **named: P.kwargs) -> T:
        silence = activity.info().heartbeat_timeout if activity.in_activity() else None
        if silence is None:
            return await work(*given, **named)
        beating = asyncio.create_task(_beat(silence / 3))
        try:
            return await work(*given, **named)
        finally:
            beating.cancel()
            with suppress(asyncio.CancelledError):
                await beating

    return working


async def _beat(every: timedelta) -> None:
    while True:
        await asyncio.sleep(every.total_seconds())
        activity.heartbeat()
