"""What every test may ask for: a database of its own on a PostgreSQL server of the test run.

Each worker of pytest-xdist runs a server of its own. A test that wants its database kept for a whole module
overrides `database_url` there with a module's fixture over `new_database`.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from secrets import token_hex

import asyncpg
import hypothesis
import pytest

from database import session
from database.migrate import migrate
from database.reference import seed
from runtime.embedded_postgres import EmbeddedPostgres, running_postgres
from runtime.ports import free_port
from runtime.settings import Settings

hypothesis.settings.register_profile("huanjian", deadline=None)  # a busy machine is no fault
hypothesis.settings.load_profile("huanjian")

EMPTY = "template1"
SEEDED = "huanjian"

NewDatabase = Callable[..., AbstractAsyncContextManager[str]]
"""Makes a copy of the database named (SEEDED if none is) for as long as the context lasts, and says its URL."""


@pytest.fixture(scope="session")
async def postgres(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[EmbeddedPostgres]:
    async with running_postgres(tmp_path_factory.mktemp("postgres"), free_port(), fast=True) as server:
        await migrate(server.url(SEEDED))
        engine = session.engine(server.url(SEEDED))
        await seed(session.sessions(engine), Settings())
        await engine.dispose()
        yield server


@pytest.fixture(scope="session")
def new_database(postgres: EmbeddedPostgres) -> NewDatabase:
    @asynccontextmanager
    async def copy(template: str = SEEDED) -> AsyncIterator[str]:
        name = f"test_{token_hex(8)}"
        await _execute(postgres, f"create database {name} template {template}")
        yield postgres.url(name)
        await _execute(postgres, f"drop database {name} with (force)")

    return copy


@pytest.fixture
async def database_url(new_database: NewDatabase) -> AsyncIterator[str]:
    """A database with the newest schema and the reference data, for one test."""
    async with new_database() as url:
        yield url


@pytest.fixture
async def sessions(database_url: str) -> AsyncIterator[session.Sessions]:
    engine = session.engine(database_url)
    yield session.sessions(engine)
    await engine.dispose()


async def _execute(postgres: EmbeddedPostgres, statement: str) -> None:
    connection = await asyncpg.connect(postgres.url("postgres").replace("+asyncpg", ""))
    try:
        await connection.execute(statement)
    finally:
        await connection.close()
