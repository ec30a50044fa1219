"""Every state that the house's own documents can come to: its tasks, corrective actions, requests for quotation."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import uuid4

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from activities.committing import take_step
from activities.steps import CORRECTIVES, REQUESTS, TASKS
from activities.steps.procedure import Procedure
from database import policies, requests, reviews, upkeep
from database.documents import AnyDocument, table_of
from database.tables import (
    CorrectiveAction,
    CountEntry,
    CountLine,
    Disposal,
    Invitation,
    RequestForQuotation,
    Submission,
    Supplier,
    SupplierBid,
    WarehouseTask,
)
from domain.bidding import Ask, BuyAtOnce
from domain.correcting import CorrectiveStage, Standing
from domain.counting import CountState
from domain.documents import kind_of
from domain.messages import DocumentState, Step
from domain.policy import Timekeeper
from domain.requests import RequestStage
from domain.reviews import last_ended
from domain.stages import Action, Role
from domain.tasks import TaskKind, TaskStage
from domain.waiting import Alarm
from faults import grounds, world
from faults.search import Flaw, Move

CODE: Final = "FAULTS-LIVES"
PART: Final = f"{CODE}-{grounds.PART}"
_ENDING: Final = (Action.OPEN_BIDS, Action.WORSEN)
"""Alarms that lead elsewhere."""
_KEEPER, _BUYER, _SUPERVISOR = Role.WAREHOUSE_KEEPER, Role.BUYER, Role.SUPERVISOR
_WHY: Final = {"explanation": "已核实"}

Says = tuple[str, Role, dict[str, Any]]
_SAID: Final[Mapping[Action, Sequence[Says]]] = {
    Action.FINISH_COUNT: [("keeper", _KEEPER, {})],
    Action.COUNT_AGAIN: [("supervisor", _SUPERVISOR, _WHY)],
    Action.APPROVE_ADJUSTMENT: [("supervisor", _SUPERVISOR, {})],
    Action.CALL_OFF: [("supervisor", _SUPERVISOR, _WHY)],
    Action.PUT_RIGHT: [("keeper", _KEEPER, {"note": "已修补"})],
    Action.ACCEPT_REMEDY: [("supervisor", _SUPERVISOR, {})],
    Action.REOPEN: [("supervisor", _SUPERVISOR, _WHY)],
    Action.ORDER_PROPOSED: [("buyer", _BUYER, {"quantity": 2}), ("buyer", _BUYER, {"quantity": 2, "supplier": "S05"})],
    Action.TURN_DOWN: [("buyer", _BUYER, _WHY)],
    Action.DECIDE_DISPOSAL: [
        ("supervisor", _SUPERVISOR, {"way": way, "quantity": 2}) for way in ("promotion", "return", "scrap")
    ],
    Action.DISPOSE: [("keeper", _KEEPER, {"quantity": pieces}) for pieces in (1, 2)],
    Action.IMPOSE: [("supervisor", _SUPERVISOR, _WHY)],
    Action.DISMISS: [("supervisor", _SUPERVISOR, _WHY)],
    Action.SUBMIT_EVIDENCE: [
        (CODE, Role.SUPPLIER, {"evidence": "检测报告"}),
        ("buyer", _BUYER, {"evidence": "检测报告"}),
    ],
    Action.WORSEN: [("supervisor", _SUPERVISOR, _WHY)],
    Action.VERIFY: [("buyer", _BUYER, _WHY), ("supervisor", _SUPERVISOR, _WHY)],
    Action.REJECT_EVIDENCE: [("buyer", _BUYER, _WHY)],
    Action.RELEASE: [("supervisor", _SUPERVISOR, _WHY), ("supervisor.wh", _SUPERVISOR, _WHY)],
    Action.NO_BID: [("S02", Role.SUPPLIER, {})],
    Action.OPEN_BIDS: [("buyer", _BUYER, {})],
    Action.ABANDON: [("buyer", _BUYER, _WHY)],
    Action.LOOK_INTO: [
        ("auditor", Role.AUDITOR, {"finding": finding, **_WHY}) for finding in ("justified", "not_justified")
    ],
}
"""Who says what with a decision, in every manner that leads elsewhere, where it does not depend on how things stand."""


@dataclass(frozen=True)
class Where:
    """Where a document stands. `rest` is what its kind has beside."""

    stage: Any
    ended: bool
    clock: str | None
    alarms: tuple[str, ...]
    rest: tuple[Any, ...]

    @property
    def settled(self) -> bool:
        return self.ended

    @property
    def said(self) -> str:
        return f"{self.stage} {self.clock or ''} {self.rest}"


class Paper:
    """One document in one transaction that is never committed; `errands` is what time it is."""

    def __init__(self, session: AsyncSession, number: str, now: datetime) -> None:
        self._session = session
        self._number = number
        self._kind = kind_of(number)
        self.errands = now

    async def situation(self) -> Where:
        self._session.expunge_all()
        row = await self._row()
        state = self._kind.state.model_validate(row.state)
        alarms = [str(alarm.action) for alarm in state.wait.alarms if alarm.action in _ENDING] if state.wait else []
        return Where(
            row.stage,
            row.stage in self._kind.life.ends,
            state.wait.clock if state.wait else None,
            tuple(sorted(alarms)),
            tuple([each async for each in self._rest(row, state)]),
        )

    async def moves(self) -> list[Move]:
        row = await self._row()
        state = self._kind.state.model_validate(row.state)
        found: list[Move] = []
        for action, rule in self._kind.life.rules.items():
            if rule.for_people and row.stage in rule.moves and action is not Action.MOVE_DUE:
                manners = len(await self._said(action))
                found += [("decide", str(action), str(manner)) for manner in range(manners)]
        if state.wait:
            found += [("alarm", str(alarm.action)) for alarm in state.wait.alarms if alarm.action in _ENDING]
        if row.stage is RequestStage.BIDDING and not self._deadline_over(row):
            found.append(("deadline",))
        return found

    async def do(self, move: Move) -> None:
        """Makes the move. Raises Refusal if it may not be made."""
        self.errands += timedelta(seconds=1)
        row = await self._row()
        state = self._kind.state.model_validate(row.state)
        match move:
            case ("decide", action, manner):
                by, role, content = (await self._said(Action(action)))[int(manner)]
                await self._decide(Action(action), by, role, content)
            case ("alarm", action):
                assert state.wait
                alarm = next(alarm for alarm in state.wait.alarms if alarm.action == action)
                self.errands = max(self.errands, alarm.at)
                await self._take(Action(action), alarm=alarm)
            case ("deadline",):
                assert isinstance(row, RequestForQuotation)
                assert row.deadline
                self.errands = row.deadline + timedelta(seconds=1)
        await self._session.flush()

    async def flaws(self, here: Where) -> list[Flaw]:
        """Ended with something undone or still waited for, open without, a standing that is another than was said."""
        row = await self._row()
        found: list[Flaw] = []
        if here.ended != (here.clock is None):
            found.append(("stuck", f"at {here.stage} {here.clock or 'nobody'} is waited for"))
        if here.stage is TaskStage.COUNTED and any(line.state not in _DONE for line in await self._lines()):
            found.append(("lost", "counted, and a line is not"))
        if isinstance(row, CorrectiveAction):
            stands = await self._session.scalar(select(Supplier.standing).where(Supplier.code == row.supplier))
            untouched = (CorrectiveStage.PROPOSED, CorrectiveStage.DISMISSED, CorrectiveStage.CORRECTED)
            wanted = Standing.QUALIFIED if here.stage in untouched else row.standing
            if stands != wanted:
                found.append(("lost", f"at {here.stage} the supplier is {stands}, should be {wanted}"))
        return found

    async def _rest(self, row: AnyDocument, state: DocumentState) -> AsyncIterator[Any]:
        match row:
            case WarehouseTask(kind=TaskKind.COUNT):
                for line in await self._lines():
                    entries = (
                        await self._session.scalars(
                            select(CountEntry).where(CountEntry.line == line.id).order_by(CountEntry.attempt)
                        )
                    ).all()
                    last = (entries[-1].by, entries[-1].quantity, entries[-1].book is None) if entries else ()
                    yield line.state, line.cause, line.quantity, min(len(entries), 4), last
            case WarehouseTask(kind=TaskKind.DISPOSAL):
                excess = await self._session.get_one(Disposal, self._number)
                yield excess.way, excess.quantity - excess.disposed
            case CorrectiveAction():
                yield row.standing, getattr(state, "verified_by", None)
            case RequestForQuotation():
                yield self._deadline_over(row)
                wanted = select(Invitation).where(Invitation.request == self._number).order_by(Invitation.supplier)
                for invited in await self._session.scalars(wanted):
                    yield invited.bid_at is not None, invited.declined_at is not None

    async def _said(self, action: Action) -> Sequence[Says]:
        """Who says what: as the table has it, or by how things stand."""
        match action:
            case Action.RECORD_COUNTS:
                lines = [line for line in await self._lines() if line.state in (CountState.OPEN, CountState.RECOUNT)]
                return [
                    (by, _KEEPER, {"lines": [_counted(line, missing) for line in lines]})
                    for by in ("keeper", "keeper.wh")
                    for missing in (0, 2)
                ]
            case Action.EXPLAIN_DIFFERENCES:
                lines = [line for line in await self._lines() if line.state is CountState.DIFFERS]
                explained = [{"place": line.place, "part": line.part, "cause": "not_booked"} for line in lines]
                return [("keeper", _KEEPER, {"lines": explained})]
            case Action.REPORT_ROUND:
                return [("keeper", _KEEPER, {"answers": _answers(sound)}) for sound in (True, False)]
            case Action.ANSWER_DEMAND:
                done_by = (self.errands + timedelta(days=1)).isoformat()
                said = {"cause": "模具", "measures": "更换", "done_by": done_by, "said_by": "王经理"}
                return [(CODE, Role.SUPPLIER, said)]
            case Action.BID:
                bid = {
                    "lines": [{"part": PART, "price": "60.00", "lead_days": 3}],
                    "valid_until": "2099-01-01",
                    "signed_by": "王经理",
                }
                by_paper = {**bid, "supplier": grounds.BY_PAPER, "evidence": "传真"}
                return [("S01", Role.SUPPLIER, bid), ("buyer", _BUYER, by_paper)]
            case Action.AWARD:
                return [("buyer", _BUYER, await self._award(order_now)) for order_now in (True, False)]
            case _:
                return _SAID[action]

    async def _award(self, order_now: bool) -> dict[str, Any]:
        bid = select(SupplierBid.supplier).where(SupplierBid.request == self._number).order_by(SupplierBid.supplier)
        winner = await self._session.scalar(bid.limit(1)) or "S01"
        lines = [{"part": PART, "supplier": winner, "quantity": 2}]
        return {"lines": lines, "order_now": order_now, "reason": "报价不足"}

    async def _decide(self, action: Action, by: str, role: Role, content: dict[str, Any]) -> None:
        submission = uuid4()
        said = {"action": action, **content}
        self._session.add(
            Submission(
                id=submission, document=self._number, idempotency_key=str(submission), digest=b"", action=action,
                content=said, by=by, role=role, at=self.errands,
            )
        )  # fmt: skip
        await self._session.flush()
        await self._take(action, by=by, role=role, submission=submission)

    async def _take(self, action: Action, alarm: Alarm | None = None, **facts: Any) -> None:
        facts = {"by": Role.SYSTEM, "role": Role.SYSTEM, **facts}
        seq = (await self._row()).seq + 1
        step = Step(document=self._number, seq=seq, action=action, at=self.errands, alarm=alarm, **facts)
        await take_step(self._session, _PROCEDURES[self._kind.prefix], step)

    def _deadline_over(self, row: AnyDocument) -> bool:
        deadline = row.deadline if isinstance(row, RequestForQuotation) else None
        return deadline is not None and deadline < self.errands

    async def _row(self) -> AnyDocument:
        return await self._session.get_one(table_of(self._kind), self._number)

    async def _lines(self) -> Sequence[CountLine]:
        return (await self._session.scalars(select(CountLine).where(CountLine.task == self._number))).all()


_DONE: Final = (CountState.MATCHED, CountState.ADJUSTED)
_PROCEDURES: Final[Mapping[str, Procedure[Any, Any]]] = {"WT": TASKS, "CA": CORRECTIVES, "RFQ": REQUESTS}


def _counted(line: CountLine, missing: int) -> dict[str, Any]:
    there = grounds.SHELF[line.part.rpartition("-")[2]]
    return {"place": line.place, "part": line.part, "quantity": there - missing}


def _answers(sound: bool) -> list[dict[str, Any]]:
    return [{"item": item, "sound": sound or item != "leaks", "note": "屋顶漏水"} for item in world.check_list()]


# --- how each kind begins -----------------------------------------------------------------------------------

Begins = Callable[[AsyncSession, Timekeeper, datetime], Awaitable[str]]


async def count(session: AsyncSession, time: Timekeeper, now: datetime) -> str:
    await grounds.shelf(session, CODE, now)
    [number] = await upkeep.begin_count(session, CODE, "B", time, now, cause="states")
    return number


async def safety_round(session: AsyncSession, time: Timekeeper, now: datetime) -> str:
    await grounds.shelf(session, CODE, now)
    return await _task(session, await upkeep.begin_due(session, CODE, time, now), TaskKind.ROUND)


async def finding(session: AsyncSession, time: Timekeeper, now: datetime) -> str:
    made = Paper(session, await safety_round(session, time, now), now)
    await made.do(("decide", Action.REPORT_ROUND, "1"))
    found = await session.scalars(select(WarehouseTask.number).where(WarehouseTask.kind == TaskKind.FINDING))
    return found.one()


async def replenishment(session: AsyncSession, time: Timekeeper, now: datetime) -> str:
    await grounds.levels(session, CODE, now)
    return await _task(session, await upkeep.propose(session, CODE, time, now), TaskKind.REPLENISHMENT)


async def disposal(session: AsyncSession, time: Timekeeper, now: datetime) -> str:
    await grounds.levels(session, CODE, now)
    return await _task(session, await upkeep.propose(session, CODE, time, now), TaskKind.DISPOSAL)


async def corrective_action(session: AsyncSession, time: Timekeeper, now: datetime) -> str:
    await grounds.supplier(accepted=3, refused=3)(session, CODE, now)
    [number] = await reviews.review(session, last_ended(time.today(now), time.policy.review), time, now)
    return number


async def request(session: AsyncSession, time: Timekeeper, now: datetime) -> str:
    await grounds.part(session, CODE, now)
    question = Ask.model_validate({"lines": [{"part": PART, "quantity": 2}]})
    asked = await requests.ask(session, question, by="buyer", key="states", now=now, policy=world.POLICY)
    return asked.state.number


async def emergency(session: AsyncSession, time: Timekeeper, now: datetime) -> str:
    await grounds.part(session, CODE, now)
    lines = [{"part": PART, "quantity": 2, "price": "88.00"}]
    bought = BuyAtOnce.model_validate({"supplier": "S01", "lines": lines, "reason": "客户停产"})
    asked = await requests.buy_at_once(session, bought, by="buyer", key="states", now=now, policy=world.POLICY)
    return asked.state.number


async def _task(session: AsyncSession, numbers: Sequence[str], kind: TaskKind) -> str:
    wanted = select(WarehouseTask.number).where(WarehouseTask.number.in_(numbers), WarehouseTask.kind == kind)
    return (await session.scalars(wanted)).one()


BEGINNINGS: Final[Sequence[Begins]] = (
    count, safety_round, finding, replenishment, disposal, corrective_action, request, emergency,
)  # fmt: skip


async def begun(session: AsyncSession, begins: Begins, now: datetime) -> Paper:
    """A document of its kind that has just come into being."""
    time = await policies.timekeeper(session, await policies.newest(session, world.POLICY))
    number = await begins(session, time, now)
    await session.flush()
    return Paper(session, number, now)
