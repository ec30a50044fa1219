"""A short, seeded run of what `make faults` sends to the API: every answer is one that is described."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import uvicorn
from fastapi import FastAPI, HTTPException
from pydantic import SecretStr

from api.app import create_app
from database.session import Sessions
from faults.fuzz import fuzz, with_keys
from runtime.ports import free_port, listening
from runtime.settings import LOOPBACK, Settings

SEED, EXAMPLES = 1, 1


@asynccontextmanager
async def served(app: FastAPI) -> AsyncIterator[str]:
    port = free_port()
    server = uvicorn.Server(uvicorn.Config(app, host=LOOPBACK, port=port, log_config=None))
    serving = asyncio.create_task(server.serve())
    while not await listening(LOOPBACK, port):  # noqa: ASYNC110
        await asyncio.sleep(0.05)
    yield f"http://{LOOPBACK}:{port}"
    server.should_exit = True
    await serving


@pytest.fixture
async def served_wrongly() -> AsyncIterator[str]:
    """One operation that fails, and one that says what it does not describe."""
    app = FastAPI(openapi_url="/v1/openapi.json")

    @app.get("/fails")
    async def fails() -> None:
        raise HTTPException(500)

    @app.get("/surprises")
    async def surprises() -> None:
        raise HTTPException(418)

    async with served(app) as url:
        yield url


@pytest.fixture
async def address(database_url: str) -> AsyncIterator[str]:
    """The API on a port; Temporal is away."""
    app = create_app(Settings(database_url=SecretStr(database_url), temporal_address=f"{LOOPBACK}:{free_port()}"))
    async with served(app) as url:
        yield url


async def test_every_answer_is_described(address: str, sessions: Sessions) -> None:
    people = await with_keys(sessions)
    sent = await asyncio.to_thread(fuzz, address, {"agent": people["agent"]}, {}, SEED, EXAMPLES)
    assert [difference.what for difference in sent.differences] == []
    assert sent.codes.total() > len(sent.operations) > 30
    assert {200, 401, 404} <= sent.codes.keys()


async def test_an_answer_that_is_not_described_is_found(served_wrongly: str) -> None:
    sent = await asyncio.to_thread(fuzz, served_wrongly, {}, {}, SEED, EXAMPLES)
    told = " ".join(difference.what for difference in sent.differences)
    assert "/fails got 500" in told
    assert "/surprises got 418" in told
