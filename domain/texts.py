"""What the things people say are made of: texts, codes, money, days and instants, photos."""

import re
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Annotated, Final

from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints
from pydantic_core import PydanticCustomError

Text = Annotated[str, StringConstraints(strip_whitespace=True, max_length=4000)]
SomeText = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=4000)]
Code = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=64)]
PhotoId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{32}$")]
Photos = Annotated[tuple[PhotoId, ...], Field(max_length=9)]
"""Photos uploaded before, by their ids (policy 2.1.1b)."""
Short = Annotated[str, StringConstraints(strip_whitespace=True, max_length=200)]
SomeWords = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]


def plain_phone(typed: str) -> str:
    """A telephone number as it is kept and compared: digits alone, a foreign one with its plus."""
    return re.sub(r"[ -]", "", typed).removeprefix("+86")


Phone = Annotated[
    str,
    StringConstraints(strip_whitespace=True, pattern=r"^\+?[0-9][0-9 -]{5,18}[0-9]$"),
    AfterValidator(plain_phone),
]
Email = Annotated[str, StringConstraints(strip_whitespace=True, max_length=200, pattern=r"^[^@\s]+@[^@\s]+\.[^@\s]+$")]
Waybill = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9-]{4,40}$")]
Money = Annotated[Decimal, Field(ge=0, max_digits=12, decimal_places=2)]
Price = Annotated[Decimal, Field(gt=0, max_digits=12, decimal_places=2)]
LeadDays = Annotated[int, Field(ge=1, le=365)]
Months = Annotated[int, Field(ge=0, le=120)]

BEGINS: Final = datetime(2000, 1, 1, tzinfo=UTC)
ENDS: Final = datetime(2100, 1, 1, tzinfo=UTC)


def _instant_of_our_time(said: datetime) -> datetime:
    if not BEGINS <= said <= ENDS:
        raise PydanticCustomError("not_of_our_time", "a time between the years 2000 and 2100")
    return said


def _day_of_our_time(said: date) -> date:
    if not BEGINS.date() <= said <= ENDS.date():
        raise PydanticCustomError("not_of_our_time", "a day between the years 2000 and 2100")
    return said


Instant = Annotated[AwareDatetime, AfterValidator(_instant_of_our_time)]
"""What is counted from it, and what it is in another zone, can be told too."""
Day = Annotated[date, AfterValidator(_day_of_our_time)]


def _listed(said: object) -> object:
    """Several codes as they are typed or scanned one after the other."""
    return said.replace(",", " ").split() if isinstance(said, str) else said


def _each_once(codes: tuple[str, ...]) -> tuple[str, ...]:
    if twice := sorted({code for code in codes if codes.count(code) > 1}):
        raise PydanticCustomError("scanned_twice", "named more than once: {codes}", {"codes": ", ".join(twice)})
    return codes


Serials = Annotated[tuple[Code, ...], Field(max_length=200), BeforeValidator(_listed), AfterValidator(_each_once)]
"""Serial numbers of pieces, in any order."""

Sha256 = Annotated[str, StringConstraints(pattern="^[0-9a-f]{64}$")]
"""The hash of a text that somebody was shown."""


class Saying(BaseModel):
    """What somebody says, or a part of it."""

    model_config = ConfigDict(frozen=True, extra="forbid")
