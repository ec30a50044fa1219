"""Real HTTP servers on free loopback ports, each in a thread of its own."""

import asyncio
import socket
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from threading import Thread

import httpx
import uvicorn
from fastapi import FastAPI, Request, Response

from carriers.kuaidi100 import PUSH_ANSWER
from carriers.protocol import Account, AccountKind

TOKEN = "hJ3kq0Xw9sVtR2bYpLmZ7A"


async def until(happened: Callable[[], bool | Awaitable[bool]]) -> None:
    """Wait for what happens in another thread or process."""
    async with asyncio.timeout(15):
        while True:
            result = happened()
            if result if isinstance(result, bool) else await result:
                return
            await asyncio.sleep(0.02)


@contextmanager
def serving(app: FastAPI) -> Iterator[str]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        config = uvicorn.Config(app, log_level="warning", access_log=False, ws="none")
        server = uvicorn.Server(config)
        thread = Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            while not server.started and thread.is_alive():
                time.sleep(0.01)
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(10)


def account(url: str, timeout: float = 5, key: str = "demo-key", secret: str = "demo-secret") -> Account:
    return Account(
        code="demo",
        kind=AccountKind.KUAIDI100,
        min_spacing=timedelta(minutes=30),
        calls_per_minute=60,
        poll_url=url,
        label_url=url,
        customer="DEMO",
        key=key,
        secret=secret,
        salt="s4lt-of-the-account",
        push_token=TOKEN,
        timeout=timedelta(seconds=timeout),
    )


@dataclass
class Remote:
    """The carrier test server's control calls."""

    url: str
    _http: httpx.AsyncClient = field(repr=False)

    async def fault(self, kind: str, endpoint: str, **details: object) -> None:
        answer = await self._http.post(
            f"{self.url}/_control/faults", json={"kind": kind, "endpoint": endpoint, **details}
        )
        answer.raise_for_status()

    async def parcel(self, number: str, **details: object) -> None:
        answer = await self._http.post(f"{self.url}/_control/parcels", json={"number": number, **details})
        answer.raise_for_status()

    async def scans(self, number: str, *scans: dict[str, str]) -> None:
        answer = await self._http.post(f"{self.url}/_control/parcels/{number}/scans", json=scans)
        answer.raise_for_status()

    async def script(self, number: str, **details: object) -> None:
        answer = await self._http.put(f"{self.url}/_control/parcels/{number}/script", json=details)
        answer.raise_for_status()

    async def freeze(self, number: str, frozen: bool) -> None:
        answer = await self._http.put(f"{self.url}/_control/parcels/{number}/frozen", json={"frozen": frozen})
        answer.raise_for_status()

    async def codes(self, number: str) -> list[str]:
        answer = await self._http.get(f"{self.url}/_control/parcels/{number}")
        return [scan["code"] for scan in answer.raise_for_status().json()["scans"]]

    async def calls(self) -> dict[str, int]:
        answer = await self._http.get(f"{self.url}/_control")
        calls: dict[str, int] = answer.raise_for_status().json()["calls"]
        return calls

    async def clear(self) -> None:
        (await self._http.delete(f"{self.url}/_control/faults")).raise_for_status()


@dataclass
class Inbox:
    """Where the carrier pushes to: keeps every body with its token, answers as told."""

    url: str = ""
    answers: list[bytes] = field(default_factory=list)
    bodies: list[tuple[str, bytes]] = field(default_factory=list)

    def app(self) -> FastAPI:
        app = FastAPI()

        @app.post("/push/{token}")
        async def push(token: str, request: Request) -> Response:
            self.bodies.append((token, await request.body()))
            answer = self.answers.pop(0) if self.answers else PUSH_ANSWER
            return Response(answer, media_type="application/json")

        return app

    @property
    def callback(self) -> str:
        return f"{self.url}/push/{TOKEN}"
