from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.numbers import check_digit, document_number, is_well_formed

numbers = st.builds(
    document_number,
    st.sampled_from(["RO", "PO"]),
    st.dates(date(2020, 1, 1), date(2099, 12, 31)),
    st.integers(1, 99_999),
)


def test_the_standard_s_own_example() -> None:
    """ISO 7064 MOD 11,10 gives 0794 the check digit 5."""
    assert check_digit("0794") == 5


def test_a_number_reads_day_and_running_number() -> None:
    assert document_number("RO", date(2026, 11, 23), 42).startswith("RO-20261123-0042")


@given(numbers)
def test_our_numbers_are_well_formed(number: str) -> None:
    assert is_well_formed(number)


@given(numbers, st.integers(0, 12), st.integers(1, 9))
def test_a_wrong_digit_is_found(number: str, where: int, by: int) -> None:
    prefix, _, digits = number.partition("-")
    plain = digits.replace("-", "")
    wrong = plain[:where] + str((int(plain[where]) + by) % 10) + plain[where + 1 :]
    assert not is_well_formed(f"{prefix}-{wrong[:8]}-{wrong[8:]}")


def test_nearly_every_swapped_pair_is_found() -> None:
    found = total = 0
    for running in range(1, 2000):
        digits = document_number("RO", date(2026, 11, 23), running).replace("-", "")[2:]
        for i in range(len(digits) - 1):
            swapped = digits[:i] + digits[i + 1] + digits[i] + digits[i + 2 :]
            if swapped != digits:
                total += 1
                found += not is_well_formed(f"RO-{swapped[:8]}-{swapped[8:]}")
    assert found / total > 0.97


@given(st.text(max_size=30))
def test_no_text_whatever_upsets_the_check(text: str) -> None:
    assert isinstance(is_well_formed(f"RO-{text}"), bool)


@pytest.mark.parametrize(
    "text", ["", "RO", "RO-", "RO-20261123", "RO-20261123-", "-20261123-00420", "RO-2026112x-00420"]
)
def test_what_is_no_number_is_not_well_formed(text: str) -> None:
    assert not is_well_formed(text)
