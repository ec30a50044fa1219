"""Look-ups: what there is, where, and who offers it."""

from datetime import UTC, datetime

from sqlalchemy import update

from database.reading.reference import technicians
from database.session import Sessions
from database.tables import Certificate, Stock
from tests.api.conftest import Staff


async def test_stock_tells_what_is_free(staff: Staff, sessions: Sessions) -> None:
    async with sessions.begin() as session:
        await session.execute(
            update(Stock).where(Stock.place == "HZ1/qualified", Stock.part == "CXW-MOTOR-200").values(reserved=3)
        )
    [part] = (await staff.get("keeper", "/v1/stock", part="CXW-MOTOR-200")).json()["items"]
    assert part["on_hand"] == sum(place["on_hand"] for place in part["places"])
    assert (part["reserved"], part["available"]) == (3, part["on_hand"] - 3)
    [here] = [place for place in part["places"] if place["place"] == "HZ1/qualified"]
    assert (here["zone"], here["available"]) == ("qualified", here["on_hand"] - 3)
    assert not [place for place in part["places"] if place["zone"] == "outside"]
    assert (await staff.get("keeper", "/v1/stock", part="NO-SUCH")).json() == {"items": [], "next": None}


async def test_pieces_that_may_not_be_sent_are_not_available(staff: Staff) -> None:
    parts = (await staff.get("keeper", "/v1/stock", limit=100)).json()["items"]
    elsewhere = [
        place for part in parts for place in part["places"] if place["zone"] in ("technician", "nonconforming")
    ]
    assert elsewhere
    assert {place["available"] for place in elsewhere} == {0}


async def test_parts_that_fit_a_model_page_by_code(staff: Staff) -> None:
    fitting = [part["code"] for part in (await staff.get("agent", "/v1/parts", model="HG-CXW268")).json()]
    first = (await staff.get("agent", "/v1/stock", model="HG-CXW268", limit=2)).json()
    rest = (await staff.get("agent", "/v1/stock", model="HG-CXW268", cursor=first["next"])).json()
    assert [part["part"] for part in first["items"] + rest["items"]] == fitting == sorted(fitting)
    assert rest["next"] is None
    every = (await staff.get("agent", "/v1/parts")).json()
    assert {part["code"] for part in every if "HG-CXW268" in part["models"]} == set(fitting)
    assert len(every) >= 40


async def test_suppliers_come_with_their_prices(staff: Staff) -> None:
    offering = (await staff.get("buyer", "/v1/suppliers", part="CXW-MOTOR-200")).json()
    assert offering
    assert {price["part"] for supplier in offering for price in supplier["prices"]} == {"CXW-MOTOR-200"}
    every = (await staff.get("buyer", "/v1/suppliers")).json()
    assert {supplier["code"] for supplier in offering} < {supplier["code"] for supplier in every}


async def test_technicians_count_by_valid_certificates(staff: Staff, sessions: Sessions) -> None:
    qualified = (await staff.get("dispatcher", "/v1/technicians", category="range_hood")).json()
    assert "technician" in {one["code"] for one in qualified}
    today = datetime.now(UTC).date()
    async with sessions.begin() as session:
        await session.execute(
            update(Certificate)
            .where(Certificate.technician == "technician", Certificate.category == "range_hood")
            .values(expires_on=today.replace(year=today.year - 1))
        )
        assert "technician" not in {one.code for one in await technicians(session, today, "range_hood")}
        [expired] = [one for one in await technicians(session, today) if one.code == "technician"]
    assert [one.category for one in expired.certificates if not one.valid] == ["range_hood"]


async def test_lists_to_choose_from(staff: Staff) -> None:
    for path, least in (
        ("models", 12),
        ("faults", 10),
        ("service-centres", 3),
        ("service-outlets", 3),
        ("carriers", 2),
    ):
        rows = (await staff.get("agent", f"/v1/{path}")).json()
        assert len(rows) >= least
        assert all(row["code"] and row["name_en"] and row["name_zh"] for row in rows)
    accounts = (await staff.get("agent", "/v1/carriers")).text
    assert "secret" not in accounts
    assert "push_token" not in accounts
