import asyncio
import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import count
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse

from carriers.kuaidi100 import STATES, Kuaidi100, compact, signature
from carriers.protocol import (
    AccountFault,
    Booking,
    Busy,
    Carrier,
    CarrierError,
    Consignment,
    NoData,
    Party,
    PhoneWanted,
    Quote,
    Recall,
    Refused,
    Unreadable,
    Waybill,
)
from carriers.server.app import create_app
from carriers.server.kuaidi import Options
from domain.parcels import Milestone, Scan, Trouble, fold
from tests.carriers.serving import Remote, account, serving

serials = count(1)


def consignment(shipment: str | None = None, company: str = "shunfeng") -> Consignment:
    return Consignment(
        shipment=shipment or f"RO-20261123-{next(serials):04}-1",
        company=company,
        sender=Party("备件库", "0755-12345678", "广东深圳市南山区科技南十二路2号"),
        receiver=Party("李工", "13912345678", "北京市海淀区中关村大街1号"),
        cargo="压缩机",
        weight_kg=Decimal("12.5"),
    )


def waybill(number: str | None = None, company: str = "shunfeng", phone_last4: str = "1234") -> Waybill:
    return Waybill(number or f"SF88{next(serials):011}", company, phone_last4)


async def booked(carrier: Carrier, company: str = "shunfeng") -> Waybill:
    booking = await carrier.book(consignment(company=company))
    assert booking.waybill is not None
    return booking.waybill


def at(*scans: Scan) -> list[tuple[str, Milestone]]:
    return [(scan.at.isoformat(), scan.milestone) for scan in sorted(scans, key=lambda scan: scan.at)]


@dataclass
class Parrot:
    """A server that answers as told; `bodies` are what it was sent."""

    carrier: Kuaidi100
    answers: dict[str, Response] = field(default_factory=dict)
    bodies: list[bytes] = field(default_factory=list)


@pytest.fixture
async def parrot() -> AsyncIterator[Parrot]:
    app = FastAPI()

    @app.post("/{path:path}")
    async def answer(path: str, request: Request) -> Response:
        mimic.bodies.append(await request.body())
        return mimic.answers[f"/{path}"]

    with serving(app) as url:
        mimic = Parrot(Kuaidi100(account(url)))
        yield mimic
        await mimic.carrier.aclose()


# Signatures


def test_signatures_of_the_published_formulas() -> None:
    query = compact({"com": "shunfeng", "num": "SF1234567890123", "phone": "1234", "resultv2": "4"})
    assert query == '{"com":"shunfeng","num":"SF1234567890123","phone":"1234","resultv2":"4"}'
    assert signature(query, "testkey", "TESTCUSTOMER") == "45612733F66C423DB79FD0FB77FAFF5C"
    assert signature('{"status":"polling"}', "s4lt") == "F82772999FBD64E5C8095E8D9EB23B5E"
    label = '{"kuaidicom":"shunfeng","orderId":"RO-20261123-0001-1"}'
    assert signature(label, "1470304729724", "testkey", "testsecret") == "3823CA4A0518D99BEE554E67C056B4A7"


@pytest.mark.parametrize(("key", "secret"), [("other-key", "demo-secret"), ("demo-key", "other-secret")])
async def test_the_server_refuses_a_wrong_signature(server: str, key: str, secret: str) -> None:
    stranger = Kuaidi100(account(server, key=key, secret=secret))
    with pytest.raises(AccountFault):
        await stranger.book(consignment())
    await stranger.aclose()


async def test_the_server_refuses_a_query_signed_with_another_key(server: str) -> None:
    stranger = Kuaidi100(account(server, key="other-key"))
    with pytest.raises(AccountFault, match="503"):
        await stranger.track(waybill())
    with pytest.raises(AccountFault, match="600"):
        await stranger.subscribe(waybill(), "http://127.0.0.1:9/push")
    await stranger.aclose()


# Tracking


async def test_scans_have_milestones_and_instants(carrier: Carrier, remote: Remote) -> None:
    parcel = waybill()
    await remote.parcel(parcel.number)
    await remote.scans(
        parcel.number,
        {"at": "2026-11-23T09:00:00+08:00", "code": "103", "text": "已揽收", "place": "广东,深圳市"},
        {"at": "2026-11-24T08:00:00+08:00", "code": "206", "text": "无法联系"},
        {"at": "2026-11-24T23:30:00+08:00", "code": "301", "text": "本人签收"},
    )
    scans = await carrier.track(parcel)
    assert at(*scans) == [
        ("2026-11-23T01:00:00+00:00", Milestone.PICKED_UP),
        ("2026-11-24T00:00:00+00:00", Milestone.ATTEMPT_FAILED),
        ("2026-11-24T15:30:00+00:00", Milestone.DELIVERED),
    ]
    picked_up, failed, delivered = sorted(scans, key=lambda scan: scan.at)
    assert (picked_up.waybill, picked_up.code) == (parcel.number, "103")
    assert (picked_up.text, picked_up.place) == ("已揽收", "广东,深圳市")
    assert (failed.trouble, delivered.in_person) == (Trouble.UNREACHABLE, True)


@pytest.mark.parametrize("code", ["3", "302", "303", "304", "501"])
async def test_not_to_the_person(carrier: Carrier, remote: Remote, code: str) -> None:
    parcel = waybill()
    await remote.parcel(parcel.number)
    await remote.scans(parcel.number, {"at": "2026-11-23T09:00:00+08:00", "code": code})
    assert not fold(await carrier.track(parcel)).delivered_to_person


async def test_an_unknown_code_is_kept_and_fails_nothing(carrier: Carrier, remote: Remote) -> None:
    parcel = waybill()
    await remote.parcel(parcel.number)
    await remote.scans(parcel.number, {"at": "2026-11-23T09:00:00+08:00", "code": "1999", "text": "新状态"})
    [scan] = await carrier.track(parcel)
    assert (scan.milestone, scan.code, scan.text) == (Milestone.UNKNOWN, "1999", "新状态")


def test_every_documented_code_is_known() -> None:
    documented = (
        "0 1001 1002 1003 1 101 102 103 2 201 202 203 204 205 206 207 208 209 210"
        " 3 301 302 303 304 4 401 14 5 501 6 7 8 10 11 12 13"
    )
    assert set(documented.split()) == set(STATES)
    assert {milestone for milestone, _ in STATES.values()} == set(Milestone) - {Milestone.UNKNOWN}


async def test_shuffled_and_tripled_scans_fold_the_same(carrier: Carrier, remote: Remote) -> None:
    parcel = waybill()
    await remote.parcel(parcel.number)
    codes = ["101", "103", "1002", "1001", "5", "301", "1002"]
    await remote.scans(
        parcel.number,
        *({"at": f"2026-11-23T{9 + n:02}:00:00+08:00", "code": code} for n, code in enumerate(codes)),
    )
    plain = await carrier.track(parcel)
    await remote.fault("shuffled", "query")
    shuffled = await carrier.track(parcel)
    assert len(shuffled) == 3 * len(plain)
    assert fold(shuffled) == fold(plain)
    assert fold(plain).milestone is Milestone.DELIVERED


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("400", AccountFault),
        ("408", PhoneWanted),
        ("500", NoData),
        ("501", Busy),
        ("502", Busy),
        ("503", AccountFault),
        ("504", Busy),
        ("601", AccountFault),
        ("799", Refused),
    ],
)
async def test_what_a_query_s_return_code_means(
    carrier: Carrier, remote: Remote, code: str, error: type[CarrierError]
) -> None:
    await remote.fault("code", "query", code=code, message="收件人13912345678")
    with pytest.raises(CarrierError) as raised:
        await carrier.track(waybill())
    assert type(raised.value) is error
    assert raised.value.code == code
    assert str(raised.value) == f"{code} 收件人…"


async def test_no_data_before_the_first_scan(carrier: Carrier, remote: Remote) -> None:
    parcel = waybill()
    await remote.parcel(parcel.number)
    with pytest.raises(NoData):
        await carrier.track(parcel)


@pytest.mark.parametrize("company", ["shunfeng", "zhongtong"])
async def test_some_companies_want_the_phone(carrier: Carrier, remote: Remote, company: str) -> None:
    parcel = waybill(company=company)
    await remote.parcel(parcel.number, company=company, phone="13800001234", script="delivered")
    assert await carrier.track(parcel)
    with pytest.raises(PhoneWanted):
        await carrier.track(waybill(parcel.number, company, phone_last4=""))
    with pytest.raises(PhoneWanted):
        await carrier.track(waybill(parcel.number, company, phone_last4="9999"))


async def test_others_do_not(carrier: Carrier, remote: Remote) -> None:
    await remote.parcel("YT1234567890", company="yuantong", script="delivered")
    assert await carrier.track(waybill("YT1234567890", "yuantong", phone_last4=""))


async def test_asking_too_often_locks_the_number(tmp_path: Path) -> None:
    with serving(create_app(Options(tmp_path, query_seconds=1))) as url:
        carrier = Kuaidi100(account(url))
        parcel = await booked(carrier)
        assert await carrier.track(parcel)
        with pytest.raises(Busy) as raised:
            await carrier.track(parcel)
        assert raised.value.retry_after == timedelta(minutes=30)
        await asyncio.sleep(1.1)
        assert await carrier.track(parcel)
        await carrier.aclose()


# Answers that are none


async def test_a_proxy_s_page_is_busy_and_passes(carrier: Carrier, remote: Remote) -> None:
    parcel = waybill()
    await remote.parcel(parcel.number, script="delivered")
    await remote.fault("html", "query")
    with pytest.raises(Busy, match="502"):
        await carrier.track(parcel)
    assert await carrier.track(parcel)


async def test_nobody_there_is_busy() -> None:
    nobody = Kuaidi100(account("http://127.0.0.1:9"))
    with pytest.raises(Busy, match="ClientConnectorError"):
        await nobody.track(waybill())
    await nobody.aclose()


ROW = {"ftime": "2026-11-23 09:00:00", "context": "…", "statusCode": "103"}
ODD_ANSWERS = [
    (Response("<html>维护中</html>", media_type="text/html"), Busy),
    (JSONResponse(["not", "an", "object"]), Busy),
    (Response("[" * 100_000), Busy),
    (Response("slow down", 429, {"retry-after": "90"}), Busy),
    (JSONResponse({"message": "ok", "data": [ROW]}, 503), Busy),
    (Response("no such page", 404), AccountFault),
    (Response(status_code=302, headers={"location": "http://elsewhere.invalid/"}), AccountFault),
    (JSONResponse({"result": False, "returnCode": "500", "message": "无结果"}, 500), NoData),
    (JSONResponse({"result": False, "message": "?"}), Refused),
    (JSONResponse({"message": "ok", "data": [{**ROW, "ftime": "yesterday"}]}), Unreadable),
    (JSONResponse({"message": "ok", "data": "none"}), Unreadable),
    (Response(b" " * (4 * 1024 * 1024 + 1)), Unreadable),
]


@pytest.mark.parametrize(("answer", "error"), ODD_ANSWERS)
async def test_the_body_is_read_before_the_status(parrot: Parrot, answer: Response, error: type[CarrierError]) -> None:
    parrot.answers["/poll/query.do"] = answer
    with pytest.raises(CarrierError) as raised:
        await parrot.carrier.track(waybill())
    assert type(raised.value) is error
    if answer.status_code == 429:
        assert isinstance(raised.value, Busy)
        assert raised.value.retry_after == timedelta(seconds=90)


async def test_the_newest_scan_without_a_code_has_the_parcel_s(parrot: Parrot) -> None:
    rows = [{"ftime": f"2026-11-23 {hour}:00:00", "context": "…"} for hour in ("11", "10")]
    parrot.answers["/poll/query.do"] = JSONResponse({"state": "3", "data": rows})
    scans = await parrot.carrier.track(waybill())
    assert [scan.milestone for scan in scans] == [Milestone.DELIVERED, Milestone.UNKNOWN]


# Booking


async def test_a_booking_has_a_waybill_and_a_label(carrier: Carrier) -> None:
    booking = await carrier.book(consignment())
    assert booking.waybill is not None
    assert booking.waybill.number.startswith("SF")
    assert booking.waybill.phone_last4 == "5678"
    label = await carrier.label(booking)
    assert (label.media_type, label.content[:4]) == ("image/png", b"\x89PNG")


async def test_booked_twice_is_booked_once(carrier: Carrier) -> None:
    order = consignment()
    assert await carrier.book(order) == await carrier.book(order)
    other = await carrier.book(consignment())
    assert other != await carrier.book(order)


async def test_a_booking_whose_answer_was_lost_is_found_again(server: str, carrier: Carrier, remote: Remote) -> None:
    order = consignment()
    impatient = Kuaidi100(account(server, timeout=0.3))
    await remote.fault("lost", "order", seconds=0.6)
    with pytest.raises(Busy):
        await impatient.book(order)
    await impatient.aclose()
    before = await remote.calls()
    booking = await carrier.book(order)
    assert booking.waybill is not None
    assert await carrier.track(booking.waybill)
    assert (await remote.calls())["order"] == before["order"] + 1
    async with httpx.AsyncClient() as http:
        parcels = (await http.get(f"{server}/_control/parcels")).json()
    assert [parcel["number"] for parcel in parcels if parcel["order_id"] == order.shipment] == [booking.waybill.number]


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("-1", Busy),
        ("500", Busy),
        ("30001", Refused),
        ("30002", AccountFault),
        ("30003", AccountFault),
        ("30004", AccountFault),
        ("30009", Refused),
        ("39999", Refused),
    ],
)
async def test_what_a_label_s_code_means(
    carrier: Carrier, remote: Remote, code: str, error: type[CarrierError]
) -> None:
    await remote.fault("code", "order", code=code)
    with pytest.raises(CarrierError) as raised:
        await carrier.book(consignment())
    assert (type(raised.value), raised.value.code) == (error, code)


async def test_a_company_the_carrier_does_not_know(carrier: Carrier) -> None:
    with pytest.raises(Refused, match="30001"):
        await carrier.book(consignment(company="nobody"))


async def test_what_a_company_issued_goes_with_every_booking(parrot: Parrot) -> None:
    partner = {"partnerId": "7551234567", "payType": "SHIPPER"}
    carrier = Kuaidi100(replace(parrot.carrier.account, partners={"shunfeng": partner}))
    parrot.answers["/label/order"] = JSONResponse(
        {"success": True, "code": 200, "data": {"kuaidinum": "SF1234567890123"}}
    )
    await carrier.book(consignment())
    await carrier.aclose()
    sent = httpx.QueryParams(parrot.bodies[0].decode())["param"]
    assert '"partnerId":"7551234567"' in sent
    assert '"payType":"SHIPPER"' in sent
    assert '"tel":"0755-12345678"' in sent
    assert '"mobile":"13912345678"' in sent


@pytest.mark.parametrize("number", ["", "9" * 41])
async def test_a_number_that_no_parcel_can_have_is_none(parrot: Parrot, number: str) -> None:
    answer = {"success": True, "code": 200, "data": {"kuaidinum": number}}
    parrot.answers["/label/order"] = JSONResponse(answer)
    with pytest.raises(Unreadable):
        await parrot.carrier.book(consignment())


async def test_labels_that_are_none(carrier: Carrier, remote: Remote, server: str) -> None:
    booking = await carrier.book(consignment())
    await remote.fault("html", "image")
    with pytest.raises(Busy):
        await carrier.label(booking)
    with pytest.raises(Unreadable, match="neither"):
        await carrier.label(Booking(None, f"{server}/healthz"))
    with pytest.raises(Unreadable, match="address"):
        await carrier.label(Booking(None, ""))


async def test_prices_and_the_arrival(carrier: Carrier) -> None:
    assert await carrier.quote(consignment()) == [
        Quote("标准快递", Decimal("37.0")),
        Quote("特快", Decimal("82.5")),
    ]
    handed_over = datetime(2026, 11, 23, 1, 0, tzinfo=UTC)
    assert handed_over <= await carrier.arrival(consignment(), handed_over) <= handed_over + timedelta(minutes=10)


@pytest.mark.parametrize(
    ("told", "arrival"),
    [
        ("2026-11-25 18:30:00", datetime(2026, 11, 25, 10, 30, tzinfo=UTC)),
        ("2026-11-25 18", datetime(2026, 11, 25, 10, tzinfo=UTC)),
    ],
)
async def test_arrivals_to_the_hour_or_to_the_second(parrot: Parrot, told: str, arrival: datetime) -> None:
    parrot.answers["/label/order"] = JSONResponse({"success": True, "code": 200, "data": {"arrivalTime": told}})
    assert await parrot.carrier.arrival(consignment(), arrival) == arrival
    parrot.answers["/label/order"] = JSONResponse({"success": True, "code": 200, "data": {}})
    with pytest.raises(NoData):
        await parrot.carrier.arrival(consignment(), arrival)


# Calling back


async def test_cancelled_before_it_was_picked_up(carrier: Carrier, remote: Remote) -> None:
    parcel = await booked(carrier)
    await remote.script(parcel.number, legs=[])
    assert await carrier.cancel(parcel, "客户取消") is Recall.ACCEPTED
    assert await carrier.cancel(parcel, "客户取消") is Recall.ACCEPTED
    assert fold(await carrier.track(parcel)).milestone is Milestone.CANCELLED
    assert (await remote.codes(parcel.number)).count("401") == 1


async def test_under_way_it_is_intercepted_and_comes_back(carrier: Carrier, remote: Remote) -> None:
    parcel = await booked(carrier)
    await remote.script(parcel.number, legs=[{"legs": 0, "code": "103"}, {"legs": 9999, "code": "5"}])
    assert await carrier.cancel(parcel, "客户取消") is Recall.TOO_LATE
    assert await carrier.intercept(parcel, "客户取消") is Recall.ACCEPTED
    assert await carrier.intercept(parcel, "客户取消") is Recall.ACCEPTED
    await remote.script(parcel.number, legs=[{"legs": 0, "code": "6"}, {"legs": 0, "code": "4"}])
    assert fold(await carrier.track(parcel)).milestone is Milestone.RETURNED


async def test_a_delivered_parcel_can_not_be_stopped(carrier: Carrier, remote: Remote) -> None:
    parcel = await booked(carrier)
    await remote.script(parcel.number, name="delivered", leg_seconds=0)
    assert await carrier.intercept(parcel, "客户取消") is Recall.TOO_LATE


async def test_a_parcel_the_carrier_never_had_can_not_be_recalled(carrier: Carrier) -> None:
    with pytest.raises(Refused, match="30009"):
        await carrier.cancel(waybill(), "客户取消")


# What must not be seen


async def test_no_secret_and_no_phone_in_logs_and_messages(
    server: str, remote: Remote, caplog: pytest.LogCaptureFixture
) -> None:
    contract = account(server, key="demo-key", secret="demo-secret")
    carrier, order = Kuaidi100(contract), consignment()
    caplog.set_level(logging.DEBUG)
    booking = await carrier.book(order)
    assert booking.waybill is not None
    await carrier.track(booking.waybill)
    await remote.fault("code", "query", code="408", message="手机号13912345678验证失败")
    with pytest.raises(PhoneWanted) as raised:
        await carrier.track(booking.waybill)
    await carrier.aclose()
    seen = [record.getMessage() for record in caplog.records if record.name != "asyncio"]
    shown = "\n".join([*seen, str(raised.value), repr(contract), repr(order), repr(booking)])
    hidden = ["demo-key", "demo-secret", "s4lt", contract.push_token, "13912345678", "李工", "海淀区"]
    assert [word for word in hidden if word in shown] == []
    assert "5678" not in repr(booking.waybill)
