"""The keeper's pages in a real browser: a scanner types and Enter works; the ledger, past balances, refusals."""

from datetime import UTC, datetime, timedelta

import pytest
from playwright.async_api import expect

from database import transfers
from database.transfers import MoveGoods
from domain.stages import Action
from tests.browser.conftest import PHONE, Look, Shop, faults, faulty, shot

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

PART, GAS = "CXW-MOTOR-200", "KFR-R32"
PAGES = {
    "ledger": Look("keeper", "/stock/movements"),
    "balances": Look("keeper", "/stock/balances"),
    "move": Look("keeper", f"/stock/move?part={PART}&scan=HZ1/qualified"),
    "refusals": Look("supervisor", "/stock/refusals"),
}


async def moved(shop: Shop, by: str, key: str, **said: object) -> transfers.Moved:
    wanted = MoveGoods.model_validate({"target": "HZ1/nonconforming", "quantity": 1} | said)
    async with shop.cases.house.sessions.begin() as session:
        return await transfers.move_goods(session, wanted, by=by, key=key, now=datetime.now(UTC))


@pytest.mark.parametrize("language", ["zh", "en"])
async def test_everybody_can_use_the_keepers_pages(shop: Shop, language: str) -> None:
    await moved(shop, "keeper", "seen", part=PART, source="HZ1/qualified", note="包装破损")
    await moved(shop, "keeper.wh", "refused", part=GAS, source="HZ1/hazardous")
    assert await faulty(shop, PAGES, language) == {}


@pytest.mark.clause("4.2.1")
async def test_goods_move_by_scanner_and_enter_alone(shop: Shop) -> None:
    async with shop.visitor("keeper", size=PHONE) as page:
        await page.goto("/stock/move")
        for code in (PART, "HZ1/qualified", "HZ1/nonconforming"):
            await expect(page.locator("#scan")).to_be_focused()
            await page.keyboard.type(code)
            await page.keyboard.press("Enter")
            await page.wait_for_url("**scan=*")
            await expect(page.locator("#scan")).to_have_value("")
        await expect(page.locator("[name=part]").last).to_have_value(PART)
        await page.locator("[name=quantity]").last.press("Enter")
        await page.wait_for_url("**done=MV-*")
        await page.click("text=在台账中查看")
        await expect(page.locator("#rows tr")).to_have_count(1)
        await page.goto("/stock/move?scan=NO-SUCH-CODE")
        await expect(page.locator("#scan-error")).to_be_visible()


@pytest.mark.clause("4.2.1")
async def test_serial_numbers_are_scanned_on_a_phone(shop: Shop) -> None:
    """Each scan ends with Enter; nothing is sent before the button is pressed."""
    cases, part = shop.cases, "JSQ-EXCHANGER"
    order = await cases.approved(model="HG-JSQ30", lines=[{"part": part, "quantity": 2}], fault="热交换器漏水。")
    purchase, promised = await cases.purchase_order(), datetime.now(UTC) + timedelta(days=3)
    await cases.decide(purchase, Action.CONFIRM, "buyer", promised_at=promised, signed_by="王经理")
    async with shop.visitor("keeper", size=PHONE) as page:
        await page.goto(f"/purchase-orders/{purchase}")
        await page.fill("#receive_goods-delivery_note", "DN-7")
        await page.focus("#receive_goods-scan")
        await page.keyboard.type(part)
        await page.keyboard.press("Enter")
        await expect(page.locator("#receive_goods-lines-0-counted")).to_be_focused()
        await page.focus("#receive_goods-lines-0-serials")
        for serial in ("HX-71", "HX-72"):
            await page.keyboard.type(serial)
            await page.keyboard.press("Enter")
        if path := shot("keeper-scanned-phone-zh"):
            await page.screenshot(path=path, full_page=True)
        assert await faults(page) == []
        await page.locator("#form-receive_goods button.btn-primary").click()
        await expect(page.locator("#form-inspect_goods")).to_be_visible()
        for reading in (0, 1):
            await page.fill(f"#inspect_goods-readings-{reading}-value", "0.05")
        await page.locator("#form-inspect_goods button.btn-primary").click()
        await expect(page.locator("#form-inspect_goods")).to_have_count(0)
        await page.goto(f"/orders/{order}")
        await page.focus("#pack-serials")
        await page.keyboard.type("HX-71")
        await page.keyboard.press("Enter")
        await page.locator("#form-pack button.btn-primary").click()
        await expect(page.locator("#pack-serials-error")).to_be_visible()
        await page.fill("#pack-serials", "HX-71\nHX-72")
        await page.locator("#form-pack button.btn-primary").click()
        await expect(page.locator("main a", has_text="HX-72")).to_be_visible()
        assert await faults(page) == []


@pytest.mark.clause("4.3.3")
async def test_the_supervisor_sees_who_was_refused_and_signs_as_the_second(shop: Shop) -> None:
    waits = await moved(shop, "keeper.cd", "second", part=GAS, source="HZ1/hazardous")
    async with shop.visitor("supervisor", language="en") as page:
        await page.goto("/stock/refusals")
        row = page.locator("tr", has_text=waits.number)
        await row.get_by_role("button").click()
        await page.wait_for_url("**which=all")
        await expect(page.locator("tr", has_text=waits.number).get_by_role("button")).to_have_count(0)


@pytest.mark.clause("4.2.1")
async def test_a_movement_is_taken_back_on_the_page(shop: Shop) -> None:
    done = await moved(shop, "keeper", "back", part=PART, source="HZ1/qualified")
    async with shop.visitor("keeper", language="en", size=PHONE) as page:
        await page.goto(f"/stock/movements?document={done.number}")
        await page.click("text=Take back")
        await page.fill("[name=note]", "the wrong rack")
        await page.get_by_role("button", name="Take back").click()
        await page.wait_for_url("**document=MV-*")
        await expect(page.locator("#rows")).to_contain_text("the wrong rack")
