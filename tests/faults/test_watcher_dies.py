"""A worker that dies between seeing a parcel delivered and telling its order."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from temporalio.testing import ActivityEnvironment

from activities.watching import Finding, Watching
from database.session import Sessions
from database.tables import Parcel
from domain.parcels import Milestone, Scan
from faults import world
from faults.order_situation import PART
from faults.search import Move
from faults.states import received

HANDED_OVER: Sequence[Move] = (
    ("decide", "take", "0"),
    ("decide", "quote", "1"),
    ("decide", "approve", "0"),
    ("decide", "pack", "0"),
    ("booked",),
    ("decide", "hand_over", "0"),
)
CARRIER: Any = SimpleNamespace(account=SimpleNamespace(min_spacing=timedelta(seconds=1)))


class Order:
    """Hears what it is told, or its teller dies."""

    def __init__(self) -> None:
        self.heard: list[Milestone] = []
        self.dies = True

    def get_workflow_handle(self, workflow: str) -> "Order":
        return self

    async def signal(self, name: str, news: Any, rpc_timeout: timedelta) -> None:
        if self.dies:
            raise asyncio.CancelledError
        self.heard.append(news.milestone)


async def test_the_order_hears_of_it_all_the_same(sessions: Sessions) -> None:
    await world.enter(sessions, [PART], [])
    async with sessions.begin() as session:
        house = await received(session, pieces=2)
        for move in HANDED_OVER:
            await house.do(move)
        shipment = (await house.situation()).shipment
        assert shipment[0] == "handed_over"
        [parcel] = (await session.scalars(Parcel.__table__.select().with_only_columns(Parcel.shipment))).all()
    order: Any = Order()
    watching = Watching(sessions, order, CARRIER, "http://test", timedelta(seconds=1))
    delivered = Scan(
        waybill="SF1", at=datetime.now(UTC) - timedelta(hours=1), milestone=Milestone.DELIVERED, code="301", text=""
    )
    with pytest.raises(asyncio.CancelledError):
        await ActivityEnvironment().run(watching._learn, CARRIER, [Finding(parcel, [delivered])])
    async with sessions() as session:
        assert (await session.get_one(Parcel, parcel)).next_look_at is not None
    order.dies = False
    await ActivityEnvironment().run(watching._learn, CARRIER, [Finding(parcel, [delivered])])
    assert order.heard == [Milestone.DELIVERED]
    async with sessions() as session:
        assert (await session.get_one(Parcel, parcel)).next_look_at is None
