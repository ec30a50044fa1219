"""One golden example a figure of the supplier review; worked out by hand (policy 3.1.1, 3.1.3)."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from pydantic import ValidationError

from domain.correcting import Standing
from domain.figures import Ratio
from domain.reviews import (
    Delivery,
    Floor,
    ReviewFigure,
    ReviewRules,
    dppm,
    durability,
    incoming_quality,
    last_ended,
    on_time,
    proposed,
    responsiveness,
    score,
)

ON_TIME, QUALITY, DURABILITY, ANSWERS, PRICE = ReviewFigure
RULES = ReviewRules(
    months=3,
    smallest_n=5,
    weights={
        ON_TIME: Decimal(30),
        QUALITY: Decimal(30),
        DURABILITY: Decimal(20),
        ANSWERS: Decimal(10),
        PRICE: Decimal(10),
    },
    thresholds={Standing.WARNED: Decimal(80), Standing.SUSPENDED: Decimal(60), Standing.DROPPED: Decimal(30)},
    floors=(Floor(figure=QUALITY, below=Decimal("0.80"), standing=Standing.SUSPENDED),),
)


def day(number: int) -> datetime:
    return datetime(2026, 9, number, tzinfo=UTC)


def test_on_time_is_measured_on_what_was_due() -> None:
    """Two in time, one late, one overdue and still open: 2 of 4."""
    due = [Delivery(day(5), day(5)), Delivery(day(5), day(3)), Delivery(day(5), day(6)), Delivery(day(9), None)]
    assert on_time(due) == Ratio(2, 4, 4)
    assert on_time([]).value is None


def test_incoming_quality() -> None:
    assert incoming_quality(9, 12).value == Decimal("0.75")
    assert incoming_quality(0, 0).value is None


def test_defects_per_million() -> None:
    assert dppm(3, 2000) == 1500
    assert dppm(0, 2000) == 0
    assert dppm(0, 0) is None


def test_durability() -> None:
    assert durability(2, 50).value == Decimal("0.96")
    assert durability(0, 0).value is None


def test_responsiveness() -> None:
    assert responsiveness(3, 4).value == Decimal("0.75")
    assert responsiveness(0, 0).value is None


FIGURES = {
    ON_TIME: Ratio(8, 10, 10),
    QUALITY: Ratio(9, 10, 10),
    DURABILITY: Ratio(4, 4, 4),  # too few to count
    ANSWERS: Ratio(5, 10, 10),
    PRICE: Ratio(Decimal("1100"), Decimal("1000"), 10),  # better than planned counts as fully reached
}


def test_the_score_leaves_out_what_rests_on_too_little() -> None:
    """(30 × 0.8 + 30 × 0.9 + 10 × 0.5 + 10 × 1) / 80 = 82.5"""
    assert score(FIGURES, RULES) == Decimal("82.5")
    assert score({ON_TIME: Ratio(0, 4, 4)}, RULES) is None
    assert score({}, RULES) is None


@pytest.mark.parametrize(
    ("figures", "now", "then"),
    [
        (FIGURES, Standing.QUALIFIED, None),
        ({ON_TIME: Ratio(7, 10, 10)}, Standing.QUALIFIED, Standing.WARNED),
        ({ON_TIME: Ratio(7, 10, 10)}, Standing.WARNED, None),
        ({ON_TIME: Ratio(7, 10, 10)}, Standing.SUSPENDED, None),
        ({ON_TIME: Ratio(2, 10, 10)}, Standing.WARNED, Standing.DROPPED),
        ({ON_TIME: Ratio(10, 10, 10), QUALITY: Ratio(7, 10, 10)}, Standing.QUALIFIED, Standing.SUSPENDED),
        ({ON_TIME: Ratio(10, 10, 10), QUALITY: Ratio(0, 4, 4)}, Standing.QUALIFIED, None),
        ({}, Standing.QUALIFIED, None),
    ],
)
def test_the_worst_that_score_or_figure_means_is_proposed(
    figures: dict[ReviewFigure, Ratio], now: Standing, then: Standing | None
) -> None:
    assert proposed(figures, score(figures, RULES), now, RULES) is then


@pytest.mark.parametrize(
    ("today", "months", "name"),
    [
        (date(2026, 11, 26), 3, "2026-07/2026-09"),
        (date(2026, 10, 1), 3, "2026-07/2026-09"),
        (date(2026, 9, 30), 3, "2026-04/2026-06"),
        (date(2026, 1, 5), 12, "2025-01/2025-12"),
        (date(2026, 1, 5), 1, "2025-12/2025-12"),
    ],
)
def test_the_newest_period_that_is_over(today: date, months: int, name: str) -> None:
    assert last_ended(today, RULES.model_copy(update={"months": months})).name == name


def test_rules_that_make_no_sense_are_refused() -> None:
    said = RULES.model_dump()
    wrongs: tuple[dict[str, Any], ...] = (
        {"weights": {}},
        {"weights": {ON_TIME: -1, PRICE: 2}},
        {"automatic": ["qualified"]},
    )
    for wrong in wrongs:
        with pytest.raises(ValidationError):
            ReviewRules.model_validate(said | wrong)
