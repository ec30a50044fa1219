"""The parcels of the carrier test server. They travel by themselves: what is due happens when somebody looks.

Everything is in one SQLite file. A parcel keeps the instant of its next leg, so a server that was killed finds
its parcels where they would be by now.
"""

import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final

from pydantic import BaseModel


class Happening(BaseModel):
    """A scan as the carrier tells it; `at` in seconds since 1970."""

    at: float
    code: str
    text: str = ""
    place: str = ""


class Leg(BaseModel):
    """What happens next, `legs` leg times after what happened before."""

    legs: float = 1
    code: str
    text: str = ""
    place: str = ""


class ParcelRecord(BaseModel):
    number: str
    company: str
    phone: str
    leg_seconds: float
    order_id: str | None = None
    reference: str = ""
    scans: list[Happening] = []
    script: list[Leg] = []
    next_at: float | None = None
    frozen: bool = False
    asked_at: float = 0

    @property
    def codes(self) -> set[str]:
        return {scan.code for scan in self.scans}

    def advance(self, now: float) -> None:
        while self.script and self.next_at is not None and self.next_at <= now:
            leg = self.script.pop(0)
            self.scans.append(Happening(at=self.next_at, code=leg.code, text=leg.text, place=leg.place))
            self.next_at = self._after(self.next_at)

    def follow(self, script: Iterable[Leg], now: float) -> None:
        self.script = list(script)
        self.next_at = None if self.frozen else self._after(now)

    def freeze(self, frozen: bool, now: float) -> None:
        self.frozen = frozen
        self.next_at = None if frozen else self._after(now)

    def _after(self, instant: float) -> float | None:
        return instant + self.script[0].legs * self.leg_seconds if self.script else None


class Subscription(BaseModel):
    """`told` scans were pushed and taken; `retry_at` is set while a push was not taken."""

    number: str
    company: str
    callback: str
    salt: str
    told: int = 0
    attempts: int = 0
    retry_at: float | None = None
    ended: bool = False


_START = [
    Leg(legs=0, code="101", text="已下单"),
    Leg(code="103", text="[深圳市] 快件已揽收", place="广东,深圳市"),
    Leg(code="1002", text="快件在[深圳转运中心]完成分拣,准备发往[北京转运中心]", place="广东,深圳市"),
]
_ARRIVAL = [
    Leg(code="1001", text="快件到达[北京转运中心]", place="北京,北京市"),
    Leg(code="5", text="快递员王师傅(电话 13800000000)正在派件", place="北京,北京市"),
]
_SIGNED = Leg(code="301", text="已签收,签收人:本人", place="北京,北京市")
RETURN: Final = [Leg(code="6", text="快件退回中"), Leg(code="4", text="退回件已由寄件人签收")]

SCRIPTS: Final[Mapping[str, list[Leg]]] = {
    "delivered": [*_START, *_ARRIVAL, _SIGNED],
    "locker": [*_START, *_ARRIVAL, Leg(code="501", text="已投柜"), Leg(code="304", text="已从柜中取出")],
    "late_scan": [*_START, *_ARRIVAL, _SIGNED, Leg(code="1002", text="快件离开[北京转运中心]")],
    "delivered_returned": [*_START, *_ARRIVAL, _SIGNED, *RETURN],
    "refused": [*_START, *_ARRIVAL, Leg(code="203", text="收件人拒收"), *RETURN],
    "damaged": [*_START, Leg(code="209", text="外包装破损")],
    "stalled": [*_START, Leg(legs=6, code="202", text="超时未更新")],
    "lost": _START,
    "not_picked_up": _START[:1],
}


class Depot:
    """Parcels and subscriptions by waybill number. Used by one event loop, whichever thread runs it."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._db = sqlite3.connect(folder / "carrier.db", isolation_level=None, check_same_thread=False)
        self._db.executescript(
            """
            pragma journal_mode = wal;
            pragma synchronous = normal;
            create table if not exists parcel (
                number text primary key, order_id text unique, doc text not null);
            create table if not exists subscription (
                number text primary key, due_at real, doc text not null);
            create index if not exists subscription_due on subscription (due_at) where due_at is not null;
            """
        )

    def close(self) -> None:
        self._db.close()

    def next_serial(self) -> int:
        [count] = self._db.execute("select count(*) from parcel").fetchone()
        return int(count) + 1

    def parcel(self, number: str, now: float) -> ParcelRecord | None:
        return self._parcel("select doc from parcel where number = ?", number, now)

    def ordered(self, order_id: str, now: float) -> ParcelRecord | None:
        return self._parcel("select doc from parcel where order_id = ?", order_id, now)

    def parcels(self, now: float) -> Iterator[ParcelRecord]:
        for [number] in self._db.execute("select number from parcel order by number").fetchall():
            if parcel := self.parcel(number, now):
                yield parcel

    def keep_parcel(self, parcel: ParcelRecord, now: float) -> None:
        self._db.execute(
            "insert into parcel (number, order_id, doc) values (?, ?, ?)"
            " on conflict (number) do update set doc = excluded.doc",
            (parcel.number, parcel.order_id, parcel.model_dump_json()),
        )
        if subscription := self.subscription(parcel.number):
            self.keep_subscription(subscription, now)

    def subscription(self, number: str) -> Subscription | None:
        row = self._db.execute("select doc from subscription where number = ?", (number,)).fetchone()
        return Subscription.model_validate_json(row[0]) if row else None

    def keep_subscription(self, subscription: Subscription, now: float) -> None:
        self._db.execute(
            "insert or replace into subscription (number, due_at, doc) values (?, ?, ?)",
            (subscription.number, self._due_at(subscription, now), subscription.model_dump_json()),
        )

    def next_push(self) -> float | None:
        [instant] = self._db.execute("select min(due_at) from subscription").fetchone()
        return None if instant is None else float(instant)

    def due_pushes(self, now: float) -> list[Subscription]:
        rows = self._db.execute("select doc from subscription where due_at <= ?", (now,)).fetchall()
        return [Subscription.model_validate_json(doc) for [doc] in rows]

    def _parcel(self, query: str, key: str, now: float) -> ParcelRecord | None:
        row = self._db.execute(query, (key,)).fetchone()
        if row is None:
            return None
        parcel = ParcelRecord.model_validate_json(row[0])
        parcel.advance(now)
        return parcel

    def _due_at(self, subscription: Subscription, now: float) -> float | None:
        parcel = self.parcel(subscription.number, now)
        if parcel is None or subscription.ended:
            return None
        if subscription.retry_at is not None:
            return subscription.retry_at
        return now if subscription.told < len(parcel.scans) else parcel.next_at
