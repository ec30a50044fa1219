"""What supervisors look at: how exact the books are, the air of the warehouses, plans for emergencies."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.ext.asyncio import AsyncSession

from database.reading.documents import View
from database.tables import CountLine, EmergencyPlan, Place, Reading, Sensor, Warehouse, WarehouseTask
from domain.counting import CountedLine, StockAccuracy, stock_accuracy
from domain.tasks import TaskKind, TaskStage
from domain.warehouse_rules import Topic


class SensorView(View):
    """A sensor with its newest reading; none if it has not said anything yet."""

    sensor: str
    place: str
    warehouse: str | None
    at: datetime | None
    temperature: Decimal | None
    humidity: Decimal | None
    out_of_range: bool | None


class PlanView(View):
    """The plan in force for a kind of emergency (policy 4.3.1)."""

    topic: Topic
    version: int
    title_en: str
    title_zh: str
    text_en: str
    text_zh: str
    entered_at: datetime


async def accuracy(
    session: AsyncSession, tolerances: Mapping[str, Decimal], since: datetime, until: datetime, warehouse: str | None
) -> StockAccuracy | None:
    """Stock accuracy by the counts that ended in a time (policy 7.2.1); None if none did."""
    wanted = [
        WarehouseTask.kind == TaskKind.COUNT,
        WarehouseTask.stage == TaskStage.COUNTED,
        WarehouseTask.ended_at >= since,
        WarehouseTask.ended_at < until,
        CountLine.book.is_not(None),
    ]
    if warehouse:
        wanted.append(WarehouseTask.warehouse == warehouse)
    rows = await session.execute(
        select(CountLine.id, CountLine.value_class, CountLine.book, CountLine.quantity, CountLine.unit_value)
        .join(WarehouseTask, WarehouseTask.number == CountLine.task)
        .where(*wanted)
        .order_by(CountLine.id)
    )
    return stock_accuracy([CountedLine.model_validate(row) for row in rows], tolerances)


async def sensors(session: AsyncSession, warehouse: str | None = None) -> list[SensorView]:
    wanted = [Place.warehouse == warehouse] if warehouse else []
    rows = await session.execute(
        select(
            Sensor.code.label("sensor"),
            Sensor.place,
            Place.warehouse,
            Sensor.last_at.label("at"),
            Reading.temperature,
            Reading.humidity,
            Reading.out_of_range,
        )
        .join(Place, Place.code == Sensor.place)
        .outerjoin(Reading, (Reading.sensor == Sensor.code) & (Reading.at == Sensor.last_at))
        .where(*wanted)
        .order_by(Sensor.place, Sensor.code)
    )
    return [SensorView.model_validate(row) for row in rows]


async def plans(session: AsyncSession) -> list[PlanView]:
    """The newest plan of each kind."""
    table = EmergencyPlan
    rows = await session.scalars(
        select(table).ext(distinct_on(table.topic)).order_by(table.topic, table.version.desc())
    )
    return [PlanView.model_validate(row) for row in rows]


async def warehouses(session: AsyncSession) -> list[Warehouse]:
    return list(await session.scalars(select(Warehouse).order_by(Warehouse.code)))
