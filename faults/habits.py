"""What people do in the cases of a run, ordinary and out of the ordinary."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from demonstration import CUSTOMER, Move, View, comes_in, inspects
from faults.world import SHARED

NOBODY: Final = Move("", {})
"""Nobody does anything: an alarm or a carrier must come first."""
SUPPLIER: Final = "supplier"
"""Who has no account, but a page behind a link."""


@dataclass(frozen=True)
class Enters(Move):
    """Somebody enters, once and at this address, what is agreed from now on: no decision about a document."""

    path: str = ""


_CHECKS: Final = ("customer_data", "fault_and_part", "warranty", "company_policy")
APPROVE: Final = Move("auditor", {"action": "approve", **dict.fromkeys(_CHECKS, True)})

_ASKS: Final = Move("auditor", {"action": "ask_customer", "question": "序列号是多少?"})

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


def in_turn(stage: str, *moves: Move) -> Habit:
    """These while the order stands there, one after the other, each once."""

    def habit(order: View) -> Move | None:
        left = (move for move in moves if move.decision["action"] not in order["done"])
        return next(left, None) if order["stage"] == stage else None

    return habit


def of_purchases(
    stage: str, who: str, action: str, /, *, when: Callable[[View], bool] = lambda purchase: True, **said: Any
) -> Habit:
    """Somebody does this whenever a purchase order stands there."""

    def habit(order: View) -> Move | None:
        there = (each for each in order["purchase_orders"] if each["stage"] == stage and when(each))
        return next((Move(who, {"action": action, **said}, purchase) for purchase in there), None)

    return habit


def not_yet(action: str) -> Callable[[View], bool]:
    return lambda document: action not in document["done"]


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


def lost_and_damaged(order: View) -> Move | None:
    """The first parcel stands still for so long that it counts as lost, of the next the carrier says what happened."""
    return first(
        _declared_lost(1, "no_movement", "lost", "承运商确认丢失"),
        _declared_lost(2, "trouble", "damaged", "承运商报告破损"),
    )(order)


def _declared_lost(parcel: int, after: str, reason: str, explanation: str) -> Habit:
    def there(order: View) -> bool:
        return len(order["shipments"]) == parcel and after in order["done"]

    return at("in_transit", "dispatcher", "declare_lost", when=there, reason=reason, explanation=explanation)


def never_scanned(order: View) -> Move | None:
    """The customer has a parcel of which the carrier knows nothing."""
    return at("in_transit", CUSTOMER, "deliver", when=lambda o: "no_pickup_scan" in o["done"])(order)


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


def asked_in_vain(order: View) -> Move | None:
    """The customer never answers, and the audit goes on at its time."""
    return first(in_turn("audit", _ASKS), idle("asked"))(order)


def changes_hands(order: View) -> Move | None:
    """The audit is taken, handed on, rests until the customer has answered, and is given back."""
    later = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    return first(
        in_turn("triage", Move("supervisor", {"action": "move_due", "due": later, "explanation": "客户出差"})),
        in_turn(
            "audit",
            Move("auditor", {"action": "take_audit"}),
            Move("auditor", {"action": "hand_on_audit", "auditor": "auditor2"}),
            replace(_ASKS, who="auditor2"),
            Move("auditor2", {"action": "release_audit"}),
        ),
        in_turn(
            "asked",
            Move(CUSTOMER, {"action": "supplement", "note": "另有异响"}),
            Move(CUSTOMER, {"action": "answer_question", "reply": "铭牌已磨损"}),
        ),
    )(order)


def objects(order: View) -> Move | None:
    """The customer does not accept the rejection, and another auditor signs."""
    return first(
        in_turn("audit", Move("auditor", {"action": "reject", "reasons": ["warranty"], "explanation": "超出保修"})),
        at("objection", CUSTOMER, "object", objection="仍在保修期内"),
        in_turn("audit", replace(APPROVE, who="auditor2")),
    )(order)


def carrier_refuses(order: View) -> Move | None:
    """Without an address no carrier takes it: it is brought by hand."""
    return carrier_by_hand(order) if "booking_refused" in order["done"] else None


def agreed_anew(order: View) -> Move | None:
    """The supplier signs for a date long after what the customer agreed to, the buyer accepts it, the customer is asked
    again. Nothing is brought before: the customer might not be asked then."""
    late = f"{datetime.now(UTC) + timedelta(days=30):%Y-%m-%dT%H:%M}"
    signed = {"promised_at": late, "signed_by": "王经理", "explanation": "供应商缺料"}
    return first(
        of_purchases("placed", SUPPLIER, "propose_date", when=not_yet("propose_date"), **signed),
        of_purchases("placed", "buyer", "accept_date"),
        at("sourcing", CUSTOMER, "consent", when=lambda o: o["wait"]["clock"] == "consent"),
        idle("sourcing", lambda o: purchases(o, "confirmed") and not_yet("consent")(o)),
    )(order)


def refused_by_the_supplier(order: View) -> Move | None:
    """The next one delivers. Meanwhile the customer moves, and what was signed must be signed anew."""
    return first(
        in_turn("sourcing", Move("agent", {"action": "amend", "address": "示范路 2 号"})),
        of_purchases("placed", SUPPLIER, "refuse_order", when=lambda p: not p["replaces"], explanation="产能不足"),
    )(order)


def asked_after(order: View) -> Move | None:
    """The supplier gets another link and signs behind it, says nothing when asked after its goods, then that they are
    on time; nothing comes before."""
    later = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    return first(
        of_purchases("placed", "supervisor", "move_due", when=not_yet("move_due"), due=later, explanation="供应商放假"),
        of_purchases("placed", "buyer", "renew_link", when=not_yet("renew_link"), explanation="联系人已离职"),
        of_purchases("placed", SUPPLIER, "confirm", signed_by="王经理"),
        idle("sourcing", lambda o: any(map(not_yet("unanswered"), o["purchase_orders"]))),
        of_purchases("confirmed", SUPPLIER, "report_on_track", when=not_yet("report_on_track")),
    )(order)


def does_as_well(order: View) -> Move | None:
    """What is in stock takes the place of what is on order, which is taken back before anybody signs for it."""
    wanted = next((line["part"] for line in order["lines"] if line["state"] == "back_ordered"), None)
    if order["stage"] == "sourcing" and wanted:
        return Move("buyer", {"action": "substitute", "wanted": wanted, "substitute": SHARED})
    return NOBODY if purchases(order, "placed") else None


def kept_too_long(order: View) -> Move | None:
    """Nobody signs for what is missing until what was kept has been given up, and taken once more."""
    return idle("sourcing", not_yet("expire"))(order)


def found_later(order: View) -> Move | None:
    """The part of the rework has no supplier until the buyer has found one."""
    part = order["part"]
    return first(
        at("revisit", CUSTOMER, "answer_faulty", when=lambda o: not o["round"], problem="还是不转"),
        at("rework", "agent", "send_part", lines=[{"part": part, "quantity": 1}]),
        lambda o: next((e for e in _agreed(part) if e.path not in o["entered"]), None) if _is_wanted(o) else None,
        at("sourcing", "buyer", "source_again", when=_is_wanted),
    )(order)


def _is_wanted(order: View) -> bool:
    return order["stage"] == "sourcing" and any(line["state"] == "wanted" for line in order["lines"])


def _agreed(part: str) -> list[Enters]:
    """That a supplier may deliver a part, and at what price."""
    valid = {"valid_from": "2020-01-01", "valid_until": "2099-01-01"}
    proof = {"proof": "track_record", "reference": "faults"}
    terms = {
        "price": "50.00",
        "lead_days": 2,
        "specification": "同原件",
        "quality_standard": "GB/T 2828.1",
        "payment_terms": "30 日",
    }
    return [
        Enters("buyer", {**said, **valid}, path=f"/v1/suppliers/S01/parts/{part}/{folder}/1")
        for folder, said in (("qualifications", proof), ("contracts", terms))
    ]
