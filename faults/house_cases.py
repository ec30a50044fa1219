"""The house's own cases of a run: what is counted and found, bought ahead, asked of suppliers and demanded of them.

Like the orders' cases each comes to the same end, and leaves the same traces, however slow people and machines are.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from demonstration import Move, View
from domain.tasks import TaskKind
from faults import grounds
from faults.cases import part_of
from faults.grounds import Ground
from faults.habits import NOBODY, supplies
from faults.world import SECOND_KEEPER, TIME_TO_BID, check_list


@dataclass(frozen=True)
class Asks:
    """Somebody begins a document: who, where, and what is said."""

    who: str
    path: str
    said: dict[str, Any]


@dataclass(frozen=True)
class ComesRound:
    """What is scheduled comes round, and begins what is due."""

    schedule: str


Step = Move | Asks | ComesRound
Habit = Callable[["HouseCase", View], Step | None]


@dataclass(frozen=True)
class HouseCase:
    """A case with a part, and a warehouse or a supplier, of its own: all are called `code`. `ground` enters them.

    It is over when its documents stand at the stages that `ending` names, in the order of the alphabet.
    """

    title: str
    ending: str
    ground: Ground
    habit: Habit
    place: int = 0
    code: str = ""
    warehouse: bool = False
    supplier: bool = False

    def next_move(self, view: View) -> Step | None:
        """What somebody does next, or what comes round."""
        step = self.habit(self, view) or _works(view) or _puts_right(view) or _buys(view) or supplies(view)
        return None if step == NOBODY else step


# --- what people do of themselves ---------------------------------------------------------------------------


def _works(view: View) -> Move | None:
    """The warehouse's tasks, the older first: a task of one kind waits until those before are done."""
    kinds = list(TaskKind)
    for task in sorted(view["tasks"], key=lambda task: kinds.index(TaskKind(task["kind"]))):
        if move := _task(task):
            return move
    return None


def _task(task: View) -> Move | None:
    def says(who: str, action: str, **said: Any) -> Move:
        return Move(who, {"action": action, **said}, task)

    match task["stage"]:
        case "counting" | "recounting":
            return counts(task, grounds.SHELF)
        case "tracing":
            differ = [line for line in task["lines"] if line["state"] == "differs"]
            lines = [{"place": line["place"], "part": line["part"], "cause": "not_booked"} for line in differ]
            return says("keeper", "explain_differences", lines=lines)
        case "adjustment":
            return says("supervisor", "approve_adjustment")
        case "round_due":
            return says("keeper", "report_round", answers=[{"item": item, "sound": True} for item in check_list()])
        case "found":
            return says("keeper", "put_right", note="已修补")
        case "remedied":
            return says("supervisor", "accept_remedy")
        case "proposed":
            return says("buyer", "order_proposed", quantity=2)
        case "to_decide":
            return says("supervisor", "decide_disposal", way="promotion", quantity=5)
        case "disposing":
            left = task["disposal"]["quantity"] - task["disposal"]["disposed"]
            return says("keeper", "dispose", quantity=min(3, left), proceeds="12.00")
    return None


def counts(task: View, shelf: Mapping[str, int], short: int = 0) -> Move:
    """Each line that is to be counted, `short` pieces less than the books have; a recount is somebody else's."""
    lines = [line for line in task["lines"] if line["state"] in ("open", "recount")]
    if all(line["said"] is not None for line in lines):
        return Move("keeper", {"action": "finish_count"}, task)
    counted = [
        {"place": line["place"], "part": line["part"], "quantity": shelf[line["part"].rpartition("-")[2]] - short}
        for line in lines
    ]
    who = SECOND_KEEPER if lines[0]["attempts"] % 2 else "keeper"
    return Move(who, {"action": "record_counts", "lines": counted}, task)


def _puts_right(view: View) -> Move | None:
    """What a supplier owes: its answer, its evidence; and what we make of it."""
    for action in view["corrective_actions"]:
        match action["stage"]:
            case "proposed":
                return Move("supervisor", {"action": "impose", "explanation": "合格率过低"}, action)
            case "demanded":
                done_by = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
                said = {"cause": "模具磨损", "measures": "更换模具", "done_by": done_by, "said_by": "杨经理"}
                return Move("buyer", {"action": "answer_demand", **said}, action)
            case "carrying_out":
                return Move(
                    "buyer", {"action": "submit_evidence", "evidence": "检测报告 17", "said_by": "冯立"}, action
                )
            case "verification":
                return Move("buyer", {"action": "verify", "explanation": "抽检 200 件合格"}, action)
            case "release":
                return Move("supervisor", {"action": "release", "explanation": "同意恢复"}, action)
    return None


def _buys(view: View) -> Move | None:
    for request in view["requests"]:
        if request["stage"] == "comparison":
            part = request["lines"][0]
            given = [{"part": part["part"], "supplier": "S02", "quantity": part["quantity"]}]
            return Move("buyer", {"action": "award", "lines": given, "reason": "综合最优"}, request)
        if request["stage"] == "afterwards":
            said = {"finding": "not_justified", "explanation": "库存尚可支撑"}
            return Move("auditor", {"action": "look_into", **said}, request)
    return None


# --- what is out of the ordinary ----------------------------------------------------------------------------


def first(*habits: Habit) -> Habit:
    """The first of these that applies."""
    return lambda case, view: next((step for habit in habits if (step := habit(case, view))), None)


def comes(schedule: str, **kinds: str) -> Habit:
    """The schedule comes round until a document of each of these kinds is there."""

    def habit(case: HouseCase, view: View) -> Step | None:
        there = {task["kind"] for task in view["tasks"]}
        return ComesRound(schedule) if any(kind not in there for kind in kinds.values()) else None

    return habit


def of_kind(view: View, kind: str) -> Sequence[View]:
    return [task for task in view["tasks"] if task["kind"] == kind]


DUE: Final = comes("due-work", one="count", other="round")
LEVELS: Final = comes("stock-levels", one="replenishment", other="disposal")


def reviewed(case: HouseCase, view: View) -> Step | None:
    return None if view["corrective_actions"] else ComesRound("supplier-review")


def two_are_missing(case: HouseCase, view: View) -> Step | None:
    """Two keepers find two pieces less than the books have; the supervisor has it counted once more."""
    task = next((task for task in of_kind(view, "count")), None)
    if task is None:
        return None
    if task["stage"] in ("counting", "recounting"):
        return counts(task, grounds.SHELF, short=2)
    if task["stage"] == "adjustment" and "count_again" not in task["done"]:
        return Move("supervisor", {"action": "count_again", "explanation": "不可能"}, task)
    return None


def a_leak(case: HouseCase, view: View) -> Step | None:
    """A round finds that the roof drips; the first repair does not hold."""
    for task in view["tasks"]:
        if task["stage"] == "round_due":
            answers = [{"item": item, "sound": item != "leaks", "note": "屋顶漏水"} for item in check_list()]
            return Move("keeper", {"action": "report_round", "answers": answers}, task)
        if task["stage"] == "remedied" and "reopen" not in task["done"]:
            return Move("supervisor", {"action": "reopen", "explanation": "仍在渗水"}, task)
    return None


def counted_once_more(case: HouseCase, view: View) -> Step | None:
    """After the count that was due the supervisor wants another, and calls it off."""
    there = of_kind(view, "count")
    if len(there) == 1 and there[0]["stage"] == "counted":
        return Asks("supervisor", "/v1/counts", {"warehouse": case.code, "value_class": "B"})
    if len(there) == 2 and there[1]["stage"] == "counting":
        return Move("supervisor", {"action": "call_off", "explanation": "仓库搬迁"}, there[1])
    return None


def nothing_of_it(case: HouseCase, view: View) -> Step | None:
    """What is proposed is turned down."""
    for task in view["tasks"]:
        if task["stage"] in ("proposed", "to_decide"):
            return Move(
                "buyer" if task["stage"] == "proposed" else "supervisor",
                {"action": "turn_down", "explanation": "型号将停产"},
                task,
            )
    return None


def put_off(kind: str, *stages: str) -> Habit:
    """The supervisor gives each document of a kind more time, once."""

    def habit(case: HouseCase, view: View) -> Step | None:
        for document in view[kind]:
            if document["stage"] in stages and "move_due" not in document["done"]:
                due = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
                return Move("supervisor", {"action": "move_due", "due": due, "explanation": "人手不足"}, document)
        return None

    return habit


def not_good_enough(case: HouseCase, view: View) -> Step | None:
    """The first evidence is sent back."""
    for action in view["corrective_actions"]:
        if action["stage"] == "verification" and "reject_evidence" not in action["done"]:
            return Move("supervisor", {"action": "reject_evidence", "explanation": "样本太少"}, action)
    return None


def held_and_kept(case: HouseCase, view: View) -> Step | None:
    """Goods are on their way when the supplier is suspended: the order is held, and the buyer lets it stand."""
    [action] = view["corrective_actions"]
    for purchase in view["purchase_orders"]:
        if purchase["stage"] == "placed":
            return supplies(view)
        if action["stage"] == "demanded" and "keep" not in purchase["done"]:
            keeps = Move("buyer", {"action": "keep", "explanation": "已装箱"}, purchase)
            return keeps if "hold" in purchase["done"] else NOBODY
    return None


def bought_at_once(supplier: str = "") -> Habit:
    """An emergency: ordered without bids, dearer than agreed; from the case's own supplier unless one is named."""

    def habit(case: HouseCase, view: View) -> Step | None:
        if view["requests"]:
            return None
        said = {
            "supplier": supplier or case.code,
            "lines": [{"part": f"{case.code}-{grounds.PART}", "quantity": 2, "price": "88.00"}],
            "reason": "客户停产",
        }
        return Asks("buyer", "/v1/emergency-purchases", said)

    return habit


def asked(case: HouseCase, view: View) -> Step | None:
    if view["requests"]:
        return None
    lines = [{"part": f"{case.code}-{grounds.PART}", "quantity": 4}]
    return Asks("buyer", "/v1/requests-for-quotation", {"lines": lines})


def answered(*answers: tuple[str, str]) -> Habit:
    """Suppliers answer in turn: who is asked, and the price, none if it makes no offer. The supervisor puts the
    deadline off while one is still to answer; nobody does anything until it is over."""

    def habit(case: HouseCase, view: View) -> Step | None:
        request = view["requests"][0]
        if request["stage"] != "bidding":
            return None
        said = sum(action in ("bid", "no_bid") for action in request["done"])
        if said == len(answers):
            return NOBODY
        left = datetime.fromisoformat(request["deadline"]) - datetime.now(UTC)
        if left < TIME_TO_BID * 2 / 3:
            due = (datetime.now(UTC) + TIME_TO_BID).isoformat()
            return Move("supervisor", {"action": "move_due", "due": due, "explanation": "供应商要求延期"}, request)
        return _bid(request, *answers[said])

    return habit


def _bid(request: View, supplier: str, price: str) -> Move:
    if not price:
        return Move(supplier, {"action": "no_bid", "explanation": "产能不足"}, request)
    line = {"part": request["lines"][0]["part"], "price": price, "lead_days": 3, "guarantee_months": 12}
    said = {"action": "bid", "lines": [line], "valid_until": "2099-01-01", "signed_by": "王经理"}
    if supplier == grounds.BY_PAPER:
        return Move("buyer", {**said, "supplier": supplier, "evidence": "传真 2 页"}, request)
    return Move(supplier, said, request)


def given_up(case: HouseCase, view: View) -> Step | None:
    """Called off after the first answer."""
    request = view["requests"][0]
    if request["stage"] == "bidding" and "bid" in request["done"]:
        return Move("buyer", {"action": "abandon", "explanation": "改用库存"}, request)
    return None


def agreed_and_not_ordered(case: HouseCase, view: View) -> Step | None:
    request = view["requests"][0]
    if request["stage"] != "comparison":
        return None
    given = [{"part": request["lines"][0]["part"], "supplier": "S02", "quantity": 4}]
    said = {"lines": given, "order_now": False, "reason": "报价不足三家"}
    return Move("buyer", {"action": "award", **said}, request)


def worse(case: HouseCase, view: View) -> Step | None:
    """Whoever was suspended and does nothing is dropped."""
    for action in view["corrective_actions"]:
        if action["stage"] == "demanded":
            return Move("supervisor", {"action": "worsen", "explanation": "毫无回应"}, action)
    return None


def dismissed(case: HouseCase, view: View) -> Step | None:
    for action in view["corrective_actions"]:
        if action["stage"] == "proposed":
            return Move("supervisor", {"action": "dismiss", "explanation": "系运输损坏"}, action)
    return None


def _in_a_warehouse(title: str, ending: str, habit: Habit, ground: Ground = grounds.shelf) -> HouseCase:
    return HouseCase(title, ending, ground, first(DUE, habit), warehouse=True)


def _of_a_supplier(title: str, ending: str, habit: Habit, accepted: int, refused: int) -> HouseCase:
    return HouseCase(title, ending, grounds.supplier(accepted, refused), first(reviewed, habit), supplier=True)


def _of_a_request(title: str, ending: str, habit: Habit) -> HouseCase:
    return HouseCase(title, ending, grounds.part, habit)


HOUSE_CASES: Final = (
    _of_a_request(
        "asked, three bids, awarded", "awarded goods_received",
        first(asked, answered(("S01", "62.00"), ("S02", "55.00"), ("S01", "60.00"), (grounds.BY_PAPER, "71.00"))),
    ),
    _of_a_request(
        "asked, too few bids, agreed and not ordered", "awarded",
        first(asked, answered(("S01", ""), ("S02", "55.00")), agreed_and_not_ordered),
    ),
    _of_a_request("asked and called off", "abandoned", first(asked, given_up, answered(("S01", "62.00"), ("S02", "")))),
    _of_a_request("bought in an emergency", "goods_received looked_into", bought_at_once("S01")),
    _in_a_warehouse("counted twice and adjusted, nothing found", "counted round_made", two_are_missing),
    _in_a_warehouse(
        "counted, a leak found and put right", "counted round_made settled", first(put_off("tasks", "counting"), a_leak)
    ),
    _in_a_warehouse("counted, another count called off", "called_off counted round_made", counted_once_more),
    _in_a_warehouse(
        "too little bought, too much sold", "counted disposed goods_received ordered round_made", LEVELS, grounds.levels
    ),
    _in_a_warehouse(
        "proposals turned down", "counted round_made turned_down turned_down", first(LEVELS, nothing_of_it),
        grounds.levels,
    ),
    _of_a_supplier(
        "warned by rule, put right", "corrected", put_off("corrective_actions", "demanded"), accepted=7, refused=3
    ),
    _of_a_supplier(
        "suspended while it delivers, released by two", "corrected goods_received looked_into",
        first(bought_at_once(), held_and_kept, not_good_enough), accepted=3, refused=3,
    ),
    _of_a_supplier("suspended, then dropped", "dropped", worse, accepted=3, refused=3),
    _of_a_supplier("suspension dismissed", "dismissed", dismissed, accepted=3, refused=3),
)  # fmt: skip


def house_cases(pass_name: str, rounds: int, first_place: int) -> list[HouseCase]:
    """Every case so many times, each with a part, a warehouse or a supplier of its own."""
    return [
        replace(case, place=first_place + n, code=part_of(pass_name, first_place + n))
        for n, case in enumerate(HOUSE_CASES * rounds)
    ]
