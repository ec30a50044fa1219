from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from pydantic import ValidationError

from database.reference import policies
from domain.correcting import CORRECTIVE
from domain.policy import ClockRule, Policy, Timekeeper
from domain.requests import REQUEST
from domain.stages import ORDER, PURCHASE, Action, Role
from domain.waiting import OF_CORRECTIONS, OF_PURCHASES, OF_REQUESTS, Alarm, Clock, Wait
from domain.working_time import OfficeHours, SpedUp

POLICIES = {policy.name: policy for policy in policies()}
STANDARD, DEMO = POLICIES["standard"], POLICIES["demo"]
EVERY_CLOCK = [
    pytest.param(policy, clock, id=f"{policy.name} {clock}") for policy in POLICIES.values() for clock in Clock
]
ENDING = {
    Action.OPEN_BIDS,
    Action.LAPSE,
    Action.GIVE_UP,
    Action.DECLARE_LOST,
    Action.PASS_ON,
    Action.RESUME,
    Action.MAKE_FINAL,
}


def at(day: date, hour: int, minute: int = 0) -> datetime:
    return datetime.combine(day, time(hour, minute), ZoneInfo("Asia/Shanghai")).astimezone(UTC)


MONDAY, TUESDAY, WEDNESDAY, THURSDAY, FRIDAY = (date(2026, 6, day) for day in range(8, 13))


def changed(**fields: Any) -> dict[str, Any]:
    return STANDARD.model_dump(mode="json") | fields


def test_a_policy_survives_the_database() -> None:
    for policy in POLICIES.values():
        assert Policy.model_validate(policy.model_dump(mode="json")) == policy


def test_the_standard_keeps_office_hours_and_the_demonstration_none() -> None:
    assert STANDARD.calendar.model_dump(mode="json") == {
        "kind": "office",
        "country": "CN",
        "zone": "Asia/Shanghai",
        "hours": [["09:00:00", "12:00:00"], ["13:30:00", "18:00:00"]],
    }
    assert isinstance(DEMO.calendar, SpedUp)


@pytest.mark.parametrize(("policy", "clock"), EVERY_CLOCK)
def test_every_wait_reminds_first_and_never_falls_silent(policy: Policy, clock: Clock) -> None:
    rules = policy.clocks[clock].alarms
    assert any(rule.action is Action.REMIND and rule.share < 1 and not rule.then for rule in rules)
    assert any(rule.action in ENDING or (rule.action is Action.ESCALATE and rule.every) for rule in rules)


@pytest.mark.parametrize(("policy", "clock"), EVERY_CLOCK)
def test_alarms_ring_for_what_the_system_may_do(policy: Policy, clock: Clock) -> None:
    lives = {**dict.fromkeys(OF_PURCHASES, PURCHASE), **dict.fromkeys(OF_CORRECTIONS, CORRECTIVE)}
    life = {**lives, **dict.fromkeys(OF_REQUESTS, REQUEST)}.get(clock, ORDER)
    for rule in policy.clocks[clock].alarms:
        assert Role.SYSTEM in life.rules[rule.action].by


def test_the_clocks_that_end_by_rule() -> None:
    ending = {
        clock: rule.action
        for policy in POLICIES.values()
        for clock, rules in policy.clocks.items()
        for rule in rules.alarms
        if rule.action in ENDING
    }
    assert ending == {
        Clock.CONSENT: Action.LAPSE,
        Clock.QUESTION: Action.RESUME,
        Clock.OBJECTION: Action.MAKE_FINAL,
        Clock.DELIVERY: Action.DECLARE_LOST,
        Clock.REVISIT: Action.GIVE_UP,
        Clock.CONFIRMATION: Action.PASS_ON,
        Clock.BIDS: Action.OPEN_BIDS,
    }


@pytest.mark.parametrize("policy", POLICIES.values(), ids=list(POLICIES))
def test_a_silent_supplier_is_reminded_twice_before_the_next_one_is_asked(policy: Policy) -> None:
    wait = Timekeeper(policy, {}).wait(Clock.CONFIRMATION, at(MONDAY, 9))
    rung = []
    while (alarm := wait.next) and alarm.action is not Action.PASS_ON:
        rung.append(alarm.action)
        wait = Timekeeper(policy, {}).rang(wait, alarm, alarm.at)
    assert rung.count(Action.REMIND) >= 2
    assert Action.ESCALATE in rung


def test_a_missing_clock_is_named() -> None:
    clocks = STANDARD.model_dump(mode="json")["clocks"]
    del clocks["signature"], clocks["visit"]
    with pytest.raises(ValidationError, match="no times for signature, visit"):
        Policy.model_validate(changed(clocks=clocks))


@pytest.mark.parametrize(
    "alarms",
    [
        [],
        [{"action": "remind", "share": 0.5}],
        [{"action": "escalate"}],
        [{"action": "escalate", "share": 0, "every": "1 working day"}],
        [{"action": "escalate", "share": 1.5, "every": "1 working day"}],
        [{"action": "shout", "every": "1 working day"}],
        [{"action": "escalate", "every": "soon"}],
    ],
    ids=str,
)
def test_alarms_that_would_fall_silent_or_mean_nothing_are_refused(alarms: list[dict[str, Any]]) -> None:
    with pytest.raises(ValidationError):
        ClockRule.model_validate({"due": "1 working day", "alarms": alarms})


@pytest.mark.parametrize(
    "fields",
    [
        {"colour": "red"},
        {"version": 0},
        {"clocks": {"coffee": {"due": "1 hour", "alarms": [{"action": "lapse"}]}}},
        {"revisit": {"attempts": 0, "again_after": "1 day"}},
        {"purchasing": {"price_weight": "-1", "lead_time_weight": "1"}},
    ],
    ids=str,
)
def test_what_no_policy_can_mean_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Policy.model_validate(changed(**fields))


def with_signature(**rule: Any) -> Timekeeper:
    clocks = STANDARD.model_dump(mode="json")["clocks"] | {"signature": rule}
    return Timekeeper(Policy.model_validate(changed(clocks=clocks)), {})


def instants(wait: Wait) -> dict[Action, datetime]:
    return {alarm.action: alarm.at for alarm in wait.alarms}


def test_a_wait_knows_its_owner_due_and_alarms() -> None:
    """Monday noon to Wednesday evening is two working days; halfway through its 19.5 hours is Tuesday 15:45."""
    time_ = with_signature(
        due="2 working days",
        alarms=[
            {"action": "remind", "share": 0.5},
            {"action": "escalate", "then": "2 working hours", "every": "1 day"},
        ],
    )
    wait = time_.wait(Clock.SIGNATURE, at(MONDAY, 12))
    assert (wait.owner, wait.since, wait.due) == (Role.AUDITOR, at(MONDAY, 12), at(WEDNESDAY, 18))
    assert instants(wait) == {Action.REMIND: at(TUESDAY, 15, 45), Action.ESCALATE: at(THURSDAY, 11)}
    assert wait.next == Alarm(action=Action.REMIND, at=at(TUESDAY, 15, 45))


def test_what_is_due_at_closing_time_rings_in_the_morning() -> None:
    wait = Timekeeper(STANDARD, {}).wait(Clock.SIGNATURE, at(WEDNESDAY, 10))
    assert wait.due == at(FRIDAY, 18)
    assert instants(wait)[Action.ESCALATE] == at(FRIDAY + timedelta(days=3), 9)


def test_the_company_s_own_days_move_the_due() -> None:
    wait = Timekeeper(STANDARD, {TUESDAY: False}).wait(Clock.SIGNATURE, at(MONDAY, 10))
    assert wait.due == at(THURSDAY, 18)


def test_something_agreed_replaces_the_policy_s_span() -> None:
    promised = at(THURSDAY, 15)
    wait = Timekeeper(STANDARD, {}).wait(Clock.ARRIVAL, at(MONDAY, 9), promised)
    assert wait.due == promised
    assert all(alarm.at >= at(MONDAY, 9) for alarm in wait.alarms)
    assert instants(wait)[Action.ESCALATE] == promised


def test_an_alarm_rings_once_unless_it_repeats() -> None:
    time_ = Timekeeper(STANDARD, {})
    wait = time_.wait(Clock.SIGNATURE, at(MONDAY, 9))
    assert wait.next
    assert wait.next.action is Action.REMIND
    for _ in range(2):
        assert wait.next
        wait = time_.rang(wait, wait.next, wait.next.at)
    counted = []
    for _ in range(3):
        assert wait.next
        counted.append((wait.next.count, wait.next.at))
        wait = time_.rang(wait, wait.next, wait.next.at)
    assert counted == [(1, at(THURSDAY, 9)), (2, at(THURSDAY, 14, 30)), (3, at(FRIDAY, 9, 30))]
    assert {alarm.action for alarm in wait.alarms} == {Action.ESCALATE}


def test_repeats_wait_for_the_office_to_open() -> None:
    time_ = with_signature(due="1 hour", alarms=[{"action": "escalate", "every": "12 hours"}])
    wait = time_.wait(Clock.SIGNATURE, at(FRIDAY, 20))
    monday = FRIDAY + timedelta(days=3)
    assert wait.next
    assert wait.next.at == at(monday, 9)
    assert time_.rang(wait, wait.next, wait.next.at).next == Alarm(
        action=Action.ESCALATE, at=at(monday + timedelta(days=1), 9), count=2
    )


def test_repeats_that_nobody_was_alive_to_hear_are_not_made_up_for() -> None:
    time_ = with_signature(due="1 hour", alarms=[{"action": "escalate", "every": "1 hour"}])
    wait = time_.wait(Clock.SIGNATURE, at(MONDAY, 9))
    assert wait.next
    late = time_.rang(wait, wait.next, at(MONDAY, 16)).next
    assert late == Alarm(action=Action.ESCALATE, at=at(MONDAY, 17), count=2)


@pytest.mark.parametrize(
    "hours", [[["18:00", "09:00"]], [["09:00", "12:00"], ["11:00", "18:00"]]], ids=["reversed", "overlapping"]
)
def test_office_hours_must_follow_each_other(hours: list[list[str]]) -> None:
    with pytest.raises(ValidationError, match="follow each other"):
        OfficeHours.model_validate({"kind": "office", "hours": hours})


def test_a_demonstration_does_not_wait_for_minutes() -> None:
    """Whatever an order waits for, somebody is told within half a minute; three minutes are all it has."""
    time_, start = Timekeeper(DEMO, {}), at(MONDAY, 3)
    for clock in Clock:
        wait = time_.wait(clock, start)
        assert wait.next
        assert wait.next.at - start <= timedelta(seconds=30)
        assert max(alarm.at for alarm in wait.alarms) - start <= timedelta(minutes=3)
