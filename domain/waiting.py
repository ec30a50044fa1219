"""What is waited for, by whom, until when, and which alarms ring meanwhile."""

from datetime import datetime
from enum import StrEnum

from pydantic import BaseModel, ConfigDict

from domain.stages import Action, Role


class Clock(StrEnum):
    """Everything a document can wait for; the policy gives each its times."""

    TAKE_UP = "take_up"
    JUDGEMENT = "judgement"
    FINDING = "finding"
    CONSENT = "consent"
    SIGNATURE = "signature"
    SECOND_SIGNATURE = "second_signature"
    QUESTION = "question"
    OBJECTION = "objection"
    CORRECTION = "correction"
    PARTS = "parts"
    HANDOVER = "handover"
    DELIVERY = "delivery"
    RETURNED_PARCEL = "returned_parcel"
    APPOINTMENT = "appointment"
    VISIT = "visit"
    REVISIT = "revisit"
    REWORK = "rework"
    SETTLEMENT = "settlement"
    CONFIRMATION = "confirmation"
    PROPOSAL = "proposal"
    ARRIVAL = "arrival"
    INCOMING_INSPECTION = "incoming_inspection"
    HAND_BACK = "hand_back"
    ACCOUNT = "account"
    COUNT = "count"
    TRACING = "tracing"
    ADJUSTMENT = "adjustment"
    ROUND = "round"
    REMEDY = "remedy"
    REMEDY_CHECK = "remedy_check"
    REPLENISHMENT = "replenishment"
    DISPOSAL_DECISION = "disposal_decision"
    DISPOSAL = "disposal"
    HELD = "held"
    STANDING = "standing"
    DEMAND = "demand"
    MEASURES = "measures"
    VERIFICATION = "verification"
    RELEASE = "release"
    BIDS = "bids"
    AWARD = "award"
    EMERGENCY = "emergency"


OWNERS: dict[Clock, Role] = {
    Clock.TAKE_UP: Role.SERVICE_AGENT,
    Clock.JUDGEMENT: Role.SERVICE_AGENT,
    Clock.FINDING: Role.TECHNICIAN,
    Clock.CONSENT: Role.CUSTOMER,
    Clock.SIGNATURE: Role.AUDITOR,
    Clock.SECOND_SIGNATURE: Role.AUDITOR,
    Clock.QUESTION: Role.CUSTOMER,
    Clock.OBJECTION: Role.CUSTOMER,
    Clock.CORRECTION: Role.SERVICE_AGENT,
    Clock.PARTS: Role.BUYER,
    Clock.HANDOVER: Role.WAREHOUSE_KEEPER,
    Clock.DELIVERY: Role.CARRIER,
    Clock.RETURNED_PARCEL: Role.WAREHOUSE_KEEPER,
    Clock.APPOINTMENT: Role.DISPATCHER,
    Clock.VISIT: Role.TECHNICIAN,
    Clock.REVISIT: Role.SERVICE_AGENT,
    Clock.REWORK: Role.DISPATCHER,
    Clock.SETTLEMENT: Role.DISPATCHER,
    Clock.CONFIRMATION: Role.SUPPLIER,
    Clock.PROPOSAL: Role.BUYER,
    Clock.ARRIVAL: Role.SUPPLIER,
    Clock.INCOMING_INSPECTION: Role.WAREHOUSE_KEEPER,
    Clock.HAND_BACK: Role.WAREHOUSE_KEEPER,
    Clock.ACCOUNT: Role.BUYER,
    Clock.COUNT: Role.WAREHOUSE_KEEPER,
    Clock.TRACING: Role.WAREHOUSE_KEEPER,
    Clock.ADJUSTMENT: Role.SUPERVISOR,
    Clock.ROUND: Role.WAREHOUSE_KEEPER,
    Clock.REMEDY: Role.WAREHOUSE_KEEPER,
    Clock.REMEDY_CHECK: Role.SUPERVISOR,
    Clock.REPLENISHMENT: Role.BUYER,
    Clock.DISPOSAL_DECISION: Role.SUPERVISOR,
    Clock.DISPOSAL: Role.WAREHOUSE_KEEPER,
    Clock.HELD: Role.BUYER,
    Clock.STANDING: Role.SUPERVISOR,
    Clock.DEMAND: Role.SUPPLIER,
    Clock.MEASURES: Role.SUPPLIER,
    Clock.VERIFICATION: Role.BUYER,
    Clock.RELEASE: Role.SUPERVISOR,
    Clock.BIDS: Role.SUPPLIER,
    Clock.AWARD: Role.BUYER,
    Clock.EMERGENCY: Role.AUDITOR,
}

OF_PURCHASES = frozenset(
    {
        Clock.CONFIRMATION,
        Clock.PROPOSAL,
        Clock.ARRIVAL,
        Clock.INCOMING_INSPECTION,
        Clock.HAND_BACK,
        Clock.ACCOUNT,
        Clock.HELD,
    }
)
"""What purchase orders wait for."""

OF_CORRECTIONS = frozenset({Clock.STANDING, Clock.DEMAND, Clock.MEASURES, Clock.VERIFICATION, Clock.RELEASE})
"""What corrective actions wait for."""

OF_REQUESTS = frozenset({Clock.BIDS, Clock.AWARD, Clock.EMERGENCY})
"""What requests for quotation wait for; everything else is an order's."""

CARETAKERS: dict[Role, Role] = {
    Role.CUSTOMER: Role.SERVICE_AGENT,
    Role.SUPPLIER: Role.BUYER,
    Role.CARRIER: Role.DISPATCHER,
}
"""Who of the staff looks after a wait whose owner is outside the house."""


ANSWERS: dict[Action, Clock] = {
    Action.CONSENT: Clock.CONSENT,
    Action.DECLINE: Clock.CONSENT,
    Action.ACCEPT_DATE: Clock.PROPOSAL,
    Action.REPORT_ON_TRACK: Clock.ARRIVAL,
    Action.KEEP: Clock.HELD,
}
"""What can only be said while it is waited for, whatever else the stage is for."""


class Alarm(BaseModel):
    """An instant at which something is done about a wait; `count` numbers the repeats from 1."""

    model_config = ConfigDict(frozen=True)
    action: Action
    at: datetime
    count: int = 1


class Wait(BaseModel):
    """One wait, as computed when it began. Moving it is a command of its own, so it never drifts by itself."""

    model_config = ConfigDict(frozen=True)
    clock: Clock
    owner: Role
    since: datetime
    due: datetime
    alarms: tuple[Alarm, ...] = ()

    @property
    def next(self) -> Alarm | None:
        """The alarm that rings first."""
        return min(self.alarms, key=lambda alarm: alarm.at, default=None)

    @property
    def sentence(self) -> str:
        """What is waited for, in plain words for operations; times in UTC."""
        alarm = self.next
        then = f"; at {alarm.at:%d %b %H:%M:%S} {alarm.action.replace('_', ' ')}" if alarm else ""
        clock, owner = self.clock.replace("_", " "), self.owner.replace("_", " ")
        return f"Waits for the {owner}: {clock}, due {self.due:%a %d %b %Y %H:%M:%S} UTC{then}."

    @property
    def caretaker(self) -> Role:
        """The role in whose list this wait stands."""
        return CARETAKERS.get(self.owner, self.owner)

    def asks_for(self, action: Action) -> bool:
        """Whether this is the time for an action; most need no question."""
        return ANSWERS.get(action, self.clock) is self.clock

    def without(self, *actions: Action) -> "Wait":
        return self.model_copy(update={"alarms": tuple(a for a in self.alarms if a.action not in actions)})

    def moved(self, action: Action, at: datetime) -> "Wait":
        """The same wait with the alarms of one kind replaced by one at `at`."""
        others = self.without(action).alarms
        return self.model_copy(update={"alarms": (*others, Alarm(action=action, at=at))})
