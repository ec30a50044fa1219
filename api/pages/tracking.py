"""The customer's page: where their parts are, what comes next and when, and what they may answer."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Final

from fastapi import APIRouter, Request
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import HTMLResponse, RedirectResponse, Response

from api.auth import Principal, customer
from api.dependencies import Database, House, InHouse, Now
from api.pages import acts, choices, deciding, photos
from api.pages.deciding import Answer
from api.pages.orders import strip
from api.pages.rendering import Reader, reader
from api.problems import Problem
from api.v1.orders import tracking_path
from database import policies
from database.reading import documents, orders
from database.reading.audits import open_question, reasons_told
from database.reading.orders import OrderView
from database.reading.photos import order_photos
from database.reading.statutory import rights_of
from database.tables import AppointmentState, ShipmentState
from domain import offer
from domain.stages import ORDER, Action, Stage
from domain.waiting import Clock

router = APIRouter()
PATH: Final = tracking_path("{token}")
NOT_PASSED: Final = frozenset({Stage.RETURNED, Stage.OBJECTION, Stage.REJECTED})
_ON_ITS_WAY: Final = frozenset({ShipmentState.HANDED_OVER, ShipmentState.DELIVERED, ShipmentState.TURNED_BACK})


_TOLD: Final = {"refused": Action.REFUSE, "no_fault_found": Action.NO_FAULT_FOUND}
"""Outcomes whose reason the customer reads, and the step that gave it."""


@dataclass(frozen=True)
class Told:
    """Why it ended: in words of ours, and in those of who decided it."""

    title: str
    reason: str
    said: Sequence[str]


@dataclass(frozen=True)
class Promise:
    """The next date, and what happens on it."""

    text: str
    at: datetime


@router.get(PATH)
async def tracking_page(
    request: Request, house: InHouse, session: Database, now: Now, token: str, done: str = ""
) -> HTMLResponse:
    order = await _order(session, token, now)
    them, who = _reader(request, house, order, now)
    return await _show(session, them, who, order, house.settings.api_url, done=done)


@router.get(PATH + "/{action}")
async def back_to_tracking(token: str, action: str) -> RedirectResponse:
    return RedirectResponse(tracking_path(token), 303)


@router.post(PATH + "/{action}")
async def answer_as_customer(
    request: Request, house: InHouse, session: Database, now: Now, token: str, action: str
) -> Response:
    order = await _order(session, token, now)
    them, who = _reader(request, house, order, now)
    wanted = deciding.action_of(ORDER, action)
    offered = acts.for_order(order, who, them.language)
    values, wrong = await photos.typed(request, house, session, None, them.language, now)
    answer = deciding.unusable(wanted, values, wrong) or await deciding.answer(
        house, session, who, ORDER, order.number, wanted, offered, values, them.language, now
    )
    if answer.done:
        return RedirectResponse(f"{tracking_path(token)}?done={wanted}", 303)
    return await _show(session, them, who, await _order(session, token, now), house.settings.api_url, answer=answer)


async def _order(session: AsyncSession, token: str, now: datetime) -> OrderView:
    number = await orders.number_by_token(session, token)
    found = await orders.order_view(session, number, now) if number else None
    if found is None:
        raise Problem("not_found")
    return found


def _reader(request: Request, house: House, order: OrderView, now: datetime) -> tuple[Reader, Principal]:
    them = reader(request, house.settings, None, now, order.customer.language)
    return them, customer(them.language.code)


async def _show(
    session: AsyncSession,
    them: Reader,
    who: Principal,
    order: OrderView,
    house_url: str,
    *,
    done: str = "",
    answer: Answer | None = None,
) -> HTMLResponse:
    words = them.language
    offered = acts.for_order(order, who, words)
    sent = answer.sent if answer else None
    policy = await policies.load(session, order.policy_name, order.policy_version)
    shown = await order_photos(session, order.number, customers=True)
    pictures = photos.by_step(shown, f"/v1/tracking/{order.tracking_token}")
    told = await _told(session, order, them)
    return them.page(
        "tracking.html",
        answer.status if answer else 200,
        order=order.masked(),
        calendar=(await policies.timekeeper(session, policy)).calendar,
        strip=strip(order),
        offer=_offer(order, them),
        agreed=order.quotation is not None and order.quotation.consented_at is not None,
        told=told,
        opening_times=partial(choices.opening_times, language=words),
        promise=_promise(order, them),
        acts=acts.shown(
            offered, words, {"photos": await photos.chosen(session, sent.said.values if sent else {})}, sent
        ),
        photos=[one for step in pictures.values() for one in step],
        open=acts.first_open(offered, sent),
        shipments=[shipment for shipment in order.shipments if shipment.state in _ON_ITS_WAY],
        visits=[visit for visit in order.appointments if visit.state is AppointmentState.BOOKED],
        moved_on=answer.moved_on if answer else None,
        applied=done == "apply",
        link=f"{house_url}{tracking_path(order.tracking_token)}",
        done=words.word("customer done", done) if words.has("customer done", done) else "",
        url=tracking_path(order.tracking_token),
        question=await open_question(session, order.number) if order.stage is Stage.ASKED else None,
        reasons=await reasons_told(session, order.number) if order.stage in NOT_PASSED else (),
        rights=await rights_of(session, order, policy, them.now),
    )


def _offer(order: OrderView, them: Reader) -> Sequence[tuple[str, str]]:
    """The quotation's text, line by line: what is asked in the reader's language, what was agreed to as it was."""
    quotation = order.quotation
    if quotation is None:
        return ()
    return list(offer.rows(quotation.consented_to or quotation.shown.get(them.language.code, "")))


async def _told(session: AsyncSession, order: OrderView, them: Reader) -> Told | None:
    """Why an order was refused, or what an inspection found, in words."""
    if order.outcome not in _TOLD:
        return None
    last = next(event for event in await documents.events(session, order.number) if event.action in _TOLD.values())
    said, words = last.said or {}, them.language
    reason = last.details.get("reason")
    return Told(
        words.word("ended", order.stage),
        words.word("RefusalReason", reason) if reason else "",
        [str(said[name]) for name in ("explanation", "finding") if said.get(name)],
    )


def _promise(order: OrderView, them: Reader) -> Promise | None:
    """The next date that means something to the customer."""
    visit: Sequence[datetime] = [v.starts_at for v in order.appointments if v.state is AppointmentState.BOOKED]
    if visit and order.stage is Stage.INSTALLATION:
        return Promise(them.language.text("The technician comes on"), visit[0])
    if order.wait is None:
        return None
    if order.wait.clock is Clock.PARTS and (expected := order.parts_expected_at):
        late = expected < them.now
        text = them.language.text("We expected the parts by this time, and are asking the supplier")
        return Promise(text if late else them.language.word("customer wait", Clock.PARTS), expected)
    return Promise(them.language.word("customer wait", order.wait.clock), order.wait.due)
