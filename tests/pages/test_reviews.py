"""Suppliers' reviews and corrective actions on pages: read by who buys, decided by who may (policy 3.1.3)."""

import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select

from database.reading.documents import events
from database.reading.facts import facts
from database.session import Sessions
from database.tables import StandingChange, Supplier
from domain.correcting import Standing
from tests.api.test_corrective_actions import CASES, proposed
from tests.pages.conftest import Browser
from tests.pages.test_requests import csrf

HOUSE = "https://huanjian.test"
FIGURES = {
    "on_time": {"numerator": "7", "denominator": "8", "n": 8},
    "incoming_quality": {"numerator": "2", "denominator": "3", "n": 3},
    "durability": {"numerator": "0", "denominator": "0", "n": 0},
    "price": {"numerator": "934.00", "denominator": "1000", "n": 9},
}


async def page_of(sessions: Sessions, number: str) -> str:
    """Where the link leads that a notice about a corrective action carries."""
    async with sessions() as session:
        told = await facts(session, number, 0, HOUSE)
    assert told
    assert told.page_url
    return told.page_url.removeprefix(HOUSE)


@pytest.mark.clause("3.1.3")
async def test_who_buys_reads_reviews_and_what_a_notice_links_to(browser: Browser, sessions: Sessions) -> None:
    number = await proposed(sessions, "S01", FIGURES, CASES)
    link = await page_of(sessions, number)
    for user in ("buyer", "supervisor"):
        async with browser(user) as client:
            page = (await client.get("/supplier-reviews")).text
            assert 'href="/supplier-reviews" aria-current="page"' in page
            assert f'href="/corrective-actions/{number}"' in page
            for said in ("87.5%", "7 / 8", "2 / 3 · 样本不足，不计分", "无数据", "93.4%", "暂停供货"):
                assert said in page, said
            page = (await client.get("/corrective-actions")).text
            assert number in page
            assert 'href="/supplier-reviews" aria-current="page"' in page
            answer = await client.get(link)
            assert answer.status_code == 200
            assert 'href="/suppliers/S01"' in answer.text
            for said in ("等待督导决定评审建议", "待决定", "合格 → 暂停供货"):
                assert said in answer.text, said
            assert "待确认" not in answer.text
            assert ("act-impose" in answer.text) == (user == "supervisor")
    async with browser("technician") as client:
        for address in ("/supplier-reviews", "/corrective-actions", link, f"{link}/news?seq=0"):
            assert (await client.get(address)).status_code == 403, address
        page = (await client.get("/orders")).text
        assert "/supplier-reviews" not in page
        assert (await client.post(f"{link}/impose", data={"csrf": csrf(page), "explanation": "x"})).status_code == 403
    async with browser("buyer") as client:
        assert (await client.get("/corrective-actions/CA-20200101-00010")).status_code == 404


@pytest.mark.clause("3.1.3")
async def test_from_the_proposal_to_the_release_on_the_page(browser: Browser, sessions: Sessions) -> None:
    link = await page_of(sessions, number := await proposed(sessions, "S02"))
    async with browser("supervisor") as supervisor, browser("buyer") as buyer:
        said = {"csrf": csrf((await supervisor.get(link)).text), "explanation": "three lots in a row"}
        asked = await supervisor.post(f"{link}/impose", data=said)
        assert asked.status_code == 200
        assert "供应商资格变为：暂停供货。" in asked.text
        done = await supervisor.post(f"{link}/impose", data=said | {"sure": "yes"})
        assert done.status_code == 303, done.text
        page = (await buyer.get(link)).text
        assert "three lots in a row" in page
        assert "合格 → 暂停供货" in page

        token, until = csrf(page), datetime.now(UTC) + timedelta(days=9)
        answered = {"csrf": token, "cause": "a worn die", "measures": "a new die", "said_by": "冯立"}
        missing = await buyer.post(f"{link}/answer_demand", data=answered)
        assert missing.status_code == 422
        assert "a worn die" in missing.text
        local = f"{until.astimezone(ZoneInfo('Asia/Shanghai')):%Y-%m-%dT%H:%M}"
        for action, typed in (
            ("answer_demand", answered | {"done_by": local}),
            ("submit_evidence", {"csrf": token, "evidence": "report 7 of the test house", "said_by": "冯立"}),
            ("verify", {"csrf": token, "explanation": "seen on site"}),
        ):
            done = await buyer.post(f"{link}/{action}", data=typed)
            assert done.status_code == 303, done.text
        page = (await supervisor.get(link)).text
        for told in ("a worn die", "a new die", "report 7 of the test house", "act-release"):
            assert told in page, told
        done = await supervisor.post(f"{link}/release", data={**said, "explanation": "as good as before"})
        assert done.status_code == 303, done.text
        assert number not in (await buyer.get("/corrective-actions?which=open")).text
        assert number in (await buyer.get("/corrective-actions?which=all")).text
    async with sessions() as session:
        actions = [event.action for event in await events(session, number)]
        changes = select(StandingChange.after).where(StandingChange.supplier == "S02").order_by(StandingChange.id)
        assert list(await session.scalars(changes)) == [Standing.SUSPENDED, Standing.QUALIFIED]
        assert (await session.get_one(Supplier, "S02")).standing == Standing.QUALIFIED
    assert actions == ["propose", "impose", "answer_demand", "submit_evidence", "verify", "release"]


@pytest.mark.clause("3.1.1")
async def test_each_figure_leads_to_the_rows_it_was_made_from(browser: Browser, sessions: Sessions) -> None:
    number = await proposed(sessions, "S05", FIGURES, CASES)
    async with browser("buyer") as client:
        figures = (await client.get("/supplier-reviews")).text
        own = figures.partition('<div class="sub mono">S05</div>')[2].partition("</tr>")[0]
        addresses = re.findall(r'href="(/supplier-reviews/\d+\?figure=\w+)#cases"', own)
        assert len(addresses) == 3, "what has no data leads nowhere"
        seen = {address.rpartition("=")[2]: (await client.get(address)).text for address in addresses}
        assert 'href="/purchase-orders/PO-20260105-00014"' in seen["on_time"]
        assert "PO-20260105-00022" not in seen["on_time"]
        assert "评审时尚未发生" in seen["on_time"]
        assert 'href="/purchase-orders/PO-20260105-00022"' in seen["incoming_quality"]
        assert (seen["incoming_quality"].count("不利于供应商"), seen["incoming_quality"].count("有利于供应商")) == (
            1,
            1,
        )
        assert 'href="/costs/receipts?first=2026-01&amp;last=2026-03&amp;supplier=S05"' in seen["price"]
        fitted = (await client.get(addresses[0].replace("on_time", "durability"))).text
        assert 'href="/orders/RO-20260105-00035"' in fitted
        assert (await client.get("/supplier-reviews/999999")).status_code == 404
        page = (await client.get("/suppliers/S05")).text
        assert addresses[0].partition("?")[0] in page
        assert f'href="/corrective-actions/{number}"' in page
    async with browser("technician") as client:
        assert "/supplier-reviews" not in (await client.get("/suppliers/S05")).text
        assert (await client.get(addresses[0])).status_code == 403


async def test_reviews_and_corrective_actions_of_one_supplier(browser: Browser, sessions: Sessions) -> None:
    number = await proposed(sessions, "S06", FIGURES)
    async with browser("buyer") as client:
        page = (await client.get("/supplier-reviews?supplier=S06")).text
        assert page.count('<div class="sub mono">S0') == page.count('<div class="sub mono">S06</div>') == 1
        assert "2026年1月" in page
        page = (await client.get("/corrective-actions?which=all&supplier=S06")).text
        assert re.findall(r"CA-[0-9]{8}-[0-9]+", page)
        assert set(re.findall(r"CA-[0-9]{8}-[0-9]+", page)) == {number}


async def test_what_a_review_proposes_is_dismissed_once(browser: Browser, sessions: Sessions) -> None:
    link = await page_of(sessions, await proposed(sessions, "S03"))
    async with browser("supervisor") as supervisor:
        said = {"csrf": csrf((await supervisor.get(link)).text), "explanation": "our own mistake", "sure": "yes"}
        assert (await supervisor.post(f"{link}/dismiss", data=said)).status_code == 303
        again = await supervisor.post(f"{link}/impose", data=said)
        assert again.status_code == 409
        assert "our own mistake" in again.text
