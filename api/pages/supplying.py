"""The supplier's page: what we order, and what it may answer. It has no account; the link opens it (policy 3.2.2)."""

from typing import Final

from fastapi import APIRouter, Request
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import HTMLResponse, RedirectResponse, Response

from api import printing
from api.auth import supplier
from api.dependencies import Database, InHouse, Now
from api.pages import acts, deciding, purchases
from api.pages.deciding import Answer
from api.pages.paper import purchase_sheet
from api.pages.rendering import Reader, reader
from api.problems import Problem
from database.reading.links import document_by_link
from database.reading.purchases import PurchaseView, purchase_view
from domain import offer
from domain.stages import PURCHASE, PURCHASE_OPEN

router = APIRouter()
PATH: Final = "/supply/{token}"


@router.get(PATH)
async def supplier_page(
    request: Request, house: InHouse, session: Database, now: Now, token: str, done: str = ""
) -> HTMLResponse:
    purchase, them = await _purchase(session, token, now), reader(request, house.settings, None, now)
    return _show(them, purchase, token, done=done)


@router.get(PATH + "/paper.pdf")
async def supplier_paper(request: Request, house: InHouse, session: Database, now: Now, token: str) -> Response:
    purchase, them = await _purchase(session, token, now), reader(request, house.settings, None, now)
    return await printing.answer(purchase_sheet(purchase, them.language), them.language)


@router.get(PATH + "/{action}")
async def back_to_supplier_page(token: str, action: str) -> RedirectResponse:
    return RedirectResponse(f"/supply/{token}", 303)


@router.post(PATH + "/{action}")
async def answer_as_supplier(
    request: Request, house: InHouse, session: Database, now: Now, token: str, action: str
) -> Response:
    purchase, them = await _purchase(session, token, now), reader(request, house.settings, None, now)
    who, wanted = supplier(them.language.code), deciding.action_of(PURCHASE, action)
    offered, values = purchases.acts_of(purchase, who, them.language), await deciding.typed(request)
    answer = await deciding.answer(
        house, session, who, PURCHASE, purchase.number, wanted, offered, values, them.language, now
    )  # fmt: skip
    if answer.done:
        return RedirectResponse(f"/supply/{token}?done={wanted}", 303)
    return _show(them, await _purchase(session, token, now), token, answer=answer)


async def _purchase(session: AsyncSession, token: str, now: Now) -> PurchaseView:
    number = await document_by_link(session, token)
    found = await purchase_view(session, number, now) if number else None
    if found is None:
        raise Problem("not_found")
    return found


def _show(
    them: Reader, purchase: PurchaseView, token: str, *, done: str = "", answer: Answer | None = None
) -> HTMLResponse:
    words, sent = them.language, answer.sent if answer else None
    offered = purchases.acts_of(purchase, supplier(words.code), words)
    return them.page(
        "supply.html",
        answer.status if answer else 200,
        purchase=purchase,
        open_still=purchase.stage in PURCHASE_OPEN,
        text=list(offer.rows(purchase.signed_text or purchase.shown.get(words.code, ""))),
        acts=acts.shown(offered, words, {}, sent),
        open=acts.first_open(offered, sent),
        moved_on=answer.moved_on if answer else None,
        done=words.word("supplier done", done) if words.has("supplier done", done) else "",
        url=f"/supply/{token}",
    )
