"""Workers die, the database goes away: no step is lost, taken twice or left half done."""

import asyncio
from typing import Any, cast

import pytest

from activities.committing import Committing
from activities.steps import ORDERS
from activities.steps.work import OrderWork
from domain.messages import Decide, Step
from domain.stages import Action, PurchaseStage, Role, Stage
from tests.workflows.documents import CHECKS, Declined, Document, Order
from tests.workflows.house import House


async def recorded_unseen(house: House, document: Document, decision: Decide) -> None:
    """A step on record whose worker died before it could say so: its workflow knows nothing of it."""
    events = await document.events()
    step = Step(
        document=document.number,
        seq=len(events),
        action=decision.action,
        at=await house.now(),
        by=decision.by,
        role=decision.role,
        submission=decision.submission,
    )
    committing = Committing(house.sessions)
    await (committing.commit_order if isinstance(document, Order) else committing.commit_purchase)(step)


async def approval(house: House, order: Order) -> Decide:
    return await house.say(order, Action.APPROVE, Role.AUDITOR, "auditor", CHECKS)


async def test_a_worker_that_starts_anew_reads_up_what_was(real_house: House) -> None:
    order = await real_house.order()
    for stage in (Stage.AUDIT, Stage.IN_TRANSIT, Stage.REVISIT):
        await order.to(stage)
        async with real_house.closed():
            assert await order.stage() is stage
    await order.works()
    assert await order.handle.result() == Stage.CLOSED


async def test_a_decision_waits_for_a_worker(real_house: House) -> None:
    order = await (await real_house.order()).to(Stage.AUDIT)
    async with real_house.closed():
        waiting = asyncio.ensure_future(order.approve())
        await asyncio.sleep(0.3)
        assert not waiting.done()
    assert (await waiting).stage == Stage.DISPATCH


async def test_a_step_recorded_unseen_is_the_answer_when_it_is_sent_again(house: House) -> None:
    order = await (await house.order()).to(Stage.AUDIT)
    decision = await approval(house, order)
    await recorded_unseen(house, order, decision)
    answer = await house.put(order, decision)
    assert (answer.stage, answer.seq) == (Stage.DISPATCH, 3)
    assert (await order.actions()).count("approve") == 1
    await order.to(Stage.REVISIT)


async def test_a_decision_that_fails_by_a_fault_of_ours_keeps_nobody_from_the_order(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fails(work: OrderWork) -> None:
        raise OverflowError

    order = await (await house.order()).to(Stage.AUDIT)
    before = await order.actions()
    with monkeypatch.context() as patch:
        patch.setitem(cast("dict[Action, Any]", ORDERS.steps), Action.APPROVE, fails)
        with pytest.raises(Declined, match="decision_failed"):
            await order.approve()
        assert await order.actions() == before
        await order.decide(Action.SUPPLEMENT, Role.SERVICE_AGENT, note="it hums")
    assert (await order.approve()).stage == Stage.DISPATCH


async def test_news_that_fails_by_a_fault_of_ours_are_not_dropped(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried = asyncio.Event()

    async def fails(work: OrderWork) -> None:
        tried.set()
        raise OverflowError

    order = await (await house.order()).to(Stage.AUDIT)
    await order.approve()
    with monkeypatch.context() as patch:
        patch.setitem(cast("dict[Action, Any]", ORDERS.steps), Action.BOOK, fails)
        await order.pack()
        await tried.wait()
    await order.booked()


async def test_the_next_decision_finds_what_was_recorded_unseen(house: House) -> None:
    """Whoever decides has seen the record; the workflow has not, and believes it."""
    order = await (await house.order()).to(Stage.AUDIT)
    await recorded_unseen(house, order, await approval(house, order))
    await order.pack()
    await order.booked()
    assert (await order.actions())[-3:] == ["approve", "pack", "book"]


async def test_an_alarm_finds_it_too_and_runs_its_errands(house: House) -> None:
    """The signature caused a purchase order; it is placed although the worker died."""
    week = await house.week()
    await house.stock_up(house.part, 0)
    order = await (await house.order()).to(Stage.AUDIT)
    await recorded_unseen(house, order, await approval(house, order))
    assert [(await each.row()).started_at for each in await house.purchases()] == [None]
    await house.sleep_until(week("Wed 12:00"))
    assert "remind" not in await order.actions(), "the reminder was for a wait that is over"
    [purchase] = await order.purchases()
    await purchase.receive(1)
    await order.until(Stage.DISPATCH)


async def test_several_steps_recorded_unseen_are_all_found(house: House) -> None:
    await house.stock_up(house.part, 0)
    order = await (await house.order()).to(Stage.AUDIT)
    await recorded_unseen(house, order, await approval(house, order))
    cancelled = await house.say(order, Action.CANCEL, Role.SERVICE_AGENT, "agent", {"reason": "other"})
    await recorded_unseen(house, order, cancelled)
    assert (await house.put(order, cancelled)).stage == Stage.CANCELLED
    assert await order.handle.result() == Stage.CANCELLED
    [purchase] = await house.purchases()
    await purchase.alive()
    assert await purchase.handle.result() == PurchaseStage.WITHDRAWN


async def test_goods_recorded_unseen_reach_their_order(house: House) -> None:
    await house.stock_up(house.part, 0)
    order = await (await house.order()).to(Stage.SOURCING)
    [purchase] = await order.purchases()
    await purchase.count(1)
    inspected = await house.say(
        purchase, Action.INSPECT_GOODS, Role.WAREHOUSE_KEEPER, "keeper", await purchase.found_sound()
    )
    await recorded_unseen(house, purchase, inspected)
    assert (await house.put(purchase, inspected)).stage == PurchaseStage.TO_SETTLE
    await order.until(Stage.DISPATCH)
