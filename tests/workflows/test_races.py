"""Two things at once: one comes first, and the other is told or means nothing any more."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest

from database.tables import Parcel
from domain.messages import Decided
from domain.parcels import Milestone
from domain.stages import Action, PurchaseStage, Role, Stage
from tests.workflows.documents import CHECKS, Order
from tests.workflows.house import House

Decision = Callable[[Order], Awaitable[Decided]]


async def together(*decisions: Awaitable[Decided]) -> list[str]:
    """What became of decisions taken at once: the stages they led to, or why they were refused."""
    answers = await asyncio.gather(*decisions, return_exceptions=True)
    return [str(answer.stage) if isinstance(answer, Decided) else str(answer) for answer in answers]


@pytest.mark.parametrize("order_of_arrival", [1, -1])
async def test_of_two_decisions_one_wins(house: House, order_of_arrival: int) -> None:
    order = await (await house.order()).to(Stage.AUDIT)
    answers = await together(*[order.approve(), order.send_back()][::order_of_arrival])
    assert sorted(answers) in (["dispatch", "stage_moved_on"], ["returned", "stage_moved_on"])
    assert len(await order.events()) == 4


async def test_eight_agents_take_one_order(house: House) -> None:
    order = await house.order(by="web", channel="web")
    answers = await together(*(order.take() for _ in range(8)))
    assert sorted(answers) == ["stage_moved_on"] * 7 + ["triage"]


async def test_the_same_decision_twice_is_one_step(house: House) -> None:
    order = await (await house.order()).to(Stage.AUDIT)
    decision = await house.say(order, Action.APPROVE, Role.AUDITOR, "auditor", CHECKS)
    first, second = await asyncio.gather(house.put(order, decision), house.put(order, decision))
    assert first == second
    assert await house.put(order, decision) == first
    assert (await order.actions()).count("approve") == 1


async def test_and_is_answered_after_the_order_has_ended(house: House) -> None:
    order = await house.order()
    decision = await house.say(order, Action.CANCEL, Role.SUPERVISOR, "supervisor", {"reason": "other"})
    answer = await house.put(order, decision)
    await order.handle.result()
    assert await house.put(order, decision) == answer


@pytest.mark.parametrize(
    ("stage", "alarm", "decision", "won", "lost"),
    [
        (Stage.QUOTED, Action.LAPSE, Order.consent, Stage.AUDIT, Stage.DECLINED),
        (Stage.AUDIT, Action.ESCALATE, Order.approve, Stage.DISPATCH, Stage.DISPATCH),
        (Stage.IN_TRANSIT, Action.DECLARE_LOST, Order.deliver, Stage.INSTALLATION, Stage.DISPATCH),
        (Stage.REVISIT, Action.GIVE_UP, Order.works, Stage.CLOSED, Stage.CLOSED),
        (Stage.QUOTED, Action.LAPSE, Order.cancel, Stage.CANCELLED, Stage.DECLINED),
        (Stage.REVISIT, Action.GIVE_UP, Order.cancel, Stage.CANCELLED, Stage.CLOSED),
    ],
)
async def test_a_decision_and_an_alarm_at_once(
    real_house: House, stage: Stage, alarm: Action, decision: Decision, won: Stage, lost: Stage
) -> None:
    """Agreed or lapsed, delivered or lost, answered or given up, cancelled or either: never both, and the order goes on
    from there."""
    order = await (await real_house.order()).to(stage)
    async with real_house.closed():
        await real_house.sleep_until(await order.rings(alarm))
        waiting = asyncio.ensure_future(decision(order))
        await asyncio.sleep(0.2)
    [answer] = await together(waiting)
    assert answer in {won, "stage_moved_on"}
    actions = await order.actions()
    if answer == "stage_moved_on":
        await order.logged(alarm)
        assert await order.stage() in {lost, Stage.SETTLING}
    elif alarm is not Action.ESCALATE:
        assert alarm not in actions
    if not (await order.row()).ended_at:
        assert (await order.cancel()).seq == len(await order.events()) - 1


async def test_a_supplier_who_signs_while_the_next_is_asked(real_house: House) -> None:
    """Confirmed or passed on: what was confirmed is not passed on by the alarm that rang before."""
    await real_house.stock_up(real_house.part, 0)
    order = await (await real_house.order()).to(Stage.SOURCING)
    [purchase] = await order.purchases()
    async with real_house.closed():
        await real_house.sleep_until(await purchase.rings(Action.PASS_ON))
        waiting = asyncio.ensure_future(purchase.confirm(await real_house.now() + timedelta(hours=1)))
        await asyncio.sleep(0.2)
    [answer] = await together(waiting)
    if answer == "stage_moved_on":
        await purchase.until(PurchaseStage.PASSED_ON)
    else:
        assert await purchase.stage() is PurchaseStage.CONFIRMED
        assert Action.PASS_ON not in await purchase.actions()


async def test_cancelling_races_a_booking(house: House) -> None:
    """Whatever comes first, in the end there is no label and nothing is reserved."""
    before = await house.books()
    for wait in (0.0, 0.02, 0.05, 0.1):
        order = await (await house.order()).to(Stage.DISPATCH)
        await order.pack()
        await asyncio.sleep(wait)
        await order.cancel()
        assert await order.handle.result() == Stage.CANCELLED
        waybill = (await order.shipment()).waybill
        assert house.carrier.asked[-1].startswith("cancel SF"), waybill
    assert await house.books() == before


async def test_the_booking_is_done_and_the_order_cancelled_in_one_breath(real_house: House) -> None:
    """While nobody decides, the errands go on: the booking's answer and the cancelling arrive together."""
    order = await (await real_house.order()).to(Stage.DISPATCH)
    real_house.carrier.away = True
    await order.pack()
    async with real_house.closed(), real_house.errands():
        real_house.carrier.away = False
        await real_house.until(lambda: real_house.knows(Parcel))
        waiting = asyncio.ensure_future(order.cancel())
        await asyncio.sleep(0.2)
    assert await together(waiting) == [Stage.SETTLING]
    assert await order.handle.result() == Stage.CANCELLED
    assert real_house.carrier.asked[-1] == f"cancel {(await real_house.all(Parcel))[0].waybill}"


async def test_delivered_by_word_and_by_scan_at_once(house: House) -> None:
    order = await (await house.order()).to(Stage.IN_TRANSIT)
    answers, _, _ = await asyncio.gather(
        together(order.deliver()), order.scan(Milestone.DELIVERED), order.scan(Milestone.DELIVERED)
    )
    assert answers[0] in {Stage.INSTALLATION, "stage_moved_on"}
    await order.install()
    assert (await order.actions()).count("deliver") == 1
    assert (await house.books())["outside/customers", house.part] == (1, 0)


async def test_goods_arrive_while_their_order_is_cancelled(house: House) -> None:
    await house.stock_up(house.part, 0)
    order = await (await house.order()).to(Stage.SOURCING)
    [purchase] = await order.purchases()
    await purchase.count(1)
    answers = await together(purchase.inspect(), order.cancel())
    assert "cancelled" in answers
    assert await order.handle.result() == Stage.CANCELLED
    ended = await purchase.stage()
    assert ended is PurchaseStage.WITHDRAWN or await purchase.settle() is PurchaseStage.GOODS_RECEIVED
    assert await order.taken() == []
