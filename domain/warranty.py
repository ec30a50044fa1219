"""How long a product's warranty and a fitted part's guarantee last (policy 2.2.2, 2.3.1)."""

from calendar import monthrange
from datetime import date


def months_later(day: date, months: int) -> date:
    """The same day of a later month, or that month's last day where it has no such day."""
    years, month = divmod(day.month - 1 + months, 12)
    year = day.year + years
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def is_covered(start: date, months: int, on: date) -> bool:
    """Whether `on` lies within so many months from `start`; the last day counts."""
    return start <= on <= months_later(start, months)
