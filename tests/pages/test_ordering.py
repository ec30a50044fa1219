"""Ordering by hand: at the contract's price, or with a reason, or not at all (policy 3.1.2)."""

import re
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import httpx
import pytest
from sqlalchemy import func, select

from database import contracts
from database.reading.documents import events
from database.session import Sessions
from database.tables import PurchaseLine, PurchaseOrder
from domain.contracts import ContractTerms
from tests.pages.conftest import Browser
from tests.pages.test_requests import PART, csrf

NEW = "/purchase-orders/new"
TODAY = datetime.now(UTC).date()


async def form(client: httpx.AsyncClient, supplier: str, **typed: str) -> dict[str, str]:
    """The form as the buyer sends it: three pieces, at the contract's price unless another is typed."""
    page = (await client.get(f"{NEW}?supplier={supplier}&part={PART}")).text
    kept = {name: page.partition(f'name="{name}" value="')[2].partition('"')[0] for name in ("csrf", "key")}
    return kept | {"supplier": supplier, "lines.0.part": PART, "lines.0.quantity": "3"} | typed


async def placed(sessions: Sessions, answer: httpx.Response) -> tuple[PurchaseOrder, PurchaseLine]:
    assert answer.status_code == 303, answer.text
    number = answer.headers["location"].rpartition("/")[2]
    async with sessions() as session:
        lines = select(PurchaseLine).where(PurchaseLine.purchase_order == number)
        return await session.get_one(PurchaseOrder, number), (await session.scalars(lines)).one()


async def agreed(sessions: Sessions, supplier: str, version: int, valid_until: date, price: str = "100.00") -> None:
    terms = ContractTerms.model_validate(
        {
            "specification": "200 W", "quality_standard": "GB", "price": price, "lead_days": 6,
            "valid_from": TODAY - timedelta(days=30), "valid_until": valid_until, "payment_terms": "30 days",
        }
    )  # fmt: skip
    async with sessions.begin() as session:
        now = await session.scalar(select(func.now()))
        assert now
        await contracts.enter_contract(session, supplier, PART, version, terms, "buyer", now)


@pytest.mark.clause("3.1.2")
async def test_an_order_by_hand_follows_the_contract(browser: Browser, sessions: Sessions) -> None:
    await agreed(sessions, "S01", 2, TODAY + timedelta(days=99))
    async with browser("buyer") as client:
        assert f'href="{NEW}"' in (await client.get("/purchase-orders")).text
        said = await form(client, "S01")
        answer = await client.post(NEW, data=said)
        order, line = await placed(sessions, answer)
        assert (order.supplier, line.quantity, line.unit_price) == ("S01", 3, Decimal("100.00"))
        assert (await client.post(NEW, data=said)).headers["location"] == answer.headers["location"]
        other = await client.post(NEW, data=said | {"lines.0.quantity": "4"})
        assert other.status_code == 422

        dear = await form(client, "S01", **{"lines.0.price": "100.01"})
        refused = await client.post(NEW, data=dear)
        assert refused.status_code == 422
        assert "高于合同价" in refused.text
        assert 'value="100.01"' in refused.text
        again = dear | {"key": "another", "reason": "needed before the holidays"}
        order, line = await placed(sessions, await client.post(NEW, data=again))
        assert line.unit_price == Decimal("100.01")
        async with sessions() as session:
            [event] = await events(session, order.number)
        assert (event.action, event.by, event.details["against_rules"]) == ("place", "buyer", ["above_contract"])
        page = (await client.get(f"/purchase-orders/{order.number}")).text
        assert "needed before the holidays" in page


@pytest.mark.clause("3.1.2")
async def test_after_its_contract_has_run_out_a_supplier_gets_nothing_at_its_price(
    browser: Browser, sessions: Sessions
) -> None:
    await agreed(sessions, "S03", 1, TODAY - timedelta(days=1))
    async with browser("buyer") as client:
        said = await form(client, "S03")
        unpriced = await client.post(NEW, data=said)
        assert unpriced.status_code == 422
        assert "请填写单价和交货天数" in unpriced.text
        refused = await client.post(NEW, data=said | {"lines.0.price": "90.00", "lead_days": "5"})
        assert refused.status_code == 422
        assert "没有有效合同" in refused.text


async def test_only_buyers_order(browser: Browser) -> None:
    async with browser("technician") as client:
        assert (await client.get(NEW)).status_code == 403
        page = (await client.get("/purchase-orders")).text
        assert NEW not in page
        said = {"csrf": csrf(page), "supplier": "S01", "lines.0.part": PART, "lines.0.quantity": "1", "key": "x"}
        assert (await client.post(NEW, data=said)).status_code == 403
        assert (await client.post("/requests-for-quotation/new/ask", data=said)).status_code == 403
        body = {"supplier": "S01", "lines": [{"part": PART, "quantity": 1}]}
        answer = await client.post(
            "/v1/purchase-orders", json=body, headers={"Idempotency-Key": "x", "X-CSRF-Token": csrf(page)}
        )
        assert answer.status_code == 403
        assert not re.search(r"PO-\d", answer.text)
