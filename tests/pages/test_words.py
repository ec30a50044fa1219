"""Both languages are complete, and dates, money and lists read as people write them."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from api.i18n import FOLDERS, Language, languages, preferred
from api.pages.codes import ENUMERATIONS
from domain.working_time import OfficeCalendar, SpedUpCalendar
from scripts import messages

SHANGHAI = "Asia/Shanghai"
OFFICE = OfficeCalendar(ZoneInfo(SHANGHAI), ((time(9), time(18)),))
NOW = datetime(2026, 11, 25, 2, 0, tzinfo=UTC)  # Wednesday, 10:00 in Shanghai


def language(code: str) -> Language:
    return languages(SHANGHAI)[code]


@pytest.mark.parametrize("code", FOLDERS)
def test_no_word_is_missing(code: str) -> None:
    assert messages.missing(code) == []


@pytest.mark.parametrize("code", FOLDERS)
def test_nothing_is_left_over(code: str) -> None:
    kept = {
        (entry.context, entry.id)
        for entry in messages.read(code)
        if entry.id and entry.context not in messages.OPTIONAL
    }
    assert kept - {(context, message) for context, message in messages.wanted(code)} == set()


@pytest.mark.parametrize("code", FOLDERS)
def test_every_member_has_a_name_of_its_own(code: str) -> None:
    for kind in ENUMERATIONS:
        names = [language(code).label(member) for member in kind]
        assert len(set(names)) == len(names), kind


def test_placeholders_are_the_same_in_both_languages() -> None:
    for entry in messages.read("zh"):
        said, written = one(entry.id), one(entry.string)
        if entry.context is None and said:
            assert sorted(_holes(said)) == sorted(_holes(written)), said


def one(text: str | Sequence[str] | None) -> str:
    """The text, or the first of its plural forms."""
    return text if isinstance(text, str) else (text or ("",))[0]


def _holes(text: str) -> list[str]:
    return [piece.partition(")")[0] for piece in text.split("%(")[1:]]


def test_chinese_is_written_with_chinese_punctuation() -> None:
    for entry in messages.read("zh"):
        written = one(entry.string)
        for before, sign in pairwise(written):
            assert not (before >= "一" and before <= "鿿" and sign in ",;:?!"), written


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("zh-CN,zh;q=0.9,en;q=0.8", "zh"),
        ("zh-Hans-CN", "zh"),
        ("zh_CN", "zh"),
        ("en-GB,en;q=0.9", "en"),
        ("en;q=0.5, zh-TW", "zh"),
        ("fr, de;q=0.5", "zh"),
        ("fr, en;q=0.1", "en"),
        ("", "zh"),
        ("en;q=nonsense", "zh"),
    ],
)
def test_language_asked_for(asked: str, found: str) -> None:
    assert preferred(asked) == found


@pytest.mark.parametrize(
    ("due", "english", "chinese"),
    [
        (NOW + timedelta(days=2, hours=8), "in 2 working days", "还有 2 个工作日"),
        (NOW + timedelta(days=5), "in 3 working days", "还有 3 个工作日"),
        (NOW + timedelta(hours=3), "in 3 hours", "还有 3 小时"),
        (NOW + timedelta(minutes=20), "in 20 minutes", "还有 20 分钟"),
        (NOW - timedelta(days=1), "1 working day late", "已超期 1 个工作日"),
    ],
)
def test_distance_in_working_days(due: datetime, english: str, chinese: str) -> None:
    assert language("en").until(due, NOW, OFFICE) == english
    assert language("zh").until(due, NOW, OFFICE) == chinese


def test_distance_over_a_weekend_alone_is_in_days() -> None:
    friday_evening = datetime(2026, 11, 27, 12, 0, tzinfo=UTC)
    assert language("en").until(friday_evening + timedelta(days=1), friday_evening, OFFICE) == "in 1 day"


def test_distance_under_sped_up_rules_is_in_seconds() -> None:
    assert language("en").until(NOW + timedelta(seconds=12), NOW, SpedUpCalendar(6)) == "in 12 seconds"
    assert language("zh").until(NOW + timedelta(minutes=3), NOW, SpedUpCalendar(6)) == "还有 3 分钟"


def test_instants_are_those_of_the_reader() -> None:
    other_year = datetime(2024, 11, 27, 10, 0, tzinfo=UTC)
    assert language("en").instant(other_year) == "Wed 27 Nov 2024, 18:00"
    assert language("zh").instant(other_year) == "2024年11月27日 周三 18:00"
    assert languages("Europe/Berlin")["en"].instant(other_year) == "Wed 27 Nov 2024, 11:00"
    assert language("en").day(date(2024, 2, 29)) == "Thu 29 Feb 2024"


def test_money_has_its_currency() -> None:
    assert language("zh").money(Decimal("1234.50")) == "¥1,234.50"
    assert language("en").money(Decimal("1234.50")) == "CN¥1,234.50"
