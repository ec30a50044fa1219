"""Looking up what is in stock: by part, in which place, how much is free."""

from typing import Annotated, Final

from fastapi import APIRouter, Query, Request
from starlette.responses import HTMLResponse

from api.auth import Signed
from api.dependencies import Database, InHouse, Now
from api.pages import choices
from api.pages.listing import Listing
from api.pages.rendering import reader
from database.reading import reference, stock
from domain.stages import Role

router = APIRouter()
PAGE: Final = 30


@router.get("/stock")
async def stock_page(
    request: Request,
    house: InHouse,
    session: Database,
    who: Signed,
    now: Now,
    text: Annotated[str, Query(max_length=100)] = "",
    model: Annotated[str, Query(max_length=64)] = "",
    cursor: Annotated[str | None, Query(max_length=400)] = None,
) -> HTMLResponse:
    them = reader(request, house.settings, who, now)
    page = await stock.stock(
        session, model=model or None, text=text.strip(), limit=PAGE, cursor=cursor, blind=who.counts
    )
    return them.page(
        "stock.html",
        text=text,
        model=model,
        models=choices.named(await reference.models(session), them.language),
        rows=page.items,
        keeps=Role.WAREHOUSE_KEEPER in who.roles,
        oversees=not {Role.WAREHOUSE_KEEPER, Role.SUPERVISOR}.isdisjoint(who.roles),
        next=Listing("/stock", {"text": text, "model": model}).following(page.next),
    )
