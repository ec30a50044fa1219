"""The air of the warehouses (policy 4.1.2): readings are kept once each; one out of range sets stock apart.

Whatever lies free where the air was wrong goes to inspection at once, in the transaction that keeps the reading. What
is reserved stays where it is, as only qualified stock can be; it is said for whom it is, and it can't be packed until
the finding is settled.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import chain
from typing import Any

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from sqlalchemy import func, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from database import stock, tasks
from database.reading.holders import holders
from database.tables import (
    Finding,
    FoundBy,
    Movement,
    MovementReason,
    Place,
    Reading,
    Sensor,
    Stock,
    Warehouse,
    WarehouseTask,
    Zone,
)
from domain.policy import Timekeeper
from domain.stages import Refusal, Role
from domain.tasks import TaskKind
from domain.texts import Code
from domain.warehouse_rules import Topic

AHEAD = timedelta(minutes=5)
"""How far a sensor's clock may be ahead of ours."""


class Measured(BaseModel):
    """What a sensor measured: degrees Celsius, and relative humidity in per cent."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    sensor: Code
    at: AwareDatetime
    temperature: Decimal = Field(ge=-90, le=90, decimal_places=1)
    humidity: Decimal = Field(ge=0, le=100, decimal_places=1)


@dataclass(frozen=True)
class Taken:
    """What became of readings: how many are new, how many were known, how many are out of range; and the findings that
    they led to, which are still to be brought to life."""

    new: int
    known: int
    out_of_range: int
    findings: Sequence[str]


async def take(
    session: AsyncSession, readings: Sequence[Measured], time: Timekeeper, by: str, at: datetime
) -> Taken:  # fmt: skip
    """Keeps readings and acts on those out of range. Raises Refusal `unknown_sensor`, `invalid_time`."""
    new, wrong, findings = 0, 0, list[str]()
    for reading in sorted(readings, key=lambda each: (each.sensor, each.at)):
        found = (
            await session.execute(
                select(Sensor, Place).join(Place, Place.code == Sensor.place).where(Sensor.code == reading.sensor)
            )
        ).one_or_none()
        if found is None:
            raise Refusal("unknown_sensor", f"there is no sensor {reading.sensor}")
        if reading.at > at + AHEAD:
            raise Refusal("invalid_time", f"{reading.sensor} measured in the future")
        sensor, place = found.Sensor, found.Place
        climate = time.policy.warehouse.climate.zones.get(place.zone)
        outside = climate.outside(reading.temperature, reading.humidity) if climate else ()
        if not await _keep(session, reading, bool(outside)):
            continue
        new += 1
        if outside:
            wrong += 1
            if number := await _act(session, sensor, place, reading, outside, time, by, at):
                findings.append(number)
    return Taken(new, len(readings) - new, wrong, findings)


async def _keep(session: AsyncSession, reading: Measured, wrong: bool) -> bool:
    kept = await session.scalar(
        insert(Reading)
        .values(**reading.model_dump(), out_of_range=wrong)
        .on_conflict_do_nothing()
        .returning(Reading.sensor)
    )
    if kept is None:
        return False
    await session.execute(
        update(Sensor)
        .where(Sensor.code == reading.sensor, or_(Sensor.last_at.is_(None), Sensor.last_at < reading.at))
        .values(last_at=reading.at)
    )
    return True


async def _act(
    session: AsyncSession,
    sensor: Sensor,
    place: Place,
    reading: Measured,
    outside: Sequence[str],
    time: Timekeeper,
    by: str,
    at: datetime,
) -> str | None:
    """Sets free stock apart, under the place's open finding or a new one; the number of a new one."""
    assert place.warehouse is not None
    await session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(f"climate/{place.code}", 0))))
    known = await open_finding(session, FoundBy.READING, place.code)
    free, reserved = await _lying(session, place)
    number = known or await tasks.begin(
        session,
        TaskKind.FINDING,
        place.warehouse,
        time,
        at,
        cause=f"climate/{sensor.code}/{reading.at.isoformat()}",
        by=by,
        subject=place.code,
        details={"sensor": sensor.code, "out_of_range": list(outside), "moved": free, "reserved_for": reserved},
        told=(
            ("climate", Role.WAREHOUSE_KEEPER),
            *([("climate_reserved", Role.SERVICE_AGENT)] if reserved else []),
        ),
    )
    if number is None:
        return None
    if known is None:
        session.add(
            Finding(
                task=number,
                found_by=FoundBy.READING,
                topic=Topic.DAMP,
                place=place.code,
                sensor=sensor.code,
                details=reading.model_dump(mode="json")
                | {"out_of_range": list(outside), "reserved_orders": sorted({*chain(*reserved.values())})},
            )
        )
    for part, pieces in free.items():
        await stock.move(
            session,
            part,
            pieces,
            source=place.code,
            target=await stock.place_of(session, place.warehouse, Zone.AWAITING_INSPECTION),
            reason=MovementReason.QUARANTINE,
            at=at,
            by=by,
            document=number,
            effect=f"{number}/{sensor.code}/{reading.at.isoformat()}/{part}",
        )
    return number if known is None else None


async def _lying(session: AsyncSession, place: Place) -> tuple[dict[str, int], dict[str, list[str]]]:
    """What lies free in a place, by part; and for which orders other pieces are reserved. The rows are locked."""
    if place.zone not in stock.SHIPPABLE:
        return {}, {}
    rows = (
        await session.scalars(
            select(Stock).where(Stock.place == place.code, Stock.on_hand > 0).order_by(Stock.part).with_for_update()
        )
    ).all()
    free = {row.part: row.on_hand - row.reserved for row in rows if row.on_hand > row.reserved}
    reserved = {row.part: list(await holders(session, place.code, row.part)) for row in rows if row.reserved}
    return free, reserved


async def open_finding(session: AsyncSession, found_by: FoundBy, place: str) -> str | None:
    """The finding about a place that is not settled yet."""
    return await session.scalar(
        select(Finding.task)
        .join(WarehouseTask, WarehouseTask.number == Finding.task)
        .where(Finding.found_by == found_by, Finding.place == place, WarehouseTask.ended_at.is_(None))
        .limit(1)
    )


async def notice_silence(session: AsyncSession, time: Timekeeper, at: datetime) -> list[str]:
    """Sensors that have said something once and nothing for too long become findings; the numbers of the new ones."""
    rows = (
        await session.execute(
            select(Sensor, Warehouse.code)
            .join(Place, Place.code == Sensor.place)
            .join(Warehouse, Warehouse.code == Place.warehouse)
            .where(Sensor.last_at < at)
            .order_by(Sensor.code)
        )
    ).all()
    found = []
    for sensor, warehouse in rows:
        heard = sensor.last_at or at
        if time.after(heard, time.policy.warehouse.climate.silent_after) > at:
            continue
        number = await tasks.begin(
            session,
            TaskKind.FINDING,
            warehouse,
            time,
            at,
            cause=f"silence/{sensor.code}/{heard.isoformat()}",
            subject=sensor.code,
            details={"sensor": sensor.code, "last_at": heard.isoformat()},
            told=(("silence", Role.WAREHOUSE_KEEPER),),
        )
        if number is not None:
            details: dict[str, Any] = {"last_at": heard.isoformat()}
            session.add(
                Finding(
                    task=number,
                    found_by=FoundBy.SILENCE,
                    topic=Topic.EQUIPMENT,
                    place=sensor.place,
                    sensor=sensor.code,
                    details=details,
                )
            )
            found.append(number)
    return found


async def set_apart(session: AsyncSession, finding: str) -> dict[str, int]:
    """Pieces that a finding has sent to inspection and that still lie there, by part."""
    into, out = (
        select(Movement.part, func.sum(Movement.quantity))
        .join(Place, Place.code == side)
        .where(Movement.document == finding, Place.zone == Zone.AWAITING_INSPECTION)
        .group_by(Movement.part)
        for side in (Movement.target, Movement.source)
    )
    left = {part: int(pieces) for part, pieces in await session.execute(into)}
    for part, pieces in await session.execute(out):
        left[part] -= int(pieces)
    return {part: pieces for part, pieces in sorted(left.items()) if pieces}


async def blocks(session: AsyncSession, order: str) -> str | None:
    """The finding that nobody has settled yet and under which pieces lay for the order where the air was wrong."""
    return await session.scalar(
        select(Finding.task)
        .join(WarehouseTask, WarehouseTask.number == Finding.task)
        .where(
            WarehouseTask.ended_at.is_(None),
            Finding.found_by == FoundBy.READING,
            Finding.details["reserved_orders"].contains([order]),
        )
        .limit(1)
    )
