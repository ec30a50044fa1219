"""Four orders played by people who log in: the public API sees nothing but requests.

What each person does follows from where the order stands, so a demonstration that was cut off goes on where it
stopped; one that is over says so again and does nothing.
"""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import quote as quoted

import httpx
from rich.console import Console

from database.reference import DEMO_PASSWORD
from domain.stages import ENDS
from runtime.settings import Settings
from runtime.temporal import order_workflow

POLICY: Final = "demo"
STAFF: Final = ("agent", "auditor", "buyer", "keeper", "dispatcher", "technician")
CUSTOMER: Final = "customer"
LOOK_EVERY: Final = 0.4
AFTER_TROUBLE: Final = 2.0

View = Mapping[str, Any]
console = Console(highlight=False, soft_wrap=True)


@dataclass(frozen=True)
class Move:
    """What somebody does next: who, and the decision as the API takes it; on which `document`, if not on the order."""

    who: str
    decision: dict[str, Any]
    document: View | None = None


@dataclass(frozen=True)
class Story:
    """One order of the demonstration: what is applied for, what is done out of the ordinary, how it should end."""

    place: int
    title: str
    serial: str
    part: str
    fault: str
    ending: str
    email: str | None = None
    channel: str = "hotline"
    agreed_on_phone: bool = False
    out_of_the_ordinary: Callable[[View], Move | None] = field(default=lambda order: None)

    @property
    def application(self) -> dict[str, Any]:
        return {
            "channel": self.channel,
            "customer": {
                "name": f"演示客户{self.place}",
                "phone": f"1540000090{self.place}",
                "email": self.email,
                "province": "浙江省",
                "city": "杭州市",
                "district": "西湖区",
                "address": f"示范路 {self.place} 号",
            },
            "serial": self.serial,
            "fault": self.fault,
            "lines": [{"part": self.part, "quantity": 1}],
        }


def supplier_confirms_late(order: View) -> Move | None:
    """The buyer records the supplier's signature once it is overdue, the keeper what then arrives."""
    now = datetime.now(UTC)
    for purchase in order["purchase_orders"]:
        if purchase["stage"] == "placed" and purchase["wait"]["overdue"]:
            promised = now + timedelta(seconds=4)
            decision = {"action": "confirm", "promised_at": promised.isoformat(), "signed_by": "供应商 王经理"}
            return Move("buyer", decision, purchase)
        promised_at = purchase["promised_at"]  # none of one that went to the next supplier unsigned
        if purchase["stage"] != "placed" and promised_at and now >= datetime.fromisoformat(promised_at):
            return comes_in(purchase)
    return None


def comes_in(purchase: View) -> Move | None:
    """The keeper counts and inspects what comes, the buyer enters the invoice for what was accepted."""
    awaiting = next((lot for lot in purchase["lots"] if lot["verdict"] is None), None)
    coming = [
        {"part": line["part"], "counted": pieces, "serials": serials(purchase, line, pieces)}
        for line in purchase["lines"]
        if (pieces := line["quantity"] - line["received"]) > 0
    ]
    billed = [
        {"part": line["part"], "quantity": line["received"] - line["paid"], "unit_price": line["unit_price"]}
        for line in purchase["lines"]
        if line["received"] > line["paid"]
    ]
    if awaiting:
        return Move("keeper", inspects(purchase, awaiting), purchase)
    if purchase["stage"] == "confirmed" and coming:
        note = f"DN-{purchase['number']}-{purchase['seq']}"
        return Move("keeper", {"action": "receive_goods", "delivery_note": note, "lines": coming}, purchase)
    if purchase["stage"] == "to_settle" and billed:
        number = f"INV-{purchase['number']}-{purchase['seq']}"
        return Move("buyer", {"action": "enter_invoice", "number": number, "lines": billed}, purchase)
    return None


def serials(purchase: View, line: View, pieces: int) -> list[str]:
    """The labels of pieces that come, if their part has serial numbers."""
    names = [f"SN{purchase['number'][3:]}-{purchase['seq']}-{piece}" for piece in range(1, pieces + 1)]
    return names if line["tracking"] == "serial" else []


def packs(order: View) -> Move:
    """The keeper scans a piece with a serial number, one of those that came for the order."""
    scanned: list[str] = []
    for line in order["lines"]:
        if line["tracking"] == "serial" and line["state"] == "reserved":
            lots = [lot for each in order["purchase_orders"] for lot in each["lots"] if lot["part"] == line["part"]]
            sound = [one for lot in lots for one in lot["serials"] if one not in lot["refused_serials"]]
            scanned += sound[: line["quantity"]]
    return Move("keeper", {"action": "pack", "serials": scanned})


def inspects(purchase: View, lot: View, faulty: int = 0) -> dict[str, Any]:
    """Every piece is looked at; what is measured lies within its limits."""
    readings = [
        {"piece": piece, "characteristic": each["code"], "value": each["low"] or each["high"]}
        for piece in range(1, lot["quantity"] + 1)
        for each in purchase["characteristics"]
        if each["part"] == lot["part"]
    ]
    said = {"lot": lot["id"], "checked": lot["quantity"], "faulty": faulty, "readings": readings}
    return {"action": "inspect_goods", **said}


def returned_and_reworked(order: View) -> Move | None:
    """The auditor misses something at first; the first part does not help, the second does."""
    part = order["lines"][0]["part"]
    match order["stage"]:
        case "audit" if not order["audit_attempts"]:
            return Move(
                "auditor",
                {"action": "return_for_correction", "reasons": ["fault_and_part"], "explanation": "请补充故障现象"},
            )
        case "returned":
            correction = {
                "lines": [{"part": part, "quantity": 1}],
                "fault": "开机嗡嗡响,不转",
                "explanation": "已向客户核实",
            }
            return Move("agent", {"action": "correct", **correction})
        case "revisit" if not order["round"]:
            return Move(CUSTOMER, {"action": "answer_faulty", "satisfaction": 2, "problem": "装上以后还是不转"})
        case "rework":
            return Move("agent", {"action": "send_part", "lines": [{"part": part, "quantity": 1}]})
    return None


def cancelled_with_stock_reserved(order: View) -> Move | None:
    if order["stage"] == "dispatch":
        return Move("agent", {"action": "cancel", "reason": "customer_wish", "explanation": "客户已在别处买到"})
    return None


STORIES: Final = (
    Story(
        1,
        "from stock 有库存",
        "CXW268-001001",
        "CXW-MOTOR-200",
        "风机不转",
        "closed",
        email="customer1@example.com",
        agreed_on_phone=True,
    ),
    Story(
        2,
        "out of stock, the supplier confirms late 缺货,供应商确认迟到",
        "JSQ30-001112",
        "JSQ-EXCHANGER",
        "热交换器漏水",
        "closed",
        email="customer2@example.com",
        out_of_the_ordinary=supplier_confirms_late,
    ),
    Story(
        3,
        "returned by audit, corrected, installed badly, reworked 审核退回、更正、返修",
        "CXW300T-001038",
        "CXW-CAPACITOR",
        "开机嗡嗡响",
        "closed",
        email="refuse-550@example.com",  # the mail test server does; an SMS follows
        channel="email",
        out_of_the_ordinary=returned_and_reworked,
    ),
    Story(
        4,
        "cancelled after its stock was reserved 预留后取消",
        "JSQ26-001075",
        "JSQ-IGNITER",
        "打不着火",
        "cancelled",
        agreed_on_phone=True,
        out_of_the_ordinary=cancelled_with_stock_reserved,
    ),
)


def ordinary(story: Story, order: View) -> Move | None:
    """What somebody does at this stage on an ordinary day; None while the order waits for a machine or a clock."""
    shipments = {shipment["state"]: shipment for shipment in order["shipments"]}
    booked = any(appointment["state"] == "booked" for appointment in order["appointments"])
    claim = next((claim for claim in order["claims"] if claim["state"] == "open"), None)
    match order["stage"]:
        case "received":
            return Move("agent", {"action": "take"})
        case "triage":
            lines = [{"part": story.part, "quantity": 1}]
            return Move("agent", {"action": "quote", "lines": lines, "agreed_on_phone": story.agreed_on_phone})
        case "quoted":
            return Move(CUSTOMER, {"action": "consent"})
        case "sourcing" if order["wait"] and order["wait"]["clock"] == "consent":  # the parts come later than agreed
            return Move(CUSTOMER, {"action": "consent"})
        case "audit":
            checks = ("customer_data", "fault_and_part", "warranty", "company_policy")
            return Move("auditor", {"action": "approve", **dict.fromkeys(checks, True)})
        case "dispatch" if "preparing" in shipments:
            return packs(order)
        case "dispatch" if "booked" in shipments:
            return Move("keeper", {"action": "hand_over"})
        case "installation" if not booked:
            starts = datetime.now(UTC) + timedelta(seconds=2, hours=2 * story.place)
            return Move(
                "dispatcher",
                {"action": "book_appointment", "technician": "technician", "starts_at": starts.isoformat()},
            )
        case "installation":
            return Move("technician", {"action": "report_fitted", "report": "已安装,试机正常"})
        case "settling" if claim:
            said = {"claim": claim["id"], "amount": "50.00", "explanation": "承运商赔付"}
            return Move("dispatcher", {"action": "settle_claim", **said})
        case "revisit":
            return Move("agent", {"action": "answer_works", "satisfaction": 5, "remark": "客户满意"})
    return None


class People:
    """Everybody who acts, each with a log-in of their own; the customer has the tracking link."""

    def __init__(self, settings: Settings, stack: AsyncExitStack) -> None:
        self._settings = settings
        self._stack = stack
        self._clients: dict[str, httpx.AsyncClient] = {}

    async def of(self, who: str) -> httpx.AsyncClient:
        if who not in self._clients:
            address = f"http://{self._settings.host}:{self._settings.api_port}"
            client = await self._stack.enter_async_context(httpx.AsyncClient(base_url=address, timeout=15))
            if who != CUSTOMER:
                answer = await client.post("/v1/session", json={"user": who, "password": DEMO_PASSWORD})
                answer.raise_for_status()
                client.headers["X-CSRF-Token"] = answer.json()["csrf"]
            self._clients[who] = client
        return self._clients[who]


class Player:
    """Plays one story to its end, whatever falls over meanwhile."""

    def __init__(self, settings: Settings, people: People, story: Story) -> None:
        self._settings = settings
        self._people = people
        self._story = story
        self._shown = -1
        self._purchases: set[str] = set()

    async def play(self) -> bool:
        """Whether the order ended as it should."""
        number, tracking = await self._persistently(self._apply)
        engine = f"{self._settings.temporal_ui}/namespaces/{self._settings.temporal_namespace}/workflows"
        self._say(f"{number}  {self._story.title}")
        self._say(f"  page    {self._settings.api_url}/orders/{number}")
        self._say(f"  engine  {engine}/{quoted(order_workflow(number), safe='')}")
        while True:
            order = await self._persistently(lambda: self._look(number))
            if order["stage"] in ENDS:
                self._say(f"{number} ended: {order['stage']}")
                return bool(order["stage"] == self._story.ending)
            move = self._story.out_of_the_ordinary(order) or ordinary(self._story, order)
            if move is None:
                await asyncio.sleep(LOOK_EVERY)
            else:
                await self._persistently(lambda move=move, order=order: self._act(order, move, tracking))  # type: ignore[misc]

    async def _apply(self) -> tuple[str, str]:
        client = await self._people.of("agent")
        answer = await client.post(
            "/v1/applications",
            params={"policy": POLICY, "new": True},
            json=self._story.application,
            headers={"Idempotency-Key": f"demonstration-2-{self._story.place}"},
        )
        answer.raise_for_status()
        said = answer.json()
        return said["number"], said["tracking_url"].rpartition("/")[2]

    async def _look(self, number: str) -> View:
        client = await self._people.of("agent")
        order = (await client.get(f"/v1/orders/{number}")).raise_for_status().json()
        self._purchases |= {line["purchase_order"] for line in order["lines"] if line["purchase_order"]}
        order["purchase_orders"] = [
            (await client.get(f"/v1/purchase-orders/{each}")).raise_for_status().json()
            for each in sorted(self._purchases)
        ]
        await self._show_events(client, number)
        return order  # type: ignore[no-any-return]

    async def _show_events(self, client: httpx.AsyncClient, number: str) -> None:
        answer = await client.get(f"/v1/orders/{number}/events", params={"after": self._shown})
        for event in answer.raise_for_status().json():
            who = event["by_name"] or event["role"]
            led = f"→ {event['to_stage']}" if event["from_stage"] != event["to_stage"] else f"({event['to_stage']})"
            self._say(f"{number}  {who:<8} {event['action']} {led}")
            self._shown = event["seq"]

    async def _act(self, order: View, move: Move, tracking: str) -> None:
        client = await self._people.of(move.who)
        document = move.document or order
        if move.who == CUSTOMER:
            path = f"/v1/tracking/{tracking}/decisions"
        else:
            path = f"/v1/{'purchase-orders' if move.document else 'orders'}/{document['number']}/decisions"
        key = f"demonstration-{document['number']}-{document['seq']}-{move.decision['action']}"
        answer = await client.post(path, json=move.decision, headers={"Idempotency-Key": key})
        if move.document and answer.is_success:
            self._say(f"{order['number']}  {move.who:<8} {document['number']}: {move.decision['action']}")
        if answer.status_code == httpx.codes.CONFLICT:
            return  # it moved on meanwhile; the next look shows where
        answer.raise_for_status()

    async def _persistently(self, attempt: Callable[[], Any]) -> Any:
        """Tries again while a part of the system is away; anything else is an error of the demonstration."""
        while True:
            try:
                return await attempt()
            except httpx.TransportError as error:
                self._say(f"no answer ({type(error).__name__}), trying again")
            except httpx.HTTPStatusError as error:
                if error.response.status_code != httpx.codes.SERVICE_UNAVAILABLE:
                    raise RuntimeError(f"{error.request.url}: {error.response.text}") from error
                self._say("a part of the system is away, trying again")
            await asyncio.sleep(AFTER_TROUBLE)

    def _say(self, text: str) -> None:
        console.print(f"{self._story.place} | {text}", markup=False)


async def play(settings: Settings) -> None:
    """Plays the stories side by side and says how many ended as they should."""
    console.print(f"demonstration: policy “{POLICY}”, in which a working day lasts six seconds 演示制度,一个工作日六秒")
    async with AsyncExitStack() as stack:
        people = People(settings, stack)
        for who in STAFF:
            await people.of(who)
        ended = await asyncio.gather(*(Player(settings, people, story).play() for story in STORIES))
    console.print(f"demonstration: {sum(ended)} of {len(ended)} orders ended as they should")
