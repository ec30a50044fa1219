"""Ordering by hand: what the buyer says, held against the contract before it is sent (policy 3.1.2)."""

from typing import Any
from uuid import uuid4

from fastapi import APIRouter, Request
from pydantic import ValidationError
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import HTMLResponse, RedirectResponse, Response

from api.auth import Principal, Signed
from api.dependencies import Database, InHouse, Now
from api.pages import choices, deciding, forms
from api.pages.forms import Choice, Said
from api.pages.rendering import Reader, reader
from api.problems import Problem
from api.v1.purchase_orders import place_by_hand
from database import ordering
from database.reading import reference
from domain.ordering import OrderByHand
from domain.stages import Refusal, Role

router = APIRouter()


@router.get("/purchase-orders/new")
async def new_order(
    request: Request, house: InHouse, session: Database, who: Signed, now: Now, supplier: str = "", part: str = ""
) -> HTMLResponse:
    them = reader(request, house.settings, who, now)
    known: dict[str, Any] = {"supplier": supplier} if supplier else {}
    known |= {"lines": [{"part": part}]} if part else {}
    return await _show(session, them, who, forms.initial(OrderByHand, known, them.language))


@router.post("/purchase-orders/new")
async def send_order(request: Request, house: InHouse, session: Database, who: Signed, now: Now) -> Response:
    values = await deciding.typed(request)
    them, said = reader(request, house.settings, who, now), Said(values)
    if values.get("more"):
        return await _show(session, them, who, said, more_rows=1, key=values.get("key"))
    try:
        wanted = OrderByHand.model_validate(dict(forms.read(OrderByHand, said, them.language)))
    except ValidationError as invalid:
        return await _show(session, them, who, said, status=422, invalid=invalid)
    try:
        placed = await place_by_hand(house, session, who, wanted, values.get("key") or uuid4().hex, now)
    except Refusal as refusal:
        await session.rollback()
        words = them.language
        found = await ordering.against(session, wanted, now, house.settings.policy)
        why = f" ({words.listed(map(words.label, found))})" if found else ""
        error = words.word("problem", refusal.code) + why
        return await _show(session, them, who, said, status=422, error=error)
    return RedirectResponse(f"/purchase-orders/{placed.state.number}", 303)


async def _show(
    session: AsyncSession, them: Reader, who: Principal, said: Said, *, status: int = 200, **shown: Any
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
    form = forms.build("by_hand", OrderByHand, words, chosen, said, hidden=("warehouse",), **shown)
    return them.page("purchase_new.html", status, form=form)
