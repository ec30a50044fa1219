"""Who plays a case: does what comes next until everything that the case began has ended."""

import asyncio
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final, cast

import httpx
from sqlalchemy.ext.asyncio import AsyncSession

from carriers.server.depot import SCRIPTS, Depot, ParcelRecord
from demonstration import CUSTOMER, Move, View
from domain.documents import kind_of
from domain.stages import ENDS, PURCHASE_ENDS
from faults.cases import CARRIER_DELIVERS, Case
from faults.habits import SUPPLIER, Enters
from faults.house_cases import Asks, ComesRound, HouseCase
from faults.people import AFTER_TROUBLE, Answered, People
from faults.stack import LEG_SECONDS
from faults.tally import Tally, house_tally, tally

LOOK_AGAIN: Final = 1.0
LOOK_AT_LEAST: Final = 2.0
"""Seconds between two looks: whoever has nothing to do looks less and less often."""
COMPANY: Final = "shunfeng"
COMES_ROUND_EVERY: Final = 5.0
FOLDERS: Final = {
    "RO": "orders",
    "PO": "purchase-orders",
    "WT": "tasks",
    "CA": "corrective-actions",
    "RFQ": "requests-for-quotation",
}
"""Where the API has the documents, by the letters that their numbers begin with."""


Caused = Mapping[str, Sequence[str]]
"""Which purchase orders each order caused before its player came."""


class Player(ABC):
    """One case, from its first document to the end of the last."""

    def __init__(self, people: People, case: Case | HouseCase, key: str) -> None:
        self._people = people
        self._case = case
        self._key = key
        self._refused = 0
        self.stage = ""
        self.answered: list[Answered] = []

    async def play(self) -> None:
        await self.play_until(self.over)

    async def play_until(self, reached: Callable[[View], bool]) -> View:
        """Does what comes next until things stand where `reached` says."""
        pause = LOOK_AGAIN
        while True:
            view = await self.look()
            if reached(view):
                return view
            if await self.go_on(view):
                pause = LOOK_AGAIN
            else:
                await asyncio.sleep(pause)
                pause = min(2 * pause, LOOK_AT_LEAST)

    @property
    @abstractmethod
    def named(self) -> str:
        """What people call it."""

    @abstractmethod
    async def look(self) -> dict[str, Any]:
        """Where everything stands."""

    @abstractmethod
    async def go_on(self, view: View) -> bool:
        """Does what comes next; False if nobody has anything to do."""

    @abstractmethod
    def over(self, view: View) -> bool:
        """Whether everything has ended."""

    @abstractmethod
    async def tally(self, session: AsyncSession) -> Tally | None:
        """What the case left behind, counted; None if it never began."""

    async def decide(self, document: View, move: Move) -> httpx.Response:
        """Sends a decision until it is answered."""
        action, number = move.decision["action"], document["number"]
        key = f"{number}-{document['seq']}-{action}-{self._refused}"
        answer = await self._send(number, move, key)
        if answer.is_success:
            said = answer.json()
            self._people.experience.decisions += 1
            self.answered.append(Answered(said["document"], said["seq"], action))
        elif answer.has_redirect_location:  # a page says that it is done, and not as which step
            self._people.experience.decisions += 1
        else:
            self._refused += 1
            if answer.status_code != httpx.codes.CONFLICT:
                self._people.experience.wrong.append(f"{self._case.title}: {move} got {answer.text[:300]}")
                await asyncio.sleep(AFTER_TROUBLE)
        return answer

    async def _send(self, number: str, move: Move, key: str) -> httpx.Response:
        who, path = await self._way_in(number, move.who)
        return await self._people.ask(who, "POST", path, json=move.decision, headers={"Idempotency-Key": key})

    async def _way_in(self, number: str, who: str) -> tuple[str, str]:
        """As whom a decision about a document is sent, and to which address."""
        return who, f"/v1/{FOLDERS[kind_of(number).prefix]}/{number}/decisions"

    async def _get(self, path: str, who: str = "agent", **query: str) -> Any:
        answer = await self._people.ask(who, "GET", path, params=query)
        return answer.raise_for_status().json()


class OrderPlayer(Player):
    """An order from its application to its end, and that of the purchase orders it caused."""

    def __init__(
        self,
        people: People,
        parcels: Depot,
        case: Case,
        key: str,
        before: Caused = MappingProxyType({}),
    ) -> None:
        super().__init__(people, case, key)
        self._parcels = parcels
        self._before = before
        self._purchases: list[str] = []
        self._history: dict[str, dict[int, str]] = {}
        self._entered: set[str] = set()
        self.case = case
        self.number = ""
        self.tracking = ""
        self.over_at_last = False

    @property
    def named(self) -> str:
        return self.number

    async def play(self) -> None:
        await self.apply()
        await super().play()

    def over(self, order: View) -> bool:
        ended = order["stage"] in ENDS and all(each["stage"] in PURCHASE_ENDS for each in order["purchase_orders"])
        self.over_at_last = ended
        return ended

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
        self._note(self._before.get(self.number, ()))

    async def look(self) -> dict[str, Any]:
        """The order, what it caused, and what was done to both."""
        order = cast("dict[str, Any]", await self._get(f"/v1/orders/{self.number}"))
        self._note(line["purchase_order"] for line in order["lines"])
        order["purchase_orders"] = []
        for number in self._purchases:  # grows while it is read: one replaces another
            purchase = await self._get(f"/v1/purchase-orders/{number}")
            self._note([purchase["replaces"], purchase["replaced_by"]])
            order["purchase_orders"].append(purchase)
        for document in (order, *order["purchase_orders"]):
            document["done"] = await self._done(document)
        order |= {"part": self.case.part, "entered": self._entered}
        self.stage = order["stage"]
        return order

    async def _done(self, document: View) -> set[str]:
        """What was done to a document, asked for whenever it has moved on."""
        number, known = document["number"], self._history.setdefault(document["number"], {})
        if document["seq"] not in known:
            path = f"/v1/{FOLDERS[kind_of(number).prefix]}/{number}/events"
            events = await self._get(path, after=str(max(known, default=-1)))
            known |= {event["seq"]: event["action"] for event in events}
        return set(known.values())

    async def go_on(self, order: View) -> bool:
        match self.case.next_move(order):
            case None:
                return False
            case Enters() as entry:
                answer = await self._people.ask(entry.who, "PUT", entry.path, json=entry.decision)
                answer.raise_for_status()
                self._entered.add(entry.path)
            case Move() as move:
                await self.act(order, move)
        return True

    async def act(self, order: View, move: Move) -> httpx.Response:
        """Makes a move of the case, or another."""
        if move.decision["action"] == "pack" and "carrier" not in move.decision:
            self._prepare_way(order)
        return await self.decide(move.document or order, move)

    async def tally(self, session: AsyncSession) -> Tally | None:
        return (
            await tally(session, self.number, self.case.part if self.case.own_part else None) if self.number else None
        )

    async def _send(self, number: str, move: Move, key: str) -> httpx.Response:
        """A supplier sends the form on its page, and is sure of it."""
        if move.who != SUPPLIER:
            return await super()._send(number, move, key)
        path = f"/supply/{await self._people.supply_link(number)}/{move.decision['action']}"
        return await self._people.ask(CUSTOMER, "POST", path, data={**move.decision, "key": key, "sure": "yes"})

    async def _way_in(self, number: str, who: str) -> tuple[str, str]:
        if who == CUSTOMER:
            return who, f"/v1/tracking/{self.tracking}/decisions"
        return await super()._way_in(number, who)

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


class HousePlayer(Player):
    """The tasks of a warehouse, what a supplier must put right, a request for quotation, and what they buy."""

    def __init__(self, people: People, case: HouseCase, key: str) -> None:
        super().__init__(people, case, key)
        self.case = case
        self._requests: list[str] = []
        self._ended: dict[str, View] = {}
        self._came_round = 0.0

    @property
    def named(self) -> str:
        return self.case.code

    def over(self, view: View) -> bool:
        return self.stage == self.case.ending and all(each["number"] in self._ended for each in view["documents"])

    async def look(self) -> dict[str, Any]:
        """Every document of the case as it stands, with what was done to it."""
        case = self.case
        tasks = await self._list("tasks", warehouse=case.code) if case.warehouse else []
        actions = await self._list("corrective-actions", supplier=case.code) if case.supplier else []
        view: dict[str, Any] = {
            "tasks": [await self._document(number) for number in tasks],
            "corrective_actions": [await self._document(number) for number in actions],
            "requests": [await self._document(number) for number in self._requests],
            "purchase_orders": [],
        }
        bought = [
            *(award["purchase_order"] for request in view["requests"] for award in request["awards"]),
            *(task["replenishment"]["purchase_order"] for task in view["tasks"] if task["replenishment"]),
        ]
        view["purchase_orders"] = [await self._document(number) for number in dict.fromkeys(filter(None, bought))]
        view["documents"] = [each for kind in list(view.values()) for each in kind]
        self.stage = " ".join(sorted(each["stage"] for each in view["documents"]))
        return view

    async def _list(self, folder: str, **of: str) -> list[str]:
        """The numbers of the case's documents of a kind, the oldest first."""
        rows = (await self._get(f"/v1/{folder}", "buyer", **of))["items"]
        return [row["number"] for row in reversed(rows)]

    async def _document(self, number: str) -> View:
        """One document, and what was done to it."""
        if number in self._ended:
            return self._ended[number]
        kind = kind_of(number)
        path = f"/v1/{FOLDERS[kind.prefix]}/{number}"
        found = await self._get(path, "buyer")
        events = await self._get(f"{path}/events", "buyer")
        found |= {"seq": events[-1]["seq"], "done": [event["action"] for event in events]}
        if found["stage"] in kind.life.ends:
            self._ended[number] = found
        return cast("View", found)

    async def go_on(self, view: View) -> bool:
        match self.case.next_move(view):
            case None:
                return False
            case Asks(who, path, said):
                key = f"{self._key}{path}".replace("/", "-")
                answer = await self._people.ask(who, "POST", path, json=said, headers={"Idempotency-Key": key})
                number = answer.raise_for_status().json()["number"]
                if number.startswith("RFQ"):
                    self._requests.append(number)
            case ComesRound(schedule):
                if time.monotonic() < self._came_round + COMES_ROUND_EVERY:
                    return False
                self._came_round = time.monotonic()
                await self._people.bring_round(schedule)
            case Move() as move:
                await self.decide(cast("View", move.document), move)
        return True

    async def tally(self, session: AsyncSession) -> Tally | None:
        return await house_tally(session, self.case.code) or None

    async def _way_in(self, number: str, who: str) -> tuple[str, str]:
        if number in self._requests and who.startswith("S"):
            return CUSTOMER, f"/v1/bids/{await self._people.link(number, who)}/decisions"
        return await super()._way_in(number, who)
