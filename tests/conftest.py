"""What every test may ask for: a database of its own on a PostgreSQL server of the test run.

Each worker of pytest-xdist runs a server of its own. A test that wants its database kept for a whole module
overrides `database_url` there with a module's fixture over `new_database`.
"""

import gc
import os
import shutil
from collections.abc import AsyncIterator, Callable, Generator, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from pathlib import Path
from secrets import token_hex
from tempfile import TemporaryDirectory
from typing import Any

import asyncpg
import hypothesis
import pytest
from babel.support import NullTranslations, Translations
from fastapi import FastAPI
from playwright.async_api import Browser, async_playwright
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher
from sqlalchemy import update

from api import i18n
from api.app import create_app
from database import accounts, session
from database.migrate import migrate
from database.reference import DEMO_PASSWORD, seed
from database.tables import UserAccount
from runtime.embedded_postgres import EmbeddedPostgres, running_postgres
from runtime.ports import free_port
from runtime.settings import Settings
from tests import dialect, scheduling

dialect.share()
hypothesis.settings.register_profile("huanjian", deadline=None)  # a busy machine is no fault
hypothesis.settings.load_profile("huanjian")

COMPLETE = os.environ.get("HUANJIAN_TESTS_COMPLETE") == "1"
"""Whether a test that is skipped, as something it needs is not installed, counts as failed: so in CI."""
CHROMIUM = "/usr/bin/chromium"
QUIET = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip
MEMORY = Path("/dev/shm")
ENOUGH = 4 * 1024**3
EMPTY = "template1"
SEEDED = "huanjian"

NewDatabase = Callable[..., AbstractAsyncContextManager[str]]
"""Makes a copy of the database named (SEEDED if none is) for as long as the context lasts, and says its URL."""


@pytest.fixture(scope="session")
def the_app() -> FastAPI:
    """One for all tests that open a house of their own in it: FastAPI works out each route when it is first asked."""
    return create_app()


class Unwritten(NullTranslations):
    """What a sentence is looked up in that the Chinese catalogue does not have."""

    def gettext(self, message: str) -> str:
        raise LookupError(f"nobody has written in Chinese: {message!r}")

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        return self.gettext(msgid1)


@pytest.fixture(scope="session", autouse=True)
def every_sentence_is_written() -> Iterator[None]:
    """A page that says what no catalogue knows fails its test, instead of saying it in English."""

    def strict(code: str) -> Translations:
        read = translations(code)
        if code == "zh":
            read.add_fallback(Unwritten())
        return read

    translations = i18n._translations
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(i18n, "_translations", strict)
        i18n.languages.cache_clear()
        yield


@pytest.fixture(scope="session", autouse=True)
def quick_passwords() -> Iterator[tuple[PasswordHash, str]]:
    """A password costs a fifth of a second on purpose, and tests log in hundreds of times. Gives what it replaces."""
    slow = (accounts._hasher, accounts._NOBODYS_HASH)
    quick = PasswordHash((Argon2Hasher(time_cost=1, memory_cost=64, parallelism=1),))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(accounts, "_hasher", quick)
        patch.setattr(accounts, "_NOBODYS_HASH", quick.hash("nobody"))
        yield slow


@pytest.fixture(scope="session")
async def postgres(
    tmp_path_factory: pytest.TempPathFactory, quick_passwords: object
) -> AsyncIterator[EmbeddedPostgres]:
    with _quick_folder(tmp_path_factory) as home:
        async with running_postgres(home, free_port(), fast=True) as server:
            await _fill(server)
            yield server


async def _fill(server: EmbeddedPostgres) -> None:
    await migrate(server.url(SEEDED))
    engine = session.engine(server.url(SEEDED))
    await seed(session.sessions(engine), Settings())
    async with engine.begin() as connection:
        known = update(UserAccount).where(UserAccount.password_hash.is_not(None))
        await connection.execute(known.values(password_hash=accounts.hash_password(DEMO_PASSWORD)))
    await engine.dispose()


@contextmanager
def _quick_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """In memory, if there is enough: each test's database is some hundred files."""
    if not MEMORY.is_dir() or shutil.disk_usage(MEMORY).free < ENOUGH:
        yield tmp_path_factory.mktemp("postgres")
        return
    with TemporaryDirectory(prefix="huanjian-tests-", dir=MEMORY) as folder:
        yield Path(folder)


@pytest.fixture(scope="session")
def new_database(postgres: EmbeddedPostgres) -> NewDatabase:
    @asynccontextmanager
    async def copy(template: str = SEEDED) -> AsyncIterator[str]:
        name = f"test_{token_hex(8)}"
        await _execute(postgres, f"create database {name} template {template} strategy file_copy")
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


@pytest.fixture(scope="session")
async def chromium() -> AsyncIterator[Browser]:
    if shutil.which(CHROMIUM) is None:
        pytest.skip(f"no browser at {CHROMIUM}: install Debian's chromium and fonts-noto-cjk to run these tests")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield browser
        await browser.close()


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> scheduling.ByFile:
    config.option.loadscopereorder = False
    return scheduling.ByFile(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: scheduling.rank(item.nodeid))


def pytest_collection_finish() -> None:
    gc.freeze()
    gc.enable()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if COMPLETE and report.skipped:
        report.outcome, report.longrepr = "failed", f"it may not be skipped here: {report.longrepr}"
    return report


async def _execute(postgres: EmbeddedPostgres, statement: str) -> None:
    connection = await asyncpg.connect(postgres.url("postgres").replace("+asyncpg", ""))
    try:
        await connection.execute(statement)
    finally:
        await connection.close()
