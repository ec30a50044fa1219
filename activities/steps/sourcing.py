"""Sourcing: stock first, else a purchase order at once (policy 3.2)."""

from collections.abc import Sequence

from sqlalchemy import func, select

from activities.steps import auditing
from activities.steps.quoting import ask_again_if_later, is_asked
from activities.steps.work import OrderSteps, OrderWork, lines_in
from database import stock
from database.purchases import order_missing
from database.tables import (
    BackOrder,
    BackOrderState,
    CarrierAccount,
    LineState,
    OrderLine,
    Part,
    Shipment,
    ShipmentLine,
    ShipmentState,
)
from domain.stages import Action, Refusal, Stage
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
    wanted = [line for line in lines if line.state is LineState.WANTED]
    missing = [line for line in wanted if not await _reserve(work, line)]
    work.to_place += await order_missing(work.session, work.document, missing, work.time, work.at, work.effect)
    if missing:
        work.details |= {"back_ordered": [line.part for line in missing], "purchase_orders": work.to_place}
    return lines


async def _reserve(work: OrderWork, line: OrderLine) -> bool:
    if not await stock.reserve(work.session, line, work.document.service_centre, f"{work.effect}/{line.id}"):
        return False
    line.state = LineState.RESERVED
    return True


async def restock(work: OrderWork) -> None:
    """Pieces came in: the lines they were kept for are reserved now. A line that is neither reserved nor waited
    for any more, as its pieces went to others, is looked for anew. Or a supplier let us know: pieces that come much
    later than the customer was told need another consent (policy 2.2.2)."""
    back_ordered = await lines_in(work, LineState.BACK_ORDERED)
    ids = [line.id for line in back_ordered]
    held = {reservation.line for reservation in await stock.held(work.session, ids)}
    waiting = set(
        await work.session.scalars(
            select(BackOrder.line).where(BackOrder.line.in_(ids), BackOrder.state == BackOrderState.WAITING)
        )
    )
    for line in back_ordered:
        if line.id in held:
            line.state = LineState.RESERVED
        elif line.id not in waiting:
            line.state = LineState.WANTED
    if lines := await _supply(work):
        await ask_again_if_later(work)
        await go_on_if_complete(work, lines)


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
    weights = dict(
        (
            await work.session.execute(
                select(Part.code, Part.weight_kg).where(Part.code.in_({held.part for held in reserved}))
            )
        ).all()
    )
    earlier = select(func.count()).select_from(Shipment).where(Shipment.order == order.number).scalar_subquery()
    preferred = select(CarrierAccount.code, earlier).order_by(CarrierAccount.preferred.desc(), CarrierAccount.code)
    account, sent = (await work.session.execute(preferred.limit(1))).one()
    shipment = Shipment(
        id=f"{order.number}-{sent + 1}",
        order=order.number,
        round=order.round,
        state=ShipmentState.PREPARING,
        account=account,
        weight_kg=sum(weights[held.part] * held.quantity for held in reserved),
    )
    work.session.add(shipment)
    await work.session.flush()
    work.session.add_all(
        ShipmentLine(shipment=shipment.id, line=held.line, place=held.place, part=held.part, quantity=held.quantity)
        for held in reserved
    )
    work.shipment = shipment.id
    work.details |= {"shipment": shipment.id}
    work.start(Clock.HANDOVER)


STEPS: OrderSteps = {Action.RESTOCK: restock, Action.SOURCE_AGAIN: source_again}
