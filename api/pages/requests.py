"""Requests for quotation: the buyer's list, one with its comparison, the supplier's own page (policy 3.3.1)."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, Final
from uuid import uuid4

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ValidationError
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import HTMLResponse, RedirectResponse, Response

from api.auth import Principal, Signed
from api.dependencies import Database, House, InHouse, Now
from api.engine import possible
from api.i18n import Language
from api.pages import acts, choices, deciding, forms, story
from api.pages.acts import Act
from api.pages.deciding import Answer
from api.pages.forms import Choice, Said
from api.pages.listing import Listing, to_do
from api.pages.orders import MACHINE_ROOM, newest_calendar
from api.pages.rendering import Reader, reader
from api.problems import Problem
from api.v1.requests import put_question, supplier_of
from database import policies
from database.reading import documents, reference, requests
from database.reading.documents import Head
from database.reading.requests import AskedView, RequestView, WantedRequests
from domain.bidding import Ask, BuyAtOnce, Question
from domain.decisions import DECISIONS
from domain.requests import REQUEST, RequestStage
from domain.stages import Action, Refusal, Role
from runtime.temporal import document_workflow

router = APIRouter()
PAGE: Final = 30
PATH: Final = "/bids/{token}"
_ASKING: Final[Mapping[str, type[BaseModel]]] = {"ask": Question, "emergency": BuyAtOnce}


@router.get("/requests-for-quotation")
async def request_list(
    request: Request,
    house: InHouse,
    session: Database,
    who: Signed,
    now: Now,
    which: str = "all",
    stage: str = "",
    cursor: Annotated[str | None, Query(max_length=400)] = None,
) -> HTMLResponse:
    them = reader(request, house.settings, who, now)
    chosen = RequestStage(stage) if stage in set(RequestStage) else None
    wanted = WantedRequests(chosen, which == "overdue", who.roles if which == "mine" else ())
    page = await requests.list_requests(session, wanted, now=now, limit=PAGE, cursor=cursor)
    listing = Listing("/requests-for-quotation", {"which": which, "stage": stage})
    return them.page(
        "requests.html",
        tabs=listing.tabs(to_do(them.language)),
        which=which,
        stage=chosen,
        stages=list(RequestStage),
        rows=page.items,
        next=listing.following(page.next),
        calendar=await newest_calendar(session, house),
        may_ask=Role.BUYER in who.roles,
    )


# --- asking -------------------------------------------------------------------------------------------------


@router.get("/requests-for-quotation/new/{kind}")
async def new_request(
    request: Request, house: InHouse, session: Database, who: Signed, now: Now, kind: str, part: str = ""
) -> HTMLResponse:
    them = reader(request, house.settings, who, now)
    known = {"lines": [{"part": part}]} if part else {}
    return await _asking(session, them, who, kind, forms.initial(_model(kind), known, them.language))


@router.post("/requests-for-quotation/new/{kind}")
async def send_request(
    request: Request, house: InHouse, session: Database, who: Signed, now: Now, kind: str
) -> Response:
    model, values = _model(kind), await deciding.typed(request)
    them, said = reader(request, house.settings, who, now), Said(values)
    if values.get("more"):
        return await _asking(session, them, who, kind, said, more_rows=1, key=values.get("key"))
    try:
        question = forms.read(model, said, them.language)
        assert isinstance(question, Question | BuyAtOnce)
        wanted = Ask(**dict(question)) if isinstance(question, Question) else question
        asked = await put_question(house, session, who, wanted, values.get("key") or uuid4().hex, now)
    except ValidationError as invalid:
        return await _asking(session, them, who, kind, said, status=422, invalid=invalid)
    except Refusal as refusal:
        await session.rollback()
        error = them.language.word("problem", refusal.code)
        return await _asking(session, them, who, kind, said, status=422, error=error)
    return RedirectResponse(f"/requests-for-quotation/{asked.state.number}?done={kind}", 303)


def _model(kind: str) -> type[BaseModel]:
    if kind not in _ASKING:
        raise Problem("not_found")
    return _ASKING[kind]


async def _asking(
    session: AsyncSession, them: Reader, who: Principal, kind: str, said: Said, *, status: int = 200, **shown: Any
) -> HTMLResponse:
    if Role.BUYER not in who.roles:
        raise Problem("role_forbidden")
    words = them.language
    chosen = {
        "part": await choices.parts_for(session, words, None),
        "supplier": [
            Choice(one.code, f"{words.name(one)} · {one.code}")
            for one in await reference.suppliers(session, words.local(them.now).date())
        ],
    }
    form = forms.build(kind, _model(kind), words, chosen, said, hidden=("warehouse",), **shown)
    return them.page("request_new.html", status, form=form, kind=kind)


# --- one ----------------------------------------------------------------------------------------------------


@router.get("/requests-for-quotation/{number}")
async def request_page(
    request: Request, house: InHouse, session: Database, who: Signed, now: Now, number: str, done: str = ""
) -> HTMLResponse:
    them = reader(request, house.settings, who, now)
    return await _show(house, session, them, who, await _request(session, number, them), done=done)


@router.get("/requests-for-quotation/{number}/news")
async def news(
    request: Request, house: InHouse, session: Database, who: Signed, now: Now, number: str, seq: int
) -> Response:
    """What happened since the page was loaded; nothing to say if nothing did."""
    them = reader(request, house.settings, who, now)
    return await story.news(session, them, number, seq, f"/requests-for-quotation/{number}")


@router.get("/requests-for-quotation/{number}/{action}")
async def back_to_request(number: str, action: str) -> RedirectResponse:
    return RedirectResponse(f"/requests-for-quotation/{number}", 303)


@router.post("/requests-for-quotation/{number}/{action}")
async def decide_on_request(
    request: Request, house: InHouse, session: Database, who: Signed, now: Now, number: str, action: str
) -> Response:
    them, wanted = reader(request, house.settings, who, now), deciding.action_of(REQUEST, action)
    found = await _request(session, number, them)
    offered, values = _acts(found, who, them.language, now), await deciding.typed(request)
    answer = await deciding.answer(
        house, session, who, REQUEST, number, wanted, offered, values, them.language, now
    )  # fmt: skip
    if answer.done:
        return RedirectResponse(f"/requests-for-quotation/{number}?done={wanted}", 303)
    return await _show(house, session, them, who, await _request(session, number, them), answer=answer)


async def _request(session: AsyncSession, number: str, them: Reader) -> RequestView:
    found = await requests.request_view(session, number.upper(), them.now)
    if found is None:
        raise Problem("not_found")
    return found


async def _show(
    house: House,
    session: AsyncSession,
    them: Reader,
    who: Principal,
    found: RequestView,
    *,
    done: str = "",
    answer: Answer | None = None,
) -> HTMLResponse:
    words = them.language
    offered, sent = _acts(found, who, words, them.now), answer.sent if answer else None
    events = await documents.events(session, found.number)
    policy = await policies.load(session, found.policy_name, found.policy_version)
    workflow = document_workflow(found.number).replace("/", "%2F")
    return them.page(
        "request.html",
        answer.status if answer else 200,
        request=found,
        parts={line.part: line for line in found.lines},
        bids=max((len(part.bids) for part in found.comparison), default=0),
        calendar=(await policies.timekeeper(session, policy)).calendar,
        acts=acts.shown(offered, words, _choices(found, words), sent),
        open=acts.first_open(offered, sent) if found.stage is not RequestStage.BIDDING or sent else "",
        may_tell=not {Role.BUYER, Role.SUPERVISOR, Role.ADMINISTRATOR}.isdisjoint(who.roles),
        story=story.tell(events, await story.told(session, found.number, words), words),
        moved_on=answer.moved_on if answer else None,
        done=words.word("done", done) if words.has("done", done) else "",
        workflow=""
        if MACHINE_ROOM.isdisjoint(who.roles)
        else f"{house.settings.temporal_ui}/namespaces/{house.settings.temporal_namespace}/workflows/{workflow}",
    )


def _acts(found: RequestView, who: Principal, language: Language, now: datetime) -> list[Act]:
    told = language.text("Everybody who was asked is told.")
    return [
        Act(action, role, _initial(action, found), (told,) if action is Action.ABANDON else ())
        for action, role in possible(who, Head(found.number, REQUEST, found.state, None))
        if action in DECISIONS and _sensible(action, found, who, now)
    ]


def _sensible(action: Action, found: RequestView, who: Principal, now: datetime) -> bool:
    """Whether it is the time, and theirs to do; the table of rules knows only stages and roles."""
    if action is Action.OPEN_BIDS:
        return found.deadline is not None and found.deadline <= now
    return action is not Action.LOOK_INTO or who.code != found.entered_by


def _initial(action: Action, found: RequestView) -> Mapping[str, Any]:
    known: Mapping[Action, Mapping[str, Any]] = {
        Action.BID: {"lines": [{"part": line.part} for line in found.lines]},
        Action.AWARD: {
            "lines": [
                {"part": part.part, "supplier": bid.supplier, "quantity": _quantity(found, part.part) if best else ""}
                for part in found.comparison
                for best, bid in ((bid.rank == 1, bid) for bid in part.bids)
            ]
        },
        Action.MOVE_DUE: {"due": found.wait.due} if found.wait else {},
    }
    return known.get(action, {})


def _quantity(found: RequestView, part: str) -> int:
    return next(line.quantity for line in found.lines if line.part == part)


def _choices(found: RequestView, language: Language) -> Mapping[str, Sequence[Choice]]:
    suppliers = [Choice(one.supplier, language.word_of(one, "supplier_name")) for one in found.invited]
    return {
        "part": [Choice(line.part, f"{language.name(line)} · {line.part}") for line in found.lines],
        "supplier": suppliers,
    }


# --- the supplier's page ------------------------------------------------------------------------------------


@router.get(PATH)
async def bid_page(
    request: Request, house: InHouse, session: Database, now: Now, token: str, done: str = ""
) -> HTMLResponse:
    return await _ours(
        session, reader(request, house.settings, None, now), await _asked(session, token, now), token, done=done
    )


@router.get(PATH + "/{action}")
async def back_to_bid(token: str, action: str) -> RedirectResponse:
    return RedirectResponse(f"/bids/{token}", 303)


@router.post(PATH + "/{action}")
async def answer_as_supplier(
    request: Request, house: InHouse, session: Database, now: Now, token: str, action: str
) -> Response:
    them, asked = reader(request, house.settings, None, now), await _asked(session, token, now)
    who, wanted = supplier_of(asked), deciding.action_of(REQUEST, action)
    if wanted not in (Action.BID, Action.NO_BID):
        raise Problem("not_found")
    values = await deciding.typed(request)
    answer = await deciding.answer(
        house, session, who, REQUEST, asked.number, wanted, _answers(asked), values, them.language, now
    )
    if answer.done:
        return RedirectResponse(f"/bids/{token}?done={wanted}", 303)
    return await _ours(session, them, await _asked(session, token, now), token, answer=answer)


async def _asked(session: AsyncSession, token: str, now: Now) -> AskedView:
    found = await requests.asked_view(session, token, now)
    if found is None:
        raise Problem("not_found")
    return found


def _answers(asked: AskedView) -> list[Act]:
    """What a supplier may answer; its own earlier bid is sealed, and the form begins empty."""
    lines = {"lines": [{"part": line.part} for line in asked.lines], "signed_by": asked.contact}
    head = Head(asked.number, REQUEST, asked.state, None)
    return [
        Act(action, role, lines if action is Action.BID else {})
        for action, role in possible(supplier_of(asked), head)
        if action in DECISIONS
    ]


async def _ours(
    session: AsyncSession, them: Reader, asked: AskedView, token: str, *, done: str = "", answer: Answer | None = None
) -> HTMLResponse:
    words = them.language
    sent = answer.sent if answer else None
    return them.page(
        "bid.html",
        answer.status if answer else 200,
        asked=asked,
        url=f"/bids/{token}",
        acts=acts.shown(_answers(asked), words, {"part": _parts(asked, words)}, sent),
        open=sent.action if sent else "" if asked.bid_at or asked.declined_at else Action.BID,
        moved_on=answer.moved_on if answer else None,
        done=words.word("supplier done", done) if words.has("supplier done", done) else "",
    )


def _parts(asked: AskedView, language: Language) -> list[Choice]:
    return [
        Choice(line.part, f"{language.name(line)} · {line.part} × {language.number(line.quantity)}")
        for line in asked.lines
    ]
