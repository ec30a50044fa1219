"""The life of a purchase order: confirmed by signature, followed, received (policy 3.2.2, 3.2.3)."""

from datetime import datetime

from sqlalchemy import select

from activities.steps import paying, receiving
from activities.steps.owing import go_on
from activities.steps.work import PurchaseSteps, PurchaseWork
from database.contracts import Offer
from database.purchases import offers, place, tried, waiting
from database.quotations import broken_by
from database.tables import (
    ReplacementOrder,
)
from domain.decisions import Confirm, PromiseLater
from domain.stages import Action, PurchaseStage, Refusal, Role, Stage
from domain.waiting import Clock


async def confirm(work: PurchaseWork) -> None:
    """The supplier's signature and its promise (policy 3.2.2)."""
    said, purchase = work.said(Confirm), work.document
    if said.promised_at <= work.at:
        raise Refusal("invalid_time", "the promised date lies in the past")
    purchase.promised_at, purchase.signed_by = said.promised_at, said.signed_by
    late = said.promised_at > purchase.deliver_by
    work.details |= {"promised_at": said.promised_at.isoformat(), "later_than_asked": late}
    if late:
        work.told.append(("supplier_late", Role.SERVICE_AGENT))
    work.start(Clock.ARRIVAL, said.promised_at)
    await _tell_whom_it_comes_too_late(work, said.promised_at)


async def promise_later(work: PurchaseWork) -> None:
    """A delay, reported to the service centre (policy 3.2.3)."""
    said, purchase = work.said(PromiseLater), work.document
    if said.promised_at <= work.at:
        raise Refusal("invalid_time", "the promised date lies in the past")
    before = purchase.promised_at
    purchase.promised_at = said.promised_at
    work.details |= {
        "promised_at": [before.isoformat() if before else None, said.promised_at.isoformat()],
        "orders": [order.number for _, order in await waiting(work.session, purchase.number)],
    }
    work.start(Clock.ARRIVAL, said.promised_at)
    await _tell_whom_it_comes_too_late(work, said.promised_at)


async def _tell_whom_it_comes_too_late(work: PurchaseWork, promised_at: datetime) -> None:
    """Orders whose customers were told of an earlier date ask them again (policy 2.2.2), or no more."""
    waits = [order.number for _, order in await waiting(work.session, work.document.number)]
    if broken := await broken_by(work.session, waits, promised_at):
        work.details |= {"too_late_for": broken}
    asking = await work.session.scalars(
        select(ReplacementOrder.number).where(
            ReplacementOrder.number.in_(waits),
            ReplacementOrder.stage == Stage.SOURCING,
            ReplacementOrder.wait_clock == Clock.CONSENT,
        )
    )
    work.to_tell += sorted({*broken, *asking})


async def pass_on(work: PurchaseWork) -> None:
    """The next supplier by the policy's ranking takes over what is outstanding and still waited for."""
    purchase = work.document
    without = await tried(work.session, purchase)
    waits = await waiting(work.session, purchase.number)
    wanted: dict[str, int] = {}
    for back_order, _ in waits:
        wanted[back_order.part] = wanted.get(back_order.part, 0) + back_order.quantity
    by_supplier: dict[str, list[Offer]] = {}
    for part, quantity in sorted(wanted.items()):
        ranked = await offers(work.session, part, quantity, work.time, work.at, without)
        if not ranked:
            await _nobody_else(work, part)
            return
        by_supplier.setdefault(ranked[0].supplier, []).append(ranked[0])
    for supplier, parts in sorted(by_supplier.items()):
        number = await place(
            work.session,
            supplier,
            purchase.warehouse,
            parts,
            work.time,
            work.at,
            caused_by=purchase.number,
            replaces=purchase.number,
        )
        for back_order, _ in waits:
            if back_order.part in {offer.part for offer in parts}:
                back_order.purchase_order = number
        work.to_place.append(number)
    work.details |= {"taken_over_by": work.to_place}
    work.told += [("pass_on", Role.SUPPLIER), ("pass_on", Role.BUYER)]
    purchase.passed_on_at = work.at
    await go_on(work)


async def _nobody_else(work: PurchaseWork, part: str) -> None:
    """Without another supplier a person can't pass it on, and the clock keeps asking the buyer."""
    if work.step.role is not Role.SYSTEM:
        raise Refusal("no_supplier", f"no other qualified supplier offers part {part}")
    work.stage = work.document.stage
    work.details |= {"no_other_supplier_for": part}
    work.told.append(("no_other_supplier", Role.BUYER))


async def withdraw(work: PurchaseWork) -> None:
    """An order no longer waits. A purchase order that nobody waits for and nobody confirmed is taken back."""
    waits = await waiting(work.session, work.document.number)
    work.details |= {"still_waiting": [order.number for _, order in waits]}
    if not waits and work.document.stage is PurchaseStage.PLACED:
        work.stage, work.wait = PurchaseStage.WITHDRAWN, None
    elif not waits:
        work.details |= {"not_given_back": "the supplier has confirmed; the pieces go to free stock"}


STEPS: PurchaseSteps = {
    **receiving.STEPS,
    **paying.STEPS,
    Action.CONFIRM: confirm,
    Action.PROMISE_LATER: promise_later,
    Action.PASS_ON: pass_on,
    Action.WITHDRAW: withdraw,
}
