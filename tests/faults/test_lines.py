"""A process that lost its network in the middle of a step keeps nobody from the row it locked."""

import asyncio
import time
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import text
from sqlalchemy.engine import make_url

from database.session import IDLE_IN_TRANSACTION_MS, engine
from faults.trouble import Wire

LOCK = text("select last from number_series where prefix = 'RO' for update")


@pytest.fixture
async def line(database_url: str) -> AsyncIterator[Wire]:
    port = make_url(database_url).port
    assert port is not None
    async with Wire(port) as wire:
        yield wire


def over(line: Wire, url: str) -> str:
    return make_url(url).set(port=line.port).render_as_string(hide_password=False)


async def test_a_row_is_free_again_soon(database_url: str, line: Wire) -> None:
    here, there = engine(database_url, 1), engine(over(line, database_url), 1, patience=3)
    async with here.begin() as connection:
        await connection.execute(text("insert into number_series values ('RO', current_date, 1)"))
    locked = await there.connect()
    await locked.execute(LOCK)
    line.cut()
    began = time.monotonic()
    async with here.begin() as connection:
        await connection.execute(LOCK)
    assert time.monotonic() - began < IDLE_IN_TRANSACTION_MS / 1000 + 5
    line.mend()
    with pytest.raises(Exception, match=r"idle-in-transaction timeout|closed"):
        await locked.execute(text("select 1"))
    await locked.close()
    await there.dispose()
    await here.dispose()


async def test_whoever_hears_nothing_stops_waiting(database_url: str, line: Wire) -> None:
    """Otherwise each of a worker's slots would wait until the system gives the connection up, a quarter of an hour."""
    pool = engine(over(line, database_url), 1, patience=2)
    async with pool.connect() as connection:
        await connection.execute(text("select 1"))
    line.cut()
    began = time.monotonic()
    with pytest.raises(TimeoutError):
        async with pool.connect() as connection:
            await connection.execute(text("select 1"))
    assert time.monotonic() - began < 10
    line.mend()
    async with pool.connect() as connection:
        assert await connection.scalar(text("select 1")) == 1
    await pool.dispose()


async def test_a_wire_carries_and_is_cut() -> None:
    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(10):
            writer.write(data)
        writer.close()

    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    async with server, Wire(server.sockets[0].getsockname()[1]) as wire:
        reader, writer = await asyncio.open_connection("127.0.0.1", wire.port)
        writer.write(b"first")
        assert await reader.read(10) == b"first"
        wire.cut()
        writer.write(b"second")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(reader.read(10), 0.3)
        wire.mend()
        assert await reader.read(10) == b"second"
        writer.close()
        await writer.wait_closed()
