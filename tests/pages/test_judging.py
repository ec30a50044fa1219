"""The first judgement on the pages, and the customer's consent on theirs (policy 2.2)."""

import re

import pytest
from sqlalchemy import select

from database.tables import Quotation
from domain.stages import Action
from tests.pages.cases import Cases
from tests.pages.conftest import Browser
from tests.pages.test_pages import form, text

OLD = {"lines": [{"part": "CXW-MOTOR-180", "quantity": 2}]}


async def quotation(cases: Cases, number: str) -> Quotation:
    async with cases.house.sessions() as session:
        return (await session.scalars(select(Quotation).where(Quotation.order == number))).one()


async def test_hints_stand_beside_the_form_with_why(browser: Browser, cases: Cases) -> None:
    number = await cases.apply(serial="CXW268-001001", **OLD)
    async with browser("agent") as client:
        page = await client.get(f"/orders/{number}")
        said = text(page)
        assert "风机电机 180 瓦 (CXW-MOTOR-180) 已由 风机电机 200 瓦 (CXW-MOTOR-200) 替代" in said
        assert "质保期内" in said
        assert "客户要求更换" in said
    async with browser("keeper") as client:
        assert "判断参考" not in text(await client.get(f"/orders/{number}"))


async def test_the_successor_takes_its_place_with_one_press(browser: Browser, cases: Cases) -> None:
    number = await cases.apply(**OLD)
    async with browser("agent") as client:
        page = await client.get(f"/orders/{number}")
        data = form(page, "quote") | {"lines.0.part": "CXW-MOTOR-180", "lines.0.quantity": "2", "note": "kept"}
        swapped = await client.post(f"/orders/{number}/quote", data=data | {"put": "CXW-MOTOR-180=CXW-MOTOR-200"})
        assert swapped.status_code == 200
        assert '<option value="CXW-MOTOR-200" selected>' in swapped.text
        assert "kept" in text(swapped)
        more = await client.post(f"/orders/{number}/quote", data=data | {"put": "=CXW-CAPACITOR"})
        assert 'name="lines.1.part"' in more.text
        assert "初步判断" in text(await client.get(f"/orders/{number}"))


async def test_lines_are_decided_one_by_one_and_shown(browser: Browser, cases: Cases) -> None:
    number = await cases.apply()
    async with browser("agent") as client:
        page = await client.get(f"/orders/{number}")
        data = form(page, "quote") | {
            "lines.0.part": "CXW-MOTOR-200", "lines.0.quantity": "1", "lines.0.charge": "goodwill",
            "lines.1.part": "CXW-FILTER", "lines.1.quantity": "1", "lines.1.refused_for": "wear",
        }  # fmt: skip
        assert (await client.post(f"/orders/{number}/quote", data=data)).status_code == 303
        said = text(await client.get(f"/orders/{number}"))
        assert "费用：优惠承担" in said
        assert "不予更换 正常磨损" in said
        assert "时间依据" in said


@pytest.mark.clause("1.3.2")
async def test_a_part_that_does_as_well_is_offered_while_judging(browser: Browser, cases: Cases) -> None:
    wanted, other = "WQP-PUMP", "WQP-PUMP-H"
    number = await cases.apply(model="HG-WQP14", lines=[{"part": wanted, "quantity": 1}], fault="不洗")
    async with browser("agent") as client:
        page = await client.get(f"/orders/{number}")
        assert f"{wanted}={other}" in page.text, "none of it is left"
        found = (await client.get(f"/v1/orders/{number}/hints")).json()["substitutes"]
        assert [(one["wanted"], one["part"], one["available"]) for one in found if one["wanted"] == wanted] == [
            (wanted, other, 6)
        ]
        said = form(page, "quote") | {"lines.0.part": wanted, "lines.0.quantity": "1", "put": f"{wanted}={other}"}
        taken = await client.post(f"/orders/{number}/quote", data=said)
        assert f'value="{other}" selected' in taken.text


async def test_every_line_refused_is_said_beside_the_lines(browser: Browser, cases: Cases) -> None:
    number = await cases.apply()
    async with browser("agent") as client:
        page = await client.get(f"/orders/{number}")
        data = form(page, "quote") | {
            "lines.0.part": "CXW-FILTER",
            "lines.0.quantity": "1",
            "lines.0.refused_for": "wear",
        }
        back = await client.post(f"/orders/{number}/quote", data=data)
        assert back.status_code == 422
        assert "所有明细都不予更换" in text(back)


async def test_the_customer_agrees_to_exactly_what_they_read(browser: Browser, cases: Cases) -> None:
    number = await cases.quoted()
    token = await cases.token(number)
    async with browser(language="en") as client:
        await client.post("/language", data={"language": "en"})
        page = await client.get(f"/track/{token}")
        data = form(page, "consent")
        assert len(data["shown"]) == 64
        stale = await client.post(f"/track/{token}/consent", data=data | {"shown": "0" * 64})
        assert stale.status_code == 409
        assert form(stale, "consent")["shown"] == data["shown"], "what is read now is what can be agreed to"
        assert (await client.post(f"/track/{token}/consent", data=form(stale, "consent"))).status_code == 303
        after = text(await client.get(f"/track/{token}"))
        assert "What you agreed to" in after or "您已同意的内容" in after
    kept = await quotation(cases, number)
    assert kept.consented_hash is not None
    assert kept.consented_hash.hex() == data["shown"]
    assert kept.consented_to in kept.shown.values()


async def test_where_to_bring_it_and_what_it_costs_if_nothing_is_found(browser: Browser, cases: Cases) -> None:
    number = await cases.apply()
    await cases.decide(number, Action.SEND_FOR_INSPECTION, "agent", outlet="HZ-XIHU", advice="bring it in")
    token = await cases.token(number)
    async with browser() as client:
        said = text(await client.get(f"/track/{token}"))
        assert "09:00–17:30" in said
        assert "杭州市西湖区示范路 12 号" in said
        await cases.decide(number, Action.NO_FAULT_FOUND, "technician", finding="插座接触不良")
        said = text(await client.get(f"/track/{token}"))
        assert "60.00" in said
        assert "插座接触不良" in said


async def test_a_refusal_is_told_in_words(browser: Browser, cases: Cases) -> None:
    number = await cases.apply()
    await cases.decide(number, Action.REFUSE, "agent", reason="operating_error", explanation="滤网堵塞，清洗即可")
    async with browser() as client:
        said = text(await client.get(f"/track/{await cases.token(number)}"))
        assert "滤网堵塞，清洗即可" in said
        assert "operating_error" not in said


async def test_a_wanted_part_that_does_not_fit_says_so_and_none_takes_its_place(browser: Browser, cases: Cases) -> None:
    number = await cases.apply(lines=[{"part": "RO-PUMP", "quantity": 2}])
    async with browser("agent") as client:
        page = await client.get(f"/orders/{number}")
        assert re.search(r'<option value="RO-PUMP" selected>[^<]*不适用于该型号', page.text)
        data = form(page, "quote") | {"lines.0.part": "RO-PUMP", "lines.0.quantity": "2"}
        back = await client.post(f"/orders/{number}/quote", data=data)
        assert "不适用" in text(back)
        data |= form(back, "quote") | {
            "lines.0.refused_for": "other", "lines.1.part": "CXW-MOTOR-200", "lines.1.quantity": "1",
        }  # fmt: skip
        assert (await client.post(f"/orders/{number}/quote", data=data)).status_code == 303


async def test_a_line_is_taken_out_by_choosing_nothing(browser: Browser, cases: Cases) -> None:
    number = await cases.apply(lines=[{"part": "CXW-MOTOR-200"}, {"part": "CXW-LAMP"}])
    async with browser("agent") as client:
        page = await client.get(f"/orders/{number}")
        assert page.text.count('<option value="">请选择</option>') >= 2
        data = form(page, "quote") | {"lines.0.part": "CXW-MOTOR-200", "lines.0.quantity": "1"}
        data |= {"lines.1.part": "", "lines.1.quantity": "1"}
        assert (await client.post(f"/orders/{number}/quote", data=data)).status_code == 303
    assert (await quotation(cases, number)).parts == 258


async def test_consent_on_the_phone_is_recorded_beside_the_text_that_is_read(browser: Browser, cases: Cases) -> None:
    number = await cases.apply()
    async with browser("agent") as client:
        page = await client.get(f"/orders/{number}")
        assert 'name="agreed_on_phone"' not in page.text
        data = form(page, "quote") | {"lines.0.part": "CXW-MOTOR-200", "lines.0.quantity": "1"}
        await client.post(f"/orders/{number}/quote", data=data | {"agreed_on_phone": "on"})
        page = await client.get(f"/orders/{number}")
        assert "请读给客户听" in text(page)
        asked = await quotation(cases, number)
        assert text_of(asked.shown["zh"]) in text(page)
        data = form(page, "consent") | {"said_by": "王芳的丈夫"}
        assert (await client.post(f"/orders/{number}/consent", data=data)).status_code == 303
    kept = await quotation(cases, number)
    assert (kept.consented_said_by, kept.consented_to) == ("王芳的丈夫", kept.shown["zh"])


async def test_customer_and_product_are_put_right_on_the_page(browser: Browser, cases: Cases) -> None:
    number = await cases.apply(model=None, product="油烟机")
    async with browser("agent") as client:
        page = await client.get(f"/orders/{number}")
        same = await client.post(f"/orders/{number}/amend", data=form(page, "amend"))
        assert "没有可更正的内容" in text(same)
        data = form(same, "amend") | {"model": "HG-CXW268", "address": "示范新村 4 幢"}
        assert (await client.post(f"/orders/{number}/amend", data=data)).status_code == 303
        said = text(await client.get(f"/orders/{number}"))
        assert "更正了资料" in said
        assert "详细地址、产品型号" in said
        assert "示范新村 4 幢" in said
    async with browser("auditor") as client:
        assert "act-amend" not in (await client.get(f"/orders/{number}")).text


def text_of(shown: str) -> str:
    return " ".join(shown.split())
