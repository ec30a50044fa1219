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
    """Each number of parcels is looked at at least `looks` times in all, without a rest in between."""
    async with Office(system.settings, system.temporal) as office:
        order = await office.apply()
        await order.agree()
        await order.decide("keeper", "pack")
        await order.until(lambda order: bool(order["shipments"]) and order["shipments"][-1]["state"] == "booked")
        await order.decide("keeper", "hand_over")
    await _looked_at(system, 1)
    await _clone(system, order, max(parcels))
    before = await events(system, order.number)
    rows: list[list[Cell]] = []
    for number in parcels:
        rounds = max(1, looks // number)
        resting = await idle(system, SERVERS, 8)
        used, began = system.used(*SERVERS, "carriers"), perf_counter()
        await _look(system, number, rounds)
        spent = resting.less(difference(used, system.used(*SERVERS, "carriers")), perf_counter() - began)
        scale = LOOKS / (rounds * number)
        carrier = spent.pop("carriers") * scale
        results.hold(f"CPU of 200 fruitless looks, {number:,} parcels", sum(spent.values()) * scale, LIMIT, "ms")
        rows.append(
            [number, rounds * number, sum(spent.values()) * scale, *(spent[name] * scale for name in SERVERS), carrier]
        )
    new = await events(system, order.number) - before
    results.hold("events of fruitless looks in the order", new.total(), 0, "events")
    results.add(
        "200 fruitless looks, milliseconds of CPU",
        ("parcels", "looks", "all", *SERVERS, "the carrier's own"),
        rows,
        "scaled to 200 looks; less what the idle system uses",
    )


async def _clone(system: System, order: Order, number: int) -> None:
    """More parcels like the order's own, known to the carrier as well; nothing new will be heard of any."""
    async with system.sessions.begin() as session:
        parcel = (await session.scalars(select(Parcel).where(Parcel.order == order.number))).one()
        waybill = parcel.waybill
        for table, key in (("shipment", "id"), ("parcel", "shipment")):
            changes = f"jsonb_build_object('{key}', '{CLONE}-' || n, 'waybill', waybill || '-' || n)"
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
        depot.keep_parcel(record.model_copy(update={"number": f"{waybill}-{n}", "order_id": f"{CLONE}-{n}"}), time())
    depot.close()


async def _look(system: System, number: int, times: int) -> None:
    """Makes so many parcels due, each again as soon as it was looked at, until each was looked at so many times."""
    async with system.sessions.begin() as session:
        await session.execute(text(_AGAIN))
        await session.execute(text(_UNTIL.format(times=times)))
        await session.execute(
            text(
                "update parcel set looks = 0, next_look_at = now() where shipment in"
                f" (select '{CLONE}-' || n from generate_series(1, :number) n)"
            ),
            {"number": number},
        )
        seen = await session.scalar(select(func.sum(Parcel.looks))) or 0
    await _looked_at(system, seen + number * times)
    async with system.sessions.begin() as session:
        await session.execute(text("drop trigger look_again on parcel"))


_AGAIN: Final = """
create or replace function look_again() returns trigger language plpgsql as
$$ begin new.next_look_at := now(); return new; end $$
"""
_UNTIL: Final = """
create or replace trigger look_again before update on parcel
for each row when (new.looks > old.looks and new.looks < {times}) execute function look_again()
"""


async def _looked_at(system: System, looks: int) -> None:
    """Waits until all parcels together were looked at so many times."""
    async with asyncio.timeout(600):
        while True:
            async with system.sessions() as session:
                if (await session.scalar(select(func.sum(Parcel.looks))) or 0) >= looks:
                    return
            await asyncio.sleep(0.5)
