"""Lists of orders: whose work it is, where they stand, what was searched for; and how many are open."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import partial
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    FromClause,
    Select,
    SQLColumnExpression,
    and_,
    column,
    false,
    func,
    or_,
    select,
    text,
    true,
    tuple_,
    values,
)
from sqlalchemy.ext.asyncio import AsyncSession

from database.reading.documents import View
from database.reading.keyset import Cursor, Page
from database.tables import Absence, Channel, Customer, ProductModel, ReplacementOrder, ServiceCentre
from domain.numbers import is_well_formed
from domain.stages import ENDS, OPEN, Role, Stage
from domain.waiting import Clock

_O: Final = ReplacementOrder
_NOT_ENDED: Final = _O.ended_at.is_(None)
_Conditions = Sequence[ColumnElement[bool]]

_HEAD_OFFICE: Final = frozenset({Role.BUYER, Role.SUPERVISOR, Role.ADMINISTRATOR})
"""Roles whose work is not divided among the service centres."""

_TRIGRAM: Final = 3


@dataclass(frozen=True)
class Desk:
    """Whose work is looked for. Who acts for somebody who is away has that one's audits too."""

    user: str
    roles: tuple[Role, ...]
    service_centre: str


class Audits(StrEnum):
    """Some of the audits on a desk: those nobody has taken, and those somebody handed on to me."""

    UNCLAIMED = "unclaimed"
    HANDED = "handed"


@dataclass(frozen=True)
class Wanted:
    """Which orders a list shows. `desk` leaves those that wait for somebody's work."""

    stage: Stage | None = None
    overdue: bool = False
    text: str = ""
    service_centre: str | None = None
    desk: Desk | None = None
    audits: Audits | None = None


class OrderRow(View):
    """An order in a list."""

    number: str
    stage: Stage
    round: int
    urgent: bool
    channel: Channel
    created_at: datetime
    ended_at: datetime | None
    outcome: str | None
    service_centre: str
    customer_name: str
    product: str
    model: str | None
    model_name_en: str | None
    model_name_zh: str | None
    wait_clock: Clock | None
    wait_owner: Role | None
    wait_since: datetime | None
    wait_due: datetime | None
    overdue: bool


class Counts(View):
    """How many open orders there are: at each stage, and past their due instant."""

    stages: dict[Stage, int]
    overdue: int
    mine: int


async def list_orders(
    session: AsyncSession, wanted: Wanted, *, now: datetime, limit: int = 50, cursor: str | None = None
) -> Page[OrderRow]:
    """Work by due instant, most urgent first; anything else newest first. Raises Refusal `invalid_cursor`."""
    sort, found = _way(wanted)
    keys = found(wanted, now, Cursor.read(cursor, sort), limit + 1).subquery()
    if wanted.text:  # rare words come from the text's index, common ones from the list's: the planner must see which
        await session.execute(text("set local plan_cache_mode = force_custom_plan"))
    rows = (await session.execute(_rows(keys, now, descending=sort != "due"))).all()
    items = [OrderRow.model_validate(row) for row in rows[:limit]]
    if len(rows) <= limit:
        return Page(items=items, next=None)
    return Page(items=items, next=str(Cursor(sort=sort, at=rows[limit - 1].sort_at, number=items[-1].number)))


async def counts(session: AsyncSession, desk: Desk, now: datetime) -> Counts:
    """How many open orders there are, and how many of them wait for this desk."""
    mine = and_(_O.wait_caretaker.in_(desk.roles), _at_place(_O.wait_caretaker, _O.service_centre, desk), *_free(desk))
    found = await session.execute(
        select(
            _O.stage,
            func.count().label("all"),
            func.count().filter(_O.wait_due < now).label("overdue"),
            func.count().filter(mine).label("mine"),
        )
        .where(_O.stage.in_(OPEN))
        .group_by(_O.stage)
    )
    rows = found.all()
    return Counts(
        stages={row.stage: row.all for row in rows},
        overdue=sum(row.overdue for row in rows),
        mine=sum(row.mine for row in rows),
    )


_Finding = Callable[[Wanted, datetime, Cursor | None, int], Select[*tuple[Any, ...]]]


def _way(wanted: Wanted) -> tuple[str, _Finding]:
    """How the list is sorted, and what finds its next rows."""
    if wanted.desk:
        return "due", partial(_of_desk, wanted.desk)
    if wanted.stage in ENDS:
        return "ended", _ended
    return ("due", _by_due) if wanted.overdue or wanted.stage else ("new", _newest)


def _newest(wanted: Wanted, now: datetime, last: Cursor | None, limit: int) -> Select[*tuple[Any, ...]]:
    before = (tuple_(_O.created_at, _O.number) < (last.at, last.number),) if last else ()
    return (
        select(_O.number, _O.created_at.label("sort_at"))
        .where(*_filters(wanted, now), *before)
        .order_by(_O.created_at.desc(), _O.number.desc())
        .limit(limit)
    )


def _ended(wanted: Wanted, now: datetime, last: Cursor | None, limit: int) -> Select[*tuple[Any, ...]]:
    """Orders at an end wait for nothing, so the index by stage and due instant has them in order of their number; that
    it does is only seen if the due instant is sorted by as well."""
    before = (_O.number < last.number,) if last else ()
    return (
        select(_O.number, _O.wait_due.label("sort_at"))
        .where(_O.wait_due.is_(None), *_filters(wanted, now), *before)
        .order_by(_O.wait_due.desc(), _O.number.desc())
        .limit(limit)
    )


def _by_due(wanted: Wanted, now: datetime, last: Cursor | None, limit: int) -> Select[*tuple[Any, ...]]:
    """Straight from an index: those of one stage, or all that are open."""
    after = (tuple_(_O.wait_due, _O.number) > (last.at, last.number),) if last else ()
    return (
        select(_O.number, _O.wait_due.label("sort_at"))
        .where(*(() if wanted.stage else (_NOT_ENDED,)), _O.wait_due.is_not(None), *_filters(wanted, now), *after)
        .order_by(_O.wait_due, _O.number)
        .limit(limit)
    )


def _of_desk(desk: Desk, wanted: Wanted, now: datetime, last: Cursor | None, limit: int) -> Select[*tuple[Any, ...]]:
    """The first of each role and service centre, straight from their index, and of those the first."""
    keys = _desk_keys(desk)
    first = (
        _by_due(wanted, now, last, limit)
        .where(_NOT_ENDED, _O.wait_caretaker == keys.c.role, _O.service_centre == keys.c.code, *_free(desk))
        .lateral("first")
    )
    return (
        select(first.c.number, first.c.sort_at)
        .select_from(keys)
        .join(first, true())
        .order_by(first.c.sort_at, first.c.number)
        .limit(limit)
    )


def _desk_keys(desk: Desk) -> FromClause:
    roles = values(column("role", _O.wait_caretaker.type), name="roles").data([(role,) for role in desk.roles])
    here = _at_place(roles.c.role, ServiceCentre.code, desk)
    return select(roles.c.role, ServiceCentre.code).join(ServiceCentre, here).subquery("desks")


def _at_place(role: SQLColumnExpression[Any], centre: SQLColumnExpression[Any], desk: Desk) -> ColumnElement[bool]:
    return or_(centre == desk.service_centre, role.in_(_HEAD_OFFICE))


def _free(desk: Desk) -> _Conditions:
    """No work that is somebody else's."""
    return (
        or_(_O.wait_caretaker != Role.TECHNICIAN, _O.technician.is_(None), _O.technician == desk.user),
        or_(_O.auditor.is_(None), _O.auditor == desk.user, _O.auditor.in_(_away(desk.user))),
    )


def _away(deputy: str) -> Select[*tuple[Any, ...]]:
    """Whom this user acts for now."""
    return select(Absence.user).where(Absence.deputy == deputy, Absence.since <= func.now(), Absence.until > func.now())


def _filters(wanted: Wanted, now: datetime) -> _Conditions:
    found: list[ColumnElement[bool]] = []
    if wanted.audits is Audits.UNCLAIMED:
        found += [_O.stage == Stage.AUDIT, _O.auditor.is_(None)]
    if wanted.audits is Audits.HANDED:
        found += [_O.stage == Stage.AUDIT, _O.handed_by.is_not(None), _O.auditor.is_not(None)]
    if wanted.stage:
        found.append(_O.stage == wanted.stage)
    if wanted.overdue:
        found.append(_O.wait_due < now)
    if wanted.service_centre:
        found.append(_O.service_centre == wanted.service_centre)
    if words := wanted.text.strip().lower():
        found.append(_matches(words))
    return found


def _matches(words: str) -> ColumnElement[bool]:
    """A number in full, or a piece of what an order is searched by; one too short for the index begins a word."""
    if is_well_formed(words.upper()):
        return _O.number == words.upper()
    if len(words) < _TRIGRAM:
        return _O.search_text.contains(f" {words}", autoescape=True)
    return _O.search_text.contains(words, autoescape=True)


def _rows(keys: FromClause, now: datetime, *, descending: bool) -> Select[*tuple[Any, ...]]:
    order = (keys.c.sort_at.desc(), keys.c.number.desc()) if descending else (keys.c.sort_at, keys.c.number)
    return (
        select(
            _O.number,
            _O.stage,
            _O.round,
            _O.urgent,
            _O.channel,
            _O.created_at,
            _O.ended_at,
            _O.outcome,
            _O.service_centre,
            Customer.name.label("customer_name"),
            _O.product,
            _O.model,
            ProductModel.name_en.label("model_name_en"),
            ProductModel.name_zh.label("model_name_zh"),
            _O.wait_clock,
            _O.wait_owner,
            _O.wait_since,
            _O.wait_due,
            func.coalesce(_O.wait_due < now, false()).label("overdue"),
            keys.c.sort_at,
        )
        .select_from(keys)
        .join(_O, _O.number == keys.c.number)
        .join(Customer, Customer.id == _O.customer)
        .outerjoin(ProductModel, ProductModel.code == _O.model)
        .order_by(*order)
    )
