"""Photos come first, alone; the step that speaks of them claims them (policy 2.1.1b)."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from hashlib import sha256
from secrets import token_urlsafe
from typing import Any, Final, Literal, cast

from sqlalchemy import CursorResult, delete, exists, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from database import tables
from database.tables import MailPicture, Photo
from domain.stages import Refusal
from runtime.pictures import Picture

UNCLAIMED_FOR: Final = timedelta(days=1)
"""How long a form may stay open with a photo in it."""
_UNCLAIMED: Final = (Photo.order.is_(None), Photo.task.is_(None))


async def keep(session: AsyncSession, raw: bytes, picture: Picture, now: datetime) -> str:
    """Keeps a photo under an id that can't be guessed; the same file sent twice is one picture."""
    digest = await keep_picture(session, raw, picture)
    photo = Photo(id=token_urlsafe(24), picture=digest, sent_at=now)
    session.add(photo)
    await session.flush()
    return photo.id


async def keep_picture(session: AsyncSession, raw: bytes, picture: Picture) -> bytes:
    """Keeps a picture; returns what it is known by."""
    digest = sha256(raw).digest()
    values = {"sha256": digest, "kind": picture.kind, "width": picture.width, "height": picture.height}
    values |= {"original": raw, "jpeg": picture.jpeg, "thumbnail": picture.thumbnail}
    kept = insert(tables.Picture).values(values)
    await session.execute(  # an update holds the row, so that no sweep takes it away before the photo is there
        kept.on_conflict_do_update(index_elements=["sha256"], set_={"kind": kept.excluded.kind})
    )
    return digest


async def claim(
    session: AsyncSession, ids: Sequence[str], document: str, seq: int, of: Literal["order", "task"] = "order"
) -> None:
    """Gives unclaimed photos to a step of an order or of a warehouse's task. Raises Refusal `unknown_photo`."""
    for place, one in enumerate(dict.fromkeys(ids)):
        claimed = await session.execute(
            update(Photo).where(Photo.id == one, *_UNCLAIMED).values({of: document, "seq": seq, "place": place})
        )
        if cast("CursorResult[Any]", claimed).rowcount != 1:
            raise Refusal("unknown_photo", "a photo is not there any more, or belongs to an application already")


async def thumbnails(session: AsyncSession, ids: Sequence[str]) -> Mapping[str, bytes]:
    """The thumbnails of photos that nobody claimed yet, in the order asked for."""
    rows = await session.execute(
        select(Photo.id, tables.Picture.thumbnail)
        .join(tables.Picture, tables.Picture.sha256 == Photo.picture)
        .where(Photo.id.in_(ids), *_UNCLAIMED)
    )
    found = {row.id: row.thumbnail for row in rows}
    return {one: found[one] for one in ids if one in found}


async def sweep(session: AsyncSession, now: datetime) -> int:
    """Throws away photos that nobody claimed, and pictures that no photo shows any more; returns how many photos."""
    gone = (
        await session.scalars(
            delete(Photo).where(*_UNCLAIMED, Photo.sent_at < now - UNCLAIMED_FOR).returning(Photo.picture)
        )
    ).all()
    await session.execute(
        delete(tables.Picture).where(
            tables.Picture.sha256.in_(gone),
            ~exists().where(Photo.picture == tables.Picture.sha256),
            ~exists().where(MailPicture.picture == tables.Picture.sha256),
        )
    )
    return len(gone)
