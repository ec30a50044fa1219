"""An order's photos: which there are, and what they show."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Select, and_, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from database.reading.documents import View
from database.tables import EventLog, Photo, Picture
from domain.stages import Role


class PhotoView(View):
    """A photo, and the step of the order that it came with. Width and height are pixels."""

    id: str
    seq: int
    sent_at: datetime
    width: int
    height: int


async def order_photos(session: AsyncSession, number: str, *, customers: bool = False) -> Sequence[PhotoView]:
    """The photos of an order in the order they came, those the customer sent if `customers`."""
    wanted = select(Photo.id, Photo.seq, Photo.sent_at, Picture.width, Picture.height).join(
        Picture, Picture.sha256 == Photo.picture
    )
    rows = await session.execute(_of(wanted, number, customers=customers).order_by(Photo.seq, Photo.place))
    return [PhotoView.model_validate(row) for row in rows]


async def photo_bytes(session: AsyncSession, number: str, photo: str, *, small: bool, customers: bool) -> bytes | None:
    """The picture of an order's photo as JPEG, drawn anew; the original is never read here."""
    wanted = select(Picture.thumbnail if small else Picture.jpeg).join(Photo, Photo.picture == Picture.sha256)
    found: bytes | None = await session.scalar(_of(wanted, number, customers=customers).where(Photo.id == photo))
    return found


async def task_photo_bytes(session: AsyncSession, number: str, photo: str, *, small: bool) -> bytes | None:
    """The picture of a photo of a warehouse's task as JPEG, drawn anew."""
    wanted = select(Picture.thumbnail if small else Picture.jpeg).join(Photo, Photo.picture == Picture.sha256)
    found: bytes | None = await session.scalar(wanted.where(Photo.task == number, Photo.id == photo))
    return found


def _of(wanted: Select[*tuple[Any, ...]], number: str, *, customers: bool) -> Select[*tuple[Any, ...]]:
    wanted = wanted.where(Photo.order == number)
    if not customers:
        return wanted
    return wanted.join(EventLog, and_(EventLog.document == Photo.order, EventLog.seq == Photo.seq)).where(
        or_(EventLog.seq == 0, EventLog.role == Role.CUSTOMER)
    )
