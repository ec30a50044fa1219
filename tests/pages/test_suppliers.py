"""The buyer's register on pages: what runs out is seen, what is entered is kept, what is wrong is said (policy 3.1)."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from tests.pages.conftest import Browser

CHINA = ZoneInfo("Asia/Shanghai")
TODAY = datetime.now(CHINA).date()
CONTRACT = {
    "version": "2",
    "specification": "220 V 50 Hz 200 W",
    "quality_standard": "GB/T 2828.1",
    "price": "128.00",
    "breaks.0.from_quantity": "50",
    "breaks.0.price": "121.00",
    "freight": "2.50",
    "lead_days": "6",
    "valid_from": str(TODAY),
    "valid_until": str(TODAY + timedelta(days=300)),
    "payment_terms": "30 days",
    "guarantee_months": "18",
}


def csrf(page: str) -> str:
    return page.partition('name="csrf" value="')[2].partition('"')[0]


@pytest.mark.clause("3.1.1")
async def test_what_runs_out_soon_is_warned_of_and_what_has_run_out_too(browser: Browser) -> None:
    left = 24 - (datetime.now(CHINA).date() - TODAY).days  # it may be run over midnight
    async with browser("buyer") as client:
        everybody = (await client.get("/suppliers")).text
        assert everybody.count('class="rowlink"') == 6
        attention = (await client.get("/suppliers?which=attention")).text
        assert [code for code in ("S01", "S03", "S04", "S06") if f"/suppliers/{code}" in attention] == ["S04", "S06"]
        assert f"剩 {left} 天" in attention
        licence = (await client.get("/suppliers/S04")).text
        assert "营业执照" in licence
        assert f"剩 {left} 天" in licence
        assert "已到期" in (await client.get("/suppliers/S06")).text


@pytest.mark.clause("3.1.2")
async def test_a_contract_is_entered_on_its_page_and_the_one_before_stays(browser: Browser) -> None:
    url = "/suppliers/S01/parts/CXW-MOTOR-200"
    async with browser("buyer") as client:
        token = csrf((await client.get(url)).text)
        more = await client.post(f"{url}/contract", data=CONTRACT | {"csrf": token, "more": "breaks"})
        assert 'name="breaks.1.from_quantity"' in more.text
        wrong = await client.post(f"{url}/contract", data=CONTRACT | {"csrf": token, "breaks.0.price": "129"})
        assert wrong.status_code == 422
        assert "单价须更低" in wrong.text
        assert 'value="129"' in wrong.text
        done = await client.post(f"{url}/contract", data=CONTRACT | {"csrf": token})
        assert done.status_code == 303, done.text
        page = (await client.get(done.headers["location"])).text
        assert "满 50 件：¥121.00" in page
        assert "¥131.69" in page
        assert page.index("第 2 版") < page.index("第 1 版")
        late = await client.post(f"{url}/contract", data=CONTRACT | {"csrf": token, "price": "127.00"})
        assert late.status_code == 422
        assert "他人刚登记了这一版" in late.text
        assert 'value="127.00"' in late.text


async def test_others_read_the_register_and_enter_nothing(browser: Browser) -> None:
    async with browser("supervisor") as client:
        page = (await client.get("/suppliers/S01/parts/CXW-MOTOR-200")).text
        assert "登记新版合同" not in page
        token = csrf(page)
        answer = await client.post("/suppliers/S01/parts/CXW-MOTOR-200/contract", data=CONTRACT | {"csrf": token})
        assert answer.status_code == 403


async def test_a_paper_is_renewed_and_the_page_is_chinese_for_who_reads_chinese(browser: Browser) -> None:
    async with browser("buyer", "zh") as client:
        token = csrf((await client.get("/suppliers/S04")).text)
        said = {"csrf": token, "kind": "business_licence", "number": "91330100-2", "expires_on": "2039-01-01"}
        done = await client.post("/suppliers/S04/papers", data=said)
        assert done.status_code == 303
        assert "91330100-2" in (await client.get("/suppliers/S04")).text
        assert (await client.post("/suppliers/S04/papers", data=said | {"expires_on": "soon"})).status_code == 422
