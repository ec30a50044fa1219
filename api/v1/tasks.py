"""The warehouses' own tasks: counts, rounds, findings, proposals about stock levels (policy 4.1.2, 4.2.2–4.3.2)."""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Annotated, Final, Literal

import structlog
from fastapi import APIRouter, Depends, Path, Query
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import Response
from temporalio.service import RPCError

from api.auth import Principal, Signed, only
from api.dependencies import Database, House, IdempotencyKey, InHouse, Language, Now
from api.engine import decide, possible
from api.i18n import languages
from api.photos import ALONE
from api.printing import answer
from api.problems import Problem, responses
from api.reports import count_report
from api.v1.orders import DECIDING, CursorParameter, Limit, PossibleAction
from api.v1.photos import JPEG
from database import climate, levels, policies, upkeep
from database.climate import Measured
from database.reading import tasks, warehousing
from database.reading.documents import EVENTS_AT_ONCE, Event, Head, events
from database.reading.keyset import Page
from database.reading.photos import task_photo_bytes
from database.reading.tasks import TaskRow, TaskView, WantedTasks
from database.reading.warehousing import PlanView, SensorView
from database.tables import Warehouse, WarehouseTask
from domain.counting import StockAccuracy
from domain.levels import Excess, Pattern
from domain.messages import Decided, TaskState
from domain.stages import Action, Refusal, Role
from domain.task_decisions import TaskDecision
from domain.tasks import TASK, TaskKind
from domain.texts import Code
from runtime.temporal import start_document

router = APIRouter(tags=["warehouse tasks"])
Number = Annotated[str, Path(max_length=32, examples=["WT-20261123-00017"])]
PATIENCE: Final = 3.0
"""Seconds in which a workflow should start; the sweep starts those that don't."""

_log = structlog.stdlib.get_logger(__name__)


class TaskAnswer(TaskView):
    """A task, and what you may do to it now."""

    actions: tuple[PossibleAction, ...]


class CountWish(BaseModel):
    """A count besides its cycle."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    warehouse: Code
    value_class: Literal["A", "B", "C"]


class Begun(BaseModel):
    number: str


class Readings(BaseModel):
    """What sensors measured."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    readings: Annotated[tuple[Measured, ...], Field(min_length=1, max_length=500)]


class ReadingsTaken(BaseModel):
    """How many readings are new, were known, are out of range; and the findings they led to."""

    new: int
    known: int
    out_of_range: int
    findings: tuple[str, ...]


class LevelAnswer(BaseModel):
    """A part in a warehouse and what to keep of it; demand is pieces a period, the oldest first."""

    part: str
    name_en: str
    name_zh: str
    value_class: str
    pattern: Pattern
    demand: tuple[int, ...]
    forecast: float
    lead_days: float
    safety_stock: int
    reorder_point: int
    up_to: int
    most: int
    free: int
    position: int
    to_order: int
    excess: Excess | None
    too_many: int


@router.get("/tasks", responses=responses("not_logged_in", "invalid_cursor"))
async def list_tasks(
    session: Database,
    who: Signed,
    now: Now,
    kind: TaskKind | None = None,
    warehouse: Annotated[str | None, Query(max_length=32)] = None,
    mine: Annotated[bool, Query(description="Those that wait for one of your roles.")] = False,
    overdue: bool = False,
    open: bool = False,  # noqa: A002
    limit: Limit = 50,
    cursor: CursorParameter = None,
) -> Page[TaskRow]:
    """Newest first."""
    wanted = WantedTasks(kind, warehouse, overdue, open, who.roles if mine else ())
    return await tasks.list_tasks(session, wanted, now=now, limit=limit, cursor=cursor)


@router.get("/tasks/{number}", responses=responses("not_logged_in", "not_found"))
async def get_task(session: Database, who: Signed, now: Now, number: Number) -> TaskAnswer:
    """What the books say of a count's line is there once the line is counted to the end, for nobody before."""
    view = await tasks.task_view(session, number, now, blind=who.counts)
    if view is None:
        raise Problem("not_found")
    actions = tuple(PossibleAction(action=action, role=role) for action, role in possible(who, task_head(view)))
    return TaskAnswer.model_construct(**dict(view), actions=actions)


@router.get("/tasks/{number}/events", responses=responses("not_logged_in", "not_found"))
async def list_task_events(
    session: Database,
    who: Signed,
    now: Now,
    number: Number,
    after: Annotated[int, Query(ge=-1, le=2**31 - 1, description="`seq` of the last event seen.")] = -1,
    limit: Annotated[int, Query(ge=1, le=EVENTS_AT_ONCE)] = EVENTS_AT_ONCE,
) -> list[Event]:
    """What happened, oldest first. What others counted is not told here: who counts again must not know; nor are
    pieces of parts that are being counted."""
    view = await tasks.task_view(session, number, now, blind=who.counts)
    if view is None:
        raise Problem("not_found")
    found = await events(session, number, after=after, limit=limit)
    return [unsaid(event, view) for event in found]


@router.post("/tasks/{number}/decisions", responses=DECIDING)
async def decide_task(
    house: InHouse,
    session: Database,
    who: Signed,
    key: IdempotencyKey,
    now: Now,
    number: Number,
    decision: TaskDecision,
) -> Decided:
    """Takes a decision; the answer says where the task stands afterwards."""
    return await decide(house, session, who, TASK, number, decision, key=key, now=now)


@router.get(
    "/tasks/{number}/report.pdf",
    response_class=Response,
    responses={200: {"content": {"application/pdf": {}}}, **responses("not_logged_in", "not_found")},
)
async def print_count_report(
    house: InHouse, session: Database, who: Signed, now: Now, language: Language, number: Number
) -> Response:
    """The report of a count (policy 4.2.2); while it is open, of the lines that are counted to the end."""
    view = await tasks.task_view(session, number, now)
    if view is None or view.kind is not TaskKind.COUNT:
        raise Problem("not_found")
    policy = await policies.load(session, view.policy_name, view.policy_version)
    words = languages(house.settings.time_zone)[language]
    sheet = count_report(view, policy.warehouse.counting.tolerance, words)
    await session.commit()
    return await answer(sheet, words)


@router.get("/tasks/{number}/photos/{photo}", responses={**responses("not_logged_in", "not_found"), **JPEG})
async def get_task_photo(
    session: Database, who: Signed, number: Number, photo: str, small: bool = False
) -> Response:  # fmt: skip
    """A photo of a round or of what was put right."""
    found = await task_photo_bytes(session, number, photo, small=small)
    if found is None:
        raise Problem("not_found")
    return Response(found, media_type="image/jpeg", headers=ALONE)


@router.post(
    "/counts",
    status_code=201,
    responses=responses(
        "idempotency_key_missing",
        "not_logged_in",
        "role_forbidden",
        "csrf_failed",
        "unknown_warehouse",
        "nothing_to_count",
        "count_open",
    ),
)
async def begin_count(
    house: InHouse,
    session: Database,
    who: Signed,
    role: Annotated[Role, Depends(only(Role.SUPERVISOR))],
    key: IdempotencyKey,
    now: Now,
    wish: CountWish,
) -> Begun:
    """Begins a count of a class of parts now (policy 4.2.2). The same key gives the same count."""
    return Begun(number=await count_now(house, session, who, role, wish, key=key, now=now))


@router.post(
    "/readings",
    status_code=202,
    responses=responses(
        "not_logged_in", "role_forbidden", "csrf_failed", "unknown_sensor", "invalid_time", "invalid_request"
    ),
)
async def take_readings(
    house: InHouse,
    session: Database,
    who: Signed,
    role: Annotated[Role, Depends(only(Role.SYSTEM, Role.WAREHOUSE_KEEPER))],
    now: Now,
    said: Readings,
) -> ReadingsTaken:
    """Takes readings of temperature and humidity (policy 4.1.2). Each is kept once for its sensor and instant, so they
    may be sent again. One out of range sends the free stock of its place to inspection."""
    policy = await policies.newest(session, house.settings.policy)
    time = await policies.timekeeper(session, policy)
    taken = await climate.take(session, said.readings, time, who.code, now)
    await bring_to_life(house, session, taken.findings)
    return ReadingsTaken(
        new=taken.new, known=taken.known, out_of_range=taken.out_of_range, findings=tuple(taken.findings)
    )


@router.get("/sensors", responses=responses("not_logged_in"))
async def list_sensors(
    session: Database, who: Signed, warehouse: Annotated[str | None, Query(max_length=32)] = None
) -> list[SensorView]:
    """Every sensor with its newest reading (policy 4.1.2)."""
    return await warehousing.sensors(session, warehouse)


@router.get("/levels", responses=responses("not_logged_in", "role_forbidden", "unknown_warehouse"))
async def list_levels(
    house: InHouse,
    session: Database,
    role: Annotated[Role, Depends(only(Role.BUYER, Role.SUPERVISOR))],
    now: Now,
    warehouse: Annotated[str, Query(max_length=32)],
    after: Annotated[str, Query(max_length=64, description="The last part seen.")] = "",
    limit: Limit = 50,
) -> list[LevelAnswer]:
    """What to keep of each part (policy 4.2.3), by part; those whose history is too short to tell are left out."""
    if await session.get(Warehouse, warehouse) is None:
        raise Refusal("unknown_warehouse", f"there is no warehouse {warehouse}")
    policy = await policies.newest(session, house.settings.policy)
    looks = await levels.look(session, warehouse, policy, now, after=after, limit=limit)
    days = policy.warehouse.levels.period_days
    return [
        LevelAnswer(
            part=look.part.code,
            name_en=look.part.name_en,
            name_zh=look.part.name_zh,
            value_class=look.part.value_class,
            pattern=look.level.pattern,
            demand=tuple(look.demand),
            forecast=round(look.level.forecast, 3),
            lead_days=round(look.level.lead.mean * days, 2),
            safety_stock=look.level.safety_stock,
            reorder_point=look.level.reorder_point,
            up_to=look.level.up_to,
            most=look.level.most,
            free=sum(look.free.values()),
            position=look.position,
            to_order=look.quantity,
            excess=look.excess[0] if look.excess else None,
            too_many=look.excess[1] if look.excess else 0,
        )
        for look in looks
    ]


@router.get("/stock-accuracy", responses=responses("not_logged_in", "role_forbidden"))
async def get_stock_accuracy(
    house: InHouse,
    session: Database,
    role: Annotated[Role, Depends(only(Role.SUPERVISOR))],
    now: Now,
    days: Annotated[int, Query(ge=1, le=3660)] = 365,
    warehouse: Annotated[str | None, Query(max_length=32)] = None,
) -> StockAccuracy | None:
    """Stock accuracy 库存准确率 of the counts that ended in the last days (policy 7.2.1); null if none did."""
    policy = await policies.newest(session, house.settings.policy)
    since = now - timedelta(days=days)
    return await warehousing.accuracy(session, policy.warehouse.counting.tolerance, since, now, warehouse)


@router.get("/emergency-plans", responses=responses("not_logged_in"))
async def list_emergency_plans(session: Database, who: Signed) -> list[PlanView]:
    """What to do when it burns, leaks or is broken into (policy 4.3.1)."""
    return await warehousing.plans(session)


def unsaid(event: Event, view: TaskView) -> Event:
    """A step without what nobody who counts may know of it."""
    if view.counting:
        return event.model_copy(update={"said": None, "details": {}})
    return event.model_copy(update={"said": None}) if event.action == Action.RECORD_COUNTS else event


def task_head(view: TaskView) -> Head:
    return Head(view.number, TASK, view.state, None)


async def count_now(
    house: House, session: AsyncSession, who: Principal, role: Role, wish: CountWish, *, key: str, now: datetime
) -> str:
    """Raises Refusal `unknown_warehouse`, `count_open`, `nothing_to_count`."""
    if await session.get(Warehouse, wish.warehouse) is None:
        raise Refusal("unknown_warehouse", f"there is no warehouse {wish.warehouse}")
    cause = f"{who.code}/{key}"[:80]
    known = select(WarehouseTask.number).where(
        WarehouseTask.cause == f"count/{wish.warehouse}/{wish.value_class}/{cause}"
    )
    if number := await session.scalar(known):
        return number
    if await levels.is_open(session, TaskKind.COUNT, wish.warehouse, wish.value_class):
        raise Refusal("count_open", f"a count of class {wish.value_class} in {wish.warehouse} is open")
    time = await policies.timekeeper(session, await policies.newest(session, house.settings.policy))
    begun = await upkeep.begin_count(
        session, wish.warehouse, wish.value_class, time, now, cause=cause, by=who.code, role=role
    )
    if not begun:
        raise Refusal("nothing_to_count", f"there are no parts of class {wish.value_class} in {wish.warehouse}")
    await bring_to_life(house, session, begun)
    return begun[0]


async def bring_to_life(house: House, session: AsyncSession, numbers: Sequence[str]) -> None:
    """Commits tasks that were just written and starts their workflows; the sweep starts those that could not be."""
    await session.commit()
    rows = await session.execute(
        select(WarehouseTask.number, WarehouseTask.state).where(
            WarehouseTask.number.in_(numbers), WarehouseTask.started_at.is_(None)
        )
    )
    for number, state in rows.all():
        try:
            async with asyncio.timeout(PATIENCE):
                await start_document(house.temporal, house.settings.task_queue, TaskState.model_validate(state))
        except (RPCError, RuntimeError, TimeoutError) as error:
            _log.warning("workflow not started yet", task=number, error=type(error).__name__)
            continue
        await session.execute(
            update(WarehouseTask)
            .where(WarehouseTask.number == number, WarehouseTask.started_at.is_(None))
            .values(started_at=func.now())
        )
    await session.commit()
