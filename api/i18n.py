"""Words, dates and money in the reader's language. The catalogues are gettext .po files, read when first needed.

Codes (stages, actions, reasons, fields of forms …) are looked up by kind and code; sentences by themselves in English.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from functools import lru_cache
from io import BytesIO
from pathlib import Path
from zoneinfo import ZoneInfo

from babel import Locale
from babel.core import negotiate_locale
from babel.dates import format_date, format_datetime, get_timezone_name
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.numbers import format_currency, format_decimal, format_percent
from babel.support import Translations

from domain.working_time import Calendar, OfficeCalendar

CATALOGUES = Path(__file__).with_name("locale")
DEFAULT = "zh"
FOLDERS = {"zh": "zh_CN", "en": "en"}
CURRENCY = "CNY"
_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_AMOUNT = re.compile(r"\d+\.\d\d")


def catalogue(code: str) -> Path:
    """Where a language's words are."""
    return CATALOGUES / FOLDERS[code] / "LC_MESSAGES" / "huanjian.po"


@dataclass(frozen=True)
class Language:
    """One language for readers of one time zone. Instants given to it are aware."""

    code: str
    zone: ZoneInfo
    locale: Locale
    translations: Translations

    @property
    def tag(self) -> str:
        """For the `lang` attribute."""
        return {"zh": "zh-CN"}.get(self.code, self.code)

    @property
    def own_name(self) -> str:
        """What its speakers call it."""
        return {"zh": "中文", "en": "English"}[self.code]

    @property
    def zone_name(self) -> str:
        """For example `China Standard Time`."""
        return get_timezone_name(self.zone, locale=self.locale)

    def text(self, sentence: str) -> str:
        return self.translations.ugettext(sentence)

    def count(self, one: str, many: str, number: int) -> str:
        return self.translations.ungettext(one, many, number) % {"num": number}

    def word(self, kind: str, code: str) -> str:
        """What a code of a kind is called; the code itself if it has no name."""
        return str(self.translations.pgettext(kind, code)) or code

    def has(self, kind: str, code: str) -> bool:
        return self.word(kind, code) != code

    def label(self, member: StrEnum) -> str:
        """What a member of an enumeration is called."""
        return self.word(type(member).__name__, member.value)

    def name(self, thing: object) -> str:
        """The name of a thing that has one in each language (`name_en`, `name_zh`)."""
        return self.word_of(thing, "name")

    def listed(self, words: Iterable[str]) -> str:
        return ("、" if self.code == "zh" else ", ").join(words)

    def word_of(self, thing: object, field: str) -> str:
        """One of a thing's names, such as `carrier_name` of a shipment."""
        return str(getattr(thing, f"{field}_{self.code}") or "")

    def local(self, instant: datetime) -> datetime:
        return instant.astimezone(self.zone)

    def instant(self, instant: datetime) -> str:
        """For example `Fri 27 Nov, 18:00`; with the year if it is not this one."""
        local = self.local(instant)
        return format_datetime(local, self._pattern(local.date(), ", HH:mm"), locale=self.locale)

    def exact(self, instant: datetime) -> str:
        """With year and seconds, for those who look closely."""
        return self.local(instant).strftime("%Y-%m-%d %H:%M:%S")

    def day(self, day: date) -> str:
        return format_date(day, self._pattern(day, ""), locale=self.locale)

    def weekday(self, number: int) -> str:
        """The short name of a day of the week, 1 for Monday."""
        return str(self.locale.days["stand-alone"]["abbreviated"][number - 1])

    def clock(self, instant: datetime) -> str:
        return f"{self.local(instant):%H:%M}"

    def _pattern(self, day: date, clock: str) -> str:
        other_year = day.year != datetime.now(self.zone).year
        if self.code == "zh":
            return ("y年" if other_year else "") + "M月d日 EEE" + clock.replace(",", "")
        return "EEE d MMM" + (" y" if other_year else "") + clock

    def money(self, amount: Decimal) -> str:
        return format_currency(amount, CURRENCY, locale=self.locale)

    def number(self, number: Decimal | int) -> str:
        return format_decimal(number, locale=self.locale)

    def percent(self, share: Decimal) -> str:
        """A share of 1, for example `93.5%`."""
        return format_percent(share, "#,##0.#%", locale=self.locale)

    def month(self, month: date) -> str:
        """For example `Nov 2026`."""
        return format_date(month, {"zh": "y年M月"}.get(self.code, "MMM y"), locale=self.locale)

    def told(self, about: Mapping[str, str]) -> dict[str, str]:
        """What evidence speaks of: days and money as readers write them, everything else as it is."""
        return {name: self._told(said) for name, said in about.items()}

    def _told(self, said: str) -> str:
        if _DAY.fullmatch(said):
            return self.day(date.fromisoformat(said))
        return self.money(Decimal(said)) if _AMOUNT.fullmatch(said) else said

    def until(self, instant: datetime, now: datetime, calendar: Calendar) -> str:
        """How far away an instant is, in working days where the calendar has any: `in 2 working days`."""
        distance = self._distance(min(instant, now), max(instant, now), calendar)
        if instant >= now:
            return self.text("in %(time)s") % {"time": distance}
        return self.text("%(time)s late") % {"time": distance}

    def _distance(self, start: datetime, end: datetime, calendar: Calendar) -> str:
        first, last = self.local(start).date(), self.local(end).date()
        if isinstance(calendar, OfficeCalendar) and first < last:
            days = [first + timedelta(days=n) for n in range(1, (last - first).days + 1)]
            if working := sum(map(calendar.is_working_day, days)):
                return self.count("%(num)d working day", "%(num)d working days", working)
            return self.count("%(num)d day", "%(num)d days", len(days))
        seconds = int((end - start).total_seconds())
        if seconds < 90:
            return self.count("%(num)d second", "%(num)d seconds", seconds)
        if seconds < 90 * 60:
            return self.count("%(num)d minute", "%(num)d minutes", round(seconds / 60))
        if seconds < 36 * 3600:
            return self.count("%(num)d hour", "%(num)d hours", round(seconds / 3600))
        return self.count("%(num)d day", "%(num)d days", round(seconds / 86400))


@lru_cache
def languages(zone: str) -> Mapping[str, Language]:
    """Every language, for readers of a time zone such as `Asia/Shanghai`."""
    return {
        code: Language(code, ZoneInfo(zone), Locale.parse(folder), _translations(code))
        for code, folder in FOLDERS.items()
    }


def preferred(accept_language: str) -> str:
    """The language a browser asks for (`Accept-Language`); any kind of Chinese is Chinese to us."""
    asked = sorted(_asked(accept_language), reverse=True)
    tags = ["zh" if tag.lower().startswith("zh") else tag for _, tag in asked]
    return negotiate_locale(tags, list(FOLDERS), sep="-") or DEFAULT


def _asked(accept_language: str) -> Iterator[tuple[float, str]]:
    for item in accept_language.split(","):
        tag, _, quality = item.strip().partition(";q=")
        try:
            yield float(quality or 1), tag
        except ValueError:
            continue


@lru_cache
def _translations(code: str) -> Translations:
    with catalogue(code).open("rb") as file:
        words = read_po(file, locale=FOLDERS[code], domain="huanjian")
    compiled = BytesIO()
    write_mo(compiled, words)
    compiled.seek(0)
    return Translations(compiled, domain="huanjian")
