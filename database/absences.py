"""Who acts for an auditor who is away (policy 2.3)."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Label, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from database.tables import Absence, UserAccount
from domain.stages import Refusal, Role


async def stand_ins(session: AsyncSession, user: str | None, at: datetime) -> Sequence[str]:
    """Who acts for this user at that instant; nobody while they are there."""
    if user is None:
        return ()
    rows = select(Absence.deputy).where(Absence.user == user, Absence.since <= at, Absence.until > at)
    return (await session.scalars(rows)).all()


def deputies_of(user: Any) -> Label[Any]:
    """Who acts, now, for the user in a column of the query around it."""
    return (
        select(func.array_agg(Absence.deputy))
        .where(Absence.user == user, Absence.since <= func.now(), Absence.until > func.now())
        .scalar_subquery()
        .label("stand_ins")
    )


async def enter_absence(
    session: AsyncSession, *, user: str, deputy: str, since: datetime, until: datetime, by: str, now: datetime
) -> Absence:
    """From `since` to `until` the deputy acts for the user. Raises Refusal `unknown_auditor`, `invalid_time`."""
    for code in (user, deputy):
        account = await session.get(UserAccount, code)
        if account is None or not account.active or Role.AUDITOR not in account.roles:
            raise Refusal("unknown_auditor", f"{code} is no auditor who works here")
    if deputy == user:
        raise Refusal("unknown_auditor", "a deputy is somebody else")
    if until <= max(since, now):
        raise Refusal("invalid_time", "an absence ends after it begins, and not in the past")
    absence = Absence(user=user, deputy=deputy, since=since, until=until, entered_by=by, entered_at=now)
    session.add(absence)
    await session.flush()
    return absence


async def end_absence(session: AsyncSession, absence: Absence, *, by: str, now: datetime) -> None:
    """The user is back, or does not go; what was is kept."""
    absence.since, absence.until, absence.ended_by = min(absence.since, now), now, by
