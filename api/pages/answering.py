"""The supplier's page of a corrective action: what it must put right, and its answer, behind a link (policy 3.1.3)."""

from typing import Final

from fastapi import APIRouter, Request
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import HTMLResponse, RedirectResponse, Response

from api.dependencies import Database, InHouse, Now
from api.engine import possible
from api.pages import acts, deciding
from api.pages.acts import Act
from api.pages.deciding import Answer
from api.pages.rendering import Reader, reader
from api.problems import Problem
from api.v1.corrective_actions import supplier_of
from database.reading.demands import DemandView, demand_view
from database.reading.documents import Head
from domain.correcting import CORRECTIVE
from domain.decisions import DECISIONS
from domain.reviews import ReviewFigure

router = APIRouter()
PATH: Final = "/corrections/{token}"


@router.get(PATH)
async def demand_page(
    request: Request, house: InHouse, session: Database, now: Now, token: str, done: str = ""
) -> HTMLResponse:
    them = reader(request, house.settings, None, now)
    return _show(them, await _demand(session, token), token, done=done)


@router.get(PATH + "/{action}")
async def back_to_demand(token: str, action: str) -> RedirectResponse:
    return RedirectResponse(f"/corrections/{token}", 303)


@router.post(PATH + "/{action}")
async def answer_as_supplier(
    request: Request, house: InHouse, session: Database, now: Now, token: str, action: str
) -> Response:
    them, demand = reader(request, house.settings, None, now), await _demand(session, token)
    who, wanted = supplier_of(demand), deciding.action_of(CORRECTIVE, action)
    values = await deciding.typed(request)
    answer = await deciding.answer(
        house, session, who, CORRECTIVE, demand.number, wanted, _answers(demand), values, them.language, now
    )
    if answer.done:
        return RedirectResponse(f"/corrections/{token}?done={wanted}", 303)
    return _show(them, await _demand(session, token), token, answer=answer)


async def _demand(session: AsyncSession, token: str) -> DemandView:
    found = await demand_view(session, token)
    if found is None:
        raise Problem("not_found")
    return found


def _answers(demand: DemandView) -> list[Act]:
    head = Head(demand.number, CORRECTIVE, demand.state, None)
    return [
        Act(action, role, {"said_by": demand.contact})
        for action, role in possible(supplier_of(demand), head)
        if action in DECISIONS
    ]


def _show(
    them: Reader, demand: DemandView, token: str, *, done: str = "", answer: Answer | None = None
) -> HTMLResponse:
    words, sent = them.language, answer.sent if answer else None
    offered = _answers(demand)
    return them.page(
        "demand.html",
        answer.status if answer else 200,
        demand=demand,
        figures=[one for one in ReviewFigure if one in demand.figures and demand.figures[one].value is not None],
        url=f"/corrections/{token}",
        acts=acts.shown(offered, words, {}, sent),
        open=acts.first_open(offered, sent),
        moved_on=answer.moved_on if answer else None,
        done=words.word("supplier done", done) if words.has("supplier done", done) else "",
    )
