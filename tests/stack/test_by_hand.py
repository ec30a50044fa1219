"""One order through every stage by people pressing buttons in a real browser, on the real stack."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from playwright.async_api import Browser, Page

from database.reference import DEMO_PASSWORD
from tests.stack.conftest import Stack

pytestmark = [pytest.mark.timeout(300), pytest.mark.browser]


@asynccontextmanager
async def at_the_desk(browser: Browser, stack: Stack, user: str) -> AsyncIterator[Page]:
    context = await browser.new_context(base_url=stack.address, locale="en-GB", timezone_id="Asia/Shanghai")
    page = await context.new_page()
    await page.goto("/login")
    await page.fill("#user", user)
    await page.fill("#password", DEMO_PASSWORD)
    await page.press("#password", "Enter")
    await page.wait_for_url("**/orders*")
    yield page
    await context.close()


async def press(page: Page, action: str, **fields: str) -> None:
    """Opens an action on an order's page, fills it in and sends it; the page then shows where the order stands."""
    act = page.locator(f"#act-{action}")
    if await act.get_attribute("open") is None:
        await act.locator("summary").first.click()
    for name, value in fields.items():
        field = act.locator(f"#{action}-{name}")
        if await field.get_attribute("type") == "checkbox":
            await field.set_checked(value == "yes")
        elif await field.evaluate("field => field.tagName") == "SELECT":
            await field.select_option(value)
        elif await field.evaluate("field => field.tagName") == "FIELDSET":
            await field.locator(f'input[value="{value}"]').check(force=True)
        else:
            await field.fill(value)
    async with page.expect_response(lambda answer: answer.request.method == "POST") as posted:
        await act.locator("button.btn-primary, button.btn-danger").last.click()
    assert (await posted.value).status < 400, await page.inner_text("main")
    await page.wait_for_load_state("networkidle")


async def reach(page: Page, path: str, action: str) -> None:
    """Asks for the order until its page offers the action: what machines do meanwhile takes a moment. Shows it then."""
    for _ in range(60):
        if f'id="act-{action}"' in await (await page.request.get(path)).text():
            await page.goto(path)
            assert await page.locator(f"#act-{action}").count()
            return
        await page.wait_for_timeout(500)
    await page.goto(path)
    raise AssertionError(f"{action} never came:\n" + await page.inner_text("main"))


async def hand_over(page: Page, path: str) -> None:
    """The keeper's word, unless the carrier's first scan is there before it; either way the parcel is on its way."""
    await page.goto(path)
    button = page.locator("#act-hand_over button.btn-primary")
    if await button.count():
        async with page.expect_response(lambda answer: answer.request.method == "POST") as posted:
            await button.last.click()
        assert (await posted.value).status in (200, 303, 409)


@pytest.mark.clause("2.1.1a")
async def test_from_the_call_to_the_satisfied_answer(stack: Stack, chromium: Browser) -> None:
    async with at_the_desk(chromium, stack, "agent") as page:
        await page.goto("/orders/new")
        await page.fill("#customer-name", "浏览器客户")
        await page.fill("#customer-phone", "15400000077")
        await page.fill("#customer-address", "示范路 77 号")
        await page.fill("#serial", "CXW268-001001")
        await page.fill("#fault", "The fan does not turn")
        await page.select_option("#lines-0-part", "CXW-MOTOR-200")
        await page.locator("main button.btn-primary").click()
        await page.wait_for_url("**/orders/RO-*")
        order = "/orders/" + page.url.rsplit("/", 1)[1]
        await press(page, "quote")
        await press(page, "consent", said_by="浏览器客户")
    async with at_the_desk(chromium, stack, "auditor") as page:
        await reach(page, order, "approve")
        checks = dict.fromkeys(("customer_data", "fault_and_part", "warranty", "company_policy"), "yes")
        await press(page, "approve", **checks)
    async with at_the_desk(chromium, stack, "keeper") as page:
        await reach(page, order, "pack")
        await press(page, "pack")
        await hand_over(page, order)
    async with at_the_desk(chromium, stack, "dispatcher") as page:
        await reach(page, order, "book_appointment")
        starts = (datetime.now(ZoneInfo(stack.settings.time_zone)) + timedelta(hours=2)).strftime("%Y-%m-%dT%H:%M")
        await press(page, "book_appointment", technician="technician", starts_at=starts)
    async with at_the_desk(chromium, stack, "technician") as page:
        await reach(page, order, "report_fitted")
        await press(page, "report_fitted", report="Runs quietly")
    async with at_the_desk(chromium, stack, "agent") as page:
        await reach(page, order, "answer_works")
        await press(page, "answer_works", satisfaction="5")
        await page.goto(order)
        text = await page.inner_text("main")
        assert "Runs quietly" in text
        assert not await page.locator("[id^=act-]").count()
