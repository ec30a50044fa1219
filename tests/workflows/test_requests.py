"""Requests for quotation: sealed until the deadline, compared, awarded; an emergency is looked into (policy 3.3.1)."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import update
from temporalio.testing import ActivityEnvironment

from activities.sweeping import Sweeping
from database import restorations
from database.reading.requests import request_view
from database.requests import ask, buy_at_once, opened_bids
from database.tables import AwardLine, Contract, Invitation, Part, RequestForQuotation, SupplierBid, SupplierReview
from domain.bidding import Ask, BuyAtOnce
from domain.comparing import Criterion
from domain.correcting import Standing
from domain.requests import RequestStage
from domain.stages import Action, PurchaseStage, Refusal, Role, Stage
from tests.workflows.documents import Declined, Document, Purchase
from tests.workflows.house import House

BUYER, SUPPLIER, SUPERVISOR, AUDITOR = Role.BUYER, Role.SUPPLIER, Role.SUPERVISOR, Role.AUDITOR
VALID_UNTIL = date(2099, 1, 1)


class Request(Document):
    """A request for quotation under test."""

    async def row(self) -> RequestForQuotation:
        async with self.house.sessions() as session:
            return await session.get_one(RequestForQuotation, self.number)

    async def asked(self) -> list[str]:
        return [row.supplier for row in await self.house.all(Invitation, Invitation.request == self.number)]

    async def bid(self, supplier: str, *lines: tuple[str, str, int, int], **changes: Any) -> None:
        """A supplier's bid: part, price, days, months of guarantee."""
        said = {
            "lines": [
                {"part": part, "price": price, "lead_days": days, "guarantee_months": months, "freight": "1.00"}
                for part, price, days, months in lines
            ],
            "valid_until": VALID_UNTIL,
            "signed_by": supplier,
        }
        await self.decide(Action.BID, SUPPLIER, by=supplier, **said | changes)

    async def award(self, *lines: tuple[str, int], part: str = "", **more: Any) -> None:
        given = [{"part": part or self.house.part, "supplier": who, "quantity": n} for who, n in lines]
        await self.decide(Action.AWARD, BUYER, lines=given, **more)

    async def to_comparison(self) -> None:
        """The deadline passes; the bids are opened in office hours."""
        await self.house.sleep_until(await self.rings(Action.OPEN_BIDS) + timedelta(seconds=5))
        await self.logged(Action.OPEN_BIDS)

    async def readable(self) -> list[str]:
        async with self.house.sessions() as session:
            return [f"{bid.supplier} {bid.price}" for bid in await opened_bids(session, self.number)]

    async def orders(self) -> Sequence[Purchase]:
        rows = await self.house.all(AwardLine, AwardLine.request == self.number)
        found = [Purchase(self.house, number) for number in sorted({row.purchase_order or "" for row in rows} - {""})]
        for purchase in found:
            await purchase.alive()
        return found


async def asking(house: House, quantity: int = 100, **said: Any) -> Request:
    question = Ask.model_validate({"lines": [{"part": house.part, "quantity": quantity}], **said})
    async with house.sessions.begin() as session:
        asked = await ask(
            session, question, by="buyer", key=str(uuid4()), now=await house.now(), policy=house.policy.name
        )
    await house.begin(asked.state)
    return Request(house, asked.state.number)


async def three_bids(request: Request, part: str) -> None:
    await request.bid("S01", (part, "120.00", 7, 18))
    await request.bid("S03", (part, "118.00", 9, 24))
    await request.bid("S05", (part, "150.00", 3, 12))


@pytest.mark.clause("3.3.1")
async def test_the_qualified_are_asked_their_bids_stay_sealed_and_the_best_becomes_contract_and_order(
    house: House,
) -> None:
    week = await house.week()
    request = await asking(house)
    assert await request.asked() == ["S01", "S03", "S05", "S06"]
    assert await request.told(SUPPLIER) == ["ask"]
    await three_bids(request, house.part)
    assert await house.all(SupplierBid, SupplierBid.request == request.number)
    assert await request.readable() == []
    with pytest.raises(Declined, match="still_sealed"):
        await request.decide(Action.OPEN_BIDS, BUYER)
    with pytest.raises(Declined, match="stage_moved_on"):
        await request.award(("S01", 100))

    await request.to_comparison()
    assert await request.rang(week) == ["remind Thu 15:28", "open_bids +Tue 09:00"]
    assert (await request.row()).opened_at == (await request.last(Action.OPEN_BIDS)).at
    assert sorted(await request.readable()) == ["S01 120.00", "S03 118.00", "S05 150.00"]
    assert "open_bids" in await request.told(BUYER)

    await request.award(("S05", 100))
    assert await request.handle.result() == RequestStage.AWARDED
    [won] = await house.all(AwardLine, AwardLine.request == request.number)
    assert (won.supplier, won.rank, won.bids, won.price) == ("S05", 1, 3, Decimal("150.00"))
    contract = (await house.all(Contract, Contract.supplier == "S05", Contract.part == house.part))[-1]
    assert (contract.version, contract.price, contract.request) == (2, Decimal("150.00"), request.number)
    assert contract.valid_until == VALID_UNTIL
    [purchase] = await request.orders()
    assert [(line.quantity, line.unit_price) for line in await purchase.lines()] == [(100, Decimal("150.00"))]
    assert await purchase.stage() is PurchaseStage.PLACED
    assert (await request.told(SUPPLIER))[-2:] == ["award", "not_awarded"]


@pytest.mark.clause("3.3.1")
async def test_too_few_bids_or_another_than_the_best_need_a_reason(house: House) -> None:
    await house.week()
    request = await asking(house)
    await request.bid("S01", (house.part, "120.00", 7, 18))
    await request.bid("S06", (house.part, "119.00", 30, 6))
    await request.to_comparison()
    with pytest.raises(Declined, match="reason_needed"):
        await request.award(("S01", 100))
    await request.award(("S01", 100), reason="the other two have no capacity")
    assert (await request.last(Action.AWARD)).details["few_bids"] == [house.part]

    second = await asking(house)
    await three_bids(second, house.part)
    await second.to_comparison()
    with pytest.raises(Declined, match="reason_needed"):
        await second.award(("S03", 100))
    await second.award(("S03", 100), reason="the longest guarantee")
    assert (await second.last(Action.AWARD)).details["not_the_best"] == [house.part]


async def test_a_part_without_a_specification_is_awarded_like_any_other(house: House) -> None:
    await house.week()
    async with house.sessions.begin() as session:
        await session.execute(update(Part).where(Part.code == house.part).values(specification=""))
    request = await asking(house)
    await three_bids(request, house.part)
    await request.to_comparison()
    await request.award(("S03", 100), reason="the longest guarantee")
    [contract] = await house.all(Contract, Contract.supplier == "S03", Contract.part == house.part)
    assert contract.specification == house.part


@pytest.mark.clause("3.3.1")
async def test_a_line_is_split_between_suppliers(house: House) -> None:
    await house.week()
    request = await asking(house, quantity=100)
    await three_bids(request, house.part)
    await request.to_comparison()
    with pytest.raises(Declined, match="too_many"):
        await request.award(("S05", 60), ("S01", 41), reason="two sources")
    with pytest.raises(Declined, match="no_such_bid"):
        await request.award(("S06", 1), reason="two sources")
    await request.award(("S05", 60), ("S01", 40), reason="two sources")
    orders = {(await each.row()).supplier: (await each.lines())[0].quantity for each in await request.orders()}
    assert orders == {"S05": 60, "S01": 40}


async def test_an_award_may_leave_ordering_for_later(house: House) -> None:
    await house.week()
    request = await asking(house)
    await three_bids(request, house.part)
    await request.to_comparison()
    await request.award(("S05", 100), order_now=False)
    assert await request.handle.result() == RequestStage.AWARDED
    assert await request.orders() == []
    assert (await house.all(Contract, Contract.request == request.number))[0].price == 150


@pytest.mark.clause("3.3.1")
async def test_bids_are_taken_in_time_from_who_was_asked_for_what_they_may_deliver(house: House) -> None:
    await house.week()
    request = await asking(house, lines=[{"part": house.part}, {"part": house.other_part}])
    assert "S02" in await request.asked()
    with pytest.raises(Declined, match="not_invited"):
        await request.bid("S04", (house.part, "1.00", 1, 1))
    with pytest.raises(Declined, match="part_not_asked"):
        await request.bid("S02", (house.part, "1.00", 1, 1))
    with pytest.raises(Declined, match="evidence_needed"):
        await request.decide(
            Action.BID,
            BUYER,
            supplier="S02",
            lines=[{"part": house.other_part, "price": "9.00", "lead_days": 5}],
            valid_until=VALID_UNTIL,
            signed_by="mail",
        )
    await request.bid("S01", (house.part, "130.00", 7, 18))
    await request.bid("S01", (house.part, "125.00", 7, 18))
    await request.bid("S05", (house.part, "140.00", 3, 12))
    await request.decide(Action.NO_BID, SUPPLIER, by="S05")
    await request.to_comparison()
    assert await request.readable() == ["S01 125.00"]
    with pytest.raises(Declined, match="stage_moved_on"):
        await request.bid("S06", (house.part, "1.00", 1, 1))


async def test_a_deadline_is_put_off_and_never_brought_forward(house: House) -> None:
    week = await house.week()
    request = await asking(house)
    with pytest.raises(Declined, match="still_sealed"):
        await request.move_due(week("Tue 12:00"))
    await request.move_due(week("+Wed 12:00"))
    assert (await request.row()).deadline == week("+Wed 12:00")
    assert "deadline_moved" in await request.told(SUPPLIER)
    await house.sleep_until(week("+Tue 12:00"))
    assert await request.readable() == []
    assert (await request.row()).stage is RequestStage.BIDDING
    await request.to_comparison()


async def test_a_request_is_abandoned_and_everybody_hears_it(house: House) -> None:
    await house.week()
    request = await asking(house)
    await request.decide(Action.ABANDON, BUYER, explanation="the part was dropped")
    assert await request.handle.result() == RequestStage.ABANDONED
    assert await request.told(SUPPLIER) == ["ask", "abandon"]


async def test_a_comparison_that_nobody_awards_is_reminded_and_escalated(house: House) -> None:
    week = await house.week()
    request = await asking(house)
    await request.to_comparison()
    await house.sleep_until(week("++Wed 12:00"))
    assert "remind_award" in await request.told(BUYER)
    assert "escalate_award" in await request.told(SUPERVISOR)
    await request.decide(Action.ABANDON, SUPERVISOR, explanation="nobody made an offer")


async def emergency(house: House, supplier: str = "S05", price: str = "199.00") -> Request:
    bought = BuyAtOnce.model_validate(
        {
            "supplier": supplier,
            "lines": [{"part": house.part, "quantity": 2, "price": price}],
            "reason": "a hospital's kitchen stands still",
        }
    )
    async with house.sessions.begin() as session:
        asked = await buy_at_once(
            session, bought, by="buyer", key=str(uuid4()), now=await house.now(), policy=house.policy.name
        )
    await house.begin(asked.state)
    return Request(house, asked.state.number)


async def test_what_is_bought_for_stock_stays_bought_when_an_order_needs_no_piece_of_it_any_more(house: House) -> None:
    [purchase] = await (await emergency(house)).orders()
    await house.stock_up(house.part, 0)
    order = await (await house.order()).to(Stage.SOURCING)
    assert await order.taken() == [f"1 × {house.part} of {purchase.number}"]
    await order.cancel()
    withdrawn = await purchase.logged(Action.WITHDRAW)
    assert withdrawn.details["not_given_back"] == "it was bought for stock"
    assert await purchase.stage() is PurchaseStage.PLACED
    async with house.sessions() as session:
        assert await restorations.unwanted(session) == []


@pytest.mark.clause("3.3.1")
async def test_an_emergency_is_bought_at_once_and_looked_into_by_an_auditor(house: House) -> None:
    week = await house.week()
    request = await emergency(house)
    [purchase] = await request.orders()
    assert (await purchase.row()).supplier == "S05"
    assert (await request.events())[0].details["against_rules"] == ["above_contract"]
    assert await request.told(AUDITOR) == ["emergency"]
    row = await request.row()
    assert (row.stage, row.wait_owner, row.reason) == (
        RequestStage.AFTERWARDS, AUDITOR, "a hospital's kitchen stands still",
    )  # fmt: skip
    await house.sleep_until(week("++Tue 12:00"))
    assert "remind_emergency" in await request.told(AUDITOR)
    assert "escalate_emergency" in await request.told(SUPERVISOR)
    with pytest.raises(Declined, match="own_case"):
        await request.decide(Action.LOOK_INTO, AUDITOR, by="buyer", finding="justified", explanation="I say so")
    await request.decide(
        Action.LOOK_INTO, AUDITOR, finding="not_justified", explanation="stock at Wuhan was overlooked"
    )
    assert await request.handle.result() == RequestStage.LOOKED_INTO
    assert "not_justified" in await request.told(SUPERVISOR)


@pytest.mark.clause("3.1.1")
async def test_an_emergency_does_not_excuse_what_the_policy_forbids(house: House) -> None:
    with pytest.raises(Refusal) as refused:
        await emergency(house, supplier="S04")
    assert refused.value.code == "against_contract"
    assert await house.all(RequestForQuotation) == []


async def test_a_request_whose_writer_died_is_started_by_the_sweep(house: House) -> None:
    bought = BuyAtOnce.model_validate(
        {"supplier": "S05", "lines": [{"part": house.part, "price": "150.00"}], "reason": "it burns"}
    )
    long_ago = datetime.now().astimezone() - timedelta(hours=1)
    async with house.sessions.begin() as session:
        asked = await buy_at_once(session, bought, by="buyer", key="once", now=long_ago, policy=house.policy.name)
    sweeping = Sweeping(house.sessions, house.client, house.settings.task_queue)
    assert await ActivityEnvironment().run(sweeping.start_forgotten) == 2
    request = Request(house, asked.state.number)
    assert (await request.row()).started_at is not None
    [purchase] = await request.orders()
    assert await purchase.stage() is PurchaseStage.PLACED
    await request.decide(Action.LOOK_INTO, AUDITOR, finding="justified", explanation="it did burn")


async def review(house: House, supplier: str, month: int, score: str | None) -> None:
    """How a supplier came out of a month."""
    async with house.sessions.begin() as session:
        session.add(
            SupplierReview(
                first=date(2020, month, 1), end=date(2020, month + 1, 1), supplier=supplier,
                reviewed_at=await house.now(), policy_name=house.policy.name, policy_version=house.policy.version,
                figures={}, score=score and Decimal(score), standing=Standing.QUALIFIED, proposed=None,
            )
        )  # fmt: skip


@pytest.mark.clause("3.3.1")
async def test_the_score_is_that_of_the_newest_review_and_who_has_none_is_measured_by_the_rest(house: House) -> None:
    for supplier, *scores in (("S01", "99.0", "90.0"), ("S03", "80.0", None), ("S05", "45.0")):
        for month, score in enumerate(scores, start=1):
            await review(house, supplier, month, score)
    request = await asking(house)
    await three_bids(request, house.part)
    await request.to_comparison()

    async def compared() -> dict[str, Any]:
        async with house.sessions() as session:
            view = await request_view(session, request.number, await house.now())
        assert view
        return {bid.supplier: bid for bid in view.comparison[0].bids}

    bids = await compared()
    assert {supplier: bid.score for supplier, bid in bids.items()} == {"S01": 90, "S03": None, "S05": 45}
    assert bids["S05"].gaps[Criterion.SCORE] == Decimal("0.5")
    weights = house.policy.purchasing.requests.weights
    others = {name: weights.of(name) for name in Criterion if name is not Criterion.SCORE}
    mean = sum(weight * bids["S03"].gaps[name] for name, weight in others.items()) / sum(others.values())
    assert bids["S03"].gap == pytest.approx(mean, abs=Decimal("0.0002"))

    best = min(bids.values(), key=lambda bid: bid.rank)
    await request.award((best.supplier, 100))
    await review(house, "S05", 3, "100.0")
    await review(house, "S01", 3, "1.0")
    assert await compared() == bids, "what was compared stays as it was when it was awarded"
