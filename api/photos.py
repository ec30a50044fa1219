"""Photos on their way in and out, the same for the API and the pages (policy 2.1.1b)."""

from base64 import b64encode
from datetime import datetime
from typing import Final

from fastapi import Request
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import Response

from api.auth import Principal
from api.dependencies import House
from api.problems import Problem
from database import allowances, photos
from database.reading.photos import photo_bytes
from runtime.pictures import Picture, clean

ALONE: Final = {
    "Cache-Control": "private, max-age=86400, immutable",
    "Content-Security-Policy": "default-src 'none'; sandbox",
}
"""A photo is shown to whoever may see it, runs nothing and stays out of shared caches."""


async def take(session: AsyncSession, raw: bytes, now: datetime) -> tuple[str, Picture]:
    """Keeps what a file shows and gives it an id. Raises Refusal as `runtime.pictures.clean`."""
    await session.commit()  # drawing it anew takes a while, in which others can use the connection
    picture = await clean(raw)
    photo = await photos.keep(session, raw, picture, now)
    await session.commit()
    return photo, picture


async def photo(session: AsyncSession, order: str, photo: str, *, small: bool, customers: bool = False) -> Response:
    """A photo of an order, of those the customer may see if `customers`. Raises Problem `not_found`."""
    found = await photo_bytes(session, order, photo, small=small, customers=customers)
    if found is None:
        raise Problem("not_found")
    return Response(found, media_type="image/jpeg", headers=ALONE)


async def allow(house: House, session: AsyncSession, request: Request, who: Principal | None, what: str) -> None:
    """Uses up one of what an address may do in an hour; people we know are not counted.

    Raises Problem `too_many_requests`.
    """
    if who is not None:
        return
    most: int = getattr(house.settings, f"{what}_per_hour")
    address = request.client.host if request.client else ""
    until = await allowances.draw(session, what, address, most, datetime.now().astimezone())
    await session.commit()
    if until is not None:
        raise Problem("too_many_requests", retry_after=max(1, int(until.total_seconds())))


def inline(thumbnail: bytes) -> str:
    """A thumbnail as an address of its own: what is not part of an order yet is served to nobody else."""
    return f"data:image/jpeg;base64,{b64encode(thumbnail).decode()}"
