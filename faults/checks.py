"""What must hold whatever happened: ledger, reservations, chains, clocks, both sides, and nobody waiting for nobody."""

import asyncio
from collections.abc import AsyncIterator, Collection, Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from sqlalchemy import Select, case, func, select, text
from sqlalchemy.ext.asyncio import AsyncSession
from temporalio.client import WorkflowExecutionStatus
from temporalio.service import RPCError, RPCStatusCode

from carriers.server.depot import Depot
from database.documents import AnyDocument, table_of
from database.log import verify
from database.session import Sessions
from database.tables import (
    Appointment,
    AppointmentState,
    BackOrder,
    BackOrderState,
    Claim,
    ClaimState,
    EventLog,
    InvoiceState,
    Movement,
    OrderLine,
    Parcel,
    PurchaseLine,
    PurchaseOrder,
    ReceivedLot,
    ReplacementOrder,
    Reservation,
    ReservationState,
    Shipment,
    ShipmentState,
    Stock,
    SupplierClaim,
    SupplierInvoice,
    SupplierReturn,
)
from domain.documents import KINDS
from domain.messages import OrderState
from domain.stages import Action
from domain.waiting import Wait
from faults.people import Answered
from faults.posted import messages
from faults.stack import Stack
from faults.tally import Difference
from faults.world import EARLIER
from runtime.search_attributes import STAGE
from runtime.temporal import document_workflow

RUNG_BY: Final = timedelta(seconds=20)
"""How long after its instant an alarm may still be about to be put on record when nothing is disturbed."""
RUNG_AFTER_TROUBLE: Final = timedelta(seconds=150)
"""The same where parts were away for a minute, and what was tried meanwhile is tried again a minute later."""
CATCH_UP_WITHIN: Final = 120
"""Seconds for what piled up while parts were away."""
_CANCELLED_CODE: Final = "401"
_ALARMS: Final = (
    Action.REMIND,
    Action.ESCALATE,
    Action.CHECK_IN,
    Action.UNANSWERED,
    Action.LATE,
    Action.LAPSE,
    Action.EXPIRE,
    Action.RESUME,
    Action.MAKE_FINAL,
    Action.GIVE_UP,
    Action.WORSEN,
    Action.OPEN_BIDS,
    Action.PASS_ON,
)
"""What nobody does but a person, or the clock at its instant."""
UNPLAYED: Final[Mapping[tuple[str, Action], str]] = {
    **{
        (kind.prefix, action): "only if somebody takes long"
        for kind in KINDS
        for action in (Action.REMIND, Action.ESCALATE)
    },
    ("RO", Action.PICK_UP): "only if the carrier's scan comes before the keeper's word",
    ("RFQ", Action.MOVE_DUE): "only if suppliers are slow to bid",
    ("CA", Action.REVIEWED_WORSE): "takes a review of another quarter, which no run lives to see",
}
"""What need not happen in a run, by the letters that the documents' numbers begin with, and why."""


async def all_checks(
    stack: Stack,
    answered: list[Answered],
    forgotten: Collection[str] = frozenset(),
    latest: timedelta = RUNG_AFTER_TROUBLE,
) -> list[Difference]:
    """Everything that must hold; `forgotten` are orders that were begun after the backup that was restored, `latest`
    is how long after its instant an alarm may have rung."""
    found: list[Difference] = []
    async with stack.sessions() as session:
        for check in (ledger, reservations, chains, nothing_owing):
            found += [each async for each in check(session)]
        found += [each async for each in clocks(session, latest)]
        found += [each async for each in answers(session, answered)]
        found += [each async for each in waybills(session, stack.parcels, forgotten)]
    found += await _once_caught_up(stack)
    found += [each async for each in messages(stack.sessions, stack.mails)]
    return found + [each async for each in both_sides(stack)]


async def _once_caught_up(stack: Stack) -> list[Difference]:
    """Who waits for nobody, once those that are alive had the time to ring what rang while they were not."""
    for _ in range(CATCH_UP_WITHIN // 5):
        async with stack.sessions() as session:
            if not [each async for each in waits(session)]:
                break
        await asyncio.sleep(5)
    async with stack.sessions() as session:
        return [each async for each in waits(session)]


async def ledger(session: AsyncSession) -> AsyncIterator[Difference]:
    """Every part adds up to nothing over all places, and every balance to its movements."""
    for part, total in await session.execute(
        select(Stock.part, func.sum(Stock.on_hand)).group_by(Stock.part).having(func.sum(Stock.on_hand) != 0)
    ):
        yield Difference("lost", f"ledger: {part} adds up to {total} over all places")
    moved = case((Movement.target == Stock.place, Movement.quantity), else_=-Movement.quantity)
    sums = (
        select(Stock.place, Stock.part, Stock.on_hand, func.coalesce(func.sum(moved), 0).label("moved"))
        .outerjoin(Movement, (Movement.part == Stock.part) & Stock.place.in_((Movement.source, Movement.target)))
        .group_by(Stock.place, Stock.part)
        .subquery()
    )
    for place, part, on_hand, total in await session.execute(select(sums).where(sums.c.on_hand != sums.c.moved)):
        yield Difference("lost", f"ledger: {on_hand} of {part} in {place}, but {total} by its movements")


async def reservations(session: AsyncSession) -> AsyncIterator[Difference]:
    """What is reserved of a stock is what reservations hold."""
    held = (
        select(func.coalesce(func.sum(Reservation.quantity), 0))
        .where(
            Reservation.place == Stock.place,
            Reservation.part == Stock.part,
            Reservation.state == ReservationState.HELD,
        )
        .scalar_subquery()
    )
    rows = await session.execute(select(Stock.place, Stock.part, Stock.reserved, held).where(Stock.reserved != held))
    for place, part, reserved, total in rows:
        yield Difference("lost", f"stock: {reserved} of {part} reserved in {place}, {total} by reservations")


async def chains(session: AsyncSession) -> AsyncIterator[Difference]:
    async for chain in verify(session):
        if chain.broken:
            yield Difference("lost", f"log of {chain.document}, step {chain.broken.seq}: {chain.broken.what}")


async def nothing_owing(session: AsyncSession) -> AsyncIterator[Difference]:
    """What ended holds nothing, waits for nothing, and is owed nothing."""
    ended = select(ReplacementOrder.number).where(ReplacementOrder.ended_at.is_not(None))
    of_lines = select(OrderLine.id).where(OrderLine.order.in_(ended))
    under_way = (
        ShipmentState.PREPARING,
        ShipmentState.PACKED,
        ShipmentState.BOOKED,
        ShipmentState.HANDED_OVER,
        ShipmentState.TURNED_BACK,
        ShipmentState.CALLING_OFF,
    )
    for what, owing in (
        ("reservation of", select(Reservation.effect).where(
            Reservation.line.in_(of_lines), Reservation.state == ReservationState.HELD)),
        ("back order of", select(BackOrder.order).where(
            BackOrder.order.in_(ended), BackOrder.state == BackOrderState.WAITING)),
        ("open claim of", select(Claim.order).where(Claim.order.in_(ended), Claim.state == ClaimState.OPEN)),
        ("appointment of", select(Appointment.order).where(
            Appointment.order.in_(ended), Appointment.state == AppointmentState.BOOKED)),
        ("shipment", select(Shipment.id).where(Shipment.order.in_(ended), Shipment.state.in_(under_way))),
        *_owed_by_suppliers(),
    ):  # fmt: skip
        for owner in await session.scalars(owing):
            yield Difference("stuck", f"it ended and left owing: {what} {owner}")


def _owed_by_suppliers() -> Iterator[tuple[str, Select[str]]]:
    """Lots to inspect, goods to hand back, money of purchase orders that ended."""
    ended = select(PurchaseOrder.number).where(
        PurchaseOrder.ended_at.is_not(None), PurchaseOrder.number.not_like(f"{EARLIER}%")
    )
    for what, table, open_ in (
        ("lot of", ReceivedLot, ReceivedLot.verdict.is_(None)),
        ("return of", SupplierReturn, SupplierReturn.handed_back_at.is_(None)),
        ("claim on the supplier of", SupplierClaim, SupplierClaim.state == ClaimState.OPEN),
        ("invoice of", SupplierInvoice, SupplierInvoice.state == InvoiceState.DIFFERS),
        ("invoice to come of", PurchaseLine, PurchaseLine.paid < PurchaseLine.received),
    ):
        yield what, select(table.purchase_order).where(table.purchase_order.in_(ended), open_)


async def clocks(session: AsyncSession, latest: timedelta = RUNG_AFTER_TROUBLE) -> AsyncIterator[Difference]:
    """No alarm rang before its recorded instant, and none later than this after it, or after the document got its
    workflow. One may be put off, never brought forward."""
    alive = {
        number: started_at
        for kind in KINDS
        for number, started_at in await session.execute(select(table_of(kind).number, table_of(kind).started_at))
    }
    before = select(EventLog.document, (EventLog.seq + 1).label("seq"), EventLog.state).subquery()
    rows = await session.execute(
        select(EventLog.document, EventLog.seq, EventLog.action, EventLog.at, before.c.state)
        .join(before, (before.c.document == EventLog.document) & (before.c.seq == EventLog.seq))
        .where(EventLog.action.in_(_ALARMS), EventLog.submission.is_(None))
    )
    for document, seq, action, at, state in rows:
        set_for = [alarm.at for alarm in Wait.model_validate(state["wait"]).alarms if alarm.action == action]
        if not any(instant <= at for instant in set_for):
            yield Difference("doubled", f"{document}, step {seq}: {action} rang at {at}, which nobody had set")
        elif (late := at - max(min(set_for), alive[document] or at)) > latest:
            yield Difference("stuck", f"{document}, step {seq}: {action} rang at {at}, {late} too late")


PUT_OFF: Final = (Action.NO_PICKUP_SCAN, Action.NO_MOVEMENT)
"""News of a parcel puts these off without a word on record."""


async def waits(session: AsyncSession) -> AsyncIterator[Difference]:
    """Whatever is open waits for somebody, and an alarm is yet to ring."""
    now = datetime.now(UTC)
    told = set(await session.scalars(select(Parcel.shipment).where(Parcel.told_at.is_not(None))))
    for kind in KINDS:
        table = table_of(kind)
        open_ones: Iterable[AnyDocument] = await session.scalars(select(table).where(table.ended_at.is_(None)))
        for row in open_ones:
            state = kind.state.model_validate(row.state)
            moves = isinstance(state, OrderState) and state.shipment in told
            wait = state.wait.without(*PUT_OFF) if state.wait and moves else state.wait
            if what := _silent(wait, now):
                yield Difference("stuck", f"{row.number} at {row.stage} {what}")


def _silent(wait: Wait | None, now: datetime) -> str | None:
    if wait is None or wait.next is None:
        return "waits for nobody"
    if wait.next.at < now - RUNG_BY:
        return f"has heard nothing of {wait.next.action}, due at {wait.next.at}"
    return None


async def answers(session: AsyncSession, answered: list[Answered]) -> AsyncIterator[Difference]:
    """What somebody was told is on record stands there, and once."""
    for said in answered:
        row = await session.get(EventLog, (said.document, said.seq))
        if row is None or row.action != said.action:
            yield Difference("lost", f"{said.document}: {said.action} was answered as step {said.seq} and is not there")
    twice = select(EventLog.submission).where(EventLog.submission.is_not(None)).group_by(EventLog.submission)
    for submission in await session.scalars(twice.having(func.count() > 1)):
        yield Difference("doubled", f"submission {submission} was decided twice")


async def waybills(
    session: AsyncSession, folder: Path, forgotten: Collection[str] = frozenset()
) -> AsyncIterator[Difference]:
    """The carrier's own list against ours: each booked shipment once, and nothing we do not know of."""
    depot = Depot(folder)
    theirs = {parcel.order_id: parcel for parcel in depot.parcels(datetime.now(UTC).timestamp())}
    depot.close()
    ours = (await session.execute(text("select shipment, waybill from parcel"))).all()
    states = dict((await session.execute(select(Shipment.id, Shipment.state))).tuples().all())
    for shipment, waybill in ours:
        parcel = theirs.pop(shipment, None)
        if parcel is None or parcel.number != waybill:
            yield Difference("lost", f"{shipment}: waybill {waybill}, the carrier has {parcel and parcel.number}")
        elif states[shipment] is ShipmentState.CALLED_OFF and _CANCELLED_CODE not in parcel.codes:
            yield Difference("stuck", f"{shipment} was called off and the carrier carries it all the same")
    for shipment, parcel in theirs.items():
        if _CANCELLED_CODE not in parcel.codes and not (shipment or "").startswith(tuple(forgotten)):
            yield Difference("lost", f"the carrier carries {parcel.number} for {shipment}, which nobody knows")


async def both_sides(stack: Stack) -> AsyncIterator[Difference]:
    """Every document stands where its workflow stands: ended ones have ended, open ones run and say the same stage."""
    async with stack.sessions() as session:
        rows = [
            (number, str(stage), stage in kind.life.ends)
            for kind in KINDS
            for number, stage in await session.execute(select(table_of(kind).number, table_of(kind).stage))
            if not number.startswith(EARLIER)
        ]
    for number, stage, ended in rows:
        handle = stack.temporal.get_workflow_handle(document_workflow(number))
        try:
            described = await handle.describe()
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
            yield Difference("stuck", f"{number} at {stage} has no workflow")
            continue
        if ended:
            completed = described.status is WorkflowExecutionStatus.COMPLETED
            theirs = await handle.result() if completed else str(described.status and described.status.name)
        else:
            theirs = described.typed_search_attributes.get(STAGE) or "?"
        if theirs != stage:
            yield Difference("stuck", f"{number} is at {stage}, its workflow at {theirs}")


async def unplayed(sessions: Sessions) -> list[str]:
    """What the machines know and no case has brought about, once all of them were played."""
    kind = func.split_part(EventLog.document, "-", 1)
    async with sessions() as session:
        done = {(prefix, action) for prefix, action in await session.execute(select(kind, EventLog.action).distinct())}
    known = {(each.prefix, action) for each in KINDS for action in each.life.rules}
    return [f"{prefix} {action}" for prefix, action in sorted(known - done - UNPLAYED.keys())]
