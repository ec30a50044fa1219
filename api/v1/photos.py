"""Photos: uploaded one by one, then named by whatever speaks of them (policy 2.1.1b)."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, Field
from starlette.responses import Response

from api.auth import Signed, Visitor
from api.dependencies import Database, InHouse, Now
from api.photos import allow, inline, photo, take
from api.problems import Problem, responses
from api.v1.orders import Number
from api.v1.tracking import Token
from database.reading.documents import head
from database.reading.orders import number_by_token
from database.reading.photos import PhotoView, order_photos
from domain.stages import ORDER

KINDS: Final = ("image/jpeg", "image/png", "image/webp", "image/heic")
_BINARY: Final[dict[str, Any]] = {"schema": {"type": "string", "format": "binary"}}
_UPLOAD: Final[dict[str, Any]] = {
    "requestBody": {"required": True, "content": dict.fromkeys((*KINDS, "application/octet-stream"), _BINARY)},
    "x-anybody": True,
}
JPEG: Final[dict[int | str, dict[str, Any]]] = {200: {"content": {"image/jpeg": _BINARY}}}

router = APIRouter(tags=["photos"])

Small = Annotated[bool, Query(description="The thumbnail, at most 320 pixels long.")]


class Uploaded(BaseModel):
    """A photo that waits to be named by an application or a decision; after a day it is thrown away."""

    id: str
    width: int
    height: int
    thumbnail: str = Field(description="A `data:` address.")


@router.post(
    "/photos",
    status_code=201,
    openapi_extra=_UPLOAD,
    responses=responses(
        "csrf_failed",
        "too_large",
        "photo_empty",
        "photo_too_large",
        "photo_not_a_picture",
        "photo_too_many_pixels",
        "photo_animated",
        "photo_broken",
        "photo_not_now",
        "too_many_requests",
    ),
)
async def upload_photo(request: Request, house: InHouse, session: Database, who: Visitor, now: Now) -> Uploaded:
    """Takes one photo: JPEG, PNG, WebP or HEIC by its content, at most 15 MiB and 64 million pixels. It is turned
    upright and drawn anew, so that place and device are gone. Strangers may send so many an hour."""
    await allow(house, session, request, who, "photos")
    await session.commit()
    one, picture = await take(session, await request.body(), now)
    return Uploaded(id=one, width=picture.width, height=picture.height, thumbnail=inline(picture.thumbnail))


@router.get("/orders/{number}/photos", responses=responses("not_logged_in", "not_found"))
async def list_order_photos(session: Database, who: Signed, number: Number) -> list[PhotoView]:
    """An order's photos, oldest first."""
    if await head(session, ORDER, number) is None:
        raise Problem("not_found")
    return list(await order_photos(session, number))


@router.get(
    "/orders/{number}/photos/{photo_id}",
    response_class=Response,
    responses={**responses("not_logged_in", "not_found"), **JPEG},
)
async def get_order_photo(
    session: Database, who: Signed, number: Number, photo_id: str, small: Small = False
) -> Response:
    """One photo as JPEG."""
    return await photo(session, number, photo_id, small=small)


@router.get(
    "/tracking/{token}/photos/{photo_id}", response_class=Response, responses={**responses("not_found"), **JPEG}
)
async def get_tracked_photo(session: Database, token: Token, photo_id: str, small: Small = False) -> Response:
    """One of the photos that the customer sent, as JPEG."""
    number = await number_by_token(session, token)
    if number is None:
        raise Problem("not_found")
    return await photo(session, number, photo_id, small=small, customers=True)
