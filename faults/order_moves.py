"""Everything that can happen to an order: what people decide, what carriers, suppliers and alarms do."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final
from uuid import uuid4

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert

from activities.committing import take_step
from activities.steps import ORDERS, PURCHASES
from carriers.protocol import Recall
from database.tables import (
    Parcel,
    PurchaseLine,
    PurchaseOrder,
    ReceivedLot,
    Shipment,
    ShipmentState,
    Submission,
)
from domain.messages import OrderState, PurchaseState, Step
from domain.parcels import Milestone
from domain.stages import ENDS, ORDER, PURCHASE, Action, Role, Stage
from domain.waiting import Alarm, Clock
from faults.order_situation import ENDING_ALARMS, PART, SCANS, Reading
from faults.search import Move

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
    Action.KEEP: ((None, {"explanation": "仍由该厂供货"}),),
}
"""What is said with a decision, in every manner that leads elsewhere; nothing where the action says it all."""
_IN_TWO_MANNERS: Final = {Action.RECEIVE_GOODS, Action.INSPECT_GOODS, Action.CONFIRM, Action.PROMISE_LATER}
"""All or not all of the goods come, and are good; in time, or so late that the customer is asked again."""
_TIMES: Final = {Action.BOOK_APPOINTMENT, Action.CONFIRM, Action.PROMISE_LATER, Action.MOVE_DUE}
_LEADING_NOWHERE: Final = {
    Action.AMEND,
    Action.MOVE_DUE,
    Action.TAKE_AUDIT,
    Action.HAND_ON_AUDIT,
    Action.RELEASE_AUDIT,
    Action.SUBSTITUTE,
}
"""Whose work it is and until when, how the customer is reached, or that another part does as well, leads to no other
state."""
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
_TOLD_BY: Final = {Milestone.DELIVERED: Action.DELIVER, Milestone.RETURNING: Action.TURN_BACK}


class House(Reading):
    """One order in one transaction that is never committed."""

    async def moves(self) -> list[Move]:
        """Everything that can happen next."""
        order = await self._order()
        state = OrderState.model_validate(order.state)
        found: list[Move] = []
        if state.stage not in ENDS:
            found += _decisions("decide", ORDER.rules, state.stage)
            found += [("alarm", a.action) for a in state.wait.alarms if a.action in ENDING_ALARMS] if state.wait else []
            if self.errands.booking:
                found += [("booked",), ("booking_refused",)]
            if self.errands.recall and state.stage is Stage.SETTLING:
                found.append(("recall",))
            if self.errands.restock and state.stage is Stage.SOURCING:
                found.append(("restock",))
        parcel = await self._session.get(Parcel, state.shipment) if state.shipment else None
        shipment = await self._session.get(Shipment, state.shipment) if state.shipment else None
        if parcel and shipment and shipment.state not in (ShipmentState.LOST, ShipmentState.RECEIVED_BACK):
            found += [("scan", milestone) for milestone in SCANS.get(parcel.milestone, ())]
        for place, (purchase, line) in enumerate(await self._purchases()):
            wait = PurchaseState.model_validate(purchase.state).wait
            to_come = await self._to_come(line)
            for kind, action, manner in _decisions("purchase", PURCHASE.rules, purchase.stage):
                nothing_comes = action == Action.RECEIVE_GOODS and to_come <= int(manner)
                if action not in _BETWEEN_OTHERS and not nothing_comes:
                    found.append((kind, action, manner, str(place)))
            found += [("ring", a.action, str(place)) for a in wait.alarms if a.action in ENDING_ALARMS] if wait else []
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
                while action == Action.SETTLE_CLAIM and await self._claim():  # no state says how many there are
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
                return {"claim": await self._claim() or 10**6, "amount": "1.00", "explanation": "赔付"}
            case Action.RECEIVE_GOODS:
                line = (
                    await self._session.scalars(select(PurchaseLine).where(PurchaseLine.purchase_order == document))
                ).one()
                note, counted = str(self.errands.now.timestamp()), await self._to_come(line) - manner
                return {"delivery_note": note, "lines": [{"part": PART, "counted": counted}]}
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
            state = await take_step(self._session, ORDERS, step)
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
            told = (await take_step(self._session, PURCHASES, step)).to_tell
            waits = Stage((await self._order()).stage) not in ENDS
            self.errands = replace(self.errands, restock=self.errands.restock or (waits and self._number in told))


def _decisions(kind: str, rules: Mapping[Action, Any], stage: Any) -> Iterator[tuple[str, str, str]]:
    for action, rule in rules.items():
        if rule.for_people and stage in rule.moves and action not in _LEADING_NOWHERE:
            manners = 2 if action in _IN_TWO_MANNERS else len(_SAID.get(action, ((),)))
            yield from ((kind, str(action), str(manner)) for manner in range(manners))
