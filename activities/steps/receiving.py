"""Goods that come in: counted, inspected by the sampling plan, sound ones to who waits, refused ones back
(policy 3.2.3, 4.1.1)."""

from collections.abc import Mapping, Sequence
from decimal import Decimal

from sqlalchemy import func, select

from activities.steps.owing import go_on
from activities.steps.work import PurchaseSteps, PurchaseWork
from database import allocation, lots, stock
from database.numbers import next_number
from database.purchases import lines_of
from database.tables import (
    Characteristic,
    ClaimState,
    GoodsReceipt,
    LotReading,
    MovementReason,
    Part,
    PurchaseLine,
    ReceivedLot,
    SupplierClaim,
    SupplierReturn,
    Tracking,
    Zone,
)
from domain.purchase_decisions import CountedLine, HandBack, InspectGoods, Measured, ReceiveGoods
from domain.receiving import inspected, sample_of, sampling_for
from domain.stages import Action, Refusal, Role


async def receive_goods(work: PurchaseWork) -> None:
    """Counted first: what came lies apart until it was inspected (policy 4.1.1)."""
    said, purchase = work.said(ReceiveGoods), work.document
    lines = {line.part: line for line in await lines_of(work.session, purchase.number)}
    known = select(GoodsReceipt.id).where(
        GoodsReceipt.purchase_order == purchase.number, GoodsReceipt.delivery_note == said.delivery_note
    )
    if await work.session.scalar(known):
        raise Refusal("delivery_note_known", f"delivery note {said.delivery_note} was received before")
    uninspected = await _uninspected(work)
    receipt = GoodsReceipt(
        purchase_order=purchase.number,
        seq=work.step.seq,
        delivery_note=said.delivery_note,
        at=work.at,
        by=work.step.by,
    )
    work.session.add(receipt)
    await work.session.flush()
    for counted in said.lines:
        if counted.part not in lines:
            raise Refusal("part_not_ordered", f"{purchase.number} does not order part {counted.part}")
        line = lines[counted.part]
        outstanding = line.quantity - line.received - uninspected.get(counted.part, 0)
        if counted.counted > outstanding:
            raise Refusal("too_many", f"only {outstanding} of {counted.part} are outstanding")
        if counted.counted:
            await _check_serials(work, counted)
            await _put_aside(work, receipt, counted)
    differs = [line.part for line in said.lines if line.noted not in (None, line.counted)]
    work.details |= {"delivery_note": said.delivery_note, "received": {line.part: line.counted for line in said.lines}}
    if differs:
        work.details |= {"differs_from_note": differs}
        work.told.append(("count_differs", Role.BUYER))
    await go_on(work)


async def _uninspected(work: PurchaseWork) -> Mapping[str, int]:
    rows = await work.session.execute(
        select(ReceivedLot.part, func.sum(ReceivedLot.quantity))
        .where(ReceivedLot.purchase_order == work.document.number, ReceivedLot.verdict.is_(None))
        .group_by(ReceivedLot.part)
    )
    return dict(rows.all())


async def _check_serials(work: PurchaseWork, counted: CountedLine) -> None:
    """Each piece of a part with serial numbers has one that no other piece has. Raises Refusal `serial_needed`,
    `serial_known`, `without_serials`."""
    part = await work.session.get_one(Part, counted.part)
    if part.tracking is not Tracking.SERIAL:
        if counted.serials:
            raise Refusal("without_serials", f"pieces of {part.code} have no serial numbers")
        return
    if len(counted.serials) != counted.counted:
        raise Refusal("serial_needed", f"scan the serial numbers of {counted.counted} pieces of {part.code}")
    if known := await lots.known(work.session, part.code, counted.serials):
        raise Refusal("serial_known", f"there are pieces of {part.code} numbered {', '.join(known)} already")


async def _put_aside(work: PurchaseWork, receipt: GoodsReceipt, counted: CountedLine) -> None:
    plan = sampling_for(work.time.policy.sampling, counted.counted)
    lot = ReceivedLot(
        receipt=receipt.id,
        purchase_order=work.document.number,
        supplier=work.document.supplier,
        part=counted.part,
        batch=counted.batch,
        quantity=counted.counted,
        noted=counted.noted,
        serials=list(counted.serials),
        sample=sample_of(plan, counted.counted),
        refuse=plan.refuse,
        received_at=work.at,
    )
    work.session.add(lot)
    await work.session.flush()
    aside = await _place(work, Zone.AWAITING_INSPECTION)
    await _book(work, lot, lot.quantity, lot.serials, stock.SUPPLIERS, aside, MovementReason.RECEIPT)


async def inspect_goods(work: PurchaseWork) -> None:
    """The verdict on a lot; only now its pieces are sound or refused.

    Sound ones are at once reserved for who waits, whatever purchase order they wait for (policy 3.2.1); refused ones
    get a return to the supplier and a claim (policy 3.2.3).
    """
    said = work.said(InspectGoods)
    lot = await work.session.get(ReceivedLot, said.lot)
    if lot is None or lot.purchase_order != work.document.number:
        raise Refusal("unknown_lot", f"{work.document.number} has no lot {said.lot}")
    if lot.verdict is not None:
        raise Refusal("lot_inspected", "this lot was inspected before")
    if not lot.sample <= said.checked <= lot.quantity:
        raise Refusal("sample_incomplete", f"look at {lot.sample} to {lot.quantity} pieces of this lot")
    outside = await _measure(work, lot, said)
    plan = sampling_for(work.time.policy.sampling, lot.quantity)
    faulty = min(len(outside) + said.faulty, said.checked)
    found = inspected(plan, lot.quantity, said.checked, faulty)
    lot.verdict, lot.checked, lot.faulty = found.verdict, said.checked, faulty
    lot.accepted, lot.refused = found.accepted, found.refused
    lot.refused_serials = _refused_serials(lot, said)
    lot.inspected_at, lot.inspected_by = work.at, work.step.by
    line = next(each for each in await lines_of(work.session, work.document.number) if each.part == lot.part)
    line.received += found.accepted
    line.refused += found.refused
    waits = await allocation.queue(work.session, [lot.part])
    aside = await _place(work, Zone.AWAITING_INSPECTION)
    sound, unsound = await _place(work, await _sound_zone(work, lot.part)), await _place(work, Zone.NONCONFORMING)
    good = [serial for serial in lot.serials if serial not in lot.refused_serials]
    await _book(work, lot, found.accepted, good, aside, sound, MovementReason.INSPECTION)
    await _book(work, lot, found.refused, lot.refused_serials, aside, unsound, MovementReason.INSPECTION)
    work.details |= {
        "part": lot.part,
        "verdict": found.verdict,
        "accepted": found.accepted,
        "refused": found.refused,
        "faulty": faulty,
        "checked": said.checked,
    }
    if found.refused:
        await _refuse(work, lot, line)
    await work.session.flush()
    given = await allocation.give_out(work.session, waits, work.effect)
    if given:
        work.details |= {"given_to": [each.told for each in given]}
    work.to_tell += list(dict.fromkeys(each.order for each in given))
    await go_on(work)


def _refused_serials(lot: ReceivedLot, said: InspectGoods) -> list[str]:
    """Which numbered pieces are refused: all, none, or those that are named. Raises Refusal `refused_serials`."""
    if not lot.serials or not lot.refused:
        return []
    if not lot.accepted:
        return list(lot.serials)
    if len(said.refused_serials) != lot.refused or not {*said.refused_serials} <= {*lot.serials}:
        raise Refusal("refused_serials", f"name the {lot.refused} refused pieces of {lot.part} by serial number")
    return list(said.refused_serials)


async def _measure(work: PurchaseWork, lot: ReceivedLot, said: InspectGoods) -> set[int]:
    """Keeps the readings; returns the pieces with one outside its limits. Raises Refusal `readings_incomplete` if
    something that is to be measured was not, for every piece of the sample."""
    rows = await work.session.scalars(select(Characteristic).where(Characteristic.part == lot.part))
    wanted = {row.code: row for row in rows}
    for reading in said.readings:
        if reading.characteristic not in wanted or reading.piece > said.checked:
            raise Refusal("readings_incomplete", f"{reading.characteristic} of piece {reading.piece} is not asked for")
    measured = {(reading.piece, reading.characteristic) for reading in said.readings}
    missing = {(piece, code) for piece in range(1, lot.sample + 1) for code in wanted} - measured
    if missing:
        piece, code = min(missing)
        raise Refusal("readings_incomplete", f"{code} of piece {piece} was not measured")
    work.session.add_all(
        LotReading(
            lot=lot.id,
            piece=one.piece,
            characteristic=one.characteristic,
            value=one.value,
            low=wanted[one.characteristic].low,
            high=wanted[one.characteristic].high,
        )
        for one in said.readings
    )
    return {one.piece for one in said.readings if _is_outside(one, wanted[one.characteristic])}


def _is_outside(reading: Measured, limits: Characteristic) -> bool:
    below = limits.low is not None and reading.value < limits.low
    return below or (limits.high is not None and reading.value > limits.high)


async def _refuse(work: PurchaseWork, lot: ReceivedLot, line: PurchaseLine) -> None:
    """What was refused goes back, is delivered anew, and is claimed from the supplier (policy 3.2.3)."""
    number = await next_number(work.session, "RTS", work.at)
    work.session.add_all(
        (
            SupplierReturn(
                number=number,
                purchase_order=work.document.number,
                lot=lot.id,
                part=lot.part,
                quantity=lot.refused,
                opened_at=work.at,
            ),
            SupplierClaim(
                purchase_order=work.document.number,
                lot=lot.id,
                value=Decimal(lot.refused) * line.unit_price,
                state=ClaimState.OPEN,
                opened_at=work.at,
            ),
        )
    )
    work.details |= {"return": number}
    work.told += [("goods_refused", role) for role in (Role.SUPPLIER, Role.BUYER, Role.SERVICE_AGENT)]


async def hand_back(work: PurchaseWork) -> None:
    """Refused goods have left the house for the supplier."""
    said = work.said(HandBack)
    back = await work.session.get(SupplierReturn, said.back)
    if back is None or back.purchase_order != work.document.number:
        raise Refusal("unknown_return", f"{work.document.number} has no return {said.back}")
    if back.handed_back_at is not None:
        raise Refusal("return_handed_back", "these goods have left before")
    back.handed_back_at, back.handed_back_by = work.at, work.step.by
    back.taken_by, back.waybill = said.taken_by, said.waybill
    lot = await work.session.get_one(ReceivedLot, back.lot)
    unsound = await _place(work, Zone.NONCONFORMING)
    reason = MovementReason.RETURN_TO_SUPPLIER
    await _book(work, lot, back.quantity, lot.refused_serials, unsound, stock.SUPPLIERS, reason)
    work.details |= {"return": back.number, "part": back.part, "quantity": back.quantity}
    await work.session.flush()
    await go_on(work)


async def _book(
    work: PurchaseWork,
    lot: ReceivedLot,
    quantity: int,
    serials: Sequence[str],
    source: str,
    target: str,
    reason: MovementReason,
) -> None:
    """Moves pieces of a lot: by their serial numbers, or, where the ledger names lots, under the supplier's batch, else
    the purchase order's."""
    if not quantity:
        return
    part = await work.session.get_one(Part, lot.part)
    named = lot.batch or work.document.number
    await stock.move(
        work.session,
        lot.part,
        quantity,
        source=source,
        target=target,
        reason=reason,
        at=work.at,
        by=work.step.by,
        document=work.document.number,
        effect=f"{work.effect}/{lot.part}/{target}",
        lot=named if part.tracking is Tracking.LOT else None,
        pieces=lots.numbered(serials),
    )


async def _place(work: PurchaseWork, zone: Zone) -> str:
    return await stock.place_of(work.session, work.document.warehouse, zone)


async def _sound_zone(work: PurchaseWork, part: str) -> Zone:
    """Where sound pieces of a part are kept: hazardous and valuable ones apart (policy 4.1.1)."""
    row = await work.session.get_one(Part, part)
    if row.hazard_class != "none":
        return Zone.HAZARDOUS
    return Zone.VALUABLES if row.value_class == "A" else Zone.QUALIFIED


STEPS: PurchaseSteps = {
    Action.RECEIVE_GOODS: receive_goods,
    Action.INSPECT_GOODS: inspect_goods,
    Action.HAND_BACK: hand_back,
}
