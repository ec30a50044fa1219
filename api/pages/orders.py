"""The list of replacement orders, one order with what may be done to it, and new applications."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Annotated, Final
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import HTMLResponse, RedirectResponse, Response

from api.auth import Principal, Signed
from api.dependencies import Database, House, InHouse, Now
from api.engine import refused_by_audit
from api.pages import acts, choices, deciding, hotline, photos, story
from api.pages.deciding import Answer
from api.pages.rendering import Reader, reader
from api.problems import Problem
from api.v1.orders import desk, tracking_path
from database import policies
from database.reading import documents, mails, order_lists, orders
from database.reading.audits import audit_view
from database.reading.documents import Head
from database.reading.hints import hints_for
from database.reading.order_lists import Audits, Wanted
from database.reading.orders import OrderView
from database.reading.photos import order_photos
from database.reading.statutory import rights_of
from domain.stages import ENDS, OPEN, ORDER, Action, Role, Stage
from domain.working_time import Calendar
from messaging.parsing import fresh_and_quoted
from runtime.temporal import order_workflow

router = APIRouter()

PAGE: Final = 30
DESK: Final = ("mine", *Audits)
"""Lists of what waits for the reader's own work."""
MACHINE_ROOM: Final = frozenset({Role.SUPERVISOR, Role.ADMINISTRATOR})
STRIP: Final[Sequence[tuple[Stage, ...]]] = (
    (Stage.TRIAGE, Stage.RECEIVED, Stage.INSPECTION),
    (Stage.QUOTED,),
    (Stage.AUDIT, Stage.ASKED, Stage.RETURNED, Stage.OBJECTION),
    (Stage.SOURCING,),
    (Stage.DISPATCH,),
    (Stage.IN_TRANSIT,),
    (Stage.INSTALLATION, Stage.REWORK),
    (Stage.REVISIT,),
    (Stage.CLOSED, Stage.SETTLING, Stage.CANCELLED, Stage.REJECTED, Stage.DECLINED),
)
"""The way of an order in the steps that a reader sees; the first stage of each names it."""
HINTED: Final = frozenset({Stage.TRIAGE, Stage.AUDIT, Stage.RETURNED, Stage.REWORK})
"""Where somebody judges which parts help."""
JUDGING: Final = (Action.QUOTE, Action.CORRECT, Action.SEND_PART)
END_TONES: Final = {Stage.CLOSED: "end-green", Stage.REJECTED: "end-red"}


@dataclass(frozen=True)
class Filter:
    """Which orders the list shows; it stands in the address."""

    which: str = "mine"
    stage: Stage | None = None
    text: str = ""

    @property
    def address(self) -> str:
        chosen = {"which": self.which, "stage": self.stage or "", "text": self.text}
        return "/orders?" + urlencode({name: value for name, value in chosen.items() if value})


@router.get("/orders")
async def order_list(
    request: Request,
    house: InHouse,
    session: Database,
    who: Signed,
    now: Now,
    which: str = "mine",
    stage: str = "",
    text: Annotated[str, Query(max_length=100)] = "",
    cursor: Annotated[str | None, Query(max_length=400)] = None,
) -> HTMLResponse:
    them = reader(request, house.settings, who, now)
    chosen = Filter(
        which if which in (*DESK, "overdue", "all") else "mine", Stage(stage) if stage in set(Stage) else None, text
    )
    mine = desk(who) if chosen.which in DESK else None
    audits = Audits(chosen.which) if chosen.which in set(Audits) else None
    wanted = Wanted(chosen.stage, chosen.which == "overdue", text, None, mine, audits)
    page = await order_lists.list_orders(session, wanted, now=now, limit=PAGE, cursor=cursor)
    counts = await order_lists.counts(session, desk(who), now)
    words = them.language
    tabs: Sequence[tuple[str, str, int | None]] = (
        ("mine", words.text("For me to do"), counts.mine),
        *(
            (("unclaimed", words.text("Taken by nobody"), None), ("handed", words.text("Handed on to me"), None))
            if Role.AUDITOR in who.roles
            else ()
        ),
        ("overdue", words.text("Overdue"), counts.overdue),
        ("all", words.text("All"), None),
    )
    return them.page(
        "orders.html",
        filter=chosen,
        tabs=[
            {"url": replace(chosen, which=code).address, "text": text, "count": count, "current": code == chosen.which}
            for code, text, count in tabs
        ],
        stages=[(one, counts.stages.get(one, 0) if one in OPEN else None) for one in Stage],
        open=sum(counts.stages.values()),
        orders=page.items,
        next=f"{chosen.address}&{urlencode({'cursor': page.next})}" if page.next else "",
        calendar=await newest_calendar(session, house),
        may_be_away=not {Role.AUDITOR, Role.SUPERVISOR}.isdisjoint(who.roles),
        may_apply=not set(hotline.APPLICANT).isdisjoint(who.roles),
        empty=_empty(chosen, them),
    )


def _empty(chosen: Filter, them: Reader) -> tuple[str, str]:
    """What an empty list says: what would be in it."""
    text = them.language.text
    if chosen.text or chosen.stage:
        return text("No order fits"), text("Try another word or stage, or look under “All”.")
    if chosen.which == Audits.HANDED:
        return text("Nothing was handed on to you"), text("Audits that a colleague hands on to you appear here.")
    if chosen.which == Audits.UNCLAIMED:
        return text("Every audit has been taken"), text("Audits that nobody has taken appear here.")
    if chosen.which == "mine":
        return text("Nothing waits for you"), text("Orders that wait for your work appear here, the most urgent first.")
    if chosen.which == "overdue":
        return text("Nothing is overdue"), text("Orders whose due date has passed appear here.")
    return text("No orders yet"), text("Every application that is entered or comes in appears here.")


async def newest_calendar(session: AsyncSession, house: House) -> Calendar:
    """The calendar of the rules that new orders follow, for lists of many."""
    return (await policies.timekeeper(session, await policies.newest(session, house.settings.policy))).calendar


# --- one order --------------------------------------------------------------------------------------------


@router.get("/orders/{number}")
async def order_page(
    request: Request, house: InHouse, session: Database, who: Signed, now: Now, number: str, done: str = ""
) -> HTMLResponse:
    them = reader(request, house.settings, who, now)
    return await _show(house, session, them, who, await _order(session, number, them, who), done=done)


@router.get("/orders/{number}/news")
async def news(
    request: Request, house: InHouse, session: Database, who: Signed, now: Now, number: str, seq: int
) -> Response:
    """What happened since the page was loaded; nothing to say if nothing did."""
    them = reader(request, house.settings, who, now)
    return await story.news(session, them, number, seq, f"/orders/{number}")


@router.get("/orders/{number}/{action}")
async def back_to_order(number: str, action: str) -> RedirectResponse:
    return RedirectResponse(f"/orders/{number}", 303)


@router.post("/orders/{number}/{action}")
async def decide_on_order(
    request: Request, house: InHouse, session: Database, who: Signed, now: Now, number: str, action: str
) -> Response:
    them, wanted = reader(request, house.settings, who, now), deciding.action_of(ORDER, action)
    order = await _order(session, number, them, who)
    offered = acts.for_order(order, who, them.language)
    values, wrong = await photos.typed(request, house, session, who, them.language, now)
    answer = deciding.unusable(wanted, values, wrong) or await deciding.answer(
        house, session, who, ORDER, number, wanted, offered, values, them.language, now
    )
    if answer.done:
        return RedirectResponse(f"/orders/{number}?done={wanted}", 303)
    return await _show(house, session, them, who, await _order(session, number, them, who), answer=answer)


async def _order(session: AsyncSession, number: str, them: Reader, who: Principal) -> OrderView:
    found = await orders.order_view(session, number.upper(), them.now, blind=who.counts)
    if found is None:
        raise Problem("not_found")
    return found


async def _show(
    house: House,
    session: AsyncSession,
    them: Reader,
    who: Principal,
    order: OrderView,
    *,
    done: str = "",
    answer: Answer | None = None,
) -> HTMLResponse:
    words = them.language
    offered = acts.for_order(order, who, words)
    sent = answer.sent if answer else None
    events = await documents.events(session, order.number)
    policy = await policies.load(session, order.policy_name, order.policy_version)
    choice = await choices.for_order(session, order, words, them.now)
    if any(act.action is Action.AMEND for act in offered):
        choice |= await choices.of_product(session, words)
    choice["photos"] = await photos.chosen(session, sent.said.values if sent else {})
    pictures = photos.by_step(await order_photos(session, order.number), f"/v1/orders/{order.number}")
    names = {one.value: one.text for one in (*choice["outlet"], *choice["carrier"])}
    judging = next((act.action for act in offered if act.action in JUDGING), None)
    hinted = order.stage in HINTED and (judging or Role.AUDITOR in who.roles)
    names |= {visit.technician: visit.technician_name for visit in order.appointments}
    letters = await mails.of_order(session, order.number)
    told = await story.told(session, order.number, words)
    return them.page(
        "order.html",
        answer.status if answer else 200,
        order=order if who.sees_phones else order.masked(),
        calendar=(await policies.timekeeper(session, policy)).calendar,
        policy=policy,
        strip=strip(order),
        hints=await hints_for(session, order.number, them.now, blind=who.counts) if hinted else None,
        hints_for=judging or "",
        opening_times=partial(choices.opening_times, language=words),
        acts=acts.shown(offered, words, choice, sent),
        open=acts.first_open(offered, sent),
        barred=_barred(order, who),
        audit=await audit_view(session, order.number, order.stage, order.state.audit, policy)
        if order.quotation
        else None,
        rights=await rights_of(session, order, policy, them.now),
        mails=[(mail, *fresh_and_quoted(mail.body)) for mail in letters],
        may_answer=Role.SERVICE_AGENT in who.roles,
        story=story.tell(events, told, words, order.shipments, names, letters, pictures),
        photos=[one for step in pictures.values() for one in step],
        moved_on=answer.moved_on if answer else None,
        done=words.word("Action", done) if words.has("Action", done) else "",
        entered=done == "apply",
        may_tell=not {Role.SERVICE_AGENT, *MACHINE_ROOM}.isdisjoint(who.roles),
        tracking=house.settings.api_url + tracking_path(order.tracking_token),
        workflow=_workflow(house, order) if not MACHINE_ROOM.isdisjoint(who.roles) else "",
    )


def _barred(order: OrderView, who: Principal) -> str:
    """Why an audit is not the reader's, though audits are their work."""
    auditors = [role for role in (Role.AUDITOR, Role.SUPERVISOR) if role in who.roles]
    if order.stage is not Stage.AUDIT or not auditors:
        return ""
    head = Head(order.number, ORDER, order.state, order.entered_by, order.stand_ins)
    refused = refused_by_audit(who, auditors[0], Action.APPROVE, head)
    return refused.code if refused else ""


def _workflow(house: House, order: OrderView) -> str:
    """Where supervisors look at the order's workflow."""
    workflow = order_workflow(order.number).replace("/", "%2F")
    return f"{house.settings.temporal_ui}/namespaces/{house.settings.temporal_namespace}/workflows/{workflow}"


@dataclass(frozen=True)
class Step:
    """One step of the strip: how it looks, what it is called."""

    stage: Stage
    tone: str
    current: bool


def strip(order: OrderView) -> list[Step]:
    """The way of the order, with where it stands."""
    at = next(place for place, stages in enumerate(STRIP) if order.stage in stages)
    ended = order.stage in ENDS
    steps: list[Step] = []
    for place, stages in enumerate(STRIP):
        if place == at:
            tone = END_TONES.get(order.stage, "end-grey") if ended else "now"
            steps.append(Step(order.stage, tone, current=True))
        else:
            passed = place < at and (not ended or order.stage is Stage.CLOSED)
            steps.append(Step(stages[0], "past" if passed else "", current=False))
    return steps
