"""The machine's four checks, who may decide about an audit, and what a signature stands for (policy 2.3)."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from database.reference import policies
from domain.auditing import (
    Case,
    CaseLine,
    Check,
    Evidence,
    Signed,
    Verdict,
    changes,
    judge,
    refusal,
    signers,
    unsigned,
)
from domain.messages import AuditDesk
from domain.stages import Action, Role

RULES = next(policy for policy in policies() if policy.name == "standard").audit
MOTOR = CaseLine("MOTOR", 1, Decimal("258.00"), fits=True)
CASE = Case(
    reported_on=date(2026, 6, 10),
    customer="王芳",
    address=True,
    serial="S1",
    model="HOOD",
    fault_code="fan.noise",
    lines=(MOTOR,),
    unit_model="HOOD",
    owner="王芳",
    owner_agrees=True,
    sold_on=date(2025, 6, 10),
    warranty_months=12,
    consented=True,
    cost=Decimal("388.00"),
    warranty=Decimal("388.00"),
)
FAILED, OPEN, PASSED = Verdict.FAILED, Verdict.OPEN, Verdict.PASSED


def seen(case: Case) -> dict[Check, tuple[Verdict, set[Evidence]]]:
    return {found.check: (found.verdict, {one.evidence for one in found.evidence}) for found in judge(case, RULES)}


@pytest.mark.clause("2.3.1")
def test_what_is_in_order_passes_all_four() -> None:
    assert {check: verdict for check, (verdict, _) in seen(CASE).items()} == dict.fromkeys(Check, PASSED)


@pytest.mark.clause("2.3.1")
@pytest.mark.parametrize(
    ("change", "check", "verdict", "evidence"),
    [
        ({"serial": None}, Check.CUSTOMER_DATA, OPEN, Evidence.SERIAL_MISSING),
        ({"unit_model": None}, Check.CUSTOMER_DATA, OPEN, Evidence.UNIT_UNKNOWN),
        ({"owner_agrees": False}, Check.CUSTOMER_DATA, OPEN, Evidence.OWNER_DIFFERS),
        ({"model": "HEATER"}, Check.CUSTOMER_DATA, FAILED, Evidence.MODEL_DIFFERS),
        ({"consented": False}, Check.CUSTOMER_DATA, FAILED, Evidence.CONSENT_MISSING),
        ({"address": False}, Check.CUSTOMER_DATA, OPEN, Evidence.ADDRESS_MISSING),
        ({"fault_code": None}, Check.FAULT_AND_PART, OPEN, Evidence.FAULT_NOT_CODED),
        ({"lines": ()}, Check.FAULT_AND_PART, FAILED, Evidence.NO_PARTS),
        ({"lines": (replace(MOTOR, fits=False),)}, Check.FAULT_AND_PART, FAILED, Evidence.PART_DOES_NOT_FIT),
        ({"lines": (replace(MOTOR, fits=None),)}, Check.FAULT_AND_PART, OPEN, Evidence.FIT_UNKNOWN),
        ({"lines": (replace(MOTOR, superseded_by="X"),)}, Check.FAULT_AND_PART, FAILED, Evidence.PART_SUPERSEDED),
        ({"reported_on": date(2026, 6, 11)}, Check.WARRANTY, FAILED, Evidence.UNIT_NOT_COVERED),
        ({"sold_on": None}, Check.WARRANTY, FAILED, Evidence.CHARGED_TO_WARRANTY),
        ({"lines": (replace(MOTOR, quantity=11),)}, Check.COMPANY_POLICY, FAILED, Evidence.TOO_MANY_PIECES),
        ({"goodwill": Decimal("2000.01")}, Check.COMPANY_POLICY, FAILED, Evidence.GOODWILL_TOO_HIGH),
        ({"open_elsewhere": ("RO-1",)}, Check.COMPANY_POLICY, OPEN, Evidence.OPEN_ELSEWHERE),
        ({"same_fault": ("RO-1",)}, Check.COMPANY_POLICY, OPEN, Evidence.SAME_FAULT_LATELY),
        ({"replacements": 4}, Check.COMPANY_POLICY, OPEN, Evidence.REPLACED_OFTEN),
    ],
)
def test_each_check_sees_what_is_wrong(
    change: dict[str, object], check: Check, verdict: Verdict, evidence: Evidence
) -> None:
    found = seen(replace(CASE, **change))  # type: ignore[arg-type]
    assert found[check][0] is verdict
    assert evidence in found[check][1]


def test_out_of_warranty_the_customer_may_pay() -> None:
    late = replace(CASE, reported_on=date(2026, 6, 11), warranty=Decimal(0), to_pay=CASE.cost)
    assert seen(late)[Check.WARRANTY] == (PASSED, {Evidence.UNIT_NOT_COVERED, Evidence.CUSTOMER_PAYS})


@pytest.mark.parametrize(("until", "verdict"), [(date(2026, 7, 1), PASSED), (date(2026, 6, 30), FAILED)])
def test_the_guarantee_of_a_part_fitted_before_counts_to_its_last_day(until: date, verdict: Verdict) -> None:
    line = replace(MOTOR, guaranteed_until=until)
    assert seen(replace(CASE, reported_on=date(2026, 7, 1), lines=(line,)))[Check.WARRANTY][0] is verdict


@pytest.mark.parametrize(
    ("cost", "goodwill", "roles"),
    [
        ("2000.00", "300.00", [Role.AUDITOR]),
        ("2000.01", "0.00", [Role.AUDITOR, Role.AUDITOR]),
        ("0.00", "300.01", [Role.AUDITOR, Role.AUDITOR]),
        ("5000.01", "0.00", [Role.AUDITOR, Role.SUPERVISOR]),
        ("2000.01", "1000.01", [Role.AUDITOR, Role.SUPERVISOR]),
    ],
)
def test_who_signs_follows_cost_and_goodwill(cost: str, goodwill: str, roles: list[Role]) -> None:
    assert list(signers(RULES, Decimal(cost), Decimal(goodwill))) == roles


FREE = AuditDesk()


@pytest.mark.parametrize(
    ("action", "role", "user", "desk", "code"),
    [
        (Action.APPROVE, Role.AUDITOR, "a", FREE, None),
        (Action.APPROVE, Role.AUDITOR, "clerk", FREE, "own_case"),
        (Action.APPROVE, Role.SUPERVISOR, "s", FREE, "role_forbidden"),
        (Action.APPROVE, Role.AUDITOR, "a", AuditDesk(role=Role.SUPERVISOR), "role_forbidden"),
        (Action.APPROVE, Role.AUDITOR, "a", AuditDesk(holder="b"), "audit_taken"),
        (Action.APPROVE, Role.AUDITOR, "deputy", AuditDesk(holder="b"), None),
        (Action.APPROVE, Role.AUDITOR, "a", AuditDesk(signed_by=("a",)), "signed_before"),
        (Action.RETURN_FOR_CORRECTION, Role.AUDITOR, "a", AuditDesk(signed_by=("a",)), None),
        (Action.REJECT, Role.AUDITOR, "a", AuditDesk(rejected_by=("a",)), "rejected_before"),
        (Action.TAKE_AUDIT, Role.AUDITOR, "a", AuditDesk(holder="a"), "stage_moved_on"),
        (Action.RELEASE_AUDIT, Role.AUDITOR, "a", FREE, "stage_moved_on"),
        (Action.RELEASE_AUDIT, Role.SUPERVISOR, "s", AuditDesk(holder="a"), None),
        (Action.HAND_ON_AUDIT, Role.SUPERVISOR, "s", AuditDesk(holder="a"), None),
        (Action.ASK_CUSTOMER, Role.SERVICE_AGENT, "clerk", AuditDesk(holder="a"), None),
        (Action.CANCEL, Role.SUPERVISOR, "clerk", FREE, None),
    ],
)
def test_who_may_do_what_at_the_desk(action: Action, role: Role, user: str, desk: AuditDesk, code: str | None) -> None:
    refused = refusal(action, role, user, "clerk", desk, stand_ins=("deputy",))
    assert (refused and refused.code) == code


FACTS = {
    "attempt": 0, "round": 0, "customer": 1, "serial": "S1", "model": "HOOD", "fault": "hums", "lines": [["MOTOR", 1]],
    "to_pay": "0.00", "cost": "388.00", "goodwill": "0.00",
}  # fmt: skip
PRICES = {"MOTOR": Decimal("258.00"), "CAPACITOR": Decimal("18.00")}


def test_changes_are_told_field_by_field() -> None:
    now = FACTS | {"serial": "S2", "lines": [["MOTOR", 2]]}
    assert changes(FACTS, now) == {"serial": ["S1", "S2"], "lines": [[["MOTOR", 1]], [["MOTOR", 2]]]}
    old = {name: FACTS[name] for name in ("serial", "lines")}
    assert changes(old, FACTS) == {}, "an earlier release did not write everything down"


@pytest.mark.clause("2.3.2")
@pytest.mark.parametrize(
    ("now", "missing"),
    [
        ({}, ()),
        ({"lines": [["MOTOR", 2]], "cost": "646.00"}, ("lines", "cost")),
        ({"serial": "S2"}, ("serial",)),
        ({"attempt": 1}, ("attempt",)),
        ({"round": 1, "cost": "258.00"}, ()),
        ({"round": 1, "lines": [["CAPACITOR", 1]], "cost": "18.00"}, ()),
        ({"round": 1, "lines": [["MOTOR", 2]], "cost": "516.00"}, ()),
        ({"round": 1, "lines": [["MOTOR", 3]], "cost": "774.00"}, ("lines",)),
    ],
)
def test_what_a_signature_stands_for(now: dict[str, object], missing: tuple[str, ...]) -> None:
    assert unsigned(FACTS | now, [Signed("a", FACTS)], 1, PRICES, RULES) == missing


def test_the_same_person_twice_is_one_signature() -> None:
    twice = [Signed("a", FACTS), Signed("a", FACTS)]
    assert unsigned(FACTS, twice, 2, PRICES, RULES) == ("signatures",)
    assert unsigned(FACTS, [*twice, Signed("b", FACTS)], 2, PRICES, RULES) == ()
    assert unsigned(FACTS, [], 1, PRICES, RULES) == ("signatures",)
