from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from domain.working_time import (
    UNITS,
    CalendarRules,
    OfficeCalendar,
    OfficeHours,
    Span,
    SpedUp,
    SpedUpCalendar,
    calendar_of,
    is_announced,
)

SHANGHAI = ZoneInfo("Asia/Shanghai")
MORNING, AFTERNOON = (time(9), time(12)), (time(13, 30), time(18))
OFFICE = OfficeCalendar(SHANGHAI, (MORNING, AFTERNOON))

MAKE_UP_DAYS = {
    2025: {date(2025, 1, 26), date(2025, 2, 8), date(2025, 4, 27), date(2025, 9, 28), date(2025, 10, 11)},
    2026: {
        date(2026, 1, 4), date(2026, 2, 14), date(2026, 2, 28), date(2026, 5, 9), date(2026, 9, 20), date(2026, 10, 10),
    },
}  # fmt: skip
DAYS_OFF_IN_THE_WEEK = [
    date(2025, 1, 1), date(2025, 1, 28), date(2025, 2, 4), date(2025, 4, 4), date(2025, 5, 5), date(2025, 6, 2),
    date(2025, 10, 1), date(2025, 10, 8), date(2026, 1, 2), date(2026, 2, 16), date(2026, 2, 23), date(2026, 4, 6),
    date(2026, 5, 4), date(2026, 6, 19), date(2026, 9, 25), date(2026, 10, 1), date(2026, 10, 7),
]  # fmt: skip

instants = st.integers(0, 900 * 24 * 60).map(
    lambda minutes: datetime(2024, 6, 1, tzinfo=UTC) + timedelta(minutes=minutes)
)
working_spans = st.one_of(
    st.builds(Span, st.integers(1, 12), st.just("working days")),
    st.builds(Span, st.integers(1, 40), st.just("working hours")),
)
spans = st.one_of(working_spans, st.builds(Span, st.integers(1, 100), st.sampled_from(UNITS)))
overrides = st.dictionaries(st.dates(date(2024, 6, 1), date(2026, 12, 1)), st.booleans(), max_size=20)
calendars = st.one_of(
    overrides.map(lambda days: OfficeCalendar(SHANGHAI, (MORNING, AFTERNOON), overrides=days)),
    st.floats(1, 100).map(SpedUpCalendar),
)


def at(day: date, hour: int, minute: int = 0) -> datetime:
    return datetime.combine(day, time(hour, minute), SHANGHAI).astimezone(UTC)


def is_open(calendar: OfficeCalendar, instant: datetime) -> bool:
    """Within office hours, closing included."""
    local = instant.astimezone(calendar.zone)
    return calendar.is_working_day(local.date()) and any(a <= local.time() <= b for a, b in calendar.hours)


@pytest.mark.clause("1.3.1")
@pytest.mark.parametrize("year", MAKE_UP_DAYS)
def test_weekends_are_worked_on_make_up_days_alone(year: int) -> None:
    days = (date(year, 1, 1) + timedelta(days=n) for n in range(365))
    assert {day for day in days if day.weekday() >= 5 and OFFICE.is_working_day(day)} == MAKE_UP_DAYS[year]


@pytest.mark.clause("1.3.1")
@pytest.mark.parametrize("day", DAYS_OFF_IN_THE_WEEK, ids=str)
def test_statutory_days_off_are_not_worked(day: date) -> None:
    assert day.weekday() < 5
    assert not OFFICE.is_working_day(day)


@pytest.mark.clause("1.3.1")
def test_a_span_jumps_the_holidays_and_counts_the_make_up_day() -> None:
    """National Day 2025 lasts from 1 to 8 October; Sunday 28 September and Saturday 11 October are worked."""
    friday = at(date(2025, 9, 26), 16)
    assert OFFICE.after(friday, Span.parse("1 working day")) == at(date(2025, 9, 28), 18)
    assert OFFICE.after(friday, Span.parse("4 working days")) == at(date(2025, 10, 9), 18)
    assert OFFICE.after(friday, Span.parse("6 working days")) == at(date(2025, 10, 11), 18)
    assert OFFICE.after(at(date(2025, 9, 30), 17), Span.parse("2 working hours")) == at(date(2025, 10, 9), 10)


def test_working_hours_stop_at_noon_and_in_the_evening() -> None:
    monday = date(2026, 6, 8)
    assert OFFICE.after(at(monday, 11), Span.parse("1 working hour")) == at(monday, 12)
    assert OFFICE.after(at(monday, 11), Span.parse("2 working hours")) == at(monday, 14, 30)
    assert OFFICE.after(at(monday, 12, 30), Span.parse("1 working hour")) == at(monday, 14, 30)
    assert OFFICE.after(at(monday, 17), Span.parse("8 working hours")) == at(monday + timedelta(days=1), 17, 30)


def test_other_units_run_day_and_night() -> None:
    saturday = at(date(2026, 6, 6), 22)
    assert OFFICE.after(saturday, Span.parse("36 hours")) == saturday + timedelta(hours=36)
    assert OFFICE.after(saturday, Span.parse("2 days")) == saturday + timedelta(days=2)


@given(calendars, instants, instants, spans)
def test_whoever_starts_earlier_is_not_due_later(
    calendar: OfficeCalendar | SpedUpCalendar, one: datetime, other: datetime, span: Span
) -> None:
    earlier, later = sorted((one, other))
    assert earlier < calendar.after(earlier, span) <= calendar.after(later, span)


@given(calendars, instants, spans, st.integers(1, 20))
def test_a_longer_span_ends_later(
    calendar: OfficeCalendar | SpedUpCalendar, start: datetime, span: Span, more: int
) -> None:
    assert calendar.after(start, span) < calendar.after(start, Span(span.amount + more, span.unit))


@given(overrides, instants, working_spans)
def test_working_spans_end_while_the_office_is_open(days: dict[date, bool], start: datetime, span: Span) -> None:
    calendar = OfficeCalendar(SHANGHAI, (MORNING, AFTERNOON), overrides=days)
    assert is_open(calendar, calendar.after(start, span))


@given(overrides, instants, st.integers(1, 12))
def test_so_many_working_days_are_so_many_closings(days: dict[date, bool], start: datetime, amount: int) -> None:
    calendar = OfficeCalendar(SHANGHAI, (MORNING, AFTERNOON), overrides=days)
    end = calendar.after(start, Span(amount, "working days")).astimezone(SHANGHAI)
    first = start.astimezone(SHANGHAI).date()
    passed = [first + timedelta(days=n) for n in range(1, (end.date() - first).days + 1)]
    assert sum(map(calendar.is_working_day, passed)) == amount
    assert end.time() == time(18)


@given(overrides, instants, st.integers(1, 40))
def test_so_many_working_hours_are_worked(days: dict[date, bool], start: datetime, amount: int) -> None:
    calendar = OfficeCalendar(SHANGHAI, (MORNING, AFTERNOON), overrides=days)
    assert calendar.worked(start, calendar.after(start, Span(amount, "working hours"))) == timedelta(hours=amount)


@given(calendars, instants, spans, st.floats(0.01, 1), st.floats(0.01, 1))
def test_shares_lie_between_in_their_order(
    calendar: OfficeCalendar | SpedUpCalendar, start: datetime, span: Span, one: float, other: float
) -> None:
    end = calendar.after(start, span)
    smaller, larger = sorted((one, other))
    assert start <= calendar.share(start, end, smaller) <= calendar.share(start, end, larger) <= end


@given(overrides, instants, working_spans, st.floats(0.01, 1))
def test_a_share_is_of_the_working_time(days: dict[date, bool], start: datetime, span: Span, share: float) -> None:
    calendar = OfficeCalendar(SHANGHAI, (MORNING, AFTERNOON), overrides=days)
    end = calendar.after(start, span)
    middle = calendar.share(start, end, share)
    assert is_open(calendar, middle)
    assert calendar.worked(start, middle) == calendar.worked(start, end) * share


def test_a_share_of_a_wait_without_working_time_is_one_of_the_clock() -> None:
    saturday = at(date(2026, 6, 6), 10)
    assert OFFICE.share(saturday, saturday + timedelta(hours=4), 0.5) == saturday + timedelta(hours=2)


@given(overrides, instants)
def test_the_office_opens_next_when_it_is_open(days: dict[date, bool], instant: datetime) -> None:
    calendar = OfficeCalendar(SHANGHAI, (MORNING, AFTERNOON), overrides=days)
    opens = calendar.open_from(instant)
    assert opens >= instant
    assert is_open(calendar, opens)
    assert calendar.worked(instant, opens) == timedelta(0)
    assert calendar.open_from(opens) == opens


def test_what_falls_on_closing_time_waits_for_the_morning() -> None:
    friday = at(date(2026, 6, 5), 18)
    assert OFFICE.open_from(friday) == at(date(2026, 6, 8), 9)


@pytest.mark.parametrize(
    ("day", "worked"),
    [(date(2026, 10, 1), True), (date(2026, 10, 10), False), (date(2026, 6, 9), False), (date(2026, 6, 6), True)],
    ids=["holiday", "make-up day", "weekday", "weekend"],
)
def test_the_company_s_own_days_win(day: date, worked: bool) -> None:
    assert OFFICE.is_working_day(day) is not worked
    own = OfficeCalendar(SHANGHAI, (MORNING, AFTERNOON), overrides={day: worked})
    eve = at(day - timedelta(days=1), 10)
    assert own.is_working_day(day) is worked
    assert (own.after(eve, Span(1, "working days")) == at(day, 18)) is worked


def test_only_announced_years_have_make_up_days() -> None:
    assert is_announced("CN", 2025)
    assert is_announced("CN", 2026)
    assert not is_announced("CN", 2099)


def test_a_day_of_a_demonstration_lasts_as_long_as_it_says() -> None:
    calendar, start = SpedUpCalendar(6), at(date(2026, 10, 3), 23)
    lasts = {
        "1 working day": 6, "1 day": 6, "8 working hours": 6, "24 hours": 6, "4 working hours": 3, "1 hour": 0.25,
        "1440 minutes": 6, "86400 seconds": 6,
    }  # fmt: skip
    for text, seconds in lasts.items():
        assert calendar.after(start, Span.parse(text)) == start + timedelta(seconds=seconds)
    assert calendar.open_from(start) == start


@given(st.integers(1, 10_000), st.sampled_from(UNITS))
def test_spans_are_read_as_they_are_written(amount: int, unit: str) -> None:
    assert Span.parse(str(Span(amount, unit))) == Span(amount, unit)


def test_a_single_day_may_be_written_so() -> None:
    assert Span.parse("1 working day") == Span(1, "working days")


@pytest.mark.parametrize("text", ["", "2", "working days", "0 days", "-1 days", "1.5 hours", "2 weeks", "two days"])
def test_anything_else_is_no_span(text: str) -> None:
    with pytest.raises(ValueError, match="not a span of time"):
        Span.parse(text)


def test_a_policy_names_its_calendar() -> None:
    rules: TypeAdapter[OfficeHours | SpedUp] = TypeAdapter(CalendarRules)
    office = rules.validate_python({"kind": "office", "hours": [["09:00", "12:00"], ["13:30", "18:00"]]})
    day = date(2026, 6, 9)
    assert calendar_of(office, {day: False}) == OfficeCalendar(SHANGHAI, (MORNING, AFTERNOON), "CN", {day: False})
    assert calendar_of(rules.validate_python({"kind": "sped_up", "day_seconds": 6}), {}) == SpedUpCalendar(6)


@pytest.mark.parametrize(
    "rules", [{"kind": "office", "hours": []}, {"kind": "sped_up", "day_seconds": 0}, {"kind": "lunar"}], ids=str
)
def test_calendars_that_never_open_are_refused(rules: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(CalendarRules).validate_python(rules)
