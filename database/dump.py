"""A database as a folder of files, one a table, all read at one instant; and the way back.

It speaks to any PostgreSQL by its address alone, so the same dump is made of a standalone system's and of another's.
"""

import gzip
from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any, Final

import asyncpg
from pydantic import BaseModel, ConfigDict
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from database.migrate import upgrade

_BLOCK: Final = 1 << 18
_TABLES: Final = """
    select c.relname as name, array_agg(a.attname::text order by a.attnum) as columns
    from pg_class c join pg_attribute a on a.attrelid = c.oid
    where c.relnamespace = 'public'::regnamespace and c.relkind = 'r' and c.relname <> 'alembic_version'
        and a.attnum > 0 and not a.attisdropped and a.attgenerated = ''
    group by c.relname
"""
_REFERENCES: Final = """
    select distinct c.relname as name, f.relname as needs
    from pg_constraint k join pg_class c on c.oid = k.conrelid join pg_class f on f.oid = k.confrelid
    where k.contype = 'f' and k.connamespace = 'public'::regnamespace and c.oid <> f.oid
"""
_COUNTERS: Final = "select sequencename, last_value from pg_sequences where schemaname = 'public' and last_value > 0"
_OTHERS: Final = """
    select count(*) from pg_stat_activity
    where datname = current_database() and pid <> pg_backend_pid() and backend_type = 'client backend'
"""


class NotEmpty(Exception):
    """The database can't take a dump: something is in it, or somebody at work with it."""


class Broken(Exception):
    """The dump does not hold what it says it holds."""


class Table(BaseModel):
    model_config = ConfigDict(frozen=True)

    name: str
    columns: tuple[str, ...]
    rows: int

    @property
    def file(self) -> str:
        return f"{self.name}.gz"


class Dump(BaseModel):
    """What a dump holds: the instant it shows, its schema, its tables so that each comes after those it needs."""

    model_config = ConfigDict(frozen=True)

    at: datetime
    revision: str
    tables: tuple[Table, ...]
    counters: dict[str, int]


async def dump(url: str, folder: Path) -> Dump:
    """Writes every table into the folder as it stands at one instant, while others go on working."""
    connection = await asyncpg.connect(url.replace("+asyncpg", ""))
    try:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            at = await connection.fetchval("select now()")
            revision = await connection.fetchval("select version_num from alembic_version")
            columns = {row["name"]: row["columns"] for row in await connection.fetch(_TABLES)}
            tables = [
                Table(name=name, columns=columns[name], rows=await _write(connection, name, columns[name], folder))
                for name in await _sorted(connection, columns)
            ]
            counters = {row["sequencename"]: row["last_value"] for row in await connection.fetch(_COUNTERS)}
        return Dump(at=at, revision=revision, tables=tuple(tables), counters=counters)
    finally:
        await connection.close()


async def _sorted(connection: Any, tables: dict[str, list[str]]) -> Sequence[str]:
    order: TopologicalSorter[str] = TopologicalSorter(dict.fromkeys(sorted(tables), ()))
    for row in await connection.fetch(_REFERENCES):
        order.add(row["name"], row["needs"])
    return tuple(order.static_order())


async def _write(connection: Any, name: str, columns: list[str], folder: Path) -> int:
    with gzip.open(folder / f"{name}.gz", "wb", compresslevel=5) as file:

        async def keep(block: bytes) -> None:
            file.write(block)

        status: str = await connection.copy_from_table(name, schema_name="public", columns=columns, output=keep)
    return int(status.split()[1])


async def load(connection: AsyncConnection, folder: Path, held: Dump, gap: int) -> None:
    """Brings a dump into an empty database, inside the caller's transaction, and its schema up to date.

    What counts by itself goes on `gap` further: numbers given out since are not given out again. Raises NotEmpty,
    Broken.
    """
    await _require_empty(connection)
    await connection.run_sync(upgrade, held.revision)
    raw = (await connection.get_raw_connection()).driver_connection
    assert raw is not None
    for table in reversed(held.tables):  # what migrations enter, the dump knows better
        if await raw.fetchval(f'select exists (select from "{table.name}")'):
            await raw.execute(f'delete from "{table.name}"')
    for table in held.tables:
        status = await raw.copy_to_table(
            table.name, schema_name="public", columns=table.columns, source=_read(folder / table.file)
        )
        if status != f"COPY {table.rows}":
            raise Broken(f"{table.file} holds other rows than it should: {status}, not {table.rows}")
    for name, last in held.counters.items():
        await raw.fetchval("select setval($1::text::regclass, $2)", name, last + gap)
    await connection.run_sync(upgrade)


async def _require_empty(connection: AsyncConnection) -> None:
    others = await connection.scalar(text(_OTHERS))
    if others:
        raise NotEmpty(f"{others} other connections to the database are open: stop every worker and API first")
    tables = await connection.scalar(text("select count(*) from pg_tables where schemaname = 'public'"))
    if tables:
        raise NotEmpty(f"the database has {tables} tables already: name an empty one")


async def _read(file: Path) -> AsyncIterator[bytes]:
    with gzip.open(file, "rb") as packed:
        while block := packed.read(_BLOCK):
            yield block
