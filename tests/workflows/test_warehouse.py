"""Rounds, findings, readings, levels: from what sets them off to where they end (policy 4.1.2, 4.2.3, 4.3.2)."""

from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from uuid import uuid4

import pytest

from database import climate, stock, upkeep
from database.climate import Measured
from database.tables import (
    Disposal,
    Finding,
    Movement,
    MovementReason,
    Place,
    PurchaseLine,
    Replenishment,
    Stock,
    WarehouseTask,
    Zone,
)
from domain.levels import Excess, Way
from domain.stages import Action, PurchaseStage, Role, Stage
from domain.tasks import TaskKind, TaskStage
from domain.warehouse_rules import Topic
from tests.workflows.documents import Declined, Purchase
from tests.workflows.house import House
from tests.workflows.warehouse import BUYER, KEEPER, SUPERVISOR, Task, bring_to_life, due_work, tasks, time_of

SHELF, INSPECTION, BAD = "HZ1/qualified", "HZ1/awaiting-inspection", "HZ1/nonconforming"
MOTOR, CAPACITOR = "CXW-MOTOR-200", "CXW-CAPACITOR"


async def answers(house: House, **wrong: Mapping[str, object]) -> list[dict[str, object]]:
    items = (await time_of(house)).policy.warehouse.rounds.items
    return [{"item": item.code, "sound": item.code not in wrong, **wrong.get(item.code, {})} for item in items]


async def measure(house: House, temperature: str, humidity: str, sensor: str = "HZ1-QUALIFIED") -> list[Task]:
    """A reading comes in; the findings it leads to, brought to life."""
    time, now = await time_of(house), await house.now()
    reading = Measured.model_validate(
        {"sensor": sensor, "at": now, "temperature": temperature, "humidity": humidity}
    )  # fmt: skip
    async with house.sessions.begin() as session:
        taken = await climate.take(session, [reading], time, "keeper", now)
        again = await climate.take(session, [reading], time, "keeper", now)
    assert (taken.new, again.new, again.known, list(again.findings)) == (1, 0, 1, [])
    await bring_to_life(house, list(taken.findings))
    return [Task(house, number) for number in taken.findings]


async def there(house: House, part: str, place: str) -> tuple[int, int]:
    row = next(iter(await house.all(Stock, Stock.place == place, Stock.part == part)), None)
    return (row.on_hand, row.reserved) if row else (0, 0)


@pytest.mark.clause("4.3.2")
async def test_a_round_that_nobody_makes_escalates_and_what_it_finds_is_put_right_in_time(house: House) -> None:
    """Fire, theft, damp, pests and equipment are looked at every week; an overdue round and an overdue finding go to
    the supervisor; what was put right is accepted by somebody else."""
    week = await house.week()
    assert {item.topic for item in (await time_of(house)).policy.warehouse.rounds.items} == set(Topic)
    await due_work(house)
    [round_] = await tasks(house, TaskKind.ROUND)
    await house.sleep_until(week("Wed 10:10"))
    assert await round_.rang(week) == ["remind Tue 09:35", "escalate Wed 09:00"]
    assert (await round_.told(Role.SUPERVISOR))[0] == "escalate_round"

    with pytest.raises(Declined, match="item_unanswered"):
        await round_.decide(Action.REPORT_ROUND, KEEPER, answers=(await answers(house))[1:])
    due = await house.now() + timedelta(days=1)
    leak = {"note": "the roof drips", "owner": "keeper.wh", "due": due.isoformat()}
    await round_.decide(Action.REPORT_ROUND, KEEPER, answers=await answers(house, leaks=leak))
    assert await round_.stage() is TaskStage.ROUND_MADE
    [finding] = await tasks(house, TaskKind.FINDING)
    await finding.alive()
    [row] = await house.all(Finding)
    assert (row.topic, row.owner, row.round) == (Topic.DAMP, "keeper.wh", round_.number)
    assert (await finding.row()).wait_due == due

    await house.sleep_until(week("Fri 10:10"))
    assert "escalate_remedy" in await finding.told(Role.SUPERVISOR)
    await finding.decide(Action.PUT_RIGHT, KEEPER, note="sealed")
    await finding.decide(Action.REOPEN, SUPERVISOR, explanation="it still drips")
    await finding.decide(Action.PUT_RIGHT, KEEPER, by="supervisor", note="a new sheet")
    with pytest.raises(Declined, match="own_remedy"):
        await finding.decide(Action.ACCEPT_REMEDY, SUPERVISOR)
    await finding.decide(Action.ACCEPT_REMEDY, SUPERVISOR, by="supervisor.wh")
    assert await finding.stage() is TaskStage.SETTLED

    await house.sleep_until(week("+Mon 10:40"))
    await due_work(house)
    assert len(await tasks(house, TaskKind.ROUND)) == 2


@pytest.mark.clause("4.1.2")
async def test_a_reading_out_of_range_sets_stock_apart_until_it_is_inspected(house: House) -> None:
    """What lies free goes to inspection; what is reserved stays, is named, and isn't packed. Sound pieces come back."""
    await house.stock_up(MOTOR, 5)
    order = await house.order(lines=[{"part": MOTOR, "quantity": 2}])
    await order.to(Stage.DISPATCH, (MOTOR, 2))
    assert await measure(house, "21.0", "50.0") == []
    assert await there(house, MOTOR, SHELF) == (5, 2)

    [finding] = await measure(house, "21.0", "93.0")
    assert await there(house, MOTOR, SHELF) == (2, 2)
    assert await there(house, MOTOR, INSPECTION) == (3, 0)
    [row] = await house.all(Finding)
    assert row.details["reserved_orders"] == [order.number]
    assert await finding.told(KEEPER) == ["climate"]
    assert await finding.told(Role.SERVICE_AGENT) == ["climate_reserved"]
    with pytest.raises(Declined, match="under_inspection"):
        await order.pack()

    await house.later(minutes=10)
    assert await measure(house, "21.0", "94.0") == []  # one finding a place
    apart = await climate_apart(house, finding)
    with pytest.raises(Declined, match="not_inspected"):
        await finding.decide(Action.PUT_RIGHT, KEEPER, note="dried", lines=[])
    inspected = [
        {"part": part, "sound": pieces - (part == MOTOR), "unsound": int(part == MOTOR)}
        for part, pieces in apart.items()
    ]
    await finding.decide(Action.PUT_RIGHT, KEEPER, note="dehumidifier repaired", lines=inspected)
    await finding.decide(Action.ACCEPT_REMEDY, SUPERVISOR)
    assert await there(house, MOTOR, SHELF) == (4, 2)
    assert await there(house, MOTOR, BAD) == (1, 0)
    assert await climate_apart(house, finding) == {}
    await order.pack()


async def climate_apart(house: House, finding: Task) -> dict[str, int]:
    async with house.sessions() as session:
        return await climate.set_apart(session, finding.number)


@pytest.mark.clause("4.1.2")
async def test_a_sensor_that_falls_silent_is_noticed_once(house: House) -> None:
    time = await time_of(house)
    await measure(house, "20.0", "50.0")
    await house.later(hours=1)
    now = await house.now()
    async with house.sessions.begin() as session:
        assert await climate.notice_silence(session, time, now) == []
        [number] = await climate.notice_silence(session, time, now + timedelta(hours=2))
        assert await climate.notice_silence(session, time, now + timedelta(hours=3)) == []
    await bring_to_life(house, [number])
    finding = Task(house, number)
    assert await finding.told(KEEPER) == ["silence"]
    await finding.decide(Action.PUT_RIGHT, KEEPER, note="a new battery")
    await finding.decide(Action.ACCEPT_REMEDY, SUPERVISOR)


async def sell(house: House, part: str, weeks: list[int]) -> None:
    """So many pieces went to customers in each of the weeks before now, the oldest first."""
    now = await house.now()
    async with house.sessions.begin() as session:
        for ago, pieces in enumerate(reversed(weeks)):
            at = now - timedelta(days=7 * ago + 3)
            await stock.move(
                session, part, max(pieces, 1), source="outside/opening", target=SHELF,
                reason=MovementReason.OPENING, effect=uuid4().hex, at=at, by="keeper",
                document="TEST",
            )  # fmt: skip
            if pieces:
                await stock.move(
                    session, part, pieces, source=SHELF, target="in-transit",
                    reason=MovementReason.ISSUE, effect=uuid4().hex, at=at, by="keeper",
                document="TEST",
                )  # fmt: skip


async def look_at_levels(house: House) -> list[str]:
    time, now = await time_of(house), await house.now()
    async with house.sessions.begin() as session:
        begun = await upkeep.propose(session, "HZ1", time, now)
    await bring_to_life(house, begun)
    return begun


async def proposal(house: House, kind: TaskKind, part: str) -> Task:
    [row] = await house.all(
        WarehouseTask, WarehouseTask.kind == kind, WarehouseTask.subject == part, WarehouseTask.ended_at.is_(None)
    )
    return Task(house, row.number)


@pytest.mark.clause("4.2.3")
async def test_stock_below_its_level_is_proposed_bought_by_the_buyer_and_not_proposed_twice(house: House) -> None:
    await sell(house, MOTOR, [4, 5, 3, 4, 6, 4, 5, 3])
    await house.stock_up(MOTOR, 3)
    await look_at_levels(house)
    assert await look_at_levels(house) == []
    task = await proposal(house, TaskKind.REPLENISHMENT, MOTOR)
    [row] = await house.all(Replenishment, Replenishment.task == task.number)
    assert row.position == 3 <= row.reorder_point < row.up_to
    assert row.quantity == row.up_to - row.position
    with pytest.raises(Declined, match="role_forbidden"):
        await task.decide(Action.ORDER_PROPOSED, KEEPER, quantity=5)
    await task.decide(Action.ORDER_PROPOSED, BUYER, quantity=row.quantity)
    assert await task.stage() is TaskStage.ORDERED
    [row] = await house.all(Replenishment, Replenishment.task == task.number)
    assert row.purchase_order
    purchase = Purchase(house, row.purchase_order)
    await purchase.alive()
    [line] = await house.all(PurchaseLine, PurchaseLine.purchase_order == purchase.number)
    assert (line.part, line.quantity) == (MOTOR, row.quantity)
    assert await purchase.stage() is PurchaseStage.PLACED
    assert await look_at_levels(house) == []  # what is on order counts


@pytest.mark.clause("4.2.3")
async def test_a_proposal_is_turned_down_with_a_reason_and_comes_again_a_week_later(house: House) -> None:
    await sell(house, MOTOR, [4, 5, 3, 4, 6, 4])
    await house.stock_up(MOTOR, 1)
    await look_at_levels(house)
    task = await proposal(house, TaskKind.REPLENISHMENT, MOTOR)
    await task.decide(Action.TURN_DOWN, BUYER, explanation="the model is going out of service")
    [row] = await house.all(Replenishment, Replenishment.task == task.number)
    assert row.reason == "the model is going out of service"
    assert await look_at_levels(house) == []
    await house.later(days=7)
    await look_at_levels(house)
    assert (await proposal(house, TaskKind.REPLENISHMENT, MOTOR)).number != task.number


@pytest.mark.clause("4.2.3")
async def test_overstock_is_decided_sold_and_accounted_for(house: House) -> None:
    await sell(house, CAPACITOR, [2, 1, 2, 2, 1, 2])
    await house.stock_up(CAPACITOR, 400)
    await look_at_levels(house)
    task = await proposal(house, TaskKind.DISPOSAL, CAPACITOR)
    [row] = await house.all(Disposal, Disposal.task == task.number)
    assert (row.excess, row.way, row.place) == (Excess.OVERSTOCK, Way.PROMOTION, SHELF)
    assert 0 < row.quantity < 400
    with pytest.raises(Declined, match="role_forbidden"):
        await task.decide(Action.DECIDE_DISPOSAL, BUYER, way="promotion", quantity=10)
    await task.decide(Action.DECIDE_DISPOSAL, SUPERVISOR, way="promotion", quantity=10)
    assert await task.told(KEEPER) == ["dispose"]
    await task.decide(Action.DISPOSE, KEEPER, quantity=4, proceeds="30.00")
    with pytest.raises(Declined, match="not_enough_stock"):
        await task.decide(Action.DISPOSE, KEEPER, quantity=7)
    await task.decide(Action.DISPOSE, KEEPER, quantity=6, proceeds="20.00")
    assert await task.stage() is TaskStage.DISPOSED
    [row] = await house.all(Disposal, Disposal.task == task.number)
    assert (row.disposed, row.proceeds) == (10, Decimal("50.00"))
    moves = await house.all(Movement, Movement.document == task.number)
    assert [(each.quantity, each.target, each.reason) for each in moves] == [
        (4, "outside/customers", MovementReason.PROMOTION),
        (6, "outside/customers", MovementReason.PROMOTION),
    ]
    assert (await there(house, CAPACITOR, SHELF))[0] == 390
    losses = [Decimal(event.details["loss"]) for event in await task.events() if "loss" in event.details]
    assert sum(losses) == row.unit_value * 10 - 50


@pytest.mark.clause("4.2.3")
async def test_dead_stock_is_scrapped_or_goes_back_to_who_brought_it(house: House) -> None:
    """Nobody asked for it in a year: scrap, unless a supplier brought some of it lately and takes it back."""
    now = await house.now()
    async with house.sessions.begin() as session:
        for part, source in ((CAPACITOR, "outside/opening"), (MOTOR, "outside/opening"), (MOTOR, "outside/suppliers")):
            lately = source == "outside/suppliers"
            await stock.move(
                session, part, 6, source=source, target=SHELF, reason=MovementReason.RECEIPT,
                at=now - timedelta(days=20 if lately else 500), by="keeper", document="TEST", effect=uuid4().hex,
            )  # fmt: skip
    await look_at_levels(house)
    ways = {row.part: (row.excess, row.way) for row in await house.all(Disposal)}
    assert ways[CAPACITOR] == (Excess.DEAD, Way.SCRAP)
    assert ways[MOTOR] == (Excess.DEAD, Way.RETURN)
    task = await proposal(house, TaskKind.DISPOSAL, CAPACITOR)
    [row] = await house.all(Disposal, Disposal.task == task.number)
    await task.decide(Action.DECIDE_DISPOSAL, SUPERVISOR, way="scrap", quantity=row.quantity)
    with pytest.raises(Declined, match="no_proceeds"):
        await task.decide(Action.DISPOSE, KEEPER, quantity=row.quantity, proceeds="1.00")
    await task.decide(Action.DISPOSE, KEEPER, quantity=row.quantity)
    [scrap] = await house.all(Place, Place.warehouse == "HZ1", Place.zone == Zone.SCRAP)
    assert await there(house, CAPACITOR, scrap.code) == (row.quantity, 0)


async def test_of_what_is_too_little_known_nothing_is_said(house: House) -> None:
    """Opening stock of today has no history: neither shortage nor dead stock is made up."""
    assert await look_at_levels(house) == []
