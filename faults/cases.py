"""The orders of a run: every path an order can take, told as what people do out of the ordinary.

Each case must come to the same end and leave the same traces however slow people and machines are; where an alarm
is part of the path, the case names the policy in which that alarm comes soon.
"""

from dataclasses import dataclass, replace
from typing import Any, Final

from demonstration import CUSTOMER, Move, Story, View, ordinary
from domain.stages import ENDS
from faults.habits import (
    NOBODY,
    Habit,
    agreed_anew,
    another_part,
    arrives_unannounced,
    asked_after,
    asked_in_vain,
    at,
    booked_visit,
    brings,
    by_sample,
    cancels,
    carrier_by_hand,
    carrier_refuses,
    changes_hands,
    comes_in_pieces,
    corrects,
    damaged_on_the_way_back,
    does_as_well,
    first,
    fits_nothing,
    found_later,
    idle,
    inspected,
    kept_too_long,
    lost_and_damaged,
    never_scanned,
    objects,
    passed_on,
    promises_later,
    refused_by_the_supplier,
    returns_for_correction,
    settles,
    shipped,
    silent_suppliers,
    supplier_waits,
    supplies,
    too_dear,
)
from faults.world import POLICY, SHARED

CARRIER_DELIVERS: Final = "delivered"


@dataclass(frozen=True)
class Case(Story):
    """An order of a run. `own_part` is where it is not from the shared stock, `stocked` of which there is one piece,
    `unoffered` which no supplier offers, and which is not asked for at first; `parcels` are the ways its shipments go,
    in turn, the rest being delivered."""

    policy: str = POLICY
    quantity: int = 1
    own_part: bool = False
    stocked: bool = False
    unoffered: bool = False
    address: str = "示范路 1 号"
    second_line: bool = False
    parcels: tuple[str, ...] = ()

    @property
    def phone(self) -> str:
        return f"154{self.place:08}"

    @property
    def application(self) -> dict[str, Any]:
        return {
            "channel": self.channel,
            "customer": {
                "name": f"客户{self.place}",
                "phone": self.phone,
                "email": f"customer{self.place}@example.com",
                "city": "杭州市" if self.address else "",
                "address": self.address,
            },
            "product": "示范电器",
            "fault": self.fault,
        }

    @property
    def lines(self) -> list[dict[str, Any]]:
        lines = [{"part": SHARED if self.unoffered else self.part, "quantity": self.quantity}]
        return [*lines, {"part": SHARED, "quantity": 2}] if self.second_line else lines

    def way(self, shipment: int) -> str:
        """The carrier's script of the order's n-th shipment, from 0."""
        return self.parcels[shipment] if shipment < len(self.parcels) else CARRIER_DELIVERS

    def next_move(self, order: View) -> Move | None:
        """What somebody does next; `order` also says what was `done` to it, which `purchase_orders` it caused and what
        was done to each, the `part` of the case, and what was `entered` for it."""
        if order["stage"] in ENDS:
            return next(filter(None, map(brings, order["purchase_orders"])), None)
        move = self.out_of_the_ordinary(order) or self._judges(order) or settles(order) or supplies(order)
        move = move or ordinary(self, order)
        return None if move == NOBODY else move

    def _judges(self, order: View) -> Move | None:
        if order["stage"] != "triage":
            return None
        return Move("agent", {"action": "quote", "lines": self.lines, "agreed_on_phone": self.agreed_on_phone})


def _case(title: str, ending: str, habit: Habit = lambda order: None, **more: Any) -> Case:
    own = more.get("own_part", False)
    return Case(
        place=0, title=title, serial="", part="" if own else SHARED, fault="不工作", ending=ending,
        out_of_the_ordinary=habit, **{"agreed_on_phone": True, **more},
    )  # fmt: skip


_BOUGHT: Final[dict[str, Any]] = {"own_part": True, "quantity": 3}

CASES: Final = (
    _case("suppliers silent but the last", "closed", silent_suppliers, policy="faults-confirmation", **_BOUGHT),
    _case("customer never answers", "declined", idle("quoted"), policy="faults-consent", agreed_on_phone=False),
    _case(
        "never scanned, given up after delivery",
        "closed",
        first(never_scanned, idle("revisit")),
        policy="faults-revisit",
        parcels=("not_picked_up",),
    ),
    _case("asked in vain", "closed", asked_in_vain, policy="faults-question"),
    _case("supplier asked after in vain", "closed", asked_after, policy="faults-arrival", **_BOUGHT),
    _case("kept too long", "closed", kept_too_long, policy="faults-parts", second_line=True, **_BOUGHT),
    _case(
        "lost by the clock, then cancelled",
        "cancelled",
        first(idle("in_transit"), cancels("dispatch", lambda o: bool(o["claims"]))),
        policy="faults-delivery",
        parcels=("lost",),
    ),
    _case("returned, corrected, reworked", "closed", first(returns_for_correction, corrects, another_part)),
    _case("not fitted, absent, fitted", "closed", fits_nothing),
    _case("from stock", "closed"),
    _case("from the web, with consent", "closed", channel="web", agreed_on_phone=False),
    _case("one piece in stock", "closed", own_part=True, stocked=True),
    _case("inspected, a fault", "closed", inspected("fault_found")),
    _case("inspected, no fault", "closed", inspected("no_fault_found")),
    _case("refused", "rejected", at("triage", "agent", "refuse", reason="not_a_fault", explanation="属正常现象")),
    _case("declined", "declined", at("quoted", CUSTOMER, "decline"), agreed_on_phone=False),
    _case(
        "rejected",
        "rejected",
        at("audit", "auditor", "reject", reasons=["warranty"], explanation="超出保修"),
        policy="faults-objection",
    ),
    _case("bought, comes in pieces", "closed", comes_in_pieces, **_BOUGHT),
    _case("bought, a sampled lot refused and replaced", "closed", by_sample, own_part=True, quantity=9),
    _case("bought, billed too dear", "closed", too_dear, **_BOUGHT),
    _case("bought, later than promised", "closed", promises_later, **_BOUGHT),
    _case("bought, passed on by the buyer", "closed", passed_on, **_BOUGHT),
    _case("bought, arrives unannounced", "closed", arrives_unannounced, **_BOUGHT),
    _case("bought and from stock", "closed", second_line=True, **_BOUGHT),
    _case("bought, later than agreed", "closed", agreed_anew, **_BOUGHT),
    _case("bought, refused by the supplier, sent elsewhere", "closed", refused_by_the_supplier, **_BOUGHT),
    _case("bought, replaced by what is in stock", "closed", does_as_well, **_BOUGHT),
    _case("reworked with what nobody offers", "closed", found_later, own_part=True, unoffered=True),
    _case("asked while the audit changes hands", "closed", changes_hands),
    _case("rejected, objected to", "closed", objects),
    _case("refused by the carrier", "closed", carrier_refuses, address=""),
    _case(
        "lost, sent again, paid at the end",
        "closed",
        lost_and_damaged,
        parcels=("lost", "damaged"),
    ),
    _case("turned back, sent again", "closed", parcels=("refused",)),
    _case("turned back damaged", "closed", damaged_on_the_way_back, parcels=("refused",)),
    _case("unreachable", "closed", at("revisit", "agent", "record_attempt")),
    _case("by hand", "closed", carrier_by_hand),
    _case("cancelled when received", "cancelled", cancels("received"), channel="web"),
    _case("cancelled at triage", "cancelled", cancels("triage")),
    _case(
        "cancelled at inspection",
        "cancelled",
        first(at("triage", "agent", "send_for_inspection", outlet="HZ-XIHU", advice="请送检"), cancels("inspection")),
    ),
    _case("cancelled when quoted", "cancelled", cancels("quoted"), agreed_on_phone=False),
    _case("cancelled at audit", "cancelled", cancels("audit")),
    _case("cancelled when returned", "cancelled", first(returns_for_correction, cancels("returned"))),
    _case("cancelled when placed", "cancelled", cancels("sourcing"), **_BOUGHT),
    _case("cancelled when the supplier has signed", "cancelled", supplier_waits, **_BOUGHT),
    _case("cancelled when reserved", "cancelled", cancels("dispatch")),
    _case(
        "cancelled when booked",
        "cancelled",
        cancels("dispatch", lambda o: shipped(o, "booked")),
        parcels=("not_picked_up",),
    ),
    _case("cancelled on the way", "cancelled", cancels("in_transit"), parcels=("lost",)),
    _case("cancelled when delivered", "cancelled", cancels("installation")),
    _case("cancelled before the visit", "cancelled", cancels("installation", booked_visit)),
    _case("cancelled at the revisit", "cancelled", cancels("revisit")),
    _case(
        "cancelled at the rework",
        "cancelled",
        first(at("revisit", CUSTOMER, "answer_faulty", problem="还是不转"), cancels("rework")),
    ),
)


def part_of(pass_name: str, place: int) -> str:
    return f"FAULTS-{pass_name}-{place}".upper()


def cases(pass_name: str, number: int, first_place: int) -> list[Case]:
    """`number` orders of a pass, the paths in turn; `first_place` keeps passes out of each other's appointments."""
    chosen = [CASES[n % len(CASES)] for n in range(number)]
    return [
        replace(case, place=first_place + n, part=part_of(pass_name, n) if case.own_part else case.part)
        for n, case in enumerate(chosen)
    ]
