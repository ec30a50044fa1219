"""A carrier that pushes without end: how fast pushes are taken in, and how fast they are learnt of."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import count, islice
from time import perf_counter
from typing import Final

from sqlalchemy import func, select

from bench.answers import percentile
from bench.client import Client
from bench.office import Office
from bench.results import Results
from bench.system import SERVERS, System, difference, idle
from bench.watching import clone, parcel_under_way
from carriers.kuaidi100 import compact, in_shanghai, signature
from database.tables import CarrierAccount, CarrierPush, Parcel

CLIENTS: Final = 20
SCANS: Final = 10
"""What a parcel's way has of them."""
CLONE: Final = "PUSHED"


async def measure(system: System, results: Results, pushes: int) -> None:
    """So many pushes, each with a scan more, SCANS about every parcel."""
    number = pushes // SCANS
    async with Office(system.settings, system.temporal) as office:
        order = await parcel_under_way(system, office)
    await clone(system, order, number, CLONE)
    async with system.sessions() as session:
        parcel = (await session.scalars(select(Parcel).where(Parcel.order == order.number).limit(1))).one()
        account = await session.get_one(CarrierAccount, parcel.account)
        waybills = (await session.scalars(select(Parcel.waybill).where(Parcel.order == order.number))).all()
    path = f"/v1/carriers/{account.code}/push/{account.push_token}"
    told = islice(_pushes(list(waybills), parcel.company, account.settings["salt"]), pushes)
    took: list[float] = []

    async def send() -> None:
        async with Client(system.settings.api_port) as client:
            for form in told:
                began = perf_counter()
                await client.push(path, form)
                took.append(1000 * (perf_counter() - began))

    resting = await idle(system, SERVERS, 8)
    used, began = system.used(*SERVERS), perf_counter()
    await asyncio.gather(*(send() for _ in range(CLIENTS)))
    taken = perf_counter() - began
    await _read(system)
    learnt = perf_counter() - began
    spent = resting.less(difference(used, system.used(*SERVERS)), learnt)
    results.add(
        "Pushes of a carrier",
        ("pushes", "taken in a second", "p50", "p95", "learnt of a second", "CPU of a push", *SERVERS),
        [
            [
                pushes, pushes / taken, percentile(took, 50), percentile(took, 95), pushes / learnt,
                sum(spent.values()) / pushes, *(spent[name] / pushes for name in SERVERS),
            ]
        ],
        f"{CLIENTS} at once, about {number:,} parcels; milliseconds",
    )  # fmt: skip


def _pushes(waybills: list[str], company: str, salt: str) -> Iterator[dict[str, str]]:
    """About one parcel after the other, each with one more scan of its way."""
    begins = datetime.now(UTC)
    for serial in count():
        at = begins + timedelta(seconds=serial // len(waybills))
        scan = {"ftime": in_shanghai(at), "context": "运输中", "statusCode": "1002"}
        result = {"nu": waybills[serial % len(waybills)], "com": company, "state": "0", "data": [scan]}
        param = compact({"status": "polling", "message": str(serial), "lastResult": result})
        yield {"param": param, "sign": signature(param, salt)}


async def _read(system: System) -> None:
    """Waits until every push is learnt of."""
    unread = select(func.count()).select_from(CarrierPush).where(CarrierPush.read_at.is_(None))
    async with asyncio.timeout(3_600):
        while True:
            async with system.sessions() as session:
                if not await session.scalar(unread):
                    return
            await asyncio.sleep(0.5)
