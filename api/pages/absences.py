"""Who is away and who audits for them: the page of auditors and supervisors."""

from typing import Any
from uuid import uuid4

from fastapi import APIRouter, Request
from pydantic import ValidationError
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import HTMLResponse, RedirectResponse, Response

from api.auth import Principal, Signed
from api.dependencies import Database, InHouse, Now
from api.pages import deciding, forms
from api.pages.forms import Choice, Said
from api.pages.rendering import Reader, reader
from api.v1.absences import Away, back, enter, sees
from database.reading import reference
from database.reading.absences import absences
from domain.stages import Refusal, Role

router = APIRouter()


@router.get("/absences")
async def absences_page(request: Request, house: InHouse, session: Database, who: Signed, now: Now) -> HTMLResponse:
    them = reader(request, house.settings, who, now)
    return await _show(session, them, who, forms.initial(Away, {"user": who.code}, them.language))


@router.post("/absences")
async def set_absence(request: Request, house: InHouse, session: Database, who: Signed, now: Now) -> Response:
    them, said = reader(request, house.settings, who, now), Said(await deciding.typed(request))
    try:
        away = forms.read(Away, said, them.language)
        assert isinstance(away, Away)
        await enter(session, who, away, now)
    except ValidationError as invalid:
        return await _show(session, them, who, said, status=422, invalid=invalid)
    except Refusal as refusal:
        await session.rollback()
        return await _show(session, them, who, said, status=422, error=them.language.word("problem", refusal.code))
    return RedirectResponse("/absences", 303)


@router.post("/absences/{absence}/end")
async def end_absence(session: Database, who: Signed, now: Now, absence: int) -> RedirectResponse:
    await back(session, who, absence, now)
    return RedirectResponse("/absences", 303)


async def _show(
    session: AsyncSession, them: Reader, who: Principal, said: Said, *, status: int = 200, **shown: Any
) -> HTMLResponse:
    everybody = sees(who) is None
    people = [Choice(one.code, one.name) for one in await reference.people(session, Role.AUDITOR)]
    others = [one for one in people if everybody or one.value != who.code]
    hidden = () if everybody else ("user",)
    choice = {"user": people, "deputy": others}
    form = forms.build("absence", Away, them.language, choice, said, key=uuid4().hex, hidden=hidden, **shown)
    return them.page("absences.html", status, form=form, absences=await absences(session, them.now, sees(who)))
