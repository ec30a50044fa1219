"""What customers see and do behind a link that can't be guessed."""

from typing import Annotated

from fastapi import APIRouter, Path
from pydantic import Field

from api.auth import customer
from api.dependencies import Database, IdempotencyKey, InHouse, Language, Now
from api.engine import decide
from api.problems import Problem, responses
from database.reading.orders import number_by_token
from database.reading.tracking import TrackingView, tracking_view
from domain.messages import Decided
from domain.order_decisions import (
    AnswerFaulty,
    AnswerQuestion,
    AnswerWorks,
    Consent,
    Decline,
    Deliver,
    Object,
    ReportFitted,
    Supplement,
)
from domain.stages import ORDER

router = APIRouter(prefix="/tracking", tags=["tracking"])

Token = Annotated[str, Path(min_length=16, max_length=64)]
CustomerDecision = Annotated[
    Consent | Decline | AnswerQuestion | Object | Deliver | ReportFitted | AnswerWorks | AnswerFaulty | Supplement,
    Field(discriminator="action"),
]


@router.get("/{token}", responses=responses("not_found"))
async def track(session: Database, now: Now, token: Token) -> TrackingView:
    """Where the order stands, what comes next and when, and what the customer may do now."""
    view = await tracking_view(session, token, now)
    if view is None:
        raise Problem("not_found")
    return view


@router.post(
    "/{token}/decisions",
    responses=responses(
        "idempotency_key_missing",
        "role_forbidden",
        "not_found",
        "stage_moved_on",
        "nothing_asked",
        "quotation_changed",
        "invalid_request",
        "idempotency_key_reused",
        "decision_failed",
        "internal",
        "engine_unreachable",
        "database_unreachable",
    ),
)
async def decide_as_customer(
    house: InHouse,
    session: Database,
    language: Language,
    key: IdempotencyKey,
    now: Now,
    token: Token,
    decision: CustomerDecision,
) -> Decided:
    """What the customer answers: consents or declines, has the parcel, fitted it, is content or not."""
    number = await number_by_token(session, token)
    if number is None:
        raise Problem("not_found")
    return await decide(house, session, customer(language), ORDER, number, decision, key=key, now=now)
