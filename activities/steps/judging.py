"""First judgement: what parts, at what cost, until when; or an inspection, or a refusal (policy 2.2)."""

from sqlalchemy import select

from activities.steps.quoting import agree, is_asked, quote_lines
from activities.steps.sourcing import go_on_if_complete
from activities.steps.work import OrderSteps, OrderWork, lines_in
from database.cover import unit_cover
from database.tables import Inspection, LineState, ServiceOutlet
from domain.inspecting import fee, is_open
from domain.order_decisions import Consent, Quote, Refuse, SendForInspection
from domain.stages import Action, Refusal, Stage
from domain.waiting import Clock


async def quote(work: OrderWork) -> None:
    """Settles the parts and tells the customer time, cost and guarantee (policy 2.2.2)."""
    said = work.said(Quote)
    await quote_lines(work, said.lines)
    work.details |= {"lines": [line.model_dump(mode="json", exclude_none=True) for line in said.lines]}
    if said.agreed_on_phone:
        await agree(work, said_by=said.said_by)
        work.stage = Stage.AUDIT


async def send_for_inspection(work: OrderWork) -> None:
    """The customer brings the product to an outlet, or sends it; agreed anew, the finding is waited for anew
    (policy 2.2.1)."""
    said = work.said(SendForInspection)
    outlet = await work.session.get(ServiceOutlet, said.outlet)
    if outlet is None:
        raise Refusal("unknown_outlet", f"there is no service outlet {said.outlet}")
    if said.comes_at and said.comes_at < work.at:
        raise Refusal("invalid_time", "the appointment lies in the past")
    if said.comes_at and not is_open(said.comes_at, work.time.zone, outlet.open_days, outlet.opens, outlet.closes):
        raise Refusal("outlet_closed", f"outlet {outlet.code} is closed then")
    order = work.document.number
    work.session.add(
        Inspection(order=order, seq=work.step.seq, outlet=said.outlet, comes_at=said.comes_at, waybill=said.waybill)
    )
    work.details |= {"outlet": said.outlet}
    if said.comes_at:
        work.details |= {"comes_at": said.comes_at.isoformat()}
    if said.waybill:
        work.details |= {"waybill": said.waybill}
    rules = work.time.policy.clocks[Clock.FINDING]
    work.start(Clock.FINDING, work.time.after(said.comes_at, rules.due) if said.comes_at else None)


async def fault_found(work: OrderWork) -> None:
    """The case is judged anew, with what the outlet found."""
    await _found(work, fault_found=True)


async def no_fault_found(work: OrderWork) -> None:
    """It ends, and the customer pays for the inspection what the policy says (policy 2.2.1)."""
    work.document.outcome = "no_fault_found"
    await _found(work, fault_found=False)


async def _found(work: OrderWork, *, fault_found: bool) -> None:
    newest = select(Inspection).where(Inspection.order == work.document.number).order_by(Inspection.seq.desc()).limit(1)
    inspection = await work.session.scalar(newest)
    if inspection is None:  # sent for inspection before inspections were kept
        return
    inspection.found_at, inspection.fault_found = work.at, fault_found
    if not fault_found:
        unit = await unit_cover(work.session, work.document.serial)
        in_warranty = unit is not None and unit.holds(work.time.today(work.at))
        inspection.to_pay = fee(work.time.policy.quotation.no_fault, in_warranty=in_warranty)
        work.details |= {"to_pay": str(inspection.to_pay)}


async def refuse(work: OrderWork) -> None:
    work.document.outcome = "refused"
    work.details |= {"reason": work.said(Refuse).reason}


async def consent(work: OrderWork) -> None:
    """Who agreed, and when, to the quotation that was shown (policy 2.2.2). Asked again while parts are on their way
    to us, the order goes on from there."""
    if not is_asked(work):
        raise Refusal("nothing_asked", "nothing waits for the customer's consent")
    said = work.said(Consent)
    await agree(work, said.shown, said.said_by)
    if work.document.stage is Stage.SOURCING:
        work.start(Clock.PARTS)
        await go_on_if_complete(work, await lines_in(work, *LineState))


STEPS: OrderSteps = {
    Action.QUOTE: quote,
    Action.SEND_FOR_INSPECTION: send_for_inspection,
    Action.FAULT_FOUND: fault_found,
    Action.NO_FAULT_FOUND: no_fault_found,
    Action.REFUSE: refuse,
    Action.CONSENT: consent,
}
