"""The model order: from stock, consent on the phone, three milestones told; people do at once what comes next."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from time import perf_counter
from types import TracebackType
from typing import Any, Final, Self

import temporalio.client

from bench.client import Answer, Client
from bench.world import MODEL, PART
from domain.messages import Scanned
from domain.parcels import Milestone
from runtime.settings import Settings
from runtime.temporal import order_workflow

STAFF: Final = ("agent", "auditor", "keeper", "dispatcher", "technician")
CHECKS: Final = ("customer_data", "fault_and_part", "warranty", "company_policy")
MILESTONES: Final = (Milestone.PICKED_UP, Milestone.OUT_FOR_DELIVERY, Milestone.DELIVERED)
LINES: Final = [{"part": PART, "quantity": 1}]
APART: Final = 0.2
"""Seconds between two scans, which days lie between: each wakes the workflow by itself."""
AT_ONCE: Final = 4
"""How many of an office's requests are under way at once. With more orders open than that, they take turns."""
PATIENCE: Final = 300
"""Seconds; a hundred orders taking turns are slow, and not stuck."""
_places = count(1)


@dataclass
class Order:
    """An order that is being played."""

    number: str
    office: "Office"

    async def decide(self, who: str, action: str, **content: Any) -> None:
        path = f"/v1/orders/{self.number}/decisions"
        await self.office.ask(action, self.office.clients[who].post(path, {"action": action, **content}))

    async def look(self) -> Any:
        answer = await self.office.ask("look", self.office.clients["agent"].get(f"/v1/orders/{self.number}"))
        return answer.json()

    async def until(self, reached: Callable[[Any], bool]) -> Any:
        """Looks now and then, as people do: looking costs too."""
        async with asyncio.timeout(PATIENCE):
            while True:
                await asyncio.sleep(2 * APART)
                if reached(order := await self.look()):
                    return order

    async def agree(self) -> None:
        """Judged, agreed to on the phone, signed."""
        await self.decide("agent", "quote", lines=LINES, agreed_on_phone=True)
        await self.sign()

    async def sign(self) -> None:
        await self.decide("auditor", "approve", **dict.fromkeys(CHECKS, True))

    async def ship(self) -> None:
        """Packed, booked with the carrier, handed over, and told three times."""
        await self.decide("keeper", "pack")
        order = await self.until(lambda order: bool(order["shipments"]) and order["shipments"][-1]["state"] == "booked")
        await self.decide("keeper", "hand_over")
        for milestone in MILESTONES:
            await self.tell(order["shipments"][-1]["id"], milestone)
            await asyncio.sleep(APART)
        await self.until(lambda order: bool(order["stage"] == "installation"))

    async def tell(self, shipment: str, milestone: Milestone) -> None:
        """News of the parcel, as the watcher tells them."""
        now = datetime.now(UTC)
        news = Scanned(
            shipment=shipment, milestone=milestone, trouble=None, at=now, still_by=now + timedelta(days=2)
        )  # fmt: skip
        async with self.office.turn:
            await self.office.temporal.get_workflow_handle(order_workflow(self.number)).signal("scanned", news)

    async def install(self) -> None:
        starts = datetime.now(UTC) + timedelta(hours=1, minutes=15 * next(_places))
        await self.decide(
            "dispatcher",
            "book_appointment",
            technician="technician",
            starts_at=starts.isoformat(),
            minutes=15,
        )
        await self.decide("technician", "report_fitted", report="runs")

    async def rework(self) -> None:
        """Asked, still faulty, another part: a whole round."""
        await self.decide("agent", "answer_faulty", satisfaction=2, problem="still dead")
        await self.decide("agent", "send_part", lines=LINES)
        await self.ship()
        await self.install()

    async def close(self) -> None:
        await self.decide("agent", "answer_works", satisfaction=5)

    async def play(self) -> None:
        await self.agree()
        await self.ship()
        await self.install()
        await self.close()


class Office:
    """Everybody who acts, each logged in. `heard` is told what was asked and how many seconds its answer took."""

    def __init__(
        self,
        settings: Settings,
        temporal: temporalio.client.Client,
        at_once: int = AT_ONCE,
        heard: Callable[[str, float], None] = lambda what, seconds: None,
    ) -> None:
        self._settings = settings
        self._leaving = AsyncExitStack()
        self._heard = heard
        self.temporal = temporal
        self.clients: dict[str, Client] = {}
        self.turn = asyncio.Semaphore(at_once)

    async def __aenter__(self) -> Self:
        for who in STAFF:
            self.clients[who] = await self._leaving.enter_async_context(Client(self._settings.api_port, who))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._leaving.aclose()

    async def ask(self, what: str, request: Awaitable[Answer]) -> Answer:
        """Sends it when it is its turn."""
        async with self.turn:
            began = perf_counter()
            answer = await request
            self._heard(what, perf_counter() - began)
        return answer

    async def apply(self) -> Order:
        answer = await self.ask("apply", self.clients["agent"].post("/v1/applications", application(next(_places))))
        return Order(answer.json()["number"], self)

    async def play(self) -> Order:
        """One order from the call to the satisfied answer."""
        order = await self.apply()
        await order.play()
        return order


def application(place: int) -> dict[str, Any]:
    return {
        "channel": "hotline",
        "customer": {
            "name": f"客户{place}",
            "phone": f"138{place:08}",
            "province": "浙江省",
            "city": "杭州市",
            "district": "西湖区",
            "address": f"示范路 {place} 号",
        },
        "model": MODEL,
        "fault": "风机不转",
        "lines": LINES,
    }
