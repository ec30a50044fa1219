"""Applications: a number for each, once (policy 2.1)."""

import asyncio
from typing import Any

import httpx
import pytest
from sqlalchemy import func, select

from database.session import Sessions
from database.tables import ReplacementOrder
from domain.numbers import is_well_formed
from tests.api.conftest import MASKED, PHONE, Staff, application


@pytest.mark.clause("2.1.1a")
async def test_an_application_at_the_hotline_gets_its_number_though_the_engine_is_away(
    staff: Staff, sessions: Sessions
) -> None:
    answer = await staff.post("agent", "/v1/applications", application())
    assert answer.status_code == 201
    received = answer.json()
    assert is_well_formed(received["number"])
    assert received["stage"] == "triage"
    assert answer.headers["location"] == f"/v1/applications/{received['number']}"
    entered = (await staff.get("agent", answer.headers["location"])).json()
    assert (entered["fault"], entered["entered_by_name"]) == ("开机有异响，风力很小", "林晓")
    assert entered["customer"]["phone"] == PHONE
    assert [(line["part"], line["quantity"]) for line in entered["lines"]] == [("CXW-MOTOR-200", 1)]
    async with sessions() as session:  # what the sweep will look for
        assert (await session.get_one(ReplacementOrder, received["number"])).started_at is None


async def test_the_same_key_is_the_same_application(staff: Staff, sessions: Sessions) -> None:
    answers = await asyncio.gather(*(staff.post("agent", "/v1/applications", application()) for _ in range(4)))
    assert sorted(answer.status_code for answer in answers) == [200, 200, 200, 201]
    assert len({answer.json()["number"] for answer in answers}) == 1
    other = await staff.post("agent", "/v1/applications", application(fault="something else"))
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    of_somebody_else = await staff.post("agent2", "/v1/applications?new=true", application())
    assert of_somebody_else.status_code == 201
    async with sessions() as session:
        assert await session.scalar(select(func.count()).select_from(ReplacementOrder)) == 2


async def test_without_a_key_nothing_is_received(staff: Staff) -> None:
    missing = await staff.post("agent", "/v1/applications", application(), key=None)
    assert (missing.status_code, missing.json()["code"]) == (400, "idempotency_key_missing")
    wrong = await staff.post("agent", "/v1/applications", application(), key="with space")
    assert (wrong.status_code, wrong.json()["code"]) == (422, "invalid_request")


async def test_agents_and_systems_enter_applications_and_nobody_else(staff: Staff, client: httpx.AsyncClient) -> None:
    for user in ("auditor", "buyer", "keeper", "dispatcher", "technician", "supervisor", "administrator"):
        refused = await staff.post(user, "/v1/applications", application())
        assert (refused.status_code, refused.json()["code"]) == (403, "role_forbidden")
    web = await staff.post("web", "/v1/applications", application(channel="web"))
    assert (web.status_code, web.json()["stage"]) == (201, "received")
    nobody = await client.post("/v1/applications", json=application(), headers={"Idempotency-Key": "1"})
    assert (nobody.status_code, nobody.json()["code"]) == (401, "not_logged_in")


async def test_what_is_not_known_is_said(staff: Staff) -> None:
    unknown: dict[str, dict[str, Any]] = {
        "unknown_model": {"model": "X"},
        "unknown_fault": {"fault_code": "x.y"},
        "unknown_part": {"lines": [{"part": "X"}]},
        "unknown_service_centre": {"service_centre": "X"},
    }
    for code, changes in unknown.items():
        answer = await staff.post("agent", "/v1/applications", application(**changes))
        assert (answer.status_code, answer.json()["code"]) == (422, code)


@pytest.mark.clause("1.3.1")
async def test_phones_are_for_those_whose_work_needs_them(staff: Staff) -> None:
    number = await staff.enter()
    for user in ("agent", "dispatcher", "technician", "keeper"):
        seen = (await staff.get(user, f"/v1/orders/{number}")).json()
        assert (seen["customer"]["phone"], seen["customer"]["email"]) == (PHONE, "wang.fang@example.com")
        assert seen["tracking_path"].startswith("/track/")
    for user in ("auditor", "buyer", "supervisor", "administrator"):
        seen = (await staff.get(user, f"/v1/orders/{number}")).json()
        assert (seen["customer"]["phone"], seen["customer"]["email"]) == (MASKED, "w***@example.com")
        assert seen["tracking_path"] is None
        assert PHONE not in (await staff.get(user, "/v1/orders", q=PHONE)).text
