"""The people of a run: they log in, do what their case tells them, and repeat what got no answer."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final

import httpx

from carriers.server.depot import SCRIPTS, Depot, ParcelRecord
from database.reference import DEMO_PASSWORD
from demonstration import CUSTOMER, Move, View
from domain.stages import ENDS, PURCHASE_ENDS
from faults.cases import CARRIER_DELIVERS, Case
from faults.stack import LEG_SECONDS, Stack

LOOK_EVERY: Final = 1.0
AFTER_TROUBLE: Final = 1.0
COMPANY: Final = "shunfeng"


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
    """Everybody who acts, each with a log-in of their own; the customer has the tracking link."""

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


@dataclass(frozen=True)
class Before:
    """What was done to an order before its player came, and which purchase orders it caused."""

    done: Collection[str] = ()
    purchases: Sequence[str] = ()


class Player:
    """One case from its application to its end, and that of the purchase orders it caused."""

    def __init__(
        self,
        people: People,
        parcels: Depot,
        case: Case,
        key: str,
        before: Mapping[str, Before] = MappingProxyType({}),
    ) -> None:
        self._people = people
        self._parcels = parcels
        self.case = case
        self._key = key
        self._before = before
        self._purchases: list[str] = []
        self._refused = 0
        self.number = ""
        self.tracking = ""
        self.stage = ""
        self.over_at_last = False
        self.answered: list[Answered] = []

    async def play(self) -> None:
        await self.apply()
        await self.play_until(self.over)

    def over(self, order: View) -> bool:
        ended = order["stage"] in ENDS and all(each["stage"] in PURCHASE_ENDS for each in order["purchase_orders"])
        self.over_at_last = ended
        return ended

    async def play_until(self, reached: Callable[[View], bool]) -> View:
        """Does what comes next until the order stands where `reached` says."""
        while True:
            order = await self.look()
            if reached(order):
                return order
            if move := self.case.next_move(order):
                await self.act(order, move)
            else:
                await asyncio.sleep(LOOK_EVERY)

    async def apply(self) -> None:
        answer = await self._people.ask(
            "agent",
            "POST",
            "/v1/applications",
            params={"policy": self.case.policy, "new": True},
            json=self.case.application,
            headers={"Idempotency-Key": self._key},
        )
        said = answer.raise_for_status().json()
        self.number, self.tracking = said["number"], said["tracking_url"].rpartition("/")[2]
        self._note(self._before.get(self.number, Before()).purchases)

    async def look(self) -> dict[str, Any]:
        """The order, what it caused, and what was done to it."""
        order: dict[str, Any] = await self._get(f"/v1/orders/{self.number}")
        self._note(line["purchase_order"] for line in order["lines"])
        order["purchase_orders"] = []
        for number in self._purchases:  # grows while it is read: one may have been replaced by the next
            purchase = await self._get(f"/v1/purchase-orders/{number}")
            self._note([purchase["replaced_by"]])
            order["purchase_orders"].append(purchase)
        order["done"] = {*self._before.get(self.number, Before()).done, *(answer.action for answer in self.answered)}
        self.stage = order["stage"]
        return order

    async def act(self, order: View, move: Move) -> httpx.Response:
        document = move.purchase_order or order
        if move.decision["action"] == "pack" and "carrier" not in move.decision:
            self._prepare_way(order)
        if move.who == CUSTOMER:
            path = f"/v1/tracking/{self.tracking}/decisions"
        else:
            path = f"/v1/{'purchase-orders' if move.purchase_order else 'orders'}/{document['number']}/decisions"
        key = f"{document['number']}-{document['seq']}-{move.decision['action']}-{self._refused}"
        answer = await self._people.ask(move.who, "POST", path, json=move.decision, headers={"Idempotency-Key": key})
        if answer.is_success:
            said = answer.json()
            self._people.experience.decisions += 1
            self.answered.append(Answered(said["document"], said["seq"], move.decision["action"]))
        else:
            self._refused += 1
            if answer.status_code != httpx.codes.CONFLICT:
                self._people.experience.wrong.append(f"{self.case.title}: {move} got {answer.text[:300]}")
                await asyncio.sleep(AFTER_TROUBLE)
        return answer

    def _prepare_way(self, order: View) -> None:
        """The carrier learns beforehand which way the parcel will go: it knows it by our shipment's id."""
        way = self.case.way(len(order["shipments"]) - 1)
        shipment = next(each["id"] for each in order["shipments"] if each["state"] == "preparing")
        now = time.time()
        if way == CARRIER_DELIVERS or self._parcels.ordered(shipment, now):
            return
        parcel = ParcelRecord(
            number=f"SF7{shipment[3:].replace('-', '')}",
            company=COMPANY,
            phone=self.case.phone,
            leg_seconds=LEG_SECONDS,
            order_id=shipment,
        )
        parcel.follow(SCRIPTS[way], now)
        self._parcels.keep_parcel(parcel, now)

    def _note(self, numbers: Any) -> None:
        self._purchases += [number for number in numbers if number and number not in self._purchases]

    async def _get(self, path: str) -> dict[str, Any]:
        answer = await self._people.ask("agent", "GET", path)
        return dict(answer.raise_for_status().json())


async def within(seconds: float, *playing: Awaitable[object]) -> None:
    """Lets all of them play, but no longer than this; who is stuck then is seen by where their order stands."""
    tasks = [asyncio.ensure_future(each) for each in playing]
    done, late = await asyncio.wait(tasks, timeout=seconds)
    for task in late:
        task.cancel()
    await asyncio.gather(*late, return_exceptions=True)
    for task in done:
        task.result()
