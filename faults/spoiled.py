"""What others send us, spoiled: carriers' pushes, signed all the same, files of fault reports, photos, mails."""

import asyncio
import csv
import json
import struct
import zlib
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from email.message import EmailMessage
from hashlib import sha256
from io import BytesIO, StringIO
from random import Random
from typing import Any, Final
from urllib.parse import urlencode

import httpx
from PIL import Image
from sqlalchemy import func, select
from temporalio.testing import ActivityEnvironment

from activities.mailbox import MailReading
from carriers.kuaidi100 import signature
from database.importing import COLUMNS, ImportedRow, UnusableFile, import_reports, read_reports
from database.mails import keep
from database.tables import CarrierAccount, CarrierPush, IncomingMail, MailState, Parcel
from domain.messages import OrderState
from faults.stack import Stack
from faults.tally import Difference
from runtime.temporal import start_document

NASTY: Final[Sequence[Any]] = (
    "", " ", "\x00", "a\x00b", "换件" * 3000, "😀", "\ud800", "'; drop table stock; --", "%s%n", "../../etc/passwd",
    "null", "NaN", "2026-13-45T99:99:99Z", "0001-01-01 00:00:00", "9999-12-31T23:59:59+14:00",
    "9999-12-31T23:59:59-12:00", "0001-01-01T00:00", "9999-12-31T23:59", "-1", "1e999",
    0, -1, 2**31, 2**63, 10**40, 1.5, 1e308, True, False, None, [], [[]], {}, {"data": None}, ["x"] * 1000,
)  # fmt: skip
_READ_WITHIN: Final = 60.0
MOST_PHOTOS: Final = 9
UNHURRIED: Final = "standard"
"""The policy of the orders that files become: hundreds for which nobody cares, and none of them rings in these days."""


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
            async for row in import_reports(rows, stack.sessions, start, policy=UNHURRIED):
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


async def photos(stack: Stack, agent: Mapping[str, str], seed: int, number: int) -> Spoiled:
    """Photos of every kind and fault: each is refused with a reason, or is there with the application that names it."""
    result, random = Spoiled("photos"), Random(seed)
    taken: list[str] = []
    async with httpx.AsyncClient(base_url=stack.api, timeout=30, headers=agent) as client:
        for _ in range(number):
            raw = _photo(random)
            answer = await client.post("/v1/photos", content=raw, headers={"Content-Type": "application/octet-stream"})
            result.outcomes[f"× {answer.status_code}"] += 1
            if answer.is_server_error:
                result.wrong(f"{raw[:60]!r} got {answer.status_code} {answer.text[:200]}")
            elif answer.is_success:
                taken.append(answer.json()["id"])
        for first in range(0, len(taken), MOST_PHOTOS):
            named = taken[first : first + MOST_PHOTOS]
            application = {
                "customer": {"name": "张伟", "phone": f"1550000{first:04}", "city": "杭州市"},
                "product": "示范电器", "fault": "见照片", "photos": named,
            }  # fmt: skip
            headers = {"Idempotency-Key": f"photos-{seed}-{first}"}
            answer = await client.post("/v1/applications?new=true", json=application, headers=headers)
            there = (await client.get(f"/v1/orders/{answer.json().get('number')}/photos")).json()
            if not answer.is_success or len(there) != len(named):
                result.wrong(f"{len(named)} photos were taken, {answer.status_code}: {len(there)} are there")
    return result


def _photo(random: Random) -> bytes:
    out = BytesIO()
    size = random.randrange(1, 400), random.randrange(1, 400)
    picture = Image.new(random.choice(("RGB", "RGBA", "L", "1", "CMYK", "I;16")), size)
    kind = random.choice(("JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP"))
    try:
        picture.save(out, kind)
    except (OSError, ValueError):
        picture.convert("RGB").save(out, kind)
    match random.randrange(8):
        case 0:
            return _spoil_bytes(out.getvalue(), random)
        case 1:
            return out.getvalue()[: random.randrange(len(out.getvalue()))]
        case 2:
            return random.choice((b"<svg onload='alert(1)'/>", b"<!doctype html><script>", b"%PDF-1.7", b"PK\3\4", b""))
        case 3:
            return _bomb(random.choice((20_000, 60_000, 2**31 - 1)))
        case _:
            return out.getvalue()


def _bomb(side: int) -> bytes:
    """A PNG of few bytes that says it has very many pixels."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 6, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(bytes(100_000))) + chunk(b"IEND", b"")


async def mails(stack: Stack, seed: int, number: int) -> Spoiled:
    """Mails in every charset and state: each is kept as it came, and read: an order, a draft, a robot's, joined."""
    result, random = Spoiled("mails"), Random(seed)
    kept: set[int] = set()
    for place in range(number):
        raw = _mail(random, f"{seed}-{place}")
        async with stack.sessions.begin() as session:
            digest = sha256(raw).digest()
            one = await keep(session, raw, message_id=None, digest=digest, mailbox=f"faults-{seed}")
        kept |= {one} if one else set()
    reader = MailReading(stack.sessions, stack.temporal, stack.settings)
    try:
        await ActivityEnvironment().run(reader.read_kept)
    except Exception as error:
        result.wrong(f"reading ended with {error!r}")
    async with stack.sessions() as session:
        rows = await session.execute(select(IncomingMail.state).where(IncomingMail.id.in_(kept)))
        result.outcomes.update(f"× {state}" for (state,) in rows)
    if unread := result.outcomes[f"× {MailState.KEPT}"]:
        result.wrong(f"{unread} of {len(kept)} were kept and never read")
    if result.outcomes.total() != len(kept):
        result.wrong(f"{len(kept)} were kept, {result.outcomes.total()} are there")
    return result


def _mail(random: Random, name: str) -> bytes:
    letter = EmailMessage()
    letter["From"] = f"王芳 <customer-{name}@example.com>"
    letter["To"], letter["Message-ID"] = "service@huanjian.example", f"<{name}@faults.example>"
    letter["Subject"] = random.choice(("油烟机报修", "Re: RO-20261124-00019", "自动回复", "x" * 2000))
    charset = random.choice(("utf-8", "gbk", "gb18030", "big5"))
    fault = "油煙機開機有異響" if charset == "big5" else "您好,油烟机开机有异响,电话 13800005678,型号 HG-CXW268"
    letter.set_content(fault, charset=charset)
    if random.random() < 0.3:
        letter.add_attachment(_photo(random), maintype="image", subtype="png", filename="照片.png")
    raw = letter.as_bytes()
    match random.randrange(4):
        case 0:
            return _spoil_bytes(raw, random)
        case 1:
            return raw[: random.randrange(1, len(raw))]
        case _:
            return raw


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
