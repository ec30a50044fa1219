"""Who is asking: a person with a session cookie, a system with a key, or a customer with a tracking link."""

import hmac
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Annotated, Any, Final
from urllib.parse import urlsplit

import structlog
from fastapi import Depends, Request, Response
from fastapi.security import APIKeyCookie, APIKeyHeader, HTTPAuthorizationCredentials, HTTPBearer
from sqlalchemy.ext.asyncio import AsyncSession

from api.dependencies import Database, Now
from api.problems import Problem
from database import accounts
from database.accounts import Account, LogIn
from domain.stages import Role, Rule
from runtime.settings import Settings

COOKIE: Final = "huanjian_session"
CSRF_HEADER: Final = "X-CSRF-Token"
CSRF_FIELD: Final = "csrf"
_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_FORMS: Final = ("application/x-www-form-urlencoded", "multipart/form-data")
_SEE_PHONES: Final = frozenset({Role.SERVICE_AGENT, Role.DISPATCHER, Role.TECHNICIAN, Role.WAREHOUSE_KEEPER})


@dataclass(frozen=True)
class Principal:
    """Who is asking. `csrf` is what their forms must carry; None where nothing is sent along unasked."""

    code: str
    name: str
    roles: tuple[Role, ...]
    service_centre: str
    language: str
    csrf: str | None = None

    def acting(self, rule: Rule) -> Role | None:
        """The first of their roles that may do this. Machines' own news come another way, not as decisions."""
        return next((role for role in self.roles if role in rule.by and role is not Role.SYSTEM), None)

    @property
    def counts(self) -> bool:
        """Whether they count stock, and so are not told what the books say of what is being counted (policy 4.2.2)."""
        return Role.WAREHOUSE_KEEPER in self.roles

    @property
    def sees_phones(self) -> bool:
        """Whether their work needs customers' numbers in full (policy 1.3.1)."""
        return not _SEE_PHONES.isdisjoint(self.roles)


def customer(language: str) -> Principal:
    """Whoever holds an order's tracking link."""
    return Principal("customer", "", (Role.CUSTOMER,), "", language)


def supplier(language: str) -> Principal:
    """Whoever holds a purchase order's link."""
    return Principal("supplier", "", (Role.SUPPLIER,), "", language)


_cookie = APIKeyCookie(
    name=COOKIE, scheme_name="Session", auto_error=False, description="A person's session, from `log_in`."
)
_bearer = HTTPBearer(scheme_name="APIKey", auto_error=False, description="A system's API key, `hj_…`.")
_csrf = APIKeyHeader(
    name=CSRF_HEADER,
    scheme_name="CSRF",
    auto_error=False,
    description="Goes with the session for everything but GET; from `log_in`.",
)


async def visitor(
    request: Request,
    session: Database,
    now: Now,
    token: Annotated[str | None, Depends(_cookie)],
    bearer: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)],
    csrf: Annotated[str | None, Depends(_csrf)],
) -> Principal | None:
    """Who is asking, None if nobody we know. Raises Problem `csrf_failed`."""
    if bearer is not None:
        account = await accounts.by_key(session, bearer.credentials)
        found = _principal(account) if account else None
    else:
        found = await _by_cookie(request, session, now, token, csrf) if token else None
    if found:
        structlog.contextvars.bind_contextvars(user=found.code)
    return found


async def principal(found: Annotated[Principal | None, Depends(visitor)]) -> Principal:
    """Who is asking. Raises Problem `not_logged_in`."""
    if found is None:
        raise Problem("not_logged_in")
    return found


Visitor = Annotated[Principal | None, Depends(visitor)]
Signed = Annotated[Principal, Depends(principal)]


def only(*roles: Role) -> Callable[[Principal], Awaitable[Role]]:
    """A dependency: the first of these roles that whoever asks has. Raises Problem `role_forbidden`."""

    async def role(who: Signed) -> Role:
        found = next((role for role in roles if role in who.roles), None)
        if found is None:
            raise Problem("role_forbidden")
        return found

    return role


async def log_in(
    request: Request, response: Response, session: AsyncSession, settings: Settings, user: str, password: str,
    now: datetime,
) -> LogIn:  # fmt: skip
    """Logs in and puts the cookie on the response. Raises Problem `log_in_refused`, `csrf_failed`."""
    if not same_origin(request):
        raise Problem("csrf_failed")
    lifetime = timedelta(hours=settings.session_hours)
    made = await accounts.log_in(session, user, password, now=now, lifetime=lifetime)
    if made is None:
        raise Problem("log_in_refused")
    response.set_cookie(
        COOKIE,
        made.token,
        max_age=int(lifetime.total_seconds()),
        httponly=True,
        samesite="lax",
        secure=is_https(request, settings),
    )
    return made


async def log_out(request: Request, response: Response, session: AsyncSession) -> None:
    if token := request.cookies.get(COOKIE):
        await accounts.log_out(session, token)
        await session.commit()
    response.delete_cookie(COOKIE, httponly=True, samesite="lax")


def describe(openapi: dict[str, Any]) -> None:
    """Says what goes together: FastAPI lists every scheme as enough by itself."""
    for methods in openapi["paths"].values():
        for method, operation in methods.items():
            if "security" in operation:
                session: dict[str, list[str]] = {"Session": []} if method == "get" else {"Session": [], "CSRF": []}
                anybody: list[dict[str, list[str]]] = [{}] if operation.pop("x-anybody", False) else []
                operation["security"] = [*anybody, {"APIKey": []}, session]


def is_https(request: Request, settings: Settings) -> bool:
    return request.url.scheme == "https" or settings.api_url.startswith("https:")


def same_origin(request: Request) -> bool:
    """Whether a browser says that one of our own pages sent this; programs say nothing and may."""
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site in ("same-origin", "none")
    origin = request.headers.get("origin")
    return origin is None or urlsplit(origin).netloc == request.headers.get("host")


async def _by_cookie(
    request: Request, session: AsyncSession, now: datetime, token: str, csrf: str | None
) -> Principal | None:
    visit = await accounts.by_session(session, token, now)
    if visit is None:
        return None
    if request.method not in _SAFE:
        sent = csrf or await _csrf_field(request)
        if not hmac.compare_digest(sent.encode(), visit.csrf.encode()):
            raise Problem("csrf_failed")
    return replace(_principal(visit.account), csrf=visit.csrf)


async def _csrf_field(request: Request) -> str:
    if not request.headers.get("content-type", "").startswith(_FORMS):
        return ""
    field = (await request.form()).get(CSRF_FIELD)
    return field if isinstance(field, str) else ""


def _principal(account: Account) -> Principal:
    return Principal(account.code, account.name, account.roles, account.service_centre, account.language)
