"""Kuaidi100's SMS: the form in, the answer out; what was taken can be read."""

import hmac
import json
import time
from collections import deque
from collections.abc import Mapping
from hashlib import md5
from typing import Any, Final

from fastapi import APIRouter

from carriers.server.kuaidi import Failure, Options

MOST_TAKEN: Final = 1000
LONGEST_SELLER: Final = 5


class Texts:
    def __init__(self, options: Options) -> None:
        self._options = options
        self._taken: deque[dict[str, Any]] = deque(maxlen=MOST_TAKEN)

    def router(self) -> APIRouter:
        router = APIRouter(prefix="/_control/sms")
        router.get("")(self.taken)
        return router

    async def taken(self) -> list[dict[str, Any]]:
        """Every SMS that was taken, the oldest first."""
        return list(self._taken)

    def take(self, form: Mapping[str, str]) -> dict[str, Any]:
        """Raises Failure."""
        options = self._options
        signed = md5(f"{options.key}{options.customer}".encode(), usedforsecurity=False).hexdigest().upper()
        if not hmac.compare_digest(form.get("sign", "").encode(), signed.encode()):
            raise Failure("-1", "验证签名失败")
        if form.get("userid") != options.customer:
            raise Failure("-1", "账号信息不正确")
        phone, wording, seller = form.get("phone", ""), form.get("tid", ""), form.get("seller", "")
        if not (len(phone) == 11 and phone.isdecimal()):
            raise Failure("-2", "手机号码格式错误")
        if not wording.isdecimal() or not 0 < len(seller) <= LONGEST_SELLER:
            raise Failure("-3", "短信模板或签名不存在")
        try:
            content = json.loads(form.get("content", ""))
        except ValueError:
            raise Failure("-4", "模板替换内容格式错误") from None
        if not isinstance(content, dict) or not all(isinstance(value, str) for value in content.values()):
            raise Failure("-4", "模板替换内容格式错误")
        said = {"phone": phone, "tid": wording, "seller": seller, "content": content}
        self._taken.append({"at": time.time(), "outorder": form.get("outorder", ""), **said})
        return {"status": 1, "message": "提交成功", "data": ""}
