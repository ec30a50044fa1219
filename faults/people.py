"""The people of a run: they log in, and repeat what got no answer."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any, Final

import httpx
from sqlalchemy import select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession
from temporalio.service import RPCError

from database.reading.links import link_of
from database.reference import DEMO_PASSWORD
from database.tables import Invitation
from demonstration import CUSTOMER
from faults.stack import Stack
from runtime.temporal import UPDATE_TIMEOUT

AFTER_TROUBLE: Final = 1.0
"""Seconds until a request without an answer is sent again."""


@dataclass(frozen=True)
class Answered:
    """A decision that somebody was told is on record."""

    document: str
    seq: int
    action: str


@dataclass
class Experience:
    """What people lived through: repeated requests, and answers that should never come."""

    decisions: int = 0
    repeated: int = 0
    unavailable: int = 0
    wrong: list[str] = field(default_factory=list)


class People:
    """Everybody who acts, each with a log-in of their own; customers and suppliers have a link instead."""

    def __init__(self, stack: Stack, leaving: AsyncExitStack, experience: Experience) -> None:
        self._stack = stack
        self._leaving = leaving
        self._clients: dict[str, httpx.AsyncClient] = {}
        self._logging_in = asyncio.Lock()
        self.experience = experience

    async def of(self, who: str) -> httpx.AsyncClient:
        async with self._logging_in:
            if who not in self._clients:
                client = httpx.AsyncClient(base_url=self._stack.api, timeout=15)
                await self._leaving.enter_async_context(client)
                if who != CUSTOMER:
                    answer = await client.post("/v1/session", json={"user": who, "password": DEMO_PASSWORD})
                    answer.raise_for_status()
                    client.headers["X-CSRF-Token"] = answer.json()["csrf"]
                self._clients[who] = client
        return self._clients[who]

    async def ask(self, who: str, method: str, path: str, **request: Any) -> httpx.Response:
        """Sends the same request until it is answered by anything but 503."""
        while True:
            try:
                answer = await (await self.of(who)).request(method, path, **request)
            except httpx.HTTPStatusError as refused:  # the log-in
                answer = refused.response
            except httpx.TransportError:
                self.experience.repeated += 1
            else:
                if answer.status_code < httpx.codes.INTERNAL_SERVER_ERROR:
                    return answer
                self.experience.repeated += 1
                self.experience.unavailable += 1
                if answer.status_code != httpx.codes.SERVICE_UNAVAILABLE:
                    self.experience.wrong.append(f"{method} {path}: {answer.status_code} {answer.text[:300]}")
            await asyncio.sleep(AFTER_TROUBLE)

    async def link(self, request: str, supplier: str) -> str:
        """The token behind which a supplier answers a request for quotation; it got it by mail."""
        wanted = select(Invitation.token).where(Invitation.request == request, Invitation.supplier == supplier)
        return await self._looked_up(lambda session: session.scalar(wanted))

    async def supply_link(self, purchase_order: str) -> str:
        """The token behind which a supplier answers a purchase order, the newest that it got by mail."""
        return await self._looked_up(lambda session: link_of(session, purchase_order))

    async def _looked_up(self, look: Callable[[AsyncSession], Awaitable[str | None]]) -> str:
        while True:
            try:
                async with self._stack.sessions() as session:
                    if token := await look(session):
                        return token
            except (DBAPIError, OSError):
                pass
            await asyncio.sleep(AFTER_TROUBLE)

    async def bring_round(self, schedule: str) -> None:
        """What is scheduled for some time is done now."""
        try:
            handle = self._stack.temporal.get_schedule_handle(schedule)
            await handle.trigger(rpc_timeout=UPDATE_TIMEOUT)
        except (RPCError, RuntimeError):
            await asyncio.sleep(AFTER_TROUBLE)


async def within(seconds: float, *playing: Awaitable[object]) -> None:
    """Lets all of them play, but no longer than this; who is stuck then is seen by where their order stands."""
    tasks = [asyncio.ensure_future(each) for each in playing]
    done, late = await asyncio.wait(tasks, timeout=seconds)
    for task in late:
        task.cancel()
    await asyncio.gather(*late, return_exceptions=True)
    for task in done:
        task.result()
