"""What people say when they decide about a replacement order."""

from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from domain.quoting import Charge
from domain.shared_decisions import MoveDue, SettleClaim
from domain.stages import Action
from domain.texts import Code, Email, Instant, Phone, Photos, Saying, Serials, Sha256, Short, SomeText, Text, Waybill


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


class Take(Saying):
    action: Literal[Action.TAKE] = Action.TAKE


class Quote(Saying):
    """It is a plain replacement case: these parts, at this time, cost and guarantee (policy 2.2.2)."""

    action: Literal[Action.QUOTE] = Action.QUOTE
    lines: QuotedLines
    agreed_on_phone: bool = False
    said_by: Text = ""
    note: Text = ""


class SendForInspection(Saying):
    """The cause may not be just a part: the customer brings the product in at a time that was agreed, or sends it
    under a waybill (policy 2.2.1)."""

    action: Literal[Action.SEND_FOR_INSPECTION] = Action.SEND_FOR_INSPECTION
    outlet: Code
    comes_at: Instant | None = None
    waybill: Waybill | None = None
    advice: SomeText


class Refuse(Saying):
    action: Literal[Action.REFUSE] = Action.REFUSE
    reason: RefusalReason
    explanation: SomeText


class FaultFound(Saying):
    action: Literal[Action.FAULT_FOUND] = Action.FAULT_FOUND
    finding: SomeText


class NoFaultFound(Saying):
    action: Literal[Action.NO_FAULT_FOUND] = Action.NO_FAULT_FOUND
    finding: SomeText


class Consent(Saying):
    """The customer agrees to the quotation as shown (policy 2.2.2).

    `shown` is the SHA-256 of the text they saw; `said_by` is who said so on the phone.
    """

    action: Literal[Action.CONSENT] = Action.CONSENT
    shown: Sha256 | None = None
    said_by: Text = ""
    note: Text = ""


class Decline(Saying):
    action: Literal[Action.DECLINE] = Action.DECLINE
    explanation: Text = ""


class Approve(Saying):
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


class _NotPassed(Saying):
    reasons: Annotated[tuple[AuditReason, ...], Field(min_length=1, max_length=len(AuditReason))]
    explanation: SomeText
    _one_reason = model_validator(mode="before")(_several)


class ReturnForCorrection(_NotPassed):
    """Not passed: back to the service centre, under the same number (policy 2.3.2)."""

    action: Literal[Action.RETURN_FOR_CORRECTION] = Action.RETURN_FOR_CORRECTION


class Reject(_NotPassed):
    """Not passed, for good, unless the customer objects in time (policy 2.3.2)."""

    action: Literal[Action.REJECT] = Action.REJECT


class AskCustomer(Saying):
    """The audit rests until the customer has answered (policy 2.3.1)."""

    action: Literal[Action.ASK_CUSTOMER] = Action.ASK_CUSTOMER
    question: SomeText


class AnswerQuestion(Saying):
    """What the customer says to the audit's question."""

    action: Literal[Action.ANSWER_QUESTION] = Action.ANSWER_QUESTION
    reply: SomeText


class Resume(Saying):
    """The audit goes on without the customer's answer."""

    action: Literal[Action.RESUME] = Action.RESUME
    note: Text = ""


class Object(Saying):
    """The customer does not accept the rejection: once, and another auditor looks again."""

    action: Literal[Action.OBJECT] = Action.OBJECT
    objection: SomeText


class TakeAudit(Saying):
    """From now on this audit is mine."""

    action: Literal[Action.TAKE_AUDIT] = Action.TAKE_AUDIT


class HandOnAudit(Saying):
    """From now on this audit is another auditor's."""

    action: Literal[Action.HAND_ON_AUDIT] = Action.HAND_ON_AUDIT
    auditor: Code
    note: Text = ""


class ReleaseAudit(Saying):
    """From now on this audit is anybody's who may do it."""

    action: Literal[Action.RELEASE_AUDIT] = Action.RELEASE_AUDIT
    note: Text = ""


class Correct(Saying):
    """What the service centre put right; empty fields stay as they were (policy 2.3.2)."""

    action: Literal[Action.CORRECT] = Action.CORRECT
    lines: QuotedLines
    serial: Text = ""
    fault: Text = ""
    explanation: SomeText


class SourceAgain(Saying):
    """Stock or a supplier was found for parts that nobody could supply before."""

    action: Literal[Action.SOURCE_AGAIN] = Action.SOURCE_AGAIN
    note: Text = ""


class Substitute(Saying):
    """A part that supersedes a wanted one, or is known to do as well, takes its place (policy 1.3.2)."""

    action: Literal[Action.SUBSTITUTE] = Action.SUBSTITUTE
    wanted: Code
    substitute: Code
    explanation: Text = ""


class Pack(Saying):
    """Picked, checked against the packing list and packed (policy 5.2.1, 5.2.2); of parts with serial numbers it says
    which pieces."""

    action: Literal[Action.PACK] = Action.PACK
    carrier: Code | None = None
    weight_kg: Decimal | None = Field(None, gt=0, le=2000, max_digits=8, decimal_places=3)
    serials: Serials = ()


class HandOver(Saying):
    """The carrier has the goods (policy 5.2.3); a waybill written by hand where no carrier gave one."""

    action: Literal[Action.HAND_OVER] = Action.HAND_OVER
    waybill: Waybill | None = None


class Deliver(Saying):
    action: Literal[Action.DELIVER] = Action.DELIVER
    note: Text = ""


class DeclareLost(Saying):
    action: Literal[Action.DECLARE_LOST] = Action.DECLARE_LOST
    reason: LossReason
    explanation: SomeText


class ReceiveBack(Saying):
    action: Literal[Action.RECEIVE_BACK] = Action.RECEIVE_BACK
    condition: Condition
    note: Text = ""


class BookAppointment(Saying):
    """Agreed with the customer beforehand (policy 6.1.2)."""

    action: Literal[Action.BOOK_APPOINTMENT] = Action.BOOK_APPOINTMENT
    technician: Code
    starts_at: Instant
    minutes: int = Field(60, ge=15, le=600)

    @property
    def ends_at(self) -> datetime:
        return self.starts_at + timedelta(minutes=self.minutes)


class ReportFitted(Saying):
    """The part works and the customer was shown how to use and care for it (policy 6.1.3)."""

    action: Literal[Action.REPORT_FITTED] = Action.REPORT_FITTED
    completion: Completion = Completion.FITTED_AND_TESTED
    customer_instructed: bool = True
    report: Text = ""


class ReportNotFitted(Saying):
    action: Literal[Action.REPORT_NOT_FITTED] = Action.REPORT_NOT_FITTED
    hindrance: Hindrance
    report: SomeText


class RecordAttempt(Saying):
    """The customer could not be reached (policy 6.2.1)."""

    action: Literal[Action.RECORD_ATTEMPT] = Action.RECORD_ATTEMPT
    note: Text = ""


class AnswerWorks(Saying):
    action: Literal[Action.ANSWER_WORKS] = Action.ANSWER_WORKS
    satisfaction: int = Field(ge=1, le=5)
    remark: Text = ""


class AnswerFaulty(Saying):
    """The fault stays or the part is bad: somebody comes again (policy 6.2.2)."""

    action: Literal[Action.ANSWER_FAULTY] = Action.ANSWER_FAULTY
    satisfaction: int | None = Field(None, ge=1, le=5)
    problem: SomeText


class SendPart(Saying):
    action: Literal[Action.SEND_PART] = Action.SEND_PART
    lines: Lines
    note: Text = ""


class SendTechnician(Saying):
    action: Literal[Action.SEND_TECHNICIAN] = Action.SEND_TECHNICIAN
    note: Text = ""


class Supplement(Saying):
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


class Amend(Saying):
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


class Cancel(Saying):
    action: Literal[Action.CANCEL] = Action.CANCEL
    reason: CancelReason
    explanation: Text = ""


Decision = Annotated[
    Take | Quote | SendForInspection | Refuse | FaultFound | NoFaultFound | Consent | Decline | Approve
    | ReturnForCorrection | Reject | AskCustomer | AnswerQuestion | Resume | Object | TakeAudit | HandOnAudit
    | ReleaseAudit | Correct | SourceAgain | Substitute | Pack | HandOver | Deliver | DeclareLost | ReceiveBack
    | BookAppointment | ReportFitted | ReportNotFitted | RecordAttempt | AnswerWorks | AnswerFaulty
    | SendPart | SendTechnician | SettleClaim | Supplement | Amend | Cancel | MoveDue,
    Field(discriminator="action"),
]  # fmt: skip
