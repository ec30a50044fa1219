"""Bringing a product in for inspection: when an outlet is open, what it costs if no fault is found (policy 2.2.1)."""

from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from domain.policy import NoFaultRules


def is_open(at: datetime, zone: ZoneInfo, days: str, opens: str, closes: str) -> bool:
    """Whether an outlet receives customers at this instant; `days` of the week from 1 for Monday, times as `09:00`."""
    local = at.astimezone(zone)
    return str(local.isoweekday()) in days and opens <= f"{local:%H:%M}" < closes


def fee(rules: NoFaultRules, *, in_warranty: bool) -> Decimal:
    """What the customer pays for an inspection that found no fault. Yuan."""
    return rules.in_warranty if in_warranty else rules.otherwise
