"""The quotation: when, how sure, what it costs, who bears it, in the customer's words (policy 2.2.2)."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from activities.steps.work import OrderWork, lines_in
from database import quotations
from database.cover import part_covers, unit_cover
from database.purchases import expected_from, free_at, offers, punctuality
from database.stock import free_for
from database.tables import Customer, LineState, OrderLine, Part, PartModel, PurchaseOrder, Quotation
from domain.offer import Again, Offer, OfferedLine, agreed_text, digest
from domain.order_decisions import QuotedLine
from domain.quoting import (
    Because,
    Charge,
    Costs,
    Expected,
    Priced,
    Supply,
    Sureness,
    costs_more,
    expected,
    lead,
    signed_by,
    split,
    to_be_bought,
    transit_to,
)
from domain.stages import Action, Refusal, Role
from domain.waiting import Clock

OPEN: Final = (LineState.WANTED, LineState.REFUSED)
"""Lines of the present judgement; another one takes their place."""


async def quote_lines(work: OrderWork, lines: Sequence[QuotedLine], agreed: Quotation | None = None) -> Quotation:
    """Puts these lines in place of the wanted ones and works out time, cost and guarantee.

    Where something was `agreed` before, consent to it goes on counting, unless cost or date have moved past what the
    policy allows; then the quotation says `because` of what consent is asked again.
    """
    charged = await _charged(work, lines)
    parts = await replace_lines(work, charged)
    taken = [line for line in charged if not line.refused_for]
    rules = work.time.policy.quotation
    costs = split(
        (Priced(parts[line.part].list_price * line.quantity, line.charge) for line in taken if line.charge),
        rules.labour,
        rules.travel,
    )
    supplies = [await _supply_of(work, line) for line in taken]
    again = _moved(work, agreed, costs, max(supply.latest for supply in supplies)) if agreed else None
    quotation = await _quotation(work, charged, parts, costs, supplies, again)
    if agreed and not again:
        _keep_consent(quotation, agreed)
    return quotation


async def replace_lines(work: OrderWork, lines: Sequence[QuotedLine]) -> dict[str, Part]:
    """Puts the order's judged lines in place of those not yet supplied; returns their parts.

    Raises Refusal `unknown_part`, `part_superseded`, `part_does_not_fit`.
    """
    refused = {line.part for line in lines if line.refused_for} - {line.part for line in lines if not line.refused_for}
    codes = sorted({line.part for line in lines})
    parts = {code: await _part(work, code, fits=code not in refused) for code in codes}
    for line in await lines_in(work, *OPEN):
        line.state = LineState.DROPPED
    work.session.add_all(
        OrderLine(
            order=work.document.number,
            round=work.document.round,
            part=line.part,
            quantity=line.quantity,
            state=LineState.REFUSED if line.refused_for else LineState.WANTED,
            charge=line.charge,
            refused_for=line.refused_for,
        )
        for line in lines
    )
    return parts


async def agree(work: OrderWork, seen: str | None = None, said_by: str = "") -> Quotation:
    """Who agreed, when, and to exactly what text (policy 2.2.2).

    Raises Refusal `nothing_asked`, and `quotation_changed` if another text was seen than is asked about.
    """
    quotation = await quotations.newest(work.session, work.document.number)
    if quotation.consented_at is not None:
        raise Refusal("nothing_asked", "nothing waits for the customer's consent")
    customer = await work.session.get_one(Customer, work.document.customer)
    text = agreed_text(quotation.shown, seen, customer.language)
    if seen and text is None:
        raise Refusal("quotation_changed", "the quotation that was seen is not the one that is asked about")
    quotation.consented_at, quotation.consented_by = work.at, work.step.by
    quotation.consented_said_by = said_by or customer.name
    quotation.consented_to = text
    quotation.consented_hash = digest(text) if text else None
    work.details |= {"quotation": quotation.seq, "to_pay": str(quotation.to_pay)}
    if text:
        work.details |= {"agreed_to": digest(text).hex()}
    return quotation


async def ask_again_if_later(work: OrderWork) -> None:
    """A supplier's word moves the date: past what the policy allows, the customer is asked again, and nothing goes out
    before the answer. Pieces that come in time after all need none (policy 2.2.2).

    Everything reserved or on order stays so meanwhile.
    """
    agreed = await quotations.agreed(work.session, work.document.number)
    if work.document.round or agreed is None or agreed.parts_by is None:
        return
    awaited = await expected_from(work.session, [line.id for line in await lines_in(work, LineState.BACK_ORDERED)])
    promised = max((purchase.promised_at for purchase in awaited.values() if purchase.promised_at), default=None)
    comes = promised if awaited else work.at
    asked = await quotations.newest(work.session, work.document.number) if is_asked(work) else None
    if asked and comes and comes <= agreed.parts_by:
        asked.withdrawn_at = work.at
        work.details |= {"asked_no_more": Because.DATE}
        work.start(Clock.PARTS)
    elif promised and promised > ((asked and asked.parts_by) or agreed.parts_by):
        if asked:
            asked.withdrawn_at = work.at
        await _ask_again(work, agreed, awaited)


def is_asked(work: OrderWork) -> bool:
    """Whether the customer's consent is waited for."""
    return work.wait is not None and work.wait.clock is Clock.CONSENT


async def _ask_again(work: OrderWork, agreed: Quotation, awaited: Mapping[int, PurchaseOrder]) -> None:
    lines = await lines_in(work, LineState.REFUSED, LineState.RESERVED, LineState.BACK_ORDERED)
    parts = {line.part: await work.session.get_one(Part, line.part) for line in lines}
    supplies = [
        _on_order(line.part, awaited[line.id], work.at)
        if line.id in awaited
        else Supply(line.part, work.at, work.at, Sureness.IN_STOCK)
        for line in lines
        if line.state is not LineState.REFUSED
    ]
    judged = [
        QuotedLine(part=line.part, quantity=line.quantity, charge=line.charge, refused_for=line.refused_for)
        for line in lines
    ]
    costs = Costs(agreed.parts, agreed.labour, agreed.travel, agreed.covered, agreed.goodwill)
    quotation = await _quotation(work, judged, parts, costs, supplies, Again(Because.DATE, agreed.expected_to))
    work.details |= {"expected_to": [agreed.expected_to.isoformat(), quotation.expected_to.isoformat()]}
    work.told.append((Action.QUOTE, Role.CUSTOMER))
    work.start(Clock.CONSENT)


def _on_order(part: str, purchase: PurchaseOrder, not_before: datetime) -> Supply:
    """Pieces that a purchase order brings: at the promised date, or as long as none is promised when it was asked
    for."""
    due = max(not_before, purchase.promised_at or purchase.deliver_by)
    sure = Sureness.SUPPLIER_CONFIRMED if purchase.promised_at else Sureness.ESTIMATE
    return Supply(part, due, due, sure, supplier=purchase.supplier, purchase_order=purchase.number)


async def _charged(work: OrderWork, lines: Sequence[QuotedLine]) -> list[QuotedLine]:
    """The lines with who bears each: as said, else the warranty where it holds, else the customer.

    Raises Refusal `not_in_warranty` where the warranty is said to bear what it does not.
    """
    today = work.time.today(work.at)
    unit = await unit_cover(work.session, work.document.serial)
    guarantees = await part_covers(work.session, work.document.serial, without=work.document.number)
    guaranteed = {guarantee.part for guarantee in guarantees if guarantee.holds(today)}
    in_warranty = unit is not None and unit.holds(today)
    charged: list[QuotedLine] = []
    for line in lines:
        covered = in_warranty or line.part in guaranteed
        if line.charge is Charge.WARRANTY and not covered:
            raise Refusal("not_in_warranty", f"no warranty covers part {line.part}")
        charge = line.charge or (Charge.WARRANTY if covered else Charge.CUSTOMER)
        charged.append(line.model_copy(update={"charge": None if line.refused_for else charge}))
    return charged


async def _part(work: OrderWork, code: str, *, fits: bool) -> Part:
    part = await work.session.get(Part, code)
    if part is None:
        raise Refusal("unknown_part", f"there is no part {code}")
    if fits and part.superseded_by:
        raise Refusal("part_superseded", f"part {code} is superseded by {part.superseded_by}")
    model = work.document.model
    if fits and model and not await work.session.get(PartModel, (code, model)):
        raise Refusal("part_does_not_fit", f"part {code} does not fit model {model}")
    return part


async def _supply_of(work: OrderWork, line: QuotedLine) -> Supply:
    """Where a line's pieces come from, in the order in which they are looked for: stock, pieces on order that nobody
    waits for, the best supplier. Raises Refusal `no_supplier`."""
    session, time, rules = work.session, work.time, work.time.policy.quotation
    signed = signed_by(time, work.at)
    free = await free_for(session, [line.part], work.document.service_centre, time.policy.sourcing.look)
    if free[line.part] >= line.quantity:
        return Supply(line.part, work.at, signed, Sureness.IN_STOCK)
    if running := await free_at(session, line.part, line.quantity):
        return _on_order(line.part, running, signed)
    best = await offers(session, line.part, line.quantity, time, work.at)
    if not best:
        raise Refusal("no_supplier", f"part {line.part} is out of stock and no qualified supplier offers it")
    takes = lead(best[0].lead_days, await punctuality(session, best[0].supplier, rules.leads), rules.leads)
    return to_be_bought(time, work.at, line.part, best[0].supplier, takes)


def _moved(work: OrderWork, agreed: Quotation, costs: Costs, in_house: datetime) -> Again | None:
    """Why what was agreed no longer holds, if it does not."""
    if costs_more(agreed.to_pay, costs.to_pay, work.time.policy.quotation.ask_again):
        return Again(Because.COST, agreed.to_pay)
    if agreed.parts_by and in_house > agreed.parts_by:
        return Again(Because.DATE, agreed.expected_to)
    return None


def _keep_consent(quotation: Quotation, agreed: Quotation) -> None:
    for name in ("at", "by", "said_by", "to", "hash"):
        setattr(quotation, f"consented_{name}", getattr(agreed, f"consented_{name}"))


async def _quotation(
    work: OrderWork,
    lines: Sequence[QuotedLine],
    parts: Mapping[str, Part],
    costs: Costs,
    supplies: Sequence[Supply],
    again: Again | None,
) -> Quotation:
    order, time, rules = work.document, work.time, work.time.policy.quotation
    customer = await work.session.get_one(Customer, order.customer)
    when = expected(time, supplies, transit_to(customer.province, rules.transits, rules.transit))
    unit = await unit_cover(work.session, order.serial)
    months = min(parts[line.part].guarantee_months for line in lines if not line.refused_for)
    offered = [_offered(line, parts[line.part]) for line in lines]
    quotation = Quotation(
        order=order.number,
        seq=work.step.seq,
        expected_from=when.earliest,
        expected_to=when.latest,
        parts=costs.parts,
        labour=costs.labour,
        travel=costs.travel,
        covered=costs.warranty,
        goodwill=costs.goodwill,
        in_warranty=unit is not None and unit.holds(time.today(work.at)),
        guarantee_months=months,
        parts_by=when.parts_by,
        sureness=when.sure,
        basis=[supply.basis() for supply in supplies],
        because=again and again.because,
        shown=Offer(order.number, offered, costs, when, months, time.zone, again).texts(),
    )
    work.session.add(quotation)
    await work.session.flush()
    _put_down(work, quotation, when)
    return quotation


def _put_down(work: OrderWork, quotation: Quotation, when: Expected) -> None:
    work.details |= {
        "to_pay": str(quotation.to_pay),
        "expected_to": when.latest.isoformat(),
        "sure": when.sure,
        "guarantee_months": quotation.guarantee_months,
    }
    if quotation.because:
        work.details |= {"asked_again": quotation.because}


def _offered(line: QuotedLine, part: Part) -> OfferedLine:
    names = {"zh": part.name_zh, "en": part.name_en}
    amount = part.list_price * line.quantity
    return OfferedLine(names, line.quantity, amount, line.charge or Charge.CUSTOMER, line.refused_for)
