"""Numbers people read out: a prefix, the day, a running number and a check digit (policy 2.1.2)."""

from datetime import date


def check_digit(digits: str) -> int:
    """ISO 7064 MOD 11,10: finds every wrong digit and nearly every swapped pair."""
    rest = 10
    for digit in digits:
        rest = (rest + int(digit)) % 10 or 10
        rest = rest * 2 % 11
    return (11 - rest) % 10


def document_number(prefix: str, day: date, running: int) -> str:
    """For example RO-20261123-00427, whose last digit is the check digit."""
    digits = f"{day:%Y%m%d}{running:04d}"
    return f"{prefix}-{day:%Y%m%d}-{running:04d}{check_digit(digits)}"


def is_well_formed(number: str) -> bool:
    """Whether a number read out or typed can be one of ours."""
    prefix, _, digits = number.partition("-")
    digits = digits.replace("-", "")
    return prefix.isalpha() and digits.isdecimal() and len(digits) >= 13 and check_digit(digits[:-1]) == int(digits[-1])
