"""Pieces with serial numbers, from the supplier's lorry to the customer and back (policy 4.2.1, 5.2.2)."""

from collections.abc import Sequence
from uuid import uuid4

import pytest
from sqlalchemy import select

from database import stock
from database.reading.movements import WantedMovements, movements
from database.reading.orders import order_view
from database.tables import Movement, MovementReason, StockLot
from domain.order_decisions import Condition
from domain.receiving import LotVerdict
from domain.stages import Action, PurchaseStage, Refusal, Role, Stage
from tests.workflows.documents import Declined, Order, Purchase
from tests.workflows.house import House
from tests.workflows.test_purchasing import short_of

KEEPER = Role.WAREHOUSE_KEEPER
AWAITING, SOUND, UNSOUND = "HZ1/awaiting-inspection", "HZ1/valuables", "HZ1/nonconforming"


@pytest.fixture
async def numbered(house: House) -> House:
    """The part that is short has serial numbers."""
    house.model, house.part = "HG-JSQ30", "JSQ-EXCHANGER"
    return house


async def lying(house: House, place: str) -> list[str]:
    async with house.sessions() as session:
        rows = select(StockLot.serial).where(StockLot.place == place, StockLot.part == house.part, StockLot.on_hand > 0)
        return list(await session.scalars(rows.order_by(StockLot.serial)))


async def way_of(house: House, serial: str) -> list[str]:
    """Where a piece went, by the ledger."""
    async with house.sessions() as session:
        rows = select(Movement.target).where(Movement.part == house.part, Movement.serial == serial)
        return list(await session.scalars(rows.order_by(Movement.id)))


async def brought(house: House, pieces: int, serials: Sequence[str]) -> tuple[Order, Purchase]:
    """An order whose numbered pieces came and were found sound."""
    order, purchase = await short_of(house, pieces)
    await purchase.confirm()
    await purchase.count(len(serials), serials=list(serials))
    await purchase.inspect()
    await order.until(Stage.DISPATCH)
    return order, purchase


async def pack(order: Order, *serials: str) -> None:
    await order.decide(Action.PACK, KEEPER, serials=list(serials))


async def by_hand(house: House, source: str, target: str, serial: str) -> None:
    async with house.sessions.begin() as session:
        await stock.move(
            session, house.part, 1, source=source, target=target, reason=MovementReason.TRANSFER, serial=serial,
            at=await house.now(), by="keeper", document="TEST", effect=str(uuid4()),
        )  # fmt: skip


@pytest.mark.clause("4.2.1")
async def test_every_piece_comes_in_with_a_number_that_no_other_has(numbered: House) -> None:
    house = numbered
    order, purchase = await short_of(house, 3)
    await purchase.confirm()
    with pytest.raises(Declined, match="serial_needed"):
        await purchase.count(2)
    await purchase.count(2, serials=["A-1", "A-2"])
    assert await lying(house, AWAITING) == ["A-1", "A-2"]
    with pytest.raises(Declined, match="serial_known"):
        await purchase.count(1, serials=["A-2"])
    with pytest.raises(Declined, match="refused_serials"):
        await purchase.inspect(faulty=1)
    with pytest.raises(Declined, match="refused_serials"):
        await purchase.inspect(faulty=1, refused_serials=["A-9"])
    await purchase.inspect(faulty=1, refused_serials=["A-1"])
    [lot] = await purchase.lots()
    assert (lot.verdict, lot.serials, lot.refused_serials) == (LotVerdict.REFUSED, ["A-1", "A-2"], ["A-1"])
    assert (await lying(house, SOUND), await lying(house, UNSOUND)) == (["A-2"], ["A-1"])

    await purchase.hand_back()
    assert await way_of(house, "A-1") == [AWAITING, UNSOUND, "outside/suppliers"]
    await purchase.count(2, serials=["A-1", "A-3"])  # repaired, it may come again
    await purchase.inspect()
    await order.until(Stage.DISPATCH)
    assert await lying(house, SOUND) == ["A-1", "A-2", "A-3"]
    assert await purchase.settle() is PurchaseStage.GOODS_RECEIVED


@pytest.mark.clause("5.2.2")
async def test_which_piece_leaves_is_scanned_and_stands_in_ledger_and_order(numbered: House) -> None:
    house = numbered
    order, _ = await brought(house, 2, ["B-1", "B-2"])
    for said, code in (
        ((), "serial_needed"),
        (("B-1",), "serial_needed"),
        (("B-1", "B-2", "B-7"), "serial_not_picked"),
    ):
        with pytest.raises(Declined, match=code):
            await pack(order, *said)
    await pack(order, "B-2", "B-1")
    await order.booked()
    await order.hand_over()
    shipment = await order.shipment()
    async with house.sessions() as session:
        told = await movements(session, WantedMovements(document=shipment.id, serial="B-2"))
        view = await order_view(session, order.number, await house.now())
    assert view is not None
    assert [(row.source, row.target, row.reason) for row in told.items] == [(SOUND, "in-transit", "issue")]
    assert [(each.part, each.serials) for each in view.shipments[-1].numbered] == [(house.part, ("B-1", "B-2"))]
    assert (await order.last(Action.PACK)).details["serials"] == {house.part: ["B-1", "B-2"]}
    await order.deliver()
    assert await way_of(house, "B-2") == [AWAITING, SOUND, "in-transit", "outside/customers"]


@pytest.mark.clause("4.2.1")
async def test_the_piece_that_comes_back_is_the_one_that_left(numbered: House) -> None:
    house = numbered
    order, _ = await brought(house, 1, ["C-1"])
    await pack(order, "C-1")
    await order.booked()
    await order.hand_over()
    await order.receive_back(Condition.DAMAGED)
    assert await way_of(house, "C-1") == [AWAITING, SOUND, "in-transit", UNSOUND]


@pytest.mark.clause("4.2.1")
async def test_a_packed_piece_is_nobody_elses_until_its_parcel_is_called_off(numbered: House) -> None:
    house = numbered
    order, _ = await brought(house, 1, ["D-1"])
    other = await house.order()
    await other.to(Stage.SOURCING, (house.part, 1))
    [second] = await other.purchases()
    await second.confirm()
    await second.count(1, serials=["D-2"])
    await second.inspect()
    await other.until(Stage.DISPATCH)
    await order.decide(Action.PACK, KEEPER, serials=["D-1"], carrier="manual")
    with pytest.raises(Declined, match="serial_needed"):
        await pack(other, "D-1")
    await by_hand(house, "outside/opening", SOUND, "D-3")  # there is a free piece now, and still
    with pytest.raises(Refusal, match="D-1"):
        await by_hand(house, SOUND, UNSOUND, "D-1")

    await order.cancel()
    await order.until(Stage.CANCELLED)
    await pack(other, "D-1")
    await other.booked()
    await other.hand_over()
    assert await lying(house, SOUND) == ["D-2", "D-3"]
