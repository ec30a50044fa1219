"""SMS to customers: what any provider must do, and Kuaidi100's.

A provider sends wordings it has approved, each under an id, filled with values.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import md5
from typing import Final, Protocol

import aiohttp

from messaging.failures import BadAddress, Busy, Refused, Unreachable
from runtime.outgoing import http_session

PATIENCE: Final = 15.0
LARGEST_ANSWER: Final = 64 * 1024


@dataclass(frozen=True)
class SmsAccount:
    """A contract with a provider. `seller` is the signature before the text, at most five signs."""

    url: str
    user: str
    key: str = field(repr=False)
    seller: str


class SmsSender(Protocol):
    """Somebody who sends SMS."""

    async def send(self, phone: str, wording: str, values: Mapping[str, str], reference: str) -> None:
        """Sends an approved wording, filled with `values`. `reference` is ours, the same when it is sent again.

        Raises NotSent.
        """
        ...

    async def aclose(self) -> None: ...


class Kuaidi100Sms:
    """Kuaidi100's SMS. The answer's body says how it went, whatever its HTTP status."""

    def __init__(self, account: SmsAccount) -> None:
        self.account = account
        self._http = http_session(account.url, PATIENCE)

    async def aclose(self) -> None:
        await self._http.close()

    async def send(self, phone: str, wording: str, values: Mapping[str, str], reference: str) -> None:
        mobile = "".join(phone.split()).removeprefix("+86").replace("-", "")
        if len(mobile) != 11 or not mobile.isdecimal() or not mobile.startswith("1"):
            raise BadAddress("not a mobile phone")
        if not wording:
            raise Refused("the wording is not registered with the provider")
        form = {
            "sign": signature(self.account.key, self.account.user),
            "userid": self.account.user,
            "seller": self.account.seller,
            "phone": mobile,
            "tid": wording,
            "content": json.dumps(values, ensure_ascii=False, separators=(",", ":")),
            "outorder": reference,
        }
        status, message = await self._post(form)
        if status != 1:
            raise Refused(message, str(status))

    async def _post(self, form: Mapping[str, str]) -> tuple[int, str]:
        url, content = f"{self.account.url}/sms/send.do", bytearray()
        try:
            async with self._http.post(url, data=form, allow_redirects=False) as response:
                status = response.status
                async for chunk in response.content.iter_any():
                    content += chunk
                    if len(content) > LARGEST_ANSWER:
                        raise Unreachable("the answer is too large", str(status))
        except (aiohttp.ClientError, TimeoutError) as error:
            raise Unreachable(type(error).__name__) from error
        if status == 429:
            raise Busy("too many", "429")
        try:
            answer = json.loads(content)
            return int(answer["status"]), str(answer.get("message", ""))
        except (ValueError, KeyError, TypeError, RecursionError):
            raise Unreachable("an answer that is none", str(status)) from None


def signature(key: str, user: str) -> str:
    """What proves that the request is ours; it covers neither phone nor text, so the way must be TLS."""
    return md5(f"{key}{user}".encode(), usedforsecurity=False).hexdigest().upper()
