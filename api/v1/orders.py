"""Replacement orders: lists, one order, what happened to it, and decisions about it."""

from typing import Annotated, Any

from fastapi import APIRouter, Body, Path, Query
from fastapi.openapi.models import Example
from pydantic import BaseModel

from api.auth import Principal, Signed
from api.dependencies import Database, IdempotencyKey, InHouse, Now
from api.engine import decide, possible
from api.problems import Problem, responses
from database import policies
from database.reading import order_lists, orders
from database.reading.audits import AuditView, audit_view
from database.reading.documents import EVENTS_AT_ONCE, Event, Head, events, head
from database.reading.hints import Hints, hints_for
from database.reading.keyset import Page
from database.reading.order_lists import Counts, Desk, OrderRow, Wanted
from database.reading.orders import OrderView
from database.reading.statutory import RightView, rights_of
from domain.messages import Decided
from domain.order_decisions import Decision
from domain.stages import ORDER, Action, Role, Stage

router = APIRouter(prefix="/orders", tags=["orders"])

Number = Annotated[str, Path(max_length=32, examples=["RO-20261123-00015"])]
CursorParameter = Annotated[str | None, Query(max_length=400, description="`next` of the page before.")]
Limit = Annotated[int, Query(ge=1, le=100)]

EXAMPLES: dict[str, Example] = {
    "quote": {
        "value": {
            "action": "quote",
            "lines": [
                {"part": "CXW-MOTOR-200", "quantity": 1, "charge": "goodwill"},
                {"part": "CXW-FILTER", "quantity": 1, "refused_for": "wear"},
            ],
        }
    },
    "approve": {
        "value": {
            "action": "approve",
            "customer_data": True,
            "fault_and_part": True,
            "warranty": True,
            "company_policy": True,
        }
    },
    "book_appointment": {
        "value": {
            "action": "book_appointment",
            "technician": "technician",
            "starts_at": "2026-11-27T14:00:00+08:00",
            "minutes": 60,
        }
    },
    "cancel": {"value": {"action": "cancel", "reason": "customer_wish"}},
}

DECIDING = responses(
    "idempotency_key_missing",
    "not_logged_in",
    "role_forbidden",
    "own_case",
    "audit_taken",
    "signed_before",
    "rejected_before",
    "csrf_failed",
    "not_found",
    "stage_moved_on",
    "technician_taken",
    "invalid_request",
    "invalid_decision",
    "idempotency_key_reused",
    "nothing_asked",
    "unknown_part",
    "override_reason_missing",
    "not_signed",
    "named_keeper_needed",
    "unknown_auditor",
    "technician_not_qualified",
    "decision_failed",
    "internal",
    "engine_unreachable",
    "database_unreachable",
)


class PossibleAction(BaseModel):
    """Something whoever asks may do now, and in which of their roles."""

    action: Action
    role: Role


class OrderAnswer(OrderView):
    """An order as whoever asks may see it. `tracking_path` is the customer's link, for those who may pass it on.

    `audit` once it was quoted; `rights` are the customer's by law, whatever was decided.
    """

    actions: tuple[PossibleAction, ...]
    tracking_path: str | None
    audit: AuditView | None = None
    rights: tuple[RightView, ...] = ()


@router.get("", responses=responses("not_logged_in", "invalid_cursor"))
async def list_orders(
    session: Database,
    who: Signed,
    now: Now,
    stage: Stage | None = None,
    mine: Annotated[bool, Query(description="Only what waits for the caller's work.")] = False,
    overdue: bool = False,
    q: Annotated[str, Query(max_length=100, description="Number, name, phone, serial, model or fault.")] = "",
    service_centre: Annotated[str | None, Query(max_length=32)] = None,
    limit: Limit = 50,
    cursor: CursorParameter = None,
) -> Page[OrderRow]:
    """Work (`stage`, `mine`, `overdue`) by due instant, most urgent first; anything else newest first."""
    wanted = Wanted(stage, overdue, q, service_centre, desk(who) if mine else None)
    return await order_lists.list_orders(session, wanted, now=now, limit=limit, cursor=cursor)


@router.get("/counts", responses=responses("not_logged_in"))
async def count_orders(session: Database, who: Signed, now: Now) -> Counts:
    """Open orders by stage, those past their due instant, and those that wait for the caller."""
    return await order_lists.counts(session, desk(who), now)


@router.get("/{number}", responses=responses("not_logged_in", "not_found"))
async def get_order(session: Database, who: Signed, now: Now, number: Number) -> OrderAnswer:
    """One order with everything that hangs on it. Phones are masked for roles that need none."""
    view = await orders.order_view(session, number, now, blind=who.counts)
    if view is None:
        raise Problem("not_found")
    policy = await policies.load(session, view.policy_name, view.policy_version)
    audit = await audit_view(session, number, view.stage, view.state.audit, policy) if view.quotation else None
    return answer(who, view, audit=audit, rights=await rights_of(session, view, policy, now))


@router.get("/{number}/hints", responses=responses("not_logged_in", "not_found"))
async def get_hints(session: Database, who: Signed, now: Now, number: Number) -> Hints:
    """What helps to judge the order, each hint with why: parts that fit, the most probable first; successors of
    superseded parts; open recalls; the unit's warranty and the guarantees of parts fitted before (policy 1.3.2)."""
    found = await hints_for(session, number, now, blind=who.counts)
    if found is None:
        raise Problem("not_found")
    return found


@router.get("/{number}/events", responses=responses("not_logged_in", "not_found"))
async def list_order_events(
    session: Database,
    who: Signed,
    number: Number,
    after: Annotated[int, Query(ge=-1, le=2**31 - 1, description="`seq` of the last event seen.")] = -1,
    limit: Annotated[int, Query(ge=1, le=EVENTS_AT_ONCE)] = EVENTS_AT_ONCE,
) -> list[Event]:
    """What happened, oldest first."""
    if await head(session, ORDER, number) is None:
        raise Problem("not_found")
    return await events(session, number, after=after, limit=limit)


@router.post("/{number}/decisions", responses=DECIDING)
async def decide_order(
    house: InHouse,
    session: Database,
    who: Signed,
    key: IdempotencyKey,
    now: Now,
    number: Number,
    decision: Annotated[Decision, Body(openapi_examples=EXAMPLES)],
) -> Decided:
    """Takes a decision; the answer says where the order stands afterwards. After a 503 send the same again."""
    return await decide(house, session, who, ORDER, number, decision, key=key, now=now)


def desk(who: Principal) -> Desk:
    return Desk(who.code, who.roles, who.service_centre)


def answer(who: Principal, view: OrderView, **more: Any) -> OrderAnswer:
    shown = view if who.sees_phones else view.masked()
    document = Head(view.number, ORDER, view.state, view.entered_by, view.stand_ins)
    return OrderAnswer.model_construct(
        **dict(shown),
        actions=tuple(PossibleAction(action=action, role=role) for action, role in possible(who, document)),
        tracking_path=tracking_path(view.tracking_token) if who.sees_phones else None,
        **more,
    )


def tracking_path(token: str) -> str:
    """Where the customer follows the order, without logging in."""
    return f"/track/{token}"
