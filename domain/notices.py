"""Who is told of what: the messages that go into the outbox with a step."""

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from domain.correcting import Standing
from domain.stages import Action, Role
from domain.waiting import CARETAKERS, OWNERS

_CUSTOMER, _AGENT, _BUYER, _KEEPER = Role.CUSTOMER, Role.SERVICE_AGENT, Role.BUYER, Role.WAREHOUSE_KEEPER
_DISPATCHER, _TECHNICIAN, _SUPPLIER, _AUDITOR = Role.DISPATCHER, Role.TECHNICIAN, Role.SUPPLIER, Role.AUDITOR

TOLD: Mapping[Action, tuple[Role, ...]] = MappingProxyType(
    {
        Action.QUOTE: (_CUSTOMER,),
        Action.SEND_FOR_INSPECTION: (_CUSTOMER, _TECHNICIAN),
        Action.REFUSE: (_CUSTOMER,),
        Action.NO_FAULT_FOUND: (_CUSTOMER,),
        Action.LAPSE: (_CUSTOMER, _AGENT),
        Action.RETURN_FOR_CORRECTION: (_AGENT, _CUSTOMER),
        Action.REJECT: (_AGENT, _CUSTOMER),
        Action.ASK_CUSTOMER: (_CUSTOMER,),
        Action.ANSWER_QUESTION: (_AUDITOR,),
        Action.RESUME: (_AUDITOR,),
        Action.OBJECT: (_CUSTOMER, _AUDITOR),
        Action.MAKE_FINAL: (_CUSTOMER, _AGENT),
        Action.HAND_ON_AUDIT: (_AUDITOR,),
        Action.BOOKING_REFUSED: (_DISPATCHER,),
        Action.HAND_OVER: (_AGENT, _CUSTOMER),
        Action.PICK_UP: (_AGENT, _CUSTOMER),
        Action.DELIVER: (_DISPATCHER, _CUSTOMER),
        Action.TROUBLE: (_AGENT, _DISPATCHER),
        Action.NO_PICKUP_SCAN: (_AGENT, _DISPATCHER),
        Action.NO_MOVEMENT: (_AGENT, _DISPATCHER),
        Action.LATE: (_AGENT, _DISPATCHER, _CUSTOMER),
        Action.TURN_BACK: (_AGENT, _KEEPER),
        Action.RECEIVE_BACK: (_AGENT,),
        Action.DECLARE_LOST: (_AGENT, _CUSTOMER),
        Action.BOOK_APPOINTMENT: (_CUSTOMER, _TECHNICIAN),
        Action.REPORT_FITTED: (_CUSTOMER,),
        Action.REPORT_NOT_FITTED: (_AGENT, _DISPATCHER),
        Action.RECORD_ATTEMPT: (_CUSTOMER,),
        Action.ANSWER_FAULTY: (_DISPATCHER,),
        Action.ANSWER_WORKS: (_CUSTOMER,),
        Action.GIVE_UP: (_CUSTOMER,),
        Action.SUPPLEMENT: (_AGENT,),
        Action.CANCEL: (_CUSTOMER, _AGENT),
        Action.CONFIRM: (_BUYER,),
        Action.PROPOSE_DATE: (_BUYER,),
        Action.ACCEPT_DATE: (_SUPPLIER,),
        Action.REFUSE_ORDER: (_BUYER,),
        Action.RENEW_LINK: (_SUPPLIER,),
        Action.CHECK_IN: (_SUPPLIER,),
        Action.UNANSWERED: (_BUYER, Role.SUPERVISOR),
        Action.PROMISE_LATER: (_BUYER, _AGENT),
        Action.WITHDRAW: (_SUPPLIER, _BUYER),
        Action.DISMISS: (_BUYER,),
        Action.ANSWER_DEMAND: (_BUYER,),
        Action.SUBMIT_EVIDENCE: (_BUYER,),
        Action.REJECT_EVIDENCE: (_SUPPLIER,),
    }
)
"""Whom each action tells. Reminders go to whoever looks after the wait, escalations to the supervisor."""

TOLD_BY_STEPS: Mapping[str, tuple[Role, ...]] = MappingProxyType(
    {
        "received": (_CUSTOMER,),
        "ask": (_SUPPLIER,),
        "deadline_moved": (_SUPPLIER,),
        Action.OPEN_BIDS: (_BUYER,),
        Action.AWARD: (_SUPPLIER,),
        "not_awarded": (_SUPPLIER,),
        Action.ABANDON: (_SUPPLIER,),
        "emergency": (_AUDITOR,),
        "not_justified": (_BUYER, Role.SUPERVISOR),
        "purchase_order": (_SUPPLIER,),
        "parts_later": (_CUSTOMER,),
        "supplier_late": (_AGENT,),
        "count_differs": (_BUYER,),
        "goods_refused": (_SUPPLIER, _BUYER, _AGENT),
        "invoice_differs": (_BUYER,),
        Action.DECIDE_INVOICE: (_SUPPLIER,),
        "pass_on": (_SUPPLIER, _BUYER),
        "no_other_supplier": (_BUYER,),
        "held": (_BUYER,),
        "standing_proposed": (Role.SUPERVISOR,),
        "runs_out": (_BUYER, _SUPPLIER),
        **{f"standing_{standing}": (_SUPPLIER, _BUYER) for standing in Standing},
        "mail_received": (_AGENT,),
        "joined": (_CUSTOMER,),
        Action.APPROVE: (_CUSTOMER,),
        "second_signature": (_AUDITOR, Role.SUPERVISOR),
        "count": (_KEEPER,),
        "finding": (_KEEPER,),
        "climate": (_KEEPER,),
        "climate_reserved": (_AGENT,),
        "silence": (_KEEPER,),
        "replenishment": (_BUYER,),
        "dispose": (_KEEPER,),
        Action.SUPPLEMENT: (Role.AUDITOR, _BUYER, _KEEPER, _DISPATCHER, _TECHNICIAN, Role.SUPERVISOR),
    }
)
"""What is told only if a step ended so; the step says it itself."""


REMINDED_THEMSELVES = frozenset({_CUSTOMER, _SUPPLIER})
"""Who hears a reminder too, beside whoever looks after the wait."""


def notices() -> Iterator[tuple[str, Role]]:
    """Every notice with its audience. Each has words, in both languages."""
    for told in (TOLD, TOLD_BY_STEPS):
        yield from ((notice, audience) for notice, audiences in told.items() for audience in audiences)
    for clock, owner in OWNERS.items():
        yield f"{Action.REMIND}_{clock}", CARETAKERS.get(owner, owner)
        if owner in REMINDED_THEMSELVES:
            yield f"{Action.REMIND}_{clock}", owner
        yield f"{Action.ESCALATE}_{clock}", Role.SUPERVISOR
