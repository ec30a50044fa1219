"""The supplier's page behind its link, the purchase order on paper, goods that come in and their invoice."""

from datetime import datetime, timedelta
from io import BytesIO

import pytest
from pypdf import PdfReader
from sqlalchemy import select

from api.i18n import languages
from database.reading.links import link_of
from database.tables import PurchaseOrder, SupplierLink
from domain.offer import digest
from domain.stages import Action
from tests.pages.cases import SOLD_OUT, Cases
from tests.pages.conftest import Browser
from tests.pages.test_pages import form, offered, send, text


async def placed(cases: Cases) -> tuple[str, str]:
    """A purchase order, and its supplier's page."""
    await cases.approved(**SOLD_OUT)
    number = await cases.purchase_order()
    async with cases.house.sessions() as session:
        return number, f"/supply/{await link_of(session, number)}"


@pytest.mark.clause("3.2.2")
async def test_the_supplier_reads_and_signs_what_is_ordered(browser: Browser, cases: Cases) -> None:
    number, address = await placed(cases)
    for language, said in (("zh", "单价"), ("en", "specification")):
        async with browser(language=language) as client:
            page = await client.get(address)
            for stated in (number, "RO-PUMP", said):
                assert stated in text(page)
    async with browser(language="zh") as client:
        page = await client.get(address)
        assert offered(page) == ["confirm", "propose_date", "refuse_order"]
        assert (await send(client, address, page, "confirm", signed_by="")).status_code == 422
        done = await send(client, address, page, "confirm", signed_by="冯立")
        assert done.status_code == 303
        again = await send(client, address, page, "confirm", signed_by="冯立")
        assert (again.status_code, again.headers["location"]) == (303, done.headers["location"]), "its answer was lost"
        other = await client.post(f"{address}/propose_date", data=form(page, "confirm") | {"signed_by": "冯立"})
        assert other.status_code == 409
        late = await send(client, address, page, "confirm", signed_by="冯立", key="another")
        assert late.status_code == 409
        page = await client.get(done.headers["location"])
        assert "已签字确认" in text(page)
        assert offered(page) == ["refuse_order", "report_on_track", "promise_later"]
        assert (await client.post(f"{address}/receive_goods", data={"key": "x"})).status_code == 409
    async with cases.house.sessions() as session:
        row = await session.get_one(PurchaseOrder, number)
        assert (row.signed_by, row.signed_text, row.promised_at) == ("冯立", row.shown["zh"], row.promised_at)
        assert row.signed_hash == digest(row.shown["zh"])


async def test_a_link_that_was_renewed_leads_nowhere(browser: Browser, cases: Cases) -> None:
    number, address = await placed(cases)
    async with browser("buyer") as client:
        page = await client.get(f"/purchase-orders/{number}")
        assert address in page.text
        asked = await send(client, f"/purchase-orders/{number}", page, "renew_link", explanation="联系人已离职")
        assert "原链接立即失效" in text(asked)
        done = await send(client, f"/purchase-orders/{number}", asked, "renew_link", explanation="离职", sure="yes")
        assert done.status_code == 303
        assert address not in (await client.get(f"/purchase-orders/{number}")).text
    async with browser() as client:
        assert (await client.get(address)).status_code == 404
        assert (await client.get(f"{address}/paper.pdf")).status_code == 404
        assert (await client.post(f"{address}/confirm", data={"key": "x", "signed_by": "x"})).status_code == 404
    async with browser("keeper") as client, cases.house.sessions() as session:
        tokens = await session.scalars(select(SupplierLink.token).where(SupplierLink.document == number))
        page = await client.get(f"/purchase-orders/{number}")
        assert not [token for token in tokens if token in page.text], "who does not buy has no business with it"


@pytest.mark.clause("3.2.2")
async def test_the_order_is_printed_with_everything_it_states(browser: Browser, cases: Cases) -> None:
    number, address = await placed(cases)
    async with browser("buyer") as client, browser(language="zh") as supplier:
        for answer in (
            await client.get(f"/purchase-orders/{number}/paper.pdf"),
            await supplier.get(f"{address}/paper.pdf"),
        ):
            assert answer.headers["content-type"] == "application/pdf"
            [page] = PdfReader(BytesIO(answer.content)).pages
            on_paper = "".join(page.extract_text().split())
            for stated in (number, "RO-PUMP", "增压泵", "24VDC", "1pc", "¥", "杭州备件库", "30日内付款", "签字"):
                assert stated in on_paper, stated


async def test_goods_are_counted_inspected_and_billed(browser: Browser, cases: Cases) -> None:
    number, _ = await placed(cases)
    address = f"/purchase-orders/{number}"
    await cases.decide(number, Action.CONFIRM, "buyer", promised_at="2099-01-01T00:00:00Z", signed_by="冯立")
    async with browser("keeper") as client:
        page = await client.get(address)
        assert offered(page) == ["receive_goods"]
        assert 'data-code="RO-PUMP"' in page.text
        counted = {"lines.0.part": "RO-PUMP", "lines.0.counted": "1", "lines.0.noted": "2"}
        nameless = await send(client, address, page, "receive_goods", **counted, delivery_note="")
        assert nameless.status_code == 422
        assert (
            await send(client, address, nameless, "receive_goods", **counted, delivery_note="D1")
        ).status_code == 303
        page = await client.get(address)
        assert "待检" in text(page)
        assert "送货单上为 2" in text(page)
        assert (await send(client, address, page, "inspect_goods", checked="1", faulty="0")).status_code == 303
    async with browser("buyer") as client:
        page = await client.get(address)
        dear = {"lines.0.part": "RO-PUMP", "lines.0.quantity": "1", "lines.0.unit_price": "999.00"}
        assert (await send(client, address, page, "enter_invoice", **dear, number="F-1")).status_code == 303
        page = await client.get(address)
        assert "有差异" in text(page)
        said = {"invoice": "F-1", "outcome": "pay_as_ordered", "explanation": "按合同价"}
        assert (await send(client, address, page, "decide_invoice", **said)).status_code == 303
        assert "货物已全部到齐" in text(await client.get(address))


@pytest.mark.clause("3.2.3")
async def test_when_the_parts_come_is_on_the_orders_page_and_the_customers_and_moves_with_the_promise(
    browser: Browser, cases: Cases
) -> None:
    order = await cases.approved(**SOLD_OUT)
    number = await cases.purchase_order()
    token, words = await cases.token(order), languages("Asia/Shanghai")["zh"]
    async with cases.house.sessions() as session:
        asked_for = (await session.get_one(PurchaseOrder, number)).deliver_by
    later = asked_for + timedelta(days=1)
    for action, promised, more in (
        (Action.CONFIRM, asked_for, {"signed_by": "冯立"}),
        (Action.PROMISE_LATER, later, {"explanation": "停电", "said_by": "冯立"}),
    ):
        await cases.decide(number, action, "buyer", promised_at=promised.isoformat(), **more)
        async with browser("agent", language="zh") as agent, browser(language="zh") as customer:
            for who, address, said in (
                (agent, f"orders/{order}", "预计到库："),
                (customer, f"tracking/{token}", "预计备件到货时间"),
            ):
                read = (await who.get(f"/v1/{address}")).json()["parts_expected_at"]
                assert datetime.fromisoformat(read) == promised
                page = text(await who.get(f"/{address.replace('tracking', 'track')}"))
                assert said in page
                assert words.instant(promised) in page
