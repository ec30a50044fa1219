"""What the bench fills a database with is what lists and figures read."""

from datetime import UTC, datetime

from sqlalchemy import func, select

from bench.filling import OPEN_SHARE, fill
from database.reading.reviews import newest_reviews
from database.session import Sessions
from database.tables import CostMonth, Message, Movement, MovementReason, ReplacementOrder

ORDERS = 50
WAYS = (MovementReason.RECEIPT, MovementReason.INSPECTION, MovementReason.ISSUE, MovementReason.DELIVERY)


async def test_a_filled_database_has_its_orders_open_and_closed_and_its_books(sessions: Sessions) -> None:
    number = await fill(sessions, ORDERS)
    async with sessions() as session:
        is_open = ReplacementOrder.ended_at.is_(None) & ReplacementOrder.number.startswith("RO-B")
        assert await session.scalar(select(func.count()).where(is_open)) == ORDERS // OPEN_SHARE
        assert await session.get(ReplacementOrder, number)
        assert await session.scalar(select(func.count(Message.id))) == ORDERS
        moved = select(Movement.reason, func.sum(Movement.quantity)).where(Movement.effect.contains("O-B"))
        rows = await session.execute(moved.group_by(Movement.reason))
        assert {reason: int(pieces) for reason, pieces in rows} == dict.fromkeys(WAYS, ORDERS)
        assert await session.scalar(select(func.sum(CostMonth.pieces))) == ORDERS
        assert await newest_reviews(session, after="", limit=10)
        assert not await session.scalar(select(func.count()).where(Movement.at > datetime.now(UTC)))
