"""What customers see behind a link that can't be guessed."""

import httpx
import pytest
from sqlalchemy import select

from database.session import Sessions
from database.tables import ReplacementOrder
from tests.api.conftest import PHONE, Staff


@pytest.mark.clause("2.1.2")
async def test_the_link_shows_where_it_stands_and_nobodys_name(staff: Staff, client: httpx.AsyncClient) -> None:
    number = await staff.enter(remark="difficult customer")
    order = (await staff.get("agent", f"/v1/orders/{number}")).json()
    token = order["tracking_path"].removeprefix("/track/")
    assert len(token) >= 32
    answer = await client.get(f"/v1/tracking/{token}")
    assert answer.status_code == 200
    tracked = answer.json()
    assert (tracked["number"], tracked["stage"], tracked["actions"]) == (number, "triage", ["supplement"])
    assert tracked["wait"].keys() == {"clock", "owner", "since", "due"}
    assert [stage["stage"] for stage in tracked["stages"]] == ["triage"]
    assert [(line["part"], line["quantity"]) for line in tracked["lines"]] == [("CXW-MOTOR-200", 1)]
    for private in (PHONE, "王芳", "林晓", "difficult", 'agent"'):
        assert private not in answer.text.replace("service_agent", "")


async def test_other_links_lead_nowhere(staff: Staff, client: httpx.AsyncClient, sessions: Sessions) -> None:
    await staff.enter()
    async with sessions() as session:
        token = await session.scalar(select(ReplacementOrder.tracking_token))
    assert token
    for wrong in (token[:-1] + ("a" if token[-1] != "a" else "b"), "x" * 32, token.lower() + "'"):
        for answer in (
            await client.get(f"/v1/tracking/{wrong}"),
            await client.post(
                f"/v1/tracking/{wrong}/decisions", json={"action": "consent"}, headers={"Idempotency-Key": "k"}
            ),
        ):
            assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


async def test_customers_decide_only_what_is_theirs(staff: Staff, client: httpx.AsyncClient) -> None:
    number = await staff.enter()
    token = (await staff.get("agent", f"/v1/orders/{number}")).json()["tracking_path"].removeprefix("/track/")
    headers = {"Idempotency-Key": "k"}
    cancel = {"action": "cancel", "reason": "customer_wish"}
    not_theirs = await client.post(f"/v1/tracking/{token}/decisions", json=cancel, headers=headers)
    assert (not_theirs.status_code, not_theirs.json()["code"]) == (422, "invalid_request")
    too_early = await client.post(f"/v1/tracking/{token}/decisions", json={"action": "consent"}, headers=headers)
    assert (too_early.status_code, too_early.json()["code"]) == (409, "stage_moved_on")
    assert too_early.json()["last"].keys() == {"action", "by", "at"}
