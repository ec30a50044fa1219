"""The lives of a replacement order and of a purchase order as tables: which action at which stage, by whom,
leads where.

Validators, API, pages and diagrams all read these tables; nothing else knows what may follow what.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Any


class Role(StrEnum):
    SERVICE_AGENT = "service_agent"
    AUDITOR = "auditor"
    BUYER = "buyer"
    WAREHOUSE_KEEPER = "warehouse_keeper"
    DISPATCHER = "dispatcher"
    TECHNICIAN = "technician"
    SUPERVISOR = "supervisor"
    ADMINISTRATOR = "administrator"
    CUSTOMER = "customer"
    SUPPLIER = "supplier"
    CARRIER = "carrier"
    SYSTEM = "system"


class Stage(StrEnum):
    RECEIVED = "received"
    TRIAGE = "triage"
    INSPECTION = "inspection"
    QUOTED = "quoted"
    AUDIT = "audit"
    ASKED = "asked"
    RETURNED = "returned"
    OBJECTION = "objection"
    SOURCING = "sourcing"
    DISPATCH = "dispatch"
    IN_TRANSIT = "in_transit"
    INSTALLATION = "installation"
    REVISIT = "revisit"
    REWORK = "rework"
    SETTLING = "settling"
    CLOSED = "closed"
    CANCELLED = "cancelled"
    REJECTED = "rejected"
    DECLINED = "declined"


ENDS = frozenset({Stage.CLOSED, Stage.CANCELLED, Stage.REJECTED, Stage.DECLINED})
OPEN = tuple(stage for stage in Stage if stage not in ENDS)
ON_A_LABEL = frozenset({Stage.DISPATCH, Stage.IN_TRANSIT, Stage.SETTLING})
"""Where the customer's address stands on a parcel already."""


class PurchaseStage(StrEnum):
    PLACED = "placed"
    CONFIRMED = "confirmed"
    TO_SETTLE = "to_settle"
    GOODS_RECEIVED = "goods_received"
    PASSED_ON = "passed_on"
    WITHDRAWN = "withdrawn"


PURCHASE_ENDS = frozenset({PurchaseStage.GOODS_RECEIVED, PurchaseStage.PASSED_ON, PurchaseStage.WITHDRAWN})
PURCHASE_OPEN = (PurchaseStage.PLACED, PurchaseStage.CONFIRMED)
"""Where a purchase order still brings goods."""


class Action(StrEnum):
    """What can happen to an order or a purchase order. People decide; machines bring news; alarms ring."""

    # people, to an order
    TAKE = "take"
    QUOTE = "quote"
    SEND_FOR_INSPECTION = "send_for_inspection"
    REFUSE = "refuse"
    FAULT_FOUND = "fault_found"
    NO_FAULT_FOUND = "no_fault_found"
    CONSENT = "consent"
    DECLINE = "decline"
    APPROVE = "approve"
    RETURN_FOR_CORRECTION = "return_for_correction"
    REJECT = "reject"
    CORRECT = "correct"
    TAKE_AUDIT = "take_audit"
    HAND_ON_AUDIT = "hand_on_audit"
    RELEASE_AUDIT = "release_audit"
    ASK_CUSTOMER = "ask_customer"
    ANSWER_QUESTION = "answer_question"
    OBJECT = "object"
    SOURCE_AGAIN = "source_again"
    SUBSTITUTE = "substitute"
    PACK = "pack"
    HAND_OVER = "hand_over"
    DELIVER = "deliver"
    DECLARE_LOST = "declare_lost"
    RECEIVE_BACK = "receive_back"
    BOOK_APPOINTMENT = "book_appointment"
    REPORT_FITTED = "report_fitted"
    REPORT_NOT_FITTED = "report_not_fitted"
    RECORD_ATTEMPT = "record_attempt"
    ANSWER_WORKS = "answer_works"
    ANSWER_FAULTY = "answer_faulty"
    SEND_PART = "send_part"
    SEND_TECHNICIAN = "send_technician"
    SETTLE_CLAIM = "settle_claim"
    SUPPLEMENT = "supplement"
    AMEND = "amend"
    CANCEL = "cancel"
    MOVE_DUE = "move_due"
    # people, to a purchase order
    CONFIRM = "confirm"
    PROPOSE_DATE = "propose_date"
    ACCEPT_DATE = "accept_date"
    REFUSE_ORDER = "refuse_order"
    REPORT_ON_TRACK = "report_on_track"
    RENEW_LINK = "renew_link"
    PROMISE_LATER = "promise_later"
    RECEIVE_GOODS = "receive_goods"
    INSPECT_GOODS = "inspect_goods"
    HAND_BACK = "hand_back"
    ENTER_INVOICE = "enter_invoice"
    DECIDE_INVOICE = "decide_invoice"
    PASS_ON = "pass_on"
    KEEP = "keep"
    # people, to a task of the warehouse
    RECORD_COUNTS = "record_counts"
    FINISH_COUNT = "finish_count"
    EXPLAIN_DIFFERENCES = "explain_differences"
    COUNT_AGAIN = "count_again"
    APPROVE_ADJUSTMENT = "approve_adjustment"
    REPORT_ROUND = "report_round"
    PUT_RIGHT = "put_right"
    ACCEPT_REMEDY = "accept_remedy"
    REOPEN = "reopen"
    ORDER_PROPOSED = "order_proposed"
    TURN_DOWN = "turn_down"
    DECIDE_DISPOSAL = "decide_disposal"
    DISPOSE = "dispose"
    CALL_OFF = "call_off"
    # people, to a corrective action
    IMPOSE = "impose"
    DISMISS = "dismiss"
    ANSWER_DEMAND = "answer_demand"
    SUBMIT_EVIDENCE = "submit_evidence"
    VERIFY = "verify"
    REJECT_EVIDENCE = "reject_evidence"
    RELEASE = "release"
    # people, to a request for quotation
    BID = "bid"
    NO_BID = "no_bid"
    OPEN_BIDS = "open_bids"
    AWARD = "award"
    ABANDON = "abandon"
    LOOK_INTO = "look_into"
    # machines
    RESTOCK = "restock"
    BOOK = "book"
    BOOKING_REFUSED = "booking_refused"
    PICK_UP = "pick_up"
    TROUBLE = "trouble"
    TURN_BACK = "turn_back"
    RECALL = "recall"
    WITHDRAW = "withdraw"
    HOLD = "hold"
    REVIEWED_WORSE = "reviewed_worse"
    # alarms
    REMIND = "remind"
    ESCALATE = "escalate"
    CHECK_IN = "check_in"
    UNANSWERED = "unanswered"
    NO_PICKUP_SCAN = "no_pickup_scan"
    NO_MOVEMENT = "no_movement"
    LATE = "late"
    LAPSE = "lapse"
    EXPIRE = "expire"
    RESUME = "resume"
    MAKE_FINAL = "make_final"
    GIVE_UP = "give_up"
    WORSEN = "worsen"


@dataclass(frozen=True)
class Rule:
    """Where an action may happen and where it leads, and who may do it."""

    moves: Mapping[StrEnum, StrEnum]
    by: frozenset[Role]

    @property
    def for_people(self) -> bool:
        return self.by != {Role.SYSTEM}


def _rule(moves: Mapping[Any, StrEnum], *by: Role) -> Rule:
    return Rule(MappingProxyType(dict(moves)), frozenset(by))


def _stays(*stages: Stage) -> dict[Stage, Stage]:
    return {stage: stage for stage in stages}


_AGENT, _AUDITOR, _KEEPER = Role.SERVICE_AGENT, Role.AUDITOR, Role.WAREHOUSE_KEEPER
_DISPATCHER, _TECHNICIAN, _CUSTOMER = Role.DISPATCHER, Role.TECHNICIAN, Role.CUSTOMER
_BUYER, _SUPPLIER, _SUPERVISOR, _SYSTEM = Role.BUYER, Role.SUPPLIER, Role.SUPERVISOR, Role.SYSTEM
_S, _P = Stage, PurchaseStage

RULES: Mapping[Action, Rule] = MappingProxyType(
    {
        # policy 2.1, 2.2: application and first judgement
        Action.TAKE: _rule({_S.RECEIVED: _S.TRIAGE}, _AGENT),
        Action.QUOTE: _rule({_S.TRIAGE: _S.QUOTED}, _AGENT),
        Action.SEND_FOR_INSPECTION: _rule(dict.fromkeys((_S.TRIAGE, _S.INSPECTION), _S.INSPECTION), _AGENT),
        Action.REFUSE: _rule({_S.TRIAGE: _S.REJECTED}, _AGENT),
        Action.FAULT_FOUND: _rule({_S.INSPECTION: _S.TRIAGE}, _TECHNICIAN, _AGENT),
        Action.NO_FAULT_FOUND: _rule({_S.INSPECTION: _S.CLOSED}, _TECHNICIAN, _AGENT),
        # asked again while the parts are on their way to us, the customer's answer is waited for there
        Action.CONSENT: _rule({_S.QUOTED: _S.AUDIT, _S.SOURCING: _S.SOURCING}, _CUSTOMER, _AGENT),
        Action.DECLINE: _rule(dict.fromkeys((_S.QUOTED, _S.SOURCING), _S.DECLINED), _CUSTOMER, _AGENT),
        Action.LAPSE: _rule(dict.fromkeys((_S.QUOTED, _S.SOURCING), _S.DECLINED), _SYSTEM),
        # policy 2.3: audit. Which auditor, and when the second signature is a supervisor's, domain/auditing.py says.
        Action.APPROVE: _rule({_S.AUDIT: _S.SOURCING}, _AUDITOR, _SUPERVISOR),
        Action.RETURN_FOR_CORRECTION: _rule({_S.AUDIT: _S.RETURNED}, _AUDITOR, _SUPERVISOR),
        Action.REJECT: _rule({_S.AUDIT: _S.OBJECTION}, _AUDITOR, _SUPERVISOR),
        Action.CORRECT: _rule({_S.RETURNED: _S.AUDIT}, _AGENT),
        Action.ASK_CUSTOMER: _rule({_S.AUDIT: _S.ASKED}, _AUDITOR, _SUPERVISOR, _AGENT),
        Action.ANSWER_QUESTION: _rule({_S.ASKED: _S.AUDIT}, _CUSTOMER, _AGENT),
        Action.RESUME: _rule({_S.ASKED: _S.AUDIT}, _AUDITOR, _SUPERVISOR, _SYSTEM),
        Action.OBJECT: _rule({_S.OBJECTION: _S.AUDIT}, _CUSTOMER, _AGENT),
        Action.MAKE_FINAL: _rule({_S.OBJECTION: _S.REJECTED}, _SYSTEM),
        Action.TAKE_AUDIT: _rule(_stays(_S.AUDIT, _S.ASKED), _AUDITOR, _SUPERVISOR),
        Action.HAND_ON_AUDIT: _rule(_stays(_S.AUDIT, _S.ASKED), _AUDITOR, _SUPERVISOR),
        Action.RELEASE_AUDIT: _rule(_stays(_S.AUDIT, _S.ASKED), _AUDITOR, _SUPERVISOR),
        # policy 3.2: stock first, else a purchase order. Sourcing with every line reserved is dispatch.
        Action.RESTOCK: _rule(_stays(_S.SOURCING), _SYSTEM),
        Action.SOURCE_AGAIN: _rule(_stays(_S.SOURCING), _BUYER),
        Action.SUBSTITUTE: _rule(_stays(_S.SOURCING), _BUYER, _AGENT),
        Action.EXPIRE: _rule(_stays(_S.SOURCING), _SYSTEM),
        # policy 5.2: dispatch and transport
        Action.PACK: _rule(_stays(_S.DISPATCH), _KEEPER),
        Action.BOOK: _rule(_stays(_S.DISPATCH), _SYSTEM),
        Action.BOOKING_REFUSED: _rule(_stays(_S.DISPATCH), _SYSTEM),
        Action.HAND_OVER: _rule({_S.DISPATCH: _S.IN_TRANSIT}, _KEEPER, _DISPATCHER),
        Action.PICK_UP: _rule({_S.DISPATCH: _S.IN_TRANSIT}, _SYSTEM),
        Action.DELIVER: _rule(
            {_S.IN_TRANSIT: _S.INSTALLATION, _S.SETTLING: _S.SETTLING}, _DISPATCHER, _AGENT, _CUSTOMER, _SYSTEM
        ),
        Action.TROUBLE: _rule(_stays(_S.IN_TRANSIT), _SYSTEM),
        Action.TURN_BACK: _rule(
            {_S.IN_TRANSIT: _S.IN_TRANSIT, _S.INSTALLATION: _S.IN_TRANSIT, _S.SETTLING: _S.SETTLING}, _SYSTEM
        ),
        Action.DECLARE_LOST: _rule({_S.IN_TRANSIT: _S.SOURCING, _S.SETTLING: _S.SETTLING}, _DISPATCHER, _SYSTEM),
        Action.RECEIVE_BACK: _rule({_S.IN_TRANSIT: _S.SOURCING, _S.SETTLING: _S.SETTLING}, _KEEPER),
        Action.NO_PICKUP_SCAN: _rule(_stays(_S.IN_TRANSIT), _SYSTEM),
        Action.NO_MOVEMENT: _rule(_stays(_S.IN_TRANSIT), _SYSTEM),
        Action.LATE: _rule(_stays(_S.IN_TRANSIT), _SYSTEM),
        # policy 6.1: installation
        Action.BOOK_APPOINTMENT: _rule(_stays(_S.INSTALLATION), _DISPATCHER),
        Action.REPORT_FITTED: _rule({_S.INSTALLATION: _S.REVISIT}, _TECHNICIAN, _CUSTOMER, _AGENT),
        Action.REPORT_NOT_FITTED: _rule({_S.INSTALLATION: _S.REWORK}, _TECHNICIAN),
        # policy 6.2: revisit, until it is solved
        Action.RECORD_ATTEMPT: _rule(_stays(_S.REVISIT), _AGENT),
        Action.ANSWER_WORKS: _rule({_S.REVISIT: _S.CLOSED}, _CUSTOMER, _AGENT),
        Action.ANSWER_FAULTY: _rule({_S.REVISIT: _S.REWORK}, _CUSTOMER, _AGENT),
        Action.GIVE_UP: _rule({_S.REVISIT: _S.CLOSED}, _SYSTEM),
        Action.SEND_PART: _rule({_S.REWORK: _S.SOURCING}, _AGENT, _DISPATCHER),
        Action.SEND_TECHNICIAN: _rule({_S.REWORK: _S.INSTALLATION}, _AGENT, _DISPATCHER),
        # an order ends when every track of it is settled; until then it is settling
        Action.RECALL: _rule(_stays(_S.SETTLING), _SYSTEM),
        Action.SETTLE_CLAIM: _rule(_stays(*OPEN), _DISPATCHER, _SUPERVISOR),
        Action.SUPPLEMENT: _rule(_stays(*OPEN), _CUSTOMER, _AGENT),
        Action.AMEND: _rule(_stays(*(stage for stage in OPEN if stage not in ON_A_LABEL)), _AGENT),
        Action.CANCEL: _rule({stage: _S.CANCELLED for stage in OPEN if stage is not _S.SETTLING}, _AGENT, _SUPERVISOR),
        Action.MOVE_DUE: _rule(_stays(*OPEN), _SUPERVISOR),
        Action.REMIND: _rule(_stays(*OPEN), _SYSTEM),
        Action.ESCALATE: _rule(_stays(*OPEN), _SYSTEM),
    }
)


_RUNNING = {_P.CONFIRMED: _P.CONFIRMED, _P.TO_SETTLE: _P.TO_SETTLE}
_PURCHASE_OPEN = {stage: stage for stage in PurchaseStage if stage not in PURCHASE_ENDS}

PURCHASE_RULES: Mapping[Action, Rule] = MappingProxyType(
    {
        # policy 3.2.2: confirmed by signature; a silent or unwilling supplier is followed by the next
        Action.CONFIRM: _rule({_P.PLACED: _P.CONFIRMED}, _SUPPLIER, _BUYER),
        Action.PROPOSE_DATE: _rule({_P.PLACED: _P.PLACED}, _SUPPLIER, _BUYER),
        Action.ACCEPT_DATE: _rule({_P.PLACED: _P.CONFIRMED}, _BUYER),
        Action.REFUSE_ORDER: _rule(dict.fromkeys(PURCHASE_OPEN, _P.PASSED_ON), _SUPPLIER, _BUYER),
        Action.RENEW_LINK: _rule(_PURCHASE_OPEN, _BUYER),
        Action.PASS_ON: _rule(dict.fromkeys(PURCHASE_OPEN, _P.PASSED_ON), _BUYER, _SYSTEM),
        # policy 3.1.3: its supplier is suspended; confirmed, or with nobody else to ask, it is the buyer's decision
        Action.HOLD: _rule({_P.PLACED: _P.PASSED_ON, _P.CONFIRMED: _P.CONFIRMED}, _SYSTEM),
        Action.KEEP: _rule({stage: stage for stage in PURCHASE_OPEN}, _BUYER),
        # policy 3.2.3: followed until the goods are there
        Action.CHECK_IN: _rule({_P.CONFIRMED: _P.CONFIRMED}, _SYSTEM),
        Action.UNANSWERED: _rule({_P.CONFIRMED: _P.CONFIRMED}, _SYSTEM),
        Action.REPORT_ON_TRACK: _rule({_P.CONFIRMED: _P.CONFIRMED}, _SUPPLIER, _BUYER),
        Action.PROMISE_LATER: _rule({_P.CONFIRMED: _P.CONFIRMED}, _SUPPLIER, _BUYER),
        # policy 3.2.3, 4.1.1: counted, inspected, and only then sound or refused; refused goods go back
        Action.RECEIVE_GOODS: _rule(dict.fromkeys(PURCHASE_OPEN, _P.CONFIRMED), _KEEPER),
        Action.INSPECT_GOODS: _rule(_RUNNING, _KEEPER),
        Action.HAND_BACK: _rule(_RUNNING, _KEEPER),
        # the invoice against order and receipt; it ends when nothing is owing on either side
        Action.ENTER_INVOICE: _rule(_RUNNING, _BUYER),
        Action.DECIDE_INVOICE: _rule(_RUNNING, _BUYER),
        Action.SETTLE_CLAIM: _rule(_RUNNING, _BUYER),
        Action.WITHDRAW: _rule({stage: stage for stage in PURCHASE_OPEN}, _SYSTEM),
        Action.MOVE_DUE: _rule(_PURCHASE_OPEN, _SUPERVISOR),
        Action.REMIND: _rule(_PURCHASE_OPEN, _SYSTEM),
        Action.ESCALATE: _rule(_PURCHASE_OPEN, _SYSTEM),
    }
)


class Refusal(ValueError):
    """Why an action may not happen now; `code` is stable and goes to the client."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class Life:
    """A table of rules with its stages. `passes` says where a stage is left for at once, and when."""

    stages: type[StrEnum]
    rules: Mapping[Action, Rule]
    ends: frozenset[StrEnum]
    passes: Mapping[StrEnum, Mapping[StrEnum, str]]

    def next_stage(self, stage: StrEnum, action: Action, role: Role) -> StrEnum:
        """Where `action` by `role` leads from `stage`.

        Raises Refusal `stage_moved_on` (not at this stage) or `role_forbidden` (not by this role).
        """
        rule = self.rules.get(action)
        if rule is None or stage not in rule.moves:
            raise Refusal("stage_moved_on", f"{action} is not possible at stage {stage}")
        if role not in rule.by:
            raise Refusal("role_forbidden", f"{action} is not for a {role}")
        return rule.moves[stage]

    def possible(self, stage: StrEnum, role: Role) -> tuple[Action, ...]:
        """The actions this role may take at this stage, in the order of the table."""
        return tuple(a for a, rule in self.rules.items() if stage in rule.moves and role in rule.by)


_OWING, _SETTLED = "something is still owing", "nothing is owing any more"

ORDER = Life(
    Stage,
    RULES,
    frozenset(ENDS),
    MappingProxyType(
        {
            Stage.QUOTED: {Stage.AUDIT: "the customer agreed on the phone"},
            Stage.AUDIT: {Stage.QUOTED: "a correction costs the customer more"},
            Stage.OBJECTION: {Stage.REJECTED: "the customer has objected before"},
            Stage.SOURCING: {Stage.DISPATCH: "every line is reserved", Stage.AUDIT: "a signature is missing"},
            Stage.REVISIT: {Stage.CLOSED: "the last attempt reached nobody"},
            **{end: {Stage.SETTLING: _OWING} for end in sorted(ENDS)},
            Stage.SETTLING: dict.fromkeys(sorted(ENDS), _SETTLED),
        }
    ),
)

PURCHASE = Life(
    PurchaseStage,
    PURCHASE_RULES,
    frozenset(PURCHASE_ENDS),
    MappingProxyType(
        {
            PurchaseStage.PLACED: {PurchaseStage.WITHDRAWN: "no order waits for it"},
            PurchaseStage.CONFIRMED: {PurchaseStage.TO_SETTLE: "nothing is outstanding"},
            PurchaseStage.PASSED_ON: {
                PurchaseStage.TO_SETTLE: _OWING,
                **dict.fromkeys(PURCHASE_OPEN, "there is no other supplier"),
            },
            PurchaseStage.TO_SETTLE: dict.fromkeys((PurchaseStage.GOODS_RECEIVED, PurchaseStage.PASSED_ON), _SETTLED),
        }
    ),
)
