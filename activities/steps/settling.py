"""How an order ends: what was taken is given back, what is owing is settled first."""

from typing import Any

from sqlalchemy import func, select

from activities.steps.delivering import begin_watch, end_watch, issue_goods, shipment_of
from activities.steps.installing import call_off_appointment
from activities.steps.quoting import is_asked
from activities.steps.work import OrderSteps, OrderWork, lines_in
from carriers.protocol import Recall
from database import allocation, lots, stock
from database.purchases import withdraw
from database.tables import Claim, ClaimState, LineState, Shipment, ShipmentState
from domain.order_decisions import Cancel
from domain.shared_decisions import SettleClaim
from domain.stages import Action, Refusal, Stage
from domain.waiting import Clock

_UNDER_WAY = (ShipmentState.HANDED_OVER, ShipmentState.TURNED_BACK, ShipmentState.CALLING_OFF)


async def cancel(work: OrderWork) -> None:
    """Gives back what was taken, and says what could not be. What is packed waits for the carrier's answer."""
    work.document.outcome = "cancelled"
    parcel = await _parcel(work)
    reserved = () if work.to_recall else (LineState.RESERVED,)
    given_back = await _give_back(work, LineState.WANTED, LineState.BACK_ORDERED, *reserved)
    if appointment := await call_off_appointment(work):
        given_back["appointment"] = [appointment.technician, appointment.starts_at.isoformat()]
    work.details |= {"reason": work.said(Cancel).reason, "given_back": given_back, **parcel}


async def decline(work: OrderWork) -> None:
    """The customer does not want it as quoted; asked again, what was taken meanwhile is given back."""
    if not is_asked(work):
        raise Refusal("nothing_asked", "nothing waits for the customer's consent")
    work.document.outcome = "declined"
    await _let_go(work)


async def lapse(work: OrderWork) -> None:
    """The customer never answered; the policy's rule ends the order."""
    work.document.outcome = "lapsed"
    await _let_go(work)


async def _let_go(work: OrderWork) -> None:
    if given_back := await _give_back(work, LineState.WANTED, LineState.BACK_ORDERED, LineState.RESERVED):
        work.details |= {"given_back": given_back}


async def _give_back(work: OrderWork, *states: LineState) -> dict[str, Any]:
    """Drops the lines in these states with all that is held for them, and says what that was.

    Its own waiting ends first: pieces that are being handed out this moment are reserved by then, and released. Who
    waits for the same parts gets them.
    """
    given_back: dict[str, Any] = {}
    lines = await lines_in(work, *states)
    ids = [line.id for line in lines]
    waits = await allocation.queue(work.session, {line.part for line in lines})
    if purchases := await withdraw(work.session, ids):
        given_back["purchase_orders"] = purchases
        work.to_tell += purchases
    if released := await stock.release(work.session, ids):
        given_back["reservations"] = [[held.part, held.quantity, held.place] for held in released]
        if given := await allocation.give_out(work.session, waits, work.effect):
            given_back["given_to"] = [each.told for each in given]
            work.to_tell += sorted({each.order for each in given})
    for line in lines:
        line.state = LineState.DROPPED
    return given_back


async def _parcel(work: OrderWork) -> dict[str, Any]:
    """What becomes of the shipment: called off, asked back from the carrier, or the customer's already."""
    if work.shipment is None:
        return {}
    shipment = await shipment_of(work)
    match shipment.state:
        case ShipmentState.PREPARING:
            shipment.state = ShipmentState.CALLED_OFF
            await lots.unpack(work.session, shipment.id)
            return {"called_off": shipment.id}
        case ShipmentState.PACKED | ShipmentState.BOOKED:
            shipment.state = ShipmentState.CALLING_OFF
            work.to_recall = True
            return {"called_off": shipment.id}
        case ShipmentState.HANDED_OVER:
            work.to_recall = True
            return {"recalled": shipment.id}
        case ShipmentState.DELIVERED:
            return {"not_given_back": {"with_customer": shipment.id}}
        case _:
            return {}


async def recalled(work: OrderWork) -> None:
    """What the carrier answered when it was asked for the parcel back.

    Packed goods stay in the house, unless the carrier fetched them before we heard of it: then they are under way,
    and it is asked to bring them back.
    """
    shipment = await shipment_of(work)
    if shipment.state is ShipmentState.CALLING_OFF and work.step.outcome == Recall.TOO_LATE:
        await issue_goods(work, shipment)
        await begin_watch(work, shipment)  # nobody has, if it was called off before its label came
        work.to_recall = True
    elif shipment.state is ShipmentState.CALLING_OFF:
        work.details |= {"given_back": await _give_back(work, LineState.RESERVED)}
        shipment.state = ShipmentState.CALLED_OFF
        await lots.unpack(work.session, shipment.id)
        await end_watch(work, shipment)
    work.details |= {"shipment": work.shipment, "answer": work.step.outcome}


async def settle_claim(work: OrderWork) -> None:
    said = work.said(SettleClaim)
    claim = await work.session.get(Claim, said.claim)
    if claim is None or claim.order != work.document.number:
        raise Refusal("unknown_claim", f"this order has no claim {said.claim}")
    if claim.state is ClaimState.SETTLED:
        raise Refusal("claim_settled", f"claim {said.claim} is settled")
    claim.state, claim.settled_for = ClaimState.SETTLED, said.amount
    work.details |= {"claim": claim.id, "amount": str(said.amount)}


async def end(work: OrderWork) -> None:
    """Ends the order, or keeps it settling while something is owing."""
    ending = work.stage if work.stage is not Stage.SETTLING else work.document.ending
    assert ending is not None
    owing = await _owing(work)
    if not owing:
        work.stage, work.wait = ending, None
        return
    work.details |= {"owing": owing}
    if work.stage is not Stage.SETTLING:
        work.document.ending = Stage(ending)
        work.stage = Stage.SETTLING
        work.start(Clock.SETTLEMENT)


async def _owing(work: OrderWork) -> list[str]:
    """The tracks of the order that are not settled."""
    claims = select(func.concat("claim ", Claim.id)).where(
        Claim.order == work.document.number, Claim.state == ClaimState.OPEN
    )
    parcels = select(func.concat("parcel ", Shipment.id)).where(
        Shipment.order == work.document.number, Shipment.state.in_(_UNDER_WAY)
    )
    return sorted((await work.session.scalars(claims.union_all(parcels))).all())


STEPS: OrderSteps = {
    Action.CANCEL: cancel,
    Action.DECLINE: decline,
    Action.LAPSE: lapse,
    Action.RECALL: recalled,
    Action.SETTLE_CLAIM: settle_claim,
}
