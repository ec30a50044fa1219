"""What is still owing between a supplier and us: goods, inspections, returns, money (policy 3.2.3)."""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, exists, select

from activities.steps.work import PurchaseWork
from database.purchases import lines_of, waiting
from database.tables import (
    BackOrderState,
    ClaimState,
    InvoiceState,
    PurchaseLine,
    ReceivedLot,
    SupplierClaim,
    SupplierInvoice,
    SupplierReturn,
)
from domain.stages import PURCHASE_OPEN, PurchaseStage
from domain.waiting import Clock


async def go_on(work: PurchaseWork) -> None:
    """What is waited for now that something has come in, gone back or been paid.

    The order ends when nothing is owing any more on either side.
    """
    await work.session.flush()
    lines = await lines_of(work.session, work.document.number)
    outstanding = {line.part: line.quantity - line.received for line in lines if line.received < line.quantity}
    inspects = await _owes(work, ReceivedLot, ReceivedLot.verdict.is_(None))
    if work.stage in PURCHASE_OPEN and outstanding:
        work.details |= {"outstanding": outstanding}
        return _wait_for(work, Clock.INCOMING_INSPECTION) if inspects else _wait_for_goods(work)
    if work.stage in PURCHASE_OPEN:
        work.document.received_at = work.at
        work.to_tell += await send_away(work)
    work.stage = PurchaseStage.TO_SETTLE
    if inspects:
        _wait_for(work, Clock.INCOMING_INSPECTION)
    elif await _owes(work, SupplierReturn, SupplierReturn.handed_back_at.is_(None)):
        _wait_for(work, Clock.HAND_BACK)
    elif await _money_is_owing(work, lines):
        _wait_for(work, Clock.ACCOUNT)
    else:
        work.stage = PurchaseStage.PASSED_ON if work.document.passed_on_at else PurchaseStage.GOODS_RECEIVED
        work.wait = None
    return None


async def _money_is_owing(work: PurchaseWork, lines: Sequence[PurchaseLine]) -> bool:
    return (
        any(line.paid < line.received for line in lines)
        or await _owes(work, SupplierClaim, SupplierClaim.state == ClaimState.OPEN)
        or await _owes(work, SupplierInvoice, SupplierInvoice.state == InvoiceState.DIFFERS)
    )


async def _owes(
    work: PurchaseWork,
    table: type[ReceivedLot | SupplierReturn | SupplierClaim | SupplierInvoice],
    condition: ColumnElement[bool],
) -> bool:
    there = exists().where(table.purchase_order == work.document.number, condition)
    return bool(await work.session.scalar(select(there)))


def _wait_for(work: PurchaseWork, clock: Clock) -> None:
    """The clock runs on if it is this one already."""
    if work.wait is None or work.wait.clock is not clock:
        work.start(clock)


def _wait_for_goods(work: PurchaseWork) -> None:
    """Until the promised date; where that is past, as long as the policy allows. What is held stays so."""
    promised = work.document.promised_at
    if work.wait is None or work.wait.clock not in (Clock.ARRIVAL, Clock.HELD):
        work.start(Clock.ARRIVAL, promised if promised and promised > work.at else None)


async def send_away(work: PurchaseWork) -> list[str]:
    """Nothing more will come, and somebody's pieces went to others meanwhile: who still waits looks elsewhere."""
    waits = await waiting(work.session, work.document.number)
    for back_order, _ in waits:
        back_order.state = BackOrderState.WITHDRAWN
    await work.session.flush()
    return list(dict.fromkeys(order.number for _, order in waits))
