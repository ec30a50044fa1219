"""Mails that came in: those that an agent must decide about, and those that came to orders (policy 2.1.1c)."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, Final
from uuid import uuid4

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict, ValidationError
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import HTMLResponse, RedirectResponse, Response

from api.auth import Principal, Signed
from api.dependencies import Database, InHouse, Now
from api.pages import choices, deciding, forms
from api.pages.forms import Said
from api.pages.rendering import READS_MAILS, Reader, reader
from api.problems import Problem
from api.v1.applications import begin
from database import mails as incoming
from database import policies
from database.applications import Application, Duplicate
from database.reading import mails
from database.reading.mails import MailRow, MailView, Pile
from database.tables import Dismissal
from domain.policy import Timekeeper
from domain.stages import Refusal, Role
from domain.texts import Code, Text
from domain.waiting import Clock
from messaging.parsing import fresh_and_quoted

router = APIRouter(prefix="/mails")

PAGE: Final = 50
KEPT_BY_READERS: Final = {"Cache-Control": "private, max-age=86400"}


class JoinOrder(BaseModel):
    """The mail belongs to an order that is there."""

    model_config = ConfigDict(frozen=True)
    order: Code


class DismissMail(BaseModel):
    """The mail is none of our business."""

    model_config = ConfigDict(frozen=True)
    dismissal: Dismissal
    note: Text = ""


@router.get("")
async def mail_list(
    request: Request,
    house: InHouse,
    session: Database,
    who: Signed,
    now: Now,
    which: str = "drafts",
    after: Annotated[int | None, Query()] = None,
) -> HTMLResponse:
    _may_read(who)
    them = reader(request, house.settings, who, now)
    chosen = Pile(which) if which in set(Pile) else Pile.DRAFTS
    counts = await mails.counts(session)
    rows = await mails.pile(session, chosen, after=after, limit=PAGE + 1)
    time = await policies.timekeeper(session, await policies.newest(session, house.settings.policy))
    text = them.language.text
    empty = {
        Pile.DRAFTS: (
            text("No mail waits for you"),
            text("Mails that did not become an order by themselves appear here."),
        ),
        Pile.UNREAD: (
            text("Nothing new on orders"),
            text("Answers of customers appear here until somebody has read them."),
        ),
        Pile.ROBOTS: (
            text("No robot has written"),
            text("Newsletters, absence notes and delivery reports appear here."),
        ),
    }
    return them.page(
        "mails.html",
        tabs=[
            {
                "url": f"/mails?which={one}",
                "text": them.language.label(one),
                "count": counts.get(one),
                "current": one is chosen,
            }
            for one in Pile
        ],
        mails=rows[:PAGE],
        due=_due(rows, chosen, time),
        calendar=time.calendar,
        next=f"/mails?which={chosen}&after={rows[PAGE - 1].id}" if len(rows) > PAGE else "",
        empty=empty[chosen],
        set_up=bool(house.settings.mailbox_host),
    )


def _due(rows: Sequence[MailRow], pile: Pile, time: Timekeeper) -> Mapping[int, datetime]:
    """Until when somebody is to look at each mail: as long as an application may wait to be taken. Robots can wait."""
    if pile is Pile.ROBOTS:
        return {}
    return {mail.id: time.after(mail.came_at, time.policy.clocks[Clock.TAKE_UP].due) for mail in rows}


@router.get("/count")
async def count(session: Database, who: Signed) -> Response:
    """How many mails wait, for the navigation; nothing if none does."""
    _may_read(who)
    waiting = sum((await mails.counts(session)).values())
    return Response(str(waiting) if waiting else "", media_type="text/plain")


@router.get("/{number}")
async def one_mail(
    request: Request, house: InHouse, session: Database, who: Signed, now: Now, number: int
) -> HTMLResponse:
    _may_read(who)
    them = reader(request, house.settings, who, now)
    return await _show(session, them, who, await _mail(session, number))


@router.get("/{number}/pictures/{place}")
async def picture(session: Database, who: Signed, number: int, place: int, small: bool = False) -> Response:
    found = await mails.picture(session, number, place, small=small)
    if found is None:
        raise Problem("not_found")
    return Response(found, media_type="image/jpeg", headers=KEPT_BY_READERS)


@router.get("/{number}/raw")
async def as_it_came(session: Database, who: Signed, number: int) -> Response:
    """The mail with everything in it, to be saved and not shown."""
    _may_read(who)
    await _mail(session, number)
    headers = {"Content-Disposition": f'attachment; filename="mail-{number}.eml"', "Cache-Control": "no-store"}
    return Response(await incoming.raw_mail(session, number), media_type="application/octet-stream", headers=headers)


@router.post("/{number}/apply")
async def make_order(
    request: Request, house: InHouse, session: Database, who: Signed, now: Now, number: int
) -> Response:
    _may_act(who)
    them, values = reader(request, house.settings, who, now), await deciding.typed(request)
    said, key = Said(values), values.get("key") or uuid4().hex
    if values.get("more"):
        return await _show(session, them, who, await _mail(session, number), apply={"said": said, "more_rows": 1})
    try:
        application = forms.read(Application, said, them.language)
        assert isinstance(application, Application)
        mail = await incoming.locked(session, number, incoming.OPEN)
        if mail is None:
            return await _too_late(session, them, who, number)
        applied = await incoming.make_order(
            session,
            mail,
            application,
            by=who.code,
            role=Role.SERVICE_AGENT,
            now=now,
            policy=house.settings.policy,
            even_if_known=bool(values.get("new")),
        )
    except ValidationError as invalid:
        shown = {"said": said, "key": key, "invalid": invalid}
        return await _show(session, them, who, await _mail(session, number), status=422, apply=shown)
    except Refusal as refusal:
        await session.rollback()
        shown = {"said": said, "key": key, "error": them.language.word("problem", refusal.code)}
        known = refusal.number if isinstance(refusal, Duplicate) else ""
        return await _show(session, them, who, await _mail(session, number), status=422, apply=shown, known=known)
    await begin(house, session, applied, now)
    return RedirectResponse(f"/orders/{applied.state.number}?done=apply", 303)


@router.post("/{number}/join")
async def join(request: Request, house: InHouse, session: Database, who: Signed, now: Now, number: int) -> Response:
    _may_act(who)
    them = reader(request, house.settings, who, now)
    said = Said(await deciding.typed(request))
    try:
        wish = forms.read(JoinOrder, said, them.language)
        assert isinstance(wish, JoinOrder)
        mail = await incoming.locked(session, number, incoming.OPEN)
        if mail is None:
            return await _too_late(session, them, who, number)
        order = wish.order.upper()
        await incoming.join(session, mail, order, by=who.code, now=now)
        await incoming.see(session, number, by=who.code, now=now)
    except ValidationError as invalid:
        return await _show(
            session, them, who, await _mail(session, number), status=422, join={"said": said, "invalid": invalid}
        )
    except Refusal as refusal:
        await session.rollback()
        shown = {"said": said, "error": them.language.word("problem", refusal.code)}
        return await _show(session, them, who, await _mail(session, number), status=422, join=shown)
    await session.commit()
    return RedirectResponse(f"/orders/{order}#mails", 303)


@router.post("/{number}/dismiss")
async def dismiss(request: Request, house: InHouse, session: Database, who: Signed, now: Now, number: int) -> Response:
    _may_act(who)
    them = reader(request, house.settings, who, now)
    said = Said(await deciding.typed(request))
    try:
        wish = forms.read(DismissMail, said, them.language)
        assert isinstance(wish, DismissMail)
    except ValidationError as invalid:
        shown = {"said": said, "invalid": invalid}
        return await _show(session, them, who, await _mail(session, number), status=422, dismiss=shown)
    mail = await incoming.locked(session, number, incoming.OPEN)
    if mail is None:
        return await _too_late(session, them, who, number)
    incoming.dismiss(mail, wish.dismissal, wish.note, by=who.code, now=now)
    await session.commit()
    return RedirectResponse("/mails", 303)


@router.post("/{number}/seen")
async def seen(session: Database, who: Signed, now: Now, number: int) -> Response:
    _may_act(who)
    mail = await _mail(session, number)
    await incoming.see(session, number, by=who.code, now=now)
    await session.commit()
    return RedirectResponse(f"/orders/{mail.order}#mails" if mail.order else "/mails", 303)


def _may_read(who: Principal) -> None:
    """Raises Problem `role_forbidden`."""
    if READS_MAILS.isdisjoint(who.roles):
        raise Problem("role_forbidden")


def _may_act(who: Principal) -> None:
    """Raises Problem `role_forbidden`."""
    if Role.SERVICE_AGENT not in who.roles:
        raise Problem("role_forbidden")


async def _mail(session: AsyncSession, number: int) -> MailView:
    found = await mails.mail(session, number)
    if found is None:
        raise Problem("not_found")
    return found


async def _too_late(session: AsyncSession, them: Reader, who: Principal, number: int) -> HTMLResponse:
    """Somebody else has decided about it meanwhile."""
    await session.rollback()
    return await _show(session, them, who, await _mail(session, number), status=409, late=True)


async def _show(
    session: AsyncSession,
    them: Reader,
    who: Principal,
    mail: MailView,
    *,
    status: int = 200,
    late: bool = False,
    known: str = "",
    apply: dict[str, Any] | None = None,
    join: dict[str, Any] | None = None,
    dismiss: dict[str, Any] | None = None,
) -> HTMLResponse:
    words = them.language
    prefilled = {"service_centre": who.service_centre} | {name: said for name, said in mail.recognised.items() if said}
    suggested = {"order": known or mail.suggested or ""}
    apply = {"said": forms.initial(Application, prefilled, words)} | (apply or {})
    join = {"said": forms.initial(JoinOrder, suggested, words)} | (join or {})
    dismiss = {"said": forms.initial(DismissMail, {}, words)} | (dismiss or {})
    fresh, quoted = fresh_and_quoted(mail.body)
    return them.page(
        "mail.html",
        status,
        mail=mail,
        fresh=fresh,
        quoted=quoted,
        late=late,
        known=known,
        open=mail.state in incoming.OPEN and Role.SERVICE_AGENT in who.roles,
        apply=forms.build(
            "apply",
            Application,
            words,
            await choices.for_application(session, words),
            hidden={"channel", "photos"},
            **apply,
        ),
        join=forms.build("join_order", JoinOrder, words, {}, **join),
        dismiss=forms.build("dismiss_mail", DismissMail, words, {}, **dismiss),
    )
