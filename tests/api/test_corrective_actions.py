"""Reviews and corrective actions over HTTP: read by who buys, decided through the engine (policy 3.1.3)."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

import pytest

from database import policies, standings
from database.session import Sessions
from database.tables import ReviewEvidence, SupplierReview
from domain.correcting import Standing
from domain.reviews import ReviewFigure
from tests.api.conftest import Staff

CASES: Sequence[Mapping[str, Any]] = (
    {"figure": ReviewFigure.ON_TIME, "document": "PO-20260105-00014", "good": False,
     "due": datetime(2026, 1, 20, 9, tzinfo=UTC)},
    {"figure": ReviewFigure.INCOMING_QUALITY, "document": "PO-20260105-00014", "good": True, "part": "CXW-MOTOR-200",
     "done": datetime(2026, 1, 25, 9, tzinfo=UTC)},
    {"figure": ReviewFigure.INCOMING_QUALITY, "document": "PO-20260105-00022", "good": False, "part": "CXW-MOTOR-200",
     "done": datetime(2026, 2, 25, 9, tzinfo=UTC)},
    {"figure": ReviewFigure.DURABILITY, "document": "RO-20260105-00035", "good": True, "part": "CXW-MOTOR-200",
     "done": datetime(2026, 2, 26, 9, tzinfo=UTC)},
)  # fmt: skip


async def proposed(
    sessions: Sessions,
    supplier: str = "S01",
    figures: Mapping[str, Any] = MappingProxyType({}),
    cases: Sequence[Mapping[str, Any]] = (),
) -> str:
    """A suspension that a review proposes on such cases; returns the corrective action's number."""
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
        session.add_all(ReviewEvidence(review=review.id, **case) for case in cases)
        number = await standings.demand_correction(session, review, time, now)
    assert number
    return number


async def test_the_buyer_reads_what_a_review_proposes(staff: Staff, sessions: Sessions) -> None:
    number = await proposed(sessions)
    [row] = (await staff.get("buyer", "/v1/corrective-actions")).json()["items"]
    assert (row["number"], row["stage"], row["standing"]) == (number, "proposed", "suspended")
    [review] = (await staff.get("buyer", "/v1/supplier-reviews", supplier="S01")).json()["items"]
    assert (review["score"], review["proposed"]) == (None, "suspended")
    assert (await staff.get("buyer", f"/v1/corrective-actions/{number}")).json()["review"]["id"] == review["id"]
    [event] = (await staff.get("buyer", f"/v1/corrective-actions/{number}/events")).json()
    assert event["action"] == "propose"
    assert (await staff.get("technician", "/v1/corrective-actions")).status_code == 403


async def test_only_a_supervisor_puts_it_into_effect(staff: Staff, sessions: Sessions) -> None:
    number = await proposed(sessions)
    said = {"action": "impose", "explanation": "three lots in a row"}
    answer = await staff.post("buyer", f"/v1/corrective-actions/{number}/decisions", said)
    assert (answer.status_code, answer.json()["code"]) == (403, "role_forbidden")


async def test_both_lists_go_on_after_the_last_row_seen(staff: Staff, sessions: Sessions) -> None:
    numbers = [await proposed(sessions, supplier) for supplier in ("S01", "S02", "S03")]
    for path, name, newest_first in (
        ("/v1/corrective-actions", "number", numbers[::-1]),
        ("/v1/supplier-reviews", "supplier", ["S03", "S02", "S01"]),
    ):
        seen: list[str] = []
        cursor: dict[str, str] = {}
        while True:
            page = (await staff.get("buyer", path, limit=1, **cursor)).json()
            seen += [row[name] for row in page["items"]]
            if page["next"] is None:
                break
            cursor = {"cursor": page["next"]}
        assert seen == newest_first
        assert (await staff.get("buyer", path, cursor="nonsense")).json()["code"] == "invalid_cursor"
    of_one = (await staff.get("buyer", "/v1/corrective-actions", supplier="S02", open=True)).json()["items"]
    assert [row["number"] for row in of_one] == [numbers[1]]


@pytest.mark.clause("3.1.1")
async def test_the_cases_behind_a_figure_are_read_one_figure_at_a_time(staff: Staff, sessions: Sessions) -> None:
    await proposed(sessions, "S01", cases=CASES)
    [review] = (await staff.get("buyer", "/v1/supplier-reviews", supplier="S01")).json()["items"]
    path = f"/v1/supplier-reviews/{review['id']}/cases"
    late, lot = (await staff.get("buyer", path, limit=2)).json()["items"]
    assert (late["document"], late["good"], late["done"]) == ("PO-20260105-00014", False, None)
    assert (lot["figure"], lot["part"], lot["good"]) == ("incoming_quality", "CXW-MOTOR-200", True)
    page = (await staff.get("buyer", path, figure="incoming_quality", limit=1)).json()
    again = (await staff.get("buyer", path, figure="incoming_quality", limit=1, cursor=page["next"])).json()
    assert [row["good"] for row in (*page["items"], *again["items"])] == [True, False]
    assert again["next"] is None
    assert (await staff.get("buyer", "/v1/supplier-reviews/999999/cases")).status_code == 404
    assert (await staff.get("technician", path)).status_code == 403
