"""Kuaidi100 (快递100): one account, most Chinese carriers. Tracking, pushes, electronic labels, prices.

Failures come with HTTP 200 and fields of their own, so the body is read first and the status second. Times
are naive Asia/Shanghai. Signatures are MD5 over the exact text sent.
"""

import hmac
import json
import re
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from hashlib import md5, sha256
from typing import Annotated, Any, Final, TypeVar
from urllib.parse import parse_qs
from zoneinfo import ZoneInfo

import aiohttp
from pydantic import AfterValidator, AliasChoices, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from carriers.protocol import (
    Account,
    AccountFault,
    BadSignature,
    Booking,
    Busy,
    CarrierError,
    Consignment,
    Label,
    NoData,
    Party,
    PhoneWanted,
    Push,
    Quote,
    Recall,
    Refused,
    Unreadable,
    Watch,
    Waybill,
    phone_last4,
)
from domain.parcels import Milestone, Scan, Trouble
from runtime.outgoing import http_session

SHANGHAI: Final = ZoneInfo("Asia/Shanghai")
MAX_BODY: Final = 4 * 1024 * 1024
PUSH_ANSWER: Final = '{"result":true,"returnCode":"200","message":"成功"}'.encode()

STATES: Final[Mapping[str, tuple[Milestone, Trouble | None]]] = {
    "0": (Milestone.IN_TRANSIT, None),
    "1001": (Milestone.ARRIVED_CITY, None),
    "1002": (Milestone.IN_TRANSIT, None),
    "1003": (Milestone.IN_TRANSIT, None),
    "1": (Milestone.PICKED_UP, None),
    "101": (Milestone.CREATED, None),
    "102": (Milestone.CREATED, None),
    "103": (Milestone.PICKED_UP, None),
    "2": (Milestone.EXCEPTION, Trouble.OTHER),
    "201": (Milestone.EXCEPTION, Trouble.DELAYED),
    "202": (Milestone.EXCEPTION, Trouble.STALLED),
    "203": (Milestone.EXCEPTION, Trouble.REFUSED),
    "204": (Milestone.ATTEMPT_FAILED, Trouble.OTHER),
    "205": (Milestone.EXCEPTION, Trouble.UNCLAIMED),
    "206": (Milestone.ATTEMPT_FAILED, Trouble.UNREACHABLE),
    "207": (Milestone.EXCEPTION, Trouble.OUT_OF_AREA),
    "208": (Milestone.EXCEPTION, Trouble.HELD),
    "209": (Milestone.EXCEPTION, Trouble.DAMAGED),
    "210": (Milestone.CANCELLED, None),
    "3": (Milestone.DELIVERED, None),
    "301": (Milestone.DELIVERED, None),
    "302": (Milestone.DELIVERED, None),
    "303": (Milestone.DELIVERED, None),
    "304": (Milestone.DELIVERED, None),
    "4": (Milestone.RETURNED, None),
    "401": (Milestone.CANCELLED, None),
    "5": (Milestone.OUT_FOR_DELIVERY, None),
    "501": (Milestone.AVAILABLE_FOR_PICKUP, None),
    "6": (Milestone.RETURNING, None),
    "7": (Milestone.IN_TRANSIT, Trouble.FORWARDED),
    "8": (Milestone.IN_TRANSIT, Trouble.CUSTOMS),
    "10": (Milestone.IN_TRANSIT, Trouble.CUSTOMS),
    "11": (Milestone.IN_TRANSIT, Trouble.CUSTOMS),
    "12": (Milestone.IN_TRANSIT, Trouble.CUSTOMS),
    "13": (Milestone.EXCEPTION, Trouble.CUSTOMS),
    "14": (Milestone.EXCEPTION, Trouble.REFUSED),
}
"""What the carrier's codes mean, plain and advanced ones. There is none for "lost"."""

YEARS: Final = range(2000, 2100)
UNSTORABLE: Final = re.compile("[\x00\ud800-\udfff]")
"""What PostgreSQL does not keep: the zero character, and halves of one, which JSON can say."""
SIGNED_IN_PERSON: Final = frozenset({"301"})

Fault = Callable[[str, str], CarrierError]

QUERY_FAULTS: Final[Mapping[str, Fault]] = {
    "400": AccountFault,
    "408": PhoneWanted,
    "500": NoData,
    "501": Busy,
    "502": Busy,
    "503": AccountFault,
    "504": partial(Busy, retry_after=timedelta(minutes=30)),
    "601": AccountFault,
}
SUBSCRIBE_FAULTS: Final[Mapping[str, Fault]] = {
    "500": Busy,
    "600": AccountFault,
    "601": AccountFault,
    "700": Refused,
    "701": Refused,
    "702": Refused,
}
LABEL_FAULTS: Final[Mapping[str, Fault]] = {
    "-1": Busy,
    "500": Busy,
    "503": AccountFault,
    "30001": Refused,
    "30002": AccountFault,
    "30003": AccountFault,
    "30004": AccountFault,
    "30009": Refused,
}
DONE: Final = frozenset({"200"})
ALREADY_SUBSCRIBED: Final = "501"
RECALL_FAILED: Final = "201"

WATCHES: Final[Mapping[str, Watch]] = {
    "polling": Watch.RUNNING,
    "updateall": Watch.RUNNING,
    "shutdown": Watch.ENDED,
    "abort": Watch.GIVEN_UP,
}


def signature(*parts: str) -> str:
    """Upper-case MD5 of the parts written one after the other, as every call and every push signs itself."""
    return md5("".join(parts).encode(), usedforsecurity=False).hexdigest().upper()


def compact(param: Mapping[str, object]) -> str:
    """The JSON text of a `param`, which is signed and sent as it is."""
    return json.dumps(param, ensure_ascii=False, separators=(",", ":"))


def in_shanghai(at: datetime) -> str:
    """An aware instant as the carrier writes it: wall clock in Shanghai, no zone."""
    return at.astimezone(SHANGHAI).strftime("%Y-%m-%d %H:%M:%S")


def _from_shanghai(text: object) -> datetime:
    try:
        naive = datetime.fromisoformat(str(text))
    except ValueError:
        raise ValueError("not a time") from None  # without what it was instead
    if naive.year not in YEARS:
        raise ValueError("no time of a parcel")  # nor could one reckon with the first year and the last
    return naive.replace(tzinfo=SHANGHAI).astimezone(UTC)


def _storable(text: str) -> str:
    return UNSTORABLE.sub("", text)


Instant = Annotated[datetime, BeforeValidator(_from_shanghai)]
Words = Annotated[str, AfterValidator(_storable)]
Mark = Annotated[Words, Field(max_length=32)]
"""A code, or the short name of a company."""


class _Wire(BaseModel):
    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)


class _Row(_Wire):
    at: Instant = Field(validation_alias=AliasChoices("ftime", "time"))
    context: Words = ""
    code: Mark | None = Field(None, validation_alias="statusCode")
    area: Words | None = Field(None, validation_alias="areaName")
    location: Words | None = None


class _Tracking(_Wire):
    number: Words = Field(validation_alias="nu")
    company: Mark = Field("", validation_alias="com")
    state: Mark | None = None
    data: tuple[_Row, ...] = ()

    def scans(self) -> tuple[Scan, ...]:
        """A newest row without a code of its own has the parcel's."""
        newest = max((row.at for row in self.data), default=None)
        return tuple(
            _scan(self.number, row, row.code or (self.state if row.at == newest else None) or "") for row in self.data
        )


class _Pushed(_Wire):
    status: str
    message: Words | None = None
    corrected: Mark | None = Field(None, validation_alias="comNew")
    result: _Tracking = Field(validation_alias="lastResult")


class _Booked(_Wire):
    number: Words = Field(validation_alias="kuaidinum", min_length=1, max_length=40)
    label: Words | None = None
    reference: Words | None = Field(None, validation_alias="kdComOrderNum")


class _Combo(_Wire):
    product: str = Field("", validation_alias=AliasChoices("productName", "expType"))
    price: Decimal


class _Prices(_Wire):
    combos: tuple[_Combo, ...] = ()


class _Arrival(_Wire):
    at: Instant | None = Field(None, validation_alias="arrivalTime")


def _scan(number: str, row: _Row, code: str) -> Scan:
    milestone, trouble = STATES.get(code, (Milestone.UNKNOWN, None))
    return Scan(
        waybill=number,
        at=row.at,
        milestone=milestone,
        code=code,
        text=row.context,
        trouble=trouble,
        place=row.area or row.location or "",
        in_person=code in SIGNED_IN_PERSON,
    )


class Kuaidi100:
    """See `Carrier`. Bookings are replayed by the carrier for 48 h; queries about one parcel more often than
    every 30 minutes lock its number for a day."""

    push_answer = PUSH_ANSWER

    def __init__(self, account: Account) -> None:
        self.account = account
        self._opened: aiohttp.ClientSession | None = None
        self._closed = False

    async def aclose(self) -> None:
        self._closed = True
        if self._opened is not None:
            await self._opened.close()

    @property
    def _http(self) -> aiohttp.ClientSession:
        """Opened when first needed: whoever only reads pushes asks nobody. Raises RuntimeError once it was closed."""
        if self._closed:
            raise RuntimeError(f"the way to {self.account.code} is closed")
        if self._opened is None:
            self._opened = http_session(self.account.poll_url, self.account.timeout.total_seconds())
        return self._opened

    async def quote(self, consignment: Consignment) -> list[Quote]:
        answer = await self._label(
            "price",
            {
                "kuaidicom": consignment.company,
                "sendAddr": consignment.sender.address,
                "recAddr": consignment.receiver.address,
                "weight": str(consignment.weight_kg),
                **self._partner(consignment.company),
            },
        )
        return [Quote(combo.product, combo.price) for combo in _read(_Prices, answer.get("data")).combos]

    async def arrival(self, consignment: Consignment, handed_over_at: datetime) -> datetime:
        param = {
            "kuaidicom": consignment.company,
            "from": consignment.sender.address,
            "to": consignment.receiver.address,
            "orderTime": in_shanghai(handed_over_at),
        }
        if consignment.product:
            param["expType"] = consignment.product
        at = _read(_Arrival, (await self._label("time", param)).get("data")).at
        if at is None:
            raise NoData("no arrival told")
        return at

    async def book(self, consignment: Consignment) -> Booking:
        param: dict[str, object] = {
            "printType": "IMAGE",
            "kuaidicom": consignment.company,
            "payType": "MONTHLY",
            "sendMan": _party(consignment.sender),
            "recMan": _party(consignment.receiver),
            "cargo": consignment.cargo,
            "count": consignment.pieces,
            "weight": str(consignment.weight_kg),
            "orderId": consignment.shipment,
            "reorder": False,
            **self._partner(consignment.company),
        }
        if consignment.product:
            param["expType"] = consignment.product
        booked = _read(_Booked, (await self._label("order", param)).get("data"))
        waybill = Waybill(
            booked.number,
            consignment.company,
            phone_last4(consignment.receiver.phone),
            booked.reference or "",
        )
        return Booking(waybill, booked.label or "")

    async def label(self, booking: Booking) -> Label:
        answer, content = await self._exchange("GET", booking.label_url, None)
        media_type = answer.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        if answer.status != 200:
            raise _by_status(answer)
        if not media_type.startswith("image/") and media_type != "application/pdf":
            raise Unreadable("the label is neither a picture nor a PDF")
        return Label(content, media_type)

    async def cancel(self, waybill: Waybill, reason: str) -> Recall:
        return await self._recall("cancel", waybill, reason, {"orderId": waybill.reference})

    async def intercept(self, waybill: Waybill, reason: str) -> Recall:
        details = {"interceptType": "RETURN_SEND_ADDR", "orderId": waybill.reference}
        return await self._recall("interceptOrder", waybill, reason, details)

    async def track(self, waybill: Waybill) -> list[Scan]:
        param = compact(
            {
                "com": waybill.company,
                "num": waybill.number,
                "phone": waybill.phone_last4,
                "resultv2": "4",
            }
        )
        form = {
            "customer": self.account.customer,
            "sign": signature(param, self.account.key, self.account.customer),
            "param": param,
        }
        answer = await self._post(f"{self.account.poll_url}/poll/query.do", form, QUERY_FAULTS)
        scans = _read(_Tracking, {**answer, "nu": waybill.number}).scans()
        if not scans:
            raise NoData("no scan yet")
        return list(scans)

    async def subscribe(self, waybill: Waybill, callback: str) -> None:
        param = {
            "company": waybill.company,
            "number": waybill.number,
            "key": self.account.key,
            "parameters": {
                "callbackurl": callback,
                "salt": self.account.salt,
                "resultv2": "4",
                "autoCom": "0",
                "interCom": "0",
                "phone": waybill.phone_last4,
            },
        }
        form = {"schema": "json", "param": compact(param)}
        await self._post(f"{self.account.poll_url}/poll", form, SUBSCRIBE_FAULTS, done=DONE | {ALREADY_SUBSCRIBED})

    def parse_push(self, body: bytes, token: str) -> Push:
        if not hmac.compare_digest(token.encode(), self.account.push_token.encode()):
            raise BadSignature("a push with a token that is not ours")
        try:
            form = parse_qs(body.decode(), keep_blank_values=True, max_num_fields=16)
            [param], [sign] = form["param"], form["sign"]
        except (ValueError, KeyError):
            raise BadSignature("a push without one param and one sign") from None
        if not hmac.compare_digest(sign.encode(), signature(param, self.account.salt).encode()):
            raise BadSignature("a push whose sign is wrong")
        pushed = _read(_Pushed, _json(param.encode()))
        if pushed.status not in WATCHES:
            raise Unreadable("a push of an unknown status")
        return Push(
            key=sha256(param.encode()).hexdigest(),
            number=pushed.result.number,
            company=pushed.corrected or pushed.result.company,
            watch=WATCHES[pushed.status],
            message=pushed.message or "",
            scans=pushed.result.scans(),
        )

    async def _recall(self, method: str, waybill: Waybill, reason: str, details: dict[str, str]) -> Recall:
        param = {
            "kuaidicom": waybill.company,
            "kuaidinum": waybill.number,
            "reason": reason,
            **details,
            **self._partner(waybill.company),
        }
        answer = await self._label(method, param, done=DONE | {RECALL_FAILED})
        return Recall.TOO_LATE if _code(answer) == RECALL_FAILED else Recall.ACCEPTED

    def _partner(self, company: str) -> dict[str, str]:
        return self.account.partners.get(company, {})

    async def _label(self, method: str, param: Mapping[str, object], done: frozenset[str] = DONE) -> dict[str, Any]:
        text, now = compact(param), str(time.time_ns() // 1_000_000)
        form = {
            "method": method,
            "key": self.account.key,
            "t": now,
            "sign": signature(text, now, self.account.key, self.account.secret),
            "param": text,
        }
        return await self._post(f"{self.account.label_url}/label/order", form, LABEL_FAULTS, done)

    async def _post(
        self, url: str, form: dict[str, str], faults: Mapping[str, Fault], done: frozenset[str] = DONE
    ) -> dict[str, Any]:
        response, body = await self._exchange("POST", url, form)
        answer = _json(body)
        if answer is not None and (fault := _fault(answer, faults, done)):
            raise fault
        if answer is None or response.status != 200:
            raise _by_status(response)
        return answer

    async def _exchange(
        self, method: str, url: str, form: dict[str, str] | None
    ) -> tuple[aiohttp.ClientResponse, bytes]:
        """One request, its whole body within size and time. What failed on the way may have arrived all the
        same: Busy."""
        body = bytearray()
        try:
            async with self._http.request(method, url, data=form, allow_redirects=False) as response:
                async for chunk in response.content.iter_any():
                    body += chunk
                    if len(body) > MAX_BODY:
                        raise Unreadable("the answer is too large")
        except aiohttp.InvalidURL:
            raise Unreadable("an address that is none") from None
        except (aiohttp.ClientError, TimeoutError) as error:
            raise Busy(type(error).__name__) from error
        return response, bytes(body)


_Answer = TypeVar("_Answer", bound=_Wire)


def _read(model: type[_Answer], answer: object) -> _Answer:
    try:
        return model.model_validate(answer)
    except ValidationError as error:
        fields = ", ".join(".".join(map(str, problem["loc"])) for problem in error.errors())
        raise Unreadable(f"unexpected content of {fields or 'the answer'}") from None


def _json(body: bytes) -> dict[str, Any] | None:
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return answer if isinstance(answer, dict) else None


def _code(answer: Mapping[str, object]) -> str:
    return str(answer.get("returnCode", answer.get("code", "")))


def _fault(answer: Mapping[str, object], faults: Mapping[str, Fault], done: frozenset[str]) -> CarrierError | None:
    """A query that succeeds has no code at all; whatever else has one says with it how it went."""
    code = _code(answer)
    failed = answer.get("result", answer.get("success")) is False
    if code in done or not (code or failed):
        return None
    return faults.get(code, Refused)(str(answer.get("message", "")), code)


def _by_status(response: aiohttp.ClientResponse) -> CarrierError:
    """For answers that are not the carrier's own words: a proxy's page, a wrong address."""
    status = response.status
    if status == 429 or status >= 500 or status == 200:
        after = response.headers.get("Retry-After", "")
        return Busy("HTTP answer without JSON", str(status), timedelta(seconds=int(after)) if after.isdigit() else None)
    return AccountFault("HTTP answer without JSON", str(status))


def _party(party: Party) -> dict[str, str]:
    mobile = party.phone.replace(" ", "").removeprefix("+86").startswith("1")
    return {
        "name": party.name,
        "mobile" if mobile else "tel": party.phone,
        "printAddr": party.address,
    }
