"""Serial numbers on pages: scanned one after the other, and what is wrong with them is said beside the field."""

import re
from datetime import UTC, datetime, timedelta
from io import BytesIO
from typing import Any

import httpx
import pytest
from pypdf import PdfReader

from database.reading.purchases import purchase_view
from domain.stages import Action
from tests.pages.cases import Cases
from tests.pages.conftest import Browser

PART = "JSQ-EXCHANGER"
CASE: dict[str, Any] = {"model": "HG-JSQ30", "lines": [{"part": PART, "quantity": 2}], "fault": "热交换器漏水。"}


async def confirmed(cases: Cases) -> tuple[str, str]:
    """An order whose two numbered pieces are promised, and their purchase order."""
    order = await cases.approved(**CASE)
    purchase = await cases.purchase_order()
    promised = datetime.now(UTC) + timedelta(days=3)
    await cases.decide(purchase, Action.CONFIRM, "buyer", promised_at=promised, signed_by="王经理")
    return order, purchase


async def sent(browser: httpx.AsyncClient, address: str, action: str, **said: str) -> httpx.Response:
    page = (await browser.get(address)).text
    form = page[page.index(f'id="form-{action}"') :]
    hidden = {name: re.search(rf'name="{name}" value="([^"]*)"', form) for name in ("csrf", "key", "lot")}
    kept = {name: found.group(1) for name, found in hidden.items() if found}
    names = {name.replace("__", "."): value for name, value in said.items()}
    return await browser.post(f"{address}/{action}", data={**kept, **names})


def beside(page: str, field: str) -> str:
    found = re.search(rf'id="{field}-error">(.*?)</div>', page, re.DOTALL)
    return re.sub(r"<[^>]+>", "", found.group(1)).strip() if found else ""


@pytest.mark.clause("4.2.1")
async def test_numbers_are_scanned_on_arrival_and_into_the_parcel(cases: Cases, browser: Browser) -> None:
    order, purchase = await confirmed(cases)
    async with browser("keeper") as keeper:
        address = f"/purchase-orders/{purchase}"
        line = {"lines__0__part": PART, "lines__0__counted": "2"}
        answer = await sent(keeper, address, "receive_goods", delivery_note="DN-1", **line, lines__0__serials="")
        assert answer.status_code == 422
        assert "请逐件扫描序列号" in beside(answer.text, "receive_goods-lines-0-serials")
        answer = await sent(
            keeper, address, "receive_goods", delivery_note="DN-1", **line, lines__0__serials="HX-1\r\nHX-1\r\n"
        )
        assert "HX-1" in beside(answer.text, "receive_goods-lines-0-serials")
        assert "HX-1\nHX-1" in answer.text.replace("\r", "")
        answer = await sent(keeper, address, "receive_goods", delivery_note="DN-1", **line, lines__0__serials="HX-1")
        assert "2" in beside(answer.text, "receive_goods-lines-0-serials")
        answer = await sent(
            keeper, address, "receive_goods", delivery_note="DN-1", **line, lines__0__serials="HX-1\r\nHX-2\r\n"
        )
        assert answer.status_code == 303
        measured = {f"readings__{n}__{name}": value for n in (0, 1) for name, value in
                    (("piece", str(n + 1)), ("characteristic", "leak"), ("value", "0.05"))}  # fmt: skip
        answer = await sent(keeper, address, "inspect_goods", checked="2", faulty="0", **measured)
        assert answer.status_code == 303, answer.text
        page = (await keeper.get(address)).text
        assert "HX-2" in page

        address = f"/orders/{order}"
        answer = await sent(keeper, address, "pack", carrier="sf", serials="HX-1 HX-9")
        assert answer.status_code == 422
        assert "请逐件扫描序列号" in beside(answer.text, "pack-serials")
        answer = await sent(keeper, address, "pack", carrier="sf", serials="HX-1\r\nHX-2\r\n")
        assert answer.status_code == 303
        assert "HX-2" in (await keeper.get(address)).text


async def test_a_number_that_is_known_is_named(cases: Cases, browser: Browser) -> None:
    _, purchase = await confirmed(cases)
    line = {"part": "JSQ-EXCHANGER", "counted": 1, "serials": ["HX-KNOWN"]}
    await cases.decide(purchase, Action.RECEIVE_GOODS, "keeper", delivery_note="DN-A", lines=[line])
    async with browser("keeper") as keeper:
        answer = await sent(
            keeper,
            f"/purchase-orders/{purchase}",
            "receive_goods",
            delivery_note="DN-B",
            lines__0__part=PART,
            lines__0__counted="1",
            lines__0__serials="HX-KNOWN",
        )
    assert answer.status_code == 422
    assert beside(answer.text, "receive_goods-lines-0-serials").endswith("HX-KNOWN")


@pytest.mark.clause("3.2.3")
async def test_refused_pieces_go_back_with_a_paper_that_names_them(cases: Cases, browser: Browser) -> None:
    _, purchase = await confirmed(cases)
    line = {"part": PART, "counted": 2, "serials": ["HX-GOOD", "HX-BAD"]}
    await cases.decide(purchase, Action.RECEIVE_GOODS, "keeper", delivery_note="DN-R", lines=[line])
    async with cases.house.sessions() as session:
        view = await purchase_view(session, purchase, datetime.now(UTC))
    assert view is not None
    readings = [
        {"piece": piece, "characteristic": "leak", "value": value} for piece, value in ((1, "0.05"), (2, "0.4"))
    ]
    lot = view.lots[-1].id
    await cases.decide(
        purchase, Action.INSPECT_GOODS, "keeper", lot=lot, checked=2, readings=readings, refused_serials=["HX-BAD"]
    )
    async with browser("keeper") as keeper:
        page = (await keeper.get(f"/purchase-orders/{purchase}")).text
        [address] = re.findall(r'href="(/purchase-orders/[^"]+/returns/[^"]+\.pdf)"', page)
        paper = await keeper.get(address)
        assert paper.headers["content-type"] == "application/pdf"
        printed = "".join(sheet.extract_text() for sheet in PdfReader(BytesIO(paper.content)).pages)
        assert "HX-BAD" in printed
        assert "HX-GOOD" not in printed
        assert "退供应商单" in printed
        assert (await keeper.get(f"/purchase-orders/{purchase}/returns/RTS-NONE.pdf")).status_code == 404


async def test_only_numbered_pieces_ask_for_numbers(cases: Cases, browser: Browser) -> None:
    plain = await cases.approved()
    async with browser("keeper") as keeper:
        assert 'name="serials"' not in (await keeper.get(f"/orders/{plain}")).text
    await cases.approved(model="HG-RO600", lines=[{"part": "RO-PUMP", "quantity": 1}], fault="不出水")
    async with browser("keeper") as keeper:
        page = (await keeper.get(f"/purchase-orders/{await cases.purchase_order()}")).text
        assert "serials" not in page
