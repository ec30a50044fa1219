"""One golden example a figure; the sums are worked out by hand."""

from datetime import UTC, date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.costs import (
    Basis,
    CostRules,
    Driver,
    PartClass,
    Sums,
    Target,
    at_target,
    begins,
    bought,
    cost_control,
    drivers,
    month_of,
    months_on,
    pareto,
    price_variance,
    split,
    storage_cost,
    summed,
    target_price,
)

RULES = CostRules(storage_rate=Decimal("0.18"))
SHANGHAI = ZoneInfo("Asia/Shanghai")


def yuan(amount: str) -> Decimal:
    return Decimal(amount)


def test_the_target_is_the_contract_then_the_quotes_then_what_was_paid() -> None:
    quotes = [yuan("90.00"), yuan("120.00"), yuan("101.00"), yuan("104.00")]
    assert target_price(yuan("100.00"), quotes, yuan("95.00")) == Target(yuan("100.00"), Basis.CONTRACT)
    assert target_price(None, quotes, yuan("95.00")) == Target(yuan("102.50"), Basis.QUOTES)
    assert target_price(None, [], yuan("95.004")) == Target(yuan("95.00"), Basis.PURCHASES)
    assert target_price(None, [], None) is None


GOLDEN = summed(
    [
        bought(10, yuan("98.00"), Target(yuan("100.00"), Basis.CONTRACT)),  # 980 against 1000
        bought(4, yuan("55.00"), Target(yuan("50.00"), Basis.PURCHASES)),  # 220 against 200
        bought(2, yuan("150.00"), None),  # 300 that nobody planned
        Sums(freight=yuan("75.00"), expedited=yuan("30.00"), storage=yuan("12.34")),
    ]
)


def test_a_month_in_sums() -> None:
    assert (
        Sums(
            pieces=16,
            price=yuan("1500.00"),
            freight=yuan("75.00"),
            expedited=yuan("30.00"),
            storage=yuan("12.34"),
            lines=3,
            with_target=2,
            at_target=1,
            priced=yuan("1200.00"),
            target=yuan("1200.00"),
        )
        == GOLDEN
    )
    assert GOLDEN.total == yuan("1587.34")


def test_cost_control() -> None:
    """2 − (1200 + 75 × 1200/1500) / 1200 = 0.95"""
    ratio = cost_control(GOLDEN)
    assert (ratio.numerator, ratio.denominator, ratio.n) == (yuan("1140.00"), yuan("1200.00"), 2)
    assert ratio.value == yuan("0.95")
    assert cost_control(Sums(price=yuan("5.00"), lines=1)).value is None


def test_price_variance() -> None:
    """10 × (100 − 98) + 4 × (50 − 55) = 0; two yuan dearer each would be 28 under water"""
    assert price_variance(GOLDEN) == yuan("0.00")
    assert price_variance(bought(14, yuan("52.00"), Target(yuan("50.00"), Basis.QUOTES))) == yuan("-28.00")
    assert price_variance(Sums()) is None


def test_share_of_lines_at_target() -> None:
    assert at_target(GOLDEN).value == yuan("0.5")
    assert at_target(Sums()).value is None


def test_storage() -> None:
    """A hundred pieces of 73 yuan for thirty days at 18 % a year: 100 × 30 × 73 × 0.18 / 365"""
    assert storage_cost(Decimal(3000), yuan("73.00"), RULES.storage_rate) == yuan("108.00")


def test_a_split_loses_no_fen() -> None:
    assert split(yuan("100.00"), {"a": Decimal(1), "b": Decimal(1), "c": Decimal(1)}) == {
        "a": yuan("33.33"),
        "b": yuan("33.33"),
        "c": yuan("33.34"),
    }
    assert split(yuan("100.00"), {"a": Decimal(0)}) == {}


@given(
    st.decimals(0, 100000, places=2),
    st.dictionaries(st.text(min_size=1, max_size=3), st.decimals(1, 1000, places=2), min_size=1),
)
def test_a_split_adds_up(amount: Decimal, shares: dict[str, Decimal]) -> None:
    assert sum(split(amount, shares).values()) == amount


def test_pareto() -> None:
    ranked = pareto(
        {"motor": yuan("700.00"), "lamp": yuan("40.00"), "pump": yuan("200.00"), "knob": yuan("60.00")}, RULES
    )
    assert [(one.key, one.share, one.cumulative, one.part_class) for one in ranked] == [
        ("motor", Decimal("0.7"), Decimal("0.7"), PartClass.A),
        ("pump", Decimal("0.2"), Decimal("0.9"), PartClass.A),
        ("knob", Decimal("0.06"), Decimal("0.96"), PartClass.B),
        ("lamp", Decimal("0.04"), Decimal("1"), PartClass.C),
    ]
    assert pareto({}, RULES) == []


def test_what_drives_the_cost() -> None:
    """The motor went from 100 to 110 apiece and from 10 to 12 pieces: 120 dearer, 200 more of it. Haste cost 90."""
    before = {"motor": Sums(pieces=10, price=yuan("1000.00"), freight=yuan("50.00"))}
    now = {
        "motor": Sums(pieces=12, price=yuan("1320.00"), freight=yuan("130.00"), expedited=yuan("90.00")),
        "pump": Sums(pieces=1, price=yuan("80.00"), storage=yuan("1.50")),
    }
    found = drivers(before, now)
    assert [(one.driver, one.amount, one.part, one.part_amount) for one in found] == [
        (Driver.QUANTITY, yuan("280.00"), "motor", yuan("200.00")),
        (Driver.PRICE, yuan("120.00"), "motor", yuan("120.00")),
        (Driver.EXPEDITES, yuan("90.00"), "motor", yuan("90.00")),
        (Driver.FREIGHT, yuan("-10.00"), "motor", yuan("-10.00")),
        (Driver.STORAGE, yuan("1.50"), "pump", yuan("1.50")),
    ]


SUMS = st.builds(
    Sums,
    pieces=st.integers(0, 50),
    price=st.decimals(0, 10000, places=2),
    freight=st.decimals(0, 900, places=2),
    expedited=st.decimals(0, 90, places=2),
    storage=st.decimals(0, 90, places=2),
)
BY_PART = st.dictionaries(st.sampled_from("abcd"), SUMS)


@given(BY_PART, BY_PART)
def test_the_drivers_are_all_of_the_difference(before: dict[str, Sums], now: dict[str, Sums]) -> None:
    difference = summed(now.values()).total - summed(before.values()).total
    assert sum(one.amount for one in drivers(before, now)) == difference


def test_months_are_the_office_s() -> None:
    assert month_of(datetime(2026, 10, 31, 16, 30, tzinfo=UTC), SHANGHAI) == date(2026, 11, 1)
    assert begins(date(2026, 11, 1), SHANGHAI) == datetime(2026, 10, 31, 16, tzinfo=UTC)


@pytest.mark.parametrize(("months", "then"), [(0, date(2026, 11, 1)), (2, date(2027, 1, 1)), (-11, date(2025, 12, 1))])
def test_months_on(months: int, then: date) -> None:
    assert months_on(date(2026, 11, 1), months) == then
