"""How a process runs that works all day: the worker and the API."""

import asyncio
import gc
import sys
from typing import Final

YOUNG: Final = 20_000
"""Objects more than went before the collector looks for cycles; Python's own 700 come with a single request, and nearly
all of them go by themselves when it ends."""


def new_loop() -> asyncio.AbstractEventLoop:
    """The event loop that uvicorn takes as well. It starts no process as another user."""
    if sys.platform == "win32":
        return asyncio.new_event_loop()
    import uvloop

    return uvloop.new_event_loop()


def begin_service() -> None:
    """What is loaded by now stays until the process ends: the collector need not look through it time and again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, 20, 20)
