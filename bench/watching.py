"""What looks at parcels cost that bring nothing: CPU, and events in the order."""

import asyncio
from time import perf_counter, time
from typing import Final

from sqlalchemy import func, select, text

from bench.histories import events
from bench.office import Office, Order
from bench.results import Cell, Results
from bench.system import SERVERS, System, difference, idle
from carriers.server.depot import Depot
from database.tables import Parcel

LOOKS: Final = 200
LIMIT: Final = 250
CLONE: Final = "BENCH"


async def measure(system: System, results: Results, parcels: tuple[int, ...], looks: int) -> None:
    """At least `looks` looks, so many parcels being due at once; the next ones are as soon as these were looked at."""
    async with Office(system.settings, system.temporal) as office:
        order = await parcel_under_way(system, office)
    every = max(looks, *parcels)
    await clone(system, order, every, CLONE)
    await _look(system, every, every)  # the first look at each brings its first scan
    before = await events(system, order.number)
    rows: list[list[Cell]] = []
    for number in parcels:
        total = max(looks, number)
        resting = await idle(system, SERVERS, 8)
        used, began = system.used(*SERVERS, "carriers"), perf_counter()
        await _look(system, number, total)
        spent = resting.less(difference(used, system.used(*SERVERS, "carriers")), perf_counter() - began)
        scale = LOOKS / total
        carrier = spent.pop("carriers") * scale
        results.hold(f"CPU of 200 fruitless looks, {number:,} parcels", sum(spent.values()) * scale, LIMIT, "ms")
        rows.append([number, total, sum(spent.values()) * scale, *(spent[name] * scale for name in SERVERS), carrier])
    new = await events(system, order.number) - before
    results.hold("events of fruitless looks in the order", new.total(), 0, "events")
    results.add(
        "200 fruitless looks, milliseconds of CPU",
        ("parcels", "looks", "all", *SERVERS, "the carrier's own"),
        rows,
        "scaled to 200 looks; less what the idle system uses",
    )


async def parcel_under_way(system: System, office: Office) -> Order:
    """An order whose parcel the carrier has and that was looked at."""
    async with system.sessions() as session:
        seen = await session.scalar(select(func.sum(Parcel.looks))) or 0
    order = await office.apply()
    await order.agree()
    await order.decide("keeper", "pack")
    await order.until(lambda order: bool(order["shipments"]) and order["shipments"][-1]["state"] == "booked")
    await order.decide("keeper", "hand_over")
    await _looked_at(system, seen + 1)
    return order


async def clone(system: System, order: Order, number: int, name: str) -> None:
    """More parcels like the order's own, `name` and a number each, known to the carrier as well; nothing new will be
    heard of any."""
    async with system.sessions.begin() as session:
        parcel = (await session.scalars(select(Parcel).where(Parcel.order == order.number))).one()
        waybill = parcel.waybill
        for table, key in (("shipment", "id"), ("parcel", "shipment")):
            changes = f"jsonb_build_object('{key}', '{name}-' || n, 'waybill', waybill || '-' || n)"
            await session.execute(
                text(
                    f"insert into {table} select (jsonb_populate_record(t, {changes})).*"
                    f" from {table} t, generate_series(1, :number) n where t.{key} = :shipment"
                ),
                {"number": number, "shipment": parcel.shipment},
            )
        await session.execute(text("update parcel set subscribed_at = now() where subscribed_at is null"))
        await session.execute(text("update parcel set next_look_at = null"))
        often = """update carrier_account set settings = settings || '{"min_spacing": "PT0S"}'"""
        await session.execute(text(often))
    depot = Depot(system.settings.home.resolve() / "carriers")
    record = depot.parcel(waybill, time())
    assert record is not None
    for n in range(1, number + 1):
        depot.keep_parcel(record.model_copy(update={"number": f"{waybill}-{n}", "order_id": f"{name}-{n}"}), time())
    depot.close()


async def _look(system: System, at_once: int, total: int) -> None:
    """Looks at so many parcels, each once."""
    async with system.sessions.begin() as session:
        for statement in (_NEXT, _AFTER, _FIRST):
            await session.execute(text(statement.format(at_once=at_once, last=total - at_once)))
        seen = await session.scalar(select(func.sum(Parcel.looks))) or 0
    await _looked_at(system, seen + total)


_NUMBER: Final = f"substr(shipment, {len(CLONE) + 2})::int"
_NUMBER_OF_NEW: Final = _NUMBER.replace("shipment", "new.shipment")
_FIRST: Final = f"update parcel set next_look_at = now() where shipment like '{CLONE}-%' and {_NUMBER} <= {{at_once}}"
_NEXT: Final = f"""
create or replace function look_at_next() returns trigger language plpgsql as $$
begin
    update parcel set next_look_at = now() where shipment = '{CLONE}-' || {_NUMBER_OF_NEW} + {{at_once}};
    return null;
end $$
"""
_AFTER: Final = f"""
create or replace trigger look_at_next after update on parcel for each row
when (new.looks > old.looks and new.shipment like '{CLONE}-%' and {_NUMBER_OF_NEW} <= {{last}})
execute function look_at_next()
"""


async def _looked_at(system: System, looks: int) -> None:
    """Waits until all parcels together were looked at so many times."""
    async with asyncio.timeout(600):
        while True:
            async with system.sessions() as session:
                if (await session.scalar(select(func.sum(Parcel.looks))) or 0) >= looks:
                    return
            await asyncio.sleep(0.5)
