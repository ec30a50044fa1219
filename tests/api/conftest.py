"""The API without a network: requests go straight into the application."""

import shutil
import sysconfig
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from pydantic import SecretStr
from temporalio.testing import WorkflowEnvironment

from api.app import open_house
from database import accounts
from database.reference import DEMO_PASSWORD
from database.session import Sessions
from runtime.ports import free_port
from runtime.settings import Settings

ORIGIN = "http://huanjian.test"
PHONE, MASKED = "13800005678", "138****5678"

NewClient = Callable[..., AbstractAsyncContextManager[httpx.AsyncClient]]


@pytest.fixture(scope="session")
async def temporal() -> AsyncIterator[str]:
    """A dev server for all tests that need one; its address."""
    binary = shutil.which("temporal", path=sysconfig.get_path("scripts"))
    async with await WorkflowEnvironment.start_local(dev_server_existing_path=binary) as server:
        yield server.client.service_client.config.target_host


@pytest.fixture
def settings(database_url: str) -> Settings:
    """Temporal's address leads nowhere; tests that need it override this."""
    return Settings(database_url=SecretStr(database_url), temporal_address=f"127.0.0.1:{free_port()}")


@pytest.fixture
async def app(the_app: FastAPI, settings: Settings) -> AsyncIterator[FastAPI]:
    async with open_house(settings) as the_app.state.house:
        yield the_app


@pytest.fixture
def new_client(app: FastAPI) -> NewClient:
    @asynccontextmanager
    async def client(key: str | None = None, origin: str = ORIGIN) -> AsyncIterator[httpx.AsyncClient]:
        headers = {"Accept-Language": "en"} | ({"Authorization": f"Bearer {key}"} if key else {})
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url=origin, headers=headers) as opened:
            yield opened

    return client


@pytest.fixture
async def client(new_client: NewClient) -> AsyncIterator[httpx.AsyncClient]:
    """Nobody in particular."""
    async with new_client() as opened:
        yield opened


@dataclass
class Staff:
    """Clients of the staff, each with an API key of their own."""

    client: httpx.AsyncClient
    sessions: Sessions

    async def get(self, user: str, path: str, **parameters: Any) -> httpx.Response:
        return await self.client.get(path, params=parameters, headers=await self._key(user))

    async def post(self, user: str, path: str, body: Any, key: str | None = "key") -> httpx.Response:
        headers = await self._key(user) | ({"Idempotency-Key": key} if key else {})
        return await self.client.post(path, json=body, headers=headers)

    async def enter(self, user: str = "agent", key: str = "first", **changes: Any) -> str:
        """Enters an application and returns its number."""
        answer = await self.post(user, "/v1/applications?new=true", application(**changes), key)
        assert answer.status_code == 201, answer.text
        number: str = answer.json()["number"]
        return number

    async def _key(self, user: str) -> dict[str, str]:
        async with self.sessions.begin() as session:
            return {"Authorization": f"Bearer {await accounts.create_key(session, user, 'test')}"}


@pytest.fixture
def staff(client: httpx.AsyncClient, sessions: Sessions) -> Staff:
    return Staff(client, sessions)


async def log_in(client: httpx.AsyncClient, user: str, password: str = DEMO_PASSWORD) -> httpx.Response:
    return await client.post("/v1/session", json={"user": user, "password": password})


def application(**changes: Any) -> dict[str, Any]:
    """A fault report as an agent types it."""
    said = {
        "customer": {"name": "王芳", "phone": PHONE, "email": "wang.fang@example.com", "city": "杭州市"},
        "model": "HG-CXW268",
        "fault": "开机有异响，风力很小",
        "lines": [{"part": "CXW-MOTOR-200", "quantity": 1}],
    }
    return said | changes
