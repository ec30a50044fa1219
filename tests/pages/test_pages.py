"""Pages as people meet them: who sees what, what may be pressed, and what comes of it."""

import re
from html import unescape
from typing import Any

import httpx
import pytest

from activities.committing import refused
from database.tables import ReplacementOrder
from domain.stages import Action, Refusal
from tests.pages.cases import SOLD_OUT, Cases
from tests.pages.conftest import Browser
from tests.pages.engine import Engine

INLINE = re.compile(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son[a-z]+=|javascript:")
OUTSIDE = re.compile(r"""(?:src|href)=["'](?:https?:)?//(?!huanjian\.test)[^"']*""")


def text(page: httpx.Response) -> str:
    """What a reader reads."""
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", page.text)).split())


def form(page: httpx.Response, action: str) -> dict[str, str]:
    """What the form of an action sends along unseen."""
    found = re.search(rf'<form[^>]*action="[^"]*/{action}".*?</form>', page.text, re.DOTALL)
    assert found, f"no form for {action}"
    return dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', found.group()))


def offered(page: httpx.Response) -> list[str]:
    return re.findall(r'<details name="act" id="act-([a-z_]+)"', page.text)


async def send(
    client: httpx.AsyncClient, address: str, page: httpx.Response, action: str, **typed: Any
) -> httpx.Response:
    return await client.post(f"{address}/{action}", data=form(page, action) | typed)


async def test_log_in_sends_back_to_where_one_wanted_to_go(browser: Browser) -> None:
    async with browser() as client:
        sent = await client.get("/orders?which=all")
        assert sent.headers["location"] == "/login?next=/orders%3Fwhich%3Dall"
        page = await client.get(sent.headers["location"])
        assert page.status_code == 200
        wrong = await client.post("/login", data={"user": "agent", "password": "no", "next": "/orders?which=all"})
        assert wrong.status_code == 401
        assert "User or password is wrong" in text(wrong)
        assert 'value="agent"' in wrong.text
        right = await client.post(
            "/login", data={"user": "agent", "password": "huanjian-demo", "next": "/orders?which=all"}
        )
        assert right.headers["location"] == "/orders?which=all"


@pytest.mark.parametrize(
    "elsewhere", ["https://example.com/", "//example.com", "/\\example.com", "javascript:alert(1)"]
)
async def test_log_in_leads_nowhere_else(browser: Browser, elsewhere: str) -> None:
    async with browser() as client:
        data = {"user": "agent", "password": "huanjian-demo", "next": elsewhere}
        assert (await client.post("/login", data=data)).headers["location"] == "/orders"


async def test_log_out_ends_the_session(browser: Browser) -> None:
    async with browser("agent") as client:
        page = await client.get("/orders")
        await client.post("/logout", data=form(page, "logout"))
        assert (await client.get("/orders")).status_code == 303


async def test_without_the_forms_token_nothing_happens(browser: Browser, cases: Cases) -> None:
    number = await cases.apply()
    async with browser("agent") as client:
        answer = await client.post(f"/orders/{number}/cancel", data={"reason": "other", "explanation": "kept words"})
        assert answer.status_code == 403
        assert "kept words" in text(answer)


async def test_language_is_the_users_own_choice(browser: Browser) -> None:
    async with browser("auditor", language="en") as client:
        page = await client.get("/orders")
        assert '<html lang="zh-CN">' in page.text
        answer = await client.post("/language", data=form(page, "language") | {"language": "en"})
        assert answer.headers["location"] == "/orders"
        assert '<html lang="en">' in (await client.get("/orders")).text
        await client.post("/language", data=form(page, "language") | {"language": "zh"})


async def test_language_before_log_in_follows_the_browser(browser: Browser) -> None:
    async with browser(language="zh-Hans-CN, en;q=0.5") as client:
        assert "用户名" in text(await client.get("/login"))
    async with browser(language="en-GB") as client:
        page = await client.get("/login")
        assert "Password" in text(page)
        await client.post("/language", data=form(page, "language") | {"language": "zh"})
        assert "密码" in text(await client.get("/login"))


async def test_the_list_shows_what_waits_for_me_and_counts_it_truly(browser: Browser, cases: Cases) -> None:
    number = await cases.audited()
    async with browser("auditor2") as client:
        page = await client.get("/orders")
        rows = re.findall(r'class="rowlink" href="/orders/([^"]+)"', page.text)
        assert number in rows
        assert f"For me to do {len(rows)}" in text(page)
        assert "The auditor must sign" in text(page)
        assert number not in (await client.get("/orders?which=mine&stage=triage")).text
        assert number in (await client.get("/orders?which=all&text=王芳")).text
        assert "No order fits" in text(await client.get("/orders?which=all&text=nobody-of-that-name"))


async def test_the_list_goes_on_where_it_stopped(browser: Browser, cases: Cases) -> None:
    for _ in range(32):
        await cases.apply()
    async with browser("supervisor", language="en") as client:
        first = await client.get("/orders?which=all&stage=triage")
        following = unescape(re.findall(r'hx-get="([^"]+cursor[^"]+)"', first.text)[0])
        second = await client.get(following)
        numbers = [set(re.findall(r'rowlink" href="/orders/([^"]+)"', page.text)) for page in (first, second)]
        assert len(numbers[0]) == 30
        assert numbers[1]
        assert not numbers[0] & numbers[1]


@pytest.mark.parametrize(
    ("user", "acts"),
    [
        ("agent", ["quote", "send_for_inspection", "refuse", "supplement", "amend", "cancel"]),
        ("supervisor", ["cancel", "move_due"]),
        ("auditor", []),
        ("keeper", []),
    ],
)
async def test_only_what_this_user_may_do_is_offered(
    browser: Browser, cases: Cases, user: str, acts: list[str]
) -> None:
    number = await cases.apply()
    async with browser(user) as client:
        assert offered(await client.get(f"/orders/{number}")) == acts


async def test_phones_are_masked_where_the_work_needs_none(browser: Browser, cases: Cases) -> None:
    number = await cases.apply()
    async with browser("agent") as client:
        assert "15400000001" in (await client.get(f"/orders/{number}")).text
    async with browser("auditor") as client:
        page = await client.get(f"/orders/{number}")
        assert "15400000001" not in page.text
        assert "0001" in page.text


async def test_a_decision_is_taken_and_said(browser: Browser, cases: Cases) -> None:
    number = await cases.apply()
    address = f"/orders/{number}"
    async with browser("agent") as client:
        page = await client.get(address)
        typed = {"lines.0.part": "CXW-MOTOR-200", "lines.0.quantity": "1", "note": "晚上七点以后"}
        answer = await send(client, address, page, "quote", **typed)
        assert (answer.status_code, answer.headers["location"]) == (303, f"{address}?done=quote")
        page = await client.get(answer.headers["location"])
        assert "已办理：报价告知" in text(page)
        assert "晚上七点以后" in text(page)
        assert "¥388.00" in text(page)


async def test_pressing_twice_acts_once(browser: Browser, cases: Cases) -> None:
    number = await cases.apply()
    address = f"/orders/{number}"
    async with browser("agent") as client:
        page = await client.get(address)
        typed = {"lines.0.part": "CXW-MOTOR-200", "lines.0.quantity": "1"}
        answers = [await send(client, address, page, "quote", **typed) for _ in range(2)]
        assert [answer.status_code for answer in answers] == [303, 303]
        told = (await client.get(address)).text.count("将时间、费用、质保告知客户")
        assert told == 1


async def test_nothing_typed_is_lost(browser: Browser, cases: Cases) -> None:
    number = await cases.apply()
    address = f"/orders/{number}"
    async with browser("agent") as client:
        page = await client.get(address)
        answer = await send(client, address, page, "refuse", explanation="这是使用问题。")
        assert answer.status_code == 422
        assert "请从选项中选择。" in text(answer)
        assert "这是使用问题。" in answer.text
        assert form(answer, "refuse")["key"] == form(page, "refuse")["key"]


async def test_another_line_decides_nothing(browser: Browser, cases: Cases) -> None:
    number = await cases.apply()
    address = f"/orders/{number}"
    async with browser("agent") as client:
        page = await client.get(address)
        typed = {"lines.0.part": "CXW-MOTOR-200", "lines.0.quantity": "3", "more": "lines", "note": "kept"}
        answer = await send(client, address, page, "quote", **typed)
        assert answer.status_code == 200
        assert 'name="lines.1.part"' in answer.text
        assert "kept" in answer.text
        assert offered(await client.get(address))[0] == "quote"


async def test_what_cannot_be_undone_is_asked_once(browser: Browser, cases: Cases) -> None:
    number = await cases.approved()
    address = f"/orders/{number}"
    async with browser("agent") as client:
        page = await client.get(address)
        typed = {"reason": "customer_wish", "explanation": "客户已自行购买"}
        asked = await send(client, address, page, "cancel", **typed)
        assert asked.status_code == 200
        assert "确定取消此换件单吗？" in text(asked)
        assert "1 件已预留备件退回库存。" in text(asked)
        assert "客户已自行购买" in asked.text
        done = await send(client, address, asked, "cancel", **typed, sure="yes")
        assert done.status_code == 303
        assert "此单已取消" in text(await client.get(address))


async def test_who_was_faster_is_named(browser: Browser, cases: Cases) -> None:
    number = await cases.apply()
    address = f"/orders/{number}"
    async with browser("agent") as client:
        page = await client.get(address)
        await cases.decide(number, Action.CANCEL, "supervisor", reason="duplicate")
        typed = {"lines.0.part": "CXW-MOTOR-200", "lines.0.quantity": "1", "note": "my words"}
        answer = await send(client, address, page, "quote", **typed)
        assert answer.status_code == 409
        assert "何平已先行办理：取消换件单" in text(answer)
        assert "my words" in text(answer)
        assert "此单已取消" in text(answer)
        assert not offered(answer)


async def test_refusals_of_the_step_come_back_to_the_form(browser: Browser, cases: Cases) -> None:
    number = await cases.delivered()
    address = f"/orders/{number}"
    async with browser("dispatcher") as client:
        page = await client.get(address)
        typed = {"technician": "technician", "starts_at": "2020-01-01T09:00", "minutes": "45"}
        answer = await send(client, address, page, "book_appointment", **typed)
        assert answer.status_code == 422
        assert "所选时间已过" in text(answer)
        assert 'value="45"' in answer.text


async def test_an_engine_out_of_reach_keeps_form_and_key(browser: Browser, cases: Cases, engine: Engine) -> None:
    number = await cases.apply()
    address = f"/orders/{number}"
    async with browser("agent") as client:
        page = await client.get(address)
        engine.unreachable = True
        typed = {"lines.0.part": "CXW-MOTOR-200", "lines.0.quantity": "1"}
        answer = await send(client, address, page, "quote", **typed)
        assert answer.status_code == 503
        assert "不会重复办理" in text(answer)
        engine.unreachable = False
        again = await send(client, address, answer, "quote", **typed)
        assert again.status_code == 303


async def test_a_fault_of_ours_says_that_nothing_was_done_and_keeps_what_was_typed(
    browser: Browser, cases: Cases, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fails(*_: object) -> None:
        raise refused(Refusal("decision_failed", "quote failed with OverflowError, nothing has changed"))

    number = await cases.apply()
    address = f"/orders/{number}"
    typed = {"lines.0.part": "CXW-MOTOR-200", "lines.0.quantity": "1", "note": "晚上七点以后"}
    async with browser("agent") as client:
        page = await client.get(address)
        with monkeypatch.context() as patch:
            patch.setattr(engine, "step", fails)
            answer = await send(client, address, page, "quote", **typed)
        assert answer.status_code == 500
        assert "未能办理" in text(answer)
        assert "晚上七点以后" in answer.text
        again = await send(client, address, answer, "quote", **typed)
        assert again.status_code == 303


async def test_nobody_audits_their_own_case(browser: Browser, cases: Cases) -> None:
    number = await cases.audited()
    async with cases.house.sessions.begin() as session:
        order = await session.get_one(ReplacementOrder, number)
        order.entered_by = "auditor"
    async with browser("auditor") as client:
        page = await client.get(f"/orders/{number}")
        assert not offered(page)
        assert "须由其他审核员审核" in text(page)


async def test_news_come_only_when_there_are_any(browser: Browser, cases: Cases) -> None:
    number = await cases.apply()
    async with browser("supervisor") as client:
        assert (await client.get(f"/orders/{number}/news?seq=0")).status_code == 204
        await cases.decide(number, Action.QUOTE, "agent", lines=[{"part": "CXW-MOTOR-200"}])
        news = await client.get(f"/orders/{number}/news?seq=0")
        assert "将时间、费用、质保告知客户" in text(news)
        assert "<html" not in news.text


async def test_an_application_is_entered_and_gets_its_number(browser: Browser) -> None:
    typed = {
        "customer.name": "赵敏", "customer.phone": "139 0000 1234", "customer.language": "zh", "fault": "不通电",
        "model": "HG-CXW268", "channel": "hotline", "lines.0.part": "", "lines.0.quantity": "1",
    }  # fmt: skip
    async with browser("agent") as client:
        page = await client.get("/orders/new")
        wrong = await client.post("/orders/new", data=form(page, "new") | typed | {"customer.phone": "?"})
        assert wrong.status_code == 422
        assert 'value="赵敏"' in wrong.text
        sent = form(page, "new") | typed
        right = await client.post("/orders/new", data=sent)
        again = await client.post("/orders/new", data=sent)
        assert right.status_code == 303
        assert right.headers["location"] == again.headers["location"]
        page = await client.get(right.headers["location"])
        assert "请告知客户" in text(page)


async def test_only_agents_enter_applications(browser: Browser) -> None:
    async with browser("keeper") as client:
        assert (await client.get("/orders/new")).status_code == 403
        assert "/orders/new" not in (await client.get("/orders")).text


async def test_a_purchase_order_from_confirmation_to_goods(browser: Browser, cases: Cases) -> None:
    order = await cases.approved(**SOLD_OUT)
    number = await cases.purchase_order()
    address = f"/purchase-orders/{number}"
    async with browser("buyer") as client:
        assert number in (await client.get("/purchase-orders?which=mine")).text
        page = await client.get(address)
        assert order in page.text
        assert offered(page) == ["confirm", "propose_date", "refuse_order", "renew_link", "pass_on"]
        past = await send(client, address, page, "confirm", promised_at="2020-01-01T12:00", signed_by="冯立")
        assert past.status_code == 422
        done = await send(client, address, past, "confirm", promised_at="2099-01-01T12:00", signed_by="冯立")
        assert done.status_code == 303
        later = await client.get(address)
        asked = await send(client, address, later, "pass_on", explanation="太晚")
        assert "确定转给下一家供应商吗？" in text(asked)
    async with browser("keeper") as client:
        page = await client.get(address)
        typed = {"delivery_note": "D1", "lines.0.part": "RO-PUMP", "lines.0.counted": "1", "lines.0.noted": "1"}
        assert (await send(client, address, page, "receive_goods", **typed)).status_code == 303
        page = await client.get(address)
        assert offered(page) == ["inspect_goods"]
        assert (await send(client, address, page, "inspect_goods", checked="1", faulty="0")).status_code == 303
        assert "发货" in text(await client.get(f"/orders/{order}"))


async def test_stock_is_found_by_name_and_by_product(browser: Browser) -> None:
    async with browser("keeper") as client:
        assert "CXW-MOTOR-200" in (await client.get("/stock?text=风机电机")).text
        fitting = await client.get("/stock?model=HG-RO600")
        assert "RO-PUMP" in fitting.text
        assert "CXW-MOTOR-200" not in fitting.text
        assert "没有找到备件" in text(await client.get("/stock?text=nothing-like-it"))


async def test_the_customer_follows_and_answers(browser: Browser, cases: Cases) -> None:
    number = await cases.quoted()
    address = f"/track/{await cases.token(number)}"
    async with browser(language="en") as client:
        page = await client.get(address)
        assert "请确认报价" in text(page)
        assert "¥388.00" in text(page)
        for kept in ("林晓", "15400000001", "示范新村", "晚上七点以后"):
            assert kept not in page.text
        answer = await send(client, address, page, "consent")
        assert answer.status_code == 303
        page = await client.get(answer.headers["location"])
        assert "感谢确认" in text(page)
        assert "您的申请正在审核" in text(page)
        late = await client.post(f"{address}/decline", data={"sure": "yes", "key": "another"})
        assert late.status_code == 409


async def test_the_customer_says_that_it_is_still_faulty(browser: Browser, cases: Cases) -> None:
    number = await cases.fitted()
    address = f"/track/{await cases.token(number)}"
    async with browser() as client:
        page = await client.get(address)
        empty = await send(client, address, page, "answer_faulty", problem="")
        assert empty.status_code == 422
        assert (await send(client, address, page, "answer_faulty", problem="还有异响")).status_code == 303
        assert "我们将继续为您处理" in text(await client.get(address))


async def test_a_customer_may_not_do_the_staffs_work(browser: Browser, cases: Cases) -> None:
    number = await cases.audited()
    checks = {"customer_data": "on", "fault_and_part": "on", "warranty": "on", "company_policy": "on"}
    async with browser() as client:
        answer = await client.post(f"/track/{await cases.token(number)}/approve", data=checks)
        assert answer.status_code == 409
    async with browser("auditor") as client:
        assert offered(await client.get(f"/orders/{number}"))


@pytest.mark.parametrize(
    "address", ["/orders/RO-20200101-00010", "/purchase-orders/PO-1", "/track/nobody-knows-this-link", "/nothing"]
)
async def test_what_is_not_there_is_said_in_words(browser: Browser, address: str) -> None:
    async with browser("supervisor") as client:
        page = await client.get(address)
        assert page.status_code == 404
        assert "没有找到" in text(page)


async def test_no_page_has_inline_code_or_leads_outside(browser: Browser, cases: Cases) -> None:
    await cases.approved(**SOLD_OUT)
    purchase, order, closed = await cases.purchase_order(), await cases.visit_booked(), await cases.closed()
    tracking = f"/track/{await cases.token(closed)}"
    addresses = ["/orders", "/orders/new", f"/orders/{order}", f"/orders/{closed}", tracking, "/nothing", "/stock"]
    addresses += ["/purchase-orders", f"/purchase-orders/{purchase}"]
    async with browser("agent") as client:
        for address in addresses:
            page = await client.get(address)
            assert not INLINE.search(page.text), address
            assert "default-src 'self'" in page.headers["content-security-policy"]
            assert "unsafe" not in page.headers["content-security-policy"]
            links = [link for link in OUTSIDE.findall(page.text) if "127.0.0.1" not in link]
            assert not links, address


async def test_only_supervision_is_led_to_the_workflow(browser: Browser, cases: Cases) -> None:
    number = await cases.apply()
    async with browser("supervisor") as client:
        assert f"workflows/replacement-order%2F{number}" in (await client.get(f"/orders/{number}")).text
    async with browser("agent") as client:
        assert "workflows/" not in (await client.get(f"/orders/{number}")).text


async def test_static_files_may_be_kept_for_ever(browser: Browser) -> None:
    async with browser() as client:
        page = await client.get("/login")
        for address in re.findall(r'"(/static/[^"]+)"', page.text):
            file = await client.get(unescape(address))
            assert file.status_code == 200, address
            assert "immutable" in file.headers["cache-control"]
