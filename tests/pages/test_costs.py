"""The analysis of costs: figures, tables with their charts, CSV, and bills for inbound freight (policy 3.3.2)."""

import csv
import io
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from sqlalchemy import func, select

from api.csvs import csv_response
from database import costs, policies
from database.session import Sessions
from database.tables import InboundFreight, PurchaseLine, ReceivedLot
from domain.stages import Action
from tests.pages.cases import SOLD_OUT, Cases
from tests.pages.conftest import Browser


async def received(cases: Cases) -> str:
    """A purchase order whose goods are there; returns its number."""
    await cases.approved(**SOLD_OUT)
    number = await cases.purchase_order()
    line = {"part": "RO-PUMP", "counted": 1}
    await cases.decide(number, Action.RECEIVE_GOODS, "keeper", delivery_note="DN-1", lines=[line])
    async with cases.house.sessions() as session:
        lot = await session.scalar(select(ReceivedLot.id).where(ReceivedLot.purchase_order == number))
    await cases.decide(number, Action.INSPECT_GOODS, "keeper", lot=lot, checked=1)
    return number


async def sum_up(sessions: Sessions) -> None:
    async with sessions.begin() as session:
        time = await policies.timekeeper(session, await policies.newest(session, "standard"))
        await costs.roll_up(session, time, datetime.now(UTC))


async def price_of(sessions: Sessions, number: str) -> Decimal:
    async with sessions() as session:
        return await session.scalar(
            select(func.sum(PurchaseLine.unit_price * PurchaseLine.received)).where(
                PurchaseLine.purchase_order == number
            )
        ) or Decimal(0)


@pytest.mark.clause("3.3.2")
async def test_the_buyer_sees_what_was_paid_for_parts_and_their_freight(
    cases: Cases, sessions: Sessions, browser: Browser
) -> None:
    number = await received(cases)
    async with browser("buyer") as buyer:
        bill = {"amount": "24.00", "reference": "SF-7", "expedited_because": "the customer has no water", "key": "k"}
        for _ in range(2):
            csrf = (await buyer.get(f"/purchase-orders/{number}/freight")).text.split('name="csrf" value="')[1]
            form = bill | {"csrf": csrf.partition('"')[0]}
            answer = await buyer.post(f"/purchase-orders/{number}/freight", data=form)
            assert answer.status_code == 303
        await sum_up(sessions)
        page = (await buyer.get("/costs?supplier=&part=RO-PUMP")).text
        table = (await buyer.get("/costs/parts.csv?part=RO-PUMP")).text
        behind = (await buyer.get("/costs/receipts?part=RO-PUMP")).text
    [line] = csv.DictReader(io.StringIO(table.lstrip("\ufeff")))
    assert Decimal(line["货价"]) == await price_of(sessions, number)
    assert (line["运费"], line["其中加急"]) == ("24.00", "24.00")
    assert "采购成本控制率" in page
    assert "¥24.00" in page
    assert f'href="/purchase-orders/{number}"' in behind
    async with sessions() as session:
        assert await session.scalar(select(func.count()).select_from(InboundFreight)) == 1


async def test_months_without_anything_say_so(browser: Browser) -> None:
    async with browser("buyer") as buyer:
        page = await buyer.get("/costs?first=2020-01&last=2020-02")
        assert "这些月份没有采购，也没有库存" in page.text
        for wrong in (
            "first=2026-13", "first=yesterday", "first=2026-05&last=2026-04", "first=2000-01&last=2026-01",
            "last=0001-01", "first=9999-12&last=9999-12",
        ):  # fmt: skip
            assert (await buyer.get(f"/costs?{wrong}")).status_code == 422
            assert (await buyer.get(f"/v1/costs?{wrong}")).status_code == 422


async def test_an_amount_of_nothing_is_no_bill(cases: Cases, browser: Browser) -> None:
    number = await received(cases)
    async with browser("buyer") as buyer:
        csrf = (await buyer.get(f"/purchase-orders/{number}/freight")).text.split('name="csrf" value="')[1]
        form = {"csrf": csrf.partition('"')[0], "amount": "0", "reference": "SF-8"}
        answer = await buyer.post(f"/purchase-orders/{number}/freight", data=form)
    assert answer.status_code == 422
    assert "金额不能为 0" in answer.text
    assert 'value="SF-8"' in answer.text


@pytest.mark.parametrize("path", ["/costs", "/costs/parts.csv", "/costs/receipts", "/purchase-orders/PO-1/freight"])
async def test_costs_are_not_for_everybody(path: str, browser: Browser) -> None:
    async with browser("technician") as technician:
        assert (await technician.get(path)).status_code == 403
        assert 'href="/costs"' not in (await technician.get("/stock")).text


def test_a_name_is_no_formula() -> None:
    body = bytes(csv_response("x", ["Name"], [["=1+1"], [Decimal("-1.50")], [None]]).body).decode()
    assert body == '\ufeffName\r\n\'=1+1\r\n-1.50\r\n""\r\n'
