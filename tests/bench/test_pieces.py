"""The pieces of the bench that can be wrong by themselves."""

import asyncio
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest

from bench import growth, report
from bench.__main__ import SECTIONS as RUN
from bench.answers import percentile
from bench.client import read_answer
from bench.idle import IMPORT, ROWS
from bench.picture import draw
from bench.results import SECTIONS, Budget, Results, keep, read
from bench.system import Idle, difference
from bench.wire import Count, Frontend
from scripts.generated import PARTS


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


def measured(**more: float) -> Results:
    """What a section found: an event too many, and whatever else is held against 10."""
    results = Results(quick=True)
    results.hold("events <of> an order", 91, 90, "events")
    for name, value in more.items():
        results.hold(name, value, 10, "ms")
    results.add("Events", ("kind", "number"), [["timer", 1 / 3], ["signal", 12_345.6]], "a note")
    results.end(7.4)
    return results


def test_a_section_is_read_back_as_it_was_kept(tmp_path: Path) -> None:
    keep({"histories": (results := measured())}, tmp_path / "results.json")
    assert read(tmp_path / "results.json") == {"histories": results}
    assert [budget.name for budget in results.over] == ["events <of> an order"]
    assert results.tables[0].rows[0] == ["timer", 0.33]
    assert (results.seconds, len(results.load)) == (7, 2)


def test_what_is_measured_again_leaves_the_other_sections_alone(tmp_path: Path) -> None:
    file = tmp_path / "results.json"
    keep({"lists": (lists := measured(before=1))}, file)
    keep({"histories": (histories := measured(before=2))}, file)
    assert list(read(file).items()) == [("histories", histories), ("lists", lists)]
    keep({"lists": (again := measured(before=3))}, file)
    assert read(file) == {"histories": histories, "lists": again}


def test_every_section_has_its_place_in_the_file_and_on_the_page() -> None:
    assert tuple(RUN) == SECTIONS
    assert {"budgets", *SECTIONS} == PARTS["docs/costs.md"].keys()


def test_the_page_says_when_and_how_it_was_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    found = {"lists": replace(measured(slow=11), at="2026-11-26T20:15:07+00:00", commit="abc1234+", load=[0.5, 2.0])}
    monkeypatch.setattr(report, "read", lambda: found)
    page = report.section("lists")
    assert "*2026-11-26 20:15 UTC, commit abc1234+, " in page
    assert "load 0.5 to 2, short run, 7 s*" in page
    assert "| timer | 0.33 |\n| signal | 12,346 |\n\nA note." in page
    assert "| slow | 11 | ≤ 10 ms | **over** | lists |" in report.budgets()
    assert report.section("idle") == report.NOT_YET


def drawn(text: str) -> tuple[str, ElementTree.Element]:
    picture = ElementTree.fromstring(text)
    return "".join(picture.itertext()), picture


def test_the_picture_shows_every_budget() -> None:
    sections = {"orders": measured(far=1000), "answers": measured(), "watching": measured(none=0)}
    words, picture = drawn(draw(sections))
    assert all(budget.name in words for section in sections.values() for budget in section.budgets)
    assert {float(bar.get("width", 0)) for bar in picture.iter("{http://www.w3.org/2000/svg}rect")} == {
        1000, 330, 330 * 91 / 180 // 0.1 / 10, 0,
    }  # fmt: skip


def test_the_picture_of_growth_has_a_line_for_each_process_and_one_for_all() -> None:
    results = Results(quick=True)
    results.add(IMPORT, (ROWS, "rows a second", "postgres", "worker"), [[10, 5.0, 1.0, 2.0], [20, 4.0, 1.5, 2.5]])
    words, picture = drawn(growth.draw({"idle": results}))
    lines = [line.get("points", "").split() for line in picture.iter("{http://www.w3.org/2000/svg}polyline")]
    assert [len(points) for points in lines] == [2, 2, 2]
    assert all(said in words for said in ("all 4.0", "postgres 1.5", "worker 2.5", "20"))
