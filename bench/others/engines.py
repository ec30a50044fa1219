"""The engines of a run: what each starts, on ports, databases and folders of its own."""

import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import asyncpg
import httpx

import standalone
from bench.others import order
from bench.system import System
from runtime.embedded_postgres import EmbeddedPostgres
from runtime.ports import free_port, listening
from runtime.processes import Processes, Program
from runtime.settings import LOOPBACK

ROOT: Final = Path(__file__).parents[2]
OTHERS: Final = ROOT / ".venv-others"
PYTHON: Final = OTHERS / "bin" / "python"
RESTATE: Final = OTHERS / "node_modules" / "@restatedev"


class NotHereError(Exception):
    """An engine that can't be had on this machine; the text says why."""


@dataclass(frozen=True)
class Engine:
    """A running engine. `port` takes the requests; `own` are its users' processes, `servers` what they rely on
    beside PostgreSQL, with their `files`. Touch `mishap`, and it dies once."""

    title: str
    port: int
    url: str
    mishap: Path
    own: Sequence[str]
    servers: Sequence[str]
    files: Sequence[Path]


@dataclass
class Hall:
    """Where engines are started, with a PostgreSQL that is theirs. Temporal is the system's."""

    system: System
    processes: Processes
    postgres: EmbeddedPostgres

    @property
    def home(self) -> Path:
        return self.postgres.home

    def pid(self, name: str) -> int:
        return (self.system if name == "temporal" else self).processes.pid(name)

    async def ours(self) -> Engine:
        queue = self.system.settings.model_copy(update={"task_queue": "others"})
        settings = standalone.environment(queue)
        place = await self._place("ours")
        worker = await standalone.worker(queue, "bench.others.ours")
        worker = replace(worker, name="ours-worker", environment={**settings, **place.environment})
        await self.processes.start(worker)
        port = await self._uvicorn(place, python=sys.executable, extra=settings)
        return place.engine("ours", port, ["ours-worker", "ours-api"], ["temporal"], temporal_files(self.system))

    async def plain(self) -> Engine:
        place = await self._place("plain")
        port = await self._uvicorn(place)
        return place.engine("plain code", port, ["plain-api"])

    async def dbos(self) -> Engine:
        place = await self._place("dbos")
        port = await self._uvicorn(place)
        return place.engine("DBOS", port, ["dbos-api"])

    async def celery(self) -> Engine:
        server = shutil.which("redis-server") or shutil.which("valkey-server")
        if server is None:
            raise NotHereError("no redis-server on this machine (Debian: apt-get install redis-server)")
        redis, folder = free_port(), self.home / "redis"
        folder.mkdir()
        options = {"--port": str(redis), "--bind": LOOPBACK, "--dir": str(folder), "--appendonly": "yes"}
        command = [server, *(word for option in options.items() for word in option)]
        await self.processes.start(Program("redis", command, ready=lambda: listening(LOOPBACK, redis)))
        place = await self._place("celery", {order.REDIS: f"redis://{LOOPBACK}:{redis}/0"})
        base = [str(PYTHON), "-m", "celery", "-A", "bench.others.celery:tasks"]
        beat = ["beat", "--schedule", str(folder / "beat"), "--loglevel", "WARNING"]
        for name, words in (("worker", ["worker", "--loglevel", "WARNING"]), ("beat", beat)):
            await self.processes.start(
                Program(f"celery-{name}", [*base, *words], ready=_at_once, environment=place.environment)
            )
        port = await self._uvicorn(place)
        return place.engine("Celery", port, ["celery-worker", "celery-beat", "celery-api"], ["redis"], [folder])

    async def restate(self) -> Engine:
        server = next(RESTATE.glob("*/bin/restate-server"), None)
        if server is None:
            raise NotHereError("its server comes from npm, which is not on this machine or brings none for it")
        place, folder = await self._place("restate"), self.home / "restate"
        ingress, admin, fabric, service = free_port(), free_port(), free_port(), free_port()
        settings = {
            "RESTATE_BASE_DIR": str(folder),
            "RESTATE_BIND_IP": LOOPBACK,
            "RESTATE_BIND_PORT": str(fabric),
            "RESTATE_LISTEN_MODE": "tcp",
            "RESTATE_ADVERTISED_HOST": LOOPBACK,
            "RESTATE_INGRESS__BIND_PORT": str(ingress),
            "RESTATE_ADMIN__BIND_PORT": str(admin),
            "RESTATE_DISABLE_TELEMETRY": "true",
            "RESTATE_CHECK_LATEST_RELEASE": "false",
            "RESTATE_LOG_FILTER": "warn",
        }

        async def ready() -> bool:
            return await listening(LOOPBACK, ingress) and await listening(LOOPBACK, admin)

        await self.processes.start(Program("restate-server", [str(server)], ready=ready, environment=settings))
        command = [str(PYTHON), "-m", "hypercorn", "bench.others.restate:app", "--bind", f"{LOOPBACK}:{service}"]
        await self.processes.start(
            Program(
                "restate-service",
                command,
                ready=lambda: listening(LOOPBACK, service),
                environment=place.environment,
            )
        )
        async with httpx.AsyncClient() as client:
            said = await client.post(
                f"http://{LOOPBACK}:{admin}/deployments", json={"uri": f"http://{LOOPBACK}:{service}"}, timeout=30
            )
            said.raise_for_status()
        return place.engine("Restate", ingress, ["restate-service"], ["restate-server"], [folder])

    async def _place(self, name: str, extra: Mapping[str, str] | None = None) -> "_Place":
        """A database of its own, and the environment that names it."""
        base, url = (self.postgres.url(*database).replace("+asyncpg", "") for database in ((), (name,)))
        connection = await asyncpg.connect(base)
        await connection.execute(f"CREATE DATABASE {name}")
        await connection.close()
        connection = await asyncpg.connect(url)
        await connection.execute(order.TABLES)
        await connection.close()
        mishap = self.home / f"{name}.mishap"
        return _Place(name, url, mishap, {order.DATABASE: url, order.MISHAP: str(mishap), **(extra or {})})

    async def _uvicorn(self, place: "_Place", python: str = str(PYTHON), extra: Mapping[str, str] | None = None) -> int:
        port = free_port()
        options = ["--host", LOOPBACK, "--port", str(port), "--log-level", "warning", "--timeout-keep-alive", "60"]
        await self.processes.start(
            Program(
                f"{place.name}-api",
                [python, "-m", "uvicorn", f"bench.others.{place.name}:app", *options],
                ready=lambda: listening(LOOPBACK, port),
                environment={**(extra or {}), **place.environment},
            )
        )
        return port


@dataclass(frozen=True)
class _Place:
    name: str
    url: str
    mishap: Path
    environment: Mapping[str, str]

    def engine(
        self, title: str, port: int, own: Sequence[str], servers: Sequence[str] = (), files: Sequence[Path] = ()
    ) -> Engine:
        return Engine(title, port, self.url, self.mishap, own, servers, files)


def temporal_files(system: System) -> list[Path]:
    return [system.settings.home / f"temporal.db{ending}" for ending in ("", "-wal")]


async def _at_once() -> bool:
    return True
