"""Every state an order can come to, by driving the real steps on PostgreSQL from every state found before.

What people decide, what the carrier does with the parcel, what suppliers bring and which alarms ring are the moves.
States are told apart by what can matter later: stage, wait, goods, parcels, purchase orders, claims, visits, and what
the workflow has still to ask of the world. Rounds and numbers of earlier shipments do not count, so the search ends.
No end may leave something owing, no state may be without a way to an end, and no step may blow up.
"""

from collections import defaultdict, deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from activities.committing import order_step, purchase_step
from carriers.protocol import Recall
from database import session as database_session
from database import stock
from database.applications import Application, apply
from database.migrate import migrate
from database.reference import seed
from database.stock import OPENING
from database.tables import (
    Appointment,
    AppointmentState,
    AuditAttempt,
    BackOrder,
    BackOrderState,
    Claim,
    ClaimState,
    LineState,
    MovementReason,
    OrderLine,
    Parcel,
    PurchaseLine,
    PurchaseOrder,
    ReceivedLot,
    ReplacementOrder,
    Reservation,
    ReservationState,
    Shipment,
    ShipmentLine,
    ShipmentState,
    Stock,
    Submission,
)
from domain.messages import OrderState, PurchaseState, Step
from domain.parcels import Milestone
from domain.stages import ENDS, ORDER, PURCHASE, PURCHASE_OPEN, Action, Refusal, Role, Stage
from domain.waiting import Alarm, Clock
from faults import world
from faults.tally import Difference
from runtime.embedded_postgres import running_postgres
from runtime.ports import free_port
from runtime.settings import Settings

PART: Final = "FAULTS-STATES"
DEEPEST: Final = 100
"""So many moves in a row are one transaction inside the other."""
_USERS: Final = {
    Role.SERVICE_AGENT: "agent",
    Role.AUDITOR: "auditor",
    Role.BUYER: "buyer",
    Role.WAREHOUSE_KEEPER: "keeper",
    Role.DISPATCHER: "dispatcher",
    Role.TECHNICIAN: "technician",
    Role.SUPERVISOR: "supervisor",
    Role.CUSTOMER: "customer",
}
_LINES: Final = [{"part": PART, "quantity": 2}]
_CHECKS: Final = ("customer_data", "fault_and_part", "warranty", "company_policy")
_SAID: Final[Mapping[Action, tuple[tuple[Role | None, dict[str, Any]], ...]]] = {
    Action.QUOTE: ((None, {"lines": _LINES}), (None, {"lines": _LINES, "agreed_on_phone": True})),
    Action.SEND_FOR_INSPECTION: ((None, {"outlet": "HZ-XIHU", "advice": "送检"}),),
    Action.REFUSE: ((None, {"reason": "not_a_fault", "explanation": "正常"}),),
    Action.FAULT_FOUND: ((None, {"finding": "有故障"}),),
    Action.NO_FAULT_FOUND: ((None, {"finding": "无故障"}),),
    Action.APPROVE: ((None, dict.fromkeys(_CHECKS, True)),),
    Action.RETURN_FOR_CORRECTION: ((None, {"reasons": ["warranty"], "explanation": "缺凭证"}),),
    Action.REJECT: ((None, {"reasons": ["warranty"], "explanation": "超保"}),),
    Action.ASK_CUSTOMER: ((None, {"question": "序列号?"}),),
    Action.ANSWER_QUESTION: ((None, {"reply": "没有"}),),
    Action.OBJECT: ((None, {"objection": "在保"}),),
    Action.CORRECT: ((None, {"lines": _LINES, "explanation": "已核实"}),),
    Action.PACK: ((None, {"carrier": "sf"}), (None, {"carrier": "manual"})),
    Action.HAND_OVER: ((None, {}), (None, {"waybill": "HAND0001"})),
    Action.DECLARE_LOST: ((None, {"reason": "lost", "explanation": "丢失"}),),
    Action.RECEIVE_BACK: ((None, {"condition": "sound"}), (None, {"condition": "damaged"})),
    Action.REPORT_FITTED: ((Role.TECHNICIAN, {}), (Role.CUSTOMER, {"completion": "fitted_by_customer"})),
    Action.REPORT_NOT_FITTED: (
        (None, {"hindrance": "wrong_part", "report": "不符"}),
        (None, {"hindrance": "customer_absent", "report": "不在家"}),
    ),
    Action.ANSWER_WORKS: ((None, {"satisfaction": 5}),),
    Action.ANSWER_FAULTY: ((None, {"problem": "不转"}),),
    Action.SEND_PART: ((None, {"lines": _LINES}),),
    Action.SUPPLEMENT: ((None, {"note": "另有异响"}),),
    Action.CANCEL: ((None, {"reason": "customer_wish"}),),
    Action.PASS_ON: ((Role.BUYER, {"explanation": "无货"}),),
    Action.REFUSE_ORDER: ((None, {"explanation": "无货", "said_by": "王经理"}),),
}
"""What is said with a decision, in every manner that leads elsewhere; nothing where the action says it all."""
_IN_TWO_MANNERS: Final = {Action.RECEIVE_GOODS, Action.INSPECT_GOODS, Action.CONFIRM, Action.PROMISE_LATER}
"""All or not all of the goods come, and are good; in time, or so late that the customer is asked again."""
_TIMES: Final = {Action.BOOK_APPOINTMENT, Action.CONFIRM, Action.PROMISE_LATER, Action.MOVE_DUE}
_ENDING_ALARMS: Final = {
    Action.LAPSE,
    Action.GIVE_UP,
    Action.DECLARE_LOST,
    Action.PASS_ON,
    Action.RESUME,
    Action.MAKE_FINAL,
}
_LEADING_NOWHERE: Final = {
    Action.AMEND,
    Action.MOVE_DUE,
    Action.TAKE_AUDIT,
    Action.HAND_ON_AUDIT,
    Action.RELEASE_AUDIT,
}
"""Whose work it is and until when, or how the customer is reached, leads to no other state."""
_BETWEEN_OTHERS: Final = {
    Action.PROPOSE_DATE,
    Action.ACCEPT_DATE,
    Action.REPORT_ON_TRACK,
    Action.RENEW_LINK,
    Action.HAND_BACK,
    Action.ENTER_INVOICE,
    Action.DECIDE_INVOICE,
    Action.SETTLE_CLAIM,
}
"""What supplier and house settle between them means nothing to the order."""
_SCANS: Final[Mapping[Milestone, tuple[Milestone, ...]]] = {
    Milestone.CREATED: (Milestone.IN_TRANSIT,),
    Milestone.IN_TRANSIT: (Milestone.DELIVERED, Milestone.RETURNING),
    Milestone.DELIVERED: (Milestone.RETURNING,),
}
_TOLD_BY: Final = {Milestone.DELIVERED: Action.DELIVER, Milestone.RETURNING: Action.TURN_BACK}
_OUT: Final = (ShipmentState.HANDED_OVER, ShipmentState.TURNED_BACK)
_HOLDING: Final = (
    ShipmentState.PREPARING,
    ShipmentState.PACKED,
    ShipmentState.BOOKED,
    ShipmentState.CALLING_OFF,
    *_OUT,
)

Move = tuple[str, ...]


@dataclass(frozen=True)
class Errands:
    """What the workflow has still to do or to hear, and what time it is."""

    now: datetime
    booking: bool = False
    recall: bool = False
    restock: bool = False
    tell: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Situation:
    """Where an order stands, as far as it can matter later."""

    order: tuple[Any, ...]
    lines: tuple[Any, ...]
    shipment: tuple[Any, ...]
    back_orders: tuple[Any, ...]
    purchases: tuple[Any, ...]
    claims: int
    visit: bool
    free: bool
    errands: tuple[Any, ...]

    @property
    def stage(self) -> Stage:
        return Stage(self.order[0])

    @property
    def ended(self) -> bool:
        return self.stage in ENDS

    @property
    def settled(self) -> bool:
        """Ended, and nothing it caused is under way."""
        return self.ended and not any(self.errands) and not self.purchases


@dataclass
class Found:
    """What the search came to. `edges` says by which move each state leads to which."""

    name: str
    start: Situation
    edges: dict[Situation, dict[Situation, Move]] = field(default_factory=dict)
    known: set[Situation] = field(default_factory=set)
    steps: int = 0
    faults: dict[str, tuple[str, Situation, tuple[Move, ...]]] = field(default_factory=dict)

    @property
    def beyond(self) -> set[Situation]:
        """States that were found and not gone on from."""
        return self.known - self.edges.keys()

    def wrong(self, kind: str, what: str, where: Situation, *moves: Move) -> None:
        """Notes a fault once: in which state, and after which further move."""
        self.faults.setdefault(what, (kind, where, moves))

    @property
    def differences(self) -> list[Difference]:
        """The faults, each with the shortest way to it."""
        ways = self._ways()
        return [
            Difference(kind, f"states, {self.name}: {what}, after {_told((*ways[where], *moves))}")
            for what, (kind, where, moves) in self.faults.items()
        ]

    def _ways(self) -> dict[Situation, tuple[Move, ...]]:
        ways: dict[Situation, tuple[Move, ...]] = {self.start: ()}
        queue = deque([self.start])
        while queue:
            here = queue.popleft()
            for there, move in self.edges.get(here, {}).items():
                if there not in ways:
                    ways[there] = (*ways[here], move)
                    queue.append(there)
        return ways

    def summary(self) -> str:
        ends = sum(situation.settled for situation in self.known)
        deepest = max(len(way) for way in self._ways().values())
        bound = f"{len(self.beyond)} at the bound not gone on from" if self.beyond else "all gone on from"
        figures = f"{len(self.known)} states, {ends} settled ends, {self.steps} steps, {deepest} deep"
        return f"states, {self.name}: {figures}, {bound}"


def _told(way: Sequence[Move]) -> str:
    return " → ".join(" ".join(move) for move in way)


class House:
    """One order in one transaction that is never committed."""

    def __init__(self, session: AsyncSession, number: str, now: datetime) -> None:
        self._session = session
        self._number = number
        self.errands = Errands(now)

    async def situation(self) -> Situation:
        self._session.expunge_all()
        order = await self._order()
        state = OrderState.model_validate(order.state)
        wait = state.wait
        lines = await self._all(select(OrderLine).where(OrderLine.order == self._number))
        shipment = await self._session.get(Shipment, state.shipment) if state.shipment else None
        parcel = await self._session.get(Parcel, state.shipment) if state.shipment else None
        waiting = await self._all(
            select(BackOrder).where(BackOrder.order == self._number, BackOrder.state == BackOrderState.WAITING)
        )
        open_purchases = await self._purchases()
        owing = await self._all(select(Claim).where(Claim.order == self._number, Claim.state == ClaimState.OPEN))
        visit = await self._visit()
        numbers = [purchase.number for purchase, _ in open_purchases]
        return Situation(
            order=(
                order.stage,
                order.ending,
                wait and wait.clock,
                wait and tuple(sorted({str(a.action) for a in wait.alarms if a.action in _ENDING_ALARMS})),
                order.revisit_attempts,
                await self._rejected(),
                state.audit and len(state.audit.signed_by),
            ),
            lines=tuple(sorted((line.state, line.quantity) for line in lines if line.state in _LIVE)),
            shipment=(shipment.state, shipment.account, parcel and parcel.milestone) if shipment else (),
            back_orders=tuple(sorted((numbers.index(each.purchase_order), each.quantity) for each in waiting)),
            purchases=tuple(
                [
                    (
                        purchase.stage,
                        purchase.supplier,
                        line.quantity - line.received,
                        await self._uninspected(purchase.number),
                        _may_be_passed_on(purchase),
                    )
                    for purchase, line in open_purchases
                ]
            ),
            claims=min(len(owing), 2),
            visit=visit is not None,
            free=await self._free() >= 2,
            errands=(
                self.errands.booking,
                self.errands.recall,
                self.errands.restock,
                tuple(sorted(numbers.index(number) for number in self.errands.tell if number in numbers)),
            ),
        )

    async def owing(self) -> list[str]:
        """What is held, waited for or on its way for the order now."""
        of_lines = select(OrderLine.id).where(OrderLine.order == self._number)
        found = ["a booking"] if self.errands.booking else []
        if await self._count(
            select(Reservation).where(Reservation.line.in_(of_lines), Reservation.state == ReservationState.HELD)
        ):
            found.append("a reservation")
        if await self._count(
            select(BackOrder).where(BackOrder.order == self._number, BackOrder.state == BackOrderState.WAITING)
        ):
            found.append("a back order")
        if await self._count(select(Claim).where(Claim.order == self._number, Claim.state == ClaimState.OPEN)):
            found.append("a claim")
        if await self._visit():
            found.append("an appointment")
        for shipment in await self._all(select(Shipment).where(Shipment.order == self._number)):
            parcel = await self._session.get(Parcel, shipment.id)
            if shipment.state in _HOLDING:
                found.append(f"a shipment {shipment.state}")
            if shipment.state is ShipmentState.CALLED_OFF and parcel and parcel.milestone in _SCANS:
                found.append(f"a parcel called off, which the carrier has as {parcel.milestone}")
        return found

    async def ledger(self) -> str | None:
        """What goods in transit and reservations say against shipments and stock."""
        out = await self._session.scalar(
            select(func.coalesce(func.sum(ShipmentLine.quantity), 0))
            .join(Shipment, Shipment.id == ShipmentLine.shipment)
            .where(Shipment.order == self._number, Shipment.state.in_(_OUT))
        )
        transit = await self._session.scalar(
            select(func.coalesce(func.sum(Stock.on_hand), 0)).where(Stock.part == PART, Stock.place == stock.IN_TRANSIT)
        )
        if out != transit:
            return f"{transit} pieces in transit by the ledger, {out} by the shipments"
        held = await self._session.scalar(
            select(func.coalesce(func.sum(Reservation.quantity), 0)).where(
                Reservation.part == PART, Reservation.state == ReservationState.HELD
            )
        )
        reserved = await self._session.scalar(
            select(func.coalesce(func.sum(Stock.reserved), 0)).where(Stock.part == PART)
        )
        return None if held == reserved else f"{reserved} pieces reserved by the stock, {held} by reservations"

    async def unwatched(self) -> list[str]:
        """Parcels on their way that nobody asks the carrier about."""
        return await self._all(
            select(Shipment.id)
            .join(Parcel, Parcel.shipment == Shipment.id)
            .where(
                Shipment.order == self._number,
                Shipment.state == ShipmentState.HANDED_OVER,
                Parcel.next_look_at.is_(None) | Shipment.waybill.is_(None),
            )
        )

    async def moves(self) -> list[Move]:
        """Everything that can happen next."""
        order = await self._order()
        state = OrderState.model_validate(order.state)
        found: list[Move] = []
        if state.stage not in ENDS:
            found += _decisions("decide", ORDER.rules, state.stage)
            found += (
                [("alarm", a.action) for a in state.wait.alarms if a.action in _ENDING_ALARMS] if state.wait else []
            )
            if self.errands.booking:
                found += [("booked",), ("booking_refused",)]
            if self.errands.recall and state.stage is Stage.SETTLING:
                found.append(("recall",))
            if self.errands.restock and state.stage is Stage.SOURCING:
                found.append(("restock",))
        parcel = await self._session.get(Parcel, state.shipment) if state.shipment else None
        shipment = await self._session.get(Shipment, state.shipment) if state.shipment else None
        if parcel and shipment and shipment.state not in (ShipmentState.LOST, ShipmentState.RECEIVED_BACK):
            found += [("scan", milestone) for milestone in _SCANS.get(parcel.milestone, ())]
        for place, (purchase, _) in enumerate(await self._purchases()):
            wait = PurchaseState.model_validate(purchase.state).wait
            decisions = _decisions("purchase", PURCHASE.rules, purchase.stage)
            found += [(*move, str(place)) for move in decisions if move[1] not in _BETWEEN_OTHERS]
            found += [("ring", a.action, str(place)) for a in wait.alarms if a.action in _ENDING_ALARMS] if wait else []
            if purchase.number in self.errands.tell:
                found.append(("withdraw", str(place)))
        return found

    async def do(self, move: Move) -> None:
        """Makes the move. Raises Refusal if it may not be made."""
        self.errands = replace(self.errands, now=self.errands.now + timedelta(seconds=1))
        order = await self._order()
        state = OrderState.model_validate(order.state)
        match move:
            case ("decide", action, manner):
                await self._decide(Action(action), int(manner), self._number)
            case ("alarm", action):
                assert state.wait
                await self._take(Action(action), alarm=next(a for a in state.wait.alarms if a.action == action))
            case ("booked",):
                await self._book(state)
            case ("booking_refused",):
                self.errands = replace(self.errands, booking=False)
                if state.stage is Stage.DISPATCH:
                    await self._take(Action.BOOKING_REFUSED)
            case ("recall",):
                await self._recall(state)
            case ("restock",):
                self.errands = replace(self.errands, restock=False)
                await self._take(Action.RESTOCK)
            case ("scan", milestone):
                await self._scan(state, Milestone(milestone))
            case ("purchase", action, manner, place):
                await self._decide(Action(action), int(manner), await self._purchase(int(place)))
            case ("ring", action, place):
                number = await self._purchase(int(place))
                wait = PurchaseState.model_validate((await self._session.get_one(PurchaseOrder, number)).state).wait
                assert wait
                await self._take(Action(action), number, next(a for a in wait.alarms if a.action == action))
            case ("withdraw", place):
                number = await self._purchase(int(place))
                self.errands = replace(self.errands, tell=self.errands.tell - {number})
                await self._take(Action.WITHDRAW, number)
        await self._session.flush()

    async def _book(self, state: OrderState) -> None:
        assert state.shipment
        self.errands = replace(self.errands, booking=False)
        shipment = await self._session.get_one(Shipment, state.shipment)
        await self._session.execute(
            insert(Parcel)
            .values(
                shipment=shipment.id,
                order=self._number,
                account=shipment.account,
                waybill=f"SF{shipment.id[3:].replace('-', '')}",
                company="shunfeng",
                booked_at=self.errands.now,
                milestone=Milestone.CREATED,
            )
            .on_conflict_do_nothing()
        )
        if state.stage is Stage.DISPATCH:
            await self._take(Action.BOOK)

    async def _recall(self, state: OrderState) -> None:
        """The carrier takes back what it does not have yet, turns back what is on its way, and says no otherwise."""
        assert state.shipment
        if self.errands.booking:
            await self._book(state)
        shipment = await self._session.get_one(Shipment, state.shipment)
        parcel = await self._session.get(Parcel, state.shipment)
        under_way = shipment.state is ShipmentState.HANDED_OVER
        self.errands = replace(self.errands, recall=False)
        if parcel is None:
            outcome = Recall.BY_HAND
        elif not under_way and parcel.milestone is Milestone.CREATED:
            parcel.milestone, outcome = Milestone.CANCELLED, Recall.ACCEPTED
        elif under_way and parcel.milestone is Milestone.IN_TRANSIT:
            outcome = Recall.ACCEPTED
        else:
            outcome = Recall.TOO_LATE
        await self._session.flush()
        await self._take(Action.RECALL, outcome=outcome)

    async def _scan(self, state: OrderState, milestone: Milestone) -> None:
        """What the carrier did, and what the workflow makes of it."""
        await self._session.execute(update(Parcel).where(Parcel.shipment == state.shipment).values(milestone=milestone))
        self._session.expire_all()
        told = _TOLD_BY.get(milestone)
        if told is Action.TURN_BACK and state.wait and state.wait.clock is Clock.RETURNED_PARCEL:
            told = None
        for action in filter(None, (Action.PICK_UP, told)):
            if Stage((await self._order()).stage) in ORDER.rules[action].moves:
                await self._take(action)
                await self._session.flush()

    async def _decide(self, action: Action, manner: int, document: str) -> None:
        rule = (ORDER if document == self._number else PURCHASE).rules[action]
        wanted, said = _SAID.get(action, ((None, {}),))[manner] if action in _SAID else (None, {})
        role = wanted or next(role for role in _USERS if role in rule.by)
        user = "auditor2" if role is Role.AUDITOR and await self._rejected() else _USERS[role]
        content = {**said, **await self._facts(action, manner, document)}
        submission = uuid4()
        self._session.add(
            Submission(
                id=submission,
                document=document,
                idempotency_key=str(submission),
                digest=b"",
                action=action,
                content={"action": action, **content},
                by=user,
                role=role,
                at=self.errands.now,
            )
        )
        await self._session.flush()
        await self._take(action, document, by=user, role=role, submission=submission)

    async def _facts(self, action: Action, manner: int, document: str) -> dict[str, Any]:
        """What a decision says that depends on where things stand."""
        soon, late = (self.errands.now + timedelta(hours=1)).isoformat(), self.errands.now + timedelta(days=400)
        promised = (soon, late.isoformat())
        match action:
            case Action.BOOK_APPOINTMENT:
                return {"technician": "technician", "starts_at": soon}
            case Action.CONFIRM:
                return {"promised_at": promised[manner], "signed_by": "王经理"}
            case Action.PROMISE_LATER:
                return {"promised_at": promised[manner], "explanation": "缺料", "said_by": "王经理"}
            case Action.SETTLE_CLAIM:
                claim = await self._session.scalar(
                    select(Claim.id).where(Claim.order == self._number, Claim.state == ClaimState.OPEN).limit(1)
                )
                return {"claim": claim or 10**6, "amount": "1.00", "explanation": "赔付"}
            case Action.RECEIVE_GOODS:
                line = (
                    await self._session.scalars(select(PurchaseLine).where(PurchaseLine.purchase_order == document))
                ).one()
                came = line.quantity - line.received - await self._uninspected(document)
                note = str(self.errands.now.timestamp())
                return {"delivery_note": note, "lines": [{"part": PART, "counted": (came, came - 1)[manner]}]}
            case Action.INSPECT_GOODS:
                awaiting = select(ReceivedLot).where(
                    ReceivedLot.purchase_order == document, ReceivedLot.verdict.is_(None)
                )
                lot = await self._session.scalar(awaiting.limit(1))
                return {"lot": lot.id if lot else 10**6, "checked": lot.quantity if lot else 1, "faulty": manner}
            case _:
                return {}

    async def _take(
        self, action: Action, document: str | None = None, alarm: Alarm | None = None, **facts: Any
    ) -> None:
        facts = {"by": "system", "role": Role.SYSTEM, **facts}
        document = document or self._number
        now = max(self.errands.now, alarm.at) if alarm else self.errands.now
        self.errands = replace(self.errands, now=now)
        if document == self._number:
            seq = (await self._order()).seq + 1
            step = Step(document=document, seq=seq, action=action, at=now, alarm=alarm, **facts)
            state = await order_step(self._session, step)
            self.errands = replace(
                self.errands,
                booking=self.errands.booking or state.to_book,
                recall=self.errands.recall or state.to_recall,
                tell=self.errands.tell | set(state.to_tell),
            )
            if state.stage in ENDS:  # its workflow asks and hears nothing more
                self.errands = replace(self.errands, recall=False, restock=False)
        else:
            seq = (await self._session.get_one(PurchaseOrder, document)).seq + 1
            step = Step(document=document, seq=seq, action=action, at=now, alarm=alarm, **facts)
            told = (await purchase_step(self._session, step)).to_tell
            waits = Stage((await self._order()).stage) not in ENDS
            self.errands = replace(self.errands, restock=self.errands.restock or (waits and self._number in told))

    async def _order(self) -> ReplacementOrder:
        return await self._session.get_one(ReplacementOrder, self._number)

    async def _purchases(self) -> list[tuple[PurchaseOrder, PurchaseLine]]:
        rows = await self._session.execute(
            select(PurchaseOrder, PurchaseLine)
            .join(PurchaseLine, PurchaseLine.purchase_order == PurchaseOrder.number)
            .where(PurchaseLine.part == PART, PurchaseOrder.stage.in_(PURCHASE_OPEN))
            .order_by(PurchaseOrder.number)
        )
        return [(purchase, line) for purchase, line in rows]

    async def _uninspected(self, number: str) -> int:
        pieces = select(func.coalesce(func.sum(ReceivedLot.quantity), 0)).where(
            ReceivedLot.purchase_order == number, ReceivedLot.verdict.is_(None)
        )
        return await self._session.scalar(pieces) or 0

    async def _purchase(self, place: int) -> str:
        return (await self._purchases())[place][0].number

    async def _rejected(self) -> bool:
        """Whether somebody else must audit it from now on, and a rejection is final."""
        rejected = select(AuditAttempt).where(AuditAttempt.order == self._number, AuditAttempt.action == Action.REJECT)
        return await self._count(rejected) > 0

    async def _visit(self) -> Appointment | None:
        return await self._session.scalar(
            select(Appointment).where(Appointment.order == self._number, Appointment.state == AppointmentState.BOOKED)
        )

    async def _free(self) -> int:
        return (
            await self._session.scalar(
                select(func.coalesce(func.max(Stock.on_hand - Stock.reserved), 0)).where(
                    Stock.part == PART, Stock.zone == "qualified"
                )
            )
            or 0
        )

    async def _all(self, wanted: Any) -> list[Any]:
        return list((await self._session.scalars(wanted)).all())

    async def _count(self, wanted: Any) -> int:
        return len(await self._all(wanted))


_LIVE: Final = (LineState.WANTED, LineState.RESERVED, LineState.BACK_ORDERED, LineState.SHIPPED)


def _may_be_passed_on(purchase: PurchaseOrder) -> bool:
    wait = PurchaseState.model_validate(purchase.state).wait
    return bool(wait and any(alarm.action in _ENDING_ALARMS for alarm in wait.alarms))


def _decisions(kind: str, rules: Mapping[Action, Any], stage: Any) -> Iterator[Move]:
    for action, rule in rules.items():
        if rule.for_people and stage in rule.moves and action not in _LEADING_NOWHERE:
            manners = 2 if action in _IN_TWO_MANNERS else len(_SAID.get(action, ((),)))
            yield from ((kind, str(action), str(manner)) for manner in range(manners))


async def explore(session: AsyncSession, house: House, name: str, most: int) -> Found:
    """From where the order stands into the deep, each state gone on from once, at most `most` of them."""
    start = await house.situation()
    found = Found(name, start)
    await _look(house, start, found)
    await _go_on(session, house, start, found, most, 0)
    _judge(found)
    return found


async def _go_on(session: AsyncSession, house: House, here: Situation, found: Found, most: int, depth: int) -> None:
    """Makes every move there is from a state, and goes on from what is new before the next."""
    found.edges[here] = {}
    errands = house.errands
    for move in await house.moves():
        session.expunge_all()
        house.errands = errands
        savepoint = await session.begin_nested()
        try:
            await house.do(move)
            there = await house.situation()
        except Refusal:
            pass
        except Exception as error:  # whatever it is, it would be tried again for ever
            what = f"{' '.join(move[:2])} at {here.stage} blows up: {type(error).__name__} {str(error)[:200]}"
            found.wrong("stuck", what, here, move)
        else:
            found.steps += 1
            found.edges[here].setdefault(there, move)
            await _look(house, there, found)
            if there not in found.edges and len(found.edges) < most and depth < DEEPEST:
                await _go_on(session, house, there, found, most, depth + 1)
        finally:
            await savepoint.rollback()
    session.expunge_all()


async def _look(house: House, here: Situation, found: Found) -> None:
    """Whether a state that is new may be: nothing owing at an end, somebody waited for before, a ledger that agrees."""
    if here in found.known:
        return
    found.known.add(here)
    if here.ended:
        if owing := await house.owing():
            found.wrong("stuck", f"ended as {here.stage} and left owing {' and '.join(owing)}", here)
    elif here.order[2] is None:
        found.wrong("stuck", f"at {here.stage} nobody is waited for", here)
    if await house.unwatched():
        found.wrong("stuck", f"nobody watches the parcel at {here.stage}", here)
    if what := await house.ledger():
        found.wrong("doubled", f"{what} at {here.stage}", here)


def _judge(found: Found) -> None:
    """Whoever can't come to a settled end, nor to a state that was not gone on from, is without a way on."""
    before: dict[Situation, set[Situation]] = defaultdict(set)
    for here, theres in found.edges.items():
        for there in theres:
            before[there].add(here)
    reached = {situation for situation in found.known if situation.settled} | found.beyond
    queue = deque(reached)
    while queue:
        for here in before[queue.popleft()] - reached:
            reached.add(here)
            queue.append(here)
    for situation in found.known - reached:
        what = f"no way from {situation.stage} {situation.order[2] or ''} {situation.shipment} to an end"
        found.wrong("stuck", what, situation)


async def all_states(home: Path, most: int) -> list[Found]:
    """Explores an order whose part is in stock, and one whose part must be bought each time."""
    async with running_postgres(home, free_port(), fast=True) as postgres:
        await migrate(postgres.url())
        engine = database_session.engine(postgres.url(), 2)
        sessions = database_session.sessions(engine)
        await seed(sessions, Settings())
        await world.enter(sessions, [PART], [])
        found = []
        for name, pieces in (("in stock", 10_000), ("to be bought", 0)):
            async with sessions() as session:
                found.append(await explore_order(session, name, pieces, most))
                await session.rollback()
        await engine.dispose()
    return found


async def explore_order(session: AsyncSession, name: str, pieces: int, most: int) -> Found:
    """From an order that was just received, with so many pieces of its part in stock."""
    return await explore(session, await received(session, pieces), name, most)


async def received(session: AsyncSession, pieces: int) -> House:
    """An order that waits to be taken, with so many pieces of its part in stock."""
    now = datetime.now(UTC)
    if pieces:
        await stock.move(
            session,
            PART,
            pieces,
            source=OPENING,
            target="HZ1/qualified",
            reason=MovementReason.OPENING,
            at=now,
            by=Role.SYSTEM,
            document="OPENING",
            effect="opening/states",
        )
    said = Application.model_validate(
        {"channel": "web", "customer": {"name": "客户", "phone": "15400000099"}, "product": "电器", "fault": "不转"}
    )
    applied = await apply(
        session, said, by="agent", role=Role.SERVICE_AGENT, key="states", now=now, policy=world.POLICY
    )
    await session.flush()
    return House(session, applied.state.number, now)
