"""How much of a part to keep: what holds for any demand, and figures worked out by hand."""

from math import ceil, exp, sqrt
from statistics import NormalDist

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from domain.levels import Aim, Excess, Lead, Level, Pattern, excess, forecast, level, pattern, to_order

AIM = Aim(service=0.95, review=1, cover=4, most_cover=26)
demands = st.lists(st.integers(0, 60), min_size=4, max_size=60)
seldom = st.lists(st.sampled_from([0, 0, 0, 0, 0, 1, 2, 7]), min_size=12, max_size=60)
any_demand = st.one_of(demands, seldom)
leads = st.builds(Lead, st.floats(0.2, 12), st.floats(0, 6))
smoothings = st.floats(0.05, 0.5)


def keep(demand: list[int], lead: Lead = Lead(2, 0.25), aim: Aim = AIM) -> Level:  # noqa: B008 - frozen
    return level(demand, lead, aim, 0.1)


@given(any_demand, smoothings)
def test_a_forecast_lies_between_nothing_and_the_most_ever_asked_for(demand: list[int], smoothing: float) -> None:
    assert 0 <= forecast(demand, smoothing) <= max(demand) + 1e-9


@given(st.integers(1, 500), st.integers(4, 60), smoothings)
def test_the_forecast_of_what_never_changes_is_what_it_is(asked: int, periods: int, smoothing: float) -> None:
    assert forecast([asked] * periods, smoothing) == pytest.approx(asked)


@given(any_demand, smoothings)
def test_a_forecast_sinks_with_each_period_in_which_nothing_is_asked_for(demand: list[int], smoothing: float) -> None:
    assume(any(demand))
    later = [forecast([*demand, *[0] * quiet], smoothing) for quiet in (0, 10, 40, 200)]
    assert later == sorted(later, reverse=True)
    assert later[-1] < max(demand) * 0.5


def test_a_forecast_by_hand() -> None:
    """Half the periods ask for 4 on average: 0.5 and 4 to begin with, smoothed by a fifth."""
    often, size = 0.5, 4.0
    for asked in (0, 3, 0, 5):
        often += 0.2 * (bool(asked) - often)
        size += 0.2 * (asked - size) if asked else 0
    assert forecast([0, 3, 0, 5], 0.2) == pytest.approx(often * size)
    assert size == pytest.approx(4 - 0.2 + 0.2 * 1.2)


@given(any_demand, leads, st.floats(0.5, 0.99))
def test_a_level_is_in_order(demand: list[int], lead: Lead, service: float) -> None:
    found = level(demand, lead, Aim(service, 1, 4, 26), 0.1)
    assert 0 <= found.safety_stock <= found.reorder_point <= found.up_to <= found.most
    if not any(demand):
        assert found.most == 0


@pytest.mark.clause("4.2.3")
@given(any_demand, leads, st.floats(0.5, 0.99), st.floats(0.5, 0.99))
def test_more_service_never_needs_less_stock(demand: list[int], lead: Lead, one: float, other: float) -> None:
    low, high = (level(demand, lead, Aim(service, 1, 4, 26), 0.1) for service in sorted((one, other)))
    assert low.reorder_point <= high.reorder_point


@given(any_demand, st.floats(0.2, 12), st.floats(0, 3), st.floats(0, 6))
def test_a_longer_lead_never_needs_less_stock(demand: list[int], lead: float, variance: float, longer: float) -> None:
    short, long = (keep(demand, Lead(mean, variance)) for mean in (lead, lead + longer))
    assert short.reorder_point <= long.reorder_point


@pytest.mark.clause("4.2.3")
@given(any_demand, st.floats(0.2, 12), st.floats(0, 6))
def test_an_unsteady_supplier_never_needs_less_stock_for_steady_demand(
    demand: list[int], lead: float, variance: float
) -> None:
    assume(pattern(demand) in (Pattern.SMOOTH, Pattern.ERRATIC))
    steady, unsteady = keep(demand, Lead(lead, 0)), keep(demand, Lead(lead, variance))
    assert steady.reorder_point <= unsteady.reorder_point


@pytest.mark.clause("4.2.3")
def test_steady_demand_by_the_book() -> None:
    """Ten a week, now twelve, now eight; three weeks at risk, a lead of two weeks that varies by half a week."""
    found = keep([12, 8] * 13)
    spread = sqrt(3 * found.variance + found.forecast**2 * 0.25)
    assert found.pattern is Pattern.SMOOTH
    assert found.reorder_point == ceil(NormalDist(3 * found.forecast, spread).inv_cdf(0.95))
    assert found.forecast == pytest.approx(10, abs=0.3)
    assert found.up_to - found.reorder_point == ceil(4 * found.forecast)


@pytest.mark.clause("4.2.3")
def test_seldom_demand_is_counted_out_piece_by_piece() -> None:
    """One piece in every fifth week: with 0.6 expected, no more than Poisson, two pieces are enough in 95 of 100."""
    found = level([0, 0, 0, 0, 1] * 10, Lead(2, 0), AIM, 0.001)
    mean = 3 * found.forecast
    assert found.pattern is Pattern.INTERMITTENT
    below = [exp(-mean) * sum(mean**n / f for n, f in enumerate((1, 1, 2)[: k + 1])) for k in range(3)]
    assert below[1] < 0.95 <= below[2]
    assert found.reorder_point == 2


def test_patterns() -> None:
    assert pattern([0, 0, 0, 0]) is Pattern.NONE
    assert pattern([5, 6, 5, 4]) is Pattern.SMOOTH
    assert pattern([1, 20, 2, 30]) is Pattern.ERRATIC
    assert pattern([0, 3, 0, 3]) is Pattern.INTERMITTENT
    assert pattern([0, 1, 0, 0, 30, 0]) is Pattern.LUMPY


@pytest.mark.clause("4.2.3")
@given(any_demand, leads, st.integers(0, 2000))
def test_what_is_ordered_brings_stock_to_its_level_and_no_further(
    demand: list[int], lead: Lead, position: int
) -> None:  # fmt: skip
    found = keep(demand, lead)
    ordered = to_order(found, position)
    assert ordered >= 0
    assert to_order(found, position + ordered) == 0 or found.up_to == found.reorder_point
    if ordered:
        assert position <= found.reorder_point
        assert position + ordered == found.up_to


@pytest.mark.clause("4.2.3")
@given(any_demand, leads, st.integers(0, 5000), st.integers(0, 200))
def test_too_much_is_never_what_would_be_ordered_again(
    demand: list[int], lead: Lead, free: int, periods_without: int
) -> None:
    found = keep(demand, lead)
    too_much = excess(found, free, periods_without, 52)
    if too_much is None:
        return
    why, pieces = too_much
    assert 0 < pieces <= free
    if why is Excess.OVERSTOCK:
        assert free - pieces == found.most
        assert found.most >= found.up_to
    else:
        assert periods_without >= 52


def test_dead_stock_is_all_of_it() -> None:
    assert excess(keep([0] * 52), 7, 52, 52) == (Excess.DEAD, 7)
    assert excess(keep([0] * 20), 7, 20, 52) is None
