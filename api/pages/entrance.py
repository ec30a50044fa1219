"""Log-in, log-out and the choice of language."""

from typing import Annotated
from urllib.parse import urlsplit

from fastapi import APIRouter, Form, Request
from sqlalchemy import update
from starlette.responses import RedirectResponse, Response

from api import auth
from api.auth import Visitor
from api.dependencies import Database, InHouse, Now
from api.i18n import FOLDERS
from api.pages.rendering import HOME, LANGUAGE_COOKIE, reader
from api.problems import Problem
from database.tables import UserAccount

router = APIRouter()
YEAR = 365 * 24 * 3600


def inside(address: str) -> str:
    """An address of ours to go on to; whatever leads elsewhere is the start page."""
    parts = urlsplit(address)
    if parts.scheme or parts.netloc or not address.startswith("/") or address.startswith(("//", "/\\")):
        return HOME
    return address


@router.get("/")
async def start() -> RedirectResponse:
    return RedirectResponse(HOME, 303)


@router.get("/login")
async def log_in_form(
    request: Request,
    house: InHouse,
    who: Visitor,
    now: Now,
    next: str = HOME,  # noqa: A002
) -> Response:
    if who:
        return RedirectResponse(inside(next), 303)
    return reader(request, house.settings, None, now).page("login.html", next=next, typed="", error="")


@router.post("/login")
async def log_in(
    request: Request,
    house: InHouse,
    session: Database,
    now: Now,
    user: Annotated[str, Form()] = "",
    password: Annotated[str, Form()] = "",
    next: Annotated[str, Form()] = HOME,  # noqa: A002
) -> Response:
    response: Response = RedirectResponse(inside(next), 303)
    try:
        await auth.log_in(request, response, session, house.settings, user.strip(), password, now)
    except Problem as problem:
        if problem.code != "log_in_refused":
            raise
        them = reader(request, house.settings, None, now)
        error = them.language.word("problem", problem.code)
        return them.page("login.html", problem.status_code, next=next, typed=user, error=error)
    return response


@router.post("/logout")
async def log_out(request: Request, session: Database, who: Visitor) -> RedirectResponse:
    response = RedirectResponse("/login", 303)
    if who:
        await auth.log_out(request, response, session)
    return response


@router.post("/language")
async def choose_language(
    session: Database, who: Visitor, language: Annotated[str, Form()], back: Annotated[str, Form()] = HOME
) -> RedirectResponse:
    response = RedirectResponse(inside(back), 303)
    if language not in FOLDERS:
        raise Problem("not_found")
    if who:
        await session.execute(update(UserAccount).where(UserAccount.code == who.code).values(language=language))
        await session.commit()
    response.set_cookie(LANGUAGE_COOKIE, language, max_age=YEAR, samesite="lax", httponly=True)
    return response
