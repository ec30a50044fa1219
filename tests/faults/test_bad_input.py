"""A short, seeded run of what `make faults` sends to the API: every answer is one that is described."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import unquote_plus

import pytest
import uvicorn
from fastapi import FastAPI, HTTPException, Request
from fastapi.responses import HTMLResponse
from pydantic import SecretStr

from api.app import create_app
from database.session import Sessions
from faults.fuzz import fuzz, there, with_keys
from faults.walker import walk
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


@pytest.fixture
async def served_bare() -> AsyncIterator[str]:
    """A log-in that fails, and pages that say what they were asked as it was typed."""
    app = FastAPI()

    @app.post("/login")
    async def fails() -> None:
        raise HTTPException(500)

    @app.get("/{path:path}")
    async def repeats(request: Request) -> HTMLResponse:
        form = '<form method="post" action="/login"><input name="user" value="x"></form>'
        return HTMLResponse(form + unquote_plus(request.url.query))

    async with served(app) as url:
        yield url


async def test_pages_take_whatever_is_typed(address: str, sessions: Sessions) -> None:
    people, known = await with_keys(sessions), await there(sessions)
    sent = await asyncio.to_thread(walk, address, {"agent": people["agent"]}, known, SEED, EXAMPLES)
    assert [difference.what for difference in sent.differences] == []
    assert {"× 200", "× 303", "× 401", "× 404", "× 422"} <= sent.outcomes.keys()
    assert sent.outcomes["forms"] > 10


async def test_a_page_that_fails_or_says_what_was_typed_is_found(served_bare: str) -> None:
    sent = await asyncio.to_thread(walk, served_bare, {}, {}, SEED, EXAMPLES)
    told = " ".join(difference.what for difference in sent.differences)
    assert "POST /login" in told
    assert "got 500" in told
    assert "says what was typed as it was" in told


async def test_an_answer_that_is_not_described_is_found(served_wrongly: str) -> None:
    sent = await asyncio.to_thread(fuzz, served_wrongly, {}, {}, SEED, EXAMPLES)
    told = " ".join(difference.what for difference in sent.differences)
    assert "/fails got 500" in told
    assert "/surprises got 418" in told
