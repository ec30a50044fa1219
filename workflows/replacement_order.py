"""The life of a replacement order, as the policy tells it."""

import asyncio
from collections import deque

from temporalio import workflow
from temporalio.workflow import SandboxImportNotificationPolicy

from activities.committing import Committing
from activities.shipping import Shipping
from activities.telling import Telling
from domain.auditing import DECIDING
from domain.messages import Decide, OrderState, Scanned
from domain.parcels import Milestone
from domain.stages import ENDS, ORDER, Action, Refusal, Role, Stage
from domain.waiting import Clock, Wait

with workflow.unsafe.sandbox_import_notification_policy(SandboxImportNotificationPolicy.SILENT):
    from workflows.desk import Desk, patient  # loaded anew for each workflow, like this module

TOLD_BY = {
    Milestone.DELIVERED: Action.DELIVER,
    Milestone.RETURNING: Action.TURN_BACK,
    Milestone.RETURNED: Action.TURN_BACK,
}
"""What a carrier's milestone does to the order."""


@workflow.defn
class ReplacementOrder(Desk[OrderState]):
    """One order, from application to the satisfied answer (policy 1.2)."""

    life = ORDER
    commit = staticmethod(Committing.commit_order)

    @workflow.init
    def __init__(self, order: OrderState) -> None:
        self._goods_arrived = order.stage is Stage.SOURCING  # what came before this workflow lived told nobody
        self._news: deque[Action] = deque()
        self._last_scan: Scanned | None = None
        self._booking: workflow.ActivityHandle[bool] | None = None
        self._recall: asyncio.Task[str] | None = None
        self._to_book, self._to_recall = order.to_book, order.to_recall
        super().__init__(order)

    @workflow.run
    async def run(self, order: OrderState) -> str:
        while self.state.stage not in ENDS:
            await self.tell_purchase_orders()
            match self.state.stage:
                case Stage.RECEIVED | Stage.TRIAGE | Stage.INSPECTION | Stage.QUOTED:
                    await self.judgement()
                case Stage.AUDIT | Stage.ASKED | Stage.RETURNED | Stage.OBJECTION:
                    await self.audit()
                case Stage.SOURCING:
                    await self.sourcing()
                case Stage.DISPATCH:
                    await self.dispatch()
                case Stage.IN_TRANSIT:
                    await self.transport()
                case Stage.INSTALLATION:
                    await self.installation()
                case Stage.REVISIT | Stage.REWORK:
                    await self.revisit()
                case Stage.SETTLING:
                    await self.settling()
            self._start_afresh_if_long()
        await self.tell_purchase_orders()
        await workflow.wait_condition(workflow.all_handlers_finished)
        return self.state.stage

    async def judgement(self) -> None:
        """Taken, judged, quoted, agreed to (policy 2.1, 2.2)."""
        await self.attend()

    async def audit(self) -> None:
        """Signed, returned with reasons, rejected and perhaps objected to, or resting while the customer is asked
        (policy 2.3)."""
        await self.attend()

    async def sourcing(self) -> None:
        """From stock straight away, else by purchase order at once (policy 3.2)."""
        await self.attend(lambda: self._goods_arrived)
        if self._goods_arrived:
            self._goods_arrived = False
            await self.report(Action.RESTOCK)

    async def dispatch(self) -> None:
        """Picked, packed, labelled, handed over with a waybill (policy 5.2.1 to 5.2.3)."""
        if self._to_book:
            self._to_book = False
            self._booking = self._book_parcel()
        await self.attend(lambda: self._booking.done() if self._booking else self._news)
        if self._booking and self._booking.done():
            await self.report(Action.BOOK if await self._booked() else Action.BOOKING_REFUSED)
        if not self._booking:
            await self._read_news()

    async def transport(self) -> None:
        """The carrier's milestones, and the clocks that ring when there are none (policy 5.2.4)."""
        await self.attend(lambda: self._news)
        await self._read_news()

    async def installation(self) -> None:
        """An appointment with a qualified technician, and the report (policy 6.1)."""
        await self.attend(lambda: self._news)
        await self._read_news()

    async def revisit(self) -> None:
        """Asked whether it works; another visit or another part until it does (policy 6.2)."""
        await self.attend()

    async def settling(self) -> None:
        """What was taken is given back before the order ends."""
        if self._to_recall:
            self._to_recall = False
            if self._to_book:  # a workflow before this one may have booked it: the booking is found first
                self._to_book = False
                self._booking = self._book_parcel()
            self._recall = asyncio.create_task(self._recall_parcel())
        await self.attend(lambda: self._news or (self._recall and self._recall.done()))
        if self._recall and self._recall.done():
            recall, self._recall = self._recall, None
            await self.report(Action.RECALL, outcome=await recall)
        await self._read_news()

    @workflow.signal
    def goods_arrived(self) -> None:
        """Parts came in; the next step looks which."""
        self._goods_arrived = True

    @workflow.signal
    def scanned(self, scan: Scanned) -> None:
        """News of the parcel under way; what is told of an earlier one changes nothing here."""
        if scan.shipment == self.state.shipment:
            self._news += self._actions(scan)
            self._last_scan = scan

    @property
    def wait(self) -> Wait | None:
        """A parcel that moves is not missed: its scans put those alarms off."""
        wait, scan = self.state.wait, self._last_scan
        if wait is None or scan is None or scan.shipment != self.state.shipment or wait.clock is not Clock.DELIVERY:
            return wait
        moving = wait.without(Action.NO_PICKUP_SCAN)
        standing = next((alarm for alarm in wait.alarms if alarm.action is Action.NO_MOVEMENT), None)
        return moving.moved(Action.NO_MOVEMENT, scan.still_by) if standing and standing.at < scan.still_by else moving

    @property
    def errands(self) -> bool:
        return super().errands or self._to_book or self._to_recall

    def allow(self, decision: Decide) -> None:
        super().allow(decision)
        audits = decision.action in DECIDING and decision.role in (Role.AUDITOR, Role.SUPERVISOR)
        if audits and decision.by == self.state.entered_by:
            raise Refusal("own_case", "who entered the case can't audit it")

    def note(self, state: OrderState) -> None:
        self._to_book = self._to_book or state.to_book
        self._to_recall = self._to_recall or state.to_recall

    def _actions(self, scan: Scanned) -> list[Action]:
        """What a scan means at this stage: any scan shows that the carrier has the goods."""
        told = TOLD_BY.get(scan.milestone) or (Action.TROUBLE if self._is_new_trouble(scan) else None)
        actions = [Action.PICK_UP] if scan.milestone not in (Milestone.CREATED, Milestone.CANCELLED) else []
        stage = ORDER.rules[Action.PICK_UP].moves.get(self.state.stage, self.state.stage)
        return [a for a in actions if self.state.stage in ORDER.rules[a].moves] + (
            [told] if told and stage in ORDER.rules[told].moves else []
        )

    def _is_new_trouble(self, scan: Scanned) -> bool:
        """A trouble that lasts is told with every sign of life, and reported once."""
        before = self._last_scan
        known = before.trouble if before and before.shipment == scan.shipment else None
        return scan.trouble is not None and scan.trouble is not known

    async def _read_news(self) -> None:
        while self._news:
            await self.report(self._news.popleft())

    async def tell_purchase_orders(self) -> None:
        """New purchase orders are placed; those this order no longer waits for are told."""
        await self.place_purchase_orders()
        while self._to_tell:
            numbers, self._to_tell = self._to_tell, []
            await workflow.execute_activity_method(Telling.tell_purchase_orders, numbers, **patient(" ".join(numbers)))

    def _book_parcel(self) -> workflow.ActivityHandle[bool]:
        assert self.state.shipment is not None
        return workflow.start_activity_method(Shipping.book_parcel, self.state.shipment, **patient(self.state.shipment))

    async def _booked(self) -> bool:
        assert self._booking is not None
        booking, self._booking = self._booking, None
        return await booking

    async def _recall_parcel(self) -> str:
        """Called back once it is certain whether it was booked at all."""
        assert self.state.shipment is not None
        if self._booking:
            await self._booked()
        return await workflow.execute_activity_method(
            Shipping.recall_parcel, self.state.shipment, **patient(self.state.shipment)
        )

    def _start_afresh_if_long(self) -> None:
        """An order with very many rounds goes on with a short history."""
        idle = not (self._booking or self._recall or self._news or self._goods_arrived or self.errands)
        if workflow.info().is_continue_as_new_suggested() and idle and workflow.all_handlers_finished():
            workflow.continue_as_new(self.state)
