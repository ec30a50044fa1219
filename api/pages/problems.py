"""A problem as a person sees it in a browser."""

from datetime import UTC, datetime
from urllib.parse import quote

from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from api.auth import COOKIE, Principal
from api.dependencies import House
from api.pages.rendering import HOME, reader
from api.problems import Problem
from database import accounts

_NOT_TYPED = frozenset({"csrf", "key", "more", "drop", "photos", "sure", "password"})


async def problem_page(request: Request, problem: Problem) -> Response:
    """Whoever is not logged in goes to the log-in; all else is said in words, with what was typed."""
    typed = await _typed(request, problem)
    if problem.code == "not_logged_in" and not typed:
        there = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        login = f"/login?next={quote(there)}" if request.method == "GET" else "/login"
        if "hx-request" in request.headers:
            return Response(status_code=204, headers={"HX-Redirect": login})
        return RedirectResponse(login, 303)
    house: House = request.app.state.house
    now = datetime.now(UTC)
    them = reader(request, house.settings, await _who(house, request, now), now)
    words = them.language
    code = problem.code if words.has("problem", problem.code) else str(problem.kind.status)
    page = them.page(
        "error.html",
        problem.kind.status,
        title=words.word("problem title", str(problem.kind.status)),
        text=words.word("problem", code),
        typed=typed,
        there="/login" if problem.kind.status == 401 else HOME,
        id=problem.members["id"] or "",
    )
    for name, value in (problem.headers or {}).items():
        page.headers[name] = value
    return page


async def _who(house: House, request: Request, now: datetime) -> Principal | None:
    """Whose page this is, if that can be found out now."""
    token = request.cookies.get(COOKIE)
    if not token:
        return None
    try:
        async with house.sessions() as session:
            visit = await accounts.by_session(session, token, now)
    except (OSError, DBAPIError, PoolTimeoutError):
        return None
    if visit is None:
        return None
    account = visit.account
    return Principal(
        account.code, account.name, account.roles, account.service_centre, account.language, csrf=visit.csrf
    )


async def _typed(request: Request, problem: Problem) -> list[str]:
    """What was typed into the form that could not be taken, so that nobody has to write it twice."""
    if request.method != "POST" or request.url.path == "/login" or problem.code == "internal":
        return []
    form = await request.form()
    return [
        value for name, value in form.items() if name not in _NOT_TYPED and isinstance(value, str) and value.strip()
    ]
