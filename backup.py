"""A system as a folder, and the way back: database, files, and where workflows stood, at one instant.

Temporal's file is copied first and the database read after it: a workflow may be behind its row then, never ahead,
and one that is behind reads its row up. Files come last, so that none is missing of which the database speaks.
"""

import asyncio
import shutil
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager, closing, suppress
from datetime import UTC, datetime
from hashlib import file_digest
from pathlib import Path
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, ValidationError
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from sqlalchemy.pool import NullPool

from database import restorations
from database.dump import Dump, dump, load
from database.migrate import knows
from runtime.home import HomeUnusableError, claimed
from runtime.settings import Settings

MANIFEST: Final = "backup.json"
TABLES: Final = "tables"
FILES: Final = "files"
WORKFLOWS: Final = "temporal.db"
_OF_THIS_MACHINE: Final = {"claim", "logs", "postgres", "postgres.new", "postgres.password", "processes.json"}
"""What a home holds that belongs to its processes; PostgreSQL's own files are in the tables."""
_SQLITE: Final = b"SQLite format 3\0"
_BESIDE_SQLITE: Final = ("-wal", "-shm", "-journal")

Report = Callable[[str], None]


class BackupError(Exception):
    """What can't be backed up or restored; the text says why and what to do."""


class Manifest(BaseModel):
    """Written last: a folder without it is no backup. `sums` are the SHA-256 of every other file."""

    model_config = ConfigDict(frozen=True)

    format: Literal[1] = 1
    database: Dump
    sums: dict[str, str]


async def back_up(settings: Settings, folder: Path, report: Report) -> Manifest:
    """Writes a backup of the system, running or not, into an empty folder.

    Raises BackupError, and what PostgreSQL raises when it can't be reached.
    """
    _make_folder(folder)
    async with _database_at_hand(settings):
        if settings.temporal_address is None and (settings.home / WORKFLOWS).exists():
            await asyncio.to_thread(_copy_sqlite, settings.home / WORKFLOWS, folder / FILES / WORKFLOWS)
            report("workflows: copied")
        held = await dump(settings.database, folder / TABLES)
        rows = sum(table.rows for table in held.tables)
        report(f"database: {len(held.tables)} tables with {rows} rows as of {held.at:%Y-%m-%d %H:%M:%S} UTC")
        copied = await asyncio.to_thread(_copy_files, settings.home, folder / FILES)
        report(f"files: {copied}")
    manifest = Manifest(database=held, sums=await asyncio.to_thread(_sums, folder))
    (folder / MANIFEST).write_text(manifest.model_dump_json(indent=1))
    return manifest


async def restore(settings: Settings, folder: Path, report: Report) -> list[str]:
    """Brings a backup into an empty system that does not run, and returns what may have happened since it was made.

    The rest is done when the system starts: the sweep gives every open document a workflow that stands where its row
    stands, whatever the workflows knew. Raises BackupError, HomeUnusableError, NotEmpty, Broken; then nothing of it is
    left behind.
    """
    manifest = await asyncio.to_thread(_checked, folder)
    report(f"backup of {manifest.database.at:%Y-%m-%d %H:%M:%S} UTC, {len(manifest.sums)} files: whole")
    files = _files_to_restore(settings, folder)
    _require_home(settings, files)
    with claimed(settings.home):
        try:
            async with AsyncExitStack() as running:
                if settings.database_url is None:
                    await running.enter_async_context(_own_postgres(settings))
                found = await _load(settings.database, folder / TABLES, manifest.database)
            report(f"database: {len(manifest.database.tables)} tables")
            await asyncio.to_thread(_put_back, files, folder / FILES, settings.home)
            report(f"files: {len(files)}")
        except BaseException:
            _clear(settings.home)
            raise
    return found


async def _load(url: str, folder: Path, held: Dump) -> list[str]:
    """All of it, or nothing."""
    engine = create_async_engine(url, poolclass=NullPool)
    try:
        async with engine.begin() as connection:
            await load(connection, folder, held, restorations.GAP)
            async with AsyncSession(connection) as session, session.begin():
                return await restorations.begin(session, held.at, datetime.now(UTC))
    finally:
        await engine.dispose()


@asynccontextmanager
async def _database_at_hand(settings: Settings) -> AsyncIterator[None]:
    """A standalone system's PostgreSQL runs with it, or is started for as long as it is needed."""
    if settings.database_url is not None:
        yield
        return
    if not (settings.home / "postgres").exists():
        raise BackupError(f"there is no system in {settings.home}; HUANJIAN_HOME names another folder")
    with ExitStack() as claim:
        try:
            claim.enter_context(claimed(settings.home))
        except HomeUnusableError:  # it runs
            yield
            return
        async with _own_postgres(settings):
            yield


@asynccontextmanager
async def _own_postgres(settings: Settings) -> AsyncIterator[None]:
    from runtime.embedded_postgres import running_postgres  # installed with a standalone system alone

    async with running_postgres(settings.home, settings.postgres_port):
        yield


def _make_folder(folder: Path) -> None:
    """A folder for a backup alone; it holds what customers told us, so nobody else may read it."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise BackupError(f"{folder} is not empty: a backup gets a folder of its own")
    for part in (TABLES, FILES):
        (folder / part).mkdir(parents=True)
    folder.chmod(0o700)


def _require_home(settings: Settings, files: Sequence[Path]) -> None:
    """A restored system begins with nothing else in its home."""
    with suppress(FileNotFoundError):
        left = sorted(path.name for path in settings.home.iterdir())
        if "claim" in left:
            with claimed(settings.home):  # says who runs there
                pass
        if left and (files or settings.database_url is None):
            raise BackupError(
                f"{settings.home} is not empty ({', '.join(left[:5])}): name another folder with HUANJIAN_HOME"
            )


def _checked(folder: Path) -> Manifest:
    """The backup's manifest, once every file is as it was written. Raises BackupError."""
    try:
        manifest = Manifest.model_validate_json((folder / MANIFEST).read_bytes())
    except FileNotFoundError as error:
        raise BackupError(f"{folder} holds no whole backup: {MANIFEST}, which is written last, is missing") from error
    except ValidationError as error:
        raise BackupError(f"{folder / MANIFEST} can't be read: it is damaged, or of a newer release") from error
    there = _sums(folder)
    for name, expected in manifest.sums.items():
        if name not in there:
            raise BackupError(f"the backup is not whole: {name} is missing")
        if there[name] != expected:
            raise BackupError(f"the backup is not whole: {name} is not what was written")
    if not knows(manifest.database.revision):
        raise BackupError(
            f"the backup has schema {manifest.database.revision}, which this release does not know: "
            "restore it with the release that made it, or a newer one"
        )
    return manifest


def _sums(folder: Path) -> dict[str, str]:
    return {path.relative_to(folder).as_posix(): _sum(path) for path in _files(folder) if path.name != MANIFEST}


def _sum(path: Path) -> str:
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in sorted(folder.rglob("*")) if path.is_file())


def _files_to_restore(settings: Settings, folder: Path) -> list[Path]:
    """Another Temporal than the home's own keeps what it knows."""
    own = settings.temporal_address is None
    return [path for path in _files(folder / FILES) if own or path != folder / FILES / WORKFLOWS]


def _copy_files(home: Path, folder: Path) -> int:
    """Copies what the home holds beside databases and processes; returns how many files."""
    copied = 0
    for path in _files(home):
        name = path.relative_to(home)
        if name.parts[0] in _OF_THIS_MACHINE or name.name.startswith(WORKFLOWS) or name.name.endswith(_BESIDE_SQLITE):
            continue
        target = folder / name
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with path.open("rb") as file:
            is_sqlite = file.read(len(_SQLITE)) == _SQLITE
        if is_sqlite:
            _copy_sqlite(path, target)
        else:
            shutil.copy2(path, target)
        copied += 1
    return copied


def _copy_sqlite(path: Path, target: Path) -> None:
    """One consistent state, whoever writes meanwhile."""
    with closing(sqlite3.connect(path, timeout=30)) as source, closing(sqlite3.connect(target)) as copy:
        source.backup(copy)


def _put_back(files: Sequence[Path], source: Path, home: Path) -> None:
    for path in files:
        target = home / path.relative_to(source)
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        shutil.copy2(path, target)


def _clear(home: Path) -> None:
    """Takes away what a restoration that failed has made; the folder was empty."""
    for path in home.iterdir():
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()
