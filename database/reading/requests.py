"""Requests for quotation as people read them: lists, one with who was asked, and once it is open the comparison."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Final

from pydantic import Field
from sqlalchemy import ColumnElement, and_, false, func, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from database import policies, requests
from database.reading.documents import View, WaitView
from database.reading.keyset import Cursor, Page
from database.tables import (
    AwardLine,
    Invitation,
    Part,
    RequestForQuotation,
    RequestLine,
    Supplier,
    UserAccount,
    Warehouse,
)
from domain.comparing import Criterion, Weights
from domain.messages import RequestState
from domain.policy import RequestRules
from domain.requests import RequestStage
from domain.stages import Role
from domain.waiting import Clock

_R: Final = RequestForQuotation


@dataclass(frozen=True)
class WantedRequests:
    """Which requests a list shows; `roles` leaves those that wait for one of them."""

    stage: RequestStage | None = None
    overdue: bool = False
    roles: tuple[Role, ...] = ()


class RequestRow(View):
    """A request in a list."""

    number: str
    stage: RequestStage
    created_at: datetime
    ended_at: datetime | None
    deadline: datetime | None
    parts: int
    asked: int
    answered: int
    wait_clock: Clock | None
    wait_owner: Role | None
    wait_due: datetime | None
    overdue: bool


class RequestLineView(View):
    part: str
    name_en: str
    name_zh: str
    specification: str
    unit: str
    quantity: int


class InvitedView(View):
    """Who was asked, and whether they have answered; what they said is not here."""

    supplier: str
    supplier_name_en: str
    supplier_name_zh: str
    bid_at: datetime | None
    declined_at: datetime | None


class BidView(View):
    """A supplier's bid for one part in its place; `gap` and `gaps` are shares worse than the best. Yuan a piece."""

    supplier: str
    supplier_name_en: str
    supplier_name_zh: str
    price: Decimal
    freight: Decimal
    landed: Decimal
    lead_days: int
    score: Decimal | None = Field(
        description="From the supplier's newest review, 0 to 100; without one null, and the weight goes to the others."
    )
    guarantee_months: int
    valid_until: date
    note: str
    rank: int
    gap: Decimal
    gaps: dict[Criterion, Decimal]


class ComparedPart(View):
    part: str
    bids: tuple[BidView, ...]
    enough: bool = Field(description="Whether there are as many bids as the policy asks for.")


class AwardView(View):
    part: str
    supplier: str
    supplier_name_en: str
    supplier_name_zh: str
    quantity: int
    price: Decimal
    freight: Decimal
    rank: int | None
    gap: Decimal | None
    bids: int
    purchase_order: str | None


class RequestView(View):
    """One request (policy 3.3.1). `comparison` is empty until the bids are open."""

    number: str
    stage: RequestStage
    seq: int
    created_at: datetime
    ended_at: datetime | None
    entered_by: str
    entered_by_name: str
    warehouse: str
    warehouse_name_en: str
    warehouse_name_zh: str
    deadline: datetime | None
    opened_at: datetime | None
    note: str
    reason: str
    policy_name: str
    policy_version: int
    state: RequestState = Field(exclude=True)
    wait: WaitView | None
    lines: tuple[RequestLineView, ...]
    invited: tuple[InvitedView, ...]
    weights: Weights
    least_bids: int
    comparison: tuple[ComparedPart, ...]
    awards: tuple[AwardView, ...]


async def list_requests(
    session: AsyncSession, wanted: WantedRequests, *, now: datetime, limit: int = 50, cursor: str | None = None
) -> Page[RequestRow]:
    """Newest first. Raises Refusal `invalid_cursor`."""
    last = Cursor.read(cursor, "new")
    before = (tuple_(_R.created_at, _R.number) < (last.at, last.number),) if last else ()
    lines = select(func.count()).where(RequestLine.request == _R.number).correlate(_R).scalar_subquery()
    asked = select(func.count()).where(Invitation.request == _R.number).correlate(_R).scalar_subquery()
    answered = (
        select(func.count(Invitation.bid_at)).where(Invitation.request == _R.number).correlate(_R).scalar_subquery()
    )
    rows = (
        await session.execute(
            select(
                _R.number,
                _R.stage,
                _R.created_at,
                _R.ended_at,
                _R.deadline,
                lines.label("parts"),
                asked.label("asked"),
                answered.label("answered"),
                _R.wait_clock,
                _R.wait_owner,
                _R.wait_due,
                func.coalesce(_R.wait_due < now, false()).label("overdue"),
            )
            .where(*_filters(wanted, now), *before)
            .order_by(_R.created_at.desc(), _R.number.desc())
            .limit(limit + 1)
        )
    ).all()
    items = [RequestRow.model_validate(row) for row in rows[:limit]]
    if len(rows) <= limit:
        return Page(items=items, next=None)
    return Page(items=items, next=str(Cursor(sort="new", at=items[-1].created_at, number=items[-1].number)))


def _filters(wanted: WantedRequests, now: datetime) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if wanted.stage:
        found.append(_R.stage == wanted.stage)
    if wanted.overdue:
        found.append(and_(_R.wait_due < now, _R.ended_at.is_(None)))
    if wanted.roles:
        found.append(and_(_R.wait_caretaker.in_(wanted.roles), _R.ended_at.is_(None)))
    return found


async def request_view(session: AsyncSession, number: str, now: datetime) -> RequestView | None:
    """The request with this number."""
    found = (
        await session.execute(
            select(_R, Warehouse, UserAccount.name)
            .join(Warehouse, Warehouse.code == _R.warehouse)
            .join(UserAccount, UserAccount.code == _R.entered_by)
            .where(_R.number == number)
        )
    ).one_or_none()
    if found is None:
        return None
    request, warehouse, buyer = found
    state = RequestState.model_validate(request.state)
    rules = (await policies.load(session, request.policy_name, request.policy_version)).purchasing.requests
    invited = await _invited(session, number)
    return RequestView(
        number=request.number,
        stage=request.stage,
        seq=request.seq,
        created_at=request.created_at,
        ended_at=request.ended_at,
        entered_by=request.entered_by,
        entered_by_name=buyer,
        warehouse=warehouse.code,
        warehouse_name_en=warehouse.name_en,
        warehouse_name_zh=warehouse.name_zh,
        deadline=request.deadline,
        opened_at=request.opened_at,
        note=request.note,
        reason=request.reason,
        policy_name=request.policy_name,
        policy_version=request.policy_version,
        state=state,
        wait=WaitView.of(state.wait, now),
        lines=await lines_of(session, number),
        invited=invited,
        weights=rules.weights,
        least_bids=rules.least_bids,
        comparison=await _comparison(session, number, rules, invited, request.ended_at or now),
        awards=await _awards(session, number),
    )


async def lines_of(session: AsyncSession, number: str) -> tuple[RequestLineView, ...]:
    rows = await session.execute(
        select(RequestLine.part, Part.name_en, Part.name_zh, Part.specification, Part.unit, RequestLine.quantity)
        .join(Part, Part.code == RequestLine.part)
        .where(RequestLine.request == number)
        .order_by(RequestLine.part)
    )
    return tuple(RequestLineView.model_validate(row) for row in rows)


async def _invited(session: AsyncSession, number: str) -> tuple[InvitedView, ...]:
    rows = await session.execute(
        select(
            Invitation.supplier,
            Supplier.name_en.label("supplier_name_en"),
            Supplier.name_zh.label("supplier_name_zh"),
            Invitation.bid_at,
            Invitation.declined_at,
        )
        .join(Supplier, Supplier.code == Invitation.supplier)
        .where(Invitation.request == number)
        .order_by(Invitation.supplier)
    )
    return tuple(InvitedView.model_validate(row) for row in rows)


async def _comparison(
    session: AsyncSession, number: str, rules: RequestRules, invited: tuple[InvitedView, ...], at: datetime
) -> tuple[ComparedPart, ...]:
    """Line by line, the best value first, as it was when the request ended; nothing while the bids are sealed."""
    names = {one.supplier: one for one in invited}
    ranking = await requests.compared(session, await requests.opened_bids(session, number), rules.weights, at)
    return tuple(
        ComparedPart(
            part=part,
            enough=len(ranked) >= rules.least_bids,
            bids=tuple(
                BidView(
                    supplier=bid.supplier,
                    supplier_name_en=names[bid.supplier].supplier_name_en,
                    supplier_name_zh=names[bid.supplier].supplier_name_zh,
                    price=bid.price,
                    freight=bid.freight,
                    landed=bid.landed,
                    lead_days=bid.lead_days,
                    score=placed.bid.score,
                    guarantee_months=bid.guarantee_months,
                    valid_until=bid.valid_until,
                    note=bid.note,
                    rank=placed.rank,
                    gap=round(placed.gap, 4),
                    gaps={name: round(gap, 4) for name, gap in placed.gaps.items()},
                )
                for bid, placed in ranked
            ),
        )
        for part, ranked in ranking.items()
    )


async def _awards(session: AsyncSession, number: str) -> tuple[AwardView, ...]:
    rows = await session.execute(
        select(
            *(column for column in AwardLine.__table__.columns if column.name != "request"),
            Supplier.name_en.label("supplier_name_en"),
            Supplier.name_zh.label("supplier_name_zh"),
        )
        .select_from(AwardLine)
        .join(Supplier, Supplier.code == AwardLine.supplier)
        .where(AwardLine.request == number)
        .order_by(AwardLine.part, AwardLine.rank, AwardLine.supplier)
    )
    return tuple(AwardView.model_validate(row) for row in rows)


# --- for the supplier ---------------------------------------------------------------------------------------


class AskedView(View):
    """What a supplier is asked, behind its link. What it has answered is sealed, and is not here either."""

    number: str
    stage: RequestStage
    supplier: str
    supplier_name_en: str
    supplier_name_zh: str
    contact: str
    deadline: datetime
    warehouse_name_en: str
    warehouse_name_zh: str
    warehouse_address: str
    note: str
    lines: tuple[RequestLineView, ...]
    bid_at: datetime | None
    declined_at: datetime | None
    state: RequestState = Field(exclude=True)
    won: tuple[AwardView, ...]


async def asked_view(session: AsyncSession, token: str, now: datetime) -> AskedView | None:
    """The request behind a supplier's link: the parts that it is qualified for."""
    invitation = await requests.invited(session, token)
    if invitation is None:
        return None
    request, supplier, warehouse = (
        await session.execute(
            select(_R, Supplier, Warehouse)
            .select_from(_R)
            .join(Supplier, Supplier.code == invitation.supplier)
            .join(Warehouse, Warehouse.code == _R.warehouse)
            .where(_R.number == invitation.request)
        )
    ).one()
    policy = await policies.load(session, request.policy_name, request.policy_version)
    time = await policies.timekeeper(session, policy)
    may = await requests.may_offer(session, request.number, supplier.code, time, now)
    return AskedView(
        number=request.number,
        stage=request.stage,
        supplier=supplier.code,
        supplier_name_en=supplier.name_en,
        supplier_name_zh=supplier.name_zh,
        contact=supplier.contact,
        deadline=request.deadline or request.created_at,
        warehouse_name_en=warehouse.name_en,
        warehouse_name_zh=warehouse.name_zh,
        warehouse_address=warehouse.address,
        note=request.note,
        lines=tuple(line for line in await lines_of(session, request.number) if line.part in may),
        bid_at=invitation.bid_at,
        declined_at=invitation.declined_at,
        state=RequestState.model_validate(request.state),
        won=tuple(one for one in await _awards(session, request.number) if one.supplier == supplier.code),
    )
