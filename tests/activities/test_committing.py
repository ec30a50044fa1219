"""Each step is taken once however often it is committed, and not at all if it dies before its commit."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta

import pytest
from sqlalchemy.ext.asyncio import AsyncSession
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.reviewing import Reviewing
from carriers.protocol import Recall
from database import upkeep
from database.policies import timekeeper
from database.tables import EventLog, Parcel, SubstitutePart, SupplierReview
from domain.correcting import Standing
from domain.parcels import Trouble
from domain.policy import Timekeeper
from domain.stages import Action, PurchaseStage, Role, Stage
from domain.tasks import TaskKind
from tests.activities.paper import PaperHouse
from tests.workflows.documents import Order, Purchase
from tests.workflows.test_requests import asking, emergency, three_bids
from tests.workflows.test_suspension import Correction
from tests.workflows.test_warehouse import CAPACITOR, MOTOR, answers, proposal, sell
from tests.workflows.warehouse import BUYER, KEEPER, SUPERVISOR, Count, book, tasks

Story = Callable[[PaperHouse], Awaitable[object]]

AGENT, AUDITOR, CUSTOMER, TECHNICIAN = Role.SERVICE_AGENT, Role.AUDITOR, Role.CUSTOMER, Role.TECHNICIAN


async def short_of(paper: PaperHouse, pieces: int = 1) -> tuple[Order, Purchase]:
    await paper.stock_up(paper.part, 0)
    order = await (await paper.order()).to(Stage.SOURCING, (paper.part, pieces))
    return order, (await order.purchases())[-1]


async def from_the_web_to_the_answer(paper: PaperHouse) -> None:
    order = await paper.order(by="web", channel="web")
    await order.decide(Action.SUPPLEMENT, CUSTOMER, note="it smells, too")
    await order.decide(Action.AMEND, AGENT, address="another street")
    await order.to(Stage.REVISIT, (paper.part, 2), (paper.other_part, 1))
    await order.not_reached()
    await order.works()


async def inspected(paper: PaperHouse) -> None:
    order = await (await paper.order()).to(Stage.INSPECTION)
    await order.decide(Action.FAULT_FOUND, TECHNICIAN, finding="the motor")
    await order.to(Stage.INSPECTION)
    await order.decide(Action.NO_FAULT_FOUND, TECHNICIAN, finding="the fuse")


async def refused(paper: PaperHouse) -> None:
    await (await paper.order()).decide(Action.REFUSE, AGENT, reason="other", explanation="no")


async def declined(paper: PaperHouse) -> None:
    await (await (await paper.order()).to(Stage.QUOTED)).decide(Action.DECLINE, CUSTOMER)


async def lapsed(paper: PaperHouse) -> None:
    order = await (await paper.order()).to(Stage.QUOTED)
    for action in (Action.REMIND, Action.LAPSE):
        await paper.ring(order, action)


async def returned_and_rejected(paper: PaperHouse) -> None:
    order = await (await paper.order()).to(Stage.RETURNED)
    await order.correct((paper.other_part, 1))
    for action in (Action.REMIND, Action.ESCALATE, Action.ESCALATE):
        await paper.ring(order, action)
    await order.move_due(paper.clock + timedelta(days=1))
    await order.reject("duplicate")
    await order.object()
    await order.take_audit("auditor2")
    await order.hand_on("auditor2", by="auditor2")
    await order.decide(Action.RELEASE_AUDIT, AUDITOR, by="auditor2")
    await order.ask_customer(Role.SERVICE_AGENT)
    await order.answer_question()
    await order.ask_customer(Role.SERVICE_AGENT)
    await paper.ring(order, Action.RESUME)
    await order.reject("duplicate", by="auditor2")


async def rejected_without_objection(paper: PaperHouse) -> None:
    order = await (await paper.order()).to(Stage.OBJECTION)
    await paper.ring(order, Action.MAKE_FINAL)


async def bought(paper: PaperHouse) -> None:
    order, purchase = await short_of(paper, 2)
    for action in (Action.REMIND, Action.REMIND, Action.ESCALATE, Action.PASS_ON):
        await paper.ring(purchase, action)
    [second] = await paper.open_purchases()
    await second.decide(Action.RENEW_LINK, Role.BUYER, explanation="the contact left")
    await second.propose(paper.clock + timedelta(days=5))
    await second.decide(Action.ACCEPT_DATE, Role.BUYER)
    for action in (Action.CHECK_IN, Action.UNANSWERED):
        await paper.ring(second, action)
    await second.decide(Action.REPORT_ON_TRACK, Role.SUPPLIER)
    later = (paper.clock + timedelta(days=9)).isoformat()
    await second.decide(Action.PROMISE_LATER, Role.SUPPLIER, promised_at=later, explanation="strike")
    await second.move_due(paper.clock + timedelta(days=10))
    await second.receive(1, refused=1)
    await second.receive(1)
    assert await order.stage() is Stage.DISPATCH
    await second.hand_back()
    await second.bill((paper.part, 2, "9999.00"), invoice="F1")
    await second.decide_invoice("F1", "pay_as_ordered")
    await second.settle_claim()
    assert await second.stage() is PurchaseStage.GOODS_RECEIVED


async def refused_by_a_supplier(paper: PaperHouse) -> None:
    _, purchase = await short_of(paper)
    await purchase.decide(Action.REFUSE_ORDER, Role.SUPPLIER, explanation="no steel")
    [second] = await paper.open_purchases()
    await second.confirm()


async def found_by_the_buyer(paper: PaperHouse) -> None:
    order = await (await paper.order()).to(Stage.AUDIT)
    await paper.stock_up(paper.part, 0)
    await paper.suspend("S01", "S05", "S06")
    await order.approve()
    await paper.stock_up(paper.part, 1)
    await order.source_again()


async def kept_too_long(paper: PaperHouse) -> None:
    """Half of what one order wants is kept for it, until another that waits for as much gets it."""
    await paper.stock_up(paper.part, 1)
    slow = await (await paper.order()).to(Stage.SOURCING, (paper.part, 2))
    quick = await (await paper.order()).to(Stage.SOURCING)
    await paper.ring(slow, Action.EXPIRE)
    assert await quick.stage() is Stage.DISPATCH


async def substituted(paper: PaperHouse) -> None:
    async with paper.sessions.begin() as session:
        session.add(SubstitutePart(part=paper.part, substitute=paper.other_part))
    await paper.stock_up(paper.part, 1)
    order = await (await paper.order()).to(Stage.SOURCING, (paper.part, 2))
    await order.decide(Action.SUBSTITUTE, Role.BUYER, wanted=paper.part, substitute=paper.other_part)
    await order.approve()


async def cancelled_while_bought(paper: PaperHouse) -> None:
    order, _ = await short_of(paper)
    await order.cancel()


async def sent_by_hand(paper: PaperHouse) -> None:
    order = await (await paper.order()).to(Stage.DISPATCH)
    paper.carrier.refuses = True
    await order.pack()
    await order.pack("manual")
    await order.hand_over("HAND-0001")


async def test_a_refused_booking_is_heard_of_once(paper: PaperHouse) -> None:
    order = await (await paper.order()).to(Stage.DISPATCH)
    paper.carrier.refuses = True
    await order.pack()
    for carrier in ("", "manual"):
        if carrier:
            await order.pack(carrier)
        with pytest.raises(ApplicationError, match="waits for no label"):
            await paper.step(order, Action.BOOKING_REFUSED)
    assert await order.told(Role.DISPATCHER) == ["booking_refused"]


async def test_a_trouble_is_heard_of_once_and_again_when_it_is_told_anew(paper: PaperHouse) -> None:
    order = await (await paper.order()).to(Stage.IN_TRANSIT)
    parcel = (await order.shipment()).id
    await paper.change(Parcel, parcel, trouble=Trouble.ADDRESS, told_at=paper.clock)
    await paper.step(order, Action.TROUBLE)
    with pytest.raises(ApplicationError, match="was passed on before"):
        await paper.step(order, Action.TROUBLE)
    await paper.later(hours=1)
    await paper.change(Parcel, parcel, told_at=paper.clock)
    await paper.step(order, Action.TROUBLE)
    await paper.change(Parcel, parcel, trouble=Trouble.DAMAGED)
    await paper.step(order, Action.TROUBLE)
    assert (await order.told(Role.DISPATCHER)).count("trouble") == 3


async def test_a_scan_of_a_lost_parcel_hands_nothing_over(paper: PaperHouse) -> None:
    order = await (await paper.order()).to(Stage.IN_TRANSIT)
    await order.lose()
    assert await order.stage() == Stage.DISPATCH
    with pytest.raises(ApplicationError, match="not under way"):
        await paper.step(order, Action.PICK_UP)


async def picked_up_in_trouble_and_turned_back(paper: PaperHouse) -> None:
    order = await (await paper.order()).to(Stage.DISPATCH)
    await order.pack()
    for action in (Action.PICK_UP, Action.TROUBLE, Action.TURN_BACK):
        await paper.step(order, action)
    await order.receive_back()


async def turned_back_from_the_door_and_damaged(paper: PaperHouse) -> None:
    order = await (await paper.order()).to(Stage.INSTALLATION)
    await order.book_visit()
    await paper.step(order, Action.TURN_BACK)
    await order.receive_back("damaged")


async def lost_and_settled(paper: PaperHouse) -> None:
    order = await (await paper.order()).to(Stage.IN_TRANSIT)
    for action in (Action.NO_PICKUP_SCAN, Action.NO_MOVEMENT, Action.LATE, Action.DECLARE_LOST):
        await paper.ring(order, action)
    await order.to(Stage.REVISIT)
    await order.works()
    await order.settle()


async def reworked_and_given_up(paper: PaperHouse) -> None:
    order = await (await paper.order()).to(Stage.INSTALLATION)
    await order.book_visit()
    await order.not_fitted()
    await order.send_part()
    await order.to(Stage.REWORK)
    await order.send_technician()
    await order.to(Stage.REVISIT)
    await paper.ring(order, Action.GIVE_UP)


async def cancelled_too_late(paper: PaperHouse) -> None:
    order = await (await paper.order()).to(Stage.DISPATCH)
    await order.pack()
    paper.carrier.recall = Recall.TOO_LATE
    await order.cancel()
    await order.receive_back()


async def begun(paper: PaperHouse, begin: Callable[[AsyncSession, Timekeeper], Awaitable[Sequence[str]]]) -> list[str]:
    """What something sets off in the warehouse."""
    async with paper.sessions.begin() as session:
        time = await timekeeper(session, paper.policy)
        return list(await begin(session, time))


async def counting(paper: PaperHouse) -> Count:
    [number] = await begun(
        paper, lambda session, time: upkeep.begin_count(session, "HZ1", "B", time, paper.clock, cause="test")
    )
    return Count(paper, number)


async def counted_twice_and_adjusted(paper: PaperHouse) -> None:
    count = await counting(paper)
    shelf = {key: await book(paper, *key) for key in await count.lines()}
    line = next(iter(shelf))
    await count.count(shelf | {line: shelf[line] + 1})
    await count.finish()
    for again in (False, True):
        await count.count({line: shelf[line] + 1}, by="keeper.cd" if again else "keeper.wh")
        await count.finish()
        await count.explain({line: "not_booked"})
        if not again:
            await count.decide(Action.COUNT_AGAIN, SUPERVISOR, explanation="that can't be")
    await count.approve()


async def a_count_called_off(paper: PaperHouse) -> None:
    await (await counting(paper)).decide(Action.CALL_OFF, SUPERVISOR, explanation="the shelf is being rebuilt")


async def a_round_and_what_it_found(paper: PaperHouse) -> None:
    await begun(paper, lambda session, time: upkeep.begin_due(session, "HZ1", time, paper.clock))
    [made] = await tasks(paper, TaskKind.ROUND)
    due = paper.clock + timedelta(days=1)
    leak = {"note": "the roof drips", "owner": "keeper.wh", "due": due.isoformat()}
    await made.decide(Action.REPORT_ROUND, KEEPER, answers=await answers(paper, leaks=leak))
    [finding] = await tasks(paper, TaskKind.FINDING)
    await finding.decide(Action.PUT_RIGHT, KEEPER, note="sealed")
    await finding.decide(Action.REOPEN, SUPERVISOR, explanation="it still drips")
    await finding.decide(Action.PUT_RIGHT, KEEPER, note="a new sheet")
    await finding.decide(Action.ACCEPT_REMEDY, SUPERVISOR)


async def levels(paper: PaperHouse) -> None:
    """One part runs short and is bought, or not; another lies about and is sold."""
    await sell(paper, MOTOR, [4, 5, 3, 4, 6, 4, 5, 3])
    await sell(paper, CAPACITOR, [2, 1, 2, 2, 1, 2])
    await paper.stock_up(MOTOR, 3)
    await paper.stock_up(CAPACITOR, 400)

    async def propose() -> None:
        await begun(paper, lambda session, time: upkeep.propose(session, "HZ1", time, paper.clock))

    await propose()
    await (await proposal(paper, TaskKind.REPLENISHMENT, MOTOR)).decide(
        Action.TURN_DOWN, BUYER, explanation="out of service"
    )
    disposal = await proposal(paper, TaskKind.DISPOSAL, CAPACITOR)
    await disposal.decide(Action.DECIDE_DISPOSAL, SUPERVISOR, way="promotion", quantity=10)
    await disposal.decide(Action.DISPOSE, KEEPER, quantity=10, proceeds="30.00")
    await paper.later(days=8)
    await propose()
    await (await proposal(paper, TaskKind.REPLENISHMENT, MOTOR)).decide(Action.ORDER_PROPOSED, BUYER, quantity=5)


async def correcting(paper: PaperHouse) -> Correction:
    """A supplier sends bad parts, and its suspension is proposed."""
    _, purchase = await short_of(paper, 3)
    await purchase.confirm()
    for _ in range(4):
        await purchase.receive(0, refused=1)
    for _ in range(3):
        await purchase.receive(1)
    await paper.later(days=100)
    review = Reviewing(paper.sessions, paper.settings).review_suppliers
    [number] = await ActivityEnvironment().run(review, paper.clock)
    assert await ActivityEnvironment().run(review, paper.clock) == [number], "until it has begun"
    return Correction(paper, number)


async def a_supplier_suspended_and_released(paper: PaperHouse) -> None:
    action = await correcting(paper)
    _, held = await short_of(paper)
    await held.confirm()
    await action.say(Action.IMPOSE, SUPERVISOR)
    await held.decide(Action.KEEP, BUYER, explanation="they are packed already")
    await action.answer()
    await action.prove()
    await action.say(Action.REJECT_EVIDENCE, BUYER)
    await action.prove()
    await action.say(Action.VERIFY, BUYER)
    await action.say(Action.RELEASE, SUPERVISOR)


async def a_supplier_dropped(paper: PaperHouse) -> None:
    action = await correcting(paper)
    await action.say(Action.IMPOSE, SUPERVISOR)
    await paper.ring(action, Action.WORSEN)


async def a_supplier_reviewed_as_worse(paper: PaperHouse) -> None:
    action = await correcting(paper)
    await action.say(Action.IMPOSE, SUPERVISOR)
    row = await action.row()
    async with paper.sessions.begin() as session:
        last = await session.get_one(SupplierReview, row.review)
        session.add(
            SupplierReview(
                first=last.end, end=last.end + timedelta(days=31), supplier=row.supplier, reviewed_at=paper.clock,
                policy_name=row.policy_name, policy_version=row.policy_version, figures={}, score=None,
                standing=Standing.SUSPENDED, proposed=Standing.DROPPED,
            )
        )  # fmt: skip
    await paper.step(action, Action.REVIEWED_WORSE)


async def a_proposal_dismissed(paper: PaperHouse) -> None:
    await (await correcting(paper)).say(Action.DISMISS, SUPERVISOR)


async def asked_and_awarded(paper: PaperHouse) -> None:
    request = await asking(paper)
    await three_bids(request, paper.part)
    await request.decide(Action.NO_BID, Role.SUPPLIER, by="S06")
    await paper.ring(request, Action.OPEN_BIDS)
    await request.award(("S05", 100))


async def asked_for_nothing(paper: PaperHouse) -> None:
    await (await asking(paper)).decide(Action.ABANDON, BUYER, explanation="the model is discontinued")


async def bought_in_an_emergency(paper: PaperHouse) -> None:
    await (await emergency(paper)).decide(Action.LOOK_INTO, AUDITOR, finding="justified", explanation="it burnt")


A = Action
STORIES: dict[Story, set[Action]] = {
    from_the_web_to_the_answer: {
        A.TAKE, A.QUOTE, A.CONSENT, A.APPROVE, A.PACK, A.BOOK, A.HAND_OVER, A.DELIVER, A.BOOK_APPOINTMENT,
        A.REPORT_FITTED, A.RECORD_ATTEMPT, A.ANSWER_WORKS, A.SUPPLEMENT, A.AMEND,
    },
    inspected: {A.SEND_FOR_INSPECTION, A.FAULT_FOUND, A.NO_FAULT_FOUND},
    refused: {A.REFUSE},
    declined: {A.DECLINE},
    lapsed: {A.REMIND, A.LAPSE},
    returned_and_rejected: {
        A.RETURN_FOR_CORRECTION, A.CORRECT, A.REMIND, A.ESCALATE, A.MOVE_DUE, A.REJECT, A.OBJECT, A.TAKE_AUDIT,
        A.HAND_ON_AUDIT, A.RELEASE_AUDIT, A.ASK_CUSTOMER, A.ANSWER_QUESTION, A.RESUME,
    },
    rejected_without_objection: {A.MAKE_FINAL},
    bought: {
        A.PASS_ON, A.RENEW_LINK, A.PROPOSE_DATE, A.ACCEPT_DATE, A.CHECK_IN, A.UNANSWERED, A.REPORT_ON_TRACK,
        A.PROMISE_LATER, A.MOVE_DUE, A.RECEIVE_GOODS, A.RESTOCK, A.INSPECT_GOODS, A.HAND_BACK, A.ENTER_INVOICE,
        A.DECIDE_INVOICE, A.SETTLE_CLAIM,
    },
    refused_by_a_supplier: {A.REFUSE_ORDER, A.CONFIRM},
    found_by_the_buyer: {A.SOURCE_AGAIN},
    kept_too_long: {A.EXPIRE, A.RESTOCK},
    substituted: {A.SUBSTITUTE},
    cancelled_while_bought: {A.CANCEL, A.WITHDRAW},
    sent_by_hand: {A.BOOKING_REFUSED, A.HAND_OVER},
    picked_up_in_trouble_and_turned_back: {A.PICK_UP, A.TROUBLE, A.TURN_BACK, A.RECEIVE_BACK},
    turned_back_from_the_door_and_damaged: {A.TURN_BACK, A.RECEIVE_BACK},
    lost_and_settled: {A.NO_PICKUP_SCAN, A.NO_MOVEMENT, A.LATE, A.DECLARE_LOST, A.SETTLE_CLAIM},
    reworked_and_given_up: {A.REPORT_NOT_FITTED, A.SEND_PART, A.ANSWER_FAULTY, A.SEND_TECHNICIAN, A.GIVE_UP},
    cancelled_too_late: {A.CANCEL, A.RECALL, A.RECEIVE_BACK},
    counted_twice_and_adjusted: {
        A.RECORD_COUNTS, A.FINISH_COUNT, A.EXPLAIN_DIFFERENCES, A.COUNT_AGAIN, A.APPROVE_ADJUSTMENT,
    },
    a_count_called_off: {A.CALL_OFF},
    a_round_and_what_it_found: {A.REPORT_ROUND, A.PUT_RIGHT, A.REOPEN, A.ACCEPT_REMEDY},
    levels: {A.TURN_DOWN, A.DECIDE_DISPOSAL, A.DISPOSE, A.ORDER_PROPOSED},
    a_supplier_suspended_and_released: {
        A.IMPOSE, A.HOLD, A.KEEP, A.ANSWER_DEMAND, A.SUBMIT_EVIDENCE, A.REJECT_EVIDENCE, A.VERIFY, A.RELEASE,
    },
    a_supplier_dropped: {A.WORSEN},
    a_supplier_reviewed_as_worse: {A.REVIEWED_WORSE},
    a_proposal_dismissed: {A.DISMISS},
    asked_and_awarded: {A.BID, A.NO_BID, A.OPEN_BIDS, A.AWARD},
    asked_for_nothing: {A.ABANDON},
    bought_in_an_emergency: {A.LOOK_INTO},
}  # fmt: skip


def test_no_action_is_left_out() -> None:
    assert set().union(*STORIES.values()) == set(Action)


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.__name__)
async def test_every_step_has_its_effect_once(paper: PaperHouse, story: Story) -> None:
    paper.doubtful = True
    await story(paper)
    assert STORIES[story] <= {step.action for step in paper.steps}
    recorded = [(row.document, row.seq, row.action) for row in await paper.all(EventLog) if row.seq]
    assert sorted(recorded) == sorted((step.document, step.seq, step.action) for step in paper.steps)
