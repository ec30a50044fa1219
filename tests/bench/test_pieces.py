"""The pieces of the bench that can be wrong by themselves."""

import asyncio
from pathlib import Path
from xml.etree import ElementTree

import pytest

from bench.answers import percentile
from bench.client import read_answer
from bench.picture import draw
from bench.results import Budget, Results
from bench.system import Idle, difference
from bench.wire import Count, Frontend


@pytest.mark.parametrize(("share", "figure"), [(50, 50), (95, 95), (99, 99), (100, 100)])
def test_a_percentile_is_a_figure_that_was_measured(share: int, figure: int) -> None:
    assert percentile([float(n) for n in range(100, 0, -1)], share) == figure


def test_a_percentile_of_one() -> None:
    assert percentile([7.0], 50) == percentile([7.0], 99) == 7.0


async def answer_from(said: bytes) -> tuple[int, bytes]:
    reader = asyncio.StreamReader()
    reader.feed_data(said)
    answer = await read_answer(reader)
    return answer.status, answer.body


async def test_an_answer_with_a_length() -> None:
    assert await answer_from(b"HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\n{}rest") == (201, b"{}")


async def test_an_answer_in_chunks() -> None:
    said = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
    assert await answer_from(said) == (200, b"abcde")


async def test_an_answer_without_a_body() -> None:
    assert await answer_from(b"HTTP/1.1 204 No Content\r\n\r\n") == (204, b"")


def message(kind: bytes, content: bytes = b"") -> bytes:
    return kind + (len(content) + 4).to_bytes(4, "big") + content


STARTUP = message(b"", (80877103).to_bytes(4, "big")) + message(
    b"", (196608).to_bytes(4, "big") + b"user\0huanjian\0\0"
)


@pytest.mark.parametrize("piece", [1, 7, 10_000])
def test_what_a_client_of_the_database_asks_is_counted(piece: int) -> None:
    asked = message(b"Q", b"BEGIN\0") + message(b"B", b"bind") + message(b"E", b"execute") + message(b"S")
    said, count = STARTUP + message(b"p", b"secret\0") + asked, Count()
    frontend = Frontend(count)
    for start in range(0, len(said), piece):
        frontend.feed(said[start : start + piece])
    assert count == Count(statements=2, round_trips=2)


def test_a_count_since_a_moment_before() -> None:
    count = Count(3, 4)
    before = count.copy()
    count.statements += 2
    assert count.since(before) == Count(2, 0)


def test_what_the_idle_system_uses_is_taken_off() -> None:
    used = difference({"worker": 100.0, "carriers": 5.0}, {"worker": 160.0, "carriers": 9.0})
    assert Idle({"worker": 10.0}).less(used, seconds=2) == {"worker": 40.0, "carriers": 4.0}


def test_a_budget_holds_up_to_its_limit() -> None:
    assert Budget.of("events", 90, 90, "events").ok
    assert not Budget.of("events", 90.001, 90, "events").ok


def test_results_are_read_back_as_they_were_written(tmp_path: Path) -> None:
    results = Results(quick=True)
    results.hold("events <of> an order", 91, 90, "events")
    results.hold("events of looks", 0, 0, "events")
    results.add("Events", ("kind", "number"), [["timer", 1 / 3]], "a note")
    results.write(tmp_path / "results.json")
    read = Results.read(tmp_path / "results.json")
    assert [budget.name for budget in read.over] == ["events <of> an order"]
    assert read.budgets == results.budgets
    assert read.tables[0].rows == [["timer", 0.33]]


def test_the_picture_shows_every_budget() -> None:
    results = Results(quick=True)
    results.hold("events <of> an order", 91, 90, "events")
    results.hold("far over", 1000, 10, "ms")
    results.hold("events of looks", 0, 0, "events")
    picture = ElementTree.fromstring(draw(results))
    words = "".join(picture.itertext())
    assert all(budget.name in words for budget in results.budgets)
    assert {float(bar.get("width", 0)) for bar in picture.iter("{http://www.w3.org/2000/svg}rect")} == {
        1000, 330, 330 * 91 / 180 // 0.1 / 10, 0,
    }  # fmt: skip
