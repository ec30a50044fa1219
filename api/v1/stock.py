"""Stock look-up (policy 3.2.1)."""

from typing import Annotated

from fastapi import APIRouter, Query

from api.auth import Signed
from api.dependencies import Database
from api.problems import responses
from api.v1.orders import CursorParameter, Limit
from database.reading import stock
from database.reading.keyset import Page
from database.reading.stock import PartStock

router = APIRouter(prefix="/stock", tags=["stock"])


@router.get("", responses=responses("not_logged_in", "invalid_cursor"))
async def look_up_stock(
    session: Database,
    who: Signed,
    part: Annotated[str | None, Query(max_length=64)] = None,
    model: Annotated[str | None, Query(max_length=64, description="Parts that fit this product model.")] = None,
    limit: Limit = 50,
    cursor: CursorParameter = None,
) -> Page[PartStock]:
    """What there is of each part, where, what of it is free, and what is on order."""
    return await stock.stock(session, part=part, model=model, limit=limit, cursor=cursor, blind=who.counts)
