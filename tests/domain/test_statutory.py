"""What the law gives the customer, at the boundaries of its days."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from database.reference import policies
from domain.statutory import Ground, Record, Remedy, Right, rights

RULES = next(policy for policy in policies() if policy.name == "standard").statutory
SHANGHAI = ZoneInfo("Asia/Shanghai")
SOLD = date(2026, 1, 10)


def at(day: date, hour: int = 12, minute: int = 0) -> datetime:
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=SHANGHAI).astimezone(UTC)


def days_after_sale(days: int) -> datetime:
    return at(SOLD + timedelta(days=days))


def grounds(record: Record, now: datetime, *, arisen: bool = True) -> set[Ground]:
    return {right.ground for right in rights(record, RULES, SHANGHAI, now) if right.arisen is arisen}


@pytest.mark.parametrize(
    ("days", "granted"),
    [
        (0, {Ground.FAULT_SOON, Ground.FAULT_EARLY}),
        (7, {Ground.FAULT_SOON, Ground.FAULT_EARLY}),
        (8, {Ground.FAULT_EARLY}),
        (15, {Ground.FAULT_EARLY}),
        (16, set()),
        (-1, set()),
    ],
)
def test_return_within_seven_days_of_the_sale_exchange_within_fifteen(days: int, granted: set[Ground]) -> None:
    reported = days_after_sale(days)
    assert grounds(Record(SOLD, 12, reported), reported) == granted


def test_the_day_is_that_of_the_place_of_sale() -> None:
    late_on_the_seventh, after_midnight = at(date(2026, 1, 17), 23, 59), at(date(2026, 1, 18), 0, 1)
    assert late_on_the_seventh.date() == after_midnight.date(), "the same day in Greenwich"
    assert Ground.FAULT_SOON in grounds(Record(SOLD, 12, late_on_the_seventh), late_on_the_seventh)
    assert Ground.FAULT_SOON not in grounds(Record(SOLD, 12, after_midnight), after_midnight)


def test_faulty_again_after_two_repairs_in_warranty() -> None:
    reported, again = days_after_sale(60), days_after_sale(100)
    once = Record(SOLD, 12, reported, faults=[again], repairs=[days_after_sale(70)])
    assert Ground.FAILED_REPAIRS not in grounds(once, again)
    twice = Record(SOLD, 12, reported, faults=[again], repairs=[days_after_sale(40), days_after_sale(70)])
    [right] = [right for right in rights(twice, RULES, SHANGHAI, again) if right.ground is Ground.FAILED_REPAIRS]
    assert right == Right(Remedy.EXCHANGE, Ground.FAILED_REPAIRS, again, arisen=True, limit=2)


def test_a_second_repair_that_helped_gives_nothing() -> None:
    repaired = [days_after_sale(40), days_after_sale(70)]
    assert Ground.FAILED_REPAIRS not in grounds(Record(SOLD, 12, days_after_sale(60), repairs=repaired), repaired[1])


def test_faulty_again_the_day_after_the_warranty_gives_nothing() -> None:
    repaired = [days_after_sale(40), days_after_sale(70)]
    last, after = at(date(2027, 1, 10)), at(date(2027, 1, 11))
    assert Ground.FAILED_REPAIRS in grounds(Record(SOLD, 12, last, repairs=repaired), last)
    assert Ground.FAILED_REPAIRS not in grounds(Record(SOLD, 12, after, repairs=repaired), after)


@pytest.mark.parametrize(("ground", "days"), [(Ground.REPAIR_TOO_LONG, 30), (Ground.PARTS_MISSING, 90)])
def test_the_instant_at_which_a_right_will_arise_is_known(ground: Ground, days: int) -> None:
    record = Record(SOLD, 12, days_after_sale(40))
    arises = at(SOLD + timedelta(days=40 + days + 1), 0)
    just_before, then = arises - timedelta(seconds=1), arises
    for now, arisen in ((days_after_sale(41), False), (just_before, False), (then, True)):
        [right] = [right for right in rights(record, RULES, SHANGHAI, now) if right.ground is ground]
        assert (right.since, right.arisen, right.limit) == (arises, arisen, days)


def test_parts_that_came_too_late_do_not_take_the_right_away() -> None:
    reported = days_after_sale(40)
    arises = at(SOLD + timedelta(days=131), 0)
    for supplied, granted in ((arises - timedelta(seconds=1), False), (arises, True)):
        record = Record(SOLD, 12, reported, supplied_at=supplied, repaired_at=supplied)
        found = grounds(record, arises + timedelta(days=9))
        assert (Ground.PARTS_MISSING in found) is granted
        assert Ground.REPAIR_TOO_LONG in found


def test_outside_the_warranty_or_at_an_end_nothing_is_to_come() -> None:
    reported = at(date(2027, 1, 11))
    assert rights(Record(SOLD, 12, reported), RULES, SHANGHAI, reported) == ()
    ended = Record(SOLD, 12, days_after_sale(40), waits=False)
    assert rights(ended, RULES, SHANGHAI, days_after_sale(400)) == ()


def test_what_has_arisen_comes_first() -> None:
    reported = days_after_sale(3)
    found = rights(Record(SOLD, 12, reported), RULES, SHANGHAI, reported)
    assert [right.arisen for right in found] == [True, True, False, False]
    assert found[2].since < found[3].since
