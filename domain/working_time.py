"""Working time: spans, the statutory calendar with its make-up days, and the sped-up one of demonstrations.

Instants are aware UTC. A span of N working days ends at the close of business of the Nth working day after
the day it starts on; working hours count only while the office is open.
"""

from calendar import monthrange
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import cache, lru_cache
from itertools import pairwise
from typing import Annotated, Any, Literal, Protocol
from zoneinfo import ZoneInfo, available_timezones

import holidays
from pydantic import BaseModel, ConfigDict, Field, GetCoreSchemaHandler, model_validator
from pydantic_core import CoreSchema, core_schema

UNITS = ("months", "working days", "working hours", "days", "hours", "minutes", "seconds")
_ONE = timedelta(0)


@dataclass(frozen=True)
class Span:
    """A length of time as the policy writes it, such as `2 working days`."""

    amount: int
    unit: str

    @classmethod
    def parse(cls, text: str) -> "Span":
        """Raises ValueError for anything but a whole positive number and one of UNITS."""
        amount, _, unit = text.strip().partition(" ")
        unit = unit if unit.endswith("s") else f"{unit}s"
        if not amount.isdecimal() or int(amount) < 1 or unit not in UNITS:
            raise ValueError(f"not a span of time: {text!r}; write a number and one of {', '.join(UNITS)}")
        return cls(int(amount), unit)

    def __str__(self) -> str:
        return f"{self.amount} {self.unit}"

    @property
    def working(self) -> bool:
        return self.unit.startswith("working")

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        def read(value: object) -> Span:
            return value if isinstance(value, Span) else cls.parse(str(value))

        return core_schema.no_info_plain_validator_function(read, serialization=core_schema.to_string_ser_schema())


class Calendar(Protocol):
    """Says when spans end. Every method takes and gives aware UTC instants."""

    def after(self, start: datetime, span: Span) -> datetime:
        """The instant at which `span` ends that starts at `start`."""

    def share(self, start: datetime, end: datetime, share: float) -> datetime:
        """The instant at which `share` of the working time from `start` to `end` has passed."""

    def worked(self, start: datetime, end: datetime) -> timedelta:
        """Working time between two instants."""

    def later(self, start: datetime, working: timedelta) -> datetime:
        """The instant at which so much working time has passed since `start`."""

    def open_from(self, instant: datetime) -> datetime:
        """`instant` itself if the office is open then, else the next opening."""


@dataclass(frozen=True)
class OfficeCalendar:
    """Office hours on statutory working days (policy 1.3.1); `overrides` wins over the published calendar."""

    zone: ZoneInfo
    hours: tuple[tuple[time, time], ...]
    country: str = "CN"
    overrides: Mapping[date, bool] = field(default_factory=dict, hash=False)

    def is_working_day(self, day: date) -> bool:
        if day in self.overrides:
            return self.overrides[day]
        days_off, make_up = _statutory(self.country, day.year)
        return day in make_up or (day.weekday() < 5 and day not in days_off)

    def after(self, start: datetime, span: Span) -> datetime:
        match span.unit:
            case "working days":
                return self._closing(start, span.amount)
            case "working hours":
                return self.later(start, timedelta(hours=span.amount))
            case "months":
                return _months_later(start.astimezone(self.zone), span.amount).astimezone(UTC)
            case _:
                return start + timedelta(**{span.unit: span.amount})

    def share(self, start: datetime, end: datetime, share: float) -> datetime:
        worked = self.worked(start, end)
        return self.later(start, worked * share) if worked else start + (end - start) * share

    def open_from(self, instant: datetime) -> datetime:
        opens, _ = next(self._sessions(instant))
        return max(instant, opens)

    def worked(self, start: datetime, end: datetime) -> timedelta:
        total = _ONE
        for opens, closes in self._sessions(start):
            if opens >= end:
                break
            total += min(closes, end) - max(opens, start)
        return total

    def later(self, start: datetime, working: timedelta) -> datetime:
        left = working
        for opens, closes in self._sessions(start):
            begin = max(opens, start)
            if left <= closes - begin:
                return begin + left
            left -= closes - begin
        raise AssertionError("sessions never end")

    def _closing(self, start: datetime, days: int) -> datetime:
        day = start.astimezone(self.zone).date()
        while days:
            day += timedelta(days=1)
            days -= self.is_working_day(day)
        return self._at(day, self.hours[-1][1])

    def _sessions(self, start: datetime) -> Iterator[tuple[datetime, datetime]]:
        """Opening and closing instants from the session that ends after `start`, for ever."""
        day = start.astimezone(self.zone).date()
        while True:
            if self.is_working_day(day):
                for opens, closes in self.hours:
                    if self._at(day, closes) > start:
                        yield self._at(day, opens), self._at(day, closes)
            day += timedelta(days=1)

    def _at(self, day: date, clock: time) -> datetime:
        return datetime.combine(day, clock, self.zone).astimezone(UTC)


def _months_later(start: datetime, months: int) -> datetime:
    """The same day so many months later; the month's last where it has no such day."""
    years, month = divmod(start.month - 1 + months, 12)
    year, month = start.year + years, month + 1
    return start.replace(year=year, month=month, day=min(start.day, monthrange(year, month)[1]))


@lru_cache(maxsize=64)
def _statutory(country: str, year: int) -> tuple[frozenset[date], frozenset[date]]:
    """Days off and make-up working days of a year."""
    calendar = holidays.country_holidays(country, years=year)
    make_up = frozenset(day for day in calendar.weekend_workdays if day.year == year)
    return frozenset(day for day in calendar if day.year == year), make_up


def is_announced(country: str, year: int) -> bool:
    """Whether the year's make-up days are known; before the government's notice only statutory days are."""
    return bool(_statutory(country, year)[1])


@dataclass(frozen=True)
class SpedUpCalendar:
    """Every day is a working day and lasts `day_seconds`; the office never closes. For demonstrations."""

    day_seconds: float

    def after(self, start: datetime, span: Span) -> datetime:
        parts = {
            "months": 1 / 30,
            "working days": 1,
            "working hours": 8,
            "days": 1,
            "hours": 24,
            "minutes": 24 * 60,
            "seconds": 24 * 3600,
        }
        return start + timedelta(seconds=self.day_seconds * span.amount / parts[span.unit])

    def share(self, start: datetime, end: datetime, share: float) -> datetime:
        return start + (end - start) * share

    def worked(self, start: datetime, end: datetime) -> timedelta:
        return max(end - start, _ONE)

    def later(self, start: datetime, working: timedelta) -> datetime:
        return start + working

    def open_from(self, instant: datetime) -> datetime:
        return instant


@cache
def _zones() -> frozenset[str]:
    """To name them all reads six hundred files."""
    return frozenset(available_timezones())


class OfficeHours(BaseModel):
    """An office calendar as a policy version writes it."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    kind: Literal["office"]
    country: str = "CN"
    zone: str = "Asia/Shanghai"
    hours: tuple[tuple[time, time], ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _usable(self) -> "OfficeHours":
        """Hours must follow each other within the day, and zone and country must be known."""
        instants = [instant for session in self.hours for instant in session]
        if any(earlier >= later for earlier, later in pairwise(instants)):
            raise ValueError("office hours must follow each other within one day")
        if self.zone not in _zones():
            raise ValueError(f"there is no time zone {self.zone}")
        if self.country not in holidays.list_supported_countries():
            raise ValueError(f"there is no calendar for country {self.country}")
        return self


class SpedUp(BaseModel):
    """A sped-up calendar as a policy version writes it."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    kind: Literal["sped_up"]
    day_seconds: float = Field(gt=0)
    zone: str = "Asia/Shanghai"


CalendarRules = Annotated[OfficeHours | SpedUp, Field(discriminator="kind")]


def calendar_of(rules: OfficeHours | SpedUp, overrides: Mapping[date, bool]) -> Calendar:
    """The calendar a policy version asks for, with the company's own days in `overrides` (True: worked)."""
    if isinstance(rules, SpedUp):
        return SpedUpCalendar(rules.day_seconds)
    return OfficeCalendar(ZoneInfo(rules.zone), rules.hours, rules.country, dict(overrides))
