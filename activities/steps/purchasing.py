"""The life of a purchase order: confirmed by signature, followed, received (policy 3.2.2, 3.2.3)."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select

from activities.steps.work import PurchaseSteps, PurchaseWork
from database import stock
from database.contracts import Offer
from database.purchases import offers, place, tried, waiting
from database.quotations import broken_by
from database.tables import (
    BackOrder,
    BackOrderState,
    MovementReason,
    OrderLine,
    Part,
    PurchaseLine,
    ReplacementOrder,
    Zone,
)
from domain.decisions import Confirm, PromiseLater, ReceiveGoods
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


async def receive_goods(work: PurchaseWork) -> None:
    """Accepted pieces go to qualified stock and at once to who waits for them; refused ones apart (policy 4.1.1)."""
    said, purchase = work.said(ReceiveGoods), work.document
    waits = await waiting(work.session, purchase.number)
    lines = {line.part: line for line in await _lines(work)}
    for received in said.lines:
        line = lines.get(received.part)
        if line is None:
            raise Refusal("part_not_ordered", f"{purchase.number} does not order part {received.part}")
        if received.accepted > line.quantity - line.received:
            raise Refusal("too_many", f"only {line.quantity - line.received} of {received.part} are outstanding")
        line.received += received.accepted
        line.refused += received.refused
        await _book(work, received.part, received.accepted, await _sound_zone(work, received.part))
        await _book(work, received.part, received.refused, Zone.NONCONFORMING)
    await work.session.flush()
    work.to_tell += await _give_out(work, waits)
    outstanding = {part: line.quantity - line.received for part, line in lines.items() if line.quantity > line.received}
    work.details |= {
        "received": [line.model_dump() for line in said.lines],
        "outstanding": outstanding,
        "orders": work.to_tell,
    }
    if any(line.refused for line in said.lines):
        work.told += [("goods_refused", Role.BUYER), ("goods_refused", Role.SERVICE_AGENT)]
    if not outstanding:
        work.to_tell += await _send_away(work)
        work.stage, work.wait = PurchaseStage.GOODS_RECEIVED, None
    elif work.document.stage is PurchaseStage.PLACED:
        work.start(Clock.ARRIVAL)


async def _book(work: PurchaseWork, part: str, quantity: int, zone: Zone) -> None:
    if quantity:
        await stock.move(
            work.session,
            part,
            quantity,
            source=stock.SUPPLIERS,
            target=await stock.place_of(work.session, work.document.warehouse, zone),
            reason=MovementReason.RECEIPT,
            at=work.at,
            by=work.step.by,
            document=work.document.number,
            effect=f"{work.effect}/{part}/{zone}",
        )


async def _sound_zone(work: PurchaseWork, part: str) -> Zone:
    """Where sound pieces of a part are kept: hazardous and valuable ones apart (policy 4.1.1)."""
    row = await work.session.get_one(Part, part)
    if row.hazard_class != "none":
        return Zone.HAZARDOUS
    return Zone.VALUABLES if row.value_class == "A" else Zone.QUALIFIED


async def _give_out(work: PurchaseWork, waits: Sequence[tuple[BackOrder, ReplacementOrder]]) -> list[str]:
    """Reserves what came in for the orders that wait for it; returns those that have news."""
    served: list[str] = []
    for back_order, order in waits:
        line = await work.session.get_one(OrderLine, back_order.line)
        zone = await _sound_zone(work, line.part)
        place = await stock.place_of(work.session, work.document.warehouse, zone)
        if await stock.hold(work.session, line, place, f"{work.effect}/{line.id}"):
            back_order.state = BackOrderState.SERVED
            served.append(order.number)
    return list(dict.fromkeys(served))


async def _send_away(work: PurchaseWork) -> list[str]:
    """Nothing more will come, and somebody's pieces went to others meanwhile: who still waits looks elsewhere."""
    waits = await waiting(work.session, work.document.number)
    for back_order, _ in waits:
        back_order.state = BackOrderState.WITHDRAWN
    await work.session.flush()
    return list(dict.fromkeys(order.number for _, order in waits))


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
            return await _nobody_else(work, part)
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
    work.wait = None
    return None


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


async def _lines(work: PurchaseWork) -> list[PurchaseLine]:
    rows = select(PurchaseLine).where(PurchaseLine.purchase_order == work.document.number).order_by(PurchaseLine.id)
    return list(await work.session.scalars(rows))


STEPS: PurchaseSteps = {
    Action.CONFIRM: confirm,
    Action.PROMISE_LATER: promise_later,
    Action.RECEIVE_GOODS: receive_goods,
    Action.PASS_ON: pass_on,
    Action.WITHDRAW: withdraw,
}
