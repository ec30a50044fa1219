"""Pages against a real database; the engine commits at once."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import httpx
import pytest
from fastapi import FastAPI
from pydantic import SecretStr

from api.dependencies import House
from database.reference import DEMO_PASSWORD
from database.session import Sessions
from runtime.settings import Settings
from tests.conftest import NewDatabase
from tests.pages.cases import Cases
from tests.pages.engine import Engine

ORIGIN = "http://huanjian.test"
Browser = Callable[..., AbstractAsyncContextManager[httpx.AsyncClient]]


@pytest.fixture(scope="module")
async def database_url(new_database: NewDatabase) -> AsyncIterator[str]:
    async with new_database() as url:
        yield url


@pytest.fixture
def engine(sessions: Sessions) -> Engine:
    return Engine(sessions)


@pytest.fixture
async def app(the_app: FastAPI, database_url: str, sessions: Sessions, engine: Engine) -> FastAPI:
    """The application with the engine that commits at once."""
    settings = Settings(database_url=SecretStr(database_url))
    the_app.state.house = House(settings, sessions, engine)  # type: ignore[arg-type]
    return the_app


@pytest.fixture
def cases(app: FastAPI, engine: Engine) -> Cases:
    return Cases(app.state.house, engine)


@pytest.fixture
def browser(app: FastAPI) -> Browser:
    """Somebody with a browser: logged in as `user` if one is given."""

    @asynccontextmanager
    async def opened(user: str | None = None, language: str = "en") -> AsyncIterator[httpx.AsyncClient]:
        transport = httpx.ASGITransport(app)
        headers = {"accept-language": language}
        async with httpx.AsyncClient(transport=transport, base_url=ORIGIN, headers=headers) as client:
            if user:
                answer = await client.post("/login", data={"user": user, "password": DEMO_PASSWORD})
                assert answer.status_code == 303, answer.text
            yield client

    return opened
