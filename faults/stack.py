"""The real system for a run of faults: a home and ports of its own, parts that can be killed and frozen."""

import asyncio
import signal
import time
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack, suppress
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import httpx
import psutil
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from temporalio.client import Client

import standalone
from database.session import Sessions, sessions
from faults import world
from runtime.home import claimed
from runtime.ports import free_port
from runtime.processes import Processes, Program
from runtime.temporal import connect
from standalone import StandaloneSettings

PARTS: Final = ("postgres", "temporal", "carriers", "mail", "worker", "api")
LEG_SECONDS: Final = 1.0
RECOVERS_WITHIN: Final = 120


def settings_for(home: Path, policies: frozenset[str]) -> StandaloneSettings:
    """Every port a free one, and waits that are short because nobody waits for days here."""
    return StandaloneSettings(
        home=home,
        api_port=free_port(),
        postgres_port=free_port(),
        temporal_port=free_port(),
        temporal_ui_port=free_port(),
        carrier_port=free_port(),
        mail_port=free_port(),
        mail_page_port=free_port(),
        metrics_port=0,
        demonstration=False,
        carrier_leg_seconds=LEG_SECONDS,
        policy=world.POLICY,
        other_policies=policies,
        database_connections=10,
        watch_seconds=0.5,
        sweep_minutes=1,
        grace_seconds=5,
    )


class Stack:
    """Every part of the system as a process; one that dies is started again a second later."""

    sessions: Sessions
    temporal: Client

    def __init__(
        self,
        settings: StandaloneSettings,
        report: Callable[[str], None],
        worker: str = "worker",
        to_bid: timedelta = world.TIME_TO_BID,
    ) -> None:
        self.settings = settings
        self._to_bid = to_bid
        self._report = report
        self._worker = worker
        self._leaving = AsyncExitStack()
        self._processes: Processes
        self._engine: AsyncEngine

    async def __aenter__(self) -> Self:
        self._leaving.enter_context(claimed(self.settings.home))
        self._processes = await self._leaving.enter_async_context(
            Processes(self.settings.home, self._report, longest_pause=1)
        )
        await standalone.bring_up(self.settings, self._processes, self._worker)
        # PostgreSQL was killed meanwhile: connections are tried before they are used.
        self._engine = create_async_engine(self.settings.database, pool_size=4, pool_pre_ping=True)
        self.sessions = sessions(self._engine)
        self.temporal = await connect(self.settings)
        await world.enter(self.sessions, [], [], self._to_bid)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._engine.dispose()
        await self._leaving.aclose()

    @property
    def api(self) -> str:
        return self.settings.api_url

    @property
    def parcels(self) -> Path:
        """Where the carrier test server keeps its parcels."""
        return self.settings.home.resolve() / "carriers"

    @property
    def mails(self) -> Path:
        """Where the mail test server keeps what it took."""
        return self.settings.home.resolve() / "mails"

    async def start(self, program: Program) -> None:
        """One more part beside the usual ones."""
        await self._processes.start(program)

    async def end(self, name: str) -> None:
        """Ends a part for good, or until it is started again."""
        await self._processes.end(name)

    async def recovered(self) -> None:
        """Returns when the API can work again, after whatever died last. Raises TimeoutError if it never can."""
        async with asyncio.timeout(RECOVERS_WITHIN), httpx.AsyncClient(base_url=self.api) as client:
            while True:
                with suppress(httpx.TransportError):
                    if (await client.get("/readyz")).is_success:
                        return
                await asyncio.sleep(0.5)

    def runs(self, *parts: str) -> bool:
        """Whether all of these are there now, or are being started again."""
        return all(self._processes.has(part) for part in parts)

    def kill(self, *parts: str) -> None:
        """The parts are gone at once; they are started again by themselves."""
        for part in parts:
            self._signal(part, signal.SIGKILL)

    def freeze(self, *parts: str) -> None:
        """The parts stand still with everything they have open, until they are thawed."""
        for part in parts:
            self._signal(part, signal.SIGSTOP)

    def thaw(self, *parts: str) -> None:
        for part in parts:
            self._signal(part, signal.SIGCONT)

    async def frozen(self, seconds: float, parts: Sequence[str]) -> None:
        self.freeze(*parts)
        try:
            await asyncio.sleep(seconds)
        finally:
            self.thaw(*parts)

    async def kept_down(self, seconds: float, part: str) -> None:
        """The part dies as soon as it is started again, so that nobody is there to take a connection."""
        ends = time.monotonic() + seconds
        while time.monotonic() < ends:
            self.kill(part)
            await asyncio.sleep(0.1)

    def _signal(self, part: str, number: signal.Signals) -> None:
        """PostgreSQL's own children are frozen with it; killed, they notice by themselves. Whoever was ended meanwhile
        hears nothing."""
        if not self.runs(part):
            return
        with suppress(psutil.NoSuchProcess):
            process = psutil.Process(self._processes.pid(part))
            family = [] if number is signal.SIGKILL else process.children(recursive=True)
            for each in (process, *family):
                with suppress(psutil.NoSuchProcess):
                    each.send_signal(number)
