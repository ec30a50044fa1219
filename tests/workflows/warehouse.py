"""Tasks of a warehouse under test, in the same house as orders."""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import func, select
from temporalio.testing import ActivityEnvironment

from activities.telling import Telling
from database import policies, upkeep
from database.counting import lines_of
from database.tables import CountLine, Movement, WarehouseTask
from domain.messages import Decided
from domain.policy import Timekeeper
from domain.stages import Action, Role
from domain.tasks import TaskKind, TaskStage
from tests.workflows.documents import Document
from tests.workflows.house import House

KEEPER, SUPERVISOR, BUYER = Role.WAREHOUSE_KEEPER, Role.SUPERVISOR, Role.BUYER


class Task(Document):
    async def row(self) -> WarehouseTask:
        async with self.house.sessions() as session:
            return await session.get_one(WarehouseTask, self.number)

    async def stage(self) -> TaskStage:
        return (await self.row()).stage

    async def alive(self) -> "Task":
        async def started() -> bool:
            return (await self.row()).started_at is not None

        await self.house.until(started)
        return self


class Count(Task):
    """A count under test; places and parts are what its lines are named by."""

    async def lines(self) -> dict[tuple[str, str], CountLine]:
        async with self.house.sessions() as session:
            return {(line.place, line.part): line for line in await lines_of(session, self.number)}

    async def count(
        self, counted: Mapping[tuple[str, str], int], by: str = "keeper", at: datetime | None = None
    ) -> Decided:
        lines = [
            {"place": place, "part": part, "quantity": quantity} | ({"counted_at": at.isoformat()} if at else {})
            for (place, part), quantity in counted.items()
        ]
        return await self.decide(Action.RECORD_COUNTS, KEEPER, by, lines=lines)

    async def finish(self, by: str = "keeper") -> Decided:
        return await self.decide(Action.FINISH_COUNT, KEEPER, by)

    async def explain(self, causes: Mapping[tuple[str, str], str]) -> Decided:
        lines = [
            {"place": place, "part": part, "cause": cause, "note": "seen"} for (place, part), cause in causes.items()
        ]
        return await self.decide(Action.EXPLAIN_DIFFERENCES, KEEPER, lines=lines)

    async def approve(self, by: str = "supervisor") -> Decided:
        return await self.decide(Action.APPROVE_ADJUSTMENT, SUPERVISOR, by)


async def time_of(house: House) -> Timekeeper:
    async with house.sessions() as session:
        return await policies.timekeeper(session, await policies.newest(session, house.policy.name))


async def due_work(house: House) -> list[str]:
    """What the scheduled look would begin now; brought to life."""
    time, now = await time_of(house), await house.now()
    async with house.sessions.begin() as session:
        begun = await upkeep.begin_due(session, "HZ1", time, now)
    await bring_to_life(house, begun)
    return begun


async def bring_to_life(house: House, numbers: list[str]) -> None:
    telling = Telling(house.sessions, house.client, house.settings.task_queue)
    await ActivityEnvironment().run(telling.begin_tasks, numbers)


async def begin_count(house: House, value_class: str) -> Count:
    time, now = await time_of(house), await house.now()
    async with house.sessions.begin() as session:
        [number] = await upkeep.begin_count(session, "HZ1", value_class, time, now, cause="test")
    await bring_to_life(house, [number])
    return Count(house, number)


async def tasks(house: House, kind: TaskKind) -> list[Task]:
    rows = await house.all(WarehouseTask, WarehouseTask.kind == kind)
    return [Task(house, row.number) for row in rows]


async def book(house: House, place: str, part: str) -> int:
    """What the ledger says now, by its movements alone."""
    async with house.sessions() as session:
        into = await session.scalar(
            select(func.coalesce(func.sum(Movement.quantity), 0)).where(Movement.target == place, Movement.part == part)
        )
        out = await session.scalar(
            select(func.coalesce(func.sum(Movement.quantity), 0)).where(Movement.source == place, Movement.part == part)
        )
    return int(into or 0) - int(out or 0)
