"""Successors and what is most probable (policy 1.3.2)."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.hints import Record, most_probable, successor
from domain.inspecting import is_open

CHAIN = {"V1": "V2", "V2": "V3", "V3": None}


@pytest.mark.parametrize(("part", "heir"), [("V1", "V3"), ("V2", "V3"), ("V3", None), ("unknown", None)])
def test_the_successor_stands_at_the_end_of_the_chain(part: str, heir: str | None) -> None:
    assert successor(part, CHAIN) == heir


def test_a_circle_is_named() -> None:
    with pytest.raises(ValueError, match="circle"):
        successor("A", {"A": "B", "B": "C", "C": "A"})


def test_what_cured_often_comes_first_and_what_failed_last() -> None:
    records = {"sure": Record(7, 9), "once": Record(1, 1), "never": Record(0, 4)}
    assert most_probable(["never", "untried", "once", "sure"], records) == ["sure", "once", "untried", "never"]


records = st.builds(lambda solved, failed: Record(solved, solved + failed), st.integers(0, 500), st.integers(0, 500))


@given(records)
def test_one_more_cure_never_makes_it_less_likely(record: Record) -> None:
    assert 0 < record.chance < 1
    assert Record(record.solved + 1, record.tried + 1).chance > record.chance
    assert Record(record.solved, record.tried + 1).chance < record.chance


@pytest.mark.parametrize(
    ("at", "is_it"),
    [
        ("2026-11-27T09:00+08:00", True),  # Friday
        ("2026-11-27T17:29+08:00", True),
        ("2026-11-27T17:30+08:00", False),
        ("2026-11-27T08:59+08:00", False),
        ("2026-11-27T01:30+00:00", True),
        ("2026-11-28T10:00+08:00", False),  # Saturday
    ],
)
def test_an_outlet_is_open_by_its_own_clock(at: str, is_it: bool) -> None:
    zone = ZoneInfo("Asia/Shanghai")
    assert is_open(datetime.fromisoformat(at), zone, "12345", "09:00", "17:30") is is_it
