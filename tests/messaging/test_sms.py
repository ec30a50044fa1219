"""Kuaidi100's SMS against the carrier test server, which checks the signature."""

from dataclasses import replace

import httpx
import pytest
from fastapi import FastAPI, Response

from messaging.failures import BadAddress, Busy, NotSent, Refused, Unreachable
from messaging.sms import Kuaidi100Sms, SmsAccount, signature
from runtime.ports import free_port
from tests.carriers.serving import serving

VALUES = {"number": "RO-20261123-00424", "waybill": "SF1"}


def test_the_documents_example_is_signed_as_it_says() -> None:
    assert signature("", "") == "D41D8CD98F00B204E9800998ECF8427E"


async def send(account: SmsAccount, phone: str = "+86 138-0000-5678", wording: str = "7") -> None:
    sender = Kuaidi100Sms(account)
    try:
        await sender.send(phone, wording, VALUES, "outbox-7")
    finally:
        await sender.aclose()


async def test_an_sms_is_taken(sms_account: SmsAccount, http: httpx.AsyncClient) -> None:
    await send(sms_account)
    taken = (await http.get(f"{sms_account.url}/_control/sms")).json()[-1]
    assert taken["phone"] == "13800005678"
    assert taken["content"] == VALUES
    assert (taken["tid"], taken["seller"], taken["outorder"]) == ("7", "换件", "outbox-7")


@pytest.mark.parametrize(
    ("changes", "phone", "wording", "kind"),
    [
        ({"key": "another"}, "13800005678", "7", Refused),
        ({"user": "another"}, "13800005678", "7", Refused),
        ({"seller": "seller too long"}, "13800005678", "7", Refused),
        ({}, "13800005678", "x", Refused),
        ({}, "13800005678", "", Refused),
        ({}, "0571-88880000", "7", BadAddress),
        ({}, "", "7", BadAddress),
    ],
)
async def test_what_is_refused(
    sms_account: SmsAccount, changes: dict[str, str], phone: str, wording: str, kind: type[NotSent]
) -> None:
    with pytest.raises(NotSent) as failed:
        await send(replace(sms_account, **changes), phone, wording)
    assert type(failed.value) is kind


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (502, "<html>502</html>", Unreachable),
        (429, "", Busy),
        (200, "[]", Unreachable),
        (200, '{"a": 1}', Unreachable),
        (200, "[" * 3_000, Unreachable),
    ],
)
async def test_answers_that_are_none(status: int, body: str, kind: type[NotSent]) -> None:
    app = FastAPI()

    @app.post("/sms/send.do")
    async def answer() -> Response:
        return Response(body, status)

    with serving(app) as url, pytest.raises(NotSent) as failed:
        await send(SmsAccount(url, "DEMO", "demo-key", "换件"))
    assert type(failed.value) is kind


async def test_nobody_there() -> None:
    with pytest.raises(Unreachable):
        await send(SmsAccount(f"http://127.0.0.1:{free_port()}", "DEMO", "demo-key", "换件"))
