"""Transactions at once: what is there once goes to one, and nobody holds on to what ends this moment."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from temporalio.exceptions import ApplicationError

from activities.committing import Committing, take_step
from activities.steps import ORDERS, PURCHASES
from database import stock
from database.tables import BackOrder, BackOrderState, OrderLine, PurchaseOrder, Stock
from domain.messages import OrderState, PurchaseState, Step
from domain.sourcing import Where
from domain.stages import Action, PurchaseStage, Role, Stage
from tests.activities.paper import PaperHouse
from tests.activities.test_committing import short_of
from tests.workflows.documents import CHECKS, Document, Order


async def step(paper: PaperHouse, document: Document, action: Action, role: Role, **content: Any) -> Step:
    """What somebody says, ready to be committed."""
    said = await paper.say(document, action, role, "auditor" if role is Role.AUDITOR else "agent", content)
    return Step(
        document=document.number,
        seq=len(await document.events()),
        action=action,
        at=paper.clock,
        by=said.by,
        role=role,
        submission=said.submission,
    )


@asynccontextmanager
async def under_way(paper: PaperHouse, taken: Step) -> AsyncIterator[OrderState | PurchaseState]:
    """A step that is written and not yet committed."""
    async with paper.sessions.begin() as session:
        procedure: Any = ORDERS if taken.document.startswith("RO") else PURCHASES
        yield await take_step(session, procedure, taken)


async def waits_for_a_lock(paper: PaperHouse, task: "asyncio.Task[Any]") -> None:
    """A transaction that can't go on before another ends."""
    await asyncio.sleep(0.3)
    assert not task.done()


async def test_five_pieces_for_twenty_orders(paper: PaperHouse) -> None:
    await paper.stock_up(paper.part, 5)
    orders = [await (await paper.order()).to(Stage.AUDIT) for _ in range(20)]
    steps = [await step(paper, order, Action.APPROVE, Role.AUDITOR, **CHECKS) for order in orders]
    committing = Committing(paper.sessions)
    states = await asyncio.gather(*(committing.commit_order(each) for each in steps))
    stages = [state.stage for state in states]
    assert (stages.count(Stage.DISPATCH), stages.count(Stage.SOURCING)) == (5, 15)
    assert len(await paper.all(BackOrder, BackOrder.state == BackOrderState.WAITING)) == 15
    rows = await paper.all(Stock, Stock.part == paper.part, Stock.place == "HZ1/qualified")
    assert [(row.on_hand, row.reserved) for row in rows] == [(5, 5)]


async def test_reserving_alone_never_gives_a_piece_twice(paper: PaperHouse) -> None:
    await paper.stock_up(paper.part, 5)
    for _ in range(20):
        await (await paper.order()).to(Stage.AUDIT)
    lines = await paper.all(OrderLine)

    async def reserve(line: OrderLine) -> int:
        async with paper.sessions.begin() as session:
            return await stock.reserve(session, line, line.quantity, "HZ", tuple(Where), "test")

    got = await asyncio.gather(*(reserve(line) for line in lines))
    assert sorted(got) == [0] * 15 + [1] * 5
    async with paper.sessions.begin() as session:
        await stock.release(session, [line.id for line in lines])


async def test_free_pieces_on_order_are_promised_once(paper: PaperHouse) -> None:
    """A cancelled order left two pieces of a signed purchase order; of three orders at once one orders anew."""
    first, purchase = await short_of(paper, 2)
    await purchase.confirm()
    await first.cancel()
    orders = [await (await paper.order()).to(Stage.AUDIT) for _ in range(3)]
    steps = [await step(paper, order, Action.APPROVE, Role.AUDITOR, **CHECKS) for order in orders]
    committing = Committing(paper.sessions)
    await asyncio.gather(*(committing.commit_order(each) for each in steps))
    waits = await paper.all(BackOrder, BackOrder.state == BackOrderState.WAITING)
    assert [wait.purchase_order for wait in waits].count(purchase.number) == 2
    assert len(waits) == 3


async def test_nobody_waits_for_a_purchase_order_that_is_being_withdrawn(paper: PaperHouse) -> None:
    order, purchase = await short_of(paper)
    committing = Committing(paper.sessions)
    await committing.commit_order(await step(paper, order, Action.CANCEL, Role.SERVICE_AGENT, reason="other"))
    next_one = await (await paper.order()).to(Stage.AUDIT)
    approve = await step(paper, next_one, Action.APPROVE, Role.AUDITOR, **CHECKS)
    withdraw = Step(
        document=purchase.number,
        seq=len(await purchase.events()),
        action=Action.WITHDRAW,
        at=paper.clock,
        by=Role.SYSTEM,
        role=Role.SYSTEM,
    )
    async with under_way(paper, withdraw) as state:
        assert state.stage is PurchaseStage.WITHDRAWN
        approving = asyncio.create_task(committing.commit_order(approve))
        await waits_for_a_lock(paper, approving)
    placed = await approving
    [wait] = await paper.all(BackOrder, BackOrder.state == BackOrderState.WAITING)
    assert placed.to_place == (wait.purchase_order,) != (purchase.number,)


async def test_an_order_cancelled_while_its_goods_are_handed_out_holds_nothing(paper: PaperHouse) -> None:
    order, purchase = await short_of(paper)
    committing = Committing(paper.sessions)
    await purchase.count(1)
    receive = await step(paper, purchase, Action.INSPECT_GOODS, Role.WAREHOUSE_KEEPER, **await purchase.found_sound())
    cancel = await step(paper, order, Action.CANCEL, Role.SERVICE_AGENT, reason="other")
    async with under_way(paper, receive):
        cancelling = asyncio.create_task(committing.commit_order(cancel))
        await waits_for_a_lock(paper, cancelling)
    assert (await cancelling).stage is Stage.CANCELLED
    assert await order.taken() == []
    assert await paper.available() == 1


async def test_goods_handed_out_while_their_order_is_cancelled_stay_free(paper: PaperHouse) -> None:
    order, purchase = await short_of(paper)
    committing = Committing(paper.sessions)
    await purchase.count(1)
    receive = await step(paper, purchase, Action.INSPECT_GOODS, Role.WAREHOUSE_KEEPER, **await purchase.found_sound())
    async with under_way(paper, await step(paper, order, Action.CANCEL, Role.SERVICE_AGENT, reason="other")):
        receiving = asyncio.create_task(committing.commit_purchase(receive))
        await waits_for_a_lock(paper, receiving)
    assert (await receiving).to_tell == ()
    assert await order.taken() == []
    assert await paper.available() == 1


async def test_one_technician_is_booked_once(paper: PaperHouse) -> None:
    orders = [await (await paper.order()).to(Stage.INSTALLATION) for _ in range(2)]
    visit = {"technician": paper.technician, "starts_at": paper.clock.isoformat()}
    steps = [await step(paper, order, Action.BOOK_APPOINTMENT, Role.DISPATCHER, **visit) for order in orders]
    committing = Committing(paper.sessions)
    answers = await asyncio.gather(*(committing.commit_order(each) for each in steps), return_exceptions=True)
    assert sorted(type(answer).__name__ for answer in answers) == ["ApplicationError", "OrderState"]


async def test_one_step_committed_by_two_workers_is_one(paper: PaperHouse) -> None:
    order: Order = await (await paper.order()).to(Stage.AUDIT)
    approve = await step(paper, order, Action.APPROVE, Role.AUDITOR, **CHECKS)
    committing = Committing(paper.sessions)
    first, second = await asyncio.gather(committing.commit_order(approve), committing.commit_order(approve))
    assert first == second
    assert (await order.actions()).count("approve") == 1
    assert await paper.all(PurchaseOrder) == []


async def test_what_was_submitted_once_is_decided_once(paper: PaperHouse) -> None:
    """Even where the table would let it happen again: a customer not reached counts one attempt."""
    order = await (await paper.order()).to(Stage.REVISIT)
    tried = await step(paper, order, Action.RECORD_ATTEMPT, Role.SERVICE_AGENT)
    committing = Committing(paper.sessions)
    await committing.commit_order(tried)
    with pytest.raises(ApplicationError, match="decided before"):
        await committing.commit_order(tried.model_copy(update={"seq": tried.seq + 1}))
    assert (await order.row()).revisit_attempts == 1
