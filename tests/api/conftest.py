"""The API without a network: requests go straight into the application."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from pydantic import SecretStr

from api.app import create_app
from database import accounts
from database.reference import DEMO_PASSWORD
from database.session import Sessions
from runtime.ports import free_port
from runtime.settings import Settings

ORIGIN = "http://huanjian.test"
AGENT, AUDITOR, KEEPER, BUYER = "agent", "auditor", "keeper", "buyer"

NewClient = Callable[..., AbstractAsyncContextManager[httpx.AsyncClient]]
KeyOf = Callable[[str], Awaitable[str]]


@pytest.fixture
def settings(database_url: str) -> Settings:
    """Temporal's address leads nowhere; tests that need it override this."""
    return Settings(database_url=SecretStr(database_url), temporal_address=f"127.0.0.1:{free_port()}")


@pytest.fixture
async def app(settings: Settings) -> AsyncIterator[FastAPI]:
    application = create_app(settings)
    async with application.router.lifespan_context(application):
        yield application


@pytest.fixture
def new_client(app: FastAPI) -> NewClient:
    @asynccontextmanager
    async def client(key: str | None = None) -> AsyncIterator[httpx.AsyncClient]:
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url=ORIGIN, headers=headers) as opened:
            yield opened

    return client


@pytest.fixture
async def client(new_client: NewClient) -> AsyncIterator[httpx.AsyncClient]:
    """Nobody in particular."""
    async with new_client() as opened:
        yield opened


@pytest.fixture
def key_of(sessions: Sessions) -> KeyOf:
    """A new API key of a user."""

    async def key(user: str) -> str:
        async with sessions.begin() as session:
            return await accounts.create_key(session, user, "test")

    return key


@pytest.fixture
async def agent(new_client: NewClient, key_of: KeyOf) -> AsyncIterator[httpx.AsyncClient]:
    async with new_client(await key_of(AGENT)) as opened:
        yield opened


async def log_in(client: httpx.AsyncClient, user: str, password: str = DEMO_PASSWORD) -> httpx.Response:
    return await client.post("/v1/session", json={"user": user, "password": password})


def application(**changes: Any) -> dict[str, Any]:
    """A fault report as an agent types it."""
    said = {
        "customer": {"name": "王芳", "phone": "13800005678", "email": "wang.fang@example.com", "city": "杭州市"},
        "model": "HG-CXW268",
        "fault": "开机有异响，风力很小",
        "lines": [{"part": "CXW-MOTOR-200", "quantity": 1}],
    }
    return said | changes


async def enter(client: httpx.AsyncClient, key: str = "first", **changes: Any) -> str:
    """Enters an application and returns its number."""
    answer = await client.post("/v1/applications", json=application(**changes), headers={"Idempotency-Key": key})
    assert answer.status_code == 201, answer.text
    number: str = answer.json()["number"]
    return number
