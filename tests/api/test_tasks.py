"""The API of the warehouses' tasks: what it takes once, and what it keeps to itself."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from database import stock
from database.counting import lines_of
from database.session import Sessions
from database.tables import MovementReason, Reading
from tests.api.conftest import Staff

SHELF, MOTOR = "HZ1/qualified", "CXW-MOTOR-200"
WISH = {"warehouse": "HZ1", "value_class": "B"}


def reading(sensor: str = "HZ1-QUALIFIED", **changes: Any) -> dict[str, Any]:
    return {"sensor": sensor, "at": "2026-11-20T08:00:00Z", "temperature": "21.5", "humidity": "50.0"} | changes


@pytest.mark.clause("4.1.2")
async def test_readings_are_taken_once_however_often_they_are_sent(staff: Staff, sessions: Sessions) -> None:
    said = {"readings": [reading(), reading(at="2026-11-20T09:00:00Z", humidity="91.0")]}
    first = (await staff.post("keeper", "/v1/readings", said)).json()
    again = (await staff.post("keeper", "/v1/readings", said)).json()
    assert (first["new"], first["out_of_range"], len(first["findings"])) == (2, 1, 1)
    assert (again["new"], again["known"], again["findings"]) == (0, 2, [])
    finding = (await staff.get("keeper", f"/v1/tasks/{first['findings'][0]}")).json()
    assert finding["finding"]["measured"]["out_of_range"] == ["humidity"]
    assert finding["finding"]["apart"]
    sensors = (await staff.get("keeper", "/v1/sensors", warehouse="HZ1")).json()
    [one] = [each for each in sensors if each["sensor"] == "HZ1-QUALIFIED"]
    assert (one["humidity"], one["out_of_range"]) == ("91.0", True)


async def test_readings_that_can_not_be_are_refused_and_nothing_is_kept(staff: Staff, sessions: Sessions) -> None:
    soon = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    for wrong, code in (
        ({"sensor": "NOBODY"}, "unknown_sensor"),
        ({"at": soon}, "invalid_time"),
        ({"humidity": "101"}, "invalid_request"),
    ):
        answer = await staff.post("keeper", "/v1/readings", {"readings": [reading(), reading(**wrong)]})
        assert (answer.status_code, answer.json()["code"]) == (422, code)
    assert (await staff.post("agent", "/v1/readings", {"readings": [reading()]})).status_code == 403
    async with sessions() as session:
        assert await session.get(Reading, ("HZ1-QUALIFIED", datetime(2026, 11, 20, 8, tzinfo=UTC))) is None


async def test_a_count_is_begun_once_by_its_key_and_by_supervisors_alone(staff: Staff) -> None:
    assert (await staff.post("keeper", "/v1/counts", WISH)).status_code == 403
    first = await staff.post("supervisor", "/v1/counts", WISH, "one")
    again = await staff.post("supervisor", "/v1/counts", WISH, "one")
    assert (first.status_code, first.json()) == (201, again.json())
    other = await staff.post("supervisor", "/v1/counts", WISH, "two")
    assert (other.status_code, other.json()["code"]) == (409, "count_open")
    nowhere = await staff.post("supervisor", "/v1/counts", WISH | {"warehouse": "XX"}, "three")
    assert (nowhere.status_code, nowhere.json()["code"]) == (422, "unknown_warehouse")


@pytest.mark.clause("4.2.2")
async def test_what_the_books_say_is_in_no_answer_to_who_counts(staff: Staff, sessions: Sessions) -> None:
    """Neither in the count's own answers nor, while it is open, in the look-up of stock; others go on looking up."""
    async with sessions.begin() as session:
        await stock.move(
            session, MOTOR, 48_000, source="outside/opening", target=SHELF, reason=MovementReason.OPENING,
            at=datetime.now(UTC), by="keeper", document="TEST", effect="test",
        )  # fmt: skip
    [before] = (await staff.get("keeper", "/v1/stock", part=MOTOR)).json()["items"]
    [here] = [place for place in before["places"] if place["place"] == SHELF]
    number = (await staff.post("supervisor", "/v1/counts", WISH)).json()["number"]
    task = await staff.get("keeper", f"/v1/tasks/{number}")
    [line] = [each for each in task.json()["lines"] if (each["place"], each["part"]) == (SHELF, MOTOR)]
    assert (line["book"], line["quantity"], line["difference"], line["unit_value"]) == (None, None, None, None)
    told = [task, await staff.get("keeper", f"/v1/tasks/{number}/events"), await staff.get("keeper", "/v1/tasks")]
    told.append(await staff.get("keeper", "/v1/stock", part=MOTOR))
    assert all(str(here["on_hand"]) not in answer.text for answer in told)
    assert told[-1].json()["items"][0]["counting"]
    [seen] = (await staff.get("agent", "/v1/stock", part=MOTOR)).json()["items"]
    assert seen["on_hand"] == before["on_hand"]
    async with sessions() as session:
        assert {line.book for line in await lines_of(session, number)} == {None}


async def test_levels_accuracy_and_plans_are_answered_and_no_data_is_no_data(staff: Staff) -> None:
    assert (await staff.get("buyer", "/v1/levels", warehouse="HZ1")).json() == []
    assert (await staff.get("buyer", "/v1/levels", warehouse="XX")).json()["code"] == "unknown_warehouse"
    assert (await staff.get("keeper", "/v1/levels", warehouse="HZ1")).status_code == 403
    assert (await staff.get("supervisor", "/v1/stock-accuracy")).json() is None
    plans = (await staff.get("keeper", "/v1/emergency-plans")).json()
    assert {plan["topic"] for plan in plans} == {"fire", "theft", "damp", "pests", "equipment"}
    assert (await staff.get("keeper", "/v1/tasks/WT-20261126-00000")).status_code == 404
