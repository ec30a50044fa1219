"""Purchase orders: lists, one, what happened to it, and decisions about it (policy 3.2)."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Path, Query, Response
from sqlalchemy.ext.asyncio import AsyncSession

from api.auth import Principal, Signed
from api.dependencies import Database, House, IdempotencyKey, InHouse, Now
from api.engine import decide, possible, started
from api.problems import Problem, responses
from api.v1.orders import DECIDING, CursorParameter, Limit, PossibleAction
from database import ordering
from database.documents import mark_started
from database.ordering import Placed
from database.reading import purchases
from database.reading.documents import EVENTS_AT_ONCE, Event, Head, events, head
from database.reading.keyset import Page
from database.reading.purchases import PurchaseRow, PurchaseView, WantedPurchases
from domain.messages import Decided, PurchaseState
from domain.ordering import OrderByHand
from domain.purchase_decisions import PurchaseDecision
from domain.stages import PURCHASE, PurchaseStage, Role

router = APIRouter(prefix="/purchase-orders", tags=["purchase orders"])

Number = Annotated[str, Path(max_length=32, examples=["PO-20261123-00014"])]


ORDERING = responses(
    "idempotency_key_missing", "not_logged_in", "role_forbidden", "csrf_failed", "invalid_request",
    "idempotency_key_reused", "unknown_part", "unknown_supplier", "unknown_warehouse", "terms_missing",
    "against_contract", "reason_needed",
)  # fmt: skip


class PurchaseAnswer(PurchaseView):
    """A purchase order, and what whoever asks may do."""

    actions: tuple[PossibleAction, ...]


@router.get("", responses=responses("not_logged_in", "invalid_cursor"))
async def list_purchase_orders(
    session: Database,
    who: Signed,
    now: Now,
    stage: PurchaseStage | None = None,
    mine: Annotated[bool, Query(description="Only what waits for the caller's work.")] = False,
    overdue: bool = False,
    supplier: Annotated[str | None, Query(max_length=32)] = None,
    limit: Limit = 50,
    cursor: CursorParameter = None,
) -> Page[PurchaseRow]:
    """Newest first."""
    wanted = WantedPurchases(stage, overdue, supplier, who.roles if mine else ())
    return await purchases.list_purchases(session, wanted, now=now, limit=limit, cursor=cursor)


@router.post("", status_code=201, responses=ORDERING)
async def order_by_hand(
    house: InHouse, session: Database, who: Signed, key: IdempotencyKey, now: Now, response: Response,
    wanted: OrderByHand,
) -> PurchaseState:  # fmt: skip
    """Orders at the contract's prices unless others are said. What is against the rules is refused, or needs a
    reason."""
    placed = await place_by_hand(house, session, who, wanted, key, now)
    response.status_code = 201 if placed.created else 200
    return placed.state


@router.get("/{number}", responses=responses("not_logged_in", "not_found"))
async def get_purchase_order(session: Database, who: Signed, now: Now, number: Number) -> PurchaseAnswer:
    view = await purchases.purchase_view(session, number, now)
    if view is None:
        raise Problem("not_found")
    return purchase_answer(who, view)


@router.get("/{number}/events", responses=responses("not_logged_in", "not_found"))
async def list_purchase_order_events(
    session: Database,
    who: Signed,
    number: Number,
    after: Annotated[int, Query(ge=-1, le=2**31 - 1, description="`seq` of the last event seen.")] = -1,
    limit: Annotated[int, Query(ge=1, le=EVENTS_AT_ONCE)] = EVENTS_AT_ONCE,
) -> list[Event]:
    """What happened, oldest first."""
    if await head(session, PURCHASE, number) is None:
        raise Problem("not_found")
    return await events(session, number, after=after, limit=limit)


@router.post("/{number}/decisions", responses=DECIDING)
async def decide_purchase_order(
    house: InHouse,
    session: Database,
    who: Signed,
    key: IdempotencyKey,
    now: Now,
    number: Number,
    decision: PurchaseDecision,
) -> Decided:
    """Takes a decision; the answer says where the purchase order stands afterwards."""
    return await decide(house, session, who, PURCHASE, number, decision, key=key, now=now)


async def place_by_hand(
    house: House, session: AsyncSession, who: Principal, wanted: OrderByHand, key: str, now: datetime
) -> Placed:
    """Writes a purchase order and brings it to life; what does not start is started by the sweep. Raises Problem
    `role_forbidden`, and Refusal."""
    if Role.BUYER not in who.roles:
        raise Problem("role_forbidden")
    placed = await ordering.order(session, wanted, by=who.code, key=key, now=now, policy=house.settings.policy)
    await session.commit()
    if placed.created and await started(house, placed.state):
        await mark_started(session, placed.state.number, now)
        await session.commit()
    return placed


def purchase_answer(who: Principal, view: PurchaseView) -> PurchaseAnswer:
    document = Head(view.number, PURCHASE, view.state, None)
    actions = tuple(PossibleAction(action=action, role=role) for action, role in possible(who, document))
    return PurchaseAnswer.model_construct(**dict(view), actions=actions)
