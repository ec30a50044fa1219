"""Two versions side by side: the worker of an earlier commit serves the same orders as the one of today."""

import asyncio
import io
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Final

import standalone
from runtime.processes import Program
from standalone import StandaloneSettings

OLDER: Final = "older-worker"
ROOT: Final = Path(__file__).parents[1]
_START: Final = (
    "import runpy, sys; sys.path.insert(0, sys.argv.pop(1)); runpy.run_module('worker', run_name='__main__')"
)
"""Its own folder comes first, so that nothing of today's is imported."""


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
