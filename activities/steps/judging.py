"""First judgement: what parts, at what cost, until when (policy 2.2)."""

from datetime import datetime
from decimal import Decimal

from sqlalchemy import func, select

from activities.steps.work import OrderSteps, OrderWork, lines_in
from database.purchases import offers
from database.tables import (
    LineState,
    OrderLine,
    Part,
    PartModel,
    ProductModel,
    Quotation,
    RegisteredUnit,
    ServiceOutlet,
    Stock,
    Zone,
)
from domain.decisions import Line, Quote, Refuse, SendForInspection
from domain.stages import Action, Refusal, Stage
from domain.warranty import is_covered
from domain.working_time import Span

_NOTHING = Decimal("0.00")


async def quote(work: OrderWork) -> None:
    """Settles the parts and tells the customer time, cost and guarantee (policy 2.2.2)."""
    said = work.said(Quote)
    quotation = await quote_lines(work, said.lines)
    work.details |= {"lines": [line.model_dump() for line in said.lines]}
    if said.agreed_on_phone:
        _agree(work, quotation)
        work.stage = Stage.AUDIT


async def quote_lines(work: OrderWork, lines: tuple[Line, ...]) -> Quotation:
    """Puts these lines in place of the wanted ones and works out time, cost and guarantee."""
    quotation = await _quotation(work, lines, await replace_lines(work, lines))
    work.session.add(quotation)
    work.details |= {
        "to_pay": str(quotation.to_pay),
        "expected_to": quotation.expected_to.isoformat(),
        "guarantee_months": quotation.guarantee_months,
    }
    return quotation


async def replace_lines(work: OrderWork, wanted: tuple[Line, ...]) -> dict[str, Part]:
    """Puts the order's wanted lines in place of those not yet supplied; returns the parts.

    Raises Refusal `unknown_part`, `part_superseded`, `part_does_not_fit`.
    """
    parts = {code: await _fitting_part(work, code) for code in sorted({line.part for line in wanted})}
    for line in await lines_in(work, LineState.WANTED):
        line.state = LineState.DROPPED
    work.session.add_all(
        OrderLine(
            order=work.document.number,
            round=work.document.round,
            part=line.part,
            quantity=line.quantity,
            state=LineState.WANTED,
        )
        for line in wanted
    )
    return parts


async def _fitting_part(work: OrderWork, code: str) -> Part:
    part = await work.session.get(Part, code)
    if part is None:
        raise Refusal("unknown_part", f"there is no part {code}")
    if part.superseded_by:
        raise Refusal("part_superseded", f"part {code} is superseded by {part.superseded_by}")
    model = work.document.model
    if model and not await work.session.get(PartModel, (code, model)):
        raise Refusal("part_does_not_fit", f"part {code} does not fit model {model}")
    return part


async def _quotation(work: OrderWork, lines: tuple[Line, ...], parts: dict[str, Part]) -> Quotation:
    rules = work.time.policy.quotation
    cost = sum((parts[line.part].list_price * line.quantity for line in lines), _NOTHING)
    in_warranty = await _in_warranty(work)
    ready = work.time.after(work.at, rules.stock_lead)
    latest = max([await _available_by(work, line, ready) for line in lines])
    return Quotation(
        order=work.document.number,
        seq=work.step.seq,
        expected_from=work.time.after(ready, rules.transit),
        expected_to=work.time.after(latest, rules.transit),
        parts=cost,
        labour=rules.labour,
        travel=rules.travel,
        covered=cost + rules.labour + rules.travel if in_warranty else _NOTHING,
        in_warranty=in_warranty,
        guarantee_months=min(part.guarantee_months for part in parts.values()),
    )


async def _in_warranty(work: OrderWork) -> bool:
    """Whether the registered unit is still in its warranty; an unknown one is not (policy 2.3.1)."""
    if not work.document.serial:
        return False
    row = (
        await work.session.execute(
            select(RegisteredUnit.sold_on, ProductModel.warranty_months)
            .join(ProductModel, ProductModel.code == RegisteredUnit.model)
            .where(RegisteredUnit.serial == work.document.serial)
        )
    ).one_or_none()
    if row is None:
        return False
    return is_covered(row.sold_on, row.warranty_months, work.at.date())


async def _available_by(work: OrderWork, line: Line, ready: datetime) -> datetime:
    """When the pieces can leave: from stock at `ready`, else after the best supplier's lead time."""
    free = await work.session.scalar(
        select(func.coalesce(func.max(Stock.on_hand - Stock.reserved), 0)).where(
            Stock.part == line.part, Stock.zone.in_((Zone.QUALIFIED, Zone.VALUABLES, Zone.HAZARDOUS))
        )
    )
    if (free or 0) >= line.quantity:
        return ready
    best = await offers(work.session, line.part, work.time.policy.purchasing, work.at)
    if not best:
        raise Refusal("no_supplier", f"part {line.part} is out of stock and no qualified supplier offers it")
    return work.time.after(ready, Span(best[0].lead_days, "days"))


async def send_for_inspection(work: OrderWork) -> None:
    """The customer brings the product to an outlet (policy 2.2.1)."""
    said = work.said(SendForInspection)
    if await work.session.get(ServiceOutlet, said.outlet) is None:
        raise Refusal("unknown_outlet", f"there is no service outlet {said.outlet}")
    work.details |= {"outlet": said.outlet}


async def refuse(work: OrderWork) -> None:
    work.document.outcome = "refused"
    work.details |= {"reason": work.said(Refuse).reason}


async def no_fault_found(work: OrderWork) -> None:
    work.document.outcome = "no_fault_found"


async def consent(work: OrderWork) -> None:
    """Who agreed, and when, to the quotation that was shown (policy 2.2.2)."""
    quotation = await newest_quotation(work)
    _agree(work, quotation)
    work.details |= {"quotation": quotation.seq, "to_pay": str(quotation.to_pay)}


def _agree(work: OrderWork, quotation: Quotation) -> None:
    quotation.consented_at = work.at
    quotation.consented_by = work.step.by


async def decline(work: OrderWork) -> None:
    work.document.outcome = "declined"


async def lapse(work: OrderWork) -> None:
    """The customer never answered; the policy's rule ends the order."""
    work.document.outcome = "lapsed"


async def newest_quotation(work: OrderWork) -> Quotation:
    return (
        await work.session.scalars(
            select(Quotation).where(Quotation.order == work.document.number).order_by(Quotation.seq.desc()).limit(1)
        )
    ).one()


STEPS: OrderSteps = {
    Action.QUOTE: quote,
    Action.SEND_FOR_INSPECTION: send_for_inspection,
    Action.REFUSE: refuse,
    Action.NO_FAULT_FOUND: no_fault_found,
    Action.CONSENT: consent,
    Action.DECLINE: decline,
    Action.LAPSE: lapse,
}
