"""The groups' robots: signed as each wants it, within its limits, and their error bodies understood."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx
import pytest
from fastapi import FastAPI, Response
from fastapi.responses import JSONResponse

from messaging.failures import Busy, NotSent, Refused, Unreachable
from messaging.robots import ROBOTS, Robots, clipped, dingtalk_signature, feishu_signature
from messaging.server.app import SECRET
from tests.carriers.serving import serving
from tests.messaging.conftest import MailServer

KINDS = list(ROBOTS)
TEXT = "请处理：审核签字\n\nhttps://service.example.com/orders/RO-1"


@pytest.fixture
async def robots() -> AsyncIterator[Robots]:
    speaking = Robots()
    yield speaking
    await speaking.aclose()


def test_signatures_are_those_of_the_documents() -> None:
    """Worked out with OpenSSL from the published formulas."""
    assert dingtalk_signature("SECtest", "1577262236757") == "Za/ne6w2koB8B4ROVlgTNd/X+/FbyDpZrXLz57xNZSA="
    assert feishu_signature("test", "1599360473") == "NVcdmaRhTlOqmXksontxmKEP4AYWAMD5VOczwSqarks="


@pytest.mark.parametrize("kind", KINDS)
async def test_a_group_hears_it(robots: Robots, mail_server: MailServer, kind: str) -> None:
    await robots.send(kind, f"{mail_server.url}/robots/{kind}/hz?key=a", SECRET, TEXT)
    assert [(said["kind"], said["group"], said["text"]) for said in mail_server.post.said] == [(kind, "hz", TEXT)]


@pytest.mark.parametrize("kind", ["dingtalk", "feishu"])
async def test_a_wrong_secret_is_refused_for_good(robots: Robots, mail_server: MailServer, kind: str) -> None:
    with pytest.raises(Refused) as failed:
        await robots.send(kind, f"{mail_server.url}/robots/{kind}/hz", "another", TEXT)
    assert failed.value.code in ("310000", "19021")
    assert not mail_server.post.said


@pytest.mark.parametrize("kind", KINDS)
async def test_a_long_text_is_cut_by_bytes_and_keeps_its_link(
    robots: Robots, mail_server: MailServer, kind: str
) -> None:
    await robots.send(kind, f"{mail_server.url}/robots/{kind}/hz", SECRET, "很" * 9000 + "\n" + TEXT)
    text = mail_server.post.said[0]["text"]
    assert len(text.encode()) <= ROBOTS[kind].largest
    assert text.endswith("…\nhttps://service.example.com/orders/RO-1")


def test_cutting() -> None:
    assert clipped("很很", 6) == "很很"
    assert clipped("很很很很很\nab", 9) == "很…\nab"
    for room in range(1, 40):
        assert len(clipped("很好" * 20 + "\nend", room).encode()) <= room


@pytest.mark.parametrize(
    ("kind", "answer", "expected", "after"),
    [
        ("wecom", {"errcode": 93000, "errmsg": "invalid webhook url"}, Refused, None),
        ("wecom", {"errcode": 45009, "errmsg": "api freq out of limit"}, Busy, timedelta(minutes=1)),
        ("wecom", {"errcode": -1, "errmsg": "system busy"}, Busy, timedelta(seconds=5)),
        ("dingtalk", {"errcode": 310000, "errmsg": "keywords not in content"}, Refused, None),
        ("dingtalk", {"errcode": 130101, "errmsg": "send too fast"}, Busy, timedelta(minutes=10)),
        ("feishu", {"code": 19021, "msg": "sign match fail"}, Refused, None),
        ("feishu", {"code": 19024, "msg": "Key Words Not Found"}, Refused, None),
        ("feishu", {"code": 9499, "msg": "Bad Request"}, Refused, None),
        ("feishu", {"code": 11232, "msg": "frequency limited"}, Busy, timedelta(minutes=1)),
        ("wecom", {"something": "else"}, Unreachable, None),
        ("feishu", [], Unreachable, None),
    ],
)
async def test_what_their_error_bodies_mean(
    robots: Robots, kind: str, answer: Any, expected: type[NotSent], after: timedelta | None
) -> None:
    app = FastAPI()

    @app.post("/")
    async def say() -> Response:
        return JSONResponse(answer)

    with serving(app) as url, pytest.raises(NotSent) as failed:
        await robots.send(kind, url, "", TEXT)
    assert type(failed.value) is expected
    assert getattr(failed.value, "retry_after", None) == after


@pytest.mark.parametrize("kind", KINDS)
async def test_well_is_well(robots: Robots, kind: str) -> None:
    app = FastAPI()

    @app.post("/")
    async def say() -> dict[str, Any]:
        return {"errcode": 0, "errmsg": "ok", "StatusCode": 0, "StatusMessage": "success", "code": 0, "msg": "success"}

    with serving(app) as url:
        await robots.send(kind, url, "", TEXT)


@pytest.mark.parametrize("body", ["<html>", "[" * 3_000])
async def test_a_gateways_page_is_not_an_answer(robots: Robots, http: httpx.AsyncClient, body: str) -> None:
    app = FastAPI()

    @app.post("/")
    async def say() -> Response:
        return Response(body, 502)

    with serving(app) as url, pytest.raises(Unreachable):
        await robots.send("wecom", url, "", TEXT)
