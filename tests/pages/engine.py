"""Stands where Temporal stands for the pages: takes each decision by committing its step at once."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from temporalio.client import WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError

from activities.committing import Committing
from database.reading.documents import head
from database.session import Sessions
from database.tables import Parcel, ReplacementOrder, Shipment
from domain.documents import kind_of
from domain.messages import Decide, Decided, DocumentState, PurchaseState, Step
from domain.parcels import Milestone
from domain.stages import Action, Refusal, Role

CARRIER_TAKES = timedelta(days=2)


@dataclass
class Engine:
    """The part of Temporal's client that the API uses. `unreachable` makes it answer like a dead server."""

    sessions: Sessions
    unreachable: bool = False

    async def start_workflow(self, *arguments: Any, **options: Any) -> None:
        return None

    def get_workflow_handle(self, workflow: str) -> "_Handle":
        return _Handle(self, workflow.partition("/")[2])

    async def step(
        self, document: str, action: Action, by: str = "system", role: Role = Role.SYSTEM, submission: Any = None
    ) -> DocumentState:
        """Commits the document's next step, as its workflow would. Raises ApplicationError."""
        life = kind_of(document).life
        async with self.sessions() as session:
            at = await head(session, life, document)
        assert at is not None
        try:
            life.next_stage(at.state.stage, action, role)
        except Refusal as refusal:
            raise ApplicationError(str(refusal), type=refusal.code, non_retryable=True) from refusal
        step = Step(
            document=document,
            seq=at.state.seq + 1,
            action=action,
            at=datetime.now(UTC),
            by=by,
            role=role,
            submission=submission,
        )
        committing = Committing(self.sessions)
        commits: dict[str, Callable[[Step], Awaitable[DocumentState]]] = {
            "RO": committing.commit_order,
            "PO": committing.commit_purchase,
            "WT": committing.commit_task,
            "RFQ": committing.commit_request,
            "CA": committing.commit_corrective,
        }
        return await commits[kind_of(document).prefix](step)

    async def book(self, document: str, waybill: str) -> None:
        """The carrier's answer to a booking: a waybill, and a parcel to watch."""
        now = datetime.now(UTC)
        async with self.sessions.begin() as session:
            order = await session.get_one(ReplacementOrder, document)
            shipment = await session.get_one(Shipment, order.state["shipment"])
            session.add(
                Parcel(
                    shipment=shipment.id,
                    order=document,
                    account=shipment.account,
                    waybill=waybill,
                    company="shunfeng",
                    booked_at=now,
                    expected_at=now + CARRIER_TAKES,
                    milestone=Milestone.CREATED,
                )
            )
        await self.step(document, Action.BOOK)


@dataclass
class _Handle:
    engine: Engine
    document: str

    async def execute_update(self, name: str, message: Decide, **options: Any) -> Decided:
        if self.engine.unreachable:
            raise TimeoutError
        try:
            state = await self.engine.step(self.document, message.action, message.by, message.role, message.submission)
        except ApplicationError as error:
            raise WorkflowUpdateFailedError(error) from error
        for order in state.to_tell if isinstance(state, PurchaseState) else ():
            await self.engine.step(order, Action.RESTOCK)
        return Decided(document=self.document, stage=str(state.stage), seq=state.seq, wait=state.wait)
