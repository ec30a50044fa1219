"""Mails that came in, as people read them."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from database.reading.documents import View
from database.tables import Dismissal, Doubt, IncomingMail, MailPicture, MailState, Picture, UserAccount

_M: Final = IncomingMail


class Pile(StrEnum):
    """What there is to do about mails: decide about drafts, read what came to orders, look what robots wrote."""

    DRAFTS = "drafts"
    UNREAD = "unread"
    ROBOTS = "robots"


_PILES: Final[dict[Pile, tuple[ColumnElement[bool], ...]]] = {
    Pile.DRAFTS: (_M.state == MailState.DRAFT,),
    Pile.UNREAD: (_M.state == MailState.JOINED, _M.seen_at.is_(None)),
    Pile.ROBOTS: (_M.state == MailState.ROBOT,),
}


class MailRow(View):
    """A mail in a list."""

    id: int
    state: MailState
    came_at: datetime
    sender: str
    sender_name: str
    subject: str
    doubt: Doubt | None
    robot: str | None
    order: str | None
    pictures: int


class MailView(View):
    """One mail, with the names of its pictures in their places and of the files that are not shown."""

    id: int
    state: MailState
    came_at: datetime
    sent_at: datetime | None
    sender: str
    sender_name: str
    subject: str
    body: str
    left_out: tuple[str, ...]
    pictures: tuple[str, ...]
    robot: str | None
    doubt: Doubt | None
    recognised: dict[str, Any]
    suggested: str | None
    order: str | None
    settled_by_name: str | None
    settled_at: datetime | None
    dismissal: Dismissal | None
    note: str
    seen_by_name: str | None
    seen_at: datetime | None


async def counts(session: AsyncSession) -> dict[Pile, int]:
    """How many mails wait for somebody."""
    wanted = (Pile.DRAFTS, Pile.UNREAD)
    counted = [select(func.count()).select_from(_M).where(*_PILES[pile]).scalar_subquery() for pile in wanted]
    return dict(zip(wanted, (await session.execute(select(*counted))).one(), strict=True))


async def pile(session: AsyncSession, which: Pile, *, after: int | None, limit: int) -> Sequence[MailRow]:
    """What waits is there with the oldest first, what robots wrote with the newest. `after` is the last one seen."""
    newest_first = which is Pile.ROBOTS
    further = [_M.id < after if newest_first else _M.id > after] if after is not None else []
    pictures = select(func.count()).where(MailPicture.mail == _M.id).scalar_subquery()
    columns = [getattr(_M, name) for name in MailRow.model_fields if name != "pictures"]
    rows = await session.execute(
        select(*columns, pictures.label("pictures"))
        .where(*_PILES[which], *further)
        .order_by(_M.id.desc() if newest_first else _M.id)
        .limit(limit)
    )
    return [MailRow.model_validate(row) for row in rows]


async def mail(session: AsyncSession, number: int) -> MailView | None:
    return next(iter(await _views(session, select(_M).where(_M.id == number))), None)


async def of_order(session: AsyncSession, order: str) -> Sequence[MailView]:
    """The mails that belong to an order, newest first."""
    return await _views(session, select(_M).where(_M.order == order).order_by(_M.id.desc()))


async def picture(session: AsyncSession, number: int, place: int, *, small: bool) -> bytes | None:
    """A picture of a mail, drawn anew."""
    return await session.scalar(
        select(Picture.thumbnail if small else Picture.jpeg)
        .join(MailPicture, MailPicture.picture == Picture.sha256)
        .where(MailPicture.mail == number, MailPicture.place == place)
    )


async def _views(session: AsyncSession, wanted: Select[IncomingMail]) -> Sequence[MailView]:
    mails = (await session.scalars(wanted)).all()
    if not mails:
        return []
    named = select(MailPicture.mail, MailPicture.name).where(MailPicture.mail.in_([one.id for one in mails]))
    pictures: dict[int, list[str]] = {}
    for number, name in await session.execute(named.order_by(MailPicture.place)):
        pictures.setdefault(number, []).append(name)
    people = {by for one in mails for by in (one.settled_by, one.seen_by) if by}
    named_people = select(UserAccount.code, UserAccount.name).where(UserAccount.code.in_(people))
    names = dict((await session.execute(named_people)).all())
    return [
        MailView.model_validate(
            {name: getattr(one, name) for name in MailView.model_fields if hasattr(one, name)}
            | {
                "pictures": pictures.get(one.id, ()),
                "settled_by_name": names.get(one.settled_by or ""),
                "seen_by_name": names.get(one.seen_by or ""),
            }
        )
        for one in mails
    ]
