import asyncio
import csv
from collections.abc import Callable
from io import StringIO
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select

from database.importing import (
    AT_ONCE,
    COLUMNS,
    ImportedRow,
    RefusedRow,
    Report,
    UnusableFile,
    import_reports,
    invented_customer,
    read_reports,
)
from database.session import Sessions
from database.tables import Customer, ReplacementOrder
from domain.messages import OrderState
from domain.stages import Stage

Result = Report | RefusedRow
HEADER = ",".join(COLUMNS)
GOOD = "r1,Kettle,Muster,2020,2024-05-01,The lid stays open"


@pytest.fixture
def read(tmp_path: Path) -> Callable[..., list[Result]]:
    """What a file of these contents is read as."""

    def read(content: bytes | str, *, invent_customers: bool = True) -> list[Result]:
        file = tmp_path / "backlog.csv"
        file.write_bytes(content.encode() if isinstance(content, str) else content)
        return list(read_reports(file, invent_customers=invent_customers))

    return read


def with_header(*rows: str) -> str:
    return "\n".join((HEADER, *rows)) + "\n"


def outcomes(results: list[Result]) -> list[str]:
    return [result.reason if isinstance(result, RefusedRow) else result.id for result in results]


def test_a_row_becomes_an_application(read: Callable[..., list[Result]]) -> None:
    [report] = read(with_header(GOOD))
    assert isinstance(report, Report)
    assert (report.line, report.id) == (2, "r1")
    assert report.application.fault == "The lid stays open"
    assert report.application.product == "Muster Kettle 2020"
    assert report.application.remark == "r1, 2024-05-01"
    assert report.application.customer == invented_customer("r1")


def test_columns_may_stand_in_any_order_among_others(read: Callable[..., list[Result]]) -> None:
    [report] = read(
        "Problem, country ,EVENT_DATE,year_of_manufacture,brand,product_category,id\n"
        "Hums,DEU,2024-05-01,,Muster,Fan,r1\n"
    )
    assert isinstance(report, Report)
    assert (report.id, report.application.fault, report.application.product) == ("r1", "Hums", "Muster Fan")


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"], ids=["unix", "windows", "old mac"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_line_ends_and_encodings(end: str, encoding: str, read: Callable[..., list[Result]]) -> None:
    text = with_header(
        "r1,电饭煲,某牌,,2024-05-01,内胆涂层脱落", '"r2",Kettle,Muster,,2024-05-01,"Lid\nopen, ""always"""'
    )
    results = read(text.replace("\n", end).encode(encoding))
    assert [result.application.fault for result in results if isinstance(result, Report)] == [
        "内胆涂层脱落",
        f'Lid{end}open, "always"',
    ]
    assert [result.line for result in results] == [2, 3]


def test_customers_are_invented_plainly_and_always_the_same() -> None:
    customer = invented_customer("r1")
    assert customer == invented_customer("r1")
    assert customer.phone != invented_customer("r2").phone
    assert len(customer.phone) == 11
    assert customer.phone.startswith("154")
    assert "试" in customer.name


def test_without_inventing_the_file_names_the_customers(read: Callable[..., list[Result]]) -> None:
    named = f"{HEADER},customer_name,phone\n{GOOD},王试,15400000001\n{GOOD.replace('r1', 'r2')},,15400000001\n"
    report, refused = read(named, invent_customers=False)
    assert isinstance(report, Report)
    assert (report.application.customer.name, report.application.customer.phone) == ("王试", "15400000001")
    assert isinstance(refused, RefusedRow)
    assert refused.reason.startswith("name: ")
    with pytest.raises(UnusableFile, match="no column customer_name, phone"):
        read(with_header(GOOD), invent_customers=False)


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (",Kettle,Muster,2020,2024-05-01,Leaks", "id: "),
        ("x" * 201 + ",Kettle,Muster,2020,2024-05-01,Leaks", "id: "),
        ("bad,Kettle,Muster,2020,2024-05-01,", "problem: "),
        ("bad,Kettle,Muster,2020,2024-05-01,  ", "problem: "),
        ("bad,Kettle,Muster,2020,2024-05-01," + "x" * 4001, "problem: "),
        ("bad,Kettle,Muster,2020,2024-02-30,Leaks", "event_date: "),
        ("bad,Kettle,Muster,2020,,Leaks", "event_date: "),
        ("bad,Kettle,Muster,MMXX,2024-05-01,Leaks", "year_of_manufacture: "),
        ("bad,Kettle," + "x" * 201 + ",2020,2024-05-01,Leaks", "product: "),
        ("bad,Kettle,Muster,2020,2024-05-01", "5 columns instead of 6"),
        ("bad,Kettle,Muster,2020,2024-05-01,Leaks,a lot", "7 columns instead of 6"),
        ("bad,Kettle,Muster,2020,2024-05-01,Le\0aks", "a NUL character"),
        ('bad,Kettle,Muster,2020,2024-05-01,"Leaks" again', "',' expected"),
        ('bad,Kettle,Muster,2020,2024-05-01,"Leaks', "unexpected end of data"),
    ],
)
def test_a_row_is_refused_with_its_reason_and_the_others_are_not(
    row: str, reason: str, read: Callable[..., list[Result]]
) -> None:
    before, refused, after = read(with_header(GOOD, row, GOOD.replace("r1", "r3")))
    assert isinstance(refused, RefusedRow)
    assert refused.reason.startswith(reason) or reason in refused.reason
    assert refused.line == 3
    assert isinstance(before, Report)
    assert isinstance(after, Report)


def test_bytes_that_are_no_text_cost_their_row_alone(read: Callable[..., list[Result]]) -> None:
    good = GOOD.replace("lid", "lid — 盖子 —").encode()
    results = read(b"\n".join((HEADER.encode(), good, b"bad\xff,Kettle,M,,2024-05-01,\xff\xfe", good)))
    assert outcomes(results) == ["r1", "bytes that are neither UTF-8 nor GB18030", "r1"]
    assert results[1].id == "bad?"


def test_empty_lines_are_no_rows(read: Callable[..., list[Result]]) -> None:
    assert outcomes(read(f"\n{with_header('', GOOD, '')}\n"[1:])) == ["r1"]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "no column id, product_category"),
        (b"id;problem\n1;Leaks\n", "no column id"),
        (HEADER.replace("problem", "trouble").encode(), "no column problem"),
        (HEADER.encode("utf-16"), "no column id"),
        (b'"id,brand\n', "first row is unreadable"),
    ],
)
def test_a_file_without_the_columns_is_refused_whole(
    content: bytes, reason: str, read: Callable[..., list[Result]]
) -> None:
    with pytest.raises(UnusableFile, match=reason):
        read(content)


cells = st.text(st.characters(codec="utf-8"), max_size=20)


@given(st.lists(st.lists(cells, min_size=1, max_size=8).filter(lambda row: row != [""]), max_size=20))
def test_no_row_is_lost(tmp_path_factory: pytest.TempPathFactory, rows: list[list[str]]) -> None:
    """As many answers as rows were written, whatever stands in them."""
    text = StringIO()
    csv.writer(text).writerows([COLUMNS, *rows])
    file = tmp_path_factory.mktemp("backlog") / "backlog.csv"
    file.write_bytes(text.getvalue().encode())
    assert len(list(read_reports(file, invent_customers=True))) == len(rows)


@given(st.integers(1, 10**6), st.binary(max_size=3))
def test_damage_is_confined(tmp_path_factory: pytest.TempPathFactory, where: int, damage: bytes) -> None:
    """Wherever bytes are lost or garbled, the rows on other lines are read as before."""
    rows = [f"r{n},Kettle,Muster,,2024-05-01,The lid — 盖子 — stays open" for n in range(10)]
    content = bytearray(with_header(*rows).encode())
    first = len(HEADER) + 1
    where = first + where % (len(content) - first)
    hit = content.count(b"\n", 0, where) - 1
    content[where : where + 1] = damage
    file = tmp_path_factory.mktemp("backlog") / "backlog.csv"
    file.write_bytes(content)
    read = {result.id for result in read_reports(file, invent_customers=True) if isinstance(result, Report)}
    assert read >= {f"r{n}" for n in range(10) if n not in {hit, hit + 1}}


class Engine:
    """Notes which orders' workflows were started; refuses when told to."""

    def __init__(self) -> None:
        self.started: list[str] = []
        self.reachable = True

    async def start(self, state: OrderState) -> None:
        if not self.reachable:
            raise ConnectionError
        self.started.append(state.number)


async def run(results: list[Result], sessions: Sessions, engine: Engine) -> list[ImportedRow | RefusedRow]:
    return [row async for row in import_reports(results, sessions, engine.start, policy="standard")]


async def test_importing_twice_adds_nothing(sessions: Sessions, read: Callable[..., list[Result]]) -> None:
    results = read(with_header(GOOD, "bad", GOOD.replace("r1", "r2"), GOOD))
    engine = Engine()
    one, bad, two, again = await run(results, sessions, engine)
    assert isinstance(one, ImportedRow)
    assert isinstance(two, ImportedRow)
    assert isinstance(bad, RefusedRow)
    assert one.created
    assert two.created
    assert again == ImportedRow(5, "r1", one.number, created=False)
    assert engine.started == [one.number, two.number]
    repeated = await run(results, sessions, engine)
    assert [row.created for row in repeated if isinstance(row, ImportedRow)] == [False, False, False]
    assert engine.started == [one.number, two.number]
    async with sessions() as session:
        orders = (await session.scalars(select(ReplacementOrder))).all()
        assert {order.number for order in orders} == {one.number, two.number}
        assert all(order.stage is Stage.RECEIVED and order.started_at for order in orders)
        assert {order.entered_by for order in orders} == {"import"}
        phones = select(func.count()).where(Customer.phone == invented_customer("r1").phone)
        assert await session.scalar(phones) == 1


async def test_an_id_that_means_something_else_now_is_refused(
    sessions: Sessions, read: Callable[..., list[Result]]
) -> None:
    first, second = await run(read(with_header(GOOD, GOOD.replace("lid", "switch"))), sessions, Engine())
    assert isinstance(first, ImportedRow)
    assert second == RefusedRow(3, "r1", "this key came with another application before")


async def test_an_import_that_broke_off_goes_on(sessions: Sessions, read: Callable[..., list[Result]]) -> None:
    results = read(with_header(*(GOOD.replace("r1", f"r{n}") for n in range(3))))
    engine = Engine()
    [_] = await run(results[:1], sessions, engine)
    engine.reachable = False
    with pytest.raises(ConnectionError):
        await run(results, sessions, engine)
    engine.reachable = True
    rows = await run(results, sessions, engine)
    assert [row.id for row in rows if isinstance(row, ImportedRow)] == ["r0", "r1", "r2"]
    async with sessions() as session:
        orders = (await session.scalars(select(ReplacementOrder).order_by(ReplacementOrder.number))).all()
    assert [order.application_key for order in orders] == ["r0", "r1", "r2"]
    assert {order.number for order in orders if order.started_at} == set(engine.started)


async def test_workflows_are_started_several_at_once_and_answers_keep_their_order(
    sessions: Sessions, read: Callable[..., list[Result]]
) -> None:
    """None ends before as many are under way as may be, and no more ever are."""
    results = read(with_header(*(GOOD.replace("r1", f"r{n}") for n in range(2 * AT_ONCE))))
    under_way: set[str] = set()
    most, full = 0, asyncio.Event()

    async def start(state: OrderState) -> None:
        nonlocal most
        under_way.add(state.number)
        most = max(most, len(under_way))
        if len(under_way) == AT_ONCE:
            full.set()
        await asyncio.wait_for(full.wait(), 10)
        under_way.discard(state.number)

    answers = [row async for row in import_reports(results, sessions, start, policy="standard")]
    assert [row.id for row in answers] == [f"r{n}" for n in range(2 * AT_ONCE)]
    assert most == AT_ONCE
