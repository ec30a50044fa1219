"""A policy version: every [X] of the rules, as data (policy 1.1 ff.). An order pins one when it starts."""

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from itertools import pairwise
from typing import Literal
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, model_validator

from domain.comparing import Weights
from domain.costs import CostRules
from domain.reviews import ReviewRules
from domain.sourcing import Where
from domain.stages import Action, Role
from domain.suppliers import Breach, PaperKind, Then
from domain.waiting import OWNERS, Alarm, Clock, Wait
from domain.warehouse_rules import WarehouseRules
from domain.working_time import Calendar, CalendarRules, Span, calendar_of


class _Rules(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class AlarmRule(_Rules):
    """An alarm at a share of the time until due (1 = when due), or a span after it is due; maybe repeated."""

    action: Action
    share: float = Field(1, gt=0, le=1)
    then: Span | None = None
    every: Span | None = None


class ClockRule(_Rules):
    """How long something may take, and what is done about it meanwhile."""

    due: Span
    alarms: tuple[AlarmRule, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _never_silent(self) -> "ClockRule":
        ends = {Action.LAPSE, Action.GIVE_UP, Action.DECLARE_LOST, Action.RESUME, Action.MAKE_FINAL, Action.OPEN_BIDS}
        if not any(rule.every or rule.action in ends for rule in self.alarms):
            raise ValueError("a wait must end by rule or keep escalating: repeat an alarm (`every`)")
        return self


class ParcelRules(_Rules):
    """When a parcel is asked after, and when silence is worth a message (policy 5.2.4).

    Every `look_every`, but every `look_near_due` within `near_window` of the expected arrival; once more
    `late_look` after delivery.
    """

    no_pickup_scan: Span
    no_movement: Span
    look_every: Span
    look_near_due: Span
    near_window: Span
    late_look: Span


class RevisitRules(_Rules):
    """How often a customer who can't be reached is tried (policy 6.2.1)."""

    attempts: int = Field(ge=1)
    again_after: Span


class RequestRules(_Rules):
    """How bids are compared, and how many there must be for an award without a reason (policy 3.3.1)."""

    weights: Weights = Weights(
        landed_cost=Decimal("0.5"), lead_time=Decimal("0.2"), score=Decimal("0.2"), guarantee=Decimal("0.1")
    )
    least_bids: int = Field(3, ge=1)


class PurchasingRules(_Rules):
    """How a supplier is chosen when stock has run out (policy 3.2.1, 3.3.1), and what is done about an order that is
    against what is agreed (policy 3.1.1, 3.1.2).

    Papers of the blocking kinds keep a supplier from orders once they have run out; what runs out within
    `warn_before` is warned of.
    """

    price_weight: Decimal = Field(ge=0)
    lead_time_weight: Decimal = Field(ge=0)
    breaches: Mapping[Breach, Then] = Field(default_factory=lambda: dict.fromkeys(Breach, Then.REFUSE))
    blocking_papers: tuple[PaperKind, ...] = ()
    warn_before: Span = Span(30, "days")
    requests: RequestRules = RequestRules()

    @property
    def weights(self) -> Weights:
        """What counts between suppliers whose prices are agreed."""
        return Weights(landed_cost=self.price_weight, lead_time=self.lead_time_weight)

    @model_validator(mode="after")
    def _every_breach(self) -> "PurchasingRules":
        if missing := [breach for breach in Breach if breach not in self.breaches]:
            raise ValueError(f"nothing is said about {', '.join(missing)}")
        return self


class SourcingRules(_Rules):
    """Where pieces are looked for before they are bought, in this order (policy 3.2.1); versions that don't say look
    in the service centre's own warehouses, then in the others."""

    look: tuple[Where, ...] = (Where.OWN, Where.OTHER)


class Transit(_Rules):
    """How long goods travel from the warehouse to these provinces."""

    provinces: tuple[str, ...]
    earliest: Span
    latest: Span


class LeadRules(_Rules):
    """How a supplier's lead time becomes a range: by the newest of its own deliveries once there are so many of them,
    else up to this share longer."""

    deliveries: int = Field(ge=1)
    newest: int = Field(ge=1)
    longer: Decimal = Field(ge=0)


class AskAgainRules(_Rules):
    """When the customer's consent no longer holds: more to pay than agreed by so many per cent or so much money, or
    parts that come into the house so much later than quoted."""

    percent: Decimal = Field(ge=0)
    amount: Decimal = Field(ge=0)
    later: Span


class NoFaultRules(_Rules):
    """What the customer pays for an inspection that finds no fault (policy 2.2.1)."""

    in_warranty: Decimal = Field(ge=0)
    otherwise: Decimal = Field(ge=0)


class QuotationRules(_Rules):
    """What the customer is told before consenting (policy 2.2.2). `transit` is for provinces that none of `transits`
    names."""

    stock_lead: Span
    transit: Span
    transits: tuple[Transit, ...]
    labour: Decimal = Field(ge=0)
    travel: Decimal = Field(ge=0)
    leads: LeadRules
    ask_again: AskAgainRules
    no_fault: NoFaultRules


class HintRules(_Rules):
    """How many of the newest closed orders of the same product and fault tell what cured it (policy 1.3.2)."""

    orders: int = Field(ge=1)


class DuplicateRules(_Rules):
    """When an application counts as one that came before: the same unit and fault, reported not longer ago than
    `within`. Faults in words are the same from this `likeness` on, from 0 to 1 (policy 2.1.2)."""

    within: Span
    likeness: float = Field(gt=0, le=1)


class Tier(_Rules):
    """Above this amount, in yuan, a second signature is asked for, in this role."""

    above: Decimal = Field(ge=0)
    second: Literal[Role.AUDITOR, Role.SUPERVISOR]


class AuditRules(_Rules):
    """What the audit holds an application against, and how often it is signed (policy 2.3.1, 2.3.2). Money in yuan.

    Parts of a rework that were not signed for need a new signature if they are worth more than `rework_worth`.
    """

    cost_tiers: tuple[Tier, ...]
    goodwill_tiers: tuple[Tier, ...]
    most_goodwill: Decimal = Field(ge=0)
    most_pieces: int = Field(ge=1)
    duplicate_days: int = Field(ge=1)
    most_replacements: int = Field(ge=1)
    replacements_days: int = Field(ge=1)
    rework_worth: Decimal = Field(ge=0)


class StatutoryRules(_Rules):
    """What the law of 三包 gives the customer (policy 1.3.1): days from the sale to the fault, repairs that did not
    help, days from the report of the fault in which it must be repaired, and parts must be there."""

    return_days: int = Field(ge=0)
    exchange_days: int = Field(ge=0)
    failed_repairs: int = Field(ge=1)
    repair_days: int = Field(ge=1)
    parts_days: int = Field(ge=1)


class Sampling(_Rules):
    """A row of the plan by which goods that come in are inspected (policy 4.1.1): of a lot of up to so many pieces
    `sample` are looked at, and the lot is refused from `refuse` faulty ones on."""

    up_to: int = Field(ge=1)
    sample: int = Field(ge=1)
    refuse: int = Field(ge=1)


class FollowUpRules(_Rules):
    """How long a supplier has to say whether it is on time, and from how much later than told before a customer
    hears of a delay (policy 3.2.3)."""

    answer_within: Span
    tell_customer: Span


class PurchaseTerms(_Rules):
    """The terms that every purchase order states, by language (policy 3.2.2)."""

    zh: str = Field(min_length=1)
    en: str = Field(min_length=1)


class InvoiceRules(_Rules):
    """By how much a supplier's invoice may be above order and receipt: per cent of a piece's price, and yuan in all for
    a part."""

    percent: Decimal = Field(ge=0)
    amount: Decimal = Field(ge=0)


class Policy(_Rules):
    name: str
    version: int = Field(ge=1)
    title: str
    calendar: CalendarRules
    clocks: Mapping[Clock, ClockRule]
    parcels: ParcelRules
    revisit: RevisitRules
    sourcing: SourcingRules = SourcingRules()
    purchasing: PurchasingRules
    quotation: QuotationRules
    duplicates: DuplicateRules
    audit: AuditRules
    statutory: StatutoryRules
    hints: HintRules
    costs: CostRules
    review: ReviewRules
    sampling: tuple[Sampling, ...] = Field(min_length=1)
    invoices: InvoiceRules
    follow_up: FollowUpRules
    purchase_terms: PurchaseTerms
    warehouse: WarehouseRules

    @model_validator(mode="after")
    def _every_clock(self) -> "Policy":
        missing = [clock for clock in Clock if clock not in self.clocks]
        if missing:
            raise ValueError(f"no times for {', '.join(missing)}")
        return self

    @model_validator(mode="after")
    def _a_larger_lot_asks_for_no_less(self) -> "Policy":
        if any(row.up_to >= larger.up_to or row.sample > larger.sample for row, larger in pairwise(self.sampling)):
            raise ValueError("the rows of the sampling plan must grow")
        return self


class Timekeeper:
    """Starts clocks: a policy's times on a calendar."""

    def __init__(self, policy: Policy, overrides: Mapping[date, bool]) -> None:
        self.policy = policy
        self.calendar: Calendar = calendar_of(policy.calendar, overrides)
        self.zone = ZoneInfo(policy.calendar.zone)

    def today(self, at: datetime) -> date:
        """The day that an instant falls on where the office is."""
        return at.astimezone(self.zone).date()

    def after(self, start: datetime, span: Span) -> datetime:
        return self.calendar.after(start, span)

    def rings_after(self, start: datetime, span: Span) -> datetime:
        """When an alarm rings that is due a span after `start`: in office hours."""
        return self.calendar.open_from(self.calendar.after(start, span))

    def wait(self, clock: Clock, since: datetime, due: datetime | None = None) -> Wait:
        """The wait that begins at `since`; `due` where something agreed replaces the policy's span."""
        rules = self.policy.clocks[clock]
        due = due or self.calendar.after(since, rules.due)
        alarms = tuple(self._alarm(rule, since, due) for rule in rules.alarms)
        return Wait(clock=clock, owner=OWNERS[clock], since=since, due=due, alarms=alarms)

    def rang(self, wait: Wait, alarm: Alarm, now: datetime) -> Wait:
        """The wait after one of its alarms rang at `now`: the alarm is gone, or stands again at its next instant.

        Repeats that nobody was alive to hear are not made up for.
        """
        left = tuple(other for other in wait.alarms if other != alarm)
        every = next(
            (r.every for r in self.policy.clocks[wait.clock].alarms if r.action == alarm.action and r.every),
            None,
        )
        if every and not any(other.action == alarm.action for other in left):
            at = self.rings_after(max(alarm.at, now), every)
            left = (*left, Alarm(action=alarm.action, at=at, count=alarm.count + 1))
        return wait.model_copy(update={"alarms": left})

    def moved(self, wait: Wait, now: datetime, due: datetime) -> Wait:
        """The wait that a person gave another end; alarms that hang on something else than its end stay."""
        ruled = {rule.action for rule in self.policy.clocks[wait.clock].alarms}
        others = tuple(alarm for alarm in wait.alarms if alarm.action not in ruled)
        anew = self.wait(wait.clock, now, due)
        return anew.model_copy(update={"owner": wait.owner, "alarms": (*anew.alarms, *others)})

    def resumed(self, wait: Wait, paused: datetime, now: datetime) -> Wait:
        """The wait that rested from `paused` until `now`: due and alarms are as much working time away as then."""

        def later(instant: datetime) -> datetime:
            return self.calendar.later(now, self.calendar.worked(paused, max(instant, paused)))

        alarms = tuple(
            alarm.model_copy(update={"at": self.calendar.open_from(later(alarm.at))}) for alarm in wait.alarms
        )
        return wait.model_copy(update={"due": later(wait.due), "alarms": alarms})

    def _alarm(self, rule: AlarmRule, since: datetime, due: datetime) -> Alarm:
        at = due if rule.share == 1 else self.calendar.share(since, due, rule.share)
        if rule.then:
            at = self.calendar.after(due, rule.then)
        return Alarm(action=rule.action, at=self.calendar.open_from(at))
