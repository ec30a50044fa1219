"""Dispatch and transport: packed, booked, handed over, delivered, or lost and sent again (policy 5.2)."""

from collections.abc import Sequence
from decimal import Decimal

from sqlalchemy import exists, select, update

from activities.steps.auditing import missing_signatures
from activities.steps.installing import call_off_appointment
from activities.steps.work import OrderSteps, OrderWork
from database import climate, keeping, lots, stock
from database.tables import (
    CarrierAccount,
    Claim,
    ClaimState,
    EventLog,
    LineState,
    MovementReason,
    OrderLine,
    Parcel,
    Part,
    Place,
    Shipment,
    ShipmentLine,
    ShipmentState,
    Tracking,
    Warehouse,
    Zone,
)
from domain.order_decisions import Condition, DeclareLost, HandOver, LossReason, Pack, ReceiveBack
from domain.stages import Action, Refusal, Role, Stage
from domain.waiting import Clock

MANUAL = "manual"


async def shipment_of(work: OrderWork) -> Shipment:
    """The order's newest shipment."""
    assert work.shipment is not None
    return await work.session.get_one(Shipment, work.shipment)


async def _under_way(work: OrderWork, *states: ShipmentState) -> Shipment:
    """The shipment this step is about. Raises Refusal if it is in another state: what is over is over."""
    shipment = await shipment_of(work) if work.shipment else None
    if shipment is None or shipment.state not in states:
        raise Refusal("stage_moved_on", f"{work.step.action} means nothing to a parcel that is not under way")
    return shipment


async def pack(work: OrderWork) -> None:
    """Picked, packed and labelled (policy 5.2.1, 5.2.2): a carrier's label is booked, or the keeper hands it over."""
    said, shipment = work.said(Pack), await shipment_of(work)
    if shipment.state is ShipmentState.BOOKED:
        raise Refusal("already_booked", f"{shipment.id} has waybill {shipment.waybill}")
    if shipment.state is ShipmentState.PACKED and not await _by_hand(work, shipment):
        raise Refusal("already_booked", f"the label of {shipment.id} is being booked")
    account = await work.session.get(CarrierAccount, said.carrier or shipment.account)
    if account is None:
        raise Refusal("unknown_carrier", f"there is no carrier account {said.carrier}")
    if unsigned := await missing_signatures(work):
        raise Refusal("not_signed", f"nobody signed for the {', '.join(unsigned)} as they stand now")
    if finding := await climate.blocks(work.session, work.document.number):
        raise Refusal("under_inspection", f"the pieces may have suffered; {finding} is not settled yet")
    await _sign_for_kept(work, shipment)
    await _scan(work, shipment, said.serials)
    shipment.account = account.code
    shipment.weight_kg = said.weight_kg or shipment.weight_kg
    shipment.packed_at, shipment.packed_by = work.at, work.step.by
    shipment.state = ShipmentState.PACKED
    work.to_book = account.kind != MANUAL


async def _scan(work: OrderWork, shipment: Shipment, scanned: Sequence[str]) -> None:
    """Which numbered pieces are in the parcel, each from the place where it is to be picked (policy 4.2.1, 5.2.2).

    Raises Refusal `serial_needed`, `serial_not_picked`.
    """
    await lots.unpack(work.session, shipment.id)
    lines, left = await shipped_lines(work, shipment), [*scanned]
    numbered = select(Part.code).where(Part.code.in_({line.part for line in lines}), Part.tracking == Tracking.SERIAL)
    have_numbers = set(await work.session.scalars(numbered))
    for line in [line for line in lines if line.part in have_numbers]:
        line.serials = await lots.pack(work.session, shipment.id, line.part, line.place, line.quantity, left)
        left = [serial for serial in left if serial not in line.serials]
    if left:
        raise Refusal("serial_not_picked", f"{', '.join(left)} is not to be picked for {shipment.id}")
    if packed := {line.part: line.serials for line in lines if line.serials}:
        work.details |= {"serials": packed}


async def _sign_for_kept(work: OrderWork, shipment: Shipment) -> None:
    """Who picks valuable or hazardous goods answers for them: their named keeper, or the second of two who sign."""
    rows = await work.session.execute(
        select(ShipmentLine.part, ShipmentLine.place)
        .join(Place, Place.code == ShipmentLine.place)
        .where(ShipmentLine.shipment == shipment.id, Place.zone.in_(keeping.KEPT))
    )
    for part, place in rows.all():
        kept = [keeping.Kept(place, outward=True)]
        await keeping.require(work.session, kept, part=part, by=work.step.by, document=shipment.id)
        await keeping.sign(work.session, kept, by=work.step.by, document=shipment.id, at=work.at)


async def _by_hand(work: OrderWork, shipment: Shipment) -> bool:
    """Whether a person talks to the carrier, as there is no line to it."""
    return (await work.session.get_one(CarrierAccount, shipment.account)).kind == MANUAL


async def book(work: OrderWork) -> None:
    """The carrier gave waybill and label, and the parcel is watched from now on (policy 5.2.3)."""
    shipment = await shipment_of(work)
    await begin_watch(work, shipment)
    shipment.state = ShipmentState.BOOKED
    work.details |= {"waybill": shipment.waybill, "carrier": shipment.account}


async def begin_watch(work: OrderWork, shipment: Shipment) -> None:
    """From now on the carrier is asked after this parcel under the waybill it gave."""
    parcel = await work.session.get_one(Parcel, shipment.id)
    parcel.next_look_at = work.at
    shipment.waybill, shipment.expected_at = parcel.waybill, parcel.expected_at


async def booking_refused(work: OrderWork) -> None:
    """The carrier won't take it: the keeper packs again for another carrier.

    Raises Refusal `stage_moved_on` if that was heard before, from a worker that died before it could say so.
    """
    shipment = await shipment_of(work)
    if shipment.state is not ShipmentState.PACKED or await _by_hand(work, shipment):
        raise Refusal("stage_moved_on", f"{shipment.id} waits for no label")
    shipment.state = ShipmentState.PREPARING
    work.details |= {"carrier": shipment.account}


async def hand_over(work: OrderWork) -> None:
    """The carrier has the goods (policy 5.2.3)."""
    said, shipment = work.said(HandOver), await shipment_of(work)
    packed = shipment.state is ShipmentState.PACKED and await _by_hand(work, shipment)
    if not packed and shipment.state is not ShipmentState.BOOKED:
        raise Refusal("not_packed", f"{shipment.id} is not packed and labelled yet")
    if said.waybill and shipment.waybill and said.waybill != shipment.waybill:
        raise Refusal("other_waybill", f"{shipment.id} was booked as {shipment.waybill}")
    shipment.waybill = shipment.waybill or said.waybill
    if shipment.waybill is None:
        raise Refusal("waybill_missing", "a carrier that is not connected needs its waybill number typed in")
    await _on_its_way(work, shipment)


async def pick_up(work: OrderWork) -> None:
    """The carrier's own scan shows that it has the goods, whoever forgot to say so."""
    await _on_its_way(work, await _under_way(work, ShipmentState.BOOKED))


async def _on_its_way(work: OrderWork, shipment: Shipment) -> None:
    await issue_goods(work, shipment)
    work.details |= {"waybill": shipment.waybill, "carrier": shipment.account, "shipment": shipment.id}
    work.start(Clock.DELIVERY, shipment.expected_at)
    if await work.session.get(Parcel, shipment.id) is not None:
        _expect_scans(work)


async def issue_goods(work: OrderWork, shipment: Shipment) -> None:
    """The goods are the carrier's from now on."""
    lines = await shipped_lines(work, shipment)
    packed = {(line.line, line.place): [*line.serials] for line in lines}
    for held in await stock.held(work.session, [line.line for line in lines]):
        serials = packed[held.line, held.place]
        await stock.issue(
            work.session,
            held,
            at=work.at,
            by=work.step.by,
            document=shipment.id,
            effect=f"{shipment.id}/issue/{held.id}",
            serials=[serials.pop(0) for _ in range(min(held.quantity, len(serials)))],
        )
    await mark_lines(work, lines, LineState.SHIPPED)
    shipment.state = ShipmentState.HANDED_OVER
    shipment.handed_over_at = work.at


def _expect_scans(work: OrderWork) -> None:
    """A watched parcel that shows no scan is asked after; the alarms move with every scan (policy 5.2.4)."""
    assert work.wait is not None
    rules = work.time.policy.parcels
    picked_up = work.step.action is Action.PICK_UP
    work.wait = work.wait.moved(Action.NO_MOVEMENT, work.time.rings_after(work.at, rules.no_movement))
    if not picked_up:
        work.wait = work.wait.moved(Action.NO_PICKUP_SCAN, work.time.rings_after(work.at, rules.no_pickup_scan))


async def stands_still(work: OrderWork) -> None:
    """Nobody has seen the parcel for too long; asked again after as long."""
    assert work.wait is not None
    rules = work.time.policy.parcels
    again = rules.no_movement if work.step.action is Action.NO_MOVEMENT else rules.no_pickup_scan
    work.wait = work.wait.moved(work.step.action, work.time.rings_after(work.at, again))
    work.details |= {"shipment": work.shipment}


async def trouble(work: OrderWork) -> None:
    """What the carrier reports is passed on to the service centre (policy 5.2.4).

    Raises Refusal `stage_moved_on` if that was done before, by a worker that died before it could say so.
    """
    parcel = await work.session.get_one(Parcel, work.shipment)
    passed_on = exists().where(
        Parcel.shipment == parcel.shipment,
        EventLog.document == work.document.number,
        EventLog.action == Action.TROUBLE,
        EventLog.at >= Parcel.told_at,
        EventLog.details["shipment"].astext == Parcel.shipment,
        EventLog.details["trouble"].astext == Parcel.trouble,
    )
    if await work.session.scalar(select(passed_on)):
        raise Refusal("stage_moved_on", f"the trouble of {parcel.shipment} was passed on before")
    work.details |= {"trouble": parcel.trouble, "shipment": work.shipment}


async def deliver(work: OrderWork) -> None:
    """The customer has the goods. After a parcel turned back only a person can tell whose hands it is in."""
    machine = work.step.role is Role.SYSTEM
    shipment = await _under_way(work, ShipmentState.HANDED_OVER, *(() if machine else (ShipmentState.TURNED_BACK,)))
    shipment.state = ShipmentState.DELIVERED
    shipment.delivered_at = work.at
    await goods_move(work, shipment, stock.CUSTOMERS, MovementReason.DELIVERY)
    work.details |= {"shipment": shipment.id}


async def turn_back(work: OrderWork) -> None:
    """The parcel is on its way back to us: the keeper receives it."""
    shipment = await _under_way(work, ShipmentState.HANDED_OVER, ShipmentState.DELIVERED)
    await call_off_appointment(work)
    if shipment.state is ShipmentState.DELIVERED:
        await goods_move(work, shipment, stock.IN_TRANSIT, MovementReason.RETURN, source=stock.CUSTOMERS)
    shipment.state = ShipmentState.TURNED_BACK
    work.details |= {"shipment": shipment.id}
    work.start(Clock.RETURNED_PARCEL)


async def declare_lost(work: OrderWork) -> None:
    """The parcel is given up: a claim on the carrier, and everything is sent again (policy 5.2.4)."""
    shipment = await _under_way(work, ShipmentState.HANDED_OVER, ShipmentState.TURNED_BACK)
    reason = LossReason.LOST if work.content is None else work.said(DeclareLost).reason
    shipment.state = ShipmentState.LOST
    await goods_move(work, shipment, stock.LOSSES, MovementReason.LOSS)
    await _claim(work, shipment, reason)
    await _again(work, shipment, LineState.LOST)
    work.details |= {"shipment": shipment.id, "reason": reason}


async def receive_back(work: OrderWork) -> None:
    """The parcel is back: sound goods return to qualified stock, damaged ones to nonconforming (policy 4.1.1)."""
    shipment = await _under_way(work, ShipmentState.HANDED_OVER, ShipmentState.TURNED_BACK)
    said = work.said(ReceiveBack)
    sound = said.condition is Condition.SOUND
    for line in await shipped_lines(work, shipment):
        target = line.place if sound else await _nonconforming_beside(work, line.place)
        await stock.move(
            work.session,
            line.part,
            line.quantity,
            source=stock.IN_TRANSIT,
            target=target,
            reason=MovementReason.RETURN,
            at=work.at,
            by=work.step.by,
            document=shipment.id,
            effect=f"{shipment.id}/back/{line.line}/{line.place}",
        )
    shipment.state = ShipmentState.RECEIVED_BACK
    if not sound:
        await _claim(work, shipment, LossReason.DAMAGED)
    await _again(work, shipment, LineState.RETURNED)
    work.details |= {"shipment": shipment.id, "condition": said.condition}


async def _again(work: OrderWork, shipment: Shipment, ended: LineState) -> None:
    """The lines end as they did; unless the order is ending too, the same parts are wanted once more."""
    lines = await shipped_lines(work, shipment)
    await mark_lines(work, lines, ended)
    await end_watch(work, shipment)
    if work.document.stage is Stage.SETTLING:
        return
    quantities: dict[str, int] = {}
    for line in lines:
        quantities[line.part] = quantities.get(line.part, 0) + line.quantity
    work.session.add_all(
        OrderLine(
            order=work.document.number,
            round=work.document.round,
            part=part,
            quantity=quantity,
            state=LineState.WANTED,
        )
        for part, quantity in sorted(quantities.items())
    )
    await work.session.flush()


async def end_watch(work: OrderWork, shipment: Shipment) -> None:
    """Nobody asks the carrier after this parcel any more."""
    await work.session.execute(update(Parcel).where(Parcel.shipment == shipment.id).values(next_look_at=None))


async def _claim(work: OrderWork, shipment: Shipment, reason: LossReason) -> None:
    lines = await shipped_lines(work, shipment)
    prices = await work.session.execute(
        select(Part.code, Part.list_price).where(Part.code.in_({line.part for line in lines}))
    )
    price = dict(prices.all())
    work.session.add(
        Claim(
            order=work.document.number,
            seq=work.step.seq,
            on=Role.CARRIER,
            shipment=shipment.id,
            reason=reason,
            value=sum((price[line.part] * line.quantity for line in lines), Decimal("0.00")),
            state=ClaimState.OPEN,
        )
    )
    await work.session.flush()


async def goods_move(
    work: OrderWork, shipment: Shipment, target: str, reason: MovementReason, source: str = stock.IN_TRANSIT
) -> None:
    """Books everything in a shipment to another place outside the warehouse."""
    for line in await shipped_lines(work, shipment):
        await stock.move(
            work.session,
            line.part,
            line.quantity,
            source=source,
            target=target,
            reason=reason,
            at=work.at,
            by=work.step.by,
            document=shipment.id,
            effect=f"{work.effect}/{reason}/{line.line}/{line.place}",
        )


async def shipped_lines(work: OrderWork, shipment: Shipment) -> list[ShipmentLine]:
    rows = await work.session.scalars(
        select(ShipmentLine)
        .where(ShipmentLine.shipment == shipment.id)
        .order_by(ShipmentLine.part, ShipmentLine.place, ShipmentLine.line)
    )
    return list(rows)


async def mark_lines(work: OrderWork, lines: list[ShipmentLine], state: LineState) -> None:
    await work.session.execute(
        update(OrderLine).where(OrderLine.id.in_([line.line for line in lines])).values(state=state)
    )


async def _nonconforming_beside(work: OrderWork, place: str) -> str:
    warehouse = await work.session.scalar(
        select(Warehouse.code).join(Place, Place.warehouse == Warehouse.code).where(Place.code == place)
    )
    assert warehouse is not None
    return await stock.place_of(work.session, warehouse, Zone.NONCONFORMING)


STEPS: OrderSteps = {
    Action.PACK: pack,
    Action.BOOK: book,
    Action.BOOKING_REFUSED: booking_refused,
    Action.HAND_OVER: hand_over,
    Action.PICK_UP: pick_up,
    Action.NO_PICKUP_SCAN: stands_still,
    Action.NO_MOVEMENT: stands_still,
    Action.TROUBLE: trouble,
    Action.DELIVER: deliver,
    Action.TURN_BACK: turn_back,
    Action.DECLARE_LOST: declare_lost,
    Action.RECEIVE_BACK: receive_back,
}
