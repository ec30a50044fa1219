from enum import StrEnum
from typing import get_args

import pytest
from pydantic import BaseModel

from domain.bidding import RequestDecision
from domain.correcting import CORRECTIVE, CorrectiveStage
from domain.corrective_decisions import CorrectiveDecision
from domain.decisions import DECISIONS
from domain.order_decisions import Decision
from domain.purchase_decisions import PurchaseDecision
from domain.requests import REQUEST, RequestStage
from domain.stages import ENDS, ORDER, PURCHASE, Action, Life, PurchaseStage, Refusal, Role, Stage
from domain.task_decisions import TaskDecision
from domain.tasks import FIRST, TASK, TASK_ENDS, TaskStage

LIVES = {
    "order": ORDER,
    "purchase order": PURCHASE,
    "task": TASK,
    "corrective action": CORRECTIVE,
    "request for quotation": REQUEST,
}
PEOPLE: list[Role] = [role for role in Role if role not in {Role.SYSTEM, Role.CARRIER}]
STARTS: dict[type[StrEnum], set[StrEnum]] = {
    Stage: {Stage.RECEIVED, Stage.TRIAGE},
    PurchaseStage: {PurchaseStage.PLACED},
    TaskStage: {*FIRST.values()},
    CorrectiveStage: {CorrectiveStage.PROPOSED},
    RequestStage: {RequestStage.BIDDING, RequestStage.AFTERWARDS},
}

each_life = pytest.mark.parametrize("life", LIVES.values(), ids=list(LIVES))
each_open_stage = pytest.mark.parametrize(
    ("life", "stage"),
    [
        pytest.param(life, stage, id=f"{name} {stage}")
        for name, life in LIVES.items()
        for stage in life.stages
        if stage not in life.ends
    ],
)


def reachable(life: Life, start: set[StrEnum], roles: list[Role], without: Action | None = None) -> set[StrEnum]:
    """Every stage these roles can bring a document to, what is left at once included."""
    reached, edge = set[StrEnum](), set(start)
    while edge:
        reached |= edge
        steps = {
            (stage, a, role) for stage in edge for role in roles for a in life.possible(stage, role) if a != without
        }
        passed = {target for stage in edge for target in life.passes.get(stage, ())}
        edge = ({life.next_stage(*step) for step in steps} | passed) - reached
    return reached


@each_life
def test_every_stage_can_be_reached(life: Life) -> None:
    assert reachable(life, STARTS[life.stages], list(Role)) == set(life.stages)


@each_open_stage
def test_people_alone_can_bring_it_to_a_good_end(life: Life, stage: StrEnum) -> None:
    reached = reachable(life, {stage}, PEOPLE, without=Action.CANCEL)
    good = {Stage.CLOSED, PurchaseStage.GOODS_RECEIVED, CorrectiveStage.CORRECTED, *TASK_ENDS}
    good |= {RequestStage.AWARDED, RequestStage.LOOKED_INTO}
    good -= {TaskStage.CALLED_OFF, TaskStage.TURNED_DOWN}
    assert good & reached


@each_open_stage
def test_somebody_may_do_something_at_every_open_stage(life: Life, stage: StrEnum) -> None:
    routine = {Action.MOVE_DUE, Action.CANCEL, Action.SETTLE_CLAIM}
    assert {action for role in PEOPLE for action in life.possible(stage, role)} - routine


@each_open_stage
def test_every_open_stage_can_remind_and_escalate(life: Life, stage: StrEnum) -> None:
    assert {Action.REMIND, Action.ESCALATE} <= set(life.possible(stage, Role.SYSTEM))


@each_life
def test_nothing_happens_after_the_end(life: Life) -> None:
    assert not any(life.possible(stage, role) for stage in life.ends for role in Role)


@each_life
def test_the_tables_know_their_own_stages_alone(life: Life) -> None:
    for rule in life.rules.values():
        assert {*rule.moves, *rule.moves.values()} <= set(life.stages)
        assert rule.moves
        assert rule.by


def test_every_action_stands_in_a_table() -> None:
    assert {action for life in LIVES.values() for action in life.rules} == set(Action)


@pytest.mark.parametrize("action", Action)
def test_what_people_do_they_can_say_and_machines_say_nothing(action: Action) -> None:
    rules = [life.rules[action] for life in LIVES.values() if action in life.rules]
    assert (action in DECISIONS) == any(rule.for_people for rule in rules)
    assert all(rule.for_people == bool(rule.by & set(PEOPLE)) for rule in rules)


UNIONS = [
    (ORDER, Decision),
    (PURCHASE, PurchaseDecision),
    (TASK, TaskDecision),
    (CORRECTIVE, CorrectiveDecision),
    (REQUEST, RequestDecision),
]


@pytest.mark.parametrize(("life", "union"), UNIONS, ids=list(LIVES))
def test_each_kind_of_document_takes_the_decisions_of_its_table(life: Life, union: object) -> None:
    models: tuple[type[BaseModel], ...] = get_args(get_args(union)[0])
    said = {model.model_fields["action"].default for model in models}
    assert said == {action for action, rule in life.rules.items() if rule.for_people}


def test_the_carrier_and_the_administrator_decide_nothing() -> None:
    assert not any(
        {Role.CARRIER, Role.ADMINISTRATOR} & rule.by for life in LIVES.values() for rule in life.rules.values()
    )


def test_only_auditors_and_for_a_second_signature_supervisors_decide_at_the_audit() -> None:
    deciding = {Action.APPROVE, Action.RETURN_FOR_CORRECTION, Action.REJECT}
    for role in Role:
        assert set(ORDER.possible(Stage.AUDIT, role)) & deciding == (
            deciding if role in {Role.AUDITOR, Role.SUPERVISOR} else set()
        )


@pytest.mark.parametrize("stage", [stage for stage in Stage if stage not in {*ENDS, Stage.SETTLING}])
def test_an_order_can_be_cancelled_at_every_stage_by_staff_alone(stage: Stage) -> None:
    may = {role for role in Role if Action.CANCEL in ORDER.possible(stage, role)}
    assert may == {Role.SERVICE_AGENT, Role.SUPERVISOR}
    assert ORDER.next_stage(stage, Action.CANCEL, Role.SERVICE_AGENT) is Stage.CANCELLED


@pytest.mark.parametrize(
    ("stage", "action", "role", "code"),
    [
        (Stage.TRIAGE, Action.APPROVE, Role.AUDITOR, "stage_moved_on"),
        (Stage.CLOSED, Action.CANCEL, Role.SUPERVISOR, "stage_moved_on"),
        (Stage.AUDIT, Action.CONFIRM, Role.BUYER, "stage_moved_on"),
        (Stage.AUDIT, Action.APPROVE, Role.SERVICE_AGENT, "role_forbidden"),
        (Stage.REVISIT, Action.GIVE_UP, Role.SUPERVISOR, "role_forbidden"),
    ],
)
def test_a_refusal_says_why(stage: Stage, action: Action, role: Role, code: str) -> None:
    with pytest.raises(Refusal) as refused:
        ORDER.next_stage(stage, action, role)
    assert refused.value.code == code
