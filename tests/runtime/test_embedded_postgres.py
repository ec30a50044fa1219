"""The PostgreSQL of one machine, for real: it starts, stops, and outlives kill -9 with its rows."""

import os
import signal
import stat
from pathlib import Path

import asyncpg
import psutil
import pytest

from runtime.embedded_postgres import ROLE, EmbeddedPostgres, running_postgres
from runtime.ports import free_port
from runtime.processes import Processes, ProcessFailedError
from runtime.settings import Settings


async def run(postgres: EmbeddedPostgres, sql: str) -> object:
    connection = await asyncpg.connect(postgres.url().replace("+asyncpg", ""))
    try:
        return await connection.fetchval(sql)
    finally:
        await connection.close()


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def servers_of(postgres: EmbeddedPostgres) -> list[psutil.Process]:
    return [process for process in psutil.process_iter(["cwd"]) if process.info["cwd"] == str(postgres.data)]


async def test_rows_stay_from_one_start_to_the_next(tmp_path: Path) -> None:
    for expected in (0, 1):
        async with running_postgres(tmp_path, free_port(), fast=True) as postgres:
            await run(postgres, "CREATE TABLE IF NOT EXISTS orders (number text)")
            assert await run(postgres, "SELECT count(*) FROM orders") == expected
            await run(postgres, "INSERT INTO orders VALUES ('RO-1')")
        assert not servers_of(postgres)


async def test_role_is_no_superuser_and_needs_its_password(tmp_path: Path) -> None:
    async with running_postgres(tmp_path, free_port(), fast=True) as postgres:
        assert await run(postgres, "SELECT rolsuper FROM pg_roles WHERE rolname = current_user") is False
        assert await run(postgres, "SHOW server_encoding") == "UTF8"
        assert await run(postgres, "SELECT upper('ü')") == "Ü"
        address = f"127.0.0.1:{postgres.port}/huanjian"
        with pytest.raises(asyncpg.InvalidPasswordError):
            await asyncpg.connect(f"postgresql://huanjian:wrong@{address}")
        with pytest.raises(asyncpg.InvalidAuthorizationSpecificationError):
            await asyncpg.connect(f"postgresql://postgres@{address}")
    assert mode(tmp_path / "postgres.password") == 0o600


async def test_a_dozen_processes_may_have_a_pool_each(tmp_path: Path) -> None:
    pool = Settings.model_fields["database_connections"].default
    async with running_postgres(tmp_path, free_port(), fast=True) as postgres:
        assert await run(postgres, "SELECT current_setting('max_connections')::int") >= 12 * pool


async def test_nobody_but_the_owner_may_enter_the_data_folder(tmp_path: Path) -> None:
    before = mode(tmp_path)
    postgres = EmbeddedPostgres(tmp_path, free_port(), fast=True)
    await postgres.create()
    assert mode(postgres.data) == 0o700
    assert mode(tmp_path) == before


@pytest.mark.parametrize("postmaster_only", [True, False])
async def test_committed_rows_survive_kill_9(tmp_path: Path, postmaster_only: bool) -> None:
    postgres = EmbeddedPostgres(tmp_path, free_port())
    await postgres.create()
    told: list[str] = []
    async with Processes(tmp_path, told.append) as processes:
        await processes.start(postgres.program())
        await run(postgres, "CREATE TABLE orders AS SELECT generate_series(1, 1000) AS number")
        killed = [psutil.Process(processes.pid("postgres"))] if postmaster_only else servers_of(postgres)
        for process in killed:
            process.send_signal(signal.SIGKILL)
    async with running_postgres(tmp_path, postgres.port):
        assert await run(postgres, "SELECT count(*) FROM orders") == 1000


async def test_a_pid_file_that_names_another_process_does_not_hinder(tmp_path: Path) -> None:
    postgres = EmbeddedPostgres(tmp_path, free_port(), fast=True)
    await postgres.create()
    (postgres.data / "postmaster.pid").write_text(f"{os.getppid()}\n{postgres.data}\n1\n{postgres.port}\n")
    async with running_postgres(tmp_path, postgres.port, fast=True):
        assert await run(postgres, "SELECT 1") == 1


async def test_a_server_nobody_looks_after_gives_way(tmp_path: Path) -> None:
    async with running_postgres(tmp_path, free_port(), fast=True) as postgres:
        await run(postgres, "CREATE TABLE orders AS SELECT 7 AS number")
        (tmp_path / "processes.json").unlink()  # as if the parent had died before it took note
        former = servers_of(postgres)
        async with running_postgres(tmp_path, postgres.port, fast=True):
            assert await run(postgres, "SELECT number FROM orders") == 7
            assert not set(former) & set(servers_of(postgres))


async def test_a_creation_that_was_cut_off_starts_again(tmp_path: Path) -> None:
    (tmp_path / "postgres.new").mkdir()
    (tmp_path / "postgres.new" / "PG_VERSION").write_text("18\n")
    async with running_postgres(tmp_path, free_port(), fast=True) as postgres:
        assert await run(postgres, "SELECT 1") == 1


async def test_damaged_data_are_one_clear_error(tmp_path: Path) -> None:
    postgres = EmbeddedPostgres(tmp_path, free_port(), fast=True)
    await postgres.create()
    (postgres.data / "PG_VERSION").write_text("15\n")
    with pytest.raises(ProcessFailedError, match="initialized by PostgreSQL version 15"):
        async with running_postgres(tmp_path, postgres.port, fast=True):
            pass


async def test_a_search_for_chinese_words_has_something_to_go_by(tmp_path: Path) -> None:
    async with running_postgres(tmp_path, free_port(), fast=True) as server:
        connection = await asyncpg.connect(server.url(ROLE).replace("+asyncpg", ""))
        await connection.execute("create extension pg_trgm")
        assert await connection.fetchval("select cardinality(show_trgm('热交换器漏水'))") > 0
        await connection.close()
