"""The whole system as `make run` starts it: real PostgreSQL, Temporal, worker, API and carrier server."""

import asyncio
import os
import re
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil
import pytest

from runtime.ports import free_port
from runtime.settings import Settings

ROOT = Path(__file__).parents[2]


@dataclass
class Stack:
    """A running system, what it prints, and its settings."""

    settings: Settings
    process: asyncio.subprocess.Process
    printed: list[str]

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.settings.api_port}"

    @property
    def environment(self) -> dict[str, str]:
        return environment(self.settings)

    async def prints(self, pattern: str, within: float = 100) -> str:
        """Waits for a line that matches, and gives it back."""
        deadline = asyncio.get_running_loop().time() + within
        while asyncio.get_running_loop().time() < deadline:
            for line in self.printed:
                if re.search(pattern, line):
                    return line
            if self.process.returncode is not None:
                break
            await asyncio.sleep(0.1)
        raise AssertionError(f"no line like {pattern!r} in:\n" + "\n".join(self.printed))

    async def stop(self) -> int:
        """Ctrl-C; returns the exit code."""
        self.process.send_signal(signal.SIGINT)
        return await asyncio.wait_for(self.process.wait(), 60)

    async def kill(self) -> None:
        """kill -9 of every process at once."""
        parent = psutil.Process(self.process.pid)
        for each in (parent, *parent.children(recursive=True)):
            each.kill()
        await self.process.wait()

    def child(self, words: str) -> psutil.Process:
        """The child process whose command holds these words."""
        for each in psutil.Process(self.process.pid).children(recursive=True):
            if each.status() != psutil.STATUS_ZOMBIE and words in " ".join(each.cmdline()):
                return each
        raise LookupError(words)


def new_settings(home: Path) -> Settings:
    return Settings(
        home=home,
        api_port=free_port(),
        postgres_port=free_port(),
        temporal_port=free_port(),
        temporal_ui_port=free_port(),
        carrier_port=free_port(),
        mail_port=free_port(),
        mail_page_port=free_port(),
        metrics_port=free_port(),
    )


def environment(settings: Settings) -> dict[str, str]:
    given = {f"HUANJIAN_{name.upper()}": str(getattr(settings, name)) for name in settings.model_fields_set}
    return {name: value for name, value in os.environ.items() if not name.startswith("HUANJIAN_")} | given


@asynccontextmanager
async def running_stack(settings: Settings, *flags: str) -> AsyncIterator[Stack]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "standalone.py", *flags, cwd=ROOT, env=environment(settings),
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    stack = Stack(settings, process, [])

    async def listen() -> None:
        assert process.stdout is not None
        async for line in process.stdout:
            stack.printed.append(line.decode().rstrip())

    listening = asyncio.create_task(listen())
    try:
        yield stack
    finally:
        if process.returncode is None:
            await stack.stop()
        await listening


@pytest.fixture(scope="session")
async def stack(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    """One system for all tests that leave it running."""
    async with running_stack(new_settings(tmp_path_factory.mktemp("stack")), "--no-demonstration") as running:
        await running.prints("^Serving")
        async with httpx.AsyncClient() as client:
            (await client.get(f"{running.address}/readyz")).raise_for_status()
        yield running
