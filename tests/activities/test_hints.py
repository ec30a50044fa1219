"""Hints counted from what orders really came to (policy 1.3.2, 2.2.1)."""

from datetime import timedelta

import pytest

from database.reading.hints import Hints, PartHint, hints_for
from domain.stages import Stage
from tests.activities.paper import PaperHouse
from tests.workflows.documents import Order
from tests.workflows.week import OFFICE

BURNT, NOISE = "motion.still.motor_burnt", "motion.noise.bearing"


async def hints(house: PaperHouse, order: Order) -> Hints:
    async with house.sessions() as session:
        found = await hints_for(session, order.number, await house.now())
    assert found is not None
    return found


async def part(house: PaperHouse, order: Order, code: str) -> PartHint:
    return next(one for one in (await hints(house, order)).parts if one.part == code)


async def fitted(house: PaperHouse, code: str, fault: str = BURNT) -> Order:
    order = await (await house.order(fault_code=fault)).to(Stage.REVISIT, (code, 1))
    await house.later(hours=3)  # the technician drives on
    return order


@pytest.mark.clause("1.3.2")
async def test_what_cured_this_fault_before_comes_first_and_says_how_often(paper: PaperHouse) -> None:
    for _ in range(2):
        await (await fitted(paper, paper.part)).works()
    in_vain = await fitted(paper, paper.other_part)
    await in_vain.faulty()
    await in_vain.send_part((paper.part, 1))
    await in_vain.to(Stage.REVISIT)
    await in_vain.works()
    await (await fitted(paper, paper.other_part, NOISE)).works()
    open_still = await fitted(paper, paper.part)

    order = await paper.order(fault_code=BURNT)
    found = await hints(paper, order)
    assert (found.orders, found.same_fault) == (3, True), f"{open_still.number} is not closed"
    best, *others = found.parts
    assert (best.part, best.why, best.solved, best.tried) == (paper.part, "cured", 3, 3)
    assert (others[-1].part, others[-1].solved, others[-1].tried) == (paper.other_part, 0, 1)
    assert best.free == await paper.available()

    anything = await hints(paper, await paper.order())
    assert (anything.orders, anything.same_fault) == (4, False)
    assert (await part(paper, await paper.order(), paper.other_part)).solved == 1


async def test_a_part_that_was_not_it_counts_as_tried(paper: PaperHouse) -> None:
    order = await (await paper.order(fault_code=BURNT)).to(Stage.INSTALLATION, (paper.other_part, 1))
    await order.book_visit()
    await order.not_fitted("other_fault")
    await order.send_part((paper.part, 1))
    await order.to(Stage.REVISIT)
    await order.works()
    asked = await paper.order(fault_code=BURNT)
    tried = await part(paper, asked, paper.other_part)
    assert (tried.solved, tried.tried) == (0, 1)
    assert (await part(paper, asked, paper.part)).solved == 1


@pytest.mark.clause("1.3.2")
async def test_only_parts_that_fit_and_successors_of_those_that_are_gone(paper: PaperHouse) -> None:
    order = await paper.order(model="HG-XQG100", lines=[{"part": "XQG-BOARD-V1", "quantity": 1}])
    found = await hints(paper, order)
    codes = [one.part for one in found.parts]
    assert codes[0] == "XQG-BOARD-V3", "the customer asks for it, two generations on"
    assert not {"XQG-BOARD-V1", "XQG-BOARD-V2", "RO-PUMP"} & set(codes)
    gone = {one.part: (one.successor, one.wanted) for one in found.superseded}
    assert gone == {"XQG-BOARD-V1": ("XQG-BOARD-V3", True), "XQG-BOARD-V2": ("XQG-BOARD-V3", False)}


@pytest.mark.parametrize(
    ("serial", "recalls", "certain"),
    [("JSQ26-001075", ["RC-2026-01"], True), ("JSQ26-001667", [], True), (None, ["RC-2026-01"], False)],
)
async def test_open_recalls_by_model_and_serial_number(
    paper: PaperHouse, serial: str | None, recalls: list[str], certain: bool
) -> None:
    order = await paper.order(model="HG-JSQ26", serial=serial)
    found = await hints(paper, order)
    assert [one.code for one in found.recalls] == recalls
    assert all(one.certain is certain for one in found.recalls)
    assert (found.parts[0].part == "JSQ-VALVE-16") == bool(recalls)


async def test_a_recall_that_is_closed_is_none(paper: PaperHouse) -> None:
    order = await paper.order(serial="CXW268-001593")
    assert (await hints(paper, order)).recalls == ()


async def test_warranty_of_the_unit_and_of_parts_fitted_before(paper: PaperHouse) -> None:
    first = await (await paper.order(serial="CXW268-001001")).to(Stage.REVISIT)
    fitted_on = (await paper.now()).astimezone(OFFICE).date()
    await first.works()
    order = await paper.order(serial="CXW268-001001")
    found = await hints(paper, order)
    assert found.unit is not None
    assert found.unit.holds
    [guarantee] = found.guarantees
    assert (guarantee.part, guarantee.order, guarantee.holds) == (paper.part, first.number, True)
    assert abs(guarantee.fitted_on - fitted_on) <= timedelta(days=1)
    assert guarantee.until > fitted_on + timedelta(days=360)
    await paper.later(days=1200)
    old = await hints(paper, order)
    assert old.unit is not None
    assert not old.unit.holds
    assert not old.guarantees[0].holds


async def test_an_unknown_product_gets_no_hints_about_parts(paper: PaperHouse) -> None:
    found = await hints(paper, await paper.order(model=None, product="an old hood"))
    assert (found.parts, found.recalls, found.unit, found.guarantees) == ((), (), None, ())
