"""The test server's page: every mail that came, the newest first, and what the robots said."""

import asyncio
import hmac
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

from aiosmtpd.smtp import SMTP
from fastapi import FastAPI, HTTPException, Request, Response
from fastapi.responses import HTMLResponse
from jinja2 import Environment

from messaging.mail import as_html
from messaging.robots import dingtalk_signature, feishu_signature
from messaging.server.post import Handler, Mail, Post

SECRET: Final = "demo-secret"
"""Signs what the robots of the demonstration are told."""
LATE: Final = 3600
SHANGHAI: Final = ZoneInfo("Asia/Shanghai")
SHOWN: Final = 200
_PAGE: Final = Environment(autoescape=True).from_string(Path(__file__).with_name("page.html").read_text("utf-8"))


def create_app(post: Post, host: str, port: int) -> FastAPI:
    """The page; while it serves, mails are taken on `port`."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        server = await asyncio.get_running_loop().create_server(
            lambda: SMTP(Handler(post), hostname="mail-test", enable_SMTPUTF8=True), host, port
        )
        yield
        server.close()

    app = FastAPI(title="Mail test server", lifespan=lifespan)

    @app.get("/", response_class=HTMLResponse)
    async def index() -> str:
        mails = [mail for mail, _ in zip(post.mails(), range(SHOWN), strict=False)]
        return _PAGE.render(title="测试邮箱 mails", mails=mails, said=reversed(post.said), mail=None, clock=_clock)

    @app.get("/mails")
    async def mails() -> list[dict[str, Any]]:
        return [_shown(mail) for mail in post.mails()]

    @app.get("/mails/{name}.eml")
    async def raw(name: str) -> Response:
        return Response(post.file(_found(post, name).name).read_bytes(), media_type="message/rfc822")

    @app.get("/mails/{name}", response_class=HTMLResponse)
    async def one(name: str) -> str:
        mail = _found(post, name)
        return _PAGE.render(title=str(mail.message["subject"]), mail=mail, text=as_html(mail.text), clock=_clock)

    @app.get("/said")
    async def said() -> list[dict[str, Any]]:
        return list(post.said)

    @app.post("/robots/{kind}/{group}")
    async def robot(kind: str, group: str, request: Request) -> dict[str, Any]:
        body = await request.json()
        refusal, text = _REFUSALS[kind](request, body)
        if refusal is None:
            post.said.append({"at": time.time(), "kind": kind, "group": group, "text": text})
            return {"code": 0, "msg": "success"} if kind == "feishu" else {"errcode": 0, "errmsg": "ok"}
        return refusal

    @app.get("/healthz")
    async def healthz() -> dict[str, bool]:
        return {"ok": True}

    return app


def _wecom(request: Request, body: dict[str, Any]) -> tuple[dict[str, Any] | None, str]:
    text = str(body["text"]["content"])
    if len(text.encode()) > 2048:
        return {"errcode": 40058, "errmsg": "text.content exceed max length 2048"}, text
    return None, text


def _dingtalk(request: Request, body: dict[str, Any]) -> tuple[dict[str, Any] | None, str]:
    stamp, sign = request.query_params.get("timestamp", "0"), request.query_params.get("sign", "")
    good = hmac.compare_digest(sign.encode(), dingtalk_signature(SECRET, stamp).encode())
    if not good or abs(time.time() - int(stamp) / 1000) > LATE:
        return {"errcode": 310000, "errmsg": "sign not match"}, ""
    return None, str(body["text"]["content"])


def _feishu(request: Request, body: dict[str, Any]) -> tuple[dict[str, Any] | None, str]:
    stamp, sign = str(body.get("timestamp", "0")), str(body.get("sign", ""))
    good = hmac.compare_digest(sign.encode(), feishu_signature(SECRET, stamp).encode())
    if not good or abs(time.time() - int(stamp)) > LATE:
        return {"code": 19021, "msg": "sign match fail or timestamp is not within one hour from current time"}, ""
    return None, str(body["content"]["text"])


_REFUSALS: Final = {"wecom": _wecom, "dingtalk": _dingtalk, "feishu": _feishu}


def _found(post: Post, name: str) -> Mail:
    try:
        return post.mail(name)
    except KeyError:
        raise HTTPException(404, f"no mail {name}") from None


def _shown(mail: Mail) -> dict[str, Any]:
    headers = {name.lower(): str(value) for name, value in mail.message.items()}
    return {"name": mail.name, "at": mail.at, "recipients": mail.recipients, "headers": headers, "text": mail.text}


def _clock(at: float) -> str:
    return datetime.fromtimestamp(at, SHANGHAI).strftime("%m-%d %H:%M:%S")
