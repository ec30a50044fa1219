"""The pages of the warehouses' tasks in a real browser: counts, rounds, findings, proposals, levels."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from database import climate, policies, stock, tasks, upkeep
from database.climate import Measured
from database.counting import lines_of
from database.tables import MovementReason, Stock, WarehouseTask
from domain.stages import Action
from domain.tasks import TaskKind
from tests.browser.conftest import Look, Shop, faulty
from tests.pages.cases import Cases
from tests.pages.test_tasks import begin_count, on_hand

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

SHELF, MOTOR, CAPACITOR = "HZ1/qualified", "CXW-MOTOR-200", "CXW-CAPACITOR"


async def differs(cases: Cases) -> str:
    """A count that is over, twice with the same piece missing: a supervisor's to decide."""
    number, books = await begin_count(cases, "C"), await on_hand(cases)
    async with cases.house.sessions() as session:
        lines = [(line.place, line.part) for line in await lines_of(session, number)]
    found = [{"place": place, "part": part, "quantity": books[place, part]} for place, part in lines]
    found[0] = missing = found[0] | {"quantity": books[lines[0]] + 60}
    await cases.decide(number, Action.RECORD_COUNTS, "keeper", lines=found)
    await cases.decide(number, Action.FINISH_COUNT, "keeper")
    await cases.decide(number, Action.RECORD_COUNTS, "keeper.wh", lines=[missing])
    await cases.decide(number, Action.FINISH_COUNT, "keeper.wh")
    return number


async def sold(session: AsyncSession, part: str, weekly: int, left: int, now: datetime) -> None:
    """So many pieces went to customers in each of eight weeks, and so many are left."""
    for ago in range(8):
        for source, target, reason in (
            ("outside/opening", SHELF, MovementReason.OPENING), (SHELF, "in-transit", MovementReason.ISSUE)
        ):  # fmt: skip
            await stock.move(
                session, part, weekly, source=source, target=target, reason=reason, effect=uuid4().hex,
                at=now - timedelta(days=7 * ago + 3), by="keeper", document="TEST",
            )  # fmt: skip
    here = await session.get_one(Stock, (SHELF, part))
    gone = here.on_hand - left
    source, target = (SHELF, "outside/opening") if gone > 0 else ("outside/opening", SHELF)
    await stock.move(
        session, part, abs(gone), source=source, target=target, reason=MovementReason.OPENING, effect=uuid4().hex,
        at=now, by="keeper", document="TEST",
    )  # fmt: skip


@pytest.fixture(scope="module")
async def looks(shop: Shop) -> dict[str, Look]:
    cases, now = shop.cases, datetime.now(UTC)
    reading = {"sensor": "HZ1-QUALIFIED", "at": now, "temperature": "21.5", "humidity": "91.0"}
    over = await differs(cases)
    async with cases.house.sessions.begin() as session:
        time = await policies.timekeeper(session, await policies.newest(session, "standard"))
        await sold(session, MOTOR, 4, 3, now)
        await sold(session, CAPACITOR, 1, 900, now)
        proposed = {
            (task.kind, task.subject): task.number
            for task in [
                await session.get_one(WarehouseTask, n) for n in await upkeep.propose(session, "HZ1", time, now)
            ]
        }
        rounds = await tasks.begin(session, TaskKind.ROUND, "HZ1", time, now, cause=uuid4().hex)
        taken = await climate.take(session, [Measured.model_validate(reading)], time, "keeper", now)
    return {
        "tasks": Look("keeper", "/tasks"),
        "tasks-all": Look("supervisor", "/tasks?which=all"),
        "count": Look("keeper", f"/tasks/{await begin_count(cases, 'B')}"),
        "count-differs": Look("supervisor", f"/tasks/{over}"),
        "round": Look("keeper", f"/tasks/{rounds}"),
        "finding": Look("keeper", f"/tasks/{taken.findings[0]}"),
        "replenishment": Look("buyer", f"/tasks/{proposed[TaskKind.REPLENISHMENT, MOTOR]}"),
        "disposal": Look("supervisor", f"/tasks/{proposed[TaskKind.DISPOSAL, CAPACITOR]}"),
        "levels": Look("buyer", "/tasks/levels"),
        "safety": Look("keeper", "/tasks/safety"),
    }


@pytest.mark.parametrize("language", ["zh", "en"])
async def test_everybody_can_use_the_tasks_pages(shop: Shop, looks: dict[str, Look], language: str) -> None:
    assert await faulty(shop, looks, language) == {}
