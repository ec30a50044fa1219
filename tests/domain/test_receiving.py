"""Verdicts by sampling plan; invoices against order and receipt (policy 3.2.3, 4.1.1)."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from database.reference import policies
from domain.policy import InvoiceRules, Sampling
from domain.receiving import (
    Billed,
    Difference,
    Due,
    Inspected,
    LotVerdict,
    differences,
    inspected,
    payable,
    sample_of,
    sampling_for,
)

PLAN = next(policy for policy in policies() if policy.name == "standard").sampling
RULES = InvoiceRules(percent=Decimal(1), amount=Decimal(50))
ACCEPTED, REFUSED = LotVerdict.ACCEPTED, LotVerdict.REFUSED


@pytest.mark.parametrize(
    ("lot", "sample", "refuse"), [(1, 1, 1), (8, 2, 1), (9, 5, 1), (90, 13, 2), (1200, 80, 6), (50_000, 80, 6)]
)
def test_a_lot_is_sampled_by_its_size(lot: int, sample: int, refuse: int) -> None:
    row = sampling_for(PLAN, lot)
    assert (sample_of(row, lot), row.refuse) == (sample, refuse)


@pytest.mark.parametrize(
    ("lot", "checked", "faulty", "found"),
    [
        (90, 13, 0, Inspected(ACCEPTED, 90, 0)),
        (90, 13, 1, Inspected(ACCEPTED, 89, 1)),
        (90, 13, 2, Inspected(REFUSED, 0, 90)),
        (90, 90, 2, Inspected(REFUSED, 88, 2)),
        (1, 1, 1, Inspected(REFUSED, 0, 1)),
    ],
)
def test_the_verdict_on_a_lot(lot: int, checked: int, faulty: int, found: Inspected) -> None:
    assert inspected(sampling_for(PLAN, lot), lot, checked, faulty) == found


@given(lot=st.integers(1, 5000), data=st.data())
def test_every_piece_is_accepted_or_refused_and_no_faulty_one_accepted(lot: int, data: st.DataObject) -> None:
    row = sampling_for(PLAN, lot)
    checked = data.draw(st.integers(sample_of(row, lot), lot))
    faulty = data.draw(st.integers(0, checked))
    found = inspected(row, lot, checked, faulty)
    assert found.accepted + found.refused == lot
    assert found.refused >= faulty
    assert found.verdict is (REFUSED if faulty >= row.refuse else ACCEPTED)


@pytest.mark.parametrize(
    ("pieces", "price", "wrong"),
    [
        (5, "100.00", []),
        (4, "99.00", []),
        (5, "101.00", []),
        (5, "101.01", [Difference.PRICE]),
        (6, "100.00", [Difference.QUANTITY]),
        (6, "120.00", [Difference.QUANTITY, Difference.PRICE]),
    ],
)
def test_what_differs(pieces: int, price: str, wrong: list[Difference]) -> None:
    due = {"P": Due(5, Decimal("100.00"))}
    assert differences([Billed("P", pieces, Decimal(price))], due, RULES) == ({"P": wrong} if wrong else {})


def test_many_pieces_may_differ_by_no_more_than_the_amount() -> None:
    due = {"P": Due(1000, Decimal("100.00"))}
    assert differences([Billed("P", 1000, Decimal("100.10"))], due, RULES) == {"P": [Difference.PRICE]}


money = st.decimals(0, 10_000, places=2)


@given(st.integers(1, 99), st.integers(0, 99), money, money, st.booleans())
def test_more_than_was_accepted_is_never_paid(
    billed: int, accepted: int, asked: Decimal, agreed: Decimal, as_invoiced: bool
) -> None:
    paid = payable([Billed("P", billed, asked)], {"P": Due(accepted, agreed)}, as_invoiced=as_invoiced)
    assert sum(line.pieces for line in paid) == min(billed, accepted)
    for line in paid:
        assert line.price <= asked
        assert as_invoiced or line.price <= agreed


def test_a_plan_that_shrinks_is_no_plan() -> None:
    policy = next(iter(policies())).model_dump(mode="json")
    rows = [{"up_to": 8, "sample": 5, "refuse": 1}, {"up_to": 25, "sample": 3, "refuse": 1}]
    with pytest.raises(ValueError, match="must grow"):
        type(next(iter(policies()))).model_validate(policy | {"sampling": rows})


def test_a_row_refuses_from_one_on() -> None:
    with pytest.raises(ValueError):
        Sampling(up_to=1, sample=1, refuse=0)
