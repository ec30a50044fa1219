"""Kuaidi100's calls as its documents describe them: the form in, the answer out."""

import hmac
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

from carriers.kuaidi100 import SHANGHAI, in_shanghai, signature
from carriers.protocol import phone_last4
from carriers.server.depot import RETURN, SCRIPTS, Depot, Happening, ParcelRecord, Subscription
from carriers.server.faults import FaultKind
from carriers.server.pushes import SIGNED, Pushes, tracking

COMPANIES: Final[Mapping[str, str]] = {
    "shunfeng": "SF",
    "shunfengkuaiyun": "SF",
    "zhongtong": "78",
    "yuantong": "YT",
    "shentong": "77",
    "yunda": "43",
    "jtexpress": "JT",
    "jd": "JDV",
    "ems": "EM",
    "debangkuaidi": "DPK",
    "debangwuliu": "DPL",
}
"""Companies the server carries for, with how their waybill numbers begin."""

PHONE_CHECKED: Final = frozenset({"shunfeng", "shunfengkuaiyun", "zhongtong"})
PICKED_UP: Final = frozenset({"1", "103"})
TEXTS: Final[Mapping[str, str]] = {
    "400": "找不到对应公司",
    "408": "验证码错误",
    "500": "查询无结果,请隔段时间再查",
    "501": "重复订阅",
    "503": "验证签名失败",
    "504": "查询过于频繁,单号已被锁定",
    "600": "您不是合法的订阅者",
    "700": "订阅方的订阅数据存在错误",
    "30001": "参数错误",
    "30002": "验证签名失败",
    "30003": "账号信息不正确",
    "30009": "查无此单",
    "201": "取消失败",
}


@dataclass(frozen=True)
class Options:
    """`leg_seconds`: time between two scans; `query_seconds`: least time between two queries of one number;
    `retry_seconds`: until a push that was not taken is repeated."""

    folder: Path
    leg_seconds: float = 3600
    query_seconds: float = 1800
    retry_seconds: float = 1800
    customer: str = "DEMO"
    key: str = "demo-key"
    secret: str = "demo-secret"


class Failure(Exception):
    """Told in the body; the status is 200 all the same."""

    def __init__(self, code: str, text: str = "") -> None:
        super().__init__(code)
        self.code = code
        self.text = text or TEXTS.get(code, "")


Param = dict[str, Any]


class Kuaidi:
    """Each call: the form in, the answer out, or a Failure."""

    def __init__(self, options: Options, depot: Depot, pushes: Pushes) -> None:
        self._options = options
        self._depot = depot
        self._pushes = pushes
        self._labels: Mapping[str, Callable[[Param, str], Param]] = {
            "order": self._order,
            "cancel": self._cancel,
            "interceptOrder": self._intercept,
            "price": self._price,
            "time": self._time,
        }

    def query(self, form: Mapping[str, str], fault: FaultKind | None) -> Param:
        options = self._options
        text = form.get("param", "")
        if form.get("customer") != options.customer or not _signed(form, text, options.key, options.customer):
            raise Failure("503")
        param = _param(text, "400")
        company, number, now = param.get("com", ""), param.get("num", ""), time.time()
        if company not in COMPANIES or not 6 <= len(number) <= 32:
            raise Failure("400")
        parcel = self._depot.parcel(number, now)
        if parcel is None or parcel.company != company:
            raise Failure("500")
        if company in PHONE_CHECKED and phone_last4(param.get("phone", "")) != phone_last4(parcel.phone):
            raise Failure("408")
        if now < parcel.asked_at + options.query_seconds:
            raise Failure("504")
        parcel.asked_at = now
        self._depot.keep_parcel(parcel, now)
        if not parcel.scans:
            raise Failure("500")
        return tracking(parcel, fault)

    def subscribe(self, form: Mapping[str, str]) -> Param:
        param = _param(form.get("param", ""), "700")
        details = param.get("parameters", {})
        if form.get("schema") != "json" or not details.get("callbackurl"):
            raise Failure("700")
        if param.get("key") != self._options.key:
            raise Failure("600")
        if param.get("company") not in COMPANIES:
            raise Failure("702")
        known = self._depot.subscription(param["number"])
        if known is not None and not known.ended:
            raise Failure("501")
        subscription = Subscription(
            number=param["number"],
            company=param["company"],
            callback=details["callbackurl"],
            salt=details.get("salt", ""),
        )
        self._depot.keep_subscription(subscription, time.time())
        self._pushes.look()
        return {"result": True, "returnCode": "200", "message": "提交成功"}

    def label(self, form: Mapping[str, str], base_url: str) -> Param:
        options, text = self._options, form.get("param", "")
        if form.get("key") != options.key:
            raise Failure("30003")
        if not _signed(form, text, form.get("t", ""), options.key, options.secret):
            raise Failure("30002")
        if form.get("method") not in self._labels:
            raise Failure("30001")
        data = self._labels[form["method"]](_param(text, "30001"), base_url)
        return {"success": True, "code": 200, "message": "success", "time": 0, "data": data}

    def _order(self, param: Param, base_url: str) -> Param:
        """The same orderId gets the same booking, as long as reorder is false."""
        company, order_id, now = param.get("kuaidicom", ""), param.get("orderId"), time.time()
        receiver, sender = param.get("recMan", {}), param.get("sendMan", {})
        phone = receiver.get("mobile") or receiver.get("tel")
        complete = all((order_id, phone, receiver.get("printAddr"), sender.get("printAddr"), param.get("cargo")))
        if company not in COMPANIES or not complete or param.get("reorder", True):
            raise Failure("30001")
        parcel = self._depot.ordered(str(order_id), now)
        if parcel is None:
            serial = self._depot.next_serial()
            parcel = ParcelRecord(
                number=f"{COMPANIES[company]}{6_000_000_000_000 + serial}",
                company=company,
                phone=str(phone),
                leg_seconds=self._options.leg_seconds,
                order_id=str(order_id),
                reference=f"KD{serial:08}",
            )
            parcel.follow(SCRIPTS["delivered"], now)
            parcel.advance(now)
            self._depot.keep_parcel(parcel, now)
            self._pushes.look()
        return {
            "taskId": f"T{parcel.reference}",
            "kuaidinum": parcel.number,
            "kdComOrderNum": parcel.reference,
            "childNum": "",
            "returnNum": "",
            "label": f"{base_url}label/image/{parcel.number}",
            "bulkpen": "010-A1",
            "orgCode": "755",
            "destCode": "010",
        }

    def _cancel(self, param: Param, base_url: str) -> Param:
        parcel, now = self._booked(param), time.time()
        if parcel.codes & PICKED_UP:
            raise Failure("201", "快件已揽收,取消失败")
        if "401" not in parcel.codes:
            parcel.scans.append(Happening(at=now, code="401", text="已销单"))
            parcel.follow([], now)
            self._depot.keep_parcel(parcel, now)
            self._pushes.look()
        return {}

    def _intercept(self, param: Param, base_url: str) -> Param:
        parcel, now = self._booked(param), time.time()
        if not parcel.codes & PICKED_UP or parcel.codes & SIGNED:
            raise Failure("201", "当前状态不可拦截")
        if not any(leg.code == RETURN[-1].code for leg in parcel.script):
            parcel.follow(RETURN, now)
            self._depot.keep_parcel(parcel, now)
            self._pushes.look()
        return {}

    def _price(self, param: Param, base_url: str) -> Param:
        if param.get("kuaidicom") not in COMPANIES or not param.get("weight"):
            raise Failure("30001")
        weight = float(param["weight"])
        combos = [
            {"price": round(12 + 2 * weight, 2), "productName": "标准快递"},
            {"price": round(20 + 5 * weight, 2), "productName": "特快"},
        ]
        return {"kuaidicom": param["kuaidicom"], "combos": combos}

    def _time(self, param: Param, base_url: str) -> Param:
        ordered = datetime.fromisoformat(param["orderTime"]).replace(tzinfo=SHANGHAI)
        legs = sum(leg.legs for leg in SCRIPTS["delivered"]) + 2  # carriers promise with a margin
        return {"arrivalTime": in_shanghai(ordered + timedelta(seconds=legs * self._options.leg_seconds))}

    def _booked(self, param: Param) -> ParcelRecord:
        parcel = self._depot.parcel(param.get("kuaidinum", ""), time.time())
        if parcel is None or parcel.company != param.get("kuaidicom"):
            raise Failure("30009")
        return parcel


def _signed(form: Mapping[str, str], *parts: str) -> bool:
    return hmac.compare_digest(form.get("sign", "").encode(), signature(*parts).encode())


def _param(text: str, bad: str) -> Param:
    try:
        param = json.loads(text)
    except ValueError:
        raise Failure(bad) from None
    if not isinstance(param, dict):
        raise Failure(bad)
    return param
