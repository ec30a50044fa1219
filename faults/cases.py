"""The orders of a run: every path an order can take, told as what people do out of the ordinary.

Each case must come to the same end and leave the same traces however slow people and machines are; where an alarm
is part of the path, the case names the policy in which that alarm comes soon.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from demonstration import CUSTOMER, Move, Story, View, comes_in, inspects, ordinary
from domain.stages import ENDS
from faults.world import POLICY, SHARED

NOBODY: Final = Move("", {})
"""Nobody does anything: an alarm or a carrier must come first."""

_CHECKS: Final = ("customer_data", "fault_and_part", "warranty", "company_policy")
APPROVE: Final = Move("auditor", {"action": "approve", **dict.fromkeys(_CHECKS, True)})

Habit = Callable[[View], Move | None]
CARRIER_DELIVERS: Final = "delivered"


@dataclass(frozen=True)
class Case(Story):
    """An order of a run. `own_part` is where it is not from the shared stock, `stocked` of which there is one piece;
    `parcels` are the ways its shipments go, in turn, the rest being delivered."""

    policy: str = POLICY
    quantity: int = 1
    own_part: bool = False
    stocked: bool = False
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
                "city": "杭州市",
                "address": "示范路 1 号",
            },
            "product": "示范电器",
            "fault": self.fault,
        }

    @property
    def lines(self) -> list[dict[str, Any]]:
        lines = [{"part": self.part, "quantity": self.quantity}]
        return [*lines, {"part": SHARED, "quantity": 2}] if self.second_line else lines

    def way(self, shipment: int) -> str:
        """The carrier's script of the order's n-th shipment, from 0."""
        return self.parcels[shipment] if shipment < len(self.parcels) else CARRIER_DELIVERS

    def next_move(self, order: View) -> Move | None:
        """What somebody does next; `order` also says which `purchase_orders` it caused and what was `done` before."""
        if order["stage"] in ENDS:
            return next(filter(None, map(brings, order["purchase_orders"])), None)
        move = self.out_of_the_ordinary(order) or self._judges(order) or settles(order) or supplies(order)
        move = move or ordinary(self, order)
        return None if move == NOBODY else move

    def _judges(self, order: View) -> Move | None:
        if order["stage"] != "triage":
            return None
        return Move("agent", {"action": "quote", "lines": self.lines, "agreed_on_phone": self.agreed_on_phone})


def settles(order: View) -> Move | None:
    """What is owing is settled: a parcel that came back is received, a claim paid."""
    if any(shipment["state"] == "turned_back" for shipment in order["shipments"]):
        return Move("keeper", {"action": "receive_back", "condition": "sound"})
    claim = next((claim for claim in order["claims"] if claim["state"] == "open"), None)
    if claim and order["stage"] == "settling":
        said = {"claim": claim["id"], "amount": "50.00", "explanation": "承运商赔付"}
        return Move("dispatcher", {"action": "settle_claim", **said})
    return None


def supplies(order: View) -> Move | None:
    """Suppliers sign for what is placed, and bring it soon."""
    for purchase in order["purchase_orders"]:
        if purchase["stage"] == "placed":
            return confirms(purchase)
        if move := brings(purchase):
            return move
    return None


def confirms(purchase: View) -> Move:
    promised = datetime.now(UTC) + timedelta(hours=1)
    decision = {"action": "confirm", "promised_at": promised.isoformat(), "signed_by": "供应商 王经理"}
    return Move("buyer", decision, purchase)


def brings(purchase: View, faulty: int = 0) -> Move | None:
    """What comes is counted and inspected, `faulty` pieces of it are refused; what was refused goes back, and what is
    owing is paid."""
    lot = next((lot for lot in purchase["lots"] if lot["verdict"] is None), None)
    if faulty and lot:
        return Move("keeper", inspects(purchase, lot, faulty), purchase)
    back = next((each for each in purchase["returns"] if each["handed_back_at"] is None), None)
    claim = next((claim for claim in purchase["claims"] if claim["state"] == "open"), None)
    if purchase["stage"] == "to_settle" and back:
        return Move("keeper", {"action": "hand_back", "back": back["number"], "taken_by": "司机"}, purchase)
    if purchase["stage"] == "to_settle" and claim:
        said = {"claim": claim["id"], "amount": "0.00", "explanation": "已补货"}
        return Move("buyer", {"action": "settle_claim", **said}, purchase)
    return comes_in(purchase)


def counts(purchase: View, pieces: int) -> Move:
    """So many pieces of each part come."""
    lines = [{"part": line["part"], "counted": pieces} for line in purchase["lines"]]
    said = {"delivery_note": f"DN-{purchase['number']}-{purchase['seq']}", "lines": lines}
    return Move("keeper", {"action": "receive_goods", **said}, purchase)


def at(
    stage: str, who: str, action: str, /, *, when: Callable[[View], bool] = lambda order: True, **said: Any
) -> Habit:
    """Somebody does this whenever the order stands there."""
    return lambda order: Move(who, {"action": action, **said}) if order["stage"] == stage and when(order) else None


def first(*habits: Habit) -> Habit:
    """The first of these that applies."""
    return lambda order: next((move for habit in habits if (move := habit(order))), None)


def idle(stage: str, when: Callable[[View], bool] = lambda order: True) -> Habit:
    return lambda order: NOBODY if order["stage"] == stage and when(order) else None


def cancels(stage: str, when: Callable[[View], bool] = lambda order: True) -> Habit:
    return at(stage, "agent", "cancel", when=when, reason="customer_wish", explanation="客户改变主意")


def purchases(order: View, stage: str) -> bool:
    return any(purchase["stage"] == stage for purchase in order["purchase_orders"])


def shipped(order: View, state: str) -> bool:
    return any(shipment["state"] == state for shipment in order["shipments"])


def returns_for_correction(order: View) -> Move | None:
    reason = {"reason": "fault_and_part", "explanation": "请补充故障现象"}
    return at("audit", "auditor", "return_for_correction", when=lambda o: not o["audit_attempts"], **reason)(order)


def corrects(order: View) -> Move | None:
    lines = [{"part": SHARED, "quantity": 1}]
    return at("returned", "agent", "correct", lines=lines, fault="开机嗡嗡响", explanation="已核实")(order)


def another_part(order: View) -> Move | None:
    lines = [{"part": SHARED, "quantity": 1}]
    return first(
        at("revisit", CUSTOMER, "answer_faulty", when=lambda o: not o["round"], satisfaction=2, problem="还是不转"),
        at("rework", "agent", "send_part", lines=lines),
    )(order)


def comes_in_pieces(order: View) -> Move | None:
    """Two pieces of three at first, and one of them is no good."""
    for purchase in order["purchase_orders"]:
        if purchase["stage"] == "confirmed" and not purchase["lines"][0]["received"]:
            return brings(purchase, faulty=1) if purchase["lots"] else counts(purchase, 2)
    return None


def promises_later(order: View) -> Move | None:
    for purchase in order["purchase_orders"]:
        promised = purchase["promised_at"]
        soon = datetime.now(UTC) + timedelta(hours=6)
        if purchase["stage"] == "confirmed" and datetime.fromisoformat(promised) < soon - timedelta(hours=3):
            later = {"promised_at": soon.isoformat(), "explanation": "供应商缺料", "said_by": "王经理"}
            return Move("buyer", {"action": "promise_later", **later}, purchase)
    return None


def silent_suppliers(order: View) -> Move | None:
    """Nobody signs until the last supplier is asked."""
    waits = order["stage"] == "sourcing" and len(order["purchase_orders"]) < 3
    return NOBODY if waits else None


def passed_on(order: View) -> Move | None:
    for purchase in order["purchase_orders"]:
        if purchase["stage"] == "placed" and not purchase["replaces"]:
            return Move("buyer", {"action": "pass_on", "explanation": "供应商来电无货"}, purchase)
    return None


def arrives_unannounced(order: View) -> Move | None:
    whole = [(each, each["lines"][0]["quantity"]) for each in order["purchase_orders"] if each["stage"] == "placed"]
    return next((counts(purchase, pieces) for purchase, pieces in whole), None)


def supplier_waits(order: View) -> Move | None:
    """The supplier has signed and nobody has received anything: the order is cancelled then."""
    return cancels("sourcing", lambda o: purchases(o, "confirmed"))(order)


def carrier_by_hand(order: View) -> Move | None:
    return first(
        at("dispatch", "keeper", "pack", when=lambda o: shipped(o, "preparing"), carrier="manual"),
        at(
            "dispatch", "keeper", "hand_over", when=lambda o: shipped(o, "packed"), waybill=f"HAND{order['number'][3:]}"
        ),
        at("in_transit", "dispatcher", "deliver"),
    )(order)


def is_lost(order: View) -> bool:
    return len(order["shipments"]) == 1 and shipped(order, "handed_over")


def damaged_on_the_way_back(order: View) -> Move | None:
    if shipped(order, "turned_back"):
        return Move("keeper", {"action": "receive_back", "condition": "damaged"})
    return None


def fits_nothing(order: View) -> Move | None:
    booked = any(appointment["state"] == "booked" for appointment in order["appointments"])
    lines = [{"part": SHARED, "quantity": 1}]
    return first(
        at(
            "installation",
            "technician",
            "report_not_fitted",
            when=lambda o: booked and o["round"] == 0,
            hindrance="wrong_part",
            report="型号不符",
        ),
        at(
            "installation",
            "technician",
            "report_not_fitted",
            when=lambda o: booked and o["round"] == 1,
            hindrance="customer_absent",
            report="客户不在家",
        ),
        at("rework", "dispatcher", "send_part", when=lambda o: o["round"] == 1, lines=lines),
        at("rework", "dispatcher", "send_technician", when=lambda o: o["round"] == 2),
    )(order)


def booked_visit(order: View) -> bool:
    return any(appointment["state"] == "booked" for appointment in order["appointments"])


def inspected(finding: str) -> Habit:
    asked = {"outlet": "HZ-XIHU", "advice": "请送检"}
    return first(
        at("triage", "agent", "send_for_inspection", when=lambda o: finding not in o["done"], **asked),
        at("inspection", "technician", finding, finding="已检测"),
    )


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
    _case("given up after delivery", "closed", idle("revisit"), policy="faults-revisit"),
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
    _case("bought, later than promised", "closed", promises_later, **_BOUGHT),
    _case("bought, passed on by the buyer", "closed", passed_on, **_BOUGHT),
    _case("bought, arrives unannounced", "closed", arrives_unannounced, **_BOUGHT),
    _case("bought and from stock", "closed", second_line=True, **_BOUGHT),
    _case(
        "lost, sent again, paid at the end",
        "closed",
        at("in_transit", "dispatcher", "declare_lost", when=is_lost, reason="lost", explanation="承运商确认丢失"),
        parcels=("lost",),
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
