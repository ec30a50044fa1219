"""Dates as a range, costs split, and what needs another consent (policy 2.2.2)."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from database.reference import policies
from domain.policy import AskAgainRules, LeadRules, Timekeeper, Transit
from domain.quoting import (
    Charge,
    Priced,
    Punctuality,
    Supply,
    Sureness,
    costs_more,
    expected,
    lead,
    signed_by,
    split,
    to_be_bought,
    transit_to,
)
from domain.working_time import OfficeCalendar, Span

[STANDARD] = [policy for policy in policies() if policy.name == "standard"]
TIME = Timekeeper(STANDARD, {})
RULES = STANDARD.quotation
AGAIN = RULES.ask_again
LEADS = LeadRules(deliveries=5, newest=50, longer=Decimal("0.5"))

instants = st.integers(0, 330 * 24 * 60).map(
    lambda minutes: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
)
money = st.decimals(0, 100_000, places=2)
priced = st.lists(st.builds(Priced, money, st.sampled_from(Charge)), min_size=1, max_size=20)
transits = st.sampled_from((*RULES.transits, Transit(provinces=(), earliest=RULES.transit, latest=RULES.transit)))


@st.composite
def supplies(draw: st.DrawFn) -> tuple[datetime, list[Supply]]:
    at = draw(instants)
    lines = []
    for place in range(draw(st.integers(1, 4))):
        if draw(st.booleans()):
            lines.append(Supply(f"P{place}", at, signed_by(TIME, at), Sureness.IN_STOCK))
        else:
            takes = lead(draw(st.integers(1, 40)), None, LEADS)
            lines.append(to_be_bought(TIME, at, f"P{place}", "S1", takes))
    return at, lines


@given(supplies(), transits)
def test_nothing_arrives_before_it_is_ready_and_everything_in_office_hours(
    drawn: tuple[datetime, list[Supply]], transit: Transit
) -> None:
    at, lines = drawn
    when = expected(TIME, lines, transit)
    ready = TIME.after(max(line.earliest for line in lines), RULES.stock_lead)
    assert at < ready < when.earliest <= when.latest
    assert isinstance(TIME.calendar, OfficeCalendar)
    for arrival in (when.earliest, when.latest):
        assert TIME.calendar.open_from(arrival) == arrival
        assert TIME.calendar.is_working_day(TIME.today(arrival))
    assert when.parts_by > max(line.latest for line in lines)


@given(supplies(), transits)
def test_the_least_sure_line_says_how_sure(drawn: tuple[datetime, list[Supply]], transit: Transit) -> None:
    _, lines = drawn
    bought = any(line.sure is Sureness.ESTIMATE for line in lines)
    assert (expected(TIME, lines, transit).sure is Sureness.ESTIMATE) == bought


@given(priced, money, money)
def test_the_split_adds_up(lines: list[Priced], labour: Decimal, travel: Decimal) -> None:
    costs = split(lines, labour, travel)
    assert costs.parts == sum(line.amount for line in lines)
    assert costs.to_pay + costs.warranty + costs.goodwill == costs.parts + labour + travel
    assert costs.to_pay >= 0
    assert all(isinstance(value, Decimal) for value in vars(costs).values())


@pytest.mark.parametrize(
    ("charges", "to_pay"),
    [
        ("customer", "188.00"),
        ("warranty", "0.00"),
        ("warranty customer", "100.00"),
        ("goodwill customer", "100.00"),
        ("goodwill warranty", "0.00"),
    ],
)
def test_one_visit_goes_with_the_kindest_line(charges: str, to_pay: str) -> None:
    hundred = Decimal("100.00")
    lines = [Priced(hundred, Charge(charge)) for charge in charges.split()]
    assert split(lines, Decimal("50.00"), Decimal("38.00")).to_pay == Decimal(to_pay)


def test_a_suppliers_own_deliveries_make_the_range_once_there_are_enough() -> None:
    slow = Punctuality(quick=Decimal("0.6"), slow=Decimal("1.8"), deliveries=5)
    assert (lead(10, slow, LEADS).shortest, lead(10, slow, LEADS).longest) == (6, 18)
    few = Punctuality(quick=Decimal("0.6"), slow=Decimal("1.8"), deliveries=4)
    for unknown in (few, None):
        assert (lead(10, unknown, LEADS).shortest, lead(10, unknown, LEADS).longest) == (10, 15)
        assert lead(10, unknown, LEADS).deliveries == 0


@pytest.mark.parametrize(
    ("province", "latest"),
    [("浙江省", "2 days"), ("浙江", "2 days"), ("西藏自治区", "9 days"), ("", "3 days"), ("Bayern", "3 days")],
)
def test_the_farther_the_later(province: str, latest: str) -> None:
    assert transit_to(province, RULES.transits, RULES.transit).latest == Span.parse(latest)


@pytest.mark.parametrize(
    ("agreed", "now", "asked"),
    [
        ("0", "0", False),
        ("0", "0.01", True),
        ("300", "329", False),
        ("300", "331", True),
        ("5000", "5050", False),
        ("5000", "5051", True),
        ("300", "100", False),
    ],
)
def test_more_than_a_little_more_needs_consent(agreed: str, now: str, asked: bool) -> None:
    rules = AskAgainRules(percent=Decimal(10), amount=Decimal(50), later=Span(3, "working days"))
    assert costs_more(Decimal(agreed), Decimal(now), rules) is asked


@given(money, money)
def test_who_pays_less_is_never_asked(agreed: Decimal, less: Decimal) -> None:
    assert not costs_more(agreed, min(agreed, less), AGAIN)


@given(supplies(), transits, st.integers(1, 30))
def test_a_part_that_comes_within_the_allowance_moves_nothing(
    drawn: tuple[datetime, list[Supply]], transit: Transit, days: int
) -> None:
    _, lines = drawn
    when, last = expected(TIME, lines, transit), max(line.latest for line in lines)
    later = last + timedelta(days=days)
    assert (later > when.parts_by) == (later > TIME.after(last, AGAIN.later))
