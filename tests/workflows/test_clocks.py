"""Clocks: whoever is waited for is reminded and escalated in office hours; nothing waits in silence."""

from datetime import timedelta

import pytest

from database.tables import PolicyVersion, WorkingDayOverride
from domain.stages import OPEN, Action, Role, Stage
from tests.workflows.documents import Declined
from tests.workflows.house import House
from tests.workflows.week import OFFICE

AUDITOR, SUPERVISOR = Role.AUDITOR, Role.SUPERVISOR


async def test_the_audit_clock_rests_at_the_weekend(house: House) -> None:
    week = await house.week()
    await house.sleep_until(week("Thu 16:07"))
    order = await (await house.order()).to(Stage.AUDIT)
    assert (await order.row()).wait_due == week("+Mon 18:00")
    await house.sleep_until(week("+Tue 16:00"))
    assert await order.rang(week) == [
        "remind Fri 17:03",
        "remind +Mon 14:37",
        "escalate +Tue 09:00",
        "escalate +Tue 14:30",
    ]
    assert await order.told(AUDITOR) == ["remind_signature", "remind_signature"]
    assert await order.told(SUPERVISOR) == ["escalate_signature", "escalate_signature"]
    assert [event.details["count"] for event in await order.events() if event.action == "escalate"] == [1, 2]

    await order.approve()
    await house.sleep_until(week("+Wed 08:00"))
    assert len(await order.rang(week)) == 4, "what is done is not escalated"


async def test_the_audit_clock_rests_on_a_holiday_and_runs_on_the_make_up_day(house: House) -> None:
    week = await house.week(off=["Fri", "+Mon"], worked=["Sat"])
    await house.sleep_until(week("Thu 16:07"))
    order = await (await house.order()).to(Stage.AUDIT)
    assert (await order.row()).wait_due == week("+Tue 18:00")
    await house.sleep_until(week("+Wed 12:00"))
    assert await order.rang(week) == ["remind Sat 17:03", "remind +Tue 14:37", "escalate +Wed 09:00"]


async def test_a_holiday_announced_later_moves_no_running_clock(house: House) -> None:
    week = await house.week()
    order = await (await house.order()).to(Stage.AUDIT)
    due = (await order.row()).wait_due
    assert due == week("Wed 18:00")
    await house.change(WorkingDayOverride, week("Wed 12:00").astimezone(OFFICE).date(), worked=False)
    await house.sleep_until(week("Thu 12:00"))
    assert (await order.row()).wait_due == due
    assert await order.rang(week) == ["remind Tue 14:50", "remind Wed 13:44", "escalate Thu 09:00"]
    await order.send_back()
    assert (await order.row()).wait_due == week("+Mon 18:00"), "but the next one knows it"


async def test_an_order_keeps_the_policy_it_began_with(house: House) -> None:
    week = await house.week()
    old = await house.order()
    clocks = {**house.policy.model_dump(mode="json")["clocks"]}
    clocks["signature"] = {"due": "1 working hour", "alarms": clocks["signature"]["alarms"]}
    async with house.sessions.begin() as session:
        content = {**house.policy.model_dump(mode="json"), "version": house.policy.version + 1, "clocks": clocks}
        session.add(
            PolicyVersion(
                name=house.policy.name, version=house.policy.version + 1, content=content, entered_by="administrator"
            )
        )
    new = await house.order()
    await old.to(Stage.AUDIT)
    await new.to(Stage.AUDIT)
    assert [week.name(await order.due()) for order in (old, new)] == ["Wed 18:00", "Mon 11:10"]


@pytest.mark.parametrize("stage", [stage for stage in OPEN if stage is not Stage.SETTLING])
async def test_no_stage_waits_in_silence(house: House, stage: Stage) -> None:
    """Whatever is waited for: somebody is reminded before it is due, and then a rule ends it or it is escalated."""
    await house.week()
    order = await house.order(by="web", channel="web")
    if stage is Stage.SOURCING:
        await house.stock_up(house.part, 0)
    await order.to(stage)
    row = await order.row()
    assert row.wait_due is not None
    since = len(await order.events())
    await house.sleep_until(row.wait_due + timedelta(days=4))
    rang = [event.action for event in (await order.events())[since:] if event.action != Action.PASS_ON]
    assert "remind" in rang
    assert {"escalate", "lapse", "resume", "make_final"} & set(rang)


async def test_a_supervisor_moves_a_clock_and_says_why(house: House) -> None:
    week = await house.week()
    order = await (await house.order()).to(Stage.AUDIT)
    await order.move_due(week("Fri 12:00"))
    moved = await order.last(Action.MOVE_DUE)
    assert (moved.by, moved.submission is not None) == ("supervisor", True)
    assert moved.details["due"] == [week("Wed 18:00").isoformat(), week("Fri 12:00").isoformat()]
    await house.sleep_until(week("Fri 15:00"))
    assert await order.rang(week) == ["remind Wed 11:05", "remind Thu 14:38", "escalate Fri 13:30"]


async def test_nobody_else_moves_a_clock_and_nobody_into_the_past(house: House) -> None:
    order = await (await house.order()).to(Stage.AUDIT)
    with pytest.raises(Declined, match="role_forbidden"):
        await order.decide(Action.MOVE_DUE, AUDITOR, due=(await house.now()).isoformat(), explanation="busy")
    with pytest.raises(Declined, match="invalid_time"):
        await order.move_due(await house.now() - timedelta(hours=1))


async def test_an_urgent_clock_may_be_moved_forward(house: House) -> None:
    """The alarm that was set rings no earlier than the new one."""
    week = await house.week()
    order = await (await house.order()).to(Stage.AUDIT)
    await order.move_due(week("Mon 16:00"))
    await house.sleep_until(week("Mon 17:00"))
    assert (await order.rang(week))[-1] == "escalate Mon 16:00"
