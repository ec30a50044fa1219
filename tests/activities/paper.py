"""A house without Temporal: each step is committed, and each errand run, at once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, cast
from unittest.mock import patch
from uuid import UUID

from sqlalchemy import text
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.committing import Committing
from activities.shipping import Shipping
from activities.steps import procedure
from database.session import Sessions
from database.tables import Base, EventLog, PurchaseOrder, WarehouseTask
from domain.documents import kind_of
from domain.messages import (
    CorrectiveState,
    Decide,
    Decided,
    DocumentState,
    OrderState,
    PurchaseState,
    RequestState,
    Step,
    TaskState,
)
from domain.policy import Policy
from domain.stages import Action, Role
from domain.waiting import Alarm, Wait
from runtime.settings import Settings
from tests.workflows.documents import Declined, Document, Order, Purchase
from tests.workflows.house import House
from tests.workflows.paper_carrier import PaperCarrier, PaperCarriers

COMMITS: Mapping[type[DocumentState], str] = {
    OrderState: "commit_order",
    PurchaseState: "commit_purchase",
    TaskState: "commit_task",
    CorrectiveState: "commit_corrective",
    RequestState: "commit_request",
}


class Dies(Exception):
    """What a process does between writing and committing."""


@dataclass
class PaperHouse(House):
    """`clock` stands still unless moved. `steps` are those that were put on record, in their order.

    In a `doubtful` house everything is done as the engine may: it dies once, and is called again once.
    """

    doubtful: bool = False
    clock: datetime = field(default_factory=lambda: datetime.now(UTC))
    steps: list[Step] = field(default_factory=list)

    async def now(self) -> datetime:
        return self.clock

    async def later(self, **span: float) -> None:
        self.clock += timedelta(**span)

    async def begin(self, state: DocumentState) -> None:
        return None

    async def put(self, document: Document, decision: Decide) -> Decided:
        try:
            state = await self.step(document, decision.action, decision.by, decision.role, decision.submission)
        except ApplicationError as refused:
            raise Declined(refused.type or repr(refused)) from refused
        return Decided(document=document.number, stage=state.stage, seq=state.seq, wait=state.wait)

    async def ring(self, document: Document, action: Action) -> DocumentState:
        """The next alarm of a kind rings."""
        wait = Wait.model_validate((await document.events())[-1].state["wait"])
        alarm = min((alarm for alarm in wait.alarms if alarm.action is action), key=lambda alarm: alarm.at)
        self.clock = max(self.clock, alarm.at)
        return await self.step(document, action, alarm=alarm)

    async def step(
        self,
        document: Document,
        action: Action,
        by: str = Role.SYSTEM,
        role: Role = Role.SYSTEM,
        submission: UUID | None = None,
        alarm: Alarm | None = None,
        outcome: str | None = None,
    ) -> DocumentState:
        """Takes the document's next step, and runs what it leaves to be done. Raises ApplicationError."""
        step = Step(
            document=document.number,
            seq=len(await document.events()),
            action=action,
            at=self.clock,
            by=by,
            role=role,
            submission=submission,
            alarm=alarm,
            outcome=outcome,
        )
        commit = getattr(Committing(self.sessions), COMMITS[kind_of(document.number).state])
        state: DocumentState = await self.once(commit, step)
        self.steps.append(step)
        await self._errands(document, state)
        return state

    async def once(self, activity: Any, *arguments: Any) -> Any:
        """Runs an activity; in a doubtful house it dies before its commit, does it, and is called again."""
        run = ActivityEnvironment().run
        if not self.doubtful:
            return await run(activity, *arguments)
        before = await self.everything()
        with patch.object(procedure, "record", side_effect=Dies):
            try:
                await run(activity, *arguments)
            except Dies:
                assert await self.everything() == before, "it died before the commit, and left something behind"
        first = await run(activity, *arguments)
        after = await self.everything()
        assert await run(activity, *arguments) == first
        assert await self.everything() == after, "called again, it did something again"
        return first

    async def everything(self) -> dict[str, str]:
        """Each table's rows by number and by the newest transaction that wrote one: any change changes one of them."""
        seen = " union all ".join(
            f"select '{table}' as name, count(*) || ':' || max(xmin::text::bigint) as seen from \"{table}\""
            for table in Base.metadata.tables
        )
        async with self.sessions() as session:
            return dict((await session.execute(text(seen))).all())

    async def _errands(self, document: Document, state: DocumentState) -> None:
        for number in state.to_place:
            await self.change(PurchaseOrder, number, started_at=self.clock)
        if isinstance(state, TaskState):
            for number in state.to_begin:
                await self.change(WarehouseTask, number, started_at=self.clock)
        if isinstance(state, CorrectiveState):
            for number in state.to_tell:
                await self.step(Purchase(self, number), Action.HOLD)
        if isinstance(state, PurchaseState):
            for number in state.to_tell:
                await self.step(Order(self, number), Action.RESTOCK)
        if not isinstance(state, OrderState):
            return
        for number in state.to_tell:
            if number.startswith("RO"):
                await self.step(Order(self, number), Action.RESTOCK)
            else:
                await self.step(Purchase(self, number), Action.WITHDRAW)
        shipping = Shipping(self.sessions, PaperCarriers(self.carrier))
        if state.to_book:
            booked = await self.once(shipping.book_parcel, state.shipment)
            await self.step(document, Action.BOOK if booked else Action.BOOKING_REFUSED)
        if state.to_recall:
            answer = await ActivityEnvironment().run(shipping.recall_parcel, cast("str", state.shipment))
            await self.step(document, Action.RECALL, outcome=answer)

    async def taken(self, action: Action) -> Sequence[EventLog]:
        """The steps of a kind that stand in the log."""
        return await self.all(EventLog, EventLog.action == action)


def paper_house(sessions: Sessions, policy: Policy) -> PaperHouse:
    nobody: Any = None
    return PaperHouse(nobody, nobody, sessions, Settings(), PaperCarrier(), policy)
