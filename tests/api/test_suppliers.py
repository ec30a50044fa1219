"""The register over the API: entered once however often it is sent, by buyers alone (policy 3.1.1, 3.1.2)."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest

from tests.api.conftest import Staff

PART = "/v1/suppliers/S01/parts/CXW-MOTOR-200"
TODAY = datetime.now(ZoneInfo("Asia/Shanghai")).date()
TERMS: dict[str, Any] = {
    "specification": "220 V 50 Hz 200 W",
    "quality_standard": "GB/T 2828.1 AQL 1.0",
    "price": "128.00",
    "breaks": [{"from_quantity": 50, "price": "121.00"}],
    "freight": "2.50",
    "lead_days": 6,
    "valid_from": str(TODAY),
    "valid_until": str(TODAY.replace(year=TODAY.year + 1, day=1)),
    "payment_terms": "30 days",
    "guarantee_months": 18,
    "after_sales": "Replaced within five days",
}


async def put(staff: Staff, path: str, body: Any, user: str = "buyer") -> httpx.Response:
    return await staff.client.put(path, json=body, headers=await staff._key(user))


@pytest.mark.clause("3.1.2")
async def test_a_contract_is_entered_once_and_every_version_is_kept(staff: Staff) -> None:
    first = await put(staff, f"{PART}/contracts/2", TERMS)
    assert first.status_code == 201, first.text
    again = await put(staff, f"{PART}/contracts/2", TERMS)
    assert (again.status_code, again.json()) == (200, first.json())
    newest, before = again.json()["contracts"]
    assert again.json()["contract_in_force"] == newest["version"] == 2
    assert {name: newest[name] for name in TERMS} == TERMS
    assert newest["entered_by"] == "buyer"
    assert before["price"] == "131.69"

    other = await put(staff, f"{PART}/contracts/2", TERMS | {"price": "127.00"})
    assert (other.status_code, other.json()["code"]) == (409, "version_moved_on")
    gap = await put(staff, f"{PART}/contracts/9", TERMS)
    assert (gap.status_code, gap.json()["code"]) == (409, "version_moved_on")
    offers = (await staff.get("buyer", "/v1/suppliers", part="CXW-MOTOR-200")).json()
    assert {each["code"]: each["prices"][0]["price"] for each in offers}["S01"] == "128.00"


@pytest.mark.clause("3.1.1")
async def test_qualifications_and_papers_are_entered_with_their_evidence(staff: Staff) -> None:
    proof = {
        "valid_from": str(TODAY), "valid_until": TERMS["valid_until"], "proof": "site_audit", "reference": "SA-77",
    }  # fmt: skip
    answer = await put(staff, "/v1/suppliers/S04/parts/CXW-MOTOR-200/qualifications/1", proof)
    assert answer.status_code == 201, answer.text
    assert answer.json()["qualification_in_force"] == 1
    assert answer.json()["qualifications"][0]["reference"] == "SA-77"
    paper = {"number": "91330100-RENEWED", "expires_on": "2039-01-01"}
    for status in (201, 200):
        answer = await put(staff, "/v1/suppliers/S04/papers/business_licence/2", paper)
        assert answer.status_code == status, answer.text
    licence = next(each for each in answer.json()["papers"] if each["kind"] == "business_licence")
    assert (licence["version"], licence["expires_on"]) == (2, "2039-01-01")


async def test_only_buyers_enter_and_what_is_unknown_is_not_found(staff: Staff) -> None:
    assert (await put(staff, f"{PART}/contracts/2", TERMS, "agent")).json()["code"] == "role_forbidden"
    assert (await put(staff, f"{PART.replace('S01', 'S99')}/contracts/1", TERMS)).json()["code"] == "unknown_supplier"
    assert (await put(staff, "/v1/suppliers/S01/parts/NO/contracts/1", TERMS)).json()["code"] == "unknown_part"
    assert (await staff.get("buyer", "/v1/suppliers/S99")).status_code == 404
    wrong = await put(staff, f"{PART}/contracts/2", TERMS | {"valid_until": "2001-01-01"})
    assert wrong.status_code == 422
    assert wrong.json()["errors"][0]["pointer"] == "/valid_until"


async def test_parts_of_a_supplier_come_in_pages(staff: Staff) -> None:
    seen: list[str] = []
    cursor: dict[str, Any] = {}
    while True:
        page = (await staff.get("buyer", "/v1/suppliers/S05", limit=20, **cursor)).json()["parts"]
        seen += [row["part"] for row in page["items"]]
        if not page["next"]:
            break
        cursor = {"cursor": page["next"]}
    assert seen == sorted(set(seen))
    assert len(seen) > 40
