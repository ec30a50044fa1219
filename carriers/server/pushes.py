"""The carrier's pushes: the whole list of scans after each leg, signed, repeated until answered as agreed."""

import asyncio
import random
import time
from datetime import UTC, datetime
from typing import Any, Final

import httpx

from carriers.kuaidi100 import PUSH_ANSWER, compact, in_shanghai, signature
from carriers.server.depot import Depot, ParcelRecord, Subscription
from carriers.server.faults import FaultKind, Faults

SIGNED: Final = frozenset({"3", "301", "302", "303", "304", "4"})
REPEATS: Final = 3
PATIENCE_SECONDS: Final = 20.0


def tracking(parcel: ParcelRecord, fault: FaultKind | None = None) -> dict[str, Any]:
    """What a query answers and a push carries; newest scan first."""
    scans = sorted(parcel.scans, key=lambda scan: scan.at, reverse=True)
    rows = []
    for scan in scans:
        at = in_shanghai(datetime.fromtimestamp(scan.at, UTC))
        place = {"areaName": scan.place, "location": ""}
        rows.append({"time": at, "ftime": at, "context": scan.text, "statusCode": scan.code, **place})
    if fault is FaultKind.SHUFFLED:
        rows *= 3
        random.shuffle(rows)
    return {
        "message": "ok",
        "nu": parcel.number,
        "com": parcel.company,
        "ischeck": "0",
        "status": "200",
        "condition": "00",
        "state": scans[0].code if scans else "0",
        "isLoop": False,
        "data": rows,
    }


class Pushes:
    """Sleeps until a subscribed parcel has news or a refused push is to be repeated."""

    def __init__(self, depot: Depot, faults: Faults, retry_seconds: float) -> None:
        self._depot = depot
        self._faults = faults
        self._retry_seconds = retry_seconds
        self._news = asyncio.Event()

    def look(self) -> None:
        """Parcels or subscriptions changed."""
        self._news.set()

    async def run(self) -> None:
        async with httpx.AsyncClient(timeout=PATIENCE_SECONDS, follow_redirects=False) as http:
            while True:
                self._news.clear()
                due = self._depot.due_pushes(time.time())
                await asyncio.gather(*(self._push(http, subscription) for subscription in due))
                await self._sleep()

    async def _sleep(self) -> None:
        next_push = self._depot.next_push()
        try:
            async with asyncio.timeout(None if next_push is None else max(0.0, next_push - time.time())):
                await self._news.wait()
        except TimeoutError:
            return

    async def _push(self, http: httpx.AsyncClient, subscription: Subscription) -> None:
        parcel = self._depot.parcel(subscription.number, time.time())
        if parcel is None:
            raise LookupError(subscription.number)
        fault = self._faults.called("callback")
        kind = fault.kind if fault else None
        signed = bool(parcel.codes & SIGNED)
        param = compact(
            {
                "status": "shutdown" if signed else "polling",
                "message": "",
                "autoCheck": "0",
                "comOld": "",
                "comNew": "",
                "lastResult": tracking(parcel, kind),
            }
        )
        sign = signature(param, subscription.salt)
        form = {"param": param, "sign": sign[::-1] if kind is FaultKind.MANGLED else sign}
        if await self._taken(http, subscription.callback, form):
            self._faults.calls["callback taken"] += 1
            subscription.told, subscription.attempts, subscription.retry_at = len(parcel.scans), 0, None
            subscription.ended = signed
        elif subscription.attempts < REPEATS:
            subscription.attempts += 1
            subscription.retry_at = time.time() + self._retry_seconds
        else:  # nobody listens: wait for the next leg
            subscription.told, subscription.attempts, subscription.retry_at = len(parcel.scans), 0, None
        self._depot.keep_subscription(subscription, time.time())

    async def _taken(self, http: httpx.AsyncClient, callback: str, form: dict[str, str]) -> bool:
        try:
            answer = await http.post(callback, data=form)
        except httpx.HTTPError:
            return False
        return answer.status_code == 200 and answer.content == PUSH_ANSWER
