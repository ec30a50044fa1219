"""Lists of the warehouses' tasks, and one with all it is about (policy 4.1.2, 4.2.2–4.3.2).

What the books say of a line leaves this module only once the line is counted to the end: nobody who counts, or counts
again, is told, nor by another task about that part (policy 4.2.2).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from pydantic import Field
from sqlalchemy import ColumnElement, Select, and_, false, func, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from database.climate import set_apart
from database.reading.blindness import counted_in
from database.reading.documents import View, WaitView
from database.reading.keyset import Cursor, Page
from database.tables import (
    CountEntry,
    CountLine,
    Disposal,
    Finding,
    FoundBy,
    Part,
    Photo,
    Replenishment,
    RoundAnswer,
    UserAccount,
    Warehouse,
    WarehouseTask,
)
from domain.counting import Cause, CountState
from domain.levels import Excess, Pattern, Way
from domain.messages import TaskState
from domain.stages import Role
from domain.tasks import TaskKind, TaskStage
from domain.waiting import Clock
from domain.warehouse_rules import Topic

_T: Final = WarehouseTask
_TO_COUNT: Final = (CountState.OPEN, CountState.RECOUNT)


@dataclass(frozen=True)
class WantedTasks:
    """Which tasks a list shows; `roles` leaves those that wait for one of them, of a service centre if one is said."""

    kind: TaskKind | None = None
    warehouse: str | None = None
    overdue: bool = False
    open: bool = False
    roles: tuple[Role, ...] = ()
    service_centre: str | None = None


class TaskRow(View):
    """A task in a list. `subject` is a class of parts, an item of a check list, a part, a place or a sensor."""

    number: str
    kind: TaskKind
    stage: TaskStage
    warehouse: str
    warehouse_name_en: str
    warehouse_name_zh: str
    subject: str
    part_name_en: str | None
    part_name_zh: str | None
    created_at: datetime
    ended_at: datetime | None
    wait_clock: Clock | None
    wait_owner: Role | None
    wait_due: datetime | None
    overdue: bool


class CountLineView(View):
    """A line of a count. `said` is what was counted in the attempt that is not finished yet; `book`, `quantity` and
    what follows from them are there once the line is counted to the end."""

    place: str
    part: str
    name_en: str
    name_zh: str
    specification: str
    unit: str
    value_class: str
    state: CountState
    attempts: int
    said: int | None
    book: int | None
    quantity: int | None
    difference: int | None
    unit_value: Decimal | None
    cause: Cause | None
    note: str
    serials: tuple[str, ...]


class Answer(View):
    """What a round saw of an item of its check list."""

    item: str
    sound: bool
    note: str
    finding: str | None


class FindingView(View):
    """`apart` are the pieces that were set apart and still lie there, by part; `reserved_orders` those whose pieces lay
    where the air was wrong."""

    found_by: FoundBy
    topic: Topic
    round: str | None
    place: str | None
    sensor: str | None
    owner: str | None
    owner_name: str | None
    note: str
    measured: Mapping[str, Any]
    reserved_orders: tuple[str, ...]
    apart: Mapping[str, int]


class ReplenishmentView(View):
    part: str
    name_en: str
    name_zh: str
    pattern: Pattern
    forecast: Decimal
    lead_days: Decimal
    safety_stock: int
    reorder_point: int
    up_to: int
    position: int
    quantity: int
    supplier: str | None
    purchase_order: str | None
    reason: str


class DisposalView(View):
    """`loss` is what the pieces disposed of were worth by the books, less what was got for them."""

    part: str
    name_en: str
    name_zh: str
    place: str
    excess: Excess
    quantity: int
    way: Way
    unit_value: Decimal
    disposed: int
    proceeds: Decimal
    reason: str

    @property
    def loss(self) -> Decimal:
        return self.unit_value * self.disposed - self.proceeds


class TaskView(View):
    """One task, and what it is about: the lines of a count, the answers of a round, a finding, a proposal."""

    number: str
    kind: TaskKind
    stage: TaskStage
    seq: int
    warehouse: str
    warehouse_name_en: str
    warehouse_name_zh: str
    subject: str
    created_at: datetime
    ended_at: datetime | None
    policy_name: str
    policy_version: int
    state: TaskState = Field(exclude=True)
    wait: WaitView | None
    lines: tuple[CountLineView, ...] = ()
    answers: tuple[Answer, ...] = ()
    finding: FindingView | None = None
    replenishment: ReplenishmentView | None = None
    disposal: DisposalView | None = None
    counting: bool = Field(False, description="What it says of pieces is left out for those who count them now.")
    photos: Mapping[int, tuple[str, ...]] = Field({}, description="Ids of photos by the step they came with.")


async def list_tasks(
    session: AsyncSession, wanted: WantedTasks, *, now: datetime, limit: int = 50, cursor: str | None = None
) -> Page[TaskRow]:
    """Newest first. Raises Refusal `invalid_cursor`."""
    last = Cursor.read(cursor, "new")
    before = (tuple_(_T.created_at, _T.number) < (last.at, last.number),) if last else ()
    rows = (
        await session.execute(
            _rows(now)
            .where(*_filters(wanted, now), *before)
            .order_by(_T.created_at.desc(), _T.number.desc())
            .limit(limit + 1)
        )
    ).all()
    items = [TaskRow.model_validate(row) for row in rows[:limit]]
    if len(rows) <= limit:
        return Page(items=items, next=None)
    return Page(items=items, next=str(Cursor(sort="new", at=items[-1].created_at, number=items[-1].number)))


async def count_mine(session: AsyncSession, roles: tuple[Role, ...], service_centre: str) -> int:
    """How many tasks wait for somebody with these roles in a service centre."""
    return (
        await session.scalar(
            select(func.count())
            .select_from(_T)
            .join(Warehouse, Warehouse.code == _T.warehouse)
            .where(
                _T.wait_caretaker.in_(roles), _T.ended_at.is_(None), Warehouse.service_centre == service_centre
            )
        )
        or 0
    )  # fmt: skip


async def task_view(session: AsyncSession, number: str, now: datetime, *, blind: bool = False) -> TaskView | None:
    """The task with this number. What it says of parts that are being counted is left out for `blind` readers."""
    found = (
        await session.execute(
            select(_T, Warehouse).join(Warehouse, Warehouse.code == _T.warehouse).where(_T.number == number)
        )
    ).one_or_none()
    if found is None:
        return None
    task, warehouse = found.WarehouseTask, found.Warehouse
    state = TaskState.model_validate(task.state)
    hidden = await _hidden(session, task) if blind else frozenset()
    return TaskView(
        number=task.number,
        kind=task.kind,
        stage=task.stage,
        seq=task.seq,
        warehouse=warehouse.code,
        warehouse_name_en=warehouse.name_en,
        warehouse_name_zh=warehouse.name_zh,
        subject=task.subject,
        created_at=task.created_at,
        ended_at=task.ended_at,
        policy_name=task.policy_name,
        policy_version=task.policy_version,
        state=state,
        wait=WaitView.of(state.wait, now),
        photos=await _photos(session, number),
        counting=bool(hidden),
        **await _about(session, task, hidden),
    )


async def _hidden(session: AsyncSession, task: WarehouseTask) -> frozenset[str]:
    """The parts that are being counted and of which a task tells how many the books have."""
    parts: set[str] = set()
    if task.kind in (TaskKind.REPLENISHMENT, TaskKind.DISPOSAL):
        parts = {task.subject}
    elif task.kind is TaskKind.FINDING:
        parts = set(await set_apart(session, task.number))
    return await counted_in(session, task.warehouse, parts) if parts else frozenset()


async def _about(session: AsyncSession, task: WarehouseTask, hidden: frozenset[str]) -> dict[str, Any]:
    match task.kind:
        case TaskKind.COUNT:
            return {"lines": await count_lines(session, task.number)}
        case TaskKind.ROUND:
            return {"answers": await _answers(session, task.number)}
        case TaskKind.FINDING:
            return {"finding": await _finding(session, task.number, hidden)}
        case _ if hidden:
            return {}
        case TaskKind.REPLENISHMENT:
            return {"replenishment": await _of_part(session, Replenishment, ReplenishmentView, task.number)}
        case TaskKind.DISPOSAL:
            return {"disposal": await _of_part(session, Disposal, DisposalView, task.number)}


async def count_lines(session: AsyncSession, number: str) -> tuple[CountLineView, ...]:
    """The lines of a count in the order of a walk, those not counted to the end without what the books say."""
    attempts = select(func.count()).where(CountEntry.line == CountLine.id, CountEntry.book.is_not(None))
    said = select(CountEntry.quantity).where(CountEntry.line == CountLine.id, CountEntry.book.is_(None))
    rows = await session.execute(
        select(CountLine, Part, attempts.scalar_subquery().label("attempts"), said.scalar_subquery().label("said"))
        .join(Part, Part.code == CountLine.part)
        .where(CountLine.task == number)
        .order_by(CountLine.place, CountLine.part)
    )
    return tuple(_line(row.CountLine, row.Part, row.attempts, row.said) for row in rows)


def _line(line: CountLine, part: Part, attempts: int, said: int | None) -> CountLineView:
    over = line.state not in _TO_COUNT and line.book is not None and line.quantity is not None
    return CountLineView(
        place=line.place,
        part=line.part,
        name_en=part.name_en,
        name_zh=part.name_zh,
        specification=part.specification,
        unit=part.unit,
        value_class=line.value_class,
        state=line.state,
        attempts=attempts,
        said=None if over else said,
        book=line.book if over else None,
        quantity=line.quantity if over else None,
        difference=(line.quantity or 0) - (line.book or 0) if over else None,
        unit_value=line.unit_value if over else None,
        cause=line.cause,
        note=line.note,
        serials=tuple(line.serials),
    )


async def _answers(session: AsyncSession, number: str) -> tuple[Answer, ...]:
    finding = (
        select(Finding.task)
        .join(_T, _T.number == Finding.task)
        .where(Finding.round == RoundAnswer.task, _T.subject == RoundAnswer.item)
        .scalar_subquery()
    )
    rows = await session.execute(
        select(RoundAnswer.item, RoundAnswer.sound, RoundAnswer.note, finding.label("finding")).where(
            RoundAnswer.task == number
        )
    )
    return tuple(Answer.model_validate(row) for row in rows)


async def _finding(session: AsyncSession, number: str, hidden: frozenset[str]) -> FindingView:
    found = await session.execute(
        select(Finding, UserAccount.name)
        .outerjoin(UserAccount, UserAccount.code == Finding.owner)
        .where(Finding.task == number)
    )
    row, owner = found.one()
    measured = {name: row.details[name] for name in _MEASURED if name in row.details}
    return FindingView(
        found_by=row.found_by,
        topic=row.topic,
        round=row.round,
        place=row.place,
        sensor=row.sensor,
        owner=row.owner,
        owner_name=owner,
        note=row.note,
        measured=measured,
        reserved_orders=tuple(row.details.get("reserved_orders", ())),
        apart={part: pieces for part, pieces in (await set_apart(session, number)).items() if part not in hidden},
    )


_MEASURED: Final = ("at", "temperature", "humidity", "out_of_range", "last_at")


async def _of_part(
    session: AsyncSession, table: type[Replenishment] | type[Disposal], view: type[View], number: str
) -> View:
    row = (
        await session.execute(
            select(*table.__table__.columns, Part.name_en, Part.name_zh)
            .join(Part, Part.code == table.part)
            .where(table.task == number)
        )
    ).one()
    return view.model_validate(row)


async def _photos(session: AsyncSession, number: str) -> dict[int, tuple[str, ...]]:
    rows = await session.execute(
        select(Photo.seq, Photo.id).where(Photo.task == number).order_by(Photo.seq, Photo.place)
    )
    found: dict[int, tuple[str, ...]] = {}
    for seq, photo in rows:
        assert seq is not None
        found[seq] = (*found.get(seq, ()), photo)
    return found


def _filters(wanted: WantedTasks, now: datetime) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if wanted.kind:
        found.append(_T.kind == wanted.kind)
    if wanted.warehouse:
        found.append(_T.warehouse == wanted.warehouse)
    if wanted.open:
        found.append(_T.ended_at.is_(None))
    if wanted.overdue:
        found.append(and_(_T.wait_due < now, _T.ended_at.is_(None)))
    if wanted.roles:
        found.append(and_(_T.wait_caretaker.in_(wanted.roles), _T.ended_at.is_(None)))
    if wanted.service_centre:
        found.append(Warehouse.service_centre == wanted.service_centre)
    return found


def _rows(now: datetime) -> Select[*tuple[Any, ...]]:
    return (
        select(
            _T.number,
            _T.kind,
            _T.stage,
            _T.warehouse,
            Warehouse.name_en.label("warehouse_name_en"),
            Warehouse.name_zh.label("warehouse_name_zh"),
            _T.subject,
            Part.name_en.label("part_name_en"),
            Part.name_zh.label("part_name_zh"),
            _T.created_at,
            _T.ended_at,
            _T.wait_clock,
            _T.wait_owner,
            _T.wait_due,
            func.coalesce(_T.wait_due < now, false()).label("overdue"),
        )
        .join(Warehouse, Warehouse.code == _T.warehouse)
        .outerjoin(Part, Part.code == _T.subject)
    )
