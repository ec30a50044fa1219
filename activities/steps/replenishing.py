"""What was proposed about stock levels: bought, disposed of, or turned down with a reason (policy 4.2.3)."""

from collections.abc import Mapping
from typing import Final

from sqlalchemy import select

from activities.steps.work import TaskSteps, TaskWork
from database import purchases, stock
from database.counting import unit_value
from database.reading.holders import holders
from database.tables import Disposal, MovementReason, Part, Replenishment, Stock, Zone
from domain.levels import Way
from domain.stages import Action, Refusal, Role
from domain.task_decisions import DecideDisposal, Dispose, OrderProposed, TurnDown
from domain.tasks import TaskKind, TaskStage

_REASONS: Final[Mapping[Way, MovementReason]] = {
    Way.PROMOTION: MovementReason.PROMOTION,
    Way.RETURN: MovementReason.RETURN_TO_SUPPLIER,
    Way.SCRAP: MovementReason.SCRAPPING,
}
_OUT: Final[Mapping[Way, str]] = {Way.PROMOTION: stock.CUSTOMERS, Way.RETURN: stock.SUPPLIERS}
"""Where pieces go; what is scrapped stays in the house, apart."""


async def order_proposed(work: TaskWork) -> None:
    """The buyer's approval becomes a purchase order, to the supplier named or of best value."""
    said = work.said(OrderProposed)
    row = await work.session.get_one(Replenishment, work.document.number)
    offered = await purchases.offers(work.session, row.part, said.quantity, work.time, work.at)
    chosen = next((offer for offer in offered if said.supplier in (None, offer.supplier)), None)
    if chosen is None:
        raise Refusal("no_offer", f"no such supplier offers {row.part} now")
    number = await purchases.place(
        work.session,
        chosen.supplier,
        work.document.warehouse,
        [chosen],
        work.time,
        work.at,
        caused_by=work.document.number,
    )
    row.quantity, row.supplier, row.purchase_order = said.quantity, chosen.supplier, number
    work.to_place.append(number)
    work.details |= {"part": row.part, "quantity": said.quantity, "purchase_orders": [number]}


async def turn_down(work: TaskWork) -> None:
    number, why = work.document.number, work.said(TurnDown).explanation
    if work.document.kind is TaskKind.REPLENISHMENT:
        (await work.session.get_one(Replenishment, number)).reason = why
    else:
        (await work.session.get_one(Disposal, number)).reason = why


async def decide_disposal(work: TaskWork) -> None:
    """How many pieces go which way. Reserved ones are not given away."""
    said = work.said(DecideDisposal)
    row = await work.session.get_one(Disposal, work.document.number)
    row.way, row.quantity, row.reason = said.way, said.quantity, said.note
    await _check_free(work, row, said.quantity)
    row.unit_value = (await work.session.execute(select(unit_value()).where(Part.code == row.part))).scalar_one()
    work.told.append(("dispose", Role.WAREHOUSE_KEEPER))
    work.details |= {"part": row.part, "quantity": said.quantity, "way": said.way}


async def dispose(work: TaskWork) -> None:
    """Pieces leave their place for good, with what was got for them; the rest of their value is a loss."""
    said = work.said(Dispose)
    row = await work.session.get_one(Disposal, work.document.number)
    if said.quantity > row.quantity - row.disposed:
        raise Refusal("not_enough_stock", f"only {row.quantity - row.disposed} pieces are left to dispose of")
    if row.way is Way.SCRAP and said.proceeds:
        raise Refusal("no_proceeds", "nothing is got for what is scrapped; choose another way for what is sold")
    await _check_free(work, row, said.quantity)
    target = _OUT.get(row.way) or await stock.place_of(work.session, work.document.warehouse, Zone.SCRAP)
    await stock.move(
        work.session,
        row.part,
        said.quantity,
        source=row.place,
        target=target,
        reason=_REASONS[row.way],
        at=work.at,
        by=work.step.by,
        document=work.document.number,
        effect=work.effect,
    )
    row.disposed += said.quantity
    row.proceeds += said.proceeds
    loss = row.unit_value * said.quantity - said.proceeds
    work.details |= {"part": row.part, "quantity": said.quantity, "amount": str(said.proceeds), "loss": str(loss)}
    if row.disposed == row.quantity:
        work.stage = TaskStage.DISPOSED


async def _check_free(work: TaskWork, row: Disposal, quantity: int) -> None:
    there = await work.session.get(Stock, (row.place, row.part), with_for_update=True)
    free = there.on_hand - there.reserved if there else 0
    if quantity > free:
        orders = ", ".join(await holders(work.session, row.place, row.part))
        raise Refusal(
            "not_enough_stock", f"only {free} pieces are free" + (f"; others are reserved for {orders}" * bool(orders))
        )


STEPS: TaskSteps = {
    Action.ORDER_PROPOSED: order_proposed,
    Action.TURN_DOWN: turn_down,
    Action.DECIDE_DISPOSAL: decide_disposal,
    Action.DISPOSE: dispose,
}
