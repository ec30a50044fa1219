"""Child processes of a standalone system: started one by one, kept running, stopped in reverse order."""

import asyncio
import json
import os
import signal
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil

START_LOOK_SECONDS, WATCH_LOOK_SECONDS = 0.05, 0.25
FIRST_PAUSE, LONGEST_PAUSE, STEADY_SECONDS = 1.0, 30.0, 60.0
LARGEST_LOG_BYTES = 10_000_000
SHOWN_LOG_LINES = 15


class ProcessFailedError(Exception):
    """A program ended or was not ready in time; the text names it and shows how its log ends."""


@dataclass(frozen=True)
class Program:
    """What to start, how to see that it is ready, and how to end it. Durations are in seconds."""

    name: str
    command: Sequence[str]
    ready: Callable[[], Awaitable[bool]]
    environment: Mapping[str, str] = field(default_factory=dict)
    prepare: Callable[[], Awaitable[None]] | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    start_within: float = 60.0
    stop_within: float = 10.0
    uid: int | None = None


class Processes:
    """The running programs of one home folder; leaving the context stops them, the last started first.

    A program that ends by itself is reported and started again, after pauses that grow to `longest_pause` seconds.
    Children outlive a parent killed with SIGKILL; entering the context finds and stops them.
    """

    def __init__(self, home: Path, report: Callable[[str], None], longest_pause: float = LONGEST_PAUSE) -> None:
        self._longest_pause = longest_pause
        self._logs = home / "logs"
        self._record = home / "processes.json"
        self._report = report
        self._children: list[_Child] = []

    async def __aenter__(self) -> Self:
        self._logs.mkdir(parents=True, exist_ok=True)
        await self._stop_leftovers()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        while self._children:
            await self._children[-1].stop()
            self._report(f"{self._children.pop().program.name} stopped")
        self._record.unlink(missing_ok=True)

    def has(self, name: str) -> bool:
        """Whether the program is kept running."""
        return any(child.program.name == name for child in self._children)

    def pid(self, name: str) -> int:
        """The process that runs the program now."""
        return next(child.process.pid for child in self._children if child.program.name == name)

    async def start(self, program: Program) -> None:
        """Starts the program and returns when it is ready.

        Raises ProcessFailedError if it ends before that or takes longer than it may.
        """
        child = _Child(program, self._logs / f"{program.name}.log")
        await child.launch()
        self._children.append(child)
        self._remember()
        await child.become_ready()
        child.guard = asyncio.create_task(self._keep_running(child))

    async def end(self, name: str) -> None:
        """Stops one program; the others go on."""
        child = next(child for child in self._children if child.program.name == name)
        await child.stop()
        self._children.remove(child)
        self._remember()

    async def _keep_running(self, child: "_Child") -> None:
        pause = FIRST_PAUSE
        while True:
            began = time.monotonic()
            while child.process.poll() is None:  # noqa: ASYNC110 - not every system tells by itself
                await asyncio.sleep(WATCH_LOOK_SECONDS)
            if time.monotonic() - began > STEADY_SECONDS:
                pause = FIRST_PAUSE
            self._report(f"{child.how_it_ended()}\nStarting {child.program.name} again in {pause:g} s.")
            await asyncio.sleep(pause)
            pause = min(2 * pause, self._longest_pause)
            try:
                await child.launch()
            except OSError as error:
                self._report(f"{child.program.name} cannot be started: {error}")
            else:
                self._remember()

    def _remember(self) -> None:
        entries = [child.record() for child in self._children]
        new = self._record.with_suffix(".new")
        new.write_text(json.dumps(entries))
        new.replace(self._record)

    async def _stop_leftovers(self) -> None:
        if not self._record.exists():
            return
        for entry in reversed(json.loads(self._record.read_text())):
            with suppress(psutil.NoSuchProcess):
                process = psutil.Process(entry["pid"])
                # The number may belong to another process by now.
                if abs(process.create_time() - entry["started"]) < 5:
                    self._report(f"{entry['name']} was left running by an earlier start; stopping it.")
                    await _end(process, signal.Signals(entry["stop_signal"]), entry["stop_within"])
        self._record.unlink()


class _Child:
    """One program, the process that runs it now, and the task that starts it again."""

    process: psutil.Popen
    guard: asyncio.Task[None] | None = None

    def __init__(self, program: Program, log: Path) -> None:
        self.program = program
        self._log = log
        self._log_start = 0
        self._started = 0.0

    async def launch(self) -> None:
        program = self.program
        if program.prepare is not None:
            await program.prepare()
        if self._log.exists() and self._log.stat().st_size > LARGEST_LOG_BYTES:
            self._log.replace(self._log.with_suffix(".old.log"))
        with self._log.open("ab") as output:
            self._log_start, self._started = output.tell(), time.time()
            # In a session of its own, so that Ctrl-C reaches the parent alone and the order stays ours.
            self.process = psutil.Popen(
                list(program.command),
                env=os.environ | program.environment,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=asyncio.subprocess.STDOUT,
                start_new_session=True,
                user=program.uid,
                group=program.uid,
                extra_groups=None if program.uid is None else [],
            )

    async def become_ready(self) -> None:
        deadline = time.monotonic() + self.program.start_within
        while not await self.program.ready():
            if self.process.poll() is not None:
                raise ProcessFailedError(self.how_it_ended())
            if time.monotonic() > deadline:
                late = f"was not ready within {self.program.start_within:g} s"
                raise ProcessFailedError(f"{self.program.name} {late}; {self._end_of_log()}")
            await asyncio.sleep(START_LOOK_SECONDS)

    async def stop(self) -> None:
        if self.guard is not None:
            self.guard.cancel()
            await asyncio.wait([self.guard])
        await _end(self.process, self.program.stop_signal, self.program.stop_within)
        while self.process.poll() is None:  # noqa: ASYNC110 - its last threads may take a moment longer
            await asyncio.sleep(START_LOOK_SECONDS)

    def record(self) -> dict[str, object]:
        return {
            "name": self.program.name,
            "pid": self.process.pid,
            "started": self._started,
            "stop_signal": self.program.stop_signal,
            "stop_within": self.program.stop_within,
        }

    def how_it_ended(self) -> str:
        code = self.process.returncode
        manner = f"exit code {code}" if code >= 0 else signal.Signals(-code).name
        return f"{self.program.name} ended with {manner}; {self._end_of_log()}"

    def _end_of_log(self) -> str:
        with self._log.open("rb") as log:
            log.seek(self._log_start)
            lines = log.read().decode(errors="replace").splitlines()[-SHOWN_LOG_LINES:]
        return "\n    ".join([f"its log {self._log} ends with:", *lines]) if lines else "it logged nothing"


async def _end(process: psutil.Process, stop_signal: signal.Signals, within: float) -> None:
    """Asks the process to stop; after `within` seconds kills it with all of its group."""
    with suppress(psutil.NoSuchProcess):
        process.send_signal(stop_signal)
    if not await _gone(process, within):
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await _gone(process, within)


async def _gone(process: psutil.Process, within: float) -> bool:
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        try:
            if process.status() == psutil.STATUS_ZOMBIE:
                return True
        except psutil.NoSuchProcess:
            return True
        await asyncio.sleep(START_LOOK_SECONDS)
    return False
