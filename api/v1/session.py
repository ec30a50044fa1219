"""Logging in and out."""

from datetime import datetime

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field

from api import auth
from api.auth import Principal, Signed
from api.dependencies import Database, InHouse, Now
from api.problems import responses
from domain.stages import Role

router = APIRouter(tags=["session"])


class Credentials(BaseModel):
    user: str = Field(min_length=1, max_length=64, examples=["agent"])
    password: str = Field(min_length=1, max_length=200)


class Me(BaseModel):
    """Who is logged in. `csrf` goes into the header X-CSRF-Token of everything but GET; keys need none."""

    code: str
    name: str
    roles: tuple[Role, ...]
    service_centre: str
    language: str
    csrf: str | None

    @classmethod
    def of(cls, who: Principal) -> "Me":
        return cls.model_validate(who, from_attributes=True)


class LoggedIn(Me):
    expires_at: datetime


@router.post("/session", status_code=201, responses=responses("log_in_refused", "csrf_failed"))
async def log_in(
    request: Request, response: Response, house: InHouse, session: Database, now: Now, said: Credentials
) -> LoggedIn:
    """Logs a person in: the session's token comes as a cookie."""
    made = await auth.log_in(request, response, session, house.settings, said.user, said.password, now)
    account = made.account
    return LoggedIn(
        code=account.code,
        name=account.name,
        roles=account.roles,
        service_centre=account.service_centre,
        language=account.language,
        csrf=made.csrf,
        expires_at=made.expires_at,
    )


@router.get("/session", responses=responses("not_logged_in"))
async def who_am_i(who: Signed) -> Me:
    return Me.of(who)


@router.delete("/session", status_code=204, responses=responses("not_logged_in", "csrf_failed"))
async def log_out(request: Request, response: Response, session: Database, who: Signed) -> None:
    """Ends the session of the cookie; the token is worth nothing afterwards."""
    await auth.log_out(request, response, session)
