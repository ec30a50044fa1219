"""Children are started, kept running, stopped in reverse order, and found again after a kill."""

import asyncio
import json
import os
import signal
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import psutil
import pytest

from runtime import processes as module
from runtime.processes import Processes, ProcessFailedError, Program


def program(name: str, code: str, ready: Callable[[], Awaitable[bool]], **options: float) -> Program:
    return Program(name, [sys.executable, "-u", "-c", code], ready, **options)  # type: ignore[arg-type]


def written(path: Path) -> Callable[[], Awaitable[bool]]:
    return lambda: asyncio.to_thread(path.exists)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - other processes change it
            await asyncio.sleep(0.02)


def server(folder: Path, name: str) -> Program:
    """A program that tells in files when it is ready and, in one for all, when it was asked to stop."""
    code = f"""
import pathlib, signal, time
def stop(*_):
    with open({str(folder / "stopped")!r}, "a") as file:
        file.write({name!r} + " ")
    exit(0)
signal.signal(signal.SIGTERM, stop)
pathlib.Path({str(folder / name)!r}).touch()
time.sleep(60)
"""
    return program(name, code, written(folder / name))


async def test_children_stop_in_reverse_order(tmp_path: Path) -> None:
    told: list[str] = []
    async with Processes(tmp_path, told.append) as processes:
        for name in ("first", "second", "third"):
            await processes.start(server(tmp_path, name))
    assert (tmp_path / "stopped").read_text().split() == ["third", "second", "first"]
    assert told == ["third stopped", "second stopped", "first stopped"]


async def test_a_child_that_ignores_the_request_is_killed(tmp_path: Path) -> None:
    deaf = f"""
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
open({str(tmp_path / "up")!r}, "w")
time.sleep(60)
"""
    async with Processes(tmp_path, print) as processes:
        await processes.start(program("deaf", deaf, written(tmp_path / "up"), stop_within=0.3))
        pid = processes.pid("deaf")
    assert not psutil.pid_exists(pid)


async def test_a_child_that_ends_early_is_an_error_with_the_end_of_its_log(tmp_path: Path) -> None:
    broken = program("broken", "print('no such table'); exit(3)", written(tmp_path / "never"))
    async with Processes(tmp_path, print) as processes:
        for _ in range(2):
            with pytest.raises(ProcessFailedError) as failure:
                await processes.start(broken)
            first, *lines = str(failure.value).splitlines()
            assert first == f"broken ended with exit code 3; its log {tmp_path}/logs/broken.log ends with:"
            assert lines == ["    no such table"], "lines of an earlier start are not shown"


async def test_a_child_that_is_never_ready_is_an_error(tmp_path: Path) -> None:
    slow = program("slow", "import time; time.sleep(60)", written(tmp_path / "never"), start_within=0.2)
    with pytest.raises(ProcessFailedError, match=r"slow was not ready within 0.2 s; it logged nothing"):
        async with Processes(tmp_path, print) as processes:
            await processes.start(slow)


async def test_a_child_that_dies_is_reported_and_started_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FIRST_PAUSE", 0.05)
    told: list[str] = []
    async with Processes(tmp_path, told.append) as processes:
        await processes.start(server(tmp_path, "worker"))
        first = processes.pid("worker")
        os.kill(first, signal.SIGKILL)
        await until(lambda: processes.pid("worker") != first)
        second = processes.pid("worker")
        assert psutil.Process(second).is_running()
        recorded = json.loads((tmp_path / "processes.json").read_text())
        assert [entry["pid"] for entry in recorded] == [second]
    assert told == [
        "worker ended with SIGKILL; it logged nothing\nStarting worker again in 0.05 s.",
        "worker stopped",
    ]
    assert not psutil.pid_exists(second)


async def test_children_of_a_killed_parent_are_stopped_by_the_next_start(tmp_path: Path) -> None:
    parent = f"""
import asyncio, os, signal
from pathlib import Path
from runtime.processes import Processes
from tests.runtime.test_processes import server
async def main():
    folder = Path({str(tmp_path)!r})
    async with Processes(folder, print) as processes:
        await processes.start(server(folder, "first"))
        await processes.start(server(folder, "second"))
        os.kill(os.getpid(), signal.SIGKILL)
asyncio.run(main())
"""
    killed = await asyncio.create_subprocess_exec(sys.executable, "-c", parent)
    assert await killed.wait() == -signal.SIGKILL
    left = [entry["pid"] for entry in json.loads((tmp_path / "processes.json").read_text())]
    assert all(psutil.pid_exists(pid) for pid in left)
    told: list[str] = []
    async with Processes(tmp_path, told.append):
        assert (tmp_path / "stopped").read_text().split() == ["second", "first"]
    assert [line.split()[0] for line in told] == ["second", "first"]


async def test_a_process_that_took_over_the_number_is_left_alone(tmp_path: Path) -> None:
    entry = {"name": "worker", "pid": os.getpid(), "started": time.time() - 86_400, "stop_signal": 15, "stop_within": 1}
    (tmp_path / "processes.json").write_text(json.dumps([entry]))
    async with Processes(tmp_path, pytest.fail):
        pass
    assert not (tmp_path / "processes.json").exists()
