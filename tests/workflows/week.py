"""A week of the office, and its instants."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import ClassVar
from zoneinfo import ZoneInfo

OFFICE = ZoneInfo("Asia/Shanghai")


@dataclass(frozen=True)
class Week:
    """A week of the office, to speak of its instants: `Mon 10:10`, `+Tue 18:00` in the week after."""

    monday: date
    DAYS: ClassVar = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")

    def __call__(self, text: str) -> datetime:
        day, clock = text.lstrip("+").split()
        weeks = len(text) - len(text.lstrip("+"))
        on = self.monday + timedelta(weeks=weeks, days=self.DAYS.index(day))
        return datetime.combine(on, time.fromisoformat(clock), OFFICE).astimezone(UTC)

    def name(self, instant: datetime) -> str:
        local = instant.astimezone(OFFICE)
        weeks, day = divmod((local.date() - self.monday).days, 7)
        return f"{'+' * weeks}{self.DAYS[day]} {local:%H:%M}"
