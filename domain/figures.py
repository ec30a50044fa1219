"""What every key figure has: its two sums and how many cases they rest on (policy 7.2.1)."""

from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True)
class Ratio:
    """`n` is the number of cases looked at. Without any there is no value: no data is neither 0 nor 100."""

    numerator: Decimal | int
    denominator: Decimal | int
    n: int

    @property
    def value(self) -> Decimal | None:
        return Decimal(self.numerator) / Decimal(self.denominator) if self.denominator else None
