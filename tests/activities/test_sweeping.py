"""The sweep: what fell between the database and the engine is brought to life, and nothing else."""

from datetime import timedelta

import pytest
from temporalio.client import WorkflowExecutionStatus

from database.tables import Parcel, PurchaseOrder, ReplacementOrder, Restoration
from domain.messages import DocumentState, OrderState
from domain.parcels import Milestone
from domain.stages import PurchaseStage, Stage
from tests.workflows.documents import Order
from tests.workflows.house import House
from tests.workflows.test_recovery import approval, recorded_unseen

LONG_AGO = timedelta(hours=1)


async def forgotten(house: House) -> Order:
    """An application whose workflow was never started."""
    started: list[DocumentState] = []

    async def dies(state: DocumentState) -> None:
        started.append(state)

    house.begin, begin = dies, house.begin  # type: ignore[method-assign]
    order = await house.order()
    house.begin = begin  # type: ignore[method-assign]
    await house.change(ReplacementOrder, order.number, started_at=None, created_at=await house.now() - LONG_AGO)
    return order


async def test_what_was_never_started_is_started_once(lone_house: House) -> None:
    order = await forgotten(lone_house)
    assert await lone_house.sweep() == {"started": 1, "restarted": 0}
    assert await lone_house.sweep() == {"started": 0, "restarted": 0}
    await order.to(Stage.AUDIT)


async def test_what_was_entered_just_now_is_left_to_who_entered_it(lone_house: House) -> None:
    order = await lone_house.order()
    await lone_house.change(ReplacementOrder, order.number, started_at=None, created_at=await lone_house.now())
    assert await lone_house.sweep() == {"started": 0, "restarted": 0}


async def test_started_and_not_noted_is_not_started_again(lone_house: House) -> None:
    order = await lone_house.order()
    run = (await order.handle.describe()).run_id
    await lone_house.change(
        ReplacementOrder, order.number, started_at=None, created_at=await lone_house.now() - LONG_AGO
    )
    await lone_house.sweep()
    assert (await order.handle.describe()).run_id == run
    assert (await order.row()).started_at is not None


@pytest.mark.parametrize("began", [True, False])
async def test_a_document_that_cannot_go_on_holds_up_no_other(lone_house: House, began: bool) -> None:
    odd, sound = (await forgotten(lone_house), await forgotten(lone_house))
    if began:
        await lone_house.sweep()
        await odd.handle.terminate()
        await sound.handle.terminate()
    else:
        long_before = await lone_house.now() - LONG_AGO * 2
        await lone_house.change(ReplacementOrder, odd.number, created_at=long_before)
    row = await odd.row()
    await lone_house.change(ReplacementOrder, odd.number, state={"number": odd.number})
    counts = await lone_house.sweep()
    assert counts == ({"started": 0, "restarted": 2} if began else {"started": 1, "restarted": 0})
    await lone_house.change(ReplacementOrder, odd.number, state=row.state)
    await sound.to(Stage.AUDIT)


async def test_a_purchase_order_whose_order_died_before_placing_it(lone_house: House) -> None:
    await lone_house.stock_up(lone_house.part, 0)
    order = await (await lone_house.order()).to(Stage.SOURCING)
    [purchase] = await order.purchases()
    await purchase.handle.terminate()
    await lone_house.change(
        PurchaseOrder, purchase.number, started_at=None, created_at=await lone_house.now() - LONG_AGO
    )
    assert (await lone_house.sweep())["started"] == 1
    await purchase.receive(1)
    await order.until(Stage.DISPATCH)


@pytest.mark.parametrize("stage", [Stage.SOURCING, Stage.DISPATCH, Stage.IN_TRANSIT, Stage.REVISIT])
async def test_an_order_whose_workflow_is_lost_goes_on_from_its_record(lone_house: House, stage: Stage) -> None:
    if stage is Stage.SOURCING:
        await lone_house.stock_up(lone_house.part, 0)
    order = await (await lone_house.order()).to(stage)
    purchases = await order.purchases()
    await order.handle.terminate()
    assert await lone_house.sweep() == {"started": 0, "restarted": 1}
    if purchases:
        await purchases[0].receive(1)
        await order.until(Stage.DISPATCH)
    await order.to(Stage.REVISIT)
    await order.works()
    assert await order.handle.result() == Stage.CLOSED


async def test_a_purchase_order_whose_workflow_is_lost_goes_on_too(lone_house: House) -> None:
    await lone_house.stock_up(lone_house.part, 0)
    order = await (await lone_house.order()).to(Stage.SOURCING)
    [purchase] = await order.purchases()
    await purchase.confirm(await lone_house.now() + timedelta(hours=1))
    await purchase.handle.terminate()
    assert await lone_house.sweep() == {"started": 0, "restarted": 1}
    await purchase.receive(1)
    assert await purchase.settle() is PurchaseStage.GOODS_RECEIVED
    await order.until(Stage.DISPATCH)


async def test_what_has_ended_stays_ended(lone_house: House) -> None:
    order = await lone_house.order()
    await order.cancel()
    await order.handle.result()
    assert await lone_house.sweep() == {"started": 0, "restarted": 0}
    assert (await order.handle.describe()).status is WorkflowExecutionStatus.COMPLETED


async def quietly_at_audit(house: House) -> Order:
    """No alarm rings meanwhile, which would mend by itself what the sweep is to mend."""
    order = await (await house.order()).to(Stage.AUDIT)
    await order.move_due(await house.now() + timedelta(hours=5))
    return order


async def test_an_order_that_does_not_know_its_last_step_goes_on_from_it(lone_house: House) -> None:
    order = await quietly_at_audit(lone_house)
    await recorded_unseen(lone_house, order, await approval(lone_house, order))
    assert await lone_house.sweep() == {"started": 0, "restarted": 1}
    assert await lone_house.sweep() == {"started": 0, "restarted": 0}
    await order.pack()
    await order.booked()


async def put_ahead(house: House, order: Order, stage: Stage) -> None:
    """The order's workflow as it would be if the database alone had been put back."""
    await order.handle.terminate()
    state = OrderState.model_validate((await order.row()).state)
    await house.begin(state.model_copy(update={"stage": stage, "seq": state.seq + 5}))


@pytest.mark.parametrize("stage", [Stage.REVISIT, Stage.CLOSED])
async def test_an_order_that_knows_more_than_its_record_goes_back_to_it(lone_house: House, stage: Stage) -> None:
    order = await quietly_at_audit(lone_house)
    await put_ahead(lone_house, order, stage)
    if stage is Stage.CLOSED:
        await order.handle.result()
    assert await lone_house.sweep() == {"started": 0, "restarted": 1}
    await order.to(Stage.REVISIT)
    await order.works()
    assert await order.handle.result() == Stage.CLOSED


async def test_a_label_under_way_is_booked_after_a_reminder_too(lone_house: House) -> None:
    """The step that asked for it is no longer the last one when the workflow is lost."""
    order = await (await lone_house.order()).to(Stage.DISPATCH)
    lone_house.carrier.away = True
    await order.pack()
    await order.move_due(await lone_house.now() + timedelta(hours=5))
    await order.handle.terminate()
    lone_house.carrier.away = False
    assert (await lone_house.sweep())["restarted"] == 1
    await order.booked()


async def test_a_label_under_way_is_found_before_it_is_called_off(lone_house: House) -> None:
    order = await (await lone_house.order()).to(Stage.DISPATCH)
    lone_house.carrier.away = True
    await order.pack()
    await order.cancel()
    await order.handle.terminate()
    lone_house.carrier.away = False
    assert (await lone_house.sweep())["restarted"] == 1
    assert await order.handle.result() == Stage.CANCELLED
    asked = [question.split()[0] for question in lone_house.carrier.asked]
    assert asked[-2:] == ["book", "cancel"]


async def test_after_a_restoration_every_open_document_begins_anew_and_hears_again(lone_house: House) -> None:
    """Nobody knows what a workflow that stands at the right stage was told: the delivery is told once more."""
    travels = await (await lone_house.order()).to(Stage.IN_TRANSIT)
    begun_since = await (await lone_house.order()).to(Stage.AUDIT)
    run = (await travels.handle.describe()).run_id
    now = await lone_house.now()
    shipment = (await travels.shipment()).id
    await lone_house.change(Parcel, shipment, milestone=Milestone.DELIVERED, told_milestone=Milestone.DELIVERED)
    stranger = OrderState.model_validate((await begun_since.row()).state)
    await lone_house.begin(stranger.model_copy(update={"number": "RO-19990101-00019"}))
    async with lone_house.sessions.begin() as session:
        session.add(Restoration(made_at=now, restored_at=now, found=["before"]))
    assert (await lone_house.sweep())["restarted"] == 3
    [restoration] = await lone_house.all(Restoration)
    assert restoration.settled_at is not None
    assert restoration.found[0] == "before"
    assert [sentence.split()[0] for sentence in restoration.found[1:]] == ["RO-19990101-00019"]
    assert (await travels.handle.describe()).run_id != run
    [parcel] = await lone_house.all(Parcel, Parcel.shipment == shipment)
    assert parcel.told_milestone is None
    assert parcel.next_look_at is not None
    assert parcel.next_look_at <= await lone_house.now()
    assert (await lone_house.sweep())["restarted"] == 0
