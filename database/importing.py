"""A backlog of fault reports from a CSV file: every row becomes an application or is refused with a reason.

The columns are those of the Open Repair Data Standard. A row's `id` is its idempotency key, so importing a file
again adds nothing.
"""

import asyncio
import codecs
import csv
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from hashlib import sha256
from io import StringIO
from pathlib import Path
from typing import Annotated, Final

from pydantic import BaseModel, BeforeValidator, StringConstraints, ValidationError

from database.applications import Applicant, Application, apply, mark_started
from database.session import Sessions
from domain.messages import OrderState
from domain.stages import Refusal, Role
from domain.texts import SomeText

COLUMNS: Final = ("id", "product_category", "brand", "year_of_manufacture", "event_date", "problem")
CUSTOMER_COLUMNS: Final = ("customer_name", "phone")
IMPORTER: Final = "import"
"""The user who enters what comes from a file."""

AT_ONCE: Final = 8
"""How many workflows are being started at any time: a start takes several times as long as the row's own writing."""

_UNREADABLE: Final = "\udcff"
"""Stands for bytes that are no text; nothing that was decoded holds it."""

_FAMILIES: Final = "赵钱孙李周吴郑王冯陈褚卫蒋沈韩杨"
_TOWNS: Final = (
    ("浙江省", "杭州市", "西湖区"),
    ("湖北省", "武汉市", "洪山区"),
    ("四川省", "成都市", "武侯区"),
    ("上海市", "上海市", "徐汇区"),
    ("江苏省", "南京市", "鼓楼区"),
)


class UnusableFile(Exception):
    """The file as a whole can't be read; the text says why."""


@dataclass(frozen=True)
class Report:
    """A row that can become an application. `line` is where it begins in the file."""

    line: int
    id: str
    application: Application


@dataclass(frozen=True)
class RefusedRow:
    line: int
    id: str
    reason: str


@dataclass(frozen=True)
class ImportedRow:
    """A row that is an order now; `created` is false if it was one before."""

    line: int
    id: str
    number: str
    created: bool


def read_reports(path: Path, *, invent_customers: bool = False) -> Iterator[Report | RefusedRow]:
    """Every row of the file, as a report or with the reason why it can't be one.

    Without `invent_customers` each row names its own customer. Raises UnusableFile, OSError.
    """
    rows = _rows(path)
    _, header = next(rows, (0, []))
    if isinstance(header, str):
        raise UnusableFile(f"its first row is unreadable: {header}")
    names = [name.strip().lower() for name in header]
    needed = COLUMNS if invent_customers else COLUMNS + CUSTOMER_COLUMNS
    if missing := [name for name in needed if name not in names]:
        raise UnusableFile(f"it has no column {', '.join(missing)}")
    for line, cells in rows:
        if isinstance(cells, str):
            yield RefusedRow(line, "", cells)
            continue
        row = dict(zip(names, map(str.strip, cells), strict=False))
        id_ = row.get("id", "").replace(_UNREADABLE, "?")
        try:
            if len(cells) != len(names):
                raise ValueError(f"{len(cells)} columns instead of {len(names)}")
            yield Report(line, id_, _application(row, invent_customers=invent_customers))
        except ValueError as error:
            yield RefusedRow(line, id_, _reason(error))


async def import_reports(
    rows: Iterable[Report | RefusedRow],
    sessions: Sessions,
    start: Callable[[OrderState], Awaitable[None]],
    *,
    policy: str,
) -> AsyncIterator[ImportedRow | RefusedRow]:
    """Makes an order of each report and has `start` start its workflow; one answer a row, in their order.

    Orders are written one after the other, AT_ONCE workflows are started at a time. An error that is not the row's own
    ends the import; importing again goes on where it ended.
    """

    async def begin(state: OrderState) -> None:
        await start(state)
        async with sessions.begin() as session:
            await mark_started(session, state.number, datetime.now(UTC))

    under_way: deque[tuple[ImportedRow | RefusedRow, asyncio.Task[None] | None]] = deque()
    try:
        for row in rows:
            answer, new = await _written(row, sessions, policy)
            under_way.append((answer, asyncio.create_task(begin(new)) if new else None))
            if len(under_way) > AT_ONCE:
                yield await _answered(*under_way.popleft())
        while under_way:
            yield await _answered(*under_way.popleft())
    finally:
        await asyncio.gather(*(starting for _, starting in under_way if starting), return_exceptions=True)


async def _written(
    row: Report | RefusedRow, sessions: Sessions, policy: str
) -> tuple[ImportedRow | RefusedRow, OrderState | None]:
    """What became of a row, and where its order stands if it is new."""
    if isinstance(row, RefusedRow):
        return row, None
    now = datetime.now(UTC)
    try:
        async with sessions.begin() as session:
            applied = await apply(
                session, row.application, by=IMPORTER, role=Role.SYSTEM, key=row.id, now=now, policy=policy
            )
    except Refusal as refusal:
        return RefusedRow(row.line, row.id, str(refusal)), None
    answer = ImportedRow(row.line, row.id, applied.state.number, applied.created)
    return answer, applied.state if applied.created else None


async def _answered(answer: ImportedRow | RefusedRow, starting: asyncio.Task[None] | None) -> ImportedRow | RefusedRow:
    """The answer, once its workflow has started."""
    if starting is not None:
        await starting
    return answer


def _rows(path: Path) -> Iterator[tuple[int, list[str] | str]]:
    """The line each row begins on, with its cells or why they can't be read.

    A quotation mark too many would swallow the rows after it: reading goes on with the line after the bad one.
    """
    lines = list(StringIO(_text(path.read_bytes()), newline=""))
    first = 0
    while first < len(lines):
        start, reader = first, csv.reader(lines[first:], strict=True)
        try:
            for cells in reader:
                if cells:
                    yield first + 1, cells
                first = start + reader.line_num
        except csv.Error as error:
            yield first + 1, str(error)
            first += 1


def _text(content: bytes) -> str:
    """UTF-8 with or without a mark, else GB18030: whichever reads more of the lines that are not plain ASCII."""
    lines = content.removeprefix(codecs.BOM_UTF8).splitlines(keepends=True)
    foreign = [line for line in lines if not line.isascii()]
    in_utf8 = sum(_is(line, "utf-8") for line in foreign)
    encoding = "utf-8" if 2 * in_utf8 >= len(foreign) else "gb18030"
    return "".join(
        line.decode(encoding) if _is(line, encoding) else line.decode("ascii", "replace").replace("\ufffd", _UNREADABLE)
        for line in lines
    )


def _is(line: bytes, encoding: str) -> bool:
    try:
        line.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True


class _Row(BaseModel):
    id: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    product_category: str
    brand: str
    year_of_manufacture: Annotated[str, StringConstraints(pattern="^([0-9]{4})?$")]
    event_date: Annotated[date, BeforeValidator(date.fromisoformat)]
    problem: SomeText


def _application(row: dict[str, str], *, invent_customers: bool) -> Application:
    """Raises ValueError saying what is wrong with the row."""
    everything = "".join(row.values())
    if _UNREADABLE in everything:
        raise ValueError("bytes that are neither UTF-8 nor GB18030")
    if "\0" in everything:
        raise ValueError("a NUL character")
    said = _Row.model_validate(row)
    applicant = (
        invented_customer(said.id) if invent_customers else Applicant(name=row["customer_name"], phone=row["phone"])
    )
    return Application(
        customer=applicant,
        product=" ".join(filter(None, (said.brand, said.product_category, said.year_of_manufacture))),
        fault=said.problem,
        remark=f"{said.id}, {said.event_date}",
    )


def _reason(error: ValueError) -> str:
    if not isinstance(error, ValidationError):
        return str(error)
    return "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors())


def invented_customer(id_: str) -> Applicant:
    """A customer nobody takes for a real one, the same for the same id; no phone in China begins with 154."""
    digest = sha256(id_.encode()).digest()
    province, city, district = _TOWNS[digest[0] % len(_TOWNS)]
    return Applicant(
        name=f"{_FAMILIES[digest[1] % len(_FAMILIES)]}试{'一二三四五六七八九十'[digest[2] % 10]}",
        phone=f"154{int.from_bytes(digest[3:8]) % 10**8:08}",
        province=province,
        city=city,
        district=district,
        address=f"示范路 {digest[8] + 1} 号",
    )
