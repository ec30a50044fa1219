"""A PostgreSQL that stands still with all its connections open: whoever waits is told soon."""

import json
import time
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import psutil
import pytest
from pydantic import SecretStr

from api.app import DATABASE_PATIENCE, create_app
from runtime.embedded_postgres import running_postgres
from runtime.ports import free_port
from runtime.settings import Settings


@pytest.fixture
async def still(tmp_path: Path) -> AsyncIterator[tuple[str, list[psutil.Process]]]:
    """The server's address, and its processes: their number grows with its connections."""
    async with running_postgres(tmp_path, free_port(), fast=True) as postgres:
        [entry] = json.loads((tmp_path / "processes.json").read_text())
        yield postgres.url(), [psutil.Process(entry["pid"])]


async def test_a_request_is_answered_in_time(still: tuple[str, list[psutil.Process]]) -> None:
    url, [server] = still
    app = create_app(Settings(database_url=SecretStr(url), temporal_address="127.0.0.1:1"))
    transport = httpx.ASGITransport(app)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://test") as client,
    ):
        assert (await client.get("/readyz")).json()["database"] == "ok"
        frozen = [server, *server.children(recursive=True)]
        for process in frozen:
            process.suspend()
        began = time.monotonic()
        try:
            answer = await client.get("/v1/orders", headers={"Authorization": "Bearer hj_somebody"})
        finally:
            took = time.monotonic() - began
            for process in frozen:
                process.resume()
    assert (answer.status_code, answer.json()["code"]) == (503, "database_unreachable")
    assert DATABASE_PATIENCE <= took < 10
