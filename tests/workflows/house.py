"""A whole service centre in a test: real database, real workflows, people who decide, a carrier made of paper."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, TypeVar
from uuid import uuid4

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest
from temporalio.client import Client, WorkflowExecutionStatus, WorkflowUpdateFailedError
from temporalio.common import TypedSearchAttributes
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode
from temporalio.testing import ActivityEnvironment, WorkflowEnvironment
from temporalio.worker import Worker

import activities
from activities.sweeping import Sweeping
from database import lots, stock
from database.applications import Application, apply, mark_started
from database.documents import table_of
from database.session import Sessions
from database.tables import (
    Base,
    EventLog,
    MovementReason,
    Part,
    PurchaseOrder,
    Stock,
    Submission,
    Supplier,
    Tracking,
    WorkingDayOverride,
    Zone,
)
from domain.decisions import DECISIONS
from domain.documents import KINDS
from domain.messages import Decide, Decided, DocumentState
from domain.policy import Policy
from domain.stages import PURCHASE_OPEN, Action, Role
from runtime.search_attributes import SEARCH_ATTRIBUTES
from runtime.settings import Settings
from runtime.temporal import document_workflow, start_document
from tests.workflows.documents import Declined, Document, Order, Purchase
from tests.workflows.paper_carrier import PaperCarrier, PaperCarriers
from tests.workflows.week import OFFICE, Week
from worker import build

Row = TypeVar("Row", bound=Base)


@dataclass
class House:
    """`worker` is who does the work; `closed` sends it home for a while."""

    env: WorkflowEnvironment
    client: Client
    sessions: Sessions
    settings: Settings
    carrier: PaperCarrier
    policy: Policy
    model: str = "HG-CXW268"
    part: str = "CXW-MOTOR-200"
    other_part: str = "CXW-CAPACITOR"
    technician: str = "technician"
    outlet: str = "HZ-XIHU"
    worker: Worker = field(init=False, repr=False)

    async def open(self) -> None:
        self.worker = build(self.settings, self.client, self.sessions, PaperCarriers(self.carrier))
        await self.worker.__aenter__()

    async def close(self) -> None:
        await self.worker.__aexit__(None, None, None)

    @asynccontextmanager
    async def closed(self) -> AsyncIterator[None]:
        """Nobody works meanwhile; whoever comes back remembers nothing and reads it all up."""
        await self.close()
        yield
        await self.open()

    @asynccontextmanager
    async def errands(self) -> AsyncIterator[None]:
        """What was set off in the world goes on, though nobody reads the answers."""
        carriers = PaperCarriers(self.carrier)
        running = activities.build(self.settings, self.sessions, self.client, carriers)
        async with Worker(self.client, task_queue=self.settings.task_queue, activities=running):
            yield

    # time

    async def now(self) -> datetime:
        return await self.env.get_current_time()

    async def sleep_until(self, instant: datetime) -> None:
        await self.env.sleep(instant - await self.now())

    async def later(self, **span: float) -> None:
        await self.env.sleep(timedelta(**span))

    async def week(self, *, off: Sequence[str] = (), worked: Sequence[str] = ()) -> Week:
        """Skips to ten past ten of a Monday. The weeks have five working days, but for those named.

        No clock of the policy ends at that minute: the server that skips time is lost when a timer fires while a
        decision that stops it is being taken.
        """
        today = (await self.now()).astimezone(OFFICE).date()
        week = Week(today + timedelta(days=7 - today.weekday()))
        days = [week.monday + timedelta(days=n) for n in range(-7, 70)]
        exceptions = {week(f"{day} 12:00").astimezone(OFFICE).date(): False for day in off}
        exceptions |= {week(f"{day} 12:00").astimezone(OFFICE).date(): True for day in worked}
        rows = [{"day": day, "worked": exceptions.get(day, day.weekday() < 5), "note": "test"} for day in days]
        async with self.sessions.begin() as session:
            await session.execute(insert(WorkingDayOverride).values(rows))
        await self.sleep_until(week("Mon 10:10"))
        return week

    async def until(self, condition: Callable[[], Awaitable[bool]]) -> None:
        """Waits, in real time, for something that is under way."""
        async with asyncio.timeout(60):
            while True:
                if await condition():
                    return
                await asyncio.sleep(0.02)

    # documents

    async def order(self, *, by: str = "agent", key: str = "", **said: Any) -> Order:
        """An application at the hotline, unless said otherwise."""
        application = Application.model_validate(
            {
                "customer": {"name": "测试客户", "phone": "000-0000 0001", "city": "杭州市", "address": "测试路 1 号"},
                "model": self.model,
                "fault": "does not start",
                **said,
            }
        )
        now = await self.now()
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
        await self.begin(applied.state)
        async with self.sessions.begin() as session:
            await mark_started(session, applied.state.number, now)
        return Order(self, applied.state.number)

    async def begin(self, state: DocumentState) -> None:
        """Brings a document to life."""
        await start_document(self.client, self.settings.task_queue, state)

    async def say(self, document: Document, action: Action, role: Role, by: str, content: Any) -> Decide:
        """Writes down what somebody says; the message is for the document's workflow."""
        said = DECISIONS[action].model_validate({"action": action, **content})
        submission = uuid4()
        async with self.sessions.begin() as session:
            session.add(
                Submission(
                    id=submission,
                    document=document.number,
                    idempotency_key=str(submission),
                    digest=b"",
                    action=action,
                    content=said.model_dump(mode="json"),
                    by=by,
                    role=role,
                    at=await self.now(),
                )
            )
            seen = await session.scalar(select(func.max(EventLog.seq)).where(EventLog.document == document.number))
        return Decide(action=action, by=by, role=role, submission=submission, seen=seen or 0)

    async def decide(self, document: Document, action: Action, role: Role, by: str, content: Any) -> Decided:
        return await self.put(document, await self.say(document, action, role, by, content))

    async def put(self, document: Document, decision: Decide) -> Decided:
        """Sends a decision to its workflow; the same one twice is one. If its task was not done in time, as on a busy
        machine, it is sent again, as by whoever gets a 503; what is on record by then is the answer."""
        try:
            decided: Decided = await document.handle.execute_update(
                "decide",
                decision,
                id=str(decision.submission),
                result_type=Decided,
                rpc_timeout=timedelta(seconds=20),
            )
            return decided
        except WorkflowUpdateFailedError as failure:
            code = failure.cause.type if isinstance(failure.cause, ApplicationError) else None
            raise Declined(code or repr(failure.cause)) from failure
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND and (answer := await self._on_record(document, decision)):
                return answer
            if error.status is not RPCStatusCode.FAILED_PRECONDITION:
                raise
            await asyncio.sleep(0.5)
            return await self.put(document, decision)

    async def _on_record(self, document: Document, decision: Decide) -> Decided | None:
        for row in await self.all(EventLog, EventLog.submission == decision.submission):
            return Decided(document=document.number, stage=row.to_stage, seq=row.seq, wait=row.state["wait"])
        return None

    async def purchases(self) -> list[Purchase]:
        rows = await self.all(PurchaseOrder)
        return [Purchase(self, row.number) for row in rows]

    async def open_purchases(self) -> list[Purchase]:
        rows = await self.all(PurchaseOrder, PurchaseOrder.stage.in_(PURCHASE_OPEN))
        found = [Purchase(self, row.number) for row in rows]
        for purchase in found:
            await purchase.alive()
        return found

    # stock

    async def stock_up(self, part: str, quantity: int, place: str = "HZ1/qualified") -> None:
        """Leaves exactly so many free pieces of a part in the house, all in one place, by the book."""
        async with self.sessions.begin() as session:
            moves = [
                (row.place, "outside/opening", row.on_hand - row.reserved)
                for row in await session.scalars(select(Stock).where(Stock.part == part, Stock.zone != "outside"))
            ] + [("outside/opening", place, quantity)]
            for source, target, pieces in moves:
                if pieces:
                    await self.move(session, part, pieces, source, target)

    async def move(self, session: AsyncSession, part: str, pieces: int, source: str, target: str) -> None:
        new = source == stock.OPENING and (await session.get_one(Part, part)).tracking is Tracking.SERIAL
        await stock.move(
            session,
            part,
            pieces,
            source=source,
            target=target,
            reason=MovementReason.TRANSFER,
            at=await self.now(),
            by="keeper",
            document="TEST",
            effect=str(uuid4()),
            pieces=lots.numbered([uuid4().hex for _ in range(pieces)]) if new else (),
        )

    async def available(self, part: str = "") -> int:
        """Free pieces that may be sent to customers."""
        zones = (Zone.QUALIFIED, Zone.VALUABLES, Zone.HAZARDOUS)
        rows = await self.all(Stock, Stock.part == (part or self.part), Stock.zone.in_(zones))
        return sum(row.on_hand - row.reserved for row in rows)

    async def books(self) -> dict[tuple[str, str], tuple[int, int]]:
        """Every balance there is: on hand and reserved of each part in each place."""
        rows = await self.all(Stock)
        return {(row.place, row.part): (row.on_hand, row.reserved) for row in rows if row.on_hand or row.reserved}

    async def all(self, table: type[Row], *where: Any) -> Sequence[Row]:
        """Rows in the order of their keys."""
        async with self.sessions() as session:
            rows = select(table).where(*where).order_by(*table.__table__.primary_key)
            return (await session.scalars(rows)).all()

    async def suspend(self, *suppliers: str) -> None:
        for supplier in suppliers:
            await self.change(Supplier, supplier, standing="suspended")

    async def sweep(self) -> dict[str, int]:
        """What the scheduled sweep would do once all rests: what moves, or is listed late, is left to the next."""
        await self.until(self._rests)
        sweeping, env = Sweeping(self.sessions, self.client, self.settings.task_queue), ActivityEnvironment()
        return {"started": await env.run(sweeping.start_forgotten), "restarted": await env.run(sweeping.compare)}

    async def _rests(self) -> bool:
        """Whether no document is at work and the lists show each as it is."""
        query = f"ExecutionStatus = 'Running' AND TaskQueue = '{self.settings.task_queue}'"
        listed = {found.id: found.typed_search_attributes async for found in self.client.list_workflows(query)}
        numbers = [row.number for kind in KINDS for row in await self.all(table_of(kind))]
        running = dict[str, TypedSearchAttributes]()
        for workflow in {*listed, *map(document_workflow, numbers)}:
            try:
                found = await self.client.get_workflow_handle(workflow).describe()
            except RPCError as error:
                if error.status is not RPCStatusCode.NOT_FOUND:
                    raise
                continue
            if found.status is not WorkflowExecutionStatus.RUNNING:
                continue
            if found.raw_description.HasField("pending_workflow_task"):
                return False
            running[workflow] = found.typed_search_attributes
        return running == listed

    async def knows(self, table: type[Row], *where: Any) -> bool:
        return bool(await self.all(table, *where))

    async def change(self, table: type[Row], key: Any, **values: Any) -> None:
        """Reference data as somebody keeps it."""
        async with self.sessions.begin() as session:
            row = await session.get_one(table, key)
            for name, value in values.items():
                setattr(row, name, value)


async def register_search_attributes(client: Client) -> None:
    await client.operator_service.add_search_attributes(
        AddSearchAttributesRequest(
            namespace=client.namespace,
            search_attributes={
                key.name: IndexedValueType.ValueType(int(key.indexed_value_type)) for key in SEARCH_ATTRIBUTES
            },
        )
    )


@asynccontextmanager
async def open_house(
    env: WorkflowEnvironment, sessions: Sessions, settings: Settings, policy: Policy
) -> AsyncIterator[House]:
    config = env.client.config()
    config["data_converter"] = pydantic_data_converter
    house = House(env, Client(**config), sessions, settings, PaperCarrier(), policy)
    await house.open()
    yield house
    await house.close()
