"""Requests for quotation: asked, compared, awarded; and the supplier's side of them (policy 3.3.1)."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Response
from pydantic import Field

from api.auth import Principal, Signed, only
from api.dependencies import Database, House, IdempotencyKey, InHouse, Now
from api.engine import decide, possible, started
from api.problems import Problem, responses
from api.v1.orders import DECIDING, CursorParameter, Limit, PossibleAction
from database import requests
from database.documents import mark_started
from database.reading import requests as reading
from database.reading.documents import EVENTS_AT_ONCE, Event, Head, events, head
from database.reading.keyset import Page
from database.reading.requests import AskedView, RequestRow, RequestView, WantedRequests
from database.requests import Asked
from domain.bidding import Ask, Bid, BuyAtOnce, NoBid, RequestDecision
from domain.messages import Decided, RequestState
from domain.requests import REQUEST, RequestStage
from domain.stages import Role

router = APIRouter(tags=["requests for quotation"])

Number = Annotated[str, Path(max_length=32, examples=["RFQ-20261123-00017"])]
Token = Annotated[str, Path(min_length=16, max_length=64)]
Buyer = Annotated[Role, Depends(only(Role.BUYER))]
BidDecision = Annotated[Bid | NoBid, Field(discriminator="action")]
ASKING = responses(
    "idempotency_key_missing", "not_logged_in", "role_forbidden", "csrf_failed", "invalid_request", "invalid_time",
    "idempotency_key_reused", "unknown_part", "unknown_supplier", "unknown_warehouse", "nobody_qualified",
    "against_contract",
)  # fmt: skip


class RequestAnswer(RequestView):
    """A request for quotation, and what whoever asks may do."""

    actions: tuple[PossibleAction, ...]


@router.get("/requests-for-quotation", responses=responses("not_logged_in", "invalid_cursor"))
async def list_requests_for_quotation(
    session: Database,
    who: Signed,
    now: Now,
    stage: RequestStage | None = None,
    mine: Annotated[bool, Query(description="Only what waits for the caller's work.")] = False,
    overdue: bool = False,
    limit: Limit = 50,
    cursor: CursorParameter = None,
) -> Page[RequestRow]:
    """Newest first."""
    wanted = WantedRequests(stage, overdue, who.roles if mine else ())
    return await reading.list_requests(session, wanted, now=now, limit=limit, cursor=cursor)


@router.post("/requests-for-quotation", status_code=201, responses=ASKING)
async def ask_for_bids(
    house: InHouse, session: Database, who: Signed, role: Buyer, key: IdempotencyKey, now: Now, response: Response,
    question: Ask,
) -> RequestState:  # fmt: skip
    """Asks every supplier that is qualified for one of the parts, or those of them that are named."""
    asked = await put_question(house, session, who, question, key, now)
    response.status_code = 201 if asked.created else 200
    return asked.state


@router.post("/emergency-purchases", status_code=201, responses=ASKING)
async def buy_in_an_emergency(
    house: InHouse, session: Database, who: Signed, role: Buyer, key: IdempotencyKey, now: Now, response: Response,
    bought: BuyAtOnce,
) -> RequestState:  # fmt: skip
    """Orders at once, without bids; an auditor looks into it afterwards."""
    asked = await put_question(house, session, who, bought, key, now)
    response.status_code = 201 if asked.created else 200
    return asked.state


@router.get("/requests-for-quotation/{number}", responses=responses("not_logged_in", "not_found"))
async def get_request_for_quotation(session: Database, who: Signed, now: Now, number: Number) -> RequestAnswer:
    """Who was asked and who has answered; what they say only once the deadline is over and the bids are open."""
    view = await reading.request_view(session, number, now)
    if view is None:
        raise Problem("not_found")
    return request_answer(who, view)


@router.get("/requests-for-quotation/{number}/events", responses=responses("not_logged_in", "not_found"))
async def list_request_events(
    session: Database,
    who: Signed,
    number: Number,
    after: Annotated[int, Query(ge=-1, le=2**31 - 1, description="`seq` of the last event seen.")] = -1,
    limit: Annotated[int, Query(ge=1, le=EVENTS_AT_ONCE)] = EVENTS_AT_ONCE,
) -> list[Event]:
    """What happened, oldest first. What was said with a bid is never here."""
    if await head(session, REQUEST, number) is None:
        raise Problem("not_found")
    return await events(session, number, after=after, limit=limit)


@router.post("/requests-for-quotation/{number}/decisions", responses=DECIDING)
async def decide_request_for_quotation(
    house: InHouse, session: Database, who: Signed, key: IdempotencyKey, now: Now, number: Number,
    decision: RequestDecision,
) -> Decided:  # fmt: skip
    """Takes a decision; the answer says where the request stands afterwards."""
    return await decide(house, session, who, REQUEST, number, decision, key=key, now=now)


# --- the supplier's side ------------------------------------------------------------------------------------


@router.get("/bids/{token}", responses=responses("not_found"))
async def asked_of_us(session: Database, now: Now, token: Token) -> AskedView:
    """What a supplier is asked, and until when. What it has answered is sealed and not shown again."""
    view = await reading.asked_view(session, token, now)
    if view is None:
        raise Problem("not_found")
    return view


@router.post("/bids/{token}/decisions", responses=DECIDING)
async def answer_as_supplier(
    house: InHouse, session: Database, key: IdempotencyKey, now: Now, token: Token, decision: BidDecision
) -> Decided:
    """The supplier's bid, or that it makes none; a later one takes its place until the deadline."""
    view = await asked_of_us(session, now, token)
    return await decide(house, session, supplier_of(view), REQUEST, view.number, own(decision), key=key, now=now)


def supplier_of(view: AskedView) -> Principal:
    """Whoever holds a supplier's link."""
    return Principal(view.supplier, view.contact, (Role.SUPPLIER,), "", "")


def own(decision: Bid | NoBid) -> Bid | NoBid:
    """A supplier speaks for itself, whomever it names."""
    return decision.model_copy(update={"supplier": None})


async def put_question(
    house: House, session: Database, who: Principal, said: Ask | BuyAtOnce, key: str, now: Now
) -> Asked:
    """Writes a request down and brings it to life; what does not start is started by the sweep. Raises Problem
    `role_forbidden`, and Refusal."""
    if Role.BUYER not in who.roles:
        raise Problem("role_forbidden")
    if isinstance(said, Ask):
        asked = await requests.ask(session, said, by=who.code, key=key, now=now, policy=house.settings.policy)
    else:
        asked = await requests.buy_at_once(session, said, by=who.code, key=key, now=now, policy=house.settings.policy)
    await session.commit()
    if asked.created and await started(house, asked.state):
        await mark_started(session, asked.state.number, now)
        await session.commit()
    return asked


def request_answer(who: Principal, view: RequestView) -> RequestAnswer:
    document = Head(view.number, REQUEST, view.state, None)
    actions = tuple(PossibleAction(action=action, role=role) for action, role in possible(who, document))
    return RequestAnswer.model_construct(**dict(view), actions=actions)
