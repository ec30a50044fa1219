"""Where a document stands and what happened to it; the same for orders and purchase orders."""

from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Select, bindparam, case, literal, null, select
from sqlalchemy.ext.asyncio import AsyncSession

from database.absences import deputies_of
from database.documents import AnyDocument, table_of
from database.tables import EventLog, ReplacementOrder, Submission, UserAccount
from domain.documents import kind_of
from domain.messages import DocumentState
from domain.requests import SEALED
from domain.stages import Life, Role
from domain.waiting import Alarm, Clock, Wait

EVENTS_AT_ONCE = 500


class View(BaseModel):
    model_config = ConfigDict(frozen=True, from_attributes=True)


class WaitView(View):
    """What a document waits for, from whom, until when. `alarms` are what happens if nobody moves."""

    clock: Clock
    owner: Role
    caretaker: Role
    since: datetime
    due: datetime
    overdue: bool
    alarms: tuple[Alarm, ...]

    @classmethod
    def of(cls, wait: Wait | None, now: datetime) -> "WaitView | None":
        if wait is None:
            return None
        return cls(
            clock=wait.clock,
            owner=wait.owner,
            caretaker=wait.caretaker,
            since=wait.since,
            due=wait.due,
            overdue=wait.due < now,
            alarms=wait.alarms,
        )


@dataclass(frozen=True)
class Head:
    """A document's state, who must not audit it, and who acts for the auditor who holds it, if that one is away."""

    number: str
    life: Life
    state: DocumentState
    entered_by: str | None
    stand_ins: tuple[str, ...] = ()

    @property
    def ended(self) -> bool:
        return self.state.stage in self.life.ends


class Event(View):
    """One step of a document's life. `said` is what the person said with it, unless that is sealed."""

    document: str = Field(exclude=True)
    seq: int
    at: datetime
    action: str
    by: str
    by_name: str | None
    role: Role
    round: int
    from_stage: str
    to_stage: str
    details: dict[str, Any]
    said: dict[str, Any] | None


async def head(session: AsyncSession, life: Life, number: str) -> Head | None:
    """The document of this life with this number."""
    try:
        kind = kind_of(number)
    except LookupError:
        return None
    if kind.life is not life:
        return None
    found = (await session.execute(_head(table_of(kind)), {"number": number})).one_or_none()
    if found is None:
        return None
    return Head(number, life, kind.state.model_validate(found.state), found.entered_by, tuple(found.stand_ins or ()))


@cache
def _head(table: type[AnyDocument]) -> Select[*tuple[Any, ...]]:
    if table is ReplacementOrder:
        order = ReplacementOrder
        query: Select[*tuple[Any, ...]] = select(order.state, order.entered_by, deputies_of(order.auditor))
    else:
        query = select(table.state, null().label("entered_by"), null().label("stand_ins"))
    return query.where(table.number == bindparam("number"))


async def events(session: AsyncSession, number: str, *, after: int = -1, limit: int = EVENTS_AT_ONCE) -> list[Event]:
    """What happened after step `after`, oldest first."""
    return await _events(session, number, EventLog.seq > after, EventLog.seq, limit)


async def last_step(session: AsyncSession, number: str) -> Event:
    """What happened last."""
    [last] = await _events(session, number, literal(True), EventLog.seq.desc(), 1)
    return last


async def _events(session: AsyncSession, number: str, wanted: Any, order: Any, limit: int) -> list[Event]:
    found = await session.execute(_EVENTS.where(EventLog.document == number, wanted).order_by(order).limit(limit))
    return [Event.model_validate(row) for row in found]


_EVENTS: Final = (
    select(
        EventLog.document,
        EventLog.seq,
        EventLog.at,
        EventLog.action,
        EventLog.by,
        UserAccount.name.label("by_name"),
        EventLog.role,
        EventLog.round,
        EventLog.from_stage,
        EventLog.to_stage,
        EventLog.details,
        case((Submission.action.in_(SEALED), null()), else_=Submission.content).label("said"),
    )
    .outerjoin(UserAccount, UserAccount.code == EventLog.by)
    .outerjoin(Submission, Submission.id == EventLog.submission)
)
