"""A carrier's push: kept as it came and answered as the carrier wants it, whatever it says."""

from hashlib import sha256
from urllib.parse import urlencode

import httpx
import pytest
from sqlalchemy import select

from carriers.kuaidi100 import PUSH_ANSWER, compact, signature
from database.session import Sessions
from database.tables import CarrierAccount, CarrierPush

FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.fixture
async def account(sessions: Sessions) -> CarrierAccount:
    async with sessions() as session:
        return await session.get_one(CarrierAccount, "sf")


def signed(account: CarrierAccount, param: dict[str, object]) -> bytes:
    text = compact(param)
    return urlencode({"param": text, "sign": signature(text, account.settings["salt"])}).encode()


def polling(waybill: str) -> dict[str, object]:
    row = {"ftime": "2026-11-23 09:00:00", "context": "已揽收", "statusCode": "103"}
    result = {"nu": waybill, "com": "shunfeng", "state": "1", "data": [row]}
    return {"status": "polling", "message": "", "autoCheck": "0", "comNew": "", "lastResult": result}


def address(account: CarrierAccount, token: str | None = None) -> str:
    return f"/v1/carriers/{account.code}/push/{token or account.push_token}"


async def kept(sessions: Sessions) -> list[CarrierPush]:
    async with sessions() as session:
        return list(await session.scalars(select(CarrierPush).order_by(CarrierPush.id)))


async def test_a_push_is_kept_once_and_thanked_for_each_time(
    client: httpx.AsyncClient, account: CarrierAccount, sessions: Sessions
) -> None:
    body = signed(account, polling("SF-UNKNOWN-1"))
    for _ in range(3):
        answer = await client.post(address(account), content=body, headers=FORM)
        assert (answer.status_code, answer.content) == (200, PUSH_ANSWER)
        assert answer.headers["content-type"] == "application/json"
    [push] = await kept(sessions)
    assert (push.account, push.raw, push.key, push.read_at) == ("sf", body, sha256(body).hexdigest(), None)
    await client.post(address(account), content=signed(account, polling("SF-UNKNOWN-2")), headers=FORM)
    assert len(await kept(sessions)) == 2


async def test_a_push_that_is_not_signed_as_agreed_is_refused(
    client: httpx.AsyncClient, account: CarrierAccount, sessions: Sessions
) -> None:
    body = signed(account, polling("SF1"))
    for wrong in (body.replace(b"SF1", b"SF2"), b"", b"\x00\xff", b"param=1", body + b"0"):
        refused = await client.post(address(account), content=wrong, headers=FORM)
        assert (refused.status_code, refused.json()["code"]) == (403, "push_refused")
        assert "true" not in refused.text
    assert await kept(sessions) == []


async def test_an_address_that_is_not_ours_looks_empty(
    client: httpx.AsyncClient, account: CarrierAccount, sessions: Sessions
) -> None:
    body = signed(account, polling("SF1"))
    wrong = account.push_token[::-1]
    for path in (address(account, wrong), address(account, "é"), f"/v1/carriers/nobody/push/{account.push_token}"):
        refused = await client.post(path, content=body, headers=FORM)
        assert (refused.status_code, refused.json()["code"]) == (404, "not_found")
    assert await kept(sessions) == []


async def test_what_is_signed_but_not_understood_is_kept_for_a_person_to_look_at(
    client: httpx.AsyncClient, account: CarrierAccount, sessions: Sessions, caplog: pytest.LogCaptureFixture
) -> None:
    answer = await client.post(address(account), content=signed(account, {"status": "new"}), headers=FORM)
    assert (answer.status_code, answer.content) == (200, PUSH_ANSWER)
    assert len(await kept(sessions)) == 1
    assert "can't be read" in caplog.text


async def test_a_very_long_push_is_not_read(client: httpx.AsyncClient, account: CarrierAccount) -> None:
    answer = await client.post(address(account), content=b"x" * 2_000_000, headers=FORM)
    assert answer.status_code == 413


async def test_nobody_pushes_for_carriers_that_cant(client: httpx.AsyncClient, sessions: Sessions) -> None:
    async with sessions() as session:
        manual = await session.get_one(CarrierAccount, "manual")
    refused = await client.post(address(manual), content=b"x", headers=FORM)
    assert (refused.status_code, refused.json()["code"]) == (403, "push_refused")
