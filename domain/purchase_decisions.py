"""What people say when they decide about a purchase order."""

from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from domain.shared_decisions import MoveDue, SettleClaim
from domain.stages import Action
from domain.texts import Code, Instant, Money, Saying, Serials, Sha256, SomeText, Text, Waybill


class Confirm(Saying):
    """The supplier's signature under the purchase order, with the date it promises (policy 3.2.2).

    `shown` is the SHA-256 of the text they saw.
    """

    action: Literal[Action.CONFIRM] = Action.CONFIRM
    shown: Sha256 | None = None
    promised_at: Instant
    signed_by: SomeText


class ProposeDate(Saying):
    """The supplier can deliver, but at another time; the buyer answers."""

    action: Literal[Action.PROPOSE_DATE] = Action.PROPOSE_DATE
    shown: Sha256 | None = None
    promised_at: Instant
    signed_by: SomeText
    explanation: SomeText


class AcceptDate(Saying):
    """The date that the supplier proposed is agreed to; its proposal counts as its signature."""

    action: Literal[Action.ACCEPT_DATE] = Action.ACCEPT_DATE
    note: Text = ""


class RefuseOrder(Saying):
    """The supplier does not deliver: the next one takes over."""

    action: Literal[Action.REFUSE_ORDER] = Action.REFUSE_ORDER
    explanation: SomeText
    said_by: Text = ""


class ReportOnTrack(Saying):
    """The supplier keeps its promise, as asked before the date (policy 3.2.3)."""

    action: Literal[Action.REPORT_ON_TRACK] = Action.REPORT_ON_TRACK
    said_by: Text = ""
    note: Text = ""


class RenewLink(Saying):
    """The supplier's link is no longer good; it gets another."""

    action: Literal[Action.RENEW_LINK] = Action.RENEW_LINK
    explanation: SomeText


class PromiseLater(Saying):
    """The supplier moves its promise; reported to the service centre (policy 3.2.3)."""

    action: Literal[Action.PROMISE_LATER] = Action.PROMISE_LATER
    promised_at: Instant
    explanation: SomeText
    said_by: Text = ""


class PassOn(Saying):
    """The next supplier takes over."""

    action: Literal[Action.PASS_ON] = Action.PASS_ON
    explanation: SomeText


class Keep(Saying):
    """A purchase order stays with its supplier, though it is suspended."""

    action: Literal[Action.KEEP] = Action.KEEP
    explanation: SomeText


class CountedLine(BaseModel):
    """What came of a part (policy 3.2.3): as the delivery note says, if it says anything, and as counted. `batch` is
    the supplier's own; of a part with serial numbers each piece's is said."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    part: Code
    counted: int = Field(ge=0, le=9999)
    noted: int | None = Field(None, ge=0, le=9999)
    batch: Annotated[str, StringConstraints(strip_whitespace=True, max_length=64)] = ""
    serials: Serials = ()

    @field_validator("serials")
    @classmethod
    def _one_a_piece(cls, serials: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        counted = info.data.get("counted", len(serials))
        if serials and len(serials) != counted:
            said = {"counted": counted, "scanned": len(serials)}
            raise PydanticCustomError("one_a_piece", "{counted} pieces, {scanned} serial numbers", said)
        return serials


class ReceiveGoods(Saying):
    """Goods came and were counted; they wait for their inspection (policy 4.1.1)."""

    action: Literal[Action.RECEIVE_GOODS] = Action.RECEIVE_GOODS
    delivery_note: Code
    lines: Annotated[tuple[CountedLine, ...], Field(min_length=1, max_length=20)]
    note: Text = ""

    @field_validator("lines")
    @classmethod
    def _each_part_once(cls, lines: tuple[CountedLine, ...]) -> tuple[CountedLine, ...]:
        if len({line.part for line in lines}) < len(lines):
            raise ValueError("name each part once")
        if not any(line.counted for line in lines):
            raise PydanticCustomError("nothing_counted", "count at least one piece")
        return lines


class Measured(BaseModel):
    """One reading: which piece of the sample, what was measured, how much it is."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    piece: int = Field(ge=1, le=9999)
    characteristic: Code
    value: Decimal = Field(max_digits=12, decimal_places=4)


class InspectGoods(Saying):
    """How the pieces looked at were (policy 4.1.1); what follows for the lot the sampling plan says.

    `checked` pieces were looked at; `faulty` of them by sight or trial, beside those whose readings are outside. Where
    a lot with serial numbers is sorted, `refused_serials` are those of all its faulty pieces.
    """

    action: Literal[Action.INSPECT_GOODS] = Action.INSPECT_GOODS
    lot: int = Field(ge=1)
    checked: int = Field(ge=1, le=9999)
    faulty: int = Field(0, ge=0, le=9999)
    refused_serials: Serials = ()
    readings: Annotated[tuple[Measured, ...], Field(max_length=2000)] = ()
    note: Text = ""

    @field_validator("readings")
    @classmethod
    def _each_once(cls, readings: tuple[Measured, ...]) -> tuple[Measured, ...]:
        if len({(one.piece, one.characteristic) for one in readings}) < len(readings):
            raise PydanticCustomError("measured_twice", "measure each thing of a piece once")
        return readings


class HandBack(Saying):
    """Refused goods have left for the supplier: with a carrier, or with whoever fetched them."""

    action: Literal[Action.HAND_BACK] = Action.HAND_BACK
    back: Code
    waybill: Waybill | None = None
    taken_by: SomeText


class BilledLine(BaseModel):
    """A part on a supplier's invoice. Yuan a piece."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    part: Code
    quantity: int = Field(ge=1, le=9999)
    unit_price: Money


class EnterInvoice(Saying):
    """What the supplier's invoice says; matched against order and receipt."""

    action: Literal[Action.ENTER_INVOICE] = Action.ENTER_INVOICE
    number: Code
    lines: Annotated[tuple[BilledLine, ...], Field(min_length=1, max_length=20)]
    note: Text = ""

    @field_validator("lines")
    @classmethod
    def _each_part_once(cls, lines: tuple[BilledLine, ...]) -> tuple[BilledLine, ...]:
        if len({line.part for line in lines}) < len(lines):
            raise ValueError("name each part once")
        return lines


class InvoiceOutcome(StrEnum):
    """What is done about an invoice that differs. What was not accepted is never paid."""

    PAY_AS_ORDERED = "pay_as_ordered"
    PAY_AS_INVOICED = "pay_as_invoiced"
    SEND_BACK = "send_back"


class DecideInvoice(Saying):
    action: Literal[Action.DECIDE_INVOICE] = Action.DECIDE_INVOICE
    invoice: Code
    outcome: InvoiceOutcome
    explanation: SomeText


PurchaseDecision = Annotated[
    Confirm | ProposeDate | AcceptDate | RefuseOrder | RenewLink | ReportOnTrack | PromiseLater | PassOn | Keep
    | ReceiveGoods | InspectGoods | HandBack | EnterInvoice | DecideInvoice | SettleClaim | MoveDue,
    Field(discriminator="action"),
]  # fmt: skip
