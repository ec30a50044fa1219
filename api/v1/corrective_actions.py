"""Suppliers' reviews, and what they must put right (policy 3.1.1, 3.1.3)."""

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from sqlalchemy import select

from api.auth import Signed
from api.dependencies import Database, IdempotencyKey, InHouse, Now
from api.engine import decide
from api.problems import Problem, responses
from api.v1.costs import reads_costs
from api.v1.orders import DECIDING
from database.reading.documents import Event, View, events, head
from database.tables import CorrectiveAction, SupplierReview
from domain.correcting import CORRECTIVE, CorrectiveStage, Standing
from domain.decisions import CorrectiveDecision
from domain.messages import Decided

router = APIRouter(tags=["supplier reviews"])

Number = Annotated[str, Path(max_length=32, examples=["CA-20261001-00014"])]


class CorrectiveRow(View):
    """A corrective action: the supplier, the standing it is about, and until when something is waited for."""

    number: str
    created_at: datetime
    supplier: str
    review: int
    stage: CorrectiveStage
    standing: Standing
    wait_clock: str | None
    wait_due: datetime | None
    ended_at: datetime | None


class ReviewRow(View):
    """A supplier's figures of a period, each with numerator, denominator and n. No score is no data."""

    id: int
    first: date
    end: date
    supplier: str
    figures: dict[str, Any]
    score: Decimal | None
    standing: Standing
    proposed: Standing | None


@router.get("/supplier-reviews", responses=responses("not_logged_in", "role_forbidden"))
async def list_supplier_reviews(
    session: Database, who: Signed, supplier: Annotated[str | None, Query(max_length=32)] = None
) -> list[ReviewRow]:
    """The newest two hundred, the newest period first."""
    reads_costs(who)
    wanted = select(SupplierReview).order_by(SupplierReview.end.desc(), SupplierReview.supplier).limit(200)
    if supplier:
        wanted = wanted.where(SupplierReview.supplier == supplier)
    return [ReviewRow.model_validate(row) for row in await session.scalars(wanted)]


@router.get("/corrective-actions", responses=responses("not_logged_in", "role_forbidden"))
async def list_corrective_actions(
    session: Database, who: Signed, supplier: Annotated[str | None, Query(max_length=32)] = None
) -> list[CorrectiveRow]:
    """The newest two hundred, the newest first."""
    reads_costs(who)
    newest = (CorrectiveAction.created_at.desc(), CorrectiveAction.number.desc())
    wanted = select(CorrectiveAction).order_by(*newest).limit(200)
    if supplier:
        wanted = wanted.where(CorrectiveAction.supplier == supplier)
    return [CorrectiveRow.model_validate(row) for row in await session.scalars(wanted)]


@router.get("/corrective-actions/{number}/events", responses=responses("not_logged_in", "role_forbidden", "not_found"))
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
