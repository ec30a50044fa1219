"""The form on the web site and the agents', without script: photos go along, nothing typed is lost (policy 2.1.1)."""

import re
from typing import Any
from uuid import uuid4

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import func, select

from database.session import Sessions
from database.tables import EventLog, Outbox, Photo, ReplacementOrder
from domain.stages import Stage
from tests.pages.conftest import Browser
from tests.pages.test_pages import text
from tests.pictures import HEIC, opened, photo

TYPED = {
    "customer.name": "陈晨", "customer.phone": "15400000555", "customer.city": "杭州市", "model": "HG-CXW300T",
    "fault_code": "motion.noise", "fault": "吸油烟机嗡嗡响,还漏油", "bought_on": "2025-11-01", "bought_under": "TB-1",
}  # fmt: skip


def files(*raw: bytes) -> list[tuple[str, tuple[str, bytes, str]]]:
    return [("files", (f"{n}.jpg", one, "image/jpeg")) for n, one in enumerate(raw)]


def photos_in(page: httpx.Response) -> list[str]:
    return re.findall(r'name="photos" value="([^"]+)"', page.text)


async def apply(client: httpx.AsyncClient, *raw: bytes, key: str = "", **changes: Any) -> httpx.Response:
    said = TYPED | {"key": key or uuid4().hex} | changes
    return await client.post("/apply", data=said, files=files(*raw) or None)


@pytest.mark.clause("2.1.1b")
async def test_a_customer_applies_with_photos_and_follows_the_order(browser: Browser, sessions: Sessions) -> None:
    async with browser() as client:
        key = uuid4().hex
        done = await apply(client, photo(), HEIC, key=key)
        assert done.status_code == 303, text(done)
        page = await client.get(done.headers["location"])
        number = re.findall(r"RO-\d{8}-\d{5}", page.text)[0]
        assert "We have received your application" in text(page)
        addresses = re.findall(r'href="(/v1/tracking/[^"]+)"', page.text)
        assert len(addresses) == 2
        shown = await client.get(addresses[1])
        assert shown.headers["content-type"] == "image/jpeg"
        assert shown.headers["cache-control"].startswith("private")
        assert "sandbox" in shown.headers["content-security-policy"]
        assert not opened(shown.content).getexif()
        other = re.sub(r"/tracking/[^/]+/", f"/tracking/{'x' * 32}/", addresses[0])
        assert (await client.get(other)).status_code == 404
        staffs = f"/v1/orders/{number}/photos/{addresses[0].rpartition('/')[2]}"
        assert (await client.get(staffs)).status_code == 401
    async with sessions() as session:
        order = await session.get_one(ReplacementOrder, number)
        assert (order.channel, order.stage, order.entered_by) == ("web", Stage.RECEIVED, "web")
        assert (order.bought_on.isoformat() if order.bought_on else "", order.bought_under) == ("2025-11-01", "TB-1")
        assert await session.scalar(select(Outbox.template).where(Outbox.document == number)) == "received"
    async with browser("agent") as client:
        assert staffs in (await client.get(f"/orders/{number}")).text
        assert (await client.get(staffs)).status_code == 200


async def test_a_bad_photo_loses_neither_the_others_nor_what_was_typed(browser: Browser) -> None:
    async with browser() as client:
        page = await apply(client, photo(), photo()[:-900], b"MZ", b"", **{"customer.phone": "15400000556"})
        assert page.status_code == 422
        assert "1.jpg: the photo is damaged" in text(page)
        assert "2.jpg: this is not a photo" in text(page)
        assert "3.jpg: the file is empty" in text(page)
        assert TYPED["fault"] in page.text
        [kept] = photos_in(page)
        missing = await apply(client, photos=kept, **{"customer.phone": ""})
        assert (missing.status_code, photos_in(missing)) == (422, [kept])
        done = await apply(client, photos=kept, **{"customer.phone": "15400000556"})
        assert done.status_code == 303


async def test_more_than_nine_photos_are_left_out_and_said(browser: Browser) -> None:
    async with browser() as client:
        page = await apply(client, *[photo(60, 40)] * 10, **{"customer.phone": "15400000557"})
        assert page.status_code == 422
        assert "At most nine photos" in text(page)
        assert len(photos_in(page)) == 9
        fewer = await apply(client, photos=photos_in(page), drop=photos_in(page)[0])
        assert len(photos_in(fewer)) == 8


async def test_sending_twice_makes_one_order(browser: Browser, sessions: Sessions) -> None:
    async with browser() as client:
        key = uuid4().hex
        answers = [await apply(client, key=key, **{"customer.phone": "15400000558"}) for _ in range(2)]
    assert answers[0].status_code == 303
    assert answers[0].headers["location"] == answers[1].headers["location"]


@pytest.mark.clause("2.1.2")
async def test_the_same_fault_again_is_offered_to_be_joined(browser: Browser, sessions: Sessions) -> None:
    phone = {"customer.phone": "15400000559"}
    async with browser() as client:
        first = await client.get((await apply(client, **phone)).headers["location"])
        number = re.findall(r"RO-\d{8}-\d{5}", first.text)[0]
        again = await apply(client, photo(), fault="现在完全不转了", **phone)
        assert again.status_code == 409, text(again)
        assert f'name="into" value="{number}"' in again.text
        joined = await apply(client, photos=photos_in(again), fault="现在完全不转了", into=number, **phone)
        assert joined.headers["location"] == f"/apply?into={number}"
        assert number in (await client.get(joined.headers["location"])).text
        new = await apply(client, into="new", **phone)
        assert "/track/" in new.headers["location"]
        stranger = await apply(client, into=number, **{"customer.phone": "15400000999"})
        assert stranger.status_code == 422
    async with sessions() as session:
        event = await session.scalar(
            select(EventLog).where(EventLog.document == number, EventLog.action == "supplement")
        )
        assert event
        assert event.details == {"photos": 1, "joined": True}
        assert await session.scalar(select(func.count()).select_from(Photo).where(Photo.order == number)) == 1
        told = await session.scalars(select(Outbox.audience).where(Outbox.document == number, Outbox.seq == event.seq))
        assert set(told) == {"service_agent", "customer"}
    async with browser("agent") as client:
        page = await client.get(f"/orders/{number}")
        assert "现在完全不转了" in text(page)
    async with browser("auditor") as client:
        assert phone["customer.phone"] not in (await client.get(f"/orders/{number}")).text


async def test_who_went_back_and_changed_something_can_send_it(browser: Browser) -> None:
    phone, key = {"customer.phone": "15400000560"}, uuid4().hex
    async with browser() as client:
        assert (await apply(client, key=key, **phone)).status_code == 303
        changed = await apply(client, key=key, fault="灯不亮", fault_code="", **phone)
        assert changed.status_code == 422
        [fresh] = re.findall(r'name="key" value="([^"]+)"', changed.text)
        assert fresh != key
        assert (await apply(client, key=fresh, fault="灯不亮", fault_code="", **phone)).status_code == 303


async def test_parts_that_fit_are_offered_first_in_every_language(browser: Browser) -> None:
    async with browser("agent") as client:
        for language in ("zh", "en"):
            page = await client.get("/orders/new")
            csrf = re.findall(r'name="csrf" value="([^"]+)"', page.text)[0]
            await client.post("/language", data={"csrf": csrf, "language": language})
            known = await client.get("/orders/new/known", params={"serial": "CXW268-001001"})
            groups = re.findall(r'<optgroup label="([^"]+)"', known.text)
            assert groups == {"zh": ["适用于该型号", "其他备件"], "en": ["Fits this model", "Other parts"]}[language]


async def test_one_address_applies_so_many_times_an_hour(browser: Browser, app: FastAPI) -> None:
    house = app.state.house
    few = house.settings.model_copy(update={"applications_per_hour": 1})
    app.state.house = type(house)(few, house.sessions, house.temporal)
    async with browser() as client:
        answers = [await apply(client, **{"customer.phone": f"1540000066{n}"}) for n in range(3)]
    assert answers[-1].status_code == 429
    assert int(answers[-1].headers["retry-after"]) > 0
    assert TYPED["fault"] in answers[-1].text


async def test_the_agents_form_fills_itself(browser: Browser) -> None:
    async with browser("agent") as client:
        known = await client.get("/orders/new/known", params={"serial": "CXW268-001001"})
        assert "王芳" in known.text
        assert "In warranty until" in text(known) or "质保期至" in text(known)
        assert '"model": "HG-CXW268"' in known.text
        page = await client.get("/orders/new")
        csrf = re.findall(r'name="csrf" value="([^"]+)"', page.text)[0]
        looked = await client.post("/orders/new", data={"csrf": csrf, "look": "yes", "serial": "CXW268-001001"})
        assert 'value="王芳"' in looked.text
        somebody = await client.get("/orders/new/known", params={"serial": "CXW268-001001", "phone": "15499999999"})
        assert '"customer.name"' not in somebody.text
    async with browser("keeper") as client:
        assert (await client.get("/orders/new/known", params={"serial": "CXW268-001001"})).status_code == 403
