"""Plays the model order on any of the engines, over HTTP, as an office does."""

import asyncio
import json
from contextlib import suppress
from itertools import count
from time import perf_counter
from typing import Any, Final

from bench.client import Answer, Client, UnexpectedAnswerError
from bench.others import order

LOOK_SECONDS: Final = 0.05
NO_ANSWER: Final = (OSError, asyncio.IncompleteReadError, UnexpectedAnswerError)
_serial = count(1)


class KeylessClient(Client):
    """Restate refuses a key where the workflow's own id makes a request one of a kind; so nobody sends one."""

    async def post(self, path: str, content: Any) -> Answer:
        return await self._ask("POST", path, json.dumps(content).encode())


class Customer:
    """Everybody who acts on the orders of one engine. `answers` is the time they have waited, in seconds."""

    def __init__(self, port: int, at_once: int, apart: float) -> None:
        self._client = KeylessClient(port)
        self._turn = asyncio.Semaphore(at_once)
        self._apart = apart
        self.answers = 0.0

    async def play(self) -> None:
        number = f"order-{next(_serial)}"
        await self._ask(number, order.START, number)
        for action in order.BEFORE_BOOKING:
            await self._ask(number, "decide", action)
        await self._until(number, order.BOOKED)
        await self._ask(number, "decide", order.HAND_OVER)
        for milestone in order.SCANS:
            await self._ask(number, "scanned", milestone)
            await asyncio.sleep(self._apart)
        await self._until(number, order.DELIVERED)
        for action in order.AT_HOME:
            await self._ask(number, "decide", action)

    async def _ask(self, number: str, verb: str, content: str) -> None:
        async with self._turn:
            began = perf_counter()
            await self._client.post(f"/orders/{number}/{verb}", content)
            self.answers += perf_counter() - began

    async def _until(self, number: str, step: str) -> None:
        """Looks now and then, as people do: looking costs too."""
        while True:
            await asyncio.sleep(max(LOOK_SECONDS, 2 * self._apart))
            async with self._turn:
                if (await self._client.post(f"/orders/{number}/reached", step)).json():
                    return


class Stubborn(Customer):
    """Asks again until there is an answer; a refusal may mean that it was done before."""

    async def _ask(self, number: str, verb: str, content: str) -> None:
        step = order.APPLY if verb == order.START else content
        while True:
            try:
                return await super()._ask(number, verb, content)
            except UnexpectedAnswerError:
                with suppress(*NO_ANSWER):
                    if (await self._client.post(f"/orders/{number}/reached", step)).json():
                        return None
            except NO_ANSWER:
                pass
            await asyncio.sleep(LOOK_SECONDS)

    async def _until(self, number: str, step: str) -> None:
        while True:
            with suppress(*NO_ANSWER):
                return await super()._until(number, step)
