"""Auditors' absences as the pages and the API show them (policy 2.3)."""

from datetime import datetime

from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from database.reading.documents import View
from database.tables import Absence, UserAccount


class AbsenceView(View):
    """An auditor who is or will be away, and who acts for them meanwhile."""

    id: int
    user: str
    user_name: str
    deputy: str
    deputy_name: str
    since: datetime
    until: datetime
    entered_by_name: str


async def absences(session: AsyncSession, now: datetime, user: str | None = None) -> list[AbsenceView]:
    """Absences that are not over, the next first; those of one user, or where they are the deputy."""
    away, deputy, by = aliased(UserAccount), aliased(UserAccount), aliased(UserAccount)
    rows = (
        select(
            Absence.id,
            Absence.user,
            away.name.label("user_name"),
            Absence.deputy,
            deputy.name.label("deputy_name"),
            Absence.since,
            Absence.until,
            by.name.label("entered_by_name"),
        )
        .join(away, away.code == Absence.user)
        .join(deputy, deputy.code == Absence.deputy)
        .join(by, by.code == Absence.entered_by)
        .where(Absence.until > now)
        .order_by(Absence.since, Absence.id)
    )
    if user:
        rows = rows.where(or_(Absence.user == user, Absence.deputy == user))
    return [AbsenceView.model_validate(row) for row in await session.execute(rows)]
