"""A whole service centre in a test: real database, real workflows, people who decide, a carrier made of paper."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from sqlalchemy import select, text
from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest
from temporalio.client import Client, WorkflowHandle, WorkflowUpdateFailedError
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.exceptions import ApplicationError
from temporalio.testing import WorkflowEnvironment

from activities.carriers import Carriers
from carriers.protocol import Booking, Carrier, Consignment, Label, NoData, Recall, Refused, Waybill
from database.applications import Application, apply, mark_started
from database.session import Sessions
from database.tables import (
    EventLog,
    Outbox,
    PurchaseOrder,
    ReplacementOrder,
    Shipment,
    ShipmentState,
    Stock,
    Submission,
)
from domain.decisions import DECISIONS
from domain.messages import Decide, Decided, Scanned
from domain.parcels import Milestone, Trouble
from domain.policy import Policy
from domain.stages import Action, Role, Stage
from runtime.search_attributes import SEARCH_ATTRIBUTES
from runtime.settings import Settings
from runtime.temporal import order_workflow, purchase_workflow, start_document
from worker import build

TASK_QUEUE = "test"
STAFF = {
    Role.SERVICE_AGENT: "agent",
    Role.AUDITOR: "auditor",
    Role.BUYER: "buyer",
    Role.WAREHOUSE_KEEPER: "keeper",
    Role.DISPATCHER: "dispatcher",
    Role.TECHNICIAN: "technician",
    Role.SUPERVISOR: "supervisor",
    Role.CUSTOMER: "customer",
    Role.SUPPLIER: "supplier",
}


@dataclass
class PaperCarrier:
    """Books everything at once, or refuses everything; what it was asked stands in `asked`."""

    refuses: bool = False
    recall: Recall = Recall.ACCEPTED
    asked: list[str] = field(default_factory=list)

    async def book(self, consignment: Consignment) -> Booking:
        self.asked.append(f"book {consignment.shipment}")
        if self.refuses:
            raise Refused("out of area", "207")
        number = "SF" + consignment.shipment.removeprefix("RO-").replace("-", "")
        return Booking(Waybill(number, consignment.company, "0001"), "label")

    async def label(self, booking: Booking) -> Label:
        return Label(b"label", "image/png")

    async def arrival(self, consignment: Consignment, handed_over_at: datetime) -> datetime:
        raise NoData("no time for it")

    async def cancel(self, waybill: Waybill, reason: str) -> Recall:
        self.asked.append(f"cancel {waybill.number}")
        return self.recall

    async def intercept(self, waybill: Waybill, reason: str) -> Recall:
        self.asked.append(f"intercept {waybill.number}")
        return self.recall

    async def aclose(self) -> None:
        return None


class PaperCarriers(Carriers):
    def __init__(self, carrier: PaperCarrier) -> None:
        super().__init__()
        self.carrier = carrier

    async def get(self, session: Any, code: str) -> Carrier:
        return self.carrier  # type: ignore[return-value]


@dataclass
class Order:
    """An order under test, and what can be done to it."""

    house: "House"
    number: str

    @property
    def handle(self) -> WorkflowHandle[Any, Any]:
        return self.house.client.get_workflow_handle(order_workflow(self.number))

    async def decide(self, action: Action, role: Role, by: str | None = None, **content: Any) -> Decided:
        """A person decides. Raises Declined with the stable code if the decision is not taken."""
        return await self.house.decide(self.handle, self.number, action, role, by or STAFF[role], content)

    async def scan(self, milestone: Milestone, trouble: Trouble | None = None) -> None:
        """The watcher's news of the parcel under way."""
        at = await self.house.env.get_current_time()
        shipment = (await self.row()).state["shipment"]
        await self.handle.signal(
            "scanned",
            Scanned(shipment=shipment, milestone=milestone, trouble=trouble, at=at, still_by=at + timedelta(days=2)),
        )

    async def row(self) -> ReplacementOrder:
        async with self.house.sessions() as session:
            return await session.get_one(ReplacementOrder, self.number)

    async def stage(self) -> Stage:
        return (await self.row()).stage

    async def until(self, stage: Stage) -> None:
        """Waits, in real time, until what was set off has led there."""
        await self.house.until(lambda: self._is(stage))

    async def _is(self, stage: Stage) -> bool:
        return await self.stage() is stage

    async def events(self) -> Sequence[EventLog]:
        async with self.house.sessions() as session:
            rows = select(EventLog).where(EventLog.document == self.number).order_by(EventLog.seq)
            return (await session.scalars(rows)).all()

    async def actions(self) -> list[str]:
        return [event.action for event in await self.events()]

    async def told(self, audience: Role) -> list[str]:
        async with self.house.sessions() as session:
            rows = select(Outbox.template).where(Outbox.document == self.number, Outbox.audience == audience)
            return list(await session.scalars(rows.order_by(Outbox.id)))

    async def shipments(self) -> Sequence[Shipment]:
        async with self.house.sessions() as session:
            return (
                await session.scalars(select(Shipment).where(Shipment.order == self.number).order_by(Shipment.id))
            ).all()

    async def history_length(self) -> int:
        return len((await self.handle.fetch_history()).events)

    # the ordinary way through, stage by stage

    async def to_audit(self, *lines: tuple[str, int]) -> "Order":
        wanted = [{"part": part, "quantity": quantity} for part, quantity in lines or ((self.house.part, 1),)]
        await self.decide(Action.QUOTE, Role.SERVICE_AGENT, lines=wanted)
        await self.decide(Action.CONSENT, Role.SERVICE_AGENT)
        return self

    async def approve(self) -> Decided:
        checks: dict[str, Any] = dict.fromkeys(("customer_data", "fault_and_part", "warranty", "company_policy"), True)
        return await self.decide(Action.APPROVE, Role.AUDITOR, **checks)

    async def to_transit(self) -> "Order":
        await self.to_audit()
        await self.approve()
        return await self.ship()

    async def ship(self) -> "Order":
        await self.decide(Action.PACK, Role.WAREHOUSE_KEEPER)
        await self.house.until(self._is_booked)
        await self.decide(Action.HAND_OVER, Role.WAREHOUSE_KEEPER)
        return self

    async def _is_booked(self) -> bool:
        shipments = await self.shipments()
        return shipments[-1].state is ShipmentState.BOOKED

    async def to_installation(self) -> "Order":
        await self.to_transit()
        await self.decide(Action.DELIVER, Role.DISPATCHER)
        return self

    async def install(self) -> "Order":
        starts = await self.house.env.get_current_time() + timedelta(hours=1)
        await self.decide(
            Action.BOOK_APPOINTMENT, Role.DISPATCHER, technician=self.house.technician, starts_at=starts.isoformat()
        )
        await self.decide(Action.REPORT_FITTED, Role.TECHNICIAN, by=self.house.technician)
        return self

    async def to_revisit(self) -> "Order":
        await self.to_installation()
        return await self.install()


class Declined(Exception):
    """A decision that was not taken; `code` says why."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass
class House:
    env: WorkflowEnvironment
    client: Client
    sessions: Sessions
    carrier: PaperCarrier
    policy: Policy
    model: str = "HG-CXW268"
    part: str = "CXW-MOTOR-200"
    technician: str = "technician"

    async def order(self, *, by: str = "agent", urgent: bool = False, key: str = "", **said: Any) -> Order:
        """An application at the hotline."""
        application = Application.model_validate(
            {
                "customer": {"name": "测试客户", "phone": "000-0000 0001", "city": "杭州市", "address": "测试路 1 号"},
                "model": self.model,
                "fault": "does not start",
                "urgent": urgent,
                **said,
            }
        )
        now = await self.env.get_current_time()
        async with self.sessions.begin() as session:
            applied = await apply(
                session,
                application,
                by=by,
                role=Role.SERVICE_AGENT,
                key=key or str(uuid4()),
                now=now,
                policy=self.policy.name,
            )
        await start_document(self.client, TASK_QUEUE, applied.state)
        async with self.sessions.begin() as session:
            await mark_started(session, applied.state.number, now)
        return Order(self, applied.state.number)

    async def decide(
        self, handle: WorkflowHandle[Any, Any], document: str, action: Action, role: Role, by: str, content: Any
    ) -> Decided:
        said = DECISIONS[action].model_validate({"action": action, **content})
        submission = uuid4()
        async with self.sessions.begin() as session:
            session.add(
                Submission(
                    id=submission,
                    document=document,
                    idempotency_key=str(submission),
                    digest=b"",
                    action=action,
                    content=said.model_dump(mode="json"),
                    by=by,
                    role=role,
                )
            )
        try:
            decided: Decided = await handle.execute_update(
                "decide",
                Decide(action=action, by=by, role=role, submission=submission),
                id=str(submission),
                result_type=Decided,
                rpc_timeout=timedelta(seconds=10),
            )
            return decided
        except WorkflowUpdateFailedError as failure:
            code = failure.cause.type if isinstance(failure.cause, ApplicationError) else None
            raise Declined(code or repr(failure.cause)) from failure

    async def purchase(self, number: str, action: Action, role: Role, **content: Any) -> Decided:
        handle = self.client.get_workflow_handle(purchase_workflow(number))
        return await self.decide(handle, number, action, role, STAFF[role], content)

    async def purchases(self) -> Sequence[PurchaseOrder]:
        async with self.sessions() as session:
            return (await session.scalars(select(PurchaseOrder).order_by(PurchaseOrder.number))).all()

    async def empty_stock(self, part: str) -> None:
        """Takes a part out of every warehouse, by the book."""
        async with self.sessions.begin() as session:
            await session.execute(
                text("update stock set on_hand = 0 where part = :part and zone <> 'outside'"), {"part": part}
            )

    async def available(self, part: str) -> int:
        async with self.sessions() as session:
            rows = await session.scalars(select(Stock).where(Stock.part == part, Stock.zone != "outside"))
            return sum(row.on_hand - row.reserved for row in rows)

    async def until(self, condition: Any) -> None:
        """Waits, in real time, for something that is under way."""
        for _ in range(200):
            if await condition():
                return
            await asyncio.sleep(0.02)
        raise AssertionError("it never came")


@asynccontextmanager
async def open_house(
    env: WorkflowEnvironment, sessions: Sessions, settings: Settings, policy: Policy
) -> AsyncIterator[House]:
    config = env.client.config()
    config["data_converter"] = pydantic_data_converter
    client = Client(**config)
    await client.operator_service.add_search_attributes(
        AddSearchAttributesRequest(
            namespace=client.namespace,
            search_attributes={
                key.name: IndexedValueType.ValueType(int(key.indexed_value_type)) for key in SEARCH_ATTRIBUTES
            },
        )
    )
    carrier = PaperCarrier()
    async with build(settings, client, sessions, PaperCarriers(carrier)):
        yield House(env, client, sessions, carrier, policy)
