"""Requests for quotation on pages: asked by the buyer, answered behind a link, read by nobody before the deadline."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import select, update

from database.session import Sessions
from database.tables import Invitation, RequestForQuotation, SupplierBid
from domain.stages import Action
from tests.pages.conftest import Browser
from tests.pages.engine import Engine

PART, OTHER = "CXW-MOTOR-200", "CXW-CAPACITOR"
SECRET = "117.53"
ROOT = Path(__file__).parents[2]


def csrf(page: str) -> str:
    return page.partition('name="csrf" value="')[2].partition('"')[0]


async def asked(client: httpx.AsyncClient, **more: str) -> str:
    """A request as a buyer types it; its number."""
    form = (await client.get("/requests-for-quotation/new/ask")).text
    said = {"csrf": csrf(form), "key": form.partition('name="key" value="')[2].partition('"')[0]}
    answer = await client.post(
        "/requests-for-quotation/new/ask", data=said | {"lines.0.part": PART, "lines.0.quantity": "100"} | more
    )
    assert answer.status_code == 303, answer.text
    number: str = re.findall(r"RFQ-[0-9-]+", answer.headers["location"])[0]
    return number


async def link(sessions: Sessions, number: str, supplier: str) -> str:
    async with sessions() as session:
        wanted = select(Invitation.token).where(Invitation.request == number, Invitation.supplier == supplier)
        return f"/bids/{(await session.scalars(wanted)).one()}"


def offer(price: str = SECRET, days: str = "6") -> dict[str, str]:
    return {
        "lines.0.part": PART,
        "lines.0.price": price,
        "lines.0.freight": "2.00",
        "lines.0.lead_days": days,
        "lines.0.guarantee_months": "18",
        "valid_until": "2099-01-01",
        "signed_by": "冯立",
        "note": "two years on the bearings",
    }


async def opened(sessions: Sessions, engine: Engine, number: str) -> None:
    """The deadline has passed and the bids are opened."""
    async with sessions.begin() as session:
        past = datetime.now(UTC) - timedelta(seconds=1)
        await session.execute(
            update(RequestForQuotation).where(RequestForQuotation.number == number).values(deadline=past)
        )
    await engine.step(number, Action.OPEN_BIDS)


@pytest.mark.clause("3.3.1")
async def test_a_sealed_bid_is_read_by_nobody_on_no_page_and_over_no_address(
    browser: Browser, sessions: Sessions, engine: Engine
) -> None:
    async with browser("buyer") as buyer, browser("supervisor") as supervisor, browser() as supplier:
        number = await asked(buyer)
        page = await link(sessions, number, "S01")
        answer = await supplier.post(f"{page}/bid", data=offer())
        assert answer.status_code == 303, answer.text
        addresses = [
            f"/requests-for-quotation/{number}",
            f"/requests-for-quotation/{number}/news?seq=0",
            f"/v1/requests-for-quotation/{number}",
            f"/v1/requests-for-quotation/{number}/events",
            "/requests-for-quotation",
            "/v1/requests-for-quotation",
            "/suppliers/S01",
            f"/v1/suppliers/S01/parts/{PART}",
            page,
            f"/v1{page}",
        ]
        for who in (buyer, supervisor, supplier):
            for address in addresses:
                seen = await who.get(address)
                assert seen.status_code in ((200,) if who is not supplier else (200, 303, 401)), address
                assert SECRET not in seen.text, address
                assert "bearings" not in seen.text, address
        events = (await buyer.get(f"/v1/requests-for-quotation/{number}/events")).json()
        assert events[-1]["action"] == "bid"
        assert events[-1]["said"] is None
        invited = (await buyer.get(f"/v1/requests-for-quotation/{number}")).json()
        assert invited["comparison"] == []
        assert [one["supplier"] for one in invited["invited"] if one["bid_at"]] == ["S01"]

        await opened(sessions, engine, number)
        for address in (f"/requests-for-quotation/{number}", f"/v1/requests-for-quotation/{number}"):
            assert SECRET in (await buyer.get(address)).text
        events = (await buyer.get(f"/v1/requests-for-quotation/{number}/events")).json()
        assert all(event["said"] is None for event in events if event["action"] == "bid")


@pytest.mark.clause("3.3.1")
def test_bids_have_one_reader() -> None:
    """Whoever writes another query for bids finds this test: it must not read what is sealed."""
    readers = {
        str(file.relative_to(ROOT))
        for room in ("api", "activities", "database", "workflows", "messaging")
        for file in (ROOT / room).rglob("*.py")
        if "migrations" not in file.parts and re.search(r"\b(SupplierBid|BidLine)\b", file.read_text("utf-8"))
    }
    assert readers == {
        "activities/steps/requesting.py",  # writes them
        "database/requests.py",
        "database/tables/__init__.py",
        "database/tables/requesting.py",
    }
    reading = (ROOT / "database/requests.py").read_text("utf-8")
    assert reading.count("select(\n            BidLine") == 1
    assert "RequestForQuotation.opened_at.is_not(None)" in reading


@pytest.mark.clause("3.3.1")
async def test_bids_are_compared_and_awarded_on_the_page(browser: Browser, sessions: Sessions, engine: Engine) -> None:
    async with browser("buyer") as buyer, browser() as supplier:
        number = await asked(buyer)
        for code, price, days in (("S01", "117.00", "6"), ("S03", "121.00", "9"), ("S05", "149.00", "3")):
            answer = await supplier.post(f"{await link(sessions, number, code)}/bid", data=offer(price, days))
            assert answer.status_code == 303, answer.text
        await opened(sessions, engine, number)
        url = f"/requests-for-quotation/{number}"
        page = (await buyer.get(url)).text
        assert page.index("集源示范家电配件") < page.index("通达示范热工")
        assert "50%" in page
        assert page.count("权重计入其他各项") == 3, "nobody was reviewed yet"
        best = re.findall(r'value="100"[^>]*name="lines\.(\d)\.quantity"', page)
        assert len(best) == 1
        said = {"csrf": csrf(page), "order_now": "on", "reason": "", "sure": "yes"}
        rows = re.findall(r'name="(lines\.\d\.(?:part|supplier))" value="([^"]+)"', page)
        assert len(rows) == 6
        given = {f"lines.{row}.quantity": "100" if str(row) == best[0] else "" for row in range(3)}
        done = await buyer.post(f"{url}/award", data={**said, **dict(rows), **given})
        assert done.status_code == 303, done.text
        page = (await buyer.get(url)).text
        assert "3 家报价中最优" in page
        assert "PO-" in page
        won = (await supplier.get(await link(sessions, number, "S05"))).text
        lost = (await supplier.get(await link(sessions, number, "S01"))).text
        assert ("Your offer was accepted" in won, "Your offer was accepted" in lost) == (True, False)
        assert "149" not in lost


async def test_a_supplier_reads_its_page_in_its_language_and_a_wrong_offer_comes_back(
    browser: Browser, sessions: Sessions
) -> None:
    async with browser("buyer") as buyer, browser(language="en") as supplier:
        number = await asked(buyer, note="needed before the summer")
        page = await link(sessions, number, "S01")
        text = (await supplier.get(page)).text
        assert "We take offers until" in text
        assert "needed before the summer" in text
        nothing = await supplier.post(f"{page}/bid", data=offer(price=""))
        assert nothing.status_code == 422
        assert "Give a price for at least one part" in nothing.text
        late = await supplier.post(f"{page}/bid", data=offer(days=""))
        assert late.status_code == 422
        assert "Say in how many days it comes" in late.text
        assert f'value="{SECRET}"' in late.text
        other = await supplier.post(f"{page}/bid", data=offer(price="") | {"lines.0.part": "<b>another</b>"})
        assert other.status_code == 422
        assert "&lt;b&gt;another" in other.text
        none = await supplier.post(f"{page}/no_bid", data={"explanation": "no capacity"})
        assert none.status_code == 303
        assert "You told us that you make no offer" in (await supplier.get(page)).text
        for address in ("/bids/nobody-has-this-token-at-all", f"{page}x"):
            assert (await supplier.get(address)).status_code == 404
        assert (await supplier.post(f"{page}/award", data={})).status_code == 404
        assert (await supplier.post(f"{page}/abandon", data={"explanation": "x"})).status_code == 404


async def test_a_supplier_speaks_for_itself_alone(browser: Browser, sessions: Sessions) -> None:
    async with browser("buyer") as buyer, browser() as supplier:
        number = await asked(buyer)
        page = await link(sessions, number, "S01")
        body = {
            "action": "bid", "supplier": "S05", "evidence": "mine", "valid_until": "2099-01-01", "signed_by": "x",
            "lines": [{"part": PART, "price": "1.00", "lead_days": 1}],
        }  # fmt: skip
        answer = await supplier.post(f"/v1{page}/decisions", json=body, headers={"Idempotency-Key": "one"})
        assert answer.status_code == 200, answer.text
        again = await supplier.post(f"/v1{page}/decisions", json=body, headers={"Idempotency-Key": "one"})
        assert again.json() == answer.json()
        async with sessions() as session:
            bids = (await session.scalars(select(SupplierBid).where(SupplierBid.request == number))).all()
        assert [(bid.supplier, bid.evidence) for bid in bids] == [("S01", "mine")]


@pytest.mark.clause("3.3.1")
async def test_an_emergency_needs_a_reason_and_is_looked_into_by_an_auditor(browser: Browser) -> None:
    async with browser("buyer") as buyer, browser("auditor") as auditor:
        form = (await buyer.get("/requests-for-quotation/new/emergency")).text
        said = {
            "csrf": csrf(form), "supplier": "S05", "lines.0.part": PART, "lines.0.quantity": "1",
            "lines.0.price": "160.00", "lead_days": "1",
        }  # fmt: skip
        silent = await buyer.post("/requests-for-quotation/new/emergency", data=said)
        assert silent.status_code == 422
        forbidden = await buyer.post(
            "/requests-for-quotation/new/emergency", data=said | {"supplier": "S04", "reason": "it burns"}
        )
        assert "按制度不得向该供应商订购此备件" in forbidden.text
        done = await buyer.post("/requests-for-quotation/new/emergency", data=said | {"reason": "it burns"})
        assert done.status_code == 303, done.text
        url = done.headers["location"].partition("?")[0]
        mine = (await auditor.get("/requests-for-quotation?which=mine")).text
        assert url in mine
        page = (await auditor.get(url)).text
        assert "it burns" in page
        assert "高于合同价" in page
        looked = await auditor.post(
            f"{url}/look_into", data={"csrf": csrf(page), "finding": "justified", "explanation": "it did"}
        )
        assert looked.status_code == 303, looked.text
        assert "确有必要" in (await auditor.get(url)).text


async def test_only_buyers_ask(browser: Browser) -> None:
    async with browser("agent") as agent:
        assert (await agent.get("/requests-for-quotation/new/ask")).status_code == 403
        body: dict[str, Any] = {"lines": [{"part": PART}]}
        token = csrf((await agent.get("/requests-for-quotation")).text)
        headers = {"Idempotency-Key": "k", "X-CSRF-Token": token}
        answer = await agent.post("/v1/requests-for-quotation", json=body, headers=headers)
        assert answer.json()["code"] == "role_forbidden"
