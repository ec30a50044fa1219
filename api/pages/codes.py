"""Every code that pages name in words, by kind. The catalogues must have a word for each in each language."""

from collections.abc import Iterator
from enum import StrEnum
from typing import Final

from pydantic import BaseModel

from api import problems
from api.pages import forms
from api.pages.acts import GRAVE
from api.pages.mails import DismissMail, JoinOrder
from api.v1.absences import Away
from api.v1.costs import FreightEntry
from database.applications import Application
from database.reading.hints import Why
from database.reading.mails import Pile
from database.tables import (
    AppointmentState,
    Channel,
    ClaimState,
    Dismissal,
    Doubt,
    Failure,
    FoundBy,
    InvoiceState,
    LineState,
    MessageChannel,
    MovementReason,
    ShipmentState,
    Zone,
)
from database.transfers import MoveGoods, MoveReason, TakeBack
from domain.auditing import COMPARED, Check, Evidence, Verdict
from domain.bidding import BuyAtOnce, Finding, Question
from domain.comparing import Criterion
from domain.contracts import ContractTerms, Paper, QualificationProof
from domain.correcting import CORRECTIVE_ENDS, CORRECTIVE_RULES, ChangedBecause, CorrectiveStage
from domain.counting import Cause, CountState
from domain.decisions import DECISIONS
from domain.facts import Facts
from domain.levels import Excess, Pattern, Way
from domain.notices import TOLD_BY_STEPS
from domain.order_decisions import (
    AuditReason,
    CancelReason,
    Completion,
    Condition,
    Hindrance,
    LineRefusal,
    LossReason,
    RefusalReason,
)
from domain.ordering import OrderByHand
from domain.parcels import Milestone, Trouble
from domain.purchase_decisions import InvoiceOutcome
from domain.quoting import Because, Charge, Sureness
from domain.receiving import Difference, LotVerdict
from domain.requests import REQUEST_ENDS, REQUEST_RULES, RequestStage
from domain.reviews import ReviewFigure
from domain.sourcing import Precedence
from domain.stages import ENDS, PURCHASE_ENDS, PURCHASE_OPEN, PURCHASE_RULES, RULES, Action, PurchaseStage, Role, Stage
from domain.statutory import Ground, Remedy
from domain.suppliers import Agreed, Breach, PaperKind, Proof
from domain.tasks import CLOCK_OF, TASK_ENDS, TaskKind, TaskStage
from domain.waiting import OF_CORRECTIONS, OF_PURCHASES, OF_REQUESTS, OWNERS, Clock
from domain.warehouse_rules import Topic
from messaging.parsing import Robot

ENUMERATIONS: Final[tuple[type[StrEnum], ...]] = (
    Stage, PurchaseStage, RequestStage, Action, Role, Clock, Milestone, Trouble, Channel, Zone, LineState,
    ShipmentState,
    AppointmentState, ClaimState, RefusalReason, AuditReason, LossReason, Condition, Completion, Hindrance,
    CancelReason, MessageChannel, Failure, Pile, Doubt, Dismissal, Robot,
    Check, Verdict, Evidence, Remedy,
    LotVerdict, InvoiceState, InvoiceOutcome, Difference,
    LineRefusal, Charge, Sureness, Because, Why, Breach, PaperKind, Agreed, Proof, Precedence, MovementReason,
    MoveReason,
    TaskKind, TaskStage, CountState, Cause, Way, Excess, Pattern, Topic, FoundBy,
    CorrectiveStage, ChangedBecause, ReviewFigure, Criterion, Finding,
)  # fmt: skip
BEGINNINGS: Final = (
    "apply", "place", "propose", "ask", "buy_at_once", "emergency", *(f"begin_{kind}" for kind in TaskKind)
)  # fmt: skip
"""The first steps of documents, which nobody decides."""
_NO_ORDERS: Final = OF_PURCHASES | OF_CORRECTIONS | {*CLOCK_OF.values()}
"""What customers never wait for."""


def all_codes() -> Iterator[tuple[str, str]]:
    """Kind and code of everything that must have a word."""
    for kind in ENUMERATIONS:
        yield from ((kind.__name__, member.value) for member in kind)
    yield from (("explain", doubt.value) for doubt in Doubt)
    yield from (("done", code) for code in (*Action, *BEGINNINGS))
    yield from (("waiting", clock) for clock in OWNERS)
    yield from (("ended", stage) for stage in (*ENDS, *PURCHASE_ENDS, *TASK_ENDS, *CORRECTIVE_ENDS, *REQUEST_ENDS))
    yield from ((kind, action) for action in GRAVE for kind in ("sure", "yes"))
    yield from (("customer stage", stage) for stage in Stage)
    yield from (("customer wait", clock) for clock in OWNERS if clock not in _NO_ORDERS | OF_REQUESTS)
    yield from (("signed", name) for name in (*COMPARED, "signatures"))
    yield from (("customer reason", reason) for reason in AuditReason)
    yield from (("right", ground) for ground in Ground)
    yield from (("coming right", ground) for ground in (Ground.PARTS_MISSING, Ground.REPAIR_TOO_LONG))
    for action, rule in RULES.items():
        if Role.CUSTOMER in rule.by:
            yield from ((kind, action) for kind in ("customer action", "customer done"))
            yield from (("customer sure", action) for _ in {action} & GRAVE)
    for action, rule in (*PURCHASE_RULES.items(), *REQUEST_RULES.items(), *CORRECTIVE_RULES.items()):
        if Role.SUPPLIER in rule.by:
            yield from ((kind, action) for kind in ("supplier action", "supplier done"))
            yield from (("supplier sure", action) for _ in {action} & GRAVE)
    yield from (("supplier stage", stage) for stage in PurchaseStage if stage not in PURCHASE_OPEN)
    yield from (("supplier stage", stage) for stage in CorrectiveStage)
    yield from (("problem", code) for code in problems.CATALOGUE)
    yield from (("problem title", str(kind.status)) for kind in problems.CATALOGUE.values())
    yield from (("satisfaction", str(number)) for number in range(1, forms.SCALE + 1))
    yield from (("notice", code) for code in TOLD_BY_STEPS if code not in set(Action))
    yield from (("notice field", code) for code in ("subject", "text", "sms", "sms_id"))
    yield from (("notice fact", name) for name in Facts.model_fields)
    yield from (("standing", code) for code in ("qualified", "warned", "suspended", "dropped"))
    models: tuple[type[BaseModel], ...] = (
        *DECISIONS.values(), Application, JoinOrder, DismissMail, Away, ContractTerms, QualificationProof, Paper,
        MoveGoods, TakeBack,
        FreightEntry,
        Question, BuyAtOnce, OrderByHand,
    )  # fmt: skip
    for form in models:
        yield from (("field", path) for path in fields(form))


def fields(model: type[BaseModel], prefix: str = "") -> Iterator[str]:
    """The fields of a form, those of groups and lines by their path."""
    for name, info in model.model_fields.items():
        kind = forms.kind_of(name, info)
        if kind == "fixed":
            continue
        if kind == "group":
            yield from fields(forms.plain(info.annotation), f"{prefix}{name}.")
            continue
        yield prefix + name
        if kind == "rows":
            yield from (f"line.{column}" for column in forms.row_model(info).model_fields)
