"""A proxy in front of PostgreSQL that counts what its clients ask."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

_PROTOCOL_3: Final = 196608
_EXECUTE: Final = frozenset(b"EQ")
_WAITS: Final = frozenset(b"SQH")
"""Sync, simple query and flush: after each the client waits for the server."""


@dataclass
class Count:
    """Statements executed, and times somebody waited for the server."""

    statements: int = 0
    round_trips: int = 0

    def since(self, before: "Count") -> "Count":
        return Count(self.statements - before.statements, self.round_trips - before.round_trips)

    def copy(self) -> "Count":
        return Count(self.statements, self.round_trips)


class Frontend:
    """Reads what one client says. Until it has named the protocol its messages have no type."""

    def __init__(self, count: Count) -> None:
        self._count = count
        self._rest = b""
        self._started = False

    def feed(self, said: bytes) -> None:
        self._rest += said
        while (message := self._next()) is not None:
            if not self._started:
                self._started = int.from_bytes(message[4:8], "big") == _PROTOCOL_3
            else:
                self._count.statements += message[0] in _EXECUTE
                self._count.round_trips += message[0] in _WAITS

    def _next(self) -> bytes | None:
        start = 1 if self._started else 0
        if len(self._rest) < start + 4:
            return None
        end = start + int.from_bytes(self._rest[start : start + 4], "big")
        if len(self._rest) < end:
            return None
        message, self._rest = self._rest[:end], self._rest[end:]
        return message


@asynccontextmanager
async def counting(port: int, server: int) -> AsyncIterator[Count]:
    """Listens on `port` for clients of the PostgreSQL on port `server`, as long as the context lasts."""
    count = Count()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        frontend = Frontend(count)
        back_reader, back_writer = await asyncio.open_connection("127.0.0.1", server)
        answering = asyncio.create_task(_carry(back_reader, writer, None))
        await _carry(reader, back_writer, frontend)
        await answering

    listening = await asyncio.start_server(serve, "127.0.0.1", port)
    try:
        yield count
    finally:
        listening.close()


async def _carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, frontend: Frontend | None) -> None:
    try:
        while said := await reader.read(65536):
            if frontend:
                frontend.feed(said)
            writer.write(said)
    except ConnectionError:
        pass  # whoever hung up is done
    finally:
        writer.close()
