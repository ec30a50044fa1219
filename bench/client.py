"""A browser that costs next to nothing: HTTP/1.1 over kept connections."""

import asyncio
import json
from dataclasses import dataclass
from itertools import count
from time import monotonic
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlencode

from database.reference import DEMO_PASSWORD

Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]
FRESH_SECONDS = 3.0
"""A server hangs up on whoever says nothing for some seconds (uvicorn: five), perhaps as we begin to speak again."""
_keys = count()


class UnexpectedAnswerError(Exception):
    """An answer that says something is wrong with the request, or with the system."""


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


class Client:
    """One person, with as many connections as they have requests under way."""

    def __init__(self, port: int, who: str = "") -> None:
        self._port = port
        self._who = who
        self._signed: dict[str, str] = {}
        self._free: list[tuple[float, Connection]] = []
        self.repeated = 0

    async def __aenter__(self) -> Self:
        if self._who:
            answer = await self.post("/v1/session", {"user": self._who, "password": DEMO_PASSWORD})
            cookie = answer.headers["set-cookie"].partition(";")[0]
            self._signed = {"Cookie": cookie, "X-CSRF-Token": answer.json()["csrf"]}
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for _, (_, writer) in self._free:
            writer.close()

    async def get(self, path: str) -> Answer:
        return await self._ask("GET", path, b"")

    async def post(self, path: str, content: Any) -> Answer:
        """With an Idempotency-Key of its own; the same again after a 503, as the answer asks for."""
        body, key = json.dumps(content).encode(), f"bench-{next(_keys)}"
        while (answer := await self._ask("POST", path, body, key)).status == 503:
            self.repeated += 1
        return answer

    async def push(self, path: str, form: dict[str, str]) -> Answer:
        """A form, as carriers send it."""
        return await self._ask("POST", path, urlencode(form).encode(), media_type="application/x-www-form-urlencoded")

    async def _ask(
        self, method: str, path: str, body: bytes, key: str = "", media_type: str = "application/json"
    ) -> Answer:
        """Raises UnexpectedAnswerError."""
        headers = {"Host": "127.0.0.1", "Content-Length": str(len(body)), **self._signed}
        if body:
            headers["Content-Type"] = media_type
        if key:
            headers["Idempotency-Key"] = key
        head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        reader, writer = connection = await self._connection()
        writer.write(f"{method} {path} HTTP/1.1\r\n{head}\r\n".encode() + body)
        answer = await read_answer(reader)
        self._free.append((monotonic(), connection))
        if answer.status >= 400 and answer.status != 503:
            raise UnexpectedAnswerError(f"{method} {path}: {answer.status} {answer.body.decode()[:500]}")
        return answer

    async def _connection(self) -> Connection:
        """A kept one on which the server has not hung up, else a new one."""
        while self._free:
            since, (reader, writer) = self._free.pop()
            if not reader.at_eof() and monotonic() - since < FRESH_SECONDS:
                return reader, writer
            writer.close()
        return await asyncio.open_connection("127.0.0.1", self._port)


async def read_answer(reader: asyncio.StreamReader) -> Answer:
    """The next answer on a connection; its body has a length or comes in chunks."""
    [first, *rest] = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").rstrip().split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in rest)}
    body = b""
    if headers.get("transfer-encoding") == "chunked":
        while size := int(await reader.readline(), 16):
            body += (await reader.readexactly(size + 2))[:-2]
        await reader.readline()
    elif length := int(headers.get("content-length", 0)):
        body = await reader.readexactly(length)
    return Answer(int(first.split(" ", 2)[1]), headers, body)
