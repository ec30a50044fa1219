"""The life of a purchase order: confirmed by signature, followed, received (policy 3.2.2, 3.2.3)."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select, update

from activities.steps import paying, receiving
from activities.steps.owing import go_on
from activities.steps.work import PurchaseSteps, PurchaseWork
from database.contracts import Offer
from database.purchases import for_orders, offers, open_link, place, tried, waiting
from database.quotations import broken_by
from database.standings import has_heard, standing_of
from database.tables import PurchaseOrder, ReplacementOrder, SupplierLink
from domain.offer import agreed_text, digest
from domain.purchase_decisions import Confirm, PromiseLater, ProposeDate, RefuseOrder, RenewLink, ReportOnTrack
from domain.stages import PURCHASE_OPEN, Action, PurchaseStage, Refusal, Role, Stage
from domain.waiting import Clock


async def confirm(work: PurchaseWork) -> None:
    """The supplier's signature under exactly what it was shown, and its promise (policy 3.2.2)."""
    said = work.said(Confirm)
    if work.step.role is Role.SUPPLIER and said.promised_at > work.document.deliver_by:
        raise Refusal("later_than_asked", "propose a date that is later than the one asked for")
    _sign(work, said.shown, said.signed_by)
    await _promised(work, said.promised_at)


async def propose_date(work: PurchaseWork) -> None:
    """Signed, but for another date: the buyer answers."""
    said, purchase = work.said(ProposeDate), work.document
    _in_future(work, said.promised_at)
    _sign(work, said.shown, said.signed_by)
    purchase.proposed_for, purchase.proposed_by = said.promised_at, said.signed_by
    work.details |= {"proposed_for": said.promised_at.isoformat()}
    work.start(Clock.PROPOSAL)


async def accept_date(work: PurchaseWork) -> None:
    """The buyer agrees to the date that was proposed."""
    proposed = work.document.proposed_for
    if proposed is None or work.wait is None or not work.wait.asks_for(Action.ACCEPT_DATE):
        raise Refusal("nothing_asked", "no date was proposed")
    await _promised(work, proposed)


def _sign(work: PurchaseWork, seen: str | None, name: str) -> None:
    """Who signed, when, and to exactly what text. Raises Refusal `purchase_order_changed` if another was seen, and
    `supplier_suspended` while the order is held (policy 3.1.3)."""
    purchase = work.document
    if work.wait is not None and work.wait.clock is Clock.HELD:
        raise Refusal("supplier_suspended", f"{purchase.supplier} may not supply; the buyer decides")
    text = agreed_text(purchase.shown, seen, "zh")
    if seen and text is None:
        raise Refusal("purchase_order_changed", "what was seen is not what is ordered")
    purchase.signed_by, purchase.signed_at, purchase.signed_text = name, work.at, text
    purchase.signed_hash = digest(text) if text else None
    if text:
        work.details |= {"signed": digest(text).hex()}


def _in_future(work: PurchaseWork, promised_at: datetime) -> None:
    if promised_at <= work.at:
        raise Refusal("invalid_time", "the promised date lies in the past")


async def _promised(work: PurchaseWork, promised_at: datetime) -> None:
    _in_future(work, promised_at)
    late = promised_at > work.document.deliver_by
    work.document.promised_at = promised_at
    work.details |= {"promised_at": promised_at.isoformat(), "later_than_asked": late}
    if late:
        work.told.append(("supplier_late", Role.SERVICE_AGENT))
    work.start(Clock.ARRIVAL, promised_at)
    await _replan(work, promised_at, all_of_them=late)


async def check_in(work: PurchaseWork) -> None:
    """Asked before the date whether it is kept; no answer is escalated (policy 3.2.3)."""
    assert work.wait is not None
    until = work.time.rings_after(work.at, work.time.policy.follow_up.answer_within)
    work.details |= {"answer_by": until.isoformat()}
    work.wait = work.wait.moved(Action.UNANSWERED, until)


async def report_on_track(work: PurchaseWork) -> None:
    said = work.said(ReportOnTrack)
    _by_somebody(work, said.said_by)
    if work.wait is None or not work.wait.asks_for(Action.REPORT_ON_TRACK):
        raise Refusal("nothing_asked", "nothing is waited for from the supplier")
    work.wait = work.wait.without(Action.UNANSWERED)


def _by_somebody(work: PurchaseWork, said_by: str) -> None:
    """A buyer who writes down a supplier's word says whose it was."""
    if work.step.role is Role.BUYER and not said_by:
        raise Refusal("said_by_missing", "write down who at the supplier's said so")


async def promise_later(work: PurchaseWork) -> None:
    """A delay, reported to the service centre (policy 3.2.3)."""
    said, purchase = work.said(PromiseLater), work.document
    _in_future(work, said.promised_at)
    _by_somebody(work, said.said_by)
    before = purchase.promised_at
    purchase.promised_at = said.promised_at
    work.details |= {"promised_at": [before.isoformat() if before else None, said.promised_at.isoformat()]}
    if work.wait is not None and work.wait.clock is Clock.ARRIVAL:
        work.start(Clock.ARRIVAL, said.promised_at)
    await _replan(work, said.promised_at, all_of_them=True)


async def _replan(work: PurchaseWork, promised_at: datetime, *, all_of_them: bool) -> None:
    """Whoever waits looks anew when its parts come, and asks its customer again where they come later than agreed
    (policy 2.2.2, 3.2.3)."""
    waits = [order.number for _, order in await waiting(work.session, work.document.number)]
    if broken := await broken_by(work.session, waits, promised_at):
        work.details |= {"too_late_for": broken}
    if all_of_them:
        work.details |= {"orders": waits}
        work.to_tell += list(dict.fromkeys(waits))
        return
    asking = await work.session.scalars(
        select(ReplacementOrder.number).where(
            ReplacementOrder.number.in_(waits),
            ReplacementOrder.stage == Stage.SOURCING,
            ReplacementOrder.wait_clock == Clock.CONSENT,
        )
    )
    work.to_tell += sorted({*broken, *asking})


async def refuse_order(work: PurchaseWork) -> None:
    """The supplier does not deliver: the next one is asked at once."""
    _by_somebody(work, work.said(RefuseOrder).said_by)
    await pass_on(work)


async def renew_link(work: PurchaseWork) -> None:
    """The link that is out there opens nothing any more; the supplier gets another."""
    work.said(RenewLink)
    await work.session.execute(
        update(SupplierLink)
        .where(SupplierLink.document == work.document.number, SupplierLink.revoked_at.is_(None))
        .values(revoked_at=work.at)
    )
    open_link(work.session, work.document.number, work.document.supplier, work.at)


async def pass_on(work: PurchaseWork) -> None:
    """The next supplier by the ranking of when it was placed takes over what is outstanding and still waited for."""
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
            await _nobody_else(work, part)
            return
        best = _by_ranking(ranked, purchase.ranking.get(part, ()))
        by_supplier.setdefault(best.supplier, []).append(best)
    for supplier, parts in sorted(by_supplier.items()):
        number = await place(
            work.session,
            supplier,
            purchase.warehouse,
            parts,
            work.time,
            work.at,
            caused_by=purchase.number,
            ranking={offer.part: purchase.ranking.get(offer.part, ()) for offer in parts},
            replaces=purchase.number,
        )
        for back_order, _ in waits:
            if back_order.part in {offer.part for offer in parts}:
                back_order.purchase_order = number
        work.to_place.append(number)
    work.details |= {"taken_over_by": work.to_place}
    work.told += [("pass_on", Role.SUPPLIER), ("pass_on", Role.BUYER)]
    purchase.passed_on_at = work.at
    await go_on(work)


def _by_ranking(offered: Sequence[Offer], pinned: Sequence[str]) -> Offer:
    """The one that stood first when the purchase order was placed; who offers only since then comes after."""
    first = {supplier: place for place, supplier in enumerate(pinned)}
    return min(offered, key=lambda offer: first.get(offer.supplier, len(first)))


async def _nobody_else(work: PurchaseWork, part: str) -> None:
    """Without another supplier a person can't pass it on, and the clock keeps asking the buyer."""
    if work.step.action is Action.PASS_ON and work.step.role is not Role.SYSTEM:
        raise Refusal("no_supplier", f"no other qualified supplier offers part {part}")
    work.stage = work.document.stage
    work.details |= {"no_other_supplier_for": part}
    work.told.append(("no_other_supplier", Role.BUYER))


async def hold(work: PurchaseWork) -> None:
    """Its supplier may not supply any more (policy 3.1.3): if it has not confirmed, the next one takes over; what it
    has confirmed, or nobody else supplies, is the buyer's decision. Nothing happens if it may again by now; who tells
    it twice, because a worker died meanwhile, does not ask the buyer again."""
    purchase = work.document
    standing = await standing_of(work.session, purchase.supplier)
    work.details |= {"standing": standing}
    if standing.supplies:
        work.stage = purchase.stage
        return
    if await has_heard(work.session, purchase.supplier, purchase.number):
        raise Refusal("stage_moved_on", f"{purchase.number} was held before")
    if purchase.stage is PurchaseStage.PLACED:
        await pass_on(work)
    if work.stage in PURCHASE_OPEN:
        work.start(Clock.HELD)
        work.told.append(("held", Role.BUYER))


async def keep(work: PurchaseWork) -> None:
    """The buyer leaves it with its supplier."""
    if work.wait is None or work.wait.clock is not Clock.HELD:
        raise Refusal("nothing_asked", f"{work.document.number} is not held")
    promised = work.document.promised_at
    if work.document.stage is PurchaseStage.PLACED:
        work.start(Clock.CONFIRMATION)
    else:
        work.start(Clock.ARRIVAL, promised if promised and promised > work.at else None)


async def withdraw(work: PurchaseWork) -> None:
    """An order no longer waits. A purchase order for orders is taken back when nobody waits for it nor confirmed it."""
    purchase = work.document
    waits = await waiting(work.session, purchase.number)
    work.details |= {"still_waiting": [order.number for _, order in waits]}
    if waits:
        return
    if purchase.stage is not PurchaseStage.PLACED:
        work.details |= {"not_given_back": "the supplier has confirmed; the pieces go to free stock"}
    elif not await work.session.scalar(select(for_orders()).where(PurchaseOrder.number == purchase.number)):
        work.details |= {"not_given_back": "it was bought for stock"}
    else:
        work.stage, work.wait = PurchaseStage.WITHDRAWN, None


STEPS: PurchaseSteps = {
    **receiving.STEPS,
    **paying.STEPS,
    Action.CONFIRM: confirm,
    Action.PROPOSE_DATE: propose_date,
    Action.ACCEPT_DATE: accept_date,
    Action.REFUSE_ORDER: refuse_order,
    Action.RENEW_LINK: renew_link,
    Action.CHECK_IN: check_in,
    Action.REPORT_ON_TRACK: report_on_track,
    Action.PROMISE_LATER: promise_later,
    Action.PASS_ON: pass_on,
    Action.WITHDRAW: withdraw,
    Action.HOLD: hold,
    Action.KEEP: keep,
}
