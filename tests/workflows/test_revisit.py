"""Revisit: asked whether it works, until it does (policy 6.2)."""

import pytest

from database.tables import Movement, RevisitAttempt
from domain.stages import Action, Role, Stage
from tests.workflows.house import House

AGENT, CUSTOMER, DISPATCHER, SUPERVISOR = Role.SERVICE_AGENT, Role.CUSTOMER, Role.DISPATCHER, Role.SUPERVISOR


@pytest.mark.clause("1.2")
async def test_from_the_application_to_the_satisfied_answer(house: House) -> None:
    """Applied for, audited, bought, received, sent, fitted, asked after: one process, one number, one log."""
    await house.stock_up(house.part, 0)
    order = await house.order(by="web", channel="web")
    await order.to(Stage.SOURCING)
    [purchase] = await order.purchases()
    await purchase.confirm()
    await purchase.receive(1)
    await order.until(Stage.DISPATCH)
    await order.to(Stage.REVISIT)
    await order.works(CUSTOMER)
    assert await order.handle.result() == Stage.CLOSED
    assert await order.actions() == [
        "apply", "take", "quote", "consent", "approve", "restock", "pack", "book", "hand_over", "deliver",
        "book_appointment", "report_fitted", "answer_works",
    ]  # fmt: skip
    row = await order.row()
    assert (row.outcome, row.round) == ("solved", 0)
    assert await order.taken() == []
    assert await house.available() == 0


@pytest.mark.clause("6.2.1")
@pytest.mark.parametrize("role", [CUSTOMER, AGENT])
async def test_a_satisfied_answer_closes_the_order(house: House, role: Role) -> None:
    order = await (await house.order()).to(Stage.REVISIT)
    await order.works(role)
    assert await order.handle.result() == Stage.CLOSED
    assert (await order.row()).outcome == "solved"
    [attempt] = await house.all(RevisitAttempt)
    assert (attempt.reached, attempt.works, attempt.satisfaction) == (True, True, 5)


@pytest.mark.clause("6.2.1")
async def test_the_customer_is_asked_within_three_working_days_of_the_installation(house: House) -> None:
    week = await house.week()
    order = await (await house.order()).to(Stage.REVISIT)
    row = await order.row()
    assert (row.wait_caretaker, row.wait_due) == (AGENT, week("Thu 18:00"))
    await house.sleep_until(week("+Mon 12:00"))
    assert await order.rang(week) == ["remind Wed 09:35", "escalate Fri 09:00"]
    assert (await order.told(AGENT))[-1] == "remind_revisit"
    assert await order.told(SUPERVISOR) == ["escalate_revisit"]
    await order.works()
    [attempt] = await house.all(RevisitAttempt)
    assert (attempt.works, attempt.satisfaction) == (True, 5)


@pytest.mark.clause("6.2.2")
async def test_it_is_reworked_until_the_fault_is_gone(house: House) -> None:
    """A bad part, then a fault that stays, then it works: each round has keys of its own."""
    order = await (await house.order()).to(Stage.REVISIT)
    await order.faulty()
    row = await order.row()
    assert (row.stage, row.round, row.wait_caretaker) == (Stage.REWORK, 1, DISPATCHER)
    assert "answer_faulty" in await order.told(DISPATCHER)
    await order.send_part()
    await order.to(Stage.REVISIT)

    await order.faulty()
    await order.send_technician()
    await order.to(Stage.REVISIT)
    assert (await order.row()).round == 2
    await order.works()
    assert await order.handle.result() == Stage.CLOSED

    assert [shipment.round for shipment in await order.shipments()] == [0, 1]
    assert [visit.round for visit in await order.appointments()] == [0, 1, 2]
    fitted = [line for line in await order.lines() if line.state == "fitted"]
    assert [line.round for line in fitted] == [0, 1]
    assert all(line.guarantee_until for line in fitted)
    moved = [move.effect for move in await house.all(Movement, Movement.document.startswith(order.number))]
    assert len(moved) == len(set(moved)) == 4, "out of stock and to the customer, twice"
    attempts = await house.all(RevisitAttempt)
    assert [(each.round, each.works) for each in attempts] == [(0, False), (1, False), (2, True)]


async def test_who_is_not_reached_is_tried_as_often_as_the_policy_says(house: House) -> None:
    week = await house.week()
    order = await (await house.order()).to(Stage.REVISIT)
    await order.not_reached()
    assert (await order.row()).wait_due == week("Tue 18:00")
    await house.sleep_until(week("Wed 10:10"))
    await order.not_reached()
    assert (await order.row()).wait_due == week("Thu 18:00")
    await order.not_reached()
    assert await order.handle.result() == Stage.CLOSED
    assert (await order.row()).outcome == "unreachable"
    assert (await order.last(Action.RECORD_ATTEMPT)).details == {"attempt": 3, "of": 3}
    assert (await order.told(CUSTOMER)).count("record_attempt") == 3


async def test_tries_of_another_round_are_counted_anew(house: House) -> None:
    order = await (await house.order()).to(Stage.REVISIT)
    await order.not_reached()
    await order.not_reached()
    await order.faulty()
    await order.send_technician()
    await order.to(Stage.REVISIT)
    await order.not_reached()
    assert await order.stage() is Stage.REVISIT
    assert (await order.row()).revisit_attempts == 1


async def test_whom_nobody_asks_is_given_up_at_last(house: House) -> None:
    week = await house.week()
    order = await (await house.order()).to(Stage.REVISIT)
    await house.sleep_until(week("+++Mon 12:00"))
    assert await order.handle.result() == Stage.CLOSED
    assert (await order.row()).outcome == "unreachable"
    assert (await order.rang(week))[-1] == "give_up ++Fri 09:00"
