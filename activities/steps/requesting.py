"""The life of a request for quotation: bids, sealed until they are opened; the award; an emergency (policy 3.3.1)."""

from collections import defaultdict
from decimal import Decimal

from sqlalchemy import func, select

from activities.steps.work import RequestSteps, RequestWork
from database import contracts
from database.contracts import Offer
from database.purchases import place
from database.requests import OpenedLine, compared, may_offer, opened_bids
from database.tables import AwardLine, BidLine, Contract, Invitation, Part, RequestLine, SupplierBid
from domain.bidding import Award, Bid, Finding, LookInto, NoBid
from domain.comparing import Placed
from domain.contracts import ContractTerms
from domain.requests import RequestStage
from domain.shared_decisions import MoveDue
from domain.stages import Action, Refusal, Role
from domain.suppliers import Breach
from domain.waiting import Clock


async def bid(work: RequestWork) -> None:
    """A supplier's answer, in time; a later one takes its place. What it says stays sealed."""
    said, request = work.said(Bid), work.document
    invitation = await _invited(work, said.supplier)
    if work.step.role is Role.BUYER and not said.evidence:
        raise Refusal("evidence_needed", "say on what evidence this bid is entered")
    allowed = await may_offer(work.session, request.number, invitation.supplier, work.time, work.at)
    if others := {line.part for line in said.offered} - allowed:
        raise Refusal("part_not_asked", f"{', '.join(sorted(others))} is not asked of this supplier")
    if said.valid_until < work.time.today(work.at):
        raise Refusal("invalid_time", "the bid is not valid any more")
    key = {"request": request.number, "supplier": invitation.supplier, "seq": work.step.seq}
    work.session.add(
        SupplierBid(
            **key,
            at=work.at,
            role=work.step.role,
            valid_until=said.valid_until,
            signed_by=said.signed_by,
            evidence=said.evidence,
            note=said.note,
        )
    )
    await work.session.flush()
    work.session.add_all(BidLine(**key, **line.model_dump()) for line in said.offered)
    invitation.bid_at, invitation.declined_at = work.at, None
    work.details |= {"supplier": invitation.supplier, "parts": len(said.offered)}


async def no_bid(work: RequestWork) -> None:
    invitation = await _invited(work, work.said(NoBid).supplier)
    invitation.bid_at, invitation.declined_at = None, work.at
    work.details |= {"supplier": invitation.supplier}


async def _invited(work: RequestWork, named: str | None) -> Invitation:
    """Whose answer it is: whoever holds the link, or whom the buyer names."""
    deadline = work.document.deadline
    if deadline is None or work.at > deadline:
        raise Refusal("bidding_closed", "the deadline is over")
    supplier = work.step.by if work.step.role is Role.SUPPLIER else named
    found = await work.session.get(Invitation, (work.document.number, supplier)) if supplier else None
    if found is None:
        raise Refusal("not_invited", "this supplier was not asked")
    return found


async def open_bids(work: RequestWork) -> None:
    """The deadline is over: the seals are broken, on record."""
    request = work.document
    if request.deadline is None or work.at < request.deadline:
        raise Refusal("still_sealed", "bids can't be read before the deadline")
    request.opened_at = work.at
    bids = await work.session.scalars(
        select(Invitation.supplier)
        .where(Invitation.request == request.number, Invitation.bid_at.is_not(None))
        .order_by(Invitation.supplier)
    )
    work.details |= {"suppliers": list(bids)}
    work.told.append((Action.OPEN_BIDS, Role.BUYER))
    work.start(Clock.AWARD)


async def remind(work: RequestWork) -> None:
    """Whoever has not answered yet is reminded; if all have, no supplier is."""
    silent = select(Invitation.supplier).where(
        Invitation.request == work.document.number, Invitation.bid_at.is_(None), Invitation.declined_at.is_(None)
    )
    if await work.session.scalar(silent.limit(1)) is None:
        work.told = [(notice, audience) for notice, audience in work.told if audience is not Role.SUPPLIER]


async def move_due(work: RequestWork) -> None:
    """A deadline is put off, never brought forward: who bids in time must not be opened early."""
    request, due = work.document, work.said(MoveDue).due
    if request.stage is RequestStage.BIDDING:
        if request.deadline is not None and due <= request.deadline:
            raise Refusal("still_sealed", "a deadline can only be put off")
        request.deadline = due
        work.told.append(("deadline_moved", Role.SUPPLIER))


async def award(work: RequestWork) -> None:
    """The best value wins, or another for a reason; what wins is agreed and, if it is wanted now, ordered."""
    said, request, rules = work.said(Award), work.document, work.time.policy.purchasing
    quantities = dict(
        (
            await work.session.execute(
                select(RequestLine.part, RequestLine.quantity).where(RequestLine.request == request.number)
            )
        ).all()
    )
    bids = await opened_bids(work.session, request.number)
    ranking = await compared(work.session, bids, rules.requests.weights, work.at)
    found = {(bid.part, bid.supplier): (bid, placed) for ranked in ranking.values() for bid, placed in ranked}
    given: dict[str, int] = defaultdict(int)
    won: list[tuple[OpenedLine, Placed, int]] = []
    for line in said.lines:
        if (line.part, line.supplier) not in found:
            raise Refusal("no_such_bid", f"{line.supplier} made no offer for {line.part}")
        given[line.part] += line.quantity
        won.append((*found[line.part, line.supplier], line.quantity))
    for part, quantity in given.items():
        if quantity > quantities[part]:
            raise Refusal("too_many", f"only {quantities[part]} of {part} were asked for")
    few = sorted(part for part in given if len(ranking[part]) < rules.requests.least_bids)
    not_best = sorted({bid.part for bid, placed, _ in won if placed.rank > 1})
    if (few or not_best) and not said.reason:
        raise Refusal("reason_needed", f"too few bids, or not the best value: {', '.join([*few, *not_best])}")
    for bid, _, quantity in won:
        await _agree(work, bid, quantity, said.reason)
    numbers = await _order(work, won) if said.order_now else {}
    work.session.add_all(
        AwardLine(
            request=request.number,
            part=bid.part,
            supplier=bid.supplier,
            quantity=quantity,
            price=bid.price,
            freight=bid.freight,
            rank=placed.rank,
            gap=round(placed.gap, 4),
            bids=len(ranking[bid.part]),
            purchase_order=numbers.get(bid.supplier),
        )
        for bid, placed, quantity in won
    )
    work.details |= {"suppliers": sorted({bid.supplier for bid, _, _ in won}), "purchase_orders": work.to_place}
    work.details |= {"few_bids": few, "not_the_best": not_best}
    work.told.append((Action.AWARD, Role.SUPPLIER))
    if {bid.supplier for bid in bids} - {bid.supplier for bid, _, _ in won}:
        work.told.append(("not_awarded", Role.SUPPLIER))


async def _agree(work: RequestWork, bid: OpenedLine, quantity: int, reason: str) -> None:
    """A bid that won is the next contract with its supplier; what it does not speak of stays as agreed before."""
    session, today = work.session, work.time.today(work.at)
    if bid.valid_until < today:
        raise Refusal("bid_expired", f"the bid of {bid.supplier} for {bid.part} is not valid any more")
    there = await contracts.breaches(session, bid.supplier, bid.part, quantity, Decimal(0), work.time, work.at)
    contracts.require(work.time.policy.purchasing, set(there) - {Breach.NO_CONTRACT}, reason)
    version = await contracts.next_version(session, Contract, supplier=bid.supplier, part=bid.part)
    before = await session.get(Contract, (bid.supplier, bid.part, version - 1))
    part = await session.get_one(Part, bid.part)
    terms = ContractTerms(
        specification=(before and before.specification) or part.specification or part.code,
        quality_standard=(before and before.quality_standard) or work.document.number,
        price=bid.price,
        freight=bid.freight,
        lead_days=bid.lead_days,
        valid_from=today,
        valid_until=bid.valid_until,
        payment_terms=(before and before.payment_terms) or work.document.number,
        guarantee_months=bid.guarantee_months,
        after_sales=bid.note or (before.after_sales if before else ""),
    )
    await contracts.enter_contract(
        session, bid.supplier, bid.part, version, terms, work.step.by, work.at, work.document.number
    )


async def _order(work: RequestWork, won: list[tuple[OpenedLine, Placed, int]]) -> dict[str, str]:
    """One purchase order a supplier; their numbers."""
    by_supplier: dict[str, list[Offer]] = defaultdict(list)
    for bid, _, quantity in won:
        by_supplier[bid.supplier].append(
            Offer(bid.supplier, bid.part, quantity, bid.price, bid.freight, bid.lead_days, bid.guarantee_months)
        )
    numbers = {
        supplier: await place(
            work.session, supplier, work.document.warehouse, offers, work.time, work.at, caused_by=work.document.number
        )
        for supplier, offers in sorted(by_supplier.items())
    }
    work.to_place += numbers.values()
    return numbers


async def abandon(work: RequestWork) -> None:
    asked = await work.session.scalar(
        select(func.count()).select_from(Invitation).where(Invitation.request == work.document.number)
    )
    work.details |= {"asked": asked}
    work.told.append((Action.ABANDON, Role.SUPPLIER))


async def look_into(work: RequestWork) -> None:
    """An auditor looks at what was bought without bids; not whoever bought it."""
    if work.step.by == work.document.entered_by:
        raise Refusal("own_case", "nobody looks into what they bought")
    finding = work.said(LookInto).finding
    work.details |= {"finding": finding}
    if finding is Finding.NOT_JUSTIFIED:
        work.told += [("not_justified", Role.BUYER), ("not_justified", Role.SUPERVISOR)]


STEPS: RequestSteps = {
    Action.BID: bid,
    Action.NO_BID: no_bid,
    Action.OPEN_BIDS: open_bids,
    Action.REMIND: remind,
    Action.MOVE_DUE: move_due,
    Action.AWARD: award,
    Action.ABANDON: abandon,
    Action.LOOK_INTO: look_into,
}
