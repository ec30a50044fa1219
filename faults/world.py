"""What a run of faults enters as data: policies with short waits, and a part of its own for every order.

A part of its own keeps an order's purchases and reservations apart from the others', so that the same order comes
to the same end whatever the others do meanwhile. Orders from stock share one part all the same.
"""

from collections.abc import Collection, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert

from database.reference import policies
from database.session import Sessions
from database.stock import OPENING, move
from database.tables import (
    CarrierAccount,
    Contract,
    MovementReason,
    Part,
    PolicyVersion,
    Qualification,
    SubstitutePart,
    UserAccount,
)
from domain.policy import AlarmRule, ClockRule, FollowUpRules, ParcelRules, Policy, RevisitRules
from domain.stages import Action, Role
from domain.suppliers import Proof
from domain.waiting import Clock
from domain.working_time import Span, SpedUp

SHARED: Final = "FAULTS-SHARED"
EARLIER: Final = "PO-WAS"
"""So begin the numbers of purchase orders that were over before a run began: they have neither log nor workflow."""
SECOND_KEEPER: Final = "keeper.wh"
POLICY: Final = "faults"
HASTY: Final[dict[str, Clock]] = {
    "faults-consent": Clock.CONSENT,
    "faults-objection": Clock.OBJECTION,
    "faults-delivery": Clock.DELIVERY,
    "faults-revisit": Clock.REVISIT,
    "faults-confirmation": Clock.CONFIRMATION,
    "faults-question": Clock.QUESTION,
    "faults-parts": Clock.PARTS,
    "faults-arrival": Clock.ARRIVAL,
}
"""The policies in which one clock soon ends by itself what it watches, or asks a supplier after its goods; everywhere
else people come first."""

_FINAL: Final = (
    Action.LAPSE,
    Action.DECLARE_LOST,
    Action.GIVE_UP,
    Action.PASS_ON,
    Action.RESUME,
    Action.EXPIRE,
    Action.MAKE_FINAL,
    Action.WORSEN,
)
_AS_IT_IS: Final = (Action.LATE, Action.OPEN_BIDS)
"""What rings as it would: nobody's order ends by it, or nobody could go on without it."""
TIME_TO_BID: Final = timedelta(seconds=120)
"""How long suppliers have for their bids; who needs longer has the deadline put off."""
_SOON, _LATE = Span(8, "seconds"), Span(1200, "seconds")
_SOON_OF_DAYS: Final = 0.0001
"""The share of the days until goods are promised after which their supplier is asked."""
_SUPPLIERS: Final = ("S01", "S02", "S05")


def all_policies(to_bid: timedelta = TIME_TO_BID) -> list[Policy]:
    return [_policy(POLICY, None, to_bid), *(_policy(name, clock, to_bid) for name, clock in HASTY.items())]


def _policy(name: str, hasty: Clock | None, to_bid: timedelta) -> Policy:
    demo = next(policy for policy in policies() if policy.name == "demo")
    return demo.model_copy(
        update={
            "name": name,
            "version": 1,
            "title": "Faults",
            "calendar": SpedUp(kind="sped_up", day_seconds=timedelta(days=1).total_seconds()),
            "clocks": {clock: _clock(clock, rule, clock is hasty, to_bid) for clock, rule in demo.clocks.items()},
            "parcels": ParcelRules(
                no_pickup_scan=Span(20, "seconds"),
                no_movement=Span(30, "seconds"),
                look_every=Span(4, "seconds"),
                look_near_due=Span(2, "seconds"),
                near_window=Span(10, "seconds"),
                late_look=Span(5, "seconds"),
            ),
            "revisit": RevisitRules(attempts=3, again_after=Span(2, "seconds")),
            "follow_up": FollowUpRules(answer_within=_SOON, tell_customer=demo.follow_up.tell_customer),
        }
    )


def check_list() -> list[str]:
    """What a round of a warehouse looks at."""
    return [item.code for item in all_policies()[0].warehouse.rounds.items]


def _clock(clock: Clock, rule: ClockRule, hasty: bool, to_bid: timedelta) -> ClockRule:
    final = [
        AlarmRule(action=alarm.action, share=1, then=_SOON if hasty else _LATE)
        for alarm in rule.alarms
        if alarm.action in _FINAL
    ]
    as_it_is = [alarm for alarm in rule.alarms if alarm.action in _AS_IT_IS]
    asked = [
        AlarmRule(action=alarm.action, share=_SOON_OF_DAYS)
        for alarm in rule.alarms
        if hasty and alarm.action is Action.CHECK_IN
    ]
    reminders = [
        AlarmRule(action=Action.REMIND, share=0.5),
        AlarmRule(action=Action.ESCALATE, share=1, every=Span(30, "seconds")),
    ]
    due = to_bid.total_seconds() if clock is Clock.BIDS else 10
    return ClockRule(due=Span(int(due), "seconds"), alarms=(*reminders, *as_it_is, *asked, *final))


async def enter(
    sessions: Sessions,
    parts: Iterable[str],
    stocked: Sequence[str],
    to_bid: timedelta = TIME_TO_BID,
    unoffered: Collection[str] = (),
) -> None:
    """Enters what is not there yet: policies, parts, offers of all of them but the `unoffered`, and stock of `stocked`
    parts and SHARED, which does as well as any."""
    now = datetime.now(UTC)
    parts = [SHARED, *parts]
    offered = [offer for code in parts if code not in unoffered for offer in offers(code, now)]
    async with sessions.begin() as session:
        await session.execute(
            insert(PolicyVersion)
            .values(
                [
                    {
                        "name": policy.name,
                        "version": policy.version,
                        "content": policy.model_dump(mode="json"),
                        "entered_by": Role.SYSTEM,
                    }
                    for policy in all_policies(to_bid)
                ]
            )
            .on_conflict_do_nothing()
        )
        await session.execute(insert(Part).values([part(code) for code in parts]).on_conflict_do_nothing())
        await session.execute(insert(Contract).values(offered).on_conflict_do_nothing())
        await session.execute(
            insert(Qualification).values([qualified(offer) for offer in offered]).on_conflict_do_nothing()
        )
        if does_as_well := [{"part": code, "substitute": SHARED} for code in parts if code != SHARED]:
            await session.execute(insert(SubstitutePart).values(does_as_well).on_conflict_do_nothing())
        for code, quantity in ((SHARED, 10_000), *((part, 1) for part in stocked)):
            await move(
                session,
                code,
                quantity,
                source=OPENING,
                target="HZ1/qualified",
                reason=MovementReason.OPENING,
                at=now,
                by=Role.SYSTEM,
                document="OPENING",
                effect=f"opening/faults/{code}",
            )
        # What one keeper counts another counts again, and of the demonstration's only one can log in.
        password = select(UserAccount.password_hash).where(UserAccount.code == "keeper").scalar_subquery()
        await session.execute(
            update(UserAccount).where(UserAccount.code == SECOND_KEEPER).values(password_hash=password)
        )
        # A demonstration's contract is far too small for this many parcels at this pace.
        await session.execute(update(CarrierAccount).values(calls_per_minute=3000))


def part(code: str) -> dict[str, object]:
    return {
        "code": code,
        "name_en": code,
        "name_zh": code,
        "specification": "",
        "unit": "pc",
        "weight_kg": Decimal(1),
        "length_cm": Decimal(10),
        "width_cm": Decimal(10),
        "height_cm": Decimal(10),
        "value_class": "B",
        "hazard_class": "none",
        "list_price": Decimal(100),
        "guarantee_months": 12,
    }


def offers(code: str, now: datetime, suppliers: Sequence[str] = _SUPPLIERS) -> list[dict[str, object]]:
    """Each supplier dearer than the one before, so that it is plain who is asked next."""
    return [
        {
            "supplier": supplier,
            "part": code,
            "price": Decimal(50 + 10 * place),
            "lead_days": 2,
            "specification": "",
            "quality_standard": "",
            "payment_terms": "",
            "version": 1,
            "valid_from": (now - timedelta(days=2)).date(),
            "valid_until": (now + timedelta(days=365)).date(),
            "entered_by": Role.SYSTEM,
        }
        for place, supplier in enumerate(suppliers)
    ]


def qualified(offer: dict[str, object]) -> dict[str, object]:
    """That the supplier may deliver what it offers."""
    same = {name: offer[name] for name in ("supplier", "part", "version", "valid_from", "valid_until", "entered_by")}
    return {**same, "proof": Proof.TRACK_RECORD, "reference": "faults"}
