"""Photos over the API, and applications that an open order says already."""

from datetime import UTC, datetime

import httpx

from database import allowances
from database.session import Sessions
from tests.api.conftest import Staff, application
from tests.pictures import HEIC, photo


async def test_a_photo_is_uploaded_and_named_by_an_application(staff: Staff, client: httpx.AsyncClient) -> None:
    uploaded = await client.post("/v1/photos", content=HEIC)
    assert uploaded.status_code == 201, uploaded.text
    said = uploaded.json()
    assert (said["width"], said["height"]) == (480, 640)
    assert said["thumbnail"].startswith("data:image/jpeg;base64,")
    refused = await client.post("/v1/photos", content=photo()[:-900])
    assert (refused.status_code, refused.json()["code"]) == (422, "photo_broken")
    number = await staff.enter(photos=[said["id"]])
    [listed] = (await staff.get("agent", f"/v1/orders/{number}/photos")).json()
    assert (listed["id"], listed["seq"]) == (said["id"], 0)
    again = await staff.post("agent", "/v1/applications?new=true", application(photos=[said["id"]]), "other")
    assert (again.status_code, again.json()["code"]) == (422, "unknown_photo")


async def test_an_open_order_for_the_same_fault_is_named(staff: Staff) -> None:
    number = await staff.enter()
    again = await staff.post("agent", "/v1/applications", application(), "again")
    assert (again.status_code, again.json()["code"], again.json()["order"]) == (409, "duplicate", number)
    other_fault = await staff.post("agent", "/v1/applications", application(fault="漏油"), "fault")
    assert other_fault.status_code == 201
    stranger = application(customer={"name": "李", "phone": "13900000000"}, model="HG-FB40")
    refused = await staff.post("agent", f"/v1/applications?join={number}", stranger, "join")
    assert (refused.status_code, refused.json()["code"]) == (422, "cannot_join")


async def test_an_allowance_is_used_up_and_comes_back(sessions: Sessions) -> None:
    now = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)
    async with sessions.begin() as session:
        drawn = [await allowances.draw(session, "photos", "192.0.2.1", 2, now) for _ in range(3)]
        assert drawn == [None, None, allowances.HOUR]
        assert await allowances.draw(session, "photos", "192.0.2.2", 2, now) is None
        assert await allowances.draw(session, "photos", "192.0.2.1", 2, now + allowances.HOUR) is None
