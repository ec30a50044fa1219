"""What workflows, activities and the API say to each other: ids, codes and instants, never a person's words."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from domain.correcting import CorrectiveStage, Standing
from domain.parcels import Milestone, Trouble
from domain.requests import RequestStage
from domain.stages import Action, PurchaseStage, Role, Stage
from domain.tasks import TaskKind, TaskStage
from domain.waiting import Alarm, Wait


class _Message(BaseModel):
    model_config = ConfigDict(frozen=True)


class Decide(_Message):
    """A person's decision; what was said with it stands in the database under `submission`.

    `seen` is the document's newest step on record when it was sent.
    """

    action: Action
    by: str
    role: Role
    submission: UUID
    seen: int = 0


class Step(_Message):
    """One step of a document's life, committed in one transaction; `seq` makes a repeat harmless."""

    document: str
    seq: int
    action: Action
    at: datetime
    by: str
    role: Role
    submission: UUID | None = None
    alarm: Alarm | None = None
    shipment: str | None = None
    outcome: str | None = None


class AuditDesk(_Message):
    """Whose an audit is, in users' codes: who holds it (anybody if nobody does) and who handed it on to them; who has
    signed already, who rejected the case before; in which role it is signed next. `changed` are the fields that made
    a new signature necessary."""

    holder: str | None = None
    handed_by: str | None = None
    signed_by: tuple[str, ...] = ()
    rejected_by: tuple[str, ...] = ()
    role: Role = Role.AUDITOR
    changed: tuple[str, ...] = ()


class DocumentState(_Message):
    """Where a document stands after a step, and which step that was: what is waited for now; which purchase orders are
    to be started, and which documents to be told of it."""

    number: str
    stage: StrEnum
    seq: int
    wait: Wait | None
    action: Action | None = None
    submission: UUID | None = None
    to_place: tuple[str, ...] = ()
    to_tell: tuple[str, ...] = ()


class OrderState(DocumentState):
    """An order's. `shipment` is the one under way; told are purchase orders that this order no longer waits for, and
    orders that got what it gave back; `to_book` and `to_recall` say what the carrier must be asked."""

    stage: Stage
    round: int
    entered_by: str
    service_centre: str
    urgent: bool
    shipment: str | None = None
    audit: AuditDesk | None = None
    to_book: bool = False
    to_recall: bool = False


class PurchaseState(DocumentState):
    """A purchase order's. Told are the orders whose parts came in; placed is the one that takes over from it."""

    stage: PurchaseStage


class TaskState(DocumentState):
    """A task's of the warehouse. `to_begin` are other tasks."""

    stage: TaskStage
    kind: TaskKind
    to_begin: tuple[str, ...] = ()


class CorrectiveState(DocumentState):
    """A corrective action's; `standing` is the supplier's that it is about, `verified_by` who found the evidence good.
    Told are purchase orders with the supplier, which it may not deliver any more."""

    stage: CorrectiveStage
    standing: Standing
    verified_by: str | None = None


class RequestState(DocumentState):
    """A request's for quotation. Placed are the purchase orders that it led to."""

    stage: RequestStage


class Scanned(_Message):
    """News of a parcel. `still_by` is when it counts as standing still if nothing more is heard."""

    shipment: str
    milestone: Milestone
    trouble: Trouble | None
    at: datetime
    still_by: datetime


class Decided(_Message):
    """The answer to a decision: where the document stands now."""

    document: str
    stage: str
    seq: int
    wait: Wait | None
