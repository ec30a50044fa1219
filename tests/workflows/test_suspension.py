"""A supplier that falls into suspension and comes back: review, held orders, correction, release (policy 3.1.3)."""

from datetime import date, timedelta
from typing import Any

import pytest

from database.tables import CorrectiveAction, PolicyVersion, StandingChange, Supplier, SupplierReview
from domain.correcting import ChangedBecause, CorrectiveStage, Standing
from domain.stages import Action, PurchaseStage, Role, Stage
from tests.workflows.documents import Declined, Document
from tests.workflows.house import House
from tests.workflows.test_purchasing import short_of
from workflows.supplier_review import SupplierReview as Review

BUYER, SUPPLIER, SUPERVISOR, SYSTEM = Role.BUYER, Role.SUPPLIER, Role.SUPERVISOR, Role.SYSTEM
FIRST, NEXT = "S05", "S01"
"""Who is asked first for the house's part, and who then."""


class Correction(Document):
    """A corrective action under test."""

    async def row(self) -> CorrectiveAction:
        async with self.house.sessions() as session:
            return await session.get_one(CorrectiveAction, self.number)

    async def stage(self) -> CorrectiveStage:
        return (await self.row()).stage

    async def answer(self, days: float = 3) -> Any:
        done_by = await self.house.now() + timedelta(days=days)
        said = {"cause": "a worn mould", "measures": "a new one", "said_by": "Mr Yang"}
        return await self.decide(Action.ANSWER_DEMAND, SUPPLIER, done_by=done_by.isoformat(), **said)

    async def prove(self) -> Any:
        said = {"evidence": "test report 17: 200 of 200 sound", "said_by": "Mr Yang"}
        return await self.decide(Action.SUBMIT_EVIDENCE, SUPPLIER, **said)

    async def say(self, action: Action, role: Role, by: str | None = None) -> Any:
        return await self.decide(action, role, by=by, explanation="looked into")


async def standing(house: House, supplier: str = FIRST) -> str:
    [row] = await house.all(Supplier, Supplier.code == supplier)
    return row.standing


async def changes(house: House) -> list[tuple[Standing, Standing, ChangedBecause, str]]:
    return [(row.before, row.after, row.because, row.by) for row in await house.all(StandingChange)]


async def bad_quarter(house: House, refused: int = 4, accepted: int = 3) -> None:
    """Of what the first supplier sends, so many lots are refused and so many accepted; nobody waits for them any more,
    and the house is as empty as before."""
    order, purchase = await short_of(house, accepted)
    await purchase.confirm()
    for _ in range(refused):
        await purchase.receive(0, refused=1)
    for _ in range(accepted):
        await purchase.receive(1)
    await order.until(Stage.DISPATCH)
    await order.cancel()
    await house.stock_up(house.part, 0)


async def reviewed(house: House) -> list[Correction]:
    """What the review of the period that is just over begins."""
    await house.later(days=100)
    begun = await house.client.execute_workflow(Review.run, id="review", task_queue=house.settings.task_queue)
    return [Correction(house, number) for number in begun]


async def suspended(house: House) -> Correction:
    """A supplier whose suspension is proposed."""
    await bad_quarter(house)
    [action] = await reviewed(house)
    assert await action.stage() is CorrectiveStage.PROPOSED
    return action


@pytest.mark.clause("3.1.3")
async def test_a_supplier_is_suspended_its_orders_find_another_and_it_comes_back(house: House) -> None:
    action = await suspended(house)
    [review] = await house.all(SupplierReview, SupplierReview.supplier == FIRST)
    assert (review.figures["incoming_quality"], review.proposed) == (
        {"numerator": "3", "denominator": "7", "n": 7},
        Standing.SUSPENDED,
    )
    waiting, placed = await short_of(house)
    other, confirmed = await short_of(house)
    await confirmed.confirm()
    assert [(await each.row()).supplier for each in (placed, confirmed)] == [FIRST, FIRST]
    assert await standing(house) == "qualified"

    await action.say(Action.IMPOSE, SUPERVISOR)
    assert await standing(house) == "suspended"
    await placed.until(PurchaseStage.PASSED_ON)
    await confirmed.logged(Action.HOLD)
    assert ((await confirmed.row()).wait_clock, (await confirmed.row()).stage) == ("held", PurchaseStage.CONFIRMED)
    second = (await waiting.purchases())[-1]
    assert ((await second.row()).supplier, (await second.row()).replaces) == (NEXT, placed.number)
    assert await waiting.taken() == [f"1 × {house.part} of {second.number}"]
    assert await other.taken() == [f"1 × {house.part} of {confirmed.number}"]
    await confirmed.pass_on()
    assert ((await (await other.purchases())[-1].row()).supplier) == NEXT
    third, elsewhere = await short_of(house)
    assert (await elsewhere.row()).supplier == NEXT

    await action.answer()
    with pytest.raises(Declined, match="stage_moved_on"):
        await action.say(Action.RELEASE, SUPERVISOR)
    await action.prove()
    await action.say(Action.VERIFY, SUPERVISOR)
    assert (await action.stage(), await standing(house)) == (CorrectiveStage.RELEASE, "suspended")
    with pytest.raises(Declined, match="verified_before"):
        await action.say(Action.RELEASE, SUPERVISOR)
    await action.say(Action.RELEASE, SUPERVISOR, by="administrator")
    assert await action.handle.result() == CorrectiveStage.CORRECTED
    assert await standing(house) == "qualified"
    assert await changes(house) == [
        (Standing.QUALIFIED, Standing.SUSPENDED, ChangedBecause.DECISION, "supervisor"),
        (Standing.SUSPENDED, Standing.QUALIFIED, ChangedBecause.RELEASED, "administrator"),
    ]
    _, again = await short_of(house)
    assert (await again.row()).supplier == FIRST
    for order in (waiting, other, third):
        assert await order.stage() is Stage.SOURCING


async def test_the_buyer_may_leave_a_confirmed_order_with_a_suspended_supplier(house: House) -> None:
    action = await suspended(house)
    order, purchase = await short_of(house)
    await purchase.confirm()
    with pytest.raises(Declined, match="nothing_asked"):
        await purchase.decide(Action.KEEP, BUYER, explanation="not held")
    await action.say(Action.IMPOSE, SUPERVISOR)
    await purchase.logged(Action.HOLD)
    await purchase.decide(Action.KEEP, BUYER, explanation="they are packed already")
    assert (await purchase.row()).wait_clock == "arrival"
    await purchase.receive(1)
    await order.until(Stage.DISPATCH)


async def test_an_order_that_is_told_twice_to_hold_asks_the_buyer_once(house: House) -> None:
    """Who tells it may die before it can say that it did, and tells it again."""
    action = await suspended(house)
    order, purchase = await short_of(house)
    await purchase.confirm()
    await action.say(Action.IMPOSE, SUPERVISOR)
    await purchase.logged(Action.HOLD)
    await purchase.decide(Action.KEEP, BUYER, explanation="they are packed already")
    await purchase.handle.signal("hold")
    await purchase.receive(1)
    await order.until(Stage.DISPATCH)
    assert (await purchase.actions()).count(Action.HOLD) == 1
    assert (await purchase.told(BUYER)).count("held") == 1


async def test_an_order_that_nobody_else_can_serve_is_held_and_not_confirmed(house: House) -> None:
    action = await suspended(house)
    await house.suspend(NEXT, "S06")
    order, purchase = await short_of(house)
    await action.say(Action.IMPOSE, SUPERVISOR)
    await purchase.logged(Action.HOLD)
    row = await purchase.row()
    assert (row.stage, row.wait_clock, row.wait_owner) == (PurchaseStage.PLACED, "held", BUYER)
    with pytest.raises(Declined, match="supplier_suspended"):
        await purchase.confirm()
    assert await order.taken() == [f"1 × {house.part} of {purchase.number}"]


async def reviewed_again(house: House, proposed: Standing, month: int) -> None:
    """A later review of the first supplier proposes this, and whoever looks for reviews every day looks twice."""
    [*_, last] = await house.all(SupplierReview, SupplierReview.supplier == FIRST)
    async with house.sessions.begin() as session:
        again = SupplierReview(
            first=date(2030, month, 1), end=date(2030, month + 1, 1), supplier=FIRST, reviewed_at=await house.now(),
            policy_name=last.policy_name, policy_version=last.policy_version, figures={}, score=None,
            standing=Standing.SUSPENDED, proposed=proposed,
        )  # fmt: skip
        session.add(again)
    for look in range(2):
        await house.client.execute_workflow(
            Review.run, id=f"review {month} {look}", task_queue=house.settings.task_queue
        )


@pytest.mark.clause("3.1.3")
async def test_a_worse_review_makes_an_open_corrective_action_worse(house: House) -> None:
    action = await suspended(house)
    await action.say(Action.IMPOSE, SUPERVISOR)
    await action.answer()
    await reviewed_again(house, Standing.SUSPENDED, 1)
    await reviewed_again(house, Standing.DROPPED, 2)
    reviewed = await action.logged(Action.REVIEWED_WORSE)
    assert reviewed.details["standing"] == ["suspended", "dropped"]
    assert (reviewed.from_stage, reviewed.to_stage) == (CorrectiveStage.CARRYING_OUT, CorrectiveStage.PROPOSED)
    row = await action.row()
    assert (row.standing, row.wait_clock, row.wait_owner) == (Standing.DROPPED, "standing", SUPERVISOR)
    assert (await action.told(SUPERVISOR))[-1] == "standing_proposed"
    assert await standing(house) == "suspended"

    await action.say(Action.DISMISS, SUPERVISOR)
    row = await action.row()
    assert (row.stage, row.standing, row.wait_clock) == (CorrectiveStage.CARRYING_OUT, Standing.SUSPENDED, "measures")
    await action.prove()
    await action.say(Action.VERIFY, BUYER)
    await reviewed_again(house, Standing.DROPPED, 3)
    await action.logged(Action.REVIEWED_WORSE, 2)
    await action.say(Action.DISMISS, SUPERVISOR)
    assert await action.stage() is CorrectiveStage.VERIFICATION, "evidence is looked at once more"

    await reviewed_again(house, Standing.DROPPED, 4)
    await action.logged(Action.REVIEWED_WORSE, 3)
    await action.say(Action.IMPOSE, SUPERVISOR)
    assert await action.handle.result() == CorrectiveStage.DROPPED
    assert (await changes(house))[-1][:3] == (Standing.SUSPENDED, Standing.DROPPED, ChangedBecause.DECISION)
    assert (await action.actions()).count(Action.REVIEWED_WORSE) == 3, "a look that is repeated changes nothing"


async def test_a_worse_review_of_what_was_only_proposed_ends_with_its_dismissal(house: House) -> None:
    action = await suspended(house)
    await reviewed_again(house, Standing.DROPPED, 1)
    await action.logged(Action.REVIEWED_WORSE)
    assert ((await action.row()).standing, await standing(house)) == (Standing.DROPPED, "qualified")
    await action.say(Action.DISMISS, SUPERVISOR)
    assert await action.handle.result() == CorrectiveStage.DISMISSED
    assert await changes(house) == []


async def test_a_worse_review_takes_effect_at_once_where_the_policy_says_so(house: House) -> None:
    async with house.sessions.begin() as session:
        said = house.policy.model_dump(mode="json")
        said |= {
            "version": house.policy.version + 1,
            "review": said["review"] | {"automatic": ["suspended", "dropped"]},
        }
        session.add(PolicyVersion(name=said["name"], version=said["version"], content=said, entered_by="administrator"))
    await bad_quarter(house)
    [action] = await reviewed(house)
    assert (await action.stage(), await standing(house)) == (CorrectiveStage.DEMANDED, "suspended")
    await reviewed_again(house, Standing.DROPPED, 1)
    assert await action.handle.result() == CorrectiveStage.DROPPED
    assert (await changes(house))[-1] == (Standing.SUSPENDED, Standing.DROPPED, ChangedBecause.REVIEW, "system")


@pytest.mark.clause("3.1.3")
async def test_what_is_overdue_makes_the_standing_worse_by_rule(house: House) -> None:
    action = await suspended(house)
    await action.say(Action.IMPOSE, SUPERVISOR)
    await house.later(days=30)
    assert await action.handle.result() == CorrectiveStage.DROPPED
    assert await standing(house) == "dropped"
    assert (await changes(house))[-1] == (Standing.SUSPENDED, Standing.DROPPED, ChangedBecause.OVERDUE, "system")
    actions = await action.actions()
    assert {"remind", "escalate", "worsen"} <= set(actions)
    assert await action.told(SUPPLIER) == ["standing_suspended", "remind_demand", "standing_dropped"]


async def test_evidence_that_is_not_good_enough_is_sent_back(house: House) -> None:
    action = await suspended(house)
    await action.say(Action.IMPOSE, SUPERVISOR)
    await action.answer()
    await action.prove()
    await action.say(Action.REJECT_EVIDENCE, BUYER)
    assert await action.stage() is CorrectiveStage.CARRYING_OUT
    await action.prove()
    await action.say(Action.VERIFY, BUYER)
    await action.say(Action.RELEASE, SUPERVISOR)
    assert await standing(house) == "qualified"


async def test_a_proposal_that_is_dismissed_changes_nothing(house: House) -> None:
    action = await suspended(house)
    await action.say(Action.DISMISS, SUPERVISOR)
    assert await action.handle.result() == CorrectiveStage.DISMISSED
    assert (await standing(house), await changes(house)) == ("qualified", [])


@pytest.mark.clause("3.1.1")
async def test_every_supplier_is_reviewed_once_a_period_and_no_data_is_no_data(house: House) -> None:
    await bad_quarter(house, refused=2, accepted=1)
    assert await reviewed(house) == []
    rows = {row.supplier: row for row in await house.all(SupplierReview)}
    assert set(rows) == {row.code for row in await house.all(Supplier)}
    assert rows[FIRST].figures["incoming_quality"] == {"numerator": "1", "denominator": "3", "n": 3}
    assert (rows[FIRST].score, rows[FIRST].proposed) == (None, None)  # too few to count
    assert rows["S03"].figures["on_time"] == {"numerator": "0", "denominator": "0", "n": 0}
    assert rows["S03"].score is None
    before = len(rows)
    await house.client.execute_workflow(Review.run, id="again", task_queue=house.settings.task_queue)
    assert len(await house.all(SupplierReview)) == before
