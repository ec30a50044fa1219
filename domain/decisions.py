"""What people say when they decide: one model an action, the same for API, pages and database.

The texts stay in the database; a workflow only ever sees the action, codes and ids.
"""

from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from domain.bidding import BID_DECISIONS, Abandon, Award, Bid, LookInto, NoBid, OpenBids
from domain.quoting import Charge
from domain.stages import Action
from domain.task_decisions import (
    TASK_DECISIONS,
    AcceptRemedy,
    ApproveAdjustment,
    CallOff,
    CountAgain,
    DecideDisposal,
    Dispose,
    ExplainDifferences,
    FinishCount,
    OrderProposed,
    PutRight,
    RecordCounts,
    Reopen,
    ReportRound,
    TurnDown,
)
from domain.texts import Code, Email, Money, Phone, Photos, Saying, Serials, Short, SomeText, Text, Waybill


class RefusalReason(StrEnum):
    NOT_A_FAULT = "not_a_fault"
    OPERATING_ERROR = "operating_error"
    NOT_OUR_PRODUCT = "not_our_product"
    NO_LONGER_SUPPORTED = "no_longer_supported"
    OTHER = "other"


class LineRefusal(StrEnum):
    """Why one line is not replaced while others are."""

    WEAR = "wear"
    NOT_FAULTY = "not_faulty"
    MISUSE = "misuse"
    NOT_SUPPLIED = "not_supplied"
    OTHER = "other"


class AuditReason(StrEnum):
    """Why an audit did not pass; one for each thing it checks (policy 2.3.1), and duplicates."""

    CUSTOMER_DATA = "customer_data"
    FAULT_AND_PART = "fault_and_part"
    WARRANTY = "warranty"
    COMPANY_POLICY = "company_policy"
    DUPLICATE = "duplicate"


class LossReason(StrEnum):
    LOST = "lost"
    DAMAGED = "damaged"


class Condition(StrEnum):
    SOUND = "sound"
    DAMAGED = "damaged"


class Completion(StrEnum):
    """How an installation ended (policy 6.1)."""

    FITTED_AND_TESTED = "fitted_and_tested"
    FITTED_BY_CUSTOMER = "fitted_by_customer"


class Hindrance(StrEnum):
    """Why a part could not be fitted, or did not help."""

    WRONG_PART = "wrong_part"
    PART_DEFECTIVE = "part_defective"
    OTHER_FAULT = "other_fault"
    CUSTOMER_ABSENT = "customer_absent"


class CancelReason(StrEnum):
    CUSTOMER_WISH = "customer_wish"
    DUPLICATE = "duplicate"
    REPLACED_OTHERWISE = "replaced_otherwise"
    NO_PART = "no_part"
    OTHER = "other"


class _Decision(Saying):
    """What is said with one action."""


class Line(BaseModel):
    """A part and how many of it."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    part: Code
    quantity: int = Field(1, ge=1, le=999)


Lines = Annotated[tuple[Line, ...], Field(min_length=1, max_length=20)]


class QuotedLine(Line):
    """A line as it was judged (policy 2.2.2): who bears it, the warranty's word if nothing is said; or why not."""

    charge: Charge | None = None
    refused_for: LineRefusal | None = None


def _something_is_replaced(lines: tuple[QuotedLine, ...]) -> tuple[QuotedLine, ...]:
    if all(line.refused_for for line in lines):
        raise PydanticCustomError("nothing_replaced", "every line is refused: refuse the order instead")
    return lines


QuotedLines = Annotated[
    tuple[QuotedLine, ...], Field(min_length=1, max_length=20), AfterValidator(_something_is_replaced)
]


class Take(_Decision):
    action: Literal[Action.TAKE] = Action.TAKE


class Quote(_Decision):
    """It is a plain replacement case: these parts, at this time, cost and guarantee (policy 2.2.2)."""

    action: Literal[Action.QUOTE] = Action.QUOTE
    lines: QuotedLines
    agreed_on_phone: bool = False
    said_by: Text = ""
    note: Text = ""


class SendForInspection(_Decision):
    """The cause may not be just a part: the customer brings the product in at a time that was agreed, or sends it
    under a waybill (policy 2.2.1)."""

    action: Literal[Action.SEND_FOR_INSPECTION] = Action.SEND_FOR_INSPECTION
    outlet: Code
    comes_at: AwareDatetime | None = None
    waybill: Waybill | None = None
    advice: SomeText


class Refuse(_Decision):
    action: Literal[Action.REFUSE] = Action.REFUSE
    reason: RefusalReason
    explanation: SomeText


class FaultFound(_Decision):
    action: Literal[Action.FAULT_FOUND] = Action.FAULT_FOUND
    finding: SomeText


class NoFaultFound(_Decision):
    action: Literal[Action.NO_FAULT_FOUND] = Action.NO_FAULT_FOUND
    finding: SomeText


class Consent(_Decision):
    """The customer agrees to the quotation as shown (policy 2.2.2).

    `shown` is the SHA-256 of the text they saw; `said_by` is who said so on the phone.
    """

    action: Literal[Action.CONSENT] = Action.CONSENT
    shown: Annotated[str, StringConstraints(pattern="^[0-9a-f]{64}$")] | None = None
    said_by: Text = ""
    note: Text = ""


class Decline(_Decision):
    action: Literal[Action.DECLINE] = Action.DECLINE
    explanation: Text = ""


class Approve(_Decision):
    """The auditor signs (policy 2.3.2); all four checks of policy 2.3.1 must be confirmed.

    Who signs although the machine says no to a check says why, beside it.
    """

    action: Literal[Action.APPROVE] = Action.APPROVE
    customer_data: Literal[True]
    fault_and_part: Literal[True]
    warranty: Literal[True]
    company_policy: Literal[True]
    customer_data_reason: Text = ""
    fault_and_part_reason: Text = ""
    warranty_reason: Text = ""
    company_policy_reason: Text = ""
    note: Text = ""


def _several(said: object) -> object:
    """One reason stood alone under `reason` once; what was said then stays readable."""
    if isinstance(said, dict) and "reason" in said and "reasons" not in said:
        return {name: value for name, value in said.items() if name != "reason"} | {"reasons": [said["reason"]]}
    return said


class _NotPassed(_Decision):
    reasons: Annotated[tuple[AuditReason, ...], Field(min_length=1, max_length=len(AuditReason))]
    explanation: SomeText
    _one_reason = model_validator(mode="before")(_several)


class ReturnForCorrection(_NotPassed):
    """Not passed: back to the service centre, under the same number (policy 2.3.2)."""

    action: Literal[Action.RETURN_FOR_CORRECTION] = Action.RETURN_FOR_CORRECTION


class Reject(_NotPassed):
    """Not passed, for good, unless the customer objects in time (policy 2.3.2)."""

    action: Literal[Action.REJECT] = Action.REJECT


class AskCustomer(_Decision):
    """The audit rests until the customer has answered (policy 2.3.1)."""

    action: Literal[Action.ASK_CUSTOMER] = Action.ASK_CUSTOMER
    question: SomeText


class AnswerQuestion(_Decision):
    """What the customer says to the audit's question."""

    action: Literal[Action.ANSWER_QUESTION] = Action.ANSWER_QUESTION
    reply: SomeText


class Resume(_Decision):
    """The audit goes on without the customer's answer."""

    action: Literal[Action.RESUME] = Action.RESUME
    note: Text = ""


class Object(_Decision):
    """The customer does not accept the rejection: once, and another auditor looks again."""

    action: Literal[Action.OBJECT] = Action.OBJECT
    objection: SomeText


class TakeAudit(_Decision):
    """From now on this audit is mine."""

    action: Literal[Action.TAKE_AUDIT] = Action.TAKE_AUDIT


class HandOnAudit(_Decision):
    """From now on this audit is another auditor's."""

    action: Literal[Action.HAND_ON_AUDIT] = Action.HAND_ON_AUDIT
    auditor: Code
    note: Text = ""


class ReleaseAudit(_Decision):
    """From now on this audit is anybody's who may do it."""

    action: Literal[Action.RELEASE_AUDIT] = Action.RELEASE_AUDIT
    note: Text = ""


class Correct(_Decision):
    """What the service centre put right; empty fields stay as they were (policy 2.3.2)."""

    action: Literal[Action.CORRECT] = Action.CORRECT
    lines: QuotedLines
    serial: Text = ""
    fault: Text = ""
    explanation: SomeText


class SourceAgain(_Decision):
    """Stock or a supplier was found for parts that nobody could supply before."""

    action: Literal[Action.SOURCE_AGAIN] = Action.SOURCE_AGAIN
    note: Text = ""


class Substitute(_Decision):
    """A part that supersedes a wanted one, or is known to do as well, takes its place (policy 1.3.2)."""

    action: Literal[Action.SUBSTITUTE] = Action.SUBSTITUTE
    wanted: Code
    substitute: Code
    explanation: Text = ""


class Pack(_Decision):
    """Picked, checked against the packing list and packed (policy 5.2.1, 5.2.2); of parts with serial numbers it says
    which pieces."""

    action: Literal[Action.PACK] = Action.PACK
    carrier: Code | None = None
    weight_kg: Decimal | None = Field(None, gt=0, le=2000, max_digits=8, decimal_places=3)
    serials: Serials = ()


class HandOver(_Decision):
    """The carrier has the goods (policy 5.2.3); a waybill written by hand where no carrier gave one."""

    action: Literal[Action.HAND_OVER] = Action.HAND_OVER
    waybill: Waybill | None = None


class Deliver(_Decision):
    action: Literal[Action.DELIVER] = Action.DELIVER
    note: Text = ""


class DeclareLost(_Decision):
    action: Literal[Action.DECLARE_LOST] = Action.DECLARE_LOST
    reason: LossReason
    explanation: SomeText


class ReceiveBack(_Decision):
    action: Literal[Action.RECEIVE_BACK] = Action.RECEIVE_BACK
    condition: Condition
    note: Text = ""


class BookAppointment(_Decision):
    """Agreed with the customer beforehand (policy 6.1.2)."""

    action: Literal[Action.BOOK_APPOINTMENT] = Action.BOOK_APPOINTMENT
    technician: Code
    starts_at: AwareDatetime
    minutes: int = Field(60, ge=15, le=600)

    @property
    def ends_at(self) -> datetime:
        return self.starts_at + timedelta(minutes=self.minutes)


class ReportFitted(_Decision):
    """The part works and the customer was shown how to use and care for it (policy 6.1.3)."""

    action: Literal[Action.REPORT_FITTED] = Action.REPORT_FITTED
    completion: Completion = Completion.FITTED_AND_TESTED
    customer_instructed: bool = True
    report: Text = ""


class ReportNotFitted(_Decision):
    action: Literal[Action.REPORT_NOT_FITTED] = Action.REPORT_NOT_FITTED
    hindrance: Hindrance
    report: SomeText


class RecordAttempt(_Decision):
    """The customer could not be reached (policy 6.2.1)."""

    action: Literal[Action.RECORD_ATTEMPT] = Action.RECORD_ATTEMPT
    note: Text = ""


class AnswerWorks(_Decision):
    action: Literal[Action.ANSWER_WORKS] = Action.ANSWER_WORKS
    satisfaction: int = Field(ge=1, le=5)
    remark: Text = ""


class AnswerFaulty(_Decision):
    """The fault stays or the part is bad: somebody comes again (policy 6.2.2)."""

    action: Literal[Action.ANSWER_FAULTY] = Action.ANSWER_FAULTY
    satisfaction: int | None = Field(None, ge=1, le=5)
    problem: SomeText


class SendPart(_Decision):
    action: Literal[Action.SEND_PART] = Action.SEND_PART
    lines: Lines
    note: Text = ""


class SendTechnician(_Decision):
    action: Literal[Action.SEND_TECHNICIAN] = Action.SEND_TECHNICIAN
    note: Text = ""


class SettleClaim(_Decision):
    """What a claim on carrier or supplier came to; 0 if nothing was got."""

    action: Literal[Action.SETTLE_CLAIM] = Action.SETTLE_CLAIM
    claim: int = Field(ge=1)
    amount: Money
    explanation: SomeText


class Supplement(_Decision):
    """More about the case, in words or photos; `joined` if it came as an application for the same fault."""

    action: Literal[Action.SUPPLEMENT] = Action.SUPPLEMENT
    note: Annotated[str, StringConstraints(strip_whitespace=True, max_length=12_000)] = ""
    photos: Annotated[Photos, Field(validate_default=True)] = ()
    joined: bool = False

    @field_validator("photos")
    @classmethod
    def _says_something(cls, photos: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        if not photos and not info.data.get("note"):
            raise PydanticCustomError("nothing_said", "write something or add a photo")
        return photos


class Amend(_Decision):
    """What is known of customer and product is put right; what is not said stays as it was (policy 2.1.2, 2.3.1)."""

    action: Literal[Action.AMEND] = Action.AMEND
    name: Short = ""
    phone: Phone | None = None
    email: Email | None = None
    province: Short = ""
    city: Short = ""
    district: Short = ""
    address: Short = ""
    serial: Short = ""
    model: Code | None = None
    fault_code: Code | None = None


class Cancel(_Decision):
    action: Literal[Action.CANCEL] = Action.CANCEL
    reason: CancelReason
    explanation: Text = ""


class MoveDue(_Decision):
    """A clock is moved by a person, with a reason; nothing else moves one."""

    action: Literal[Action.MOVE_DUE] = Action.MOVE_DUE
    due: AwareDatetime
    explanation: SomeText


class Confirm(_Decision):
    """The supplier's signature under the purchase order, with the date it promises (policy 3.2.2).

    `shown` is the SHA-256 of the text they saw.
    """

    action: Literal[Action.CONFIRM] = Action.CONFIRM
    shown: Annotated[str, StringConstraints(pattern="^[0-9a-f]{64}$")] | None = None
    promised_at: AwareDatetime
    signed_by: SomeText


class ProposeDate(_Decision):
    """The supplier can deliver, but at another time; the buyer answers."""

    action: Literal[Action.PROPOSE_DATE] = Action.PROPOSE_DATE
    shown: Annotated[str, StringConstraints(pattern="^[0-9a-f]{64}$")] | None = None
    promised_at: AwareDatetime
    signed_by: SomeText
    explanation: SomeText


class AcceptDate(_Decision):
    """The date that the supplier proposed is agreed to; its proposal counts as its signature."""

    action: Literal[Action.ACCEPT_DATE] = Action.ACCEPT_DATE
    note: Text = ""


class RefuseOrder(_Decision):
    """The supplier does not deliver: the next one takes over."""

    action: Literal[Action.REFUSE_ORDER] = Action.REFUSE_ORDER
    explanation: SomeText
    said_by: Text = ""


class ReportOnTrack(_Decision):
    """The supplier keeps its promise, as asked before the date (policy 3.2.3)."""

    action: Literal[Action.REPORT_ON_TRACK] = Action.REPORT_ON_TRACK
    said_by: Text = ""
    note: Text = ""


class RenewLink(_Decision):
    """The supplier's link is no longer good; it gets another."""

    action: Literal[Action.RENEW_LINK] = Action.RENEW_LINK
    explanation: SomeText


class PromiseLater(_Decision):
    """The supplier moves its promise; reported to the service centre (policy 3.2.3)."""

    action: Literal[Action.PROMISE_LATER] = Action.PROMISE_LATER
    promised_at: AwareDatetime
    explanation: SomeText
    said_by: Text = ""


class PassOn(_Decision):
    """The next supplier takes over."""

    action: Literal[Action.PASS_ON] = Action.PASS_ON
    explanation: SomeText


class Keep(_Decision):
    """A purchase order stays with its supplier, though it is suspended."""

    action: Literal[Action.KEEP] = Action.KEEP
    explanation: SomeText


class Impose(_Decision):
    """The standing that a review proposes takes effect (policy 3.1.3)."""

    action: Literal[Action.IMPOSE] = Action.IMPOSE
    explanation: SomeText


class Dismiss(_Decision):
    """What a review proposes does not take effect."""

    action: Literal[Action.DISMISS] = Action.DISMISS
    explanation: SomeText


class AnswerDemand(_Decision):
    """The supplier's answer: why it happened, what will be done and until when (policy 3.1.3)."""

    action: Literal[Action.ANSWER_DEMAND] = Action.ANSWER_DEMAND
    cause: SomeText
    measures: SomeText
    done_by: AwareDatetime
    said_by: SomeText


class SubmitEvidence(_Decision):
    """What shows that the measures were taken, such as a test report or photos of the line; and who says so."""

    action: Literal[Action.SUBMIT_EVIDENCE] = Action.SUBMIT_EVIDENCE
    evidence: SomeText
    said_by: Text = ""


class Verify(_Decision):
    """The evidence is good: the cause is gone."""

    action: Literal[Action.VERIFY] = Action.VERIFY
    explanation: SomeText


class RejectEvidence(_Decision):
    """The evidence is not good enough; the supplier goes on."""

    action: Literal[Action.REJECT_EVIDENCE] = Action.REJECT_EVIDENCE
    explanation: SomeText


class Release(_Decision):
    """A second person lets a suspended supplier deliver again (policy 3.1.3)."""

    action: Literal[Action.RELEASE] = Action.RELEASE
    explanation: SomeText


class Worsen(_Decision):
    """The supplier does not do what it owes: its standing gets worse by one."""

    action: Literal[Action.WORSEN] = Action.WORSEN
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


class ReceiveGoods(_Decision):
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


class InspectGoods(_Decision):
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


class HandBack(_Decision):
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


class EnterInvoice(_Decision):
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


class DecideInvoice(_Decision):
    action: Literal[Action.DECIDE_INVOICE] = Action.DECIDE_INVOICE
    invoice: Code
    outcome: InvoiceOutcome
    explanation: SomeText


Decision = Annotated[
    Take | Quote | SendForInspection | Refuse | FaultFound | NoFaultFound | Consent | Decline | Approve
    | ReturnForCorrection | Reject | AskCustomer | AnswerQuestion | Resume | Object | TakeAudit | HandOnAudit
    | ReleaseAudit | Correct | SourceAgain | Substitute | Pack | HandOver | Deliver | DeclareLost | ReceiveBack
    | BookAppointment | ReportFitted | ReportNotFitted | RecordAttempt | AnswerWorks | AnswerFaulty
    | SendPart | SendTechnician | SettleClaim | Supplement | Amend | Cancel | MoveDue,
    Field(discriminator="action"),
]  # fmt: skip

PurchaseDecision = Annotated[
    Confirm | ProposeDate | AcceptDate | RefuseOrder | RenewLink | ReportOnTrack | PromiseLater | PassOn | Keep
    | ReceiveGoods | InspectGoods | HandBack | EnterInvoice | DecideInvoice | SettleClaim | MoveDue,
    Field(discriminator="action"),
]  # fmt: skip

TaskDecision = Annotated[
    RecordCounts | FinishCount | ExplainDifferences | CountAgain | ApproveAdjustment | ReportRound | PutRight
    | AcceptRemedy | Reopen | OrderProposed | TurnDown | DecideDisposal | Dispose | CallOff | MoveDue,
    Field(discriminator="action"),
]  # fmt: skip

CorrectiveDecision = Annotated[
    Impose | Dismiss | AnswerDemand | SubmitEvidence | Worsen | Verify | RejectEvidence | Release | MoveDue,
    Field(discriminator="action"),
]

RequestDecision = Annotated[
    Bid | NoBid | OpenBids | Award | Abandon | LookInto | MoveDue, Field(discriminator="action")
]

DECISIONS: dict[Action, type[BaseModel]] = {
    **{
        model.model_fields["action"].default: model
        for model in (*_Decision.__subclasses__(), *_NotPassed.__subclasses__())
        if "action" in model.model_fields
    },
    **TASK_DECISIONS,
    **BID_DECISIONS,
}
"""The model of each action that people take."""
