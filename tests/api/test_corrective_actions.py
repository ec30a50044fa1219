"""Reviews and corrective actions over HTTP: read by who buys, decided through the engine (policy 3.1.3)."""

from collections.abc import Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

from database import policies, standings
from database.session import Sessions
from database.tables import SupplierReview
from domain.correcting import Standing
from tests.api.conftest import Staff


async def proposed(sessions: Sessions, supplier: str = "S01", figures: Mapping[str, Any] = MappingProxyType({})) -> str:
    """A suspension that a review proposes; returns the corrective action's number."""
    now = datetime.now(UTC)
    async with sessions.begin() as session:
        time = await policies.timekeeper(session, await policies.newest(session, "standard"))
        review = SupplierReview(
            first=now.date().replace(month=1, day=1), end=now.date().replace(month=4, day=1), supplier=supplier,
            reviewed_at=now, policy_name=time.policy.name, policy_version=time.policy.version,
            figures=dict(figures), score=None,
            standing=Standing.QUALIFIED, proposed=Standing.SUSPENDED,
        )  # fmt: skip
        session.add(review)
        await session.flush()
        number = await standings.demand_correction(session, review, time, now)
    assert number
    return number


async def test_the_buyer_reads_what_a_review_proposes(staff: Staff, sessions: Sessions) -> None:
    number = await proposed(sessions)
    [row] = (await staff.get("buyer", "/v1/corrective-actions")).json()
    assert (row["number"], row["stage"], row["standing"]) == (number, "proposed", "suspended")
    [review] = (await staff.get("buyer", "/v1/supplier-reviews", supplier="S01")).json()
    assert (review["score"], review["proposed"]) == (None, "suspended")
    [event] = (await staff.get("buyer", f"/v1/corrective-actions/{number}/events")).json()
    assert event["action"] == "propose"
    assert (await staff.get("technician", "/v1/corrective-actions")).status_code == 403


async def test_only_a_supervisor_puts_it_into_effect(staff: Staff, sessions: Sessions) -> None:
    number = await proposed(sessions)
    said = {"action": "impose", "explanation": "three lots in a row"}
    answer = await staff.post("buyer", f"/v1/corrective-actions/{number}/decisions", said)
    assert (answer.status_code, answer.json()["code"]) == (403, "role_forbidden")
