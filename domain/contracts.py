"""What is agreed with suppliers and known of them, as it is entered (policy 3.1.1, 3.1.2).

Money is yuan. What is entered is never changed: a correction, a renewal or an end is the next version, and of those
that have begun the newest counts.
"""

from datetime import date
from decimal import Decimal
from itertools import pairwise
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from domain.suppliers import PaperKind, Proof
from domain.texts import Day, LeadDays, Money, Months, Price, Short, SomeText, SomeWords, Text


class _Said(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class _Valid(_Said):
    valid_from: Day
    valid_until: Day

    @field_validator("valid_until")
    @classmethod
    def _ends_after_it_begins(cls, until: date, info: ValidationInfo) -> date:
        if (since := info.data.get("valid_from")) and until < since:
            raise PydanticCustomError("ends_before_it_begins", "it ends before it begins")
        return until


class Break(_Said):
    """From so many pieces on, another price per piece."""

    from_quantity: int = Field(ge=2, le=99_999)
    price: Price


class ContractTerms(_Valid):
    """What is agreed with a supplier about a part (policy 3.1.2): specification, quality standard, lead time, price,
    payment and after-sales terms. `price` and `freight` are for one piece."""

    specification: SomeText
    quality_standard: SomeWords
    price: Price
    breaks: Annotated[tuple[Break, ...], Field(max_length=5)] = ()
    freight: Money = Decimal("0.00")
    lead_days: LeadDays
    payment_terms: SomeWords
    guarantee_months: Months = 12
    after_sales: Text = ""

    @field_validator("breaks")
    @classmethod
    def _cheaper_and_cheaper(cls, breaks: tuple[Break, ...], info: ValidationInfo) -> tuple[Break, ...]:
        prices = [info.data.get("price"), *(one.price for one in breaks)]
        quantities = [one.from_quantity for one in breaks]
        if quantities != sorted(set(quantities)) or any(
            before and now and now >= before for before, now in pairwise(prices)
        ):
            raise PydanticCustomError("breaks_in_order", "each price break is for more pieces and cheaper than before")
        return breaks

    def price_for(self, quantity: int) -> Decimal:
        """The price of a piece when so many are ordered."""
        return next((one.price for one in reversed(self.breaks) if one.from_quantity <= quantity), self.price)


class QualificationProof(_Valid):
    """The supplier may deliver this part, as long as this is valid, because of that (policy 3.1.1)."""

    proof: Proof
    reference: SomeWords
    note: Text = ""


class PaperTerms(_Said):
    """Who issued a paper under which number, and until when it is good."""

    number: SomeWords
    issued_by: Short = ""
    expires_on: Day


class Paper(PaperTerms):
    """A licence or certificate of a supplier."""

    kind: PaperKind
