"""Counts of stock, from the cycle that begins them to the movement that adjusts the books (policy 4.2.2)."""

from datetime import timedelta

import pytest

from database.tables import CountEntry, Movement
from domain.counting import Cause, CountState
from domain.stages import Action, Role, Stage
from domain.tasks import TaskKind, TaskStage
from tests.workflows.documents import Declined
from tests.workflows.house import House
from tests.workflows.warehouse import KEEPER, SUPERVISOR, Count, Task, begin_count, book, due_work, tasks

SHELF = "HZ1/qualified"
MOTOR = (SHELF, "CXW-MOTOR-200")


async def honest(house: House, count: Count) -> dict[tuple[str, str], int]:
    """What somebody would count who finds on every shelf what the books say."""
    return {key: await book(house, *key) for key in await count.lines()}


@pytest.mark.clause("4.2.2")
async def test_a_blind_count_with_movements_in_between(house: House) -> None:
    """Two motors are short from the beginning. Of those there, three are sold before the shelf is counted and one after
    it; five come in before the count is finished. What is found missing is two, at every step of it."""
    await house.week()
    await house.stock_up(MOTOR[1], 20)
    count = await begin_count(house, "B")
    shelf = await honest(house, count)
    shelf[MOTOR] = 18

    async def move(pieces: int, source: str, target: str) -> None:
        async with house.sessions.begin() as session:
            await house.move(session, MOTOR[1], pieces, source, target)
        await house.later(minutes=5)

    await move(3, SHELF, "in-transit")
    shelf[MOTOR] -= 3
    await count.count(shelf, by="keeper")
    await house.later(minutes=5)
    await move(1, SHELF, "in-transit")
    await move(5, "outside/suppliers", SHELF)
    assert (await count.finish()).stage == TaskStage.RECOUNTING

    lines = await count.lines()
    assert (lines[MOTOR].book, lines[MOTOR].quantity) == (17, 15)
    assert {key for key, line in lines.items() if line.state is not CountState.MATCHED} == {MOTOR}

    with pytest.raises(Declined, match="counted_before"):
        await count.count({MOTOR: 19}, by="keeper")
    await count.count({MOTOR: 19}, by="keeper.wh")
    assert (await count.finish()).stage == TaskStage.TRACING
    await move(2, SHELF, "in-transit")
    await count.explain({MOTOR: Cause.NOT_BOOKED})
    before = await book(house, *MOTOR)
    assert (await count.approve()).stage == TaskStage.COUNTED
    assert (before, await book(house, *MOTOR)) == (19, 17)  # 21 booked, 2 sold since; 19 on the shelf, 2 sold since
    [adjusted] = await house.all(Movement, Movement.document == count.number)
    assert (adjusted.part, adjusted.quantity, adjusted.source, adjusted.target, adjusted.by) == (
        MOTOR[1], 2, SHELF, "outside/losses", "supervisor",
    )  # fmt: skip
    assert (await count.lines())[MOTOR].cause is Cause.NOT_BOOKED


@pytest.mark.clause("4.2.2")
async def test_a_count_without_a_difference_is_over_at_once(house: House) -> None:
    count = await begin_count(house, "C")
    await count.count(await honest(house, count))
    assert (await count.finish()).stage == TaskStage.COUNTED
    assert {line.state for line in (await count.lines()).values()} == {CountState.MATCHED}
    assert not await house.all(Movement, Movement.document == count.number)


async def test_nothing_is_finished_before_everything_is_counted(house: House) -> None:
    count = await begin_count(house, "C")
    shelf = await honest(house, count)
    await count.count(dict(list(shelf.items())[:3]))
    with pytest.raises(Declined, match="not_counted"):
        await count.finish()
    assert await count.stage() is TaskStage.COUNTING


@pytest.mark.clause("4.2.2")
async def test_an_interrupted_count_goes_on(real_house: House) -> None:
    """Where it stood, also by a worker that knows nothing of it; what was said before may be put right till the end."""
    count = await begin_count(real_house, "C")
    shelf = await honest(real_house, count)
    await count.count(dict.fromkeys(list(shelf)[:3], 999))
    async with real_house.closed():
        assert len(await real_house.all(CountEntry)) == 3
    await count.count(shelf)
    assert (await count.finish()).stage == TaskStage.COUNTED
    assert len(await real_house.all(CountEntry)) == len(shelf)


async def test_two_counts_that_agree_are_believed_and_a_third_decides(house: House) -> None:
    await house.stock_up(MOTOR[1], 20)
    count = await begin_count(house, "B")
    shelf = await honest(house, count)
    await count.count(shelf | {MOTOR: 18})
    await count.finish()
    await count.count({MOTOR: 17}, by="keeper.wh")
    assert (await count.finish()).stage == TaskStage.RECOUNTING
    await count.count({MOTOR: 20}, by="keeper.cd")
    assert (await count.finish()).stage == TaskStage.COUNTED  # the third found what the books say
    assert (await count.lines())[MOTOR].state is CountState.MATCHED


async def test_who_counted_does_not_approve_and_every_difference_has_a_cause(house: House) -> None:
    await house.stock_up(MOTOR[1], 20)
    count = await begin_count(house, "B")
    shelf = await honest(house, count)
    other = next(key for key in shelf if key != MOTOR)
    for by in ("keeper", "keeper.wh"):
        wrong = {MOTOR: 22, other: shelf[other] + 4}
        await count.count(shelf | wrong if by == "keeper" else wrong, by=by)
        await count.finish()
    with pytest.raises(Declined, match="not_explained"):
        await count.explain({MOTOR: Cause.NOT_BOOKED})
    with pytest.raises(Declined, match="no_difference"):
        await count.explain({MOTOR: Cause.NOT_BOOKED, other: Cause.UNKNOWN, (SHELF, "NOBODY"): Cause.UNKNOWN})
    await count.explain({MOTOR: Cause.NOT_BOOKED, other: Cause.UNKNOWN})
    with pytest.raises(Declined, match="role_forbidden"):
        await count.decide(Action.APPROVE_ADJUSTMENT, KEEPER)
    with pytest.raises(Declined, match="own_count"):
        await count.approve(by="keeper.wh")
    await count.decide(Action.COUNT_AGAIN, SUPERVISOR, explanation="that can't be")
    await count.count({MOTOR: 20, other: shelf[other] + 4}, by="keeper")
    assert (await count.finish()).stage == TaskStage.TRACING
    await count.explain({other: Cause.NOT_BOOKED})
    await count.approve()
    assert await book(house, *MOTOR) == 20
    assert await book(house, *other) == shelf[other] + 4


async def test_reserved_pieces_are_not_written_off_and_it_is_said_whose_they_are(house: House) -> None:
    await house.stock_up(MOTOR[1], 2)
    order = await house.order(lines=[{"part": MOTOR[1], "quantity": 2}])
    await order.to(Stage.DISPATCH, (MOTOR[1], 2))
    count = await begin_count(house, "B")
    shelf = await honest(house, count)
    for by in ("keeper", "keeper.wh"):
        await count.count(shelf | {MOTOR: 1} if by == "keeper" else {MOTOR: 1}, by=by)
        await count.finish()
    await count.explain({MOTOR: Cause.STOLEN})
    with pytest.raises(Declined, match="pieces_reserved"):
        await count.approve()
    await order.cancel()
    await count.approve()
    assert await book(house, *MOTOR) == 1


async def test_something_besides_the_list_is_counted_too(house: House) -> None:
    count = await begin_count(house, "C")
    shelf = await honest(house, count)
    found = ("HZ1/nonconforming", "CXW-CAPACITOR")
    assert found not in shelf
    await count.count({**shelf, found: 3})
    with pytest.raises(Declined, match="unknown_place"):
        await count.count({("WH1/qualified", "CXW-CAPACITOR"): 3})
    with pytest.raises(Declined, match="unknown_part"):
        await count.count({(SHELF, "NOBODY"): 3})
    assert (await count.finish()).stage == TaskStage.RECOUNTING
    await count.count({found: 3}, by="keeper.wh")
    await count.finish()
    await count.explain({found: Cause.WRONG_PLACE})
    await count.approve()
    assert await book(house, *found) == 3


async def test_a_line_holds_for_the_instant_it_was_counted_at_not_for_when_it_was_said(house: House) -> None:
    """Counted without a network at ten, four sold at half past, said at eleven."""
    await house.week()
    await house.stock_up(MOTOR[1], 20)
    count = await begin_count(house, "B")
    shelf = await honest(house, count)
    counted_at = await house.now()
    await house.later(minutes=30)
    async with house.sessions.begin() as session:
        await house.move(session, MOTOR[1], 4, SHELF, "in-transit")
    await house.later(minutes=30)
    with pytest.raises(Declined, match="invalid_time"):
        await count.count(shelf, at=counted_at - timedelta(days=1))
    await count.count(shelf, at=counted_at)
    assert (await count.finish()).stage == TaskStage.COUNTED


@pytest.mark.clause("4.2.2")
async def test_counts_come_round_by_class_and_escalate_when_nobody_counts(house: House) -> None:
    """A every month, B every three, C once a year; one that is not done is not followed by another, it escalates."""
    week = await house.week()
    await house.stock_up("JSQ-EXCHANGER", 2, "HZ1/valuables")
    begun = await due_work(house)
    assert await due_work(house) == []
    counts = {(await task.row()).subject: task for task in await tasks(house, TaskKind.COUNT)}
    assert sorted(counts) == ["A", "B", "C"]
    assert {task.number for task in counts.values()} < set(begun)
    for value_class in ("A", "C"):
        done = Count(house, counts[value_class].number)
        await done.count(await honest(house, done))
        await done.finish()

    late = counts["B"]
    await house.sleep_until(week("Thu 10:10"))
    assert await late.rang(week) == ["remind Tue 14:50", "escalate Thu 09:00"]
    assert "escalate_count" in await late.told(Role.SUPERVISOR)
    await house.later(days=31)
    await due_work(house)
    again = [await task.row() for task in await tasks(house, TaskKind.COUNT)]
    assert sorted(row.subject for row in again) == ["A", "A", "B", "C"]
    await Task(house, late.number).decide(Action.CALL_OFF, SUPERVISOR, explanation="the warehouse moves")
    assert await late.stage() is TaskStage.CALLED_OFF
