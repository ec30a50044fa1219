"""When a warehouse's tasks are due and begin: counts, rounds, proposals (policy 4.2.2, 4.2.3, 4.3.2)."""

from datetime import datetime, timedelta
from decimal import Decimal

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from database import counting, levels, tasks
from database.tables import Disposal, Part, Replenishment, WarehouseTask
from domain.levels import Excess, Way
from domain.policy import Timekeeper
from domain.stages import Role
from domain.tasks import TaskKind
from domain.working_time import Span


async def begin_due(session: AsyncSession, warehouse: str, time: Timekeeper, at: datetime) -> list[str]:
    """The counts of each class of parts and the round that are due in a warehouse (policy 4.2.2, 4.3.2). One that is
    still open is not followed by another; it escalates."""
    rules = time.policy.warehouse
    begun = []
    for value_class, every in sorted(rules.counting.every.items()):
        if (last := await _due(session, TaskKind.COUNT, warehouse, value_class, every, time, at)) is not None:
            begun += await begin_count(session, warehouse, value_class, time, at, cause=last)
    if (last := await _due(session, TaskKind.ROUND, warehouse, "", rules.rounds.every, time, at)) is not None:
        cause = f"round/{warehouse}/{last}"
        if number := await tasks.begin(session, TaskKind.ROUND, warehouse, time, at, cause=cause):
            begun.append(number)
    return begun


async def begin_count(
    session: AsyncSession,
    warehouse: str,
    value_class: str,
    time: Timekeeper,
    at: datetime,
    *,
    cause: str,
    by: str = Role.SYSTEM,
    role: Role = Role.SYSTEM,
) -> list[str]:
    """Begins a count of a class of parts, with everything it has to see; none where there is nothing to see."""
    if not await counting.seen(session, warehouse, value_class):
        return []
    number = await tasks.begin(
        session,
        TaskKind.COUNT,
        warehouse,
        time,
        at,
        cause=f"count/{warehouse}/{value_class}/{cause}",
        by=by,
        role=role,
        subject=value_class,
        told=(("count", Role.WAREHOUSE_KEEPER),),
    )
    if number is None:
        return []
    await counting.list_lines(session, number, warehouse, value_class)
    return [number]


async def _due(
    session: AsyncSession, kind: TaskKind, warehouse: str, subject: str, every: Span, time: Timekeeper, at: datetime
) -> str | None:
    """What the next task of this kind follows if it is due, `first` if nothing; None if it is not yet time."""
    newest = (
        select(WarehouseTask.number, WarehouseTask.created_at, WarehouseTask.ended_at)
        .where(WarehouseTask.kind == kind, WarehouseTask.warehouse == warehouse, WarehouseTask.subject == subject)
        .order_by(WarehouseTask.created_at.desc())
        .limit(1)
    )
    last = (await session.execute(newest)).one_or_none()
    if last is None:
        return "first"
    return last.number if last.ended_at is not None and time.after(last.created_at, every) <= at else None


async def propose(session: AsyncSession, warehouse: str, time: Timekeeper, at: datetime) -> list[str]:
    """Proposals for the parts of a warehouse (policy 4.2.3): one at a time for each. What was turned down is proposed
    again no sooner than the next week, too much of something no sooner than the next month."""
    begun = []
    day = time.today(at)
    for look in await levels.look(session, warehouse, time.policy, at):
        part = look.part.code
        if look.quantity and not await levels.is_open(session, TaskKind.REPLENISHMENT, warehouse, part):
            cause = f"buy/{warehouse}/{part}/{day:%G-%V}"
            number = await tasks.begin(
                session, TaskKind.REPLENISHMENT, warehouse, time, at, cause=cause, subject=part,
                told=(("replenishment", Role.BUYER),),
            )  # fmt: skip
            if number is not None:
                session.add(_replenishment(number, look, time))
                begun.append(number)
        if look.excess and not await levels.is_open(session, TaskKind.DISPOSAL, warehouse, part):
            cause = f"excess/{warehouse}/{part}/{day:%Y-%m}"
            number = await tasks.begin(session, TaskKind.DISPOSAL, warehouse, time, at, cause=cause, subject=part)
            if number is not None:
                session.add(await _disposal(session, number, look, look.excess, time, at))
                begun.append(number)
        await session.flush()
    return begun


def _replenishment(number: str, look: levels.Look, time: Timekeeper) -> Replenishment:
    level, days = look.level, time.policy.warehouse.levels.period_days
    return Replenishment(
        task=number,
        part=look.part.code,
        pattern=level.pattern,
        forecast=round(Decimal(level.forecast), 2),
        lead_days=round(Decimal(level.lead.mean * days), 2),
        safety_stock=level.safety_stock,
        reorder_point=level.reorder_point,
        up_to=level.up_to,
        position=look.position,
        quantity=look.quantity,
    )


async def _disposal(
    session: AsyncSession, number: str, look: levels.Look, excess: tuple[Excess, int], time: Timekeeper, at: datetime
) -> Disposal:
    why, pieces = excess
    place, free = max(look.free.items(), key=lambda each: (each[1], each[0]))
    since = at - timedelta(days=time.policy.warehouse.levels.returnable_days)
    if await levels.returnable(session, look.warehouse, look.part.code, since):
        way = Way.RETURN
    else:
        way = Way.SCRAP if why is Excess.DEAD else Way.PROMOTION
    value = (await session.execute(select(counting.unit_value()).where(Part.code == look.part.code))).scalar_one()
    return Disposal(
        task=number,
        part=look.part.code,
        place=place,
        excess=why,
        quantity=min(pieces, free),
        way=way,
        unit_value=value,
    )
