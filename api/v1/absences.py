"""Auditors who are away, and who acts for them meanwhile (policy 2.3)."""

from typing import Annotated

from fastapi import APIRouter, Path
from pydantic import BaseModel, ConfigDict, Field

from api.auth import Principal, Signed
from api.dependencies import Database, Now
from api.problems import Problem, responses
from database.absences import end_absence, enter_absence
from database.reading.absences import AbsenceView, absences
from database.tables import Absence
from domain.stages import Role
from domain.texts import Code, Instant

router = APIRouter(prefix="/absences", tags=["absences"])


class Away(BaseModel):
    """From `since` to `until` the deputy audits for the user; for whoever asks, if no user is named."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    user: Code | None = Field(None, description="Whose absence; only supervisors name somebody else.")
    deputy: Code
    since: Instant
    until: Instant


def sees(who: Principal) -> str | None:
    """Whose absences they see: everybody's as supervisors, their own as auditors. Raises Problem `role_forbidden`."""
    if Role.SUPERVISOR in who.roles:
        return None
    if Role.AUDITOR not in who.roles:
        raise Problem("role_forbidden")
    return who.code


def may_set(who: Principal, user: str) -> None:
    """Raises Problem `role_forbidden`: people set their own absence, supervisors anybody's."""
    if user != who.code and Role.SUPERVISOR not in who.roles:
        raise Problem("role_forbidden")


@router.get("", responses=responses("not_logged_in", "role_forbidden"))
async def list_absences(session: Database, who: Signed, now: Now) -> list[AbsenceView]:
    """Absences that are not over, the next first."""
    return await absences(session, now, sees(who))


@router.post(
    "", status_code=201,
    responses=responses("not_logged_in", "role_forbidden", "csrf_failed", "unknown_auditor", "invalid_time"),
)  # fmt: skip
async def set_absence(session: Database, who: Signed, now: Now, away: Away) -> list[AbsenceView]:
    """Sets an absence; the answer is what stands then."""
    await enter(session, who, away, now)
    return await absences(session, now, sees(who))


@router.delete("/{id}", responses=responses("not_logged_in", "role_forbidden", "csrf_failed", "not_found"))
async def end(session: Database, who: Signed, now: Now, id: Annotated[int, Path(ge=1)]) -> list[AbsenceView]:  # noqa: A002
    """Ends an absence now; that it was is kept."""
    await back(session, who, id, now)
    return await absences(session, now, sees(who))


async def enter(session: Database, who: Principal, away: Away, now: Now) -> None:
    """Raises Problem `role_forbidden`, Refusal `unknown_auditor`, `invalid_time`."""
    sees(who)
    user = away.user or who.code
    may_set(who, user)
    await enter_absence(
        session, user=user, deputy=away.deputy, since=away.since, until=away.until, by=who.code, now=now
    )
    await session.commit()


async def back(session: Database, who: Principal, absence: int, now: Now) -> None:
    """Raises Problem `not_found`, `role_forbidden`."""
    sees(who)
    found = await session.get(Absence, absence, with_for_update=True)
    if found is None or found.until <= now:
        raise Problem("not_found")
    may_set(who, found.user)
    await end_absence(session, found, by=who.code, now=now)
    await session.commit()
