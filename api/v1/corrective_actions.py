"""Suppliers' reviews, and what they must put right (policy 3.1.1, 3.1.3)."""

from typing import Annotated

from fastapi import APIRouter, Path, Query
from pydantic import Field

from api.auth import Principal, Signed
from api.dependencies import Database, IdempotencyKey, InHouse, Now
from api.engine import decide
from api.problems import Problem, responses
from api.v1.costs import reads_costs
from api.v1.orders import DECIDING, CursorParameter, Limit
from database.reading import reviews
from database.reading.demands import DemandView, demand_view
from database.reading.documents import Event, events, head
from database.reading.keyset import Page
from database.reading.reviews import CaseView, CorrectionRow, CorrectionView, ReviewView
from domain.correcting import CORRECTIVE
from domain.corrective_decisions import AnswerDemand, CorrectiveDecision, SubmitEvidence
from domain.messages import Decided
from domain.reviews import ReviewFigure
from domain.stages import Role

router = APIRouter(tags=["supplier reviews"])

Number = Annotated[str, Path(max_length=32, examples=["CA-20261001-00014"])]
Review = Annotated[int, Path(ge=1, le=2**63 - 1)]
Token = Annotated[str, Path(min_length=16, max_length=64)]
SupplierAnswer = Annotated[AnswerDemand | SubmitEvidence, Field(discriminator="action")]
OfSupplier = Annotated[str, Query(max_length=32)]
LISTING = responses("not_logged_in", "role_forbidden", "invalid_cursor")
ONE = responses("not_logged_in", "role_forbidden", "not_found")


@router.get("/supplier-reviews", responses=LISTING)
async def list_supplier_reviews(
    session: Database, who: Signed, supplier: OfSupplier = "", limit: Limit = 50, cursor: CursorParameter = None
) -> Page[ReviewView]:
    """The newest first; each figure has its numerator, denominator and n. No score is no data."""
    reads_costs(who)
    return await reviews.list_reviews(session, supplier=supplier, limit=limit, cursor=cursor)


@router.get("/supplier-reviews/{review}", responses=ONE)
async def get_supplier_review(session: Database, who: Signed, review: Review) -> ReviewView:
    reads_costs(who)
    found = await reviews.review_view(session, review)
    if found is None:
        raise Problem("not_found")
    return found


@router.get("/supplier-reviews/{review}/cases", responses=ONE | LISTING)
async def list_review_cases(
    session: Database,
    who: Signed,
    review: Review,
    figure: ReviewFigure | None = None,
    limit: Limit = 50,
    cursor: CursorParameter = None,
) -> Page[CaseView]:
    """The rows that a review's figures were made from; those of the price are the receipts under `/costs/receipts`."""
    await get_supplier_review(session, who, review)
    return await reviews.cases(session, review, figure, limit=limit, cursor=cursor)


@router.get("/corrective-actions", responses=LISTING)
async def list_corrective_actions(
    session: Database,
    who: Signed,
    now: Now,
    supplier: OfSupplier = "",
    open_only: Annotated[bool, Query(alias="open", description="Only those that have not ended.")] = False,
    limit: Limit = 50,
    cursor: CursorParameter = None,
) -> Page[CorrectionRow]:
    """Newest first."""
    reads_costs(who)
    return await reviews.list_corrections(
        session, open_only=open_only, now=now, supplier=supplier, limit=limit, cursor=cursor
    )


@router.get("/corrective-actions/{number}", responses=ONE)
async def get_corrective_action(session: Database, who: Signed, now: Now, number: Number) -> CorrectionView:
    reads_costs(who)
    found = await reviews.correction_view(session, number, now)
    if found is None:
        raise Problem("not_found")
    return found


@router.get("/corrective-actions/{number}/events", responses=ONE)
async def list_corrective_action_events(session: Database, who: Signed, number: Number) -> list[Event]:
    """What happened, oldest first."""
    reads_costs(who)
    if await head(session, CORRECTIVE, number) is None:
        raise Problem("not_found")
    return await events(session, number)


@router.post("/corrective-actions/{number}/decisions", responses=DECIDING)
async def decide_corrective_action(
    house: InHouse,
    session: Database,
    who: Signed,
    key: IdempotencyKey,
    now: Now,
    number: Number,
    decision: CorrectiveDecision,
) -> Decided:
    """Takes a decision; the answer says where the corrective action stands afterwards."""
    return await decide(house, session, who, CORRECTIVE, number, decision, key=key, now=now)


# --- the supplier's side ------------------------------------------------------------------------------------


@router.get("/corrections/{token}", responses=responses("not_found"))
async def demanded_of_us(session: Database, token: Token) -> DemandView:
    """What a supplier must put right, why, until when, and what it has answered."""
    found = await demand_view(session, token)
    if found is None:
        raise Problem("not_found")
    return found


@router.post("/corrections/{token}/decisions", responses=DECIDING)
async def answer_demand_as_supplier(
    house: InHouse, session: Database, key: IdempotencyKey, now: Now, token: Token, decision: SupplierAnswer
) -> Decided:
    """The supplier's answer, or its evidence; who gives it says their name."""
    view = await demanded_of_us(session, token)
    return await decide(house, session, supplier_of(view), CORRECTIVE, view.number, decision, key=key, now=now)


def supplier_of(view: DemandView) -> Principal:
    """Whoever holds a supplier's link."""
    return Principal(view.supplier, view.contact, (Role.SUPPLIER,), "", "")
