"""Orders and purchase orders in a test, and what people decide about them."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from sqlalchemy import select
from temporalio.client import WorkflowHandle

from database.tables import (
    Appointment,
    AppointmentState,
    BackOrder,
    BackOrderState,
    Characteristic,
    Claim,
    ClaimState,
    EventLog,
    OrderLine,
    Outbox,
    PurchaseLine,
    PurchaseOrder,
    ReceivedLot,
    ReplacementOrder,
    Reservation,
    ReservationState,
    Shipment,
    ShipmentState,
    SupplierClaim,
    SupplierInvoice,
    SupplierReturn,
)
from domain.messages import Decided, Scanned
from domain.parcels import Milestone, Trouble
from domain.stages import Action, PurchaseStage, Role, Stage
from domain.waiting import Wait
from runtime.temporal import document_workflow
from tests.workflows.week import Week

if TYPE_CHECKING:
    from tests.workflows.house import House

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
ALARMS = frozenset(
    {
        Action.REMIND,
        Action.ESCALATE,
        Action.NO_PICKUP_SCAN,
        Action.NO_MOVEMENT,
        Action.LATE,
        Action.LAPSE,
        Action.GIVE_UP,
        Action.RESUME,
        Action.MAKE_FINAL,
        Action.PASS_ON,
        Action.DECLARE_LOST,
        Action.OPEN_BIDS,
    }
)
CHECKS: dict[str, Any] = dict.fromkeys(("customer_data", "fault_and_part", "warranty", "company_policy"), True)


class Declined(Exception):
    """A decision that was not taken; `code` says why."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass
class Document:
    """An order or a purchase order under test."""

    house: "House"
    number: str

    @property
    def handle(self) -> WorkflowHandle[Any, Any]:
        return self.house.client.get_workflow_handle(document_workflow(self.number))

    async def decide(self, action: Action, role: Role, by: str | None = None, **content: Any) -> Decided:
        """A person decides. Raises Declined with the stable code if the decision is not taken."""
        return await self.house.decide(self, action, role, by or STAFF[role], content)

    async def events(self) -> Sequence[EventLog]:
        async with self.house.sessions() as session:
            rows = select(EventLog).where(EventLog.document == self.number).order_by(EventLog.seq)
            return (await session.scalars(rows)).all()

    async def actions(self) -> list[str]:
        return [event.action for event in await self.events()]

    async def last(self, action: Action) -> EventLog:
        """The newest step of a kind."""
        return [event for event in await self.events() if event.action == action][-1]

    async def rang(self, week: Week) -> list[str]:
        """Which alarms rang, and when."""
        return [f"{each.action} {week.name(each.at)}" for each in await self.events() if each.action in ALARMS]

    async def told(self, audience: Role) -> list[str]:
        """The messages for somebody, the oldest first."""
        async with self.house.sessions() as session:
            rows = select(Outbox.template).where(Outbox.document == self.number, Outbox.audience == audience)
            return list(await session.scalars(rows.order_by(Outbox.id)))

    async def logged(self, action: Action, times: int = 1) -> EventLog:
        """Waits, in real time, for a step that something else sets off."""

        async def there() -> bool:
            return (await self.actions()).count(action) >= times

        await self.house.until(there)
        return await self.last(action)

    async def history_length(self) -> int:
        return len((await self.handle.fetch_history()).events)

    async def rings(self, action: Action) -> datetime:
        """When an alarm of its present wait rings."""
        wait = Wait.model_validate((await self.events())[-1].state["wait"])
        [alarm] = [alarm for alarm in wait.alarms if alarm.action is action]
        return alarm.at

    async def move_due(self, due: datetime) -> Decided:
        return await self.decide(Action.MOVE_DUE, Role.SUPERVISOR, due=due.isoformat(), explanation="agreed")


class Purchase(Document):
    """A purchase order under test."""

    async def row(self) -> PurchaseOrder:
        async with self.house.sessions() as session:
            return await session.get_one(PurchaseOrder, self.number)

    async def stage(self) -> PurchaseStage:
        return (await self.row()).stage

    async def alive(self) -> None:
        async def started() -> bool:
            return (await self.row()).started_at is not None

        await self.house.until(started)

    async def until(self, stage: PurchaseStage) -> None:
        async def there() -> bool:
            return await self.stage() is stage

        await self.house.until(there)

    async def lines(self) -> Sequence[PurchaseLine]:
        return await self.house.all(PurchaseLine, PurchaseLine.purchase_order == self.number)

    async def confirm(self, promised: datetime | None = None, role: Role = Role.BUYER, **said: Any) -> Decided:
        promised = promised or await self.house.now() + timedelta(days=2)
        return await self.decide(
            Action.CONFIRM, role, promised_at=promised.isoformat(), signed_by="the supplier", **said
        )

    async def propose(self, promised: datetime, role: Role = Role.SUPPLIER) -> Decided:
        return await self.decide(
            Action.PROPOSE_DATE,
            role,
            promised_at=promised.isoformat(),
            signed_by="the supplier",
            explanation="no steel before",
        )

    async def later(self, promised: datetime, said_by: str = "冯立") -> Decided:
        """The buyer writes down that the supplier will be late."""
        return await self.decide(
            Action.PROMISE_LATER, Role.BUYER, promised_at=promised.isoformat(), explanation="strike", said_by=said_by
        )

    async def count(self, pieces: int, part: str = "", note: str = "", **said: Any) -> Decided:
        """Goods come and are counted; they wait for their inspection."""
        line = {"part": part or self.house.part, "counted": pieces, **said}
        return await self.decide(
            Action.RECEIVE_GOODS, Role.WAREHOUSE_KEEPER, delivery_note=note or uuid4().hex, lines=[line]
        )

    async def lots(self) -> Sequence[ReceivedLot]:
        return await self.house.all(ReceivedLot, ReceivedLot.purchase_order == self.number)

    async def found_sound(self, faulty: int = 0, checked: int | None = None) -> dict[str, Any]:
        """What is said of the newest lot when it was looked at, piece by piece if nothing is said; its readings are as
        they should be."""
        lot = (await self.lots())[-1]
        checked = lot.quantity if checked is None else checked
        wanted = await self.house.all(Characteristic, Characteristic.part == lot.part)
        readings = [
            {"piece": piece, "characteristic": each.code, "value": str(each.low if each.low is not None else each.high)}
            for piece in range(1, checked + 1)
            for each in wanted
        ]
        return {"lot": lot.id, "checked": checked, "faulty": faulty, "readings": readings}

    async def inspect(self, faulty: int = 0, checked: int | None = None, **said: Any) -> Decided:
        found = await self.found_sound(faulty, checked) | said
        return await self.decide(Action.INSPECT_GOODS, Role.WAREHOUSE_KEEPER, **found)

    async def receive(self, accepted: int, refused: int = 0, part: str = "") -> Decided:
        """So many pieces come, and are found good or bad one by one."""
        await self.count(accepted + refused, part)
        return await self.inspect(refused)

    async def bill(self, *lines: tuple[str, int, str], invoice: str = "") -> Decided:
        """The supplier's invoice: part, pieces, price; what was accepted at the agreed price if nothing is said."""
        due = [(row.part, row.received - row.paid, str(row.unit_price)) for row in await self.lines()]
        billed = [{"part": p, "quantity": n, "unit_price": price} for p, n, price in lines or due if n]
        return await self.decide(Action.ENTER_INVOICE, Role.BUYER, number=invoice or uuid4().hex, lines=billed)

    async def invoices(self) -> Sequence[SupplierInvoice]:
        return await self.house.all(SupplierInvoice, SupplierInvoice.purchase_order == self.number)

    async def hand_back(self) -> Decided:
        open_ones = (SupplierReturn.purchase_order == self.number, SupplierReturn.handed_back_at.is_(None))
        [back, *_] = await self.house.all(SupplierReturn, *open_ones)
        return await self.decide(
            Action.HAND_BACK, Role.WAREHOUSE_KEEPER, back=back.number, taken_by="the supplier's driver"
        )

    async def claims(self) -> Sequence[SupplierClaim]:
        return await self.house.all(SupplierClaim, SupplierClaim.purchase_order == self.number)

    async def settle_claim(self, amount: str = "0.00") -> Decided:
        [claim, *_] = [claim for claim in await self.claims() if claim.state is ClaimState.OPEN]
        return await self.decide(
            Action.SETTLE_CLAIM, Role.BUYER, claim=claim.id, amount=amount, explanation="delivered anew"
        )

    async def decide_invoice(self, invoice: str, outcome: str) -> Decided:
        return await self.decide(
            Action.DECIDE_INVOICE, Role.BUYER, invoice=invoice, outcome=outcome, explanation="as agreed"
        )

    async def settle(self) -> PurchaseStage:
        """What is owing on either side is settled; how it ended."""
        for _ in await self.house.all(
            SupplierReturn, SupplierReturn.purchase_order == self.number, SupplierReturn.handed_back_at.is_(None)
        ):
            await self.hand_back()
        for _ in [claim for claim in await self.claims() if claim.state is ClaimState.OPEN]:
            await self.settle_claim()
        if any(line.paid < line.received for line in await self.lines()):
            await self.bill()
        return PurchaseStage(await self.handle.result())

    async def pass_on(self) -> Decided:
        return await self.decide(Action.PASS_ON, Role.BUYER, explanation="too slow")


class Order(Document):
    """A replacement order under test."""

    async def row(self) -> ReplacementOrder:
        async with self.house.sessions() as session:
            return await session.get_one(ReplacementOrder, self.number)

    async def stage(self) -> Stage:
        return (await self.row()).stage

    async def due(self) -> datetime:
        """When what it waits for is due."""
        due = (await self.row()).wait_due
        assert due is not None
        return due

    async def until(self, stage: Stage) -> None:
        """Waits, in real time, until what was set off has led there."""

        async def there() -> bool:
            return await self.stage() is stage

        await self.house.until(there)

    async def lines(self) -> Sequence[OrderLine]:
        return await self.house.all(OrderLine, OrderLine.order == self.number)

    async def shipments(self) -> Sequence[Shipment]:
        return await self.house.all(Shipment, Shipment.order == self.number)

    async def shipment(self) -> Shipment:
        """The newest one."""
        return (await self.shipments())[-1]

    async def claims(self) -> Sequence[Claim]:
        return await self.house.all(Claim, Claim.order == self.number)

    async def appointments(self) -> Sequence[Appointment]:
        return await self.house.all(Appointment, Appointment.order == self.number)

    async def purchases(self) -> list[Purchase]:
        """The purchase orders its lines wait or waited for, brought to life."""
        rows = await self.house.all(BackOrder, BackOrder.order == self.number)
        found = [Purchase(self.house, number) for number in dict.fromkeys(row.purchase_order for row in rows)]
        for purchase in found:
            await purchase.alive()
        return found

    async def taken(self) -> list[str]:
        """What this order holds of others' things: pieces, places in a purchase order, time, parcels."""
        lines = [line.id for line in await self.lines()]
        held = await self.house.all(
            Reservation, Reservation.line.in_(lines), Reservation.state == ReservationState.HELD
        )
        waits = await self.house.all(
            BackOrder, BackOrder.order == self.number, BackOrder.state == BackOrderState.WAITING
        )
        visits = [each for each in await self.appointments() if each.state is AppointmentState.BOOKED]
        over = {
            ShipmentState.DELIVERED,
            ShipmentState.RECEIVED_BACK,
            ShipmentState.LOST,
            ShipmentState.CALLED_OFF,
        }
        parcels = [each for each in await self.shipments() if each.state not in over]
        return (
            [f"{row.quantity} × {row.part} in {row.place}" for row in held]
            + [f"{row.quantity} × {row.part} of {row.purchase_order}" for row in waits]
            + [f"{row.technician}'s time" for row in visits]
            + [f"parcel {row.id} {row.state}" for row in parcels]
        )

    # what machines report

    async def scan(self, milestone: Milestone, trouble: Trouble | None = None) -> None:
        """The watcher's news of the parcel under way."""
        at = await self.house.now()
        shipment = (await self.row()).state["shipment"]
        await self.scanned(
            Scanned(shipment=shipment, milestone=milestone, trouble=trouble, at=at, still_by=at + timedelta(days=2))
        )

    async def scanned(self, news: Scanned) -> None:
        await self.handle.signal("scanned", news)

    # what people decide

    async def take(self) -> Decided:
        return await self.decide(Action.TAKE, Role.SERVICE_AGENT)

    async def quote(self, *lines: tuple[str, int], on_phone: bool = False) -> Decided:
        return await self.decide(Action.QUOTE, Role.SERVICE_AGENT, lines=self._wanted(lines), agreed_on_phone=on_phone)

    async def inspect(self) -> Decided:
        return await self.decide(
            Action.SEND_FOR_INSPECTION, Role.SERVICE_AGENT, outlet=self.house.outlet, advice="bring it in"
        )

    async def consent(self, role: Role = Role.CUSTOMER) -> Decided:
        return await self.decide(Action.CONSENT, role)

    async def approve(self, by: str = "auditor") -> Decided:
        return await self.decide(Action.APPROVE, Role.AUDITOR, by=by, **CHECKS)

    async def send_back(self, reason: str = "fault_and_part") -> Decided:
        return await self.decide(
            Action.RETURN_FOR_CORRECTION, Role.AUDITOR, reasons=[reason], explanation="it does not fit"
        )

    async def correct(self, *lines: tuple[str, int], **changes: Any) -> Decided:
        return await self.decide(
            Action.CORRECT, Role.SERVICE_AGENT, lines=self._wanted(lines), explanation="looked up", **changes
        )

    async def reject(self, reason: str = "company_policy", by: str = "auditor") -> Decided:
        return await self.decide(Action.REJECT, Role.AUDITOR, by=by, reasons=[reason], explanation="not covered")

    async def object(self, role: Role = Role.CUSTOMER) -> Decided:
        return await self.decide(Action.OBJECT, role, objection="it is covered")

    async def ask_customer(self, role: Role = Role.AUDITOR) -> Decided:
        return await self.decide(Action.ASK_CUSTOMER, role, question="which serial number?")

    async def answer_question(self, role: Role = Role.CUSTOMER) -> Decided:
        return await self.decide(Action.ANSWER_QUESTION, role, reply="CXW268-001001")

    async def take_audit(self, by: str = "auditor") -> Decided:
        return await self.decide(Action.TAKE_AUDIT, Role.AUDITOR, by=by)

    async def hand_on(self, to: str, by: str = "auditor") -> Decided:
        return await self.decide(Action.HAND_ON_AUDIT, Role.AUDITOR, by=by, auditor=to)

    async def pack(self, carrier: str | None = None) -> Decided:
        return await self.decide(Action.PACK, Role.WAREHOUSE_KEEPER, carrier=carrier)

    async def booked(self) -> None:
        async def there() -> bool:
            return (await self.shipment()).state is ShipmentState.BOOKED

        await self.house.until(there)

    async def hand_over(self, waybill: str | None = None) -> Decided:
        return await self.decide(Action.HAND_OVER, Role.WAREHOUSE_KEEPER, waybill=waybill)

    async def ship(self) -> Decided:
        await self.pack()
        await self.booked()
        return await self.hand_over()

    async def deliver(self, role: Role = Role.DISPATCHER) -> Decided:
        return await self.decide(Action.DELIVER, role)

    async def lose(self, reason: str = "lost") -> Decided:
        return await self.decide(Action.DECLARE_LOST, Role.DISPATCHER, reason=reason, explanation="gone")

    async def receive_back(self, condition: str = "sound") -> Decided:
        return await self.decide(Action.RECEIVE_BACK, Role.WAREHOUSE_KEEPER, condition=condition)

    async def book_visit(self, technician: str = "", starts_at: datetime | None = None) -> Decided:
        starts_at = starts_at or await self.house.now() + timedelta(hours=1)
        return await self.decide(
            Action.BOOK_APPOINTMENT,
            Role.DISPATCHER,
            technician=technician or self.house.technician,
            starts_at=starts_at.isoformat(),
        )

    async def fitted(self, by: str = "") -> Decided:
        return await self.decide(Action.REPORT_FITTED, Role.TECHNICIAN, by=by or self.house.technician)

    async def fitted_by_customer(self) -> Decided:
        return await self.decide(Action.REPORT_FITTED, Role.CUSTOMER, completion="fitted_by_customer")

    async def not_fitted(self, hindrance: str = "wrong_part") -> Decided:
        return await self.decide(
            Action.REPORT_NOT_FITTED,
            Role.TECHNICIAN,
            by=self.house.technician,
            hindrance=hindrance,
            report="does not help",
        )

    async def install(self) -> Decided:
        await self.book_visit()
        return await self.fitted()

    async def not_reached(self) -> Decided:
        return await self.decide(Action.RECORD_ATTEMPT, Role.SERVICE_AGENT)

    async def works(self, role: Role = Role.SERVICE_AGENT) -> Decided:
        return await self.decide(Action.ANSWER_WORKS, role, satisfaction=5)

    async def faulty(self) -> Decided:
        return await self.decide(Action.ANSWER_FAULTY, Role.CUSTOMER, satisfaction=2, problem="still dead")

    async def send_part(self, *lines: tuple[str, int]) -> Decided:
        return await self.decide(Action.SEND_PART, Role.SERVICE_AGENT, lines=self._wanted(lines))

    async def send_technician(self) -> Decided:
        return await self.decide(Action.SEND_TECHNICIAN, Role.DISPATCHER)

    async def source_again(self) -> Decided:
        return await self.decide(Action.SOURCE_AGAIN, Role.BUYER)

    async def settle(self, amount: str = "100.00") -> Decided:
        claim = (await self.claims())[-1].id
        return await self.decide(
            Action.SETTLE_CLAIM, Role.DISPATCHER, claim=claim, amount=amount, explanation="paid by the carrier"
        )

    async def cancel(self) -> Decided:
        return await self.decide(Action.CANCEL, Role.SERVICE_AGENT, reason="customer_wish")

    async def to(self, stage: Stage, *lines: tuple[str, int]) -> "Order":
        """The ordinary way, from wherever it stands."""
        ways: dict[Stage, Callable[[], Awaitable[Decided]]] = {
            Stage.RECEIVED: self.take,
            Stage.TRIAGE: lambda: self.quote(*lines),
            Stage.QUOTED: self.consent,
            Stage.AUDIT: self.approve,
            Stage.DISPATCH: self.ship,
            Stage.IN_TRANSIT: self.deliver,
            Stage.INSTALLATION: self.install,
            Stage.REVISIT: self.works,
        }
        side_ways: dict[Stage, tuple[Stage, Callable[[], Awaitable[Decided]]]] = {
            Stage.INSPECTION: (Stage.TRIAGE, self.inspect),
            Stage.RETURNED: (Stage.AUDIT, self.send_back),
            Stage.ASKED: (Stage.AUDIT, self.ask_customer),
            Stage.OBJECTION: (Stage.AUDIT, self.reject),
            Stage.REWORK: (Stage.REVISIT, self.faulty),
        }
        on_the_way, leave = side_ways.get(stage, (stage, None))
        now: str = await self.stage()
        while now != on_the_way:
            now = (await ways[Stage(now)]()).stage
        if leave:
            await leave()
        return self

    def _wanted(self, lines: tuple[tuple[str, int], ...]) -> list[dict[str, Any]]:
        return [{"part": part, "quantity": quantity} for part, quantity in lines or ((self.house.part, 1),)]
