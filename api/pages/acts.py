"""What a reader may do to a document now, each thing with its form."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from pydantic import BaseModel, ValidationError

from api.auth import Principal
from api.engine import possible
from api.i18n import Language
from api.pages import forms
from api.pages.forms import Choice, Form, Said
from database.reading.documents import Head
from database.reading.orders import OrderView
from database.reading.shipments import ShipmentView
from database.tables import AppointmentState, ClaimState, LineState, ShipmentState, Tracking
from domain.decisions import DECISIONS
from domain.offer import digest
from domain.order_decisions import Completion
from domain.stages import ORDER, Action, Role

GRAVE: Final = frozenset(
    {
        Action.REFUSE,
        Action.NO_FAULT_FOUND,
        Action.DECLINE,
        Action.REJECT,
        Action.DECLARE_LOST,
        Action.CANCEL,
        Action.PASS_ON,
        Action.APPROVE_ADJUSTMENT,
        Action.TURN_DOWN,
        Action.CALL_OFF,
        Action.REFUSE_ORDER,
        Action.RENEW_LINK,
        Action.ABANDON,
        Action.AWARD,
        Action.IMPOSE,
        Action.DISMISS,
        Action.WORSEN,
    }
)
"""What can't be undone is asked about once."""

SELDOM: Final = frozenset(
    {
        Action.SUPPLEMENT,
        Action.AMEND,
        Action.CANCEL,
        Action.MOVE_DUE,
        Action.SETTLE_CLAIM,
        Action.TAKE_AUDIT,
        Action.HAND_ON_AUDIT,
        Action.RELEASE_AUDIT,
        Action.ASK_CUSTOMER,
        Action.CALL_OFF,
        Action.COUNT_AGAIN,
        Action.REOPEN,
        Action.RENEW_LINK,
        Action.REFUSE_ORDER,
        Action.WORSEN,
    }
)
"""Possible at most stages, and never what the stage is for."""


@dataclass(frozen=True)
class Act:
    """Something that may be done now. `unasked` are fields that mean nothing here; `fixed` is what follows from who
    does it and need not be asked either; None stands for what it is initially."""

    action: Action
    role: Role
    initial: Mapping[str, Any]
    consequences: Sequence[str] = ()
    unasked: Sequence[str] = ()

    @property
    def grave(self) -> bool:
        return self.action in GRAVE

    @property
    def model(self) -> type[BaseModel]:
        return DECISIONS[self.action]

    @property
    def fixed(self) -> Mapping[str, str | None]:
        return {**dict.fromkeys(self.unasked, ""), **self._by_who}

    @property
    def _by_who(self) -> Mapping[str, str | None]:
        if self.role is Role.SUPPLIER and self.action in (Action.BID, Action.NO_BID):
            return {"supplier": "", "evidence": ""}
        if self.action is Action.SUPPLEMENT:
            return {"joined": ""}
        if self.action is Action.QUOTE:  # nobody agrees to what nobody has seen: consent is recorded beside the text
            return {"agreed_on_phone": "", "said_by": ""}
        if self.action is Action.CONSENT and self.role is Role.CUSTOMER:
            return {"said_by": "", "note": ""}
        if self.role is Role.SUPPLIER:  # who confirms does so for the date asked for; another one is proposed
            return {"promised_at": None} if self.action is Action.CONFIRM else {}
        if self.action is not Action.REPORT_FITTED:
            return {}
        if self.role is Role.TECHNICIAN:
            return {"completion": Completion.FITTED_AND_TESTED}
        return {"completion": Completion.FITTED_BY_CUSTOMER, "customer_instructed": ""}

    def read(self, said: Said, language: Language) -> BaseModel:
        """The decision as typed. Raises pydantic's ValidationError."""
        known = forms.initial(self.model, self.initial, language).values
        fixed = {name: known.get(name, "") if value is None else value for name, value in self.fixed.items()}
        return forms.read(self.model, Said({**said.values, **fixed}), language)


@dataclass(frozen=True)
class Shown:
    """An act with its form, as the page shows it."""

    form: Form
    grave: bool
    consequences: Sequence[str]


@dataclass(frozen=True)
class Sent:
    """A form that was sent and comes back: with what was typed, and what is wrong or still to be asked."""

    action: Action
    said: Said
    key: str
    invalid: ValidationError | None = None
    error: str = ""
    asks: bool = False
    more_rows: int = 0
    beside: Mapping[str, str] = field(default_factory=dict)


def shown(
    acts: Sequence[Act], language: Language, choices: Mapping[str, Sequence[Choice]], sent: Sent | None = None
) -> list[Shown]:
    """The forms, one of them perhaps as it was sent."""
    return [
        Shown(
            _form(act, language, choices, sent if sent and sent.action is act.action else None),
            act.grave,
            act.consequences,
        )
        for act in acts
    ]


def _form(act: Act, language: Language, choices: Mapping[str, Sequence[Choice]], sent: Sent | None) -> Form:
    said = forms.initial(act.model, act.initial, language)
    if sent is None:
        return forms.build(act.action, act.model, language, choices, said, hidden=act.fixed)
    return forms.build(
        act.action,
        act.model,
        language,
        choices,
        sent.said.renewed(said),
        hidden=act.fixed,
        invalid=sent.invalid,
        key=sent.key,
        error=sent.error,
        asks=sent.asks,
        more_rows=sent.more_rows,
        beside=sent.beside,
    )


def first_open(acts: Sequence[Act], sent: Sent | None = None) -> str:
    """The form that stands open: the one that was sent, else what the stage is for."""
    if sent:
        return sent.action
    return next((act.action for act in acts if act.action not in SELDOM), "")


def for_order(order: OrderView, who: Principal, language: Language) -> list[Act]:
    head = Head(order.number, ORDER, order.state, order.entered_by, order.stand_ins)
    return [
        Act(
            action,
            role,
            _initial(action, role, order, language),
            _consequences(action, order, language),
            unasked=("serials",) if action is Action.PACK and not _has_numbered(order) else (),
        )
        for action, role in possible(who, head)
        if action in DECISIONS and _sensible(action, role, order, who)
    ]


def _has_numbered(order: OrderView) -> bool:
    """Whether pieces to be packed have serial numbers."""
    return any(line.tracking is Tracking.SERIAL and line.state is LineState.RESERVED for line in order.lines)


def current_shipment(order: OrderView) -> ShipmentView | None:
    return next((shipment for shipment in order.shipments if shipment.id == order.state.shipment), None)


def _sensible(action: Action, role: Role, order: OrderView, who: Principal) -> bool:
    """Whether the order has what the action is about; the table of rules knows only stages and roles."""
    state = shipment.state if (shipment := current_shipment(order)) else None
    booked = [visit.technician for visit in order.appointments if visit.state is AppointmentState.BOOKED]
    own_visit = role is not Role.TECHNICIAN or who.code in booked
    conditions: Mapping[Action, Callable[[], bool]] = {
        Action.SETTLE_CLAIM: lambda: any(claim.state is ClaimState.OPEN for claim in order.claims),
        Action.SUBSTITUTE: lambda: bool(order.substitutes),
        Action.PACK: lambda: state in (ShipmentState.PREPARING, ShipmentState.PACKED),
        Action.HAND_OVER: lambda: state in (ShipmentState.PACKED, ShipmentState.BOOKED),
        Action.REPORT_FITTED: lambda: own_visit,
        Action.REPORT_NOT_FITTED: lambda: own_visit,
        Action.MOVE_DUE: lambda: order.wait is not None,
    }
    return conditions.get(action, lambda: True)()


def _initial(action: Action, role: Role, order: OrderView, language: Language) -> Mapping[str, Any]:
    """What is known already need not be typed again."""
    lines = [
        {"part": line.part, "quantity": line.quantity, "charge": line.charge, "refused_for": line.refused_for}
        for line in order.lines
        if line.round == order.round
    ]
    before = [
        {"part": line.part, "quantity": line.quantity} for line in order.lines if line.state is LineState.RETURNED
    ]
    shipment = current_shipment(order)
    known: Mapping[Action, Mapping[str, Any]] = {
        Action.QUOTE: {"lines": lines},
        Action.CONSENT: {"said_by": order.customer.name, "shown": _seen(role, order, language)},
        Action.CORRECT: {"lines": lines, "serial": order.serial, "fault": order.fault},
        Action.SEND_PART: {"lines": before},
        Action.PACK: {"carrier": shipment.carrier, "weight_kg": shipment.weight_kg} if shipment else {},
        Action.BOOK_APPOINTMENT: {"minutes": 60},
        Action.REPORT_FITTED: {"customer_instructed": True},
        Action.MOVE_DUE: {"due": order.wait.due} if order.wait else {},
        Action.AMEND: {
            **order.customer.model_dump(exclude={"language"}),
            "serial": order.serial,
            "model": order.model,
            "fault_code": order.fault_code,
        },
        Action.SETTLE_CLAIM: {"claim": next((c.id for c in order.claims if c.state is ClaimState.OPEN), None)},
    }
    return known.get(action, {})


def _seen(role: Role, order: OrderView, language: Language) -> str | None:
    """By which the text is known again that the customer sees, or is read."""
    text = order.quotation and order.quotation.shown.get(
        language.code if role is Role.CUSTOMER else order.customer.language
    )
    return digest(text).hex() if text else None


def _consequences(action: Action, order: OrderView, language: Language) -> Sequence[str]:
    """What will happen, before something that can't be undone."""
    text, customer = language.text, language.text("The customer is told.")
    match action:
        case Action.CANCEL:
            return [text("The order ends; it can't be opened again."), *_given_back(order, language), customer]
        case Action.REJECT if not (order.state.audit and order.state.audit.rejected_by):
            return [customer, text("They may object once; then another auditor decides.")]
        case Action.REFUSE | Action.REJECT | Action.DECLINE:
            return [text("The order ends; it can't be opened again."), customer]
        case Action.NO_FAULT_FOUND:
            return [text("The order ends; nothing is sent."), customer]
        case Action.DECLARE_LOST:
            return [
                text("A claim on the carrier is opened."),
                text("The same parts are reserved or ordered again and sent anew."),
                customer,
            ]
        case _:
            return ()


def _given_back(order: OrderView, language: Language) -> Sequence[str]:
    said: list[str] = []
    if reserved := sum(line.quantity for line in order.lines if line.state is LineState.RESERVED):
        said.append(
            language.count(
                "%(num)d reserved piece goes back to stock.", "%(num)d reserved pieces go back to stock.", reserved
            )
        )
    expected = sorted({line.purchase_order for line in order.lines if line.purchase_order})
    said += [language.text("This order no longer waits for %(number)s.") % {"number": number} for number in expected]
    shipment = current_shipment(order)
    if shipment and shipment.state in (ShipmentState.PREPARING, ShipmentState.PACKED, ShipmentState.BOOKED):
        said.append(language.text("Shipment %(id)s is called off.") % {"id": shipment.id})
    elif shipment and shipment.state is ShipmentState.HANDED_OVER:
        said.append(language.text("The carrier is asked for parcel %(id)s back.") % {"id": shipment.waybill})
    elif shipment and shipment.state is ShipmentState.DELIVERED:
        said.append(language.text("The parts the customer already has are not fetched back."))
    if any(visit.state is AppointmentState.BOOKED for visit in order.appointments):
        said.append(language.text("The technician's appointment is called off."))
    return said
