"""What others send us, spoiled: carriers' pushes, signed all the same, and files of fault reports."""

import asyncio
import csv
import json
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from io import StringIO
from random import Random
from typing import Any, Final
from urllib.parse import urlencode

import httpx
from sqlalchemy import func, select

from carriers.kuaidi100 import signature
from database.importing import COLUMNS, ImportedRow, UnusableFile, import_reports, read_reports
from database.tables import CarrierAccount, CarrierPush, Parcel
from domain.messages import OrderState
from faults.stack import Stack
from faults.tally import Difference
from runtime.temporal import start_document

NASTY: Final[Sequence[Any]] = (
    "", " ", "\x00", "a\x00b", "换件" * 3000, "😀", "\ud800", "'; drop table stock; --", "%s%n", "../../etc/passwd",
    "null", "NaN", "2026-13-45T99:99:99Z", "0001-01-01 00:00:00", "9999-12-31T23:59:59+14:00", "-1", "1e999",
    0, -1, 2**31, 2**63, 10**40, 1.5, 1e308, True, False, None, [], [[]], {}, {"data": None}, ["x"] * 1000,
)  # fmt: skip
_READ_WITHIN: Final = 60.0


@dataclass
class Spoiled:
    """How many were sent, what became of them, and what should never have."""

    what: str
    outcomes: Counter[str] = field(default_factory=Counter)
    differences: list[Difference] = field(default_factory=list)

    def summary(self) -> str:
        outcomes = ", ".join(f"{count} {outcome}" for outcome, count in sorted(self.outcomes.items()))
        return f"bad input: {self.what}: {outcomes}"

    def wrong(self, what: str) -> None:
        self.differences.append(Difference("lost", f"bad input: {self.what}: {what}"))


async def pushes(stack: Stack, seed: int, number: int) -> Spoiled:
    """Pushes about parcels we know and others; every one that was taken is kept, and read in the end."""
    result, random = Spoiled("pushes"), Random(seed)
    async with stack.sessions() as session:
        account = (await session.scalars(select(CarrierAccount).where(CarrierAccount.kind != "manual"))).first()
        assert account is not None
        waybills = (await session.scalars(select(Parcel.waybill).where(Parcel.account == account.code))).all()
    path = f"/v1/carriers/{account.code}/push/{account.push_token}"
    taken: set[str] = set()
    async with httpx.AsyncClient(base_url=stack.api, timeout=15) as client:
        for _ in range(number):
            raw = _push(random, account.settings["salt"], [*waybills, "SF0000000000000"])
            answer = await client.post(path, content=raw, headers={"Content-Type": "application/x-www-form-urlencoded"})
            result.outcomes[f"× {answer.status_code}"] += 1
            if answer.is_server_error:
                result.wrong(f"{raw[:300]!r} got {answer.status_code} {answer.text[:200]}")
            elif answer.is_success:
                taken.add(sha256(raw).hexdigest())
    async with stack.sessions() as session:
        kept = await session.scalar(select(func.count()).where(CarrierPush.key.in_(taken)))
    if kept != len(taken):
        result.wrong(f"{len(taken)} were taken and {kept} kept")
    result.differences += [each async for each in _unread(stack)]
    return result


async def _unread(stack: Stack) -> AsyncIterator[Difference]:
    unread = select(func.count()).where(CarrierPush.read_at.is_(None))
    for _ in range(int(_READ_WITHIN)):
        async with stack.sessions() as session:
            count = await session.scalar(unread)
        if not count:
            return
        await asyncio.sleep(1)
    yield Difference("stuck", f"bad input: {count} pushes were never read")


def _push(random: Random, salt: str, waybills: Sequence[str]) -> bytes:
    row = {"time": "2026-11-24 10:00:00", "ftime": "2026-11-24 10:00:00", "context": "快件到达", "statusCode": "1001"}
    said: dict[str, Any] = {
        "status": "polling",
        "message": "",
        "autoCheck": "0",
        "comOld": "",
        "comNew": "",
        "lastResult": {
            "message": "ok",
            "nu": random.choice(waybills),
            "com": "shunfeng",
            "ischeck": "0",
            "status": "200",
            "state": "0",
            "data": [dict(row) for _ in range(random.randrange(4))],
        },
    }
    text = json.dumps(_spoil(said, random), ensure_ascii=random.random() < 0.5)
    text = text[: random.randrange(len(text))] if random.random() < 0.1 else text
    text = text.encode("utf-8", "replace").decode()
    sign = signature(text, salt) if random.random() < 0.8 else "0" * 32
    raw = urlencode({"param": text, "sign": sign}).encode()
    return _spoil_bytes(raw, random) if random.random() < 0.1 else raw


def _spoil(value: Any, random: Random) -> Any:
    """The same thing with something nasty in some places."""
    if random.random() < 0.08:
        return random.choice(NASTY)
    match value:
        case dict():
            return {name: _spoil(each, random) for name, each in value.items() if random.random() > 0.03}
        case list():
            return [_spoil(each, random) for each in value]
        case _:
            return value


async def files(stack: Stack, seed: int, number: int) -> Spoiled:
    """Files of fault reports: each is refused as a whole, or each of its rows is an order or has a reason."""
    result, random = Spoiled("files"), Random(seed)
    path = stack.settings.home / "spoiled.csv"

    async def start(state: OrderState) -> None:
        await start_document(stack.temporal, stack.settings.task_queue, state)

    for place in range(number):
        content = _file(random, f"spoiled-{seed}-{place}")
        path.write_bytes(content)
        try:
            rows = list(read_reports(path, invent_customers=random.random() < 0.7))
        except UnusableFile:
            result.outcomes["files refused"] += 1
            continue
        except Exception as error:
            result.wrong(f"{content[:300]!r} was read with {error!r}")
            continue
        result.outcomes["files read"] += 1
        became = 0
        try:
            async for row in import_reports(rows, stack.sessions, start, policy=stack.settings.policy):
                became += 1
                result.outcomes["rows imported" if isinstance(row, ImportedRow) else "rows refused"] += 1
        except Exception as error:
            result.wrong(f"row {became} of {content[:300]!r} was imported with {error!r}")
        else:
            if became != len(rows):
                result.wrong(f"{len(rows)} rows became {became}")
    return result


def _file(random: Random, name: str) -> bytes:
    columns = [*COLUMNS, "customer_name", "phone"]
    text = StringIO()
    writer = csv.writer(text)
    writer.writerow(columns)
    for row in range(random.randrange(1, 6)):
        cells = [f"{name}-{row}", "油烟机", "华厨", "2019", "2026-11-20", "开机有异响", "王芳", "13800005678"]
        writer.writerow([random.choice(NASTY) if random.random() < 0.1 else cell for cell in cells])
    encoding = random.choice(("utf-8", "utf-8-sig", "gb18030", "utf-16"))
    content = text.getvalue().encode(encoding, "replace")
    return _spoil_bytes(content, random) if random.random() < 0.4 else content


def _spoil_bytes(content: bytes, random: Random) -> bytes:
    """Bytes changed, cut, doubled."""
    spoiled = bytearray(content)
    for _ in range(random.randrange(1, 8)):
        if not spoiled:
            break
        place = random.randrange(len(spoiled))
        match random.randrange(4):
            case 0:
                spoiled[place] = random.randrange(256)
            case 1:
                del spoiled[place : place + random.randrange(1, 20)]
            case 2:
                spoiled[place:place] = spoiled[place : place + random.randrange(1, 50)]
            case _:
                spoiled[place:place] = random.choice((b'"', b"\x00", b"\r", b"\xff\xfe", b","))
    return bytes(spoiled)
