"""The carrier test server as its own process: killed, started again, stopped."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx

from carriers.kuaidi100 import Kuaidi100
from domain.parcels import Milestone, fold
from runtime.ports import free_port
from tests.carriers.serving import Inbox, Remote, account, until
from tests.carriers.test_kuaidi100 import booked


@asynccontextmanager
async def running(port: int, folder: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    flags = {"port": port, "folder": folder, "leg-seconds": 3600, "query-seconds": 0, "retry-seconds": 1}
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "carriers.server",
        *(f"--{name}={value}" for name, value in flags.items()),
        cwd=Path(__file__).parents[2],
    )
    try:
        async with httpx.AsyncClient() as http:
            await until(lambda: ready(http, port))
        yield process
    finally:
        if process.returncode is None:
            os.kill(process.pid, signal.SIGKILL)
            await process.wait()


async def ready(http: httpx.AsyncClient, port: int) -> bool:
    try:
        return (await http.get(f"http://127.0.0.1:{port}/healthz")).status_code == 200
    except httpx.TransportError:
        return False


async def test_killed_it_finds_its_parcels_and_subscriptions_again(tmp_path: Path, inbox: Inbox) -> None:
    port = free_port()
    carrier = Kuaidi100(account(f"http://127.0.0.1:{port}"))
    async with httpx.AsyncClient() as http:
        remote = Remote(f"http://127.0.0.1:{port}", http)
        async with running(port, tmp_path) as process:
            parcel = await booked(carrier)
            await remote.script(parcel.number, legs=[{"legs": 0, "code": "103"}])
            await carrier.subscribe(parcel, inbox.callback)
            before = await carrier.track(parcel)
            await remote.script(parcel.number, name="delivered", leg_seconds=0.3)
            process.kill()
            await process.wait()

        async def delivered() -> bool:
            return fold(await carrier.track(parcel)).milestone is Milestone.DELIVERED

        async with running(port, tmp_path) as process:
            await until(delivered)
            await until(lambda: bool(inbox.bodies) and b"shutdown" in inbox.bodies[-1][1])
            scans = await carrier.track(parcel)
            assert {scan.key for scan in before} < {scan.key for scan in scans}
            process.send_signal(signal.SIGTERM)
            assert await process.wait() == 0
    await carrier.aclose()
