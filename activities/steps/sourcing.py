"""Sourcing: stock first, else a purchase order at once (policy 3.2)."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import func, select

from activities.steps import auditing
from activities.steps.quoting import ask_again_if_later, is_asked
from activities.steps.work import OrderSteps, OrderWork, lines_in
from database import allocation, stock
from database.purchases import expected_from, lock_running, order_missing, withdraw
from database.reading.substitutes import substitutes
from database.tables import (
    CarrierAccount,
    EventLog,
    LineState,
    OrderLine,
    ReservationState,
    Shipment,
    ShipmentLine,
    ShipmentState,
)
from domain.order_decisions import Substitute
from domain.stages import Action, Refusal, Role, Stage
from domain.waiting import Clock


async def source(work: OrderWork) -> None:
    """What is wanted is looked for in stock and with suppliers (policy 3.2.1)."""
    work.start(Clock.PARTS)
    if lines := await _supply(work):
        await go_on_if_complete(work, lines)


async def source_again(work: OrderWork) -> None:
    """Looked for once more; the clock runs on."""
    if not await lines_in(work, LineState.WANTED):
        raise Refusal("invalid_decision", "every part is reserved or on order")
    if lines := await _supply(work):
        await go_on_if_complete(work, lines)


async def _supply(work: OrderWork) -> Sequence[OrderLine]:
    """Reserves what stock has, orders the rest; returns the order's lines.

    Nothing is taken or bought that is not signed for as it stands now: such an order goes to the audit (policy 2.3.2),
    and no line is returned.
    """
    if unsigned := await auditing.missing_signatures(work):
        work.stage = Stage.AUDIT
        work.details |= {"unsigned": list(unsigned)}
        return ()
    lines = await lines_in(work, *LineState)
    missing = await _reserve(work, [line for line in lines if line.state is LineState.WANTED])
    work.to_place += await order_missing(work.session, work.document, missing, work.time, work.at, work.effect)
    await _expect(work, lines, bool(missing))
    if missing:
        work.details |= {"back_ordered": [line.part for line, _ in missing], "purchase_orders": work.to_place}
    return lines


async def _reserve(work: OrderWork, wanted: Sequence[OrderLine]) -> list[tuple[OrderLine, int]]:
    """Reserves what there is of these lines, where the policy looks for it; returns how many are missing of each.

    Purchase orders that may have the rest are locked before any stock is, in the order in which they take both.
    """
    if not wanted:
        return []
    session, centre, look = work.session, work.document.service_centre, work.time.policy.sourcing.look
    kept, awaited = await stock.supplied(session, [line.id for line in wanted])
    needed = {line.id: line.quantity - kept[line.id] - awaited[line.id] for line in wanted}
    free = await stock.free_for(session, {line.part for line in wanted}, centre, look)
    by_part = Counter[str]()
    for line in wanted:
        by_part[line.part] += needed[line.id]
    await lock_running(session, {part for part, pieces in by_part.items() if pieces > free[part]})
    missing = []
    for line in wanted:
        got = await stock.reserve(session, line, needed[line.id], centre, look, work.effect) if needed[line.id] else 0
        if got < needed[line.id]:
            missing.append((line, needed[line.id] - got))
        else:
            line.state = LineState.BACK_ORDERED if awaited[line.id] else LineState.RESERVED
    return missing


async def _expect(work: OrderWork, lines: Sequence[OrderLine], missing: bool) -> None:
    """When the last of the parts should be here: as promised, else as asked for (policy 3.2.3)."""
    waits = missing or any(line.state is LineState.BACK_ORDERED for line in lines)
    awaited = await expected_from(work.session, [line.id for line in lines]) if waits else {}
    dates = [purchase.promised_at or purchase.deliver_by for purchase in awaited.values()]
    work.document.parts_expected_at = max(dates, default=None)


async def _tell_of_delay(work: OrderWork, before: datetime | None) -> None:
    """The customer hears of a delay once it is longer than the policy's threshold, in one go or little by little,
    unless asked again because of it."""
    expected = work.document.parts_expected_at
    if before is None or expected is None or expected == before:
        return
    threshold = work.time.after(await _last_told(work, before), work.time.policy.follow_up.tell_customer)
    asked_again = (Action.QUOTE, Role.CUSTOMER) in work.told
    if expected > threshold and not asked_again:
        work.told.append(("parts_later", Role.CUSTOMER))
    work.details |= {
        "parts_expected_at": [before.isoformat(), expected.isoformat()],
        "customer_told": expected > threshold or asked_again,
    }


async def _last_told(work: OrderWork, before: datetime) -> datetime:
    """The date that the customer knows: of the parts' moves in this round the last that was told, else the first."""
    moves = (
        await work.session.scalars(
            select(EventLog.details)
            .where(
                EventLog.document == work.document.number,
                EventLog.round == work.document.round,
                EventLog.details.has_key("parts_expected_at"),
            )
            .order_by(EventLog.seq)
        )
    ).all()
    told = [details["parts_expected_at"][1] for details in moves if details.get("customer_told")]
    known = told[-1:] or [details["parts_expected_at"][0] for details in moves[:1]]
    return datetime.fromisoformat(known[0]) if known else before


async def restock(work: OrderWork) -> None:
    """Pieces came in: the lines they were kept for are reserved now. What a line neither has nor waits for any more,
    as its pieces went to others, is looked for anew. Or a supplier let us know: pieces that come much later than the
    customer was told need another consent (policy 2.2.2)."""
    before = work.document.parts_expected_at
    back_ordered = await lines_in(work, LineState.BACK_ORDERED)
    ids = [line.id for line in back_ordered]
    kept, awaited = await stock.supplied(work.session, ids)
    for line in back_ordered:
        if kept[line.id] >= line.quantity:
            line.state = LineState.RESERVED
        elif kept[line.id] + awaited[line.id] < line.quantity:
            line.state = LineState.WANTED
    if given := [held for held in await stock.held(work.session, ids) if held.because]:
        work.details |= {"given": [[held.part, held.quantity, held.place, held.because] for held in given]}
    if lines := await _supply(work):
        await ask_again_if_later(work)
        await go_on_if_complete(work, lines)
        await _tell_of_delay(work, before)


async def expire(work: OrderWork) -> None:
    """What is kept for an order that can't be completed in time goes to who waits for it; then the order looks again
    (policy 3.2.1)."""
    lines = await lines_in(work, LineState.WANTED, LineState.BACK_ORDERED, LineState.RESERVED)
    parts = {line.part for line in lines}
    await lock_running(work.session, parts)
    waits = await allocation.queue(work.session, parts)
    expired = await stock.release(work.session, [line.id for line in lines], ReservationState.EXPIRED)
    if not expired:
        return
    others = [(back_order, order) for back_order, order in waits if order.number != work.document.number]
    given = await allocation.give_out(work.session, others, work.effect)
    work.to_tell += sorted({each.order for each in given})
    work.details |= {
        "expired": [[held.part, held.quantity, held.place] for held in expired],
        "given_to": [each.told for each in given],
    }
    lost = {held.line for held in expired}
    for line in lines:
        if line.id in lost:
            line.state = LineState.WANTED
    if supplied := await _supply(work):
        await go_on_if_complete(work, supplied)


async def substitute(work: OrderWork) -> None:
    """Another part that is known to do as well takes a wanted one's place, because somebody decided so (policy 1.3.2).

    What was kept or awaited of the old one is given back. The new one needs the audit's signature like any part.
    Raises Refusal `part_not_wanted`, `not_a_substitute`.
    """
    said = work.said(Substitute)
    lines = [
        line for line in await lines_in(work, LineState.WANTED, LineState.BACK_ORDERED) if line.part == said.wanted
    ]
    if not lines:
        raise Refusal("part_not_wanted", f"no line of this order waits for part {said.wanted}")
    known = await substitutes(work.session, [said.wanted], work.document.model)
    if said.substitute not in {each.part for each in known}:
        raise Refusal("not_a_substitute", f"part {said.substitute} is not known to do as well as {said.wanted}")
    await lock_running(work.session, [said.wanted, said.substitute])
    waits = await allocation.queue(work.session, [said.wanted])
    ids = [line.id for line in lines]
    work.to_tell += await withdraw(work.session, ids)
    released = await stock.release(work.session, ids)
    given = await allocation.give_out(work.session, waits, work.effect)
    work.to_tell += sorted({each.order for each in given})
    for line in lines:
        line.state, line.instead_of = LineState.WANTED, line.instead_of or line.part
        line.part = said.substitute
    work.details |= {
        "instead_of": said.wanted,
        "part": said.substitute,
        "given_back": {"reservations": [[held.part, held.quantity, held.place] for held in released]},
    }
    if supplied := await _supply(work):
        await go_on_if_complete(work, supplied)


async def go_on_if_complete(work: OrderWork, lines: Sequence[OrderLine]) -> None:
    """With every line reserved, and no answer of the customer's waited for, the order goes on to dispatch."""
    if unsupplied := [line.part for line in lines if line.state is LineState.WANTED]:
        work.details |= {"no_supplier_for": unsupplied}
    elif not is_asked(work) and all(line.state is not LineState.BACK_ORDERED for line in lines):
        await _instruct_dispatch(work, [line.id for line in lines if line.state is LineState.RESERVED])


async def _instruct_dispatch(work: OrderWork, lines: Sequence[int]) -> None:
    """The dispatch instruction: a shipment of everything reserved (policy 5.2.1)."""
    order = work.document
    work.stage = Stage.DISPATCH
    reserved = await stock.held(work.session, lines)
    earlier = select(func.count()).select_from(Shipment).where(Shipment.order == order.number).scalar_subquery()
    preferred = select(CarrierAccount.code, earlier, stock.weight_held(lines))
    preferred = preferred.order_by(CarrierAccount.preferred.desc(), CarrierAccount.code)
    account, sent, weight = (await work.session.execute(preferred.limit(1))).one()
    shipment = Shipment(
        id=f"{order.number}-{sent + 1}",
        order=order.number,
        round=order.round,
        state=ShipmentState.PREPARING,
        account=account,
        weight_kg=weight,
    )
    work.session.add(shipment)
    await work.session.flush()
    picked = Counter[tuple[int, str, str]]()
    for held in reserved:
        picked[held.line, held.place, held.part] += held.quantity
    work.session.add_all(
        ShipmentLine(shipment=shipment.id, line=line, place=place, part=part, quantity=quantity)
        for (line, place, part), quantity in picked.items()
    )
    work.shipment = shipment.id
    work.details |= {"shipment": shipment.id}
    work.start(Clock.HANDOVER)


STEPS: OrderSteps = {
    Action.RESTOCK: restock,
    Action.SOURCE_AGAIN: source_again,
    Action.EXPIRE: expire,
    Action.SUBSTITUTE: substitute,
}
