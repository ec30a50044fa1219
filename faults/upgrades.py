"""An upgrade while orders run: the worker of an earlier commit alone, beside the one of today, and gone."""

import asyncio
import io
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Final

import standalone
from faults.stack import Stack
from runtime.processes import Program
from standalone import StandaloneSettings

OLDER: Final = "older-worker"
OLDER_ALONE: Final = 30.0
TOGETHER: Final = 60.0
"""Seconds, of the two to three minutes that orders are at work."""
ROOT: Final = Path(__file__).parents[1]
_START: Final = (
    "import runpy, sys; sys.path.insert(0, sys.argv.pop(1)); runpy.run_module('worker', run_name='__main__')"
)
"""Its own folder comes first, so that nothing of today's is imported."""


async def step_up(stack: Stack) -> None:
    """The worker of today comes to the older one, and after a while takes over alone."""
    await asyncio.sleep(OLDER_ALONE)
    await stack.start(await standalone.worker(stack.settings))
    await asyncio.sleep(TOGETHER)
    await stack.end(OLDER)


async def older_worker(settings: StandaloneSettings, commit: str, folder: Path) -> Program:
    """The worker as `commit` had it, unpacked into `folder`. Raises CalledProcessError if there is no such commit."""
    await asyncio.to_thread(_unpack, commit, folder)
    today = await standalone.worker(settings)
    return Program(
        name=OLDER,
        command=[sys.executable, "-c", _START, str(folder)],
        ready=today.ready,
        environment=today.environment,
        stop_within=today.stop_within,
    )


def _unpack(commit: str, folder: Path) -> None:
    packed = subprocess.run(["git", "archive", commit], cwd=ROOT, capture_output=True, check=True).stdout
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        archive.extractall(folder, filter="data")
