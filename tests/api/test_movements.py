"""Moving goods by hand, the ledger, balances as of an instant, keepers and second signatures."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import select

from database.session import Sessions
from database.tables import KeeperRefusal, Movement
from tests.api.conftest import Staff

FLOOR, APART, SAFE = "HZ1/qualified", "HZ1/nonconforming", "HZ1/hazardous"
PART, GAS = "CXW-MOTOR-200", "KFR-R32"


def moving(**changes: object) -> dict[str, object]:
    return {"part": PART, "source": FLOOR, "target": APART, "quantity": 2} | changes


async def on_hand(staff: Staff, place: str, part: str = PART, **at: str) -> int:
    rows = (await staff.get("keeper", "/v1/stock/balances", part=part, place=place, **at)).json()["items"]
    return sum(row["on_hand"] for row in rows)


@pytest.mark.clause("4.2.1")
async def test_goods_are_moved_once_a_key_and_the_ledger_says_who_and_why(staff: Staff) -> None:
    before = await on_hand(staff, FLOOR)
    said = moving(note="box torn")
    first = await staff.post("keeper", "/v1/stock/movements", said, key="one")
    again = await staff.post("keeper", "/v1/stock/movements", said, key="one")
    assert (first.status_code, again.json()) == (201, first.json())
    other = await staff.post("keeper", "/v1/stock/movements", moving(quantity=1), key="one")
    assert other.json()["code"] == "idempotency_key_reused"
    assert (await on_hand(staff, FLOOR), await on_hand(staff, APART)) == (before - 2, 2)
    [row] = (await staff.get("auditor", "/v1/stock/movements", document=first.json()["number"])).json()["items"]
    assert (row["by"], row["reason"], row["note"], row["reversible"]) == ("keeper", "transfer", "box torn", True)


@pytest.mark.clause("4.2.1")
async def test_a_movement_is_taken_back_once_and_the_past_stays(staff: Staff) -> None:
    before = await on_hand(staff, FLOOR)
    await staff.post("keeper", "/v1/stock/movements", moving(), key="one")
    between = datetime.now(UTC).isoformat()
    [row] = (await staff.get("keeper", "/v1/stock/movements", part=PART, limit=1)).json()["items"]
    path = f"/v1/stock/movements/{row['id']}/reversal"
    assert (await staff.post("keeper", path, {"note": "wrong rack"}, key="two")).status_code == 201
    assert (await staff.post("keeper", path, {"note": "wrong rack"}, key="two")).status_code == 201
    assert (await staff.post("keeper", path, {"note": "again"}, key="three")).json()["code"] == "reversed_before"
    assert await on_hand(staff, FLOOR) == before
    assert await on_hand(staff, FLOOR, at=between) == before - 2
    back, done = (await staff.get("keeper", "/v1/stock/movements", part=PART, limit=2)).json()["items"]
    assert (back["reverses"], done["reversed_by"]) == (done["id"], back["id"])


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"target": "outside/customers"}, "unknown_place"),
        ({"target": "in-transit"}, "unknown_place"),
        ({"target": FLOOR}, "unknown_place"),
        ({"part": "NO-SUCH"}, "unknown_part"),
        ({"quantity": 999}, "not_enough_stock"),
        ({"batch": "NO-SUCH"}, "not_enough_stock"),
        ({"source": APART, "target": FLOOR}, "needs_inspection"),
        ({"quantity": 0}, "invalid_request"),
    ],
)
async def test_what_can_not_be_moved_is_refused(changes: dict[str, object], code: str, staff: Staff) -> None:
    answer = await staff.post("keeper", "/v1/stock/movements", moving(**changes))
    assert answer.json()["code"] == code


@pytest.mark.clause("4.3.3")
async def test_only_keepers_move_goods(staff: Staff) -> None:
    for user in ("agent", "buyer", "supervisor"):
        assert (await staff.post(user, "/v1/stock/movements", moving())).json()["code"] == "role_forbidden"


@pytest.mark.clause("4.3.3")
async def test_hazardous_goods_move_by_their_named_keeper(staff: Staff) -> None:
    said = moving(part=GAS, source=SAFE, quantity=1)
    assert (await staff.post("keeper", "/v1/stock/movements", said)).status_code == 201


@pytest.mark.clause("4.3.3")
async def test_everybody_else_is_refused_and_it_is_on_record(staff: Staff, sessions: Sessions) -> None:
    before = await on_hand(staff, SAFE, GAS)
    said = moving(part=GAS, source=SAFE, quantity=1)
    refused = await staff.post("keeper.wh", "/v1/stock/movements", said)
    assert (refused.status_code, refused.json()["code"]) == (403, "named_keeper_needed")
    assert await on_hand(staff, SAFE, GAS) == before
    [seen] = (await staff.get("supervisor", "/v1/stock/refusals")).json()["items"]
    assert (seen["by"], seen["place"], seen["part"], seen["signed_at"]) == ("keeper.wh", SAFE, GAS, None)
    assert (await staff.get("agent", "/v1/stock/refusals")).json()["code"] == "role_forbidden"
    await staff.post("keeper.wh", "/v1/stock/movements", said)
    async with sessions() as session:
        assert len((await session.scalars(select(KeeperRefusal))).all()) == 1, "a repeat is no other refusal"


@pytest.mark.clause("4.3.3")
async def test_two_signatures_move_what_one_may_not(staff: Staff, sessions: Sessions) -> None:
    before = await on_hand(staff, SAFE, GAS)
    said = moving(part=GAS, source=SAFE, quantity=1)
    await staff.post("keeper.wh", "/v1/stock/movements", said)
    [seen] = (await staff.get("keeper.wh", "/v1/stock/refusals", waiting=True)).json()["items"]
    path = f"/v1/stock/refusals/{seen['document']}/signature"
    assert (await staff.post("keeper.wh", path, {})).json()["code"] == "own_refusal"
    assert (await staff.post("agent", path, {})).json()["code"] == "role_forbidden"
    assert (await staff.post("keeper.cd", path, {})).status_code == 200
    assert (await staff.post("keeper.cd", path, {})).json()["code"] == "nothing_to_sign"
    assert await on_hand(staff, SAFE, GAS) == before - 1
    assert (await staff.post("keeper.wh", "/v1/stock/movements", said)).json() == {"number": seen["document"]}
    async with sessions() as session:
        moved = (await session.scalars(select(Movement).where(Movement.document == seen["document"]))).all()
    assert [row.by for row in moved] == ["keeper.wh"]
    [signed] = (await staff.get("supervisor", "/v1/stock/refusals")).json()["items"]
    assert signed["signed_by"] == "keeper.cd"


async def test_the_ledger_pages_and_filters(staff: Staff) -> None:
    for number in range(3):
        await staff.post("keeper", "/v1/stock/movements", moving(quantity=1), key=f"page-{number}")
    first = (await staff.get("keeper", "/v1/stock/movements", place=APART, reason="transfer", limit=2)).json()
    rest = (
        await staff.get("keeper", "/v1/stock/movements", place=APART, reason="transfer", limit=2, cursor=first["next"])
    ).json()
    assert (len(first["items"]), len(rest["items"]), rest["next"]) == (2, 1, None)
    assert (await staff.get("keeper", "/v1/stock/movements", place=APART, reason="scrapping")).json()["items"] == []
    every = (await staff.get("keeper", "/v1/stock/balances", limit=100)).json()
    some = (await staff.get("keeper", "/v1/stock/balances", limit=30)).json()
    more = (await staff.get("keeper", "/v1/stock/balances", limit=100, cursor=some["next"])).json()
    assert some["items"] + more["items"] == every["items"]
