"""The schema that migrations make is the one the tables describe."""

import asyncio
import os
import sys
from collections.abc import Sequence
from typing import Any

import pytest
from alembic import command
from alembic.migration import MigrationContext
from alembic.operations import Operations
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, insert, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from database.migrate import config_for, migrate
from database.migrations.policies import add_to_policies
from database.session import Sessions
from database.tables import Base, PolicyVersion
from tests.conftest import EMPTY, NewDatabase

COLUMNS = """
    select table_name, column_name, data_type, character_maximum_length, numeric_precision, numeric_scale,
        is_nullable, column_default, is_identity
    from information_schema.columns join information_schema.tables using (table_schema, table_name)
    where table_schema = 'public' and table_type = 'BASE TABLE' and table_name <> 'alembic_version' order by 1, 2
"""
CONSTRAINTS = """
    select conrelid::regclass::text, conname, pg_get_constraintdef(oid) from pg_constraint
    where connamespace = 'public'::regnamespace and conrelid::regclass::text <> 'alembic_version' order by 1, 2
"""
INDEXES = """
    select tablename, indexname, indexdef from pg_indexes
    where schemaname = 'public' and tablename <> 'alembic_version' order by 1, 2
"""


async def test_alembic_finds_no_difference(database_url: str) -> None:
    await _on(database_url, lambda connection: command.check(config_for(connection)))


@pytest.mark.parametrize("question", [COLUMNS, CONSTRAINTS, INDEXES], ids=["columns", "constraints", "indexes"])
async def test_the_catalogue_is_as_the_tables_make_it(question: str, new_database: NewDatabase) -> None:
    def make(connection: Connection) -> None:
        connection.execute(text("create extension pg_trgm"))
        Base.metadata.create_all(connection)
        connection.commit()

    async with new_database() as migrated, new_database(EMPTY) as made:
        await _on(made, make)
        assert await _ask(migrated, question) == await _ask(made, question)


async def test_two_processes_may_migrate_at_once(new_database: NewDatabase) -> None:
    async with new_database(EMPTY) as url:
        program = [sys.executable, "-m", "database.migrate"]
        environment = os.environ | {"HUANJIAN_DATABASE_URL": url}
        both = [await asyncio.create_subprocess_exec(*program, env=environment) for _ in range(2)]
        assert [await process.wait() for process in both] == [0, 0]
        assert await _ask(url, "select version_num from alembic_version") == [(_newest(),)]


async def test_a_migrated_database_can_be_taken_back(new_database: NewDatabase) -> None:
    async with new_database() as url:
        await _on(url, lambda connection: command.downgrade(config_for(connection), "base"))
        assert await _ask(url, COLUMNS) == []
        await migrate(url)


async def test_what_suppliers_asked_before_there_were_contracts_is_their_contract(new_database: NewDatabase) -> None:
    async with new_database() as url:
        await _on(url, lambda connection: command.downgrade(config_for(connection), "0011"))
        before = await _ask(
            url, "select supplier, part, price, lead_days, valid_until from supplier_price order by 1, 2"
        )
        await migrate(url)
        agreed = "select supplier, part, price, lead_days, valid_until from contract where version = 1 order by 1, 2"
        assert await _ask(url, agreed) == before != []
        unqualified = (
            "select count(*) from contract c left join qualification q using (supplier, part, version) where q is null"
        )
        assert await _ask(url, unqualified) == [(0,)]


@pytest.mark.clause("1.3.1")
@pytest.mark.parametrize("table", ["event_log", "movement", "inbound_freight", "standing_change"])
@pytest.mark.parametrize("change", ["update {} set by = 'nobody'", "delete from {}", "truncate {} cascade"])
async def test_log_and_ledger_only_grow(table: str, change: str, sessions: Sessions) -> None:
    async with sessions() as session:
        with pytest.raises(DBAPIError, match=f"{table} is append-only"):
            await session.execute(text(change.format(table)))


@pytest.mark.clause("3.1.2")
@pytest.mark.parametrize("table", ["contract", "contract_break", "qualification", "supplier_paper"])
@pytest.mark.parametrize("change", ["update {} set version = 9", "delete from {}", "truncate {} cascade"])
async def test_what_was_agreed_with_a_supplier_is_kept(table: str, change: str, sessions: Sessions) -> None:
    async with sessions() as session:
        with pytest.raises(DBAPIError, match=f"(contract_break|{table}) is append-only"):
            await session.execute(text(change.format(table)))


async def test_stored_policies_learn_what_a_release_asks_of_them(new_database: NewDatabase) -> None:
    def teach(connection: Connection) -> None:
        for name, content in (("standard", {"clocks": {}}), ("demo", {"clocks": {}}), ("own", {"clocks": {"tea": 1}})):
            row = {"name": name, "version": 9, "content": content, "entered_by": "test"}
            connection.execute(insert(PolicyVersion).values(row))
        with Operations.context(MigrationContext.configure(connection)):
            add_to_policies(["clocks", "tea"], 5, demo=0)
        connection.commit()

    async with new_database() as url:
        await _on(url, teach)
        learnt = await _ask(
            url, "select name, content #> '{clocks,tea}' from policy_version where version = 9 order by 1"
        )
        assert learnt == [("demo", 0), ("own", 1), ("standard", 5)]


def _newest() -> str | None:
    """Raises if two migrations claim to be the newest."""
    return ScriptDirectory("database/migrations").get_current_head()


async def _ask(url: str, question: str) -> Sequence[Any]:
    rows: Sequence[Any] = []

    def ask(connection: Connection) -> None:
        nonlocal rows
        rows = connection.execute(text(question)).all()

    await _on(url, ask)
    return rows


async def _on(url: str, work: Any) -> None:
    engine = create_async_engine(url, poolclass=NullPool)
    async with engine.connect() as connection:
        await connection.run_sync(work)
    await engine.dispose()
