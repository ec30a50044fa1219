"""What people do in the cases of a run, ordinary and out of the ordinary."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from demonstration import CUSTOMER, Move, View, comes_in, inspects
from faults.world import SHARED

NOBODY: Final = Move("", {})
"""Nobody does anything: an alarm or a carrier must come first."""

_CHECKS: Final = ("customer_data", "fault_and_part", "warranty", "company_policy")
APPROVE: Final = Move("auditor", {"action": "approve", **dict.fromkeys(_CHECKS, True)})

Habit = Callable[[View], Move | None]


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


def by_sample(order: View) -> Move | None:
    """Only the sample of a lot is looked at: the first lot is refused as a whole, and comes anew."""
    for purchase in order["purchase_orders"]:
        if lot := next((lot for lot in purchase["lots"] if lot["verdict"] is None), None):
            refused_before = any(each["verdict"] == "refused" for each in purchase["lots"])
            faulty = 0 if refused_before else lot["refuse"]
            said = {"lot": lot["id"], "checked": lot["sample"], "faulty": faulty}
            return Move("keeper", {"action": "inspect_goods", **said}, purchase)
    return None


def too_dear(order: View) -> Move | None:
    """The supplier bills twice the price, and is paid what was ordered."""
    for purchase in order["purchase_orders"]:
        if invoice := next((each for each in purchase["invoices"] if each["state"] == "differs"), None):
            said = {"invoice": invoice["number"], "outcome": "pay_as_ordered", "explanation": "高于合同价"}
            return Move("buyer", {"action": "decide_invoice", **said}, purchase)
        if purchase["stage"] == "to_settle" and not purchase["invoices"]:
            lines = [
                {"part": line["part"], "quantity": line["received"], "unit_price": str(2 * Decimal(line["unit_price"]))}
                for line in purchase["lines"]
            ]
            return Move(
                "buyer", {"action": "enter_invoice", "number": f"F-{purchase['number']}", "lines": lines}, purchase
            )
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
