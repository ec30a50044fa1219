"""The pages in a real browser: usable for everybody, in both languages, on a desk and on a phone."""

import re
from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from domain.stages import Action
from tests.api.test_corrective_actions import CASES, proposed
from tests.browser.conftest import PHONE, Look, Shop, faults, faulty
from tests.pages.cases import SOLD_OUT
from tests.pages.test_reviews import FIGURES
from tests.pictures import photo

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
async def looks(shop: Shop) -> dict[str, Look]:
    """Every page, with something on it."""
    cases = shop.cases
    triage = await cases.apply(urgent=True)
    quoted, audit, dispatch = await cases.quoted(), await cases.audited(), await cases.approved()
    sourcing = await cases.approved(**SOLD_OUT)
    transit, delivered, rework, closed = (
        await cases.in_transit(),
        await cases.delivered(),
        await cases.reworked(),
        await cases.closed(),
    )
    purchase = await cases.purchase_order()
    correction = await proposed(cases.house.sessions, "S01", FIGURES, CASES)
    demand = await proposed(cases.house.sessions, "S03", FIGURES)
    await cases.decide(demand, Action.IMPOSE, "supervisor", explanation="三批不合格")
    request = await cases.request()
    return {
        "log-in": Look(None, "/login"),
        "list": Look("supervisor", "/orders?which=all"),
        "list-empty": Look("supervisor", "/orders?text=nobody-of-that-name"),
        "application": Look("agent", "/orders/new"),
        "order-triage": Look("agent", f"/orders/{triage}"),
        "order-audit": Look("auditor", f"/orders/{audit}"),
        "order-dispatch": Look("keeper", f"/orders/{dispatch}"),
        "order-sourcing": Look("buyer", f"/orders/{sourcing}"),
        "order-in-transit": Look("supervisor", f"/orders/{transit}"),
        "order-installation": Look("dispatcher", f"/orders/{delivered}"),
        "order-rework": Look("agent", f"/orders/{rework}"),
        "order-closed": Look("agent", f"/orders/{closed}"),
        "purchase-orders": Look("buyer", "/purchase-orders"),
        "purchase-order": Look("keeper", f"/purchase-orders/{purchase}"),
        "suppliers": Look("buyer", "/suppliers"),
        "supplier": Look("buyer", "/suppliers/S01"),
        "agreed": Look("buyer", "/suppliers/S01/parts/CXW-MOTOR-200"),
        "purchase-order-buyer": Look("buyer", f"/purchase-orders/{purchase}"),
        "purchase-order-new": Look("buyer", "/purchase-orders/new?supplier=S01&part=CXW-MOTOR-200"),
        "freight": Look("buyer", f"/purchase-orders/{purchase}/freight"),
        "supply": Look(None, f"/supply/{await cases.link(purchase)}"),
        "costs": Look("buyer", "/costs"),
        "receipts": Look("buyer", "/costs/receipts"),
        "requests": Look("buyer", "/requests-for-quotation"),
        "request": Look("buyer", f"/requests-for-quotation/{request}"),
        "request-new": Look("buyer", "/requests-for-quotation/new/ask"),
        "emergency": Look("buyer", "/requests-for-quotation/new/emergency"),
        "bid": Look(None, f"/bids/{await cases.invitation(request)}"),
        "demand": Look(None, f"/corrections/{await cases.link(demand)}"),
        "supplier-review": Look("buyer", f"/supplier-reviews/{await cases.review(correction)}"),
        "supplier-reviews": Look("buyer", "/supplier-reviews"),
        "corrective-actions": Look("buyer", "/corrective-actions"),
        "corrective-action": Look("supervisor", f"/corrective-actions/{correction}"),
        "stock": Look("keeper", "/stock?model=HG-RO600"),
        "tracking-quoted": Look(None, f"/track/{await cases.token(quoted)}"),
        "tracking-in-transit": Look(None, f"/track/{await cases.token(transit)}"),
        "tracking-closed": Look(None, f"/track/{await cases.token(closed)}"),
        "apply": Look(None, "/apply"),
        "mails": Look("agent", "/mails"),
        "mail": Look("agent", f"/mails/{await cases.wild_mail()}"),
        "messages": Look("agent", "/messages"),
        "notices": Look("supervisor", "/notices"),
        "absences": Look("supervisor", "/absences"),
        "not-found": Look("agent", "/orders/RO-20200101-00010"),
    }


@pytest.mark.parametrize("language", ["zh", "en"])
async def test_everybody_can_use_every_page(shop: Shop, looks: dict[str, Look], language: str) -> None:
    assert await faulty(shop, looks, language) == {}


@pytest.mark.parametrize("user", ["buyer", "supervisor"])
async def test_the_longest_menus_stand_in_one_row(shop: Shop, user: str) -> None:
    async with shop.visitor(user, language="en") as page:
        await page.goto("/suppliers")
        await page.evaluate("""document.querySelectorAll(".menu .count").forEach((one) => one.textContent = "12")""")
        heights = await page.evaluate(
            """[...document.querySelectorAll(".brand, .menu a, .top-right")].map((one) => {
                const box = one.getBoundingClientRect(); return Math.round(box.top + box.height / 2); })"""
        )
        assert len(heights) > 9
        assert max(heights) - min(heights) < 8, heights
        await page.click(".who summary")
        assert await faults(page) == []


@pytest.mark.clause("2.1.1b")
async def test_a_customer_applies_from_a_phone_with_a_photo(shop: Shop, tmp_path: Path) -> None:
    (tmp_path / "fault.jpg").write_bytes(photo())
    async with shop.visitor(language="zh", size=PHONE) as page:
        await page.goto("/apply")
        await page.fill('[name="serial"]', "CXW300T-001038")
        await page.fill('[name="fault"]', "风机不转,有焦味")
        await page.set_input_files('input[type="file"]', tmp_path / "fault.jpg")
        await expect(page.locator('input[name="photos"]')).to_have_count(1)
        await page.fill('[name="customer.name"]', "陈晨")
        await page.fill('[name="customer.phone"]', "154 0000 0777")
        await page.click("text=提交申请")
        await page.wait_for_url("**/track/*")
        await expect(page.locator("main")).to_contain_text(re.compile(r"RO-\d{8}-\d{5}"))
        await expect(page.locator('main img[src*="/photos/"]')).to_have_count(1)


@pytest.mark.clause("2.1.1a")
async def test_an_agent_enters_a_call_with_a_photo_by_keyboard(shop: Shop, tmp_path: Path) -> None:
    (tmp_path / "fault.jpg").write_bytes(photo())
    async with shop.visitor("agent") as page:
        await page.goto("/orders/new")
        await page.keyboard.type("CXW268-001001")
        await page.keyboard.press("Tab")
        await expect(page.locator('[name="customer.name"]')).to_have_value("王芳")
        await page.set_input_files('input[type="file"]', tmp_path / "fault.jpg")
        await expect(page.locator('input[name="photos"]')).to_have_count(1)
        await page.fill('[name="fault"]', "风力时大时小,不是电机")
        await page.press('[name="customer.phone"]', "Enter")
        await page.wait_for_url("**/orders/RO-*")
        await expect(page.locator('main img[src*="/photos/"]').first).to_be_visible()


async def test_an_order_is_quoted_in_place(shop: Shop) -> None:
    number = await shop.cases.apply()
    async with shop.visitor("agent", language="en") as page:
        await page.goto(f"/orders/{number}")
        await page.evaluate("window.here = true")
        await page.click("text=Another line")
        await expect(page.locator('[name="lines.1.part"]')).to_be_visible()
        await page.press("#quote-lines-0-quantity", "Enter")
        await expect(page.locator(".notice[role=status]")).to_contain_text("Done: Quote time, cost and guarantee")
        await expect(page.locator(".notice[role=status]")).to_be_focused()
        await expect(page.locator(".stages [aria-current]")).to_have_text("Customer's consent")
        assert await page.evaluate("window.here"), "the page was loaded anew"


async def test_what_comes_anew_takes_nothing_out_of_hand(shop: Shop) -> None:
    """The counts in the menu are asked for every minute, while somebody types or has another form open."""
    number = await shop.cases.apply()
    count = "htmx.ajax('GET', '/messages/count', {target: '.menu .count', swap: 'innerHTML'})"
    async with shop.visitor("agent", language="en") as page:
        await page.goto("/orders/new")
        await page.fill('[name="fault"]', "It hums")
        await page.evaluate(count)
        await expect(page.locator('[name="fault"]')).to_be_focused()
        await page.goto(f"/orders/{number}")
        await page.click("summary:has-text('Refuse the application')")
        await page.fill("#refuse-explanation", "An operating error.")
        await page.evaluate(count)
        await expect(page.locator("#refuse-explanation")).to_be_focused()
        await expect(page.locator("#act-quote")).not_to_have_attribute("open", "")


async def test_the_next_thing_to_do_stands_open_after_the_last(shop: Shop) -> None:
    number = await shop.cases.apply()
    async with shop.visitor("agent", language="en") as page:
        await page.goto(f"/orders/{number}")
        await page.click("text=Send the quotation to the customer")
        await expect(page.locator("#act-consent")).to_have_attribute("open", "")
        await expect(page.locator("#act-consent .shown")).to_contain_text("换件质保")


async def test_errors_stand_beside_their_field_and_take_the_focus(shop: Shop) -> None:
    number = await shop.cases.apply()
    async with shop.visitor("agent", language="en") as page:
        await page.goto(f"/orders/{number}")
        await page.click("summary:has-text('Refuse the application')")
        await page.fill("#refuse-explanation", "An operating error.")
        await page.click("#act-refuse .btn")
        await expect(page.locator("#refuse-reason-error")).to_contain_text("Choose one of these.")
        await expect(page.locator("#act-refuse [role=alert]")).to_be_focused()
        assert await page.input_value("#refuse-explanation") == "An operating error."
        await page.select_option("#refuse-reason", "operating_error")
        await page.click("#act-refuse .btn")
        await page.click("text=Yes, refuse it")
        await expect(page.locator(".waits")).to_contain_text("This application was rejected")


async def test_who_was_faster_is_shown_in_place(shop: Shop) -> None:
    number = await shop.cases.apply()
    async with shop.visitor("agent", language="en") as page:
        await page.goto(f"/orders/{number}")
        await shop.cases.decide(number, Action.CANCEL, "supervisor", reason="duplicate")
        await page.fill("#quote-note", "typed in vain")
        await page.click("text=Send the quotation to the customer")
        await expect(page.locator("[role=alert]")).to_contain_text("何平 was faster: cancelled the order")
        await expect(page.locator("[role=alert]")).to_contain_text("typed in vain")


async def test_news_come_by_themselves(shop: Shop) -> None:
    number = await shop.cases.apply()
    async with shop.visitor("supervisor", language="en") as page:
        await page.goto(f"/orders/{number}")
        await shop.cases.decide(number, Action.QUOTE, "agent", lines=[{"part": "CXW-MOTOR-200"}])
        await expect(page.locator("#news")).to_contain_text(
            "told the customer time, cost and guarantee", timeout=15_000
        )
        await page.click("text=Show where it stands now")
        await expect(page.locator(".stages [aria-current]")).to_have_text("Customer's consent")


async def test_the_list_is_filtered_in_place_and_in_the_address(shop: Shop) -> None:
    number = await shop.cases.audited()
    async with shop.visitor("auditor2", language="en") as page:
        await page.evaluate("window.here = true")
        await page.select_option("#stage", "audit")
        await page.wait_for_url("**stage=audit**")
        await expect(page.locator(f"text={number}")).to_be_visible()
        await page.select_option("#stage", "triage")
        await expect(page.locator(".empty-list")).to_be_visible()
        assert await page.evaluate("window.here"), "the page was loaded anew"
        await page.go_back()
        await expect(page.locator(f"text={number}")).to_be_visible()


async def test_the_keyboard_is_enough(shop: Shop) -> None:
    number = await shop.cases.audited()
    async with shop.visitor("auditor", language="en") as page:
        await page.goto(f"/orders/{number}")
        await page.keyboard.press("Tab")
        await expect(page.locator(".skip")).to_be_focused()
        await page.keyboard.press("Enter")
        for check in ("customer_data", "fault_and_part", "warranty", "company_policy"):
            await _tab_to(page, f"approve-{check}")
            await page.keyboard.press("Space")
        await page.keyboard.press("Tab")
        await page.keyboard.type("All in order.")
        await page.keyboard.press("Tab")
        await page.keyboard.press("Enter")
        await expect(page.locator(".notice[role=status]")).to_contain_text("Done: Sign")


async def _tab_to(page: Page, element: str) -> None:
    for _ in range(40):
        if await page.evaluate("document.activeElement.id") == element:
            return
        await page.keyboard.press("Tab")
    raise AssertionError(f"Tab never comes to {element}")


async def test_it_works_without_script(shop: Shop) -> None:
    number = await shop.cases.apply()
    async with shop.visitor("agent", language="en", script=False) as page:
        await page.goto(f"/orders/{number}")
        await page.click("text=Another line")
        await expect(page.locator('[name="lines.1.part"]')).to_be_visible()
        await page.click("text=Send the quotation to the customer")
        await page.wait_for_url(re.compile(rf"/orders/{number}\?done=quote"))
        await page.click("summary:has-text('Cancel the order')")
        await page.select_option("#cancel-reason", "customer_wish")
        await page.click("#act-cancel .btn")
        await page.click("text=Yes, cancel the order")
        await expect(page.locator(".waits")).to_contain_text("This order was cancelled")


async def test_the_customer_agrees_on_a_phone(shop: Shop) -> None:
    token = await shop.cases.token(await shop.cases.quoted())
    async with shop.visitor(language="en", size=PHONE) as page:
        await page.goto(f"/track/{token}")
        await page.click("form button:has-text('我同意')")
        await expect(page.locator(".notice[role=status]")).to_contain_text("感谢确认")
        await expect(page.locator("h1")).to_have_text("您的申请正在审核")
