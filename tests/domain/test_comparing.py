"""Bids against each other: whatever they are, the comparison is fair (policy 3.3.1)."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from domain.comparing import Bid, Criterion, Weights, compare

money = st.decimals("0.01", "9999.99", places=2)
weight = st.decimals("0", "1", places=2)
counts = st.decimals("0.01", "1", places=2)
weights = st.builds(Weights, landed_cost=counts, lead_time=weight, score=weight, guarantee=weight)


def bids_of(scores: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Bid]]:
    one = st.builds(
        Bid,
        supplier=st.integers(1, 99).map("S{:02}".format),
        landed=money,
        lead=st.integers(1, 90),
        score=scores,
        guarantee=st.integers(0, 60),
    )
    return st.lists(one, min_size=1, max_size=8, unique_by=lambda bid: bid.supplier)


known = st.decimals("0", "100", places=1)
some_bids = bids_of(st.none() | known)


@pytest.mark.clause("3.3.1")
@given(some_bids, weights, st.randoms())
def test_the_order_in_which_bids_arrive_does_not_matter(bids: list[Bid], by: Weights, chance: Any) -> None:
    shuffled = list(bids)
    chance.shuffle(shuffled)
    assert compare(bids, by) == compare(shuffled, by)


@pytest.mark.clause("3.3.1")
@given(bids_of(known), weights)
def test_who_is_no_worse_in_anything_stands_no_lower(bids: list[Bid], by: Weights) -> None:
    placed = compare(bids, by)
    for one in placed:
        for other in placed:
            a, b = one.bid, other.bid
            assert a.score is not None
            assert b.score is not None
            if a.landed <= b.landed and a.lead <= b.lead and a.score >= b.score and a.guarantee >= b.guarantee:
                assert one.gap <= other.gap


@given(some_bids, weights)
def test_every_bid_has_one_place_and_the_best_of_a_criterion_no_gap_in_it(bids: list[Bid], by: Weights) -> None:
    placed = compare(bids, by)
    assert [one.rank for one in placed] == list(range(1, len(bids) + 1))
    assert sorted(one.bid.supplier for one in placed) == sorted(bid.supplier for bid in bids)
    assert [one.gap for one in placed] == sorted(one.gap for one in placed)
    for criterion in Criterion:
        gaps = [one.gaps[criterion] for one in placed if criterion in one.gaps]
        assert not gaps or min(gaps) == 0
    assert all((one.bid.score is None) == (Criterion.SCORE not in one.gaps) for one in placed)


@given(some_bids, weights, st.integers(2, 9))
def test_only_proportions_of_weights_matter(bids: list[Bid], by: Weights, factor: int) -> None:
    more = Weights(**{name: value * factor for name, value in by.model_dump().items()})
    first, second = compare(bids, by), compare(bids, more)
    assert [one.gap.quantize(Decimal("1e-9")) for one in first] == [one.gap.quantize(Decimal("1e-9")) for one in second]


@pytest.mark.clause("3.3.1")
def test_the_cheapest_need_not_be_the_best() -> None:
    by = Weights.model_validate({"landed_cost": "0.5", "lead_time": "0.2", "score": "0.2", "guarantee": "0.1"})
    cheap = Bid("S06", Decimal("98.00"), 12, Decimal(60), 6)
    sound = Bid("S01", Decimal("104.00"), 5, Decimal(95), 24)
    first, second = compare([cheap, sound], by)
    assert (first.bid, second.bid) == (sound, cheap)
    assert second.gaps[Criterion.LANDED_COST] == 0
    assert second.gaps[Criterion.LEAD_TIME] == Decimal("1.4")
    assert second.gaps[Criterion.GUARANTEE] == Decimal("0.75")
    assert round(first.gap, 4) == round(Decimal("0.5") * (Decimal(104) / 98 - 1), 4)


def test_what_is_not_known_counts_neither_for_nor_against() -> None:
    by = Weights.model_validate({"landed_cost": "0.5", "lead_time": "0.2", "score": "0.3", "guarantee": "0"})
    new, old = Bid("S02", Decimal(100), 5), Bid("S01", Decimal(100), 5, Decimal(80))
    assert [one.gap for one in compare([new, old], by)] == [0, 0]


def test_weights_that_weigh_nothing_are_no_weights() -> None:
    with pytest.raises(ValidationError, match="must count"):
        Weights(landed_cost=Decimal(0), lead_time=Decimal(0), score=Decimal(1))
