"""Tasks of the warehouse come into being: the row first, in the caller's transaction; the workflow second."""

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any

from sqlalchemy import exists, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from database.numbers import next_number
from database.steps import record
from database.tables import WarehouseTask
from domain.messages import TaskState
from domain.policy import Timekeeper
from domain.stages import Role
from domain.tasks import CLOCK_OF, FIRST, TaskKind


async def begin(
    session: AsyncSession,
    kind: TaskKind,
    warehouse: str,
    time: Timekeeper,
    at: datetime,
    *,
    cause: str,
    by: str = Role.SYSTEM,
    role: Role = Role.SYSTEM,
    subject: str = "",
    details: Mapping[str, Any] = MappingProxyType({}),
    due: datetime | None = None,
    told: tuple[tuple[str, Role], ...] = (),
) -> str | None:
    """Writes a task; its workflow is started by whoever asked for it. Returns its number, None if this `cause` has led
    to one before."""
    await session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(cause, 0))))
    if await session.scalar(select(exists().where(WarehouseTask.cause == cause))):
        return None
    stage = FIRST[kind]
    number = await next_number(session, "WT", at)
    state = TaskState(number=number, kind=kind, stage=stage, seq=0, wait=time.wait(CLOCK_OF[stage], at, due))
    task = WarehouseTask(
        number=number,
        kind=kind,
        warehouse=warehouse,
        subject=subject,
        cause=cause,
        created_at=at,
        stage=stage,
        policy_name=time.policy.name,
        policy_version=time.policy.version,
        log_head=b"",
    )
    record(
        session,
        task,
        action=f"begin_{kind}",
        at=at,
        by=by,
        role=role,
        from_stage="",
        details=dict(details),
        submission=None,
        state=state,
        told=told,
    )
    session.add(task)
    await session.flush()
    return number
