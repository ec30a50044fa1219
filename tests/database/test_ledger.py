"""The ledger of stock: what a movement says, what a zone allows, lots and numbers, corrections."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import func, insert, select, text, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from database import stock
from database.reading import movements
from database.session import Sessions
from database.tables import Movement, MovementReason, Part, Place, Stock, StockLot, Tracking, Zone
from domain.stages import Refusal
from tests.plans import scans

AT = datetime(2026, 11, 26, 8, tzinfo=UTC)
PART = "XQG-PUMP"
FLOOR, APART, BIN = "HZ1/qualified", "HZ1/nonconforming", "HZ1/bin-technician"


async def move(session: AsyncSession, quantity: int, source: str, target: str, **said: Any) -> str:
    document: str = said.pop("document", f"T-{uuid4().hex[:12]}")
    details: dict[str, Any] = {"reason": MovementReason.TRANSFER, "by": "keeper", "at": AT, "effect": f"test/{uuid4()}"}
    await stock.move(session, PART, quantity, source=source, target=target, document=document, **details | said)
    return document


async def enter(session: AsyncSession, quantity: int, **said: Any) -> None:
    await move(session, quantity, stock.OPENING, FLOOR, reason=MovementReason.OPENING, **said)


async def balances(session: AsyncSession) -> dict[str, int]:
    rows = await session.execute(select(Stock.place, Stock.on_hand).where(Stock.part == PART, Stock.on_hand != 0))
    return dict(rows.all())


async def lots(session: AsyncSession, place: str) -> dict[str, int]:
    rows = await session.execute(
        select(func.concat(StockLot.lot, StockLot.serial), StockLot.on_hand).where(
            StockLot.place == place, StockLot.part == PART, StockLot.on_hand > 0
        )
    )
    return dict(rows.all())


async def newest(session: AsyncSession, number: int = 1) -> Sequence[Movement]:
    rows = select(Movement).where(Movement.part == PART).order_by(Movement.id.desc()).limit(number)
    return (await session.scalars(rows)).all()


async def empty(session: AsyncSession, tracking: Tracking = Tracking.NONE) -> None:
    """The part, with nothing of it in the house."""
    for place, quantity in (await balances(session)).items():
        if quantity > 0 and not place.startswith("outside"):
            await move(session, quantity, place, stock.OPENING)
    await session.execute(update(Part).where(Part.code == PART).values(tracking=tracking))


@pytest.mark.clause("4.2.1")
async def test_a_movement_says_what_when_who_why_and_where_it_is_written(sessions: Sessions) -> None:
    async with sessions.begin() as session:
        await enter(session, 3, document="OPENING", by="keeper", lot="L-7", note="found behind the rack")
        row = (await newest(session))[0]
        assert (row.part, row.quantity, row.at, row.by) == (PART, 3, AT, "keeper")
        assert (row.reason, row.document, row.lot, row.note) == ("opening", "OPENING", "L-7", "found behind the rack")
        assert (row.source_zone, row.target_zone) == ("outside", "qualified")


@pytest.mark.clause("4.2.1")
async def test_a_movement_is_booked_once_however_often_it_is_sent(sessions: Sessions) -> None:
    async with sessions.begin() as session:
        await empty(session, Tracking.LOT)
        for _ in range(2):
            await enter(session, 3, effect="once")
        for _ in range(2):
            await move(session, 2, FLOOR, BIN, effect="once more")
        assert (await balances(session))[FLOOR] == 1


async def test_the_longest_codes_of_document_part_and_place_make_a_key(sessions: Sessions) -> None:
    """As a purchase order's pieces move, one by one."""
    part, place = "P" * 64, f"HZ1/{'z' * 44}"
    async with sessions.begin() as session:
        known = {column.key: getattr(await session.get_one(Part, PART), column.key) for column in Part.__table__.c}
        session.add(Part(**known | {"code": part, "superseded_by": None}))
        session.add(Place(code=place, warehouse="HZ1", zone=Zone.QUALIFIED, bin="z" * 32))
        await session.flush()
        number = f"PO-20261127-{'9' * 20}"
        said: dict[str, Any] = {"reason": MovementReason.OPENING, "by": "keeper", "at": AT, "document": number}
        for _ in range(2):
            effect = f"{number}/12/{part}/{place}+2"
            await stock.move(session, part, 1, source=stock.OPENING, target=place, effect=effect, **said)
        assert await session.scalar(select(Stock.on_hand).where(Stock.part == part, Stock.place == place)) == 1


@pytest.mark.clause("4.2.1")
async def test_nobody_takes_what_is_not_there_or_is_reserved(sessions: Sessions) -> None:
    async with sessions.begin() as session:
        await empty(session)
        await enter(session, 3)
        await session.execute(update(Stock).where(Stock.place == FLOOR, Stock.part == PART).values(reserved=2))
        with pytest.raises(Refusal) as refusal:
            await move(session, 2, FLOOR, APART)
        assert refusal.value.code == "not_enough_stock"


@pytest.mark.clause("4.2.1")
async def test_a_correction_is_a_movement_back_and_only_one(sessions: Sessions) -> None:
    async with sessions.begin() as session:
        await empty(session)
        await enter(session, 3)
        await move(session, 2, FLOOR, APART)
        wrong = (await newest(session))[0]
        await stock.reverse(session, wrong.id, at=AT, by="keeper", document="MV-1", note="the wrong rack")
        back = (await newest(session))[0]
        assert (back.reason, back.reverses, back.source, back.target) == ("reversal", wrong.id, APART, FLOOR)
        assert await balances(session) | {stock.OPENING: 0} == {FLOOR: 3, stock.OPENING: 0}
        for movement, code in ((wrong.id, "reversed_before"), (back.id, "not_by_hand"), (0, "unknown_movement")):
            with pytest.raises(Refusal) as refusal:
                await stock.reverse(session, movement, at=AT, by="keeper", document="MV-2", note="")
            assert refusal.value.code == code


@pytest.mark.clause("4.2.1")
@pytest.mark.parametrize("wrong", [{"quantity": 1}, {"source": FLOOR, "target": APART}, {"part": "XQG-LOCK"}])
async def test_the_database_takes_no_reversal_that_is_not_the_mirror(wrong: dict[str, Any], sessions: Sessions) -> None:
    async with sessions.begin() as session:
        await enter(session, 3)
        await move(session, 2, FLOOR, APART)
        done = (await newest(session))[0]
        mirror = {"part": PART, "quantity": 2, "source": APART, "target": FLOOR} | wrong
        with pytest.raises(IntegrityError, match="not the mirror"):
            await session.execute(
                insert(Movement).values(
                    at=AT, by="x", document="X", reason="reversal", reverses=done.id, effect="x", **mirror
                )
            )
        await session.rollback()


@pytest.mark.clause("4.1.1")
@pytest.mark.parametrize(
    ("source", "target"),
    [(APART, stock.IN_TRANSIT), (APART, stock.CUSTOMERS), (APART, BIN), ("HZ1/awaiting-inspection", stock.IN_TRANSIT)],
)
async def test_only_sound_pieces_leave_for_customers_or_a_technicians_bin(
    source: str, target: str, sessions: Sessions
) -> None:
    async with sessions() as session:
        await enter(session, 1)
        await move(session, 1, FLOOR, source)
        with pytest.raises(IntegrityError, match="only_sound"):
            await move(session, 1, source, target)


@pytest.mark.clause("4.1.1")
@pytest.mark.parametrize("place", [APART, "HZ1/awaiting-inspection", "HZ1/scrap"])
async def test_only_sound_pieces_are_reserved(place: str, sessions: Sessions) -> None:
    async with sessions() as session:
        await enter(session, 1)
        await move(session, 1, FLOOR, place)
        with pytest.raises(IntegrityError, match="reserved_zone"):
            await session.execute(update(Stock).where(Stock.place == place, Stock.part == PART).values(reserved=1))


@pytest.mark.clause("4.1.1")
async def test_a_zone_whose_pieces_are_reserved_can_not_become_an_unsound_one(sessions: Sessions) -> None:
    async with sessions() as session:
        await enter(session, 1)
        await session.execute(update(Stock).where(Stock.place == FLOOR, Stock.part == PART).values(reserved=1))
        with pytest.raises(IntegrityError, match="reserved_zone"):
            await session.execute(update(Place).where(Place.code == FLOOR).values(zone="scrap"))


@pytest.mark.clause("4.2.1")
async def test_lots_are_kept_apart_and_the_first_to_come_is_the_first_to_go(sessions: Sessions) -> None:
    async with sessions.begin() as session:
        await empty(session, Tracking.LOT)
        await enter(session, 2, lot="L-2", at=AT + timedelta(days=1))
        await enter(session, 2, lot="L-1", at=AT)
        shipment = await move(session, 3, FLOOR, stock.IN_TRANSIT, reason=MovementReason.ISSUE)
        assert await lots(session, FLOOR) == {"L-2": 1}
        other = await move(session, 1, FLOOR, stock.IN_TRANSIT, reason=MovementReason.ISSUE)
        for document, quantity in ((other, 1), (shipment, 3)):
            await move(
                session, quantity, stock.IN_TRANSIT, stock.CUSTOMERS, document=document, reason=MovementReason.DELIVERY
            )
        delivered = [(row.document, row.lot, row.quantity) for row in reversed(await newest(session, 3))]
        assert delivered == [(other, "L-2", 1), (shipment, "L-1", 2), (shipment, "L-2", 1)]


@pytest.mark.clause("4.2.1")
async def test_what_comes_without_a_lot_has_its_document_for_one(sessions: Sessions) -> None:
    async with sessions.begin() as session:
        await empty(session, Tracking.LOT)
        await move(session, 2, stock.SUPPLIERS, FLOOR, document="PO-9", reason=MovementReason.RECEIPT)
        assert await lots(session, FLOOR) == {"PO-9": 2}


@pytest.mark.clause("4.2.1")
async def test_a_serial_number_is_in_one_place(sessions: Sessions) -> None:
    async with sessions() as session:
        await empty(session, Tracking.SERIAL)
        with pytest.raises(Refusal) as refusal:
            await enter(session, 1)
        assert refusal.value.code == "serial_needed"
        await enter(session, 1, serial="S-1")
        await enter(session, 1, serial="S-2")
        await move(session, 1, FLOOR, APART, serial="S-2")
        assert (await lots(session, FLOOR), await lots(session, APART)) == ({"S-1": 1}, {"S-2": 1})
        with pytest.raises(Refusal) as refusal:
            await move(session, 1, FLOOR, BIN, serial="S-2")
        assert refusal.value.code == "not_enough_stock"
        with pytest.raises(IntegrityError, match="uq_stock_lot_serial"):
            await enter(session, 1, serial="S-2", lot="another")


@pytest.mark.clause("4.2.1")
async def test_pieces_from_before_a_part_had_lots_go_without_one(sessions: Sessions) -> None:
    async with sessions.begin() as session:
        await empty(session)
        await enter(session, 2)
        await session.execute(update(Part).where(Part.code == PART).values(tracking=Tracking.LOT))
        await enter(session, 1, lot="L-1")
        await move(session, 3, FLOOR, APART)
        assert await balances(session) | {stock.OPENING: 0} == {APART: 3, stock.OPENING: 0}
        assert [(row.lot, row.quantity) for row in await newest(session, 2)] == [(None, 2), ("L-1", 1)]


async def test_balances_of_an_instant_look_once_at_what_moved_since(sessions: Sessions) -> None:
    """And not for each of them."""
    async with sessions.begin() as session:
        for days in range(40):
            await enter(session, 3, at=AT + timedelta(days=days))
            await move(session, 1, FLOOR, BIN, at=AT + timedelta(days=days))
    async with sessions() as session:
        await session.execute(text("analyze movement, stock"))
        since = AT + timedelta(days=20)
        found = await scans(session, lambda asking: movements.balances(asking, since), "movement")
        assert [scan["Actual Loops"] for scan in found] == [1, 1], found
        before = await movements.balances(session, since, part=PART, place=BIN)
        assert [row.on_hand for row in before.items] == [21]
