"""Robots that speak in the staff's groups: WeCom, DingTalk and Feishu.

All answer with HTTP 200 and say in the body how it went.
"""

import asyncio
import hmac
import json
import time
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from hashlib import sha256
from typing import Any, Final, Protocol

import httpx

from messaging.failures import Busy, Refused, Unreachable

PATIENCE: Final = 15.0
LARGEST_ANSWER: Final = 64 * 1024


@dataclass(frozen=True)
class Call:
    """What is posted where."""

    url: str = field(repr=False)
    parameters: Mapping[str, str] = field(repr=False)
    body: Mapping[str, Any] = field(repr=False)


class Robot(Protocol):
    """One kind of robot. `largest` is how many bytes of text it takes; `busy` holds the codes that mean later, with
    how much later."""

    largest: int
    busy: Mapping[int, timedelta]

    def call(self, url: str, secret: str, text: str, now: float) -> Call: ...

    def code(self, answer: Mapping[str, Any]) -> tuple[int, str]:
        """The code that says how it went, 0 for well, and its words. Raises KeyError, ValueError, TypeError,
        AttributeError for an answer that is none."""
        ...


class WeCom:
    """The key in its address is all that proves who calls; 20 messages a minute."""

    largest = 2048
    busy: Mapping[int, timedelta] = {-1: timedelta(seconds=5), 45009: timedelta(minutes=1)}

    def call(self, url: str, secret: str, text: str, now: float) -> Call:
        return Call(url, {}, {"msgtype": "text", "text": {"content": text}})

    def code(self, answer: Mapping[str, Any]) -> tuple[int, str]:
        return int(answer["errcode"]), str(answer.get("errmsg", ""))


class DingTalk:
    """20 messages a minute; whoever sends more is shut out for ten minutes."""

    largest = 20_000
    busy: Mapping[int, timedelta] = {
        -1: timedelta(seconds=5),
        130101: timedelta(minutes=10),
        130102: timedelta(minutes=10),
    }

    def call(self, url: str, secret: str, text: str, now: float) -> Call:
        stamp = str(int(now * 1000))
        parameters = {"timestamp": stamp, "sign": dingtalk_signature(secret, stamp)} if secret else {}
        return Call(url, parameters, {"msgtype": "text", "text": {"content": text}})

    def code(self, answer: Mapping[str, Any]) -> tuple[int, str]:
        return int(answer["errcode"]), str(answer.get("errmsg", ""))


class Feishu:
    """100 messages a minute and five a second."""

    largest = 20_000
    busy: Mapping[int, timedelta] = {11232: timedelta(minutes=1)}

    def call(self, url: str, secret: str, text: str, now: float) -> Call:
        stamp = str(int(now))
        signed = {"timestamp": stamp, "sign": feishu_signature(secret, stamp)} if secret else {}
        return Call(url, {}, {**signed, "msg_type": "text", "content": {"text": text}})

    def code(self, answer: Mapping[str, Any]) -> tuple[int, str]:
        return int(answer.get("code", answer.get("StatusCode"))), str(answer.get("msg", ""))


ROBOTS: Final[Mapping[str, Robot]] = {"wecom": WeCom(), "dingtalk": DingTalk(), "feishu": Feishu()}


class Robots:
    """Speaks through any of them."""

    def __init__(self) -> None:
        self._http = httpx.AsyncClient(timeout=httpx.Timeout(PATIENCE, connect=5.0), follow_redirects=False)

    async def aclose(self) -> None:
        await self._http.aclose()

    async def send(self, kind: str, url: str, secret: str, text: str) -> None:
        """Says the text in the robot's group. Raises NotSent."""
        robot = ROBOTS[kind]
        call = robot.call(url, secret, clipped(text, robot.largest), time.time())
        try:
            async with asyncio.timeout(PATIENCE):
                response = await self._http.post(
                    httpx.URL(call.url).copy_merge_params(dict(call.parameters)), json=call.body
                )
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError) as error:
            raise Unreachable(type(error).__name__) from error
        if response.status_code == 429:
            raise Busy("too many", "429", timedelta(minutes=1))
        try:
            code, words = robot.code(json.loads(response.content[:LARGEST_ANSWER]))
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            raise Unreachable("an answer that is none", str(response.status_code)) from None
        if code in robot.busy:
            raise Busy(words, str(code), robot.busy[code])
        if code:
            raise Refused(words, str(code))


def clipped(text: str, largest: int) -> str:
    """As much of the text as fits into so many bytes of UTF-8. Its last line, the link, stays."""
    if len(text.encode()) <= largest:
        return text
    last = f"…\n{text.rpartition(chr(10))[2]}"
    room = largest - len(last.encode())
    if room < 0:
        return text.encode()[:largest].decode(errors="ignore")
    return text.encode()[:room].decode(errors="ignore") + last


def dingtalk_signature(secret: str, stamp: str) -> str:
    """Over milliseconds and secret, with the secret as key; httpx quotes it for the address, once."""
    return b64encode(hmac.digest(secret.encode(), f"{stamp}\n{secret}".encode(), sha256)).decode()


def feishu_signature(secret: str, stamp: str) -> str:
    """Over nothing, with seconds and secret as key."""
    return b64encode(hmac.digest(f"{stamp}\n{secret}".encode(), b"", sha256)).decode()
