import asyncio
import json
from urllib.parse import urlencode

import pytest

from carriers.kuaidi100 import compact, signature
from carriers.protocol import AccountFault, BadSignature, Busy, Carrier, CarrierError, Push, Refused, Unreadable, Watch
from domain.parcels import Milestone, fold
from faults.spoiled import NASTY
from tests.carriers.serving import TOKEN, Inbox, Remote, until
from tests.carriers.test_kuaidi100 import booked, waybill

SALT = "s4lt-of-the-account"
QUICK = 0.05


def push_of(param: dict[str, object], salt: str = SALT) -> bytes:
    text = compact(param)
    return urlencode({"param": text, "sign": signature(text, salt)}).encode()


def polling(**changes: object) -> dict[str, object]:
    row = {"ftime": "2026-11-23 09:00:00", "context": "已揽收", "statusCode": "103"}
    result = {"nu": "SF1234567890123", "com": "shunfeng", "state": "1", "data": [row]}
    return {"status": "polling", "message": "", "autoCheck": "0", "comNew": "", "lastResult": result, **changes}


def pushes(carrier: Carrier, inbox: Inbox) -> list[Push]:
    return [carrier.parse_push(body, token) for token, body in inbox.bodies]


def test_the_answer_is_exact(carrier: Carrier) -> None:
    assert carrier.push_answer == '{"result":true,"returnCode":"200","message":"成功"}'.encode()


@pytest.mark.parametrize("nasty", NASTY, ids=lambda nasty: repr(nasty)[:20])
def test_whatever_a_signed_push_says_can_be_kept_or_is_unreadable(carrier: Carrier, nasty: object) -> None:
    """One that blew up would hold up all that came after it."""
    row: dict[str, object] = {
        "ftime": "2026-11-23 09:00:00",
        "context": "已揽收",
        "statusCode": "103",
        "areaName": "杭州",
    }
    result: dict[str, object] = {"nu": "SF1234567890123", "com": "shunfeng", "state": "1", "data": [row]}
    param: dict[str, object] = {"status": "polling", "message": "", "comNew": "", "lastResult": result}
    for part in (row, result, param):
        for field in part:
            whole = part[field]
            part[field] = nasty
            text = json.dumps(param)
            body = urlencode({"param": text, "sign": signature(text, SALT)}).encode()
            part[field] = whole
            try:
                push = carrier.parse_push(body, TOKEN)
            except Unreadable:
                continue
            assert len(push.company) <= 32
            for said in (push.number, push.company, push.message):
                assert b"\x00" not in said.encode()
            for scan in push.scans:
                assert 1999 <= scan.at.year < 2100
                assert len(scan.code) <= 32
                assert b"\x00" not in "".join((scan.code, scan.text, scan.place, scan.waybill)).encode()


async def test_a_parcel_s_whole_way_is_pushed(carrier: Carrier, remote: Remote, inbox: Inbox) -> None:
    parcel = await booked(carrier)
    await carrier.subscribe(parcel, inbox.callback)
    await until(lambda: len(inbox.bodies) == 1)
    await remote.script(parcel.number, name="delivered", leg_seconds=QUICK)
    await until(lambda: pushes(carrier, inbox)[-1].watch is Watch.ENDED)
    received = pushes(carrier, inbox)
    assert {(push.number, push.company) for push in received} == {(parcel.number, "shunfeng")}
    milestones = [fold(push.scans).milestone for push in received]
    assert milestones[0] is Milestone.CREATED
    assert milestones[-1] is Milestone.DELIVERED
    assert all(push.watch is Watch.RUNNING for push in received[:-1])
    told = [scan for push in received for scan in push.scans]
    assert fold(told) == fold(await carrier.track(parcel))  # a push and a query tell the same
    assert {scan.key for scan in told} == {scan.key for scan in await carrier.track(parcel)}


async def test_a_push_not_taken_is_repeated_the_same(carrier: Carrier, inbox: Inbox) -> None:
    inbox.answers[:] = [b'{"result":true}', b"OK"]
    await carrier.subscribe(await booked(carrier), inbox.callback)
    await until(lambda: len(inbox.bodies) == 3)
    await asyncio.sleep(0.2)  # taken: no fourth
    assert len({push.key for push in pushes(carrier, inbox)}) == 1
    assert len(inbox.bodies) == 3


async def test_three_repeats_then_silence_until_there_is_news(carrier: Carrier, remote: Remote, inbox: Inbox) -> None:
    inbox.answers[:] = [b""] * 4
    parcel = await booked(carrier)
    await carrier.subscribe(parcel, inbox.callback)
    await until(lambda: len(inbox.bodies) == 4)
    await asyncio.sleep(0.2)
    assert len(inbox.bodies) == 4
    await remote.script(parcel.number, legs=[{"legs": 0, "code": "103"}])
    await until(lambda: len(inbox.bodies) == 5)


async def test_a_mangled_push_is_refused_and_comes_again(carrier: Carrier, remote: Remote, inbox: Inbox) -> None:
    await remote.fault("mangled", "callback")
    inbox.answers[:] = [b'{"result":false,"returnCode":"500","message":"sign"}']
    await carrier.subscribe(await booked(carrier), inbox.callback)
    await until(lambda: len(inbox.bodies) == 2)
    [(token, mangled), (_, whole)] = inbox.bodies
    with pytest.raises(BadSignature):
        carrier.parse_push(mangled, token)
    assert carrier.parse_push(whole, token).watch is Watch.RUNNING


async def test_a_push_of_shuffled_and_tripled_scans(carrier: Carrier, remote: Remote, inbox: Inbox) -> None:
    parcel = await booked(carrier)
    await remote.script(parcel.number, name="delivered", leg_seconds=0)
    await remote.fault("shuffled", "callback")
    await carrier.subscribe(parcel, inbox.callback)
    await until(lambda: len(inbox.bodies) == 1)
    [push] = pushes(carrier, inbox)
    assert len(push.scans) == 18
    assert fold(push.scans) == fold(await carrier.track(parcel))


async def test_a_late_scan_after_delivery_moves_nothing_back(carrier: Carrier, remote: Remote) -> None:
    parcel = await booked(carrier)
    await remote.script(parcel.number, name="late_scan", leg_seconds=0)
    scans = await carrier.track(parcel)
    assert max(scans, key=lambda scan: (scan.at, scan.code == "1002")).code == "1002"
    assert fold(scans).milestone is Milestone.DELIVERED


async def test_a_return_after_delivery_is_not_pushed_but_told_when_asked(
    carrier: Carrier, remote: Remote, inbox: Inbox
) -> None:
    parcel = await booked(carrier)
    await remote.script(parcel.number, name="delivered", leg_seconds=0)
    await carrier.subscribe(parcel, inbox.callback)
    await until(lambda: len(inbox.bodies) == 1)
    await remote.script(parcel.number, name="delivered_returned", leg_seconds=0)
    await asyncio.sleep(0.2)
    assert [push.watch for push in pushes(carrier, inbox)] == [Watch.ENDED]
    assert fold(await carrier.track(parcel)).milestone is Milestone.RETURNED


async def test_a_frozen_parcel_is_silent_and_goes_on(carrier: Carrier, remote: Remote, inbox: Inbox) -> None:
    parcel = await booked(carrier)
    await remote.freeze(parcel.number, True)
    await remote.script(parcel.number, name="delivered", leg_seconds=QUICK)
    await carrier.subscribe(parcel, inbox.callback)
    await asyncio.sleep(0.3)
    assert await remote.codes(parcel.number) == ["101"]
    assert len(inbox.bodies) == 1
    await remote.freeze(parcel.number, False)
    await until(lambda: pushes(carrier, inbox)[-1].watch is Watch.ENDED)


async def test_subscribed_twice_is_subscribed(carrier: Carrier, inbox: Inbox) -> None:
    parcel = await booked(carrier)
    await carrier.subscribe(parcel, inbox.callback)
    await carrier.subscribe(parcel, inbox.callback)
    await until(lambda: len(inbox.bodies) == 1)


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("500", Busy),
        ("600", AccountFault),
        ("601", AccountFault),
        ("700", Refused),
        ("701", Refused),
        ("702", Refused),
    ],
)
async def test_what_a_subscription_s_code_means(
    carrier: Carrier, remote: Remote, code: str, error: type[CarrierError]
) -> None:
    await remote.fault("code", "subscribe", code=code)
    with pytest.raises(CarrierError) as raised:
        await carrier.subscribe(waybill(), "http://127.0.0.1:9/push")
    assert (type(raised.value), raised.value.code) == (error, code)


@pytest.mark.parametrize(
    ("body", "token"),
    [
        (push_of(polling()), "another-token"),
        (push_of(polling()), ""),
        (push_of(polling()), "口令"),
        (push_of(polling(), salt="another"), TOKEN),
        (push_of(polling(), salt=""), TOKEN),
        (push_of(polling()).replace(b"103", b"301"), TOKEN),
        (push_of(polling()) + b"&param=%7B%7D", TOKEN),
        (urlencode({"param": compact(polling())}).encode(), TOKEN),
        (urlencode({"param": compact(polling()), "sign": "签名"}).encode(), TOKEN),
        (b"&".join(b"a=1" for _ in range(20)), TOKEN),
        (b"\xff\xfe", TOKEN),
        (b"", TOKEN),
    ],
)
def test_forged_pushes(carrier: Carrier, body: bytes, token: str) -> None:
    with pytest.raises(BadSignature):
        carrier.parse_push(body, token)


@pytest.mark.parametrize("param", [polling(status="news"), polling(lastResult=None), {}])
def test_signed_pushes_that_are_not_what_was_agreed(carrier: Carrier, param: dict[str, object]) -> None:
    with pytest.raises(Unreadable):
        carrier.parse_push(push_of(param), TOKEN)


def test_a_signed_push_without_a_bottom(carrier: Carrier) -> None:
    text = "[" * 100_000
    with pytest.raises(Unreadable):
        carrier.parse_push(urlencode({"param": text, "sign": signature(text, SALT)}).encode(), TOKEN)


def test_what_an_unreadable_push_holds_is_not_repeated(carrier: Carrier) -> None:
    row = {"ftime": "李工 13912345678", "context": "…"}
    body = push_of(polling(lastResult={"nu": "SF1234567890123", "data": [row]}))
    with pytest.raises(Unreadable) as raised:
        carrier.parse_push(body, TOKEN)
    assert "李工" not in f"{raised.value} {raised.value.__context__}"


@pytest.mark.parametrize(
    ("status", "watch"),
    [
        ("polling", Watch.RUNNING),
        ("updateall", Watch.RUNNING),
        ("shutdown", Watch.ENDED),
        ("abort", Watch.GIVEN_UP),
    ],
)
def test_whether_the_carrier_goes_on(carrier: Carrier, status: str, watch: Watch) -> None:
    assert carrier.parse_push(push_of(polling(status=status)), TOKEN).watch is watch


def test_given_up_because_another_company_has_it(carrier: Carrier) -> None:
    empty = {"nu": "SF1234567890123", "com": "shunfeng", "data": []}
    body = push_of(polling(status="abort", message="3天查询无记录", comNew="zhongtong", lastResult=empty))
    push = carrier.parse_push(body, TOKEN)
    assert (push.watch, push.company, push.message) == (Watch.GIVEN_UP, "zhongtong", "3天查询无记录")
    assert push.scans == ()


def test_the_same_push_has_the_same_key(carrier: Carrier) -> None:
    first, again = (carrier.parse_push(push_of(polling()), TOKEN) for _ in range(2))
    assert first == again
    assert first.key != carrier.parse_push(push_of(polling(status="shutdown")), TOKEN).key
