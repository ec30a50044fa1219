"""The ledger as people read it: movements, balances as of an instant, who was refused (policy 4.2.1, 4.3.3)."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import ColumnElement, Subquery, and_, func, or_, select, union_all
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from database.reading.blindness import told
from database.reading.documents import View
from database.reading.keyset import Cursor, Page
from database.stock import BY_HAND
from database.tables import KeeperRefusal, Movement, MovementReason, Part, Place, Stock, StockLot, UserAccount, Zone

_MOVEMENTS: Final = "movements"


@dataclass(frozen=True)
class WantedMovements:
    """What of the ledger is asked for; nothing named is all of it. A `label` is a lot or a serial number."""

    part: str = ""
    place: str = ""
    document: str = ""
    by: str = ""
    reason: MovementReason | None = None
    lot: str = ""
    serial: str = ""
    label: str = ""
    number: int | None = None
    since: datetime | None = None
    until: datetime | None = None

    @property
    def conditions(self) -> list[ColumnElement[bool]]:
        named = (
            (self.part, Movement.part == self.part),
            (self.document, Movement.document == self.document),
            (self.by, Movement.by == self.by),
            (self.lot, Movement.lot == self.lot),
            (self.serial, Movement.serial == self.serial),
            (self.label, or_(Movement.lot == self.label, Movement.serial == self.label)),
            (self.number, Movement.id == self.number),
            (self.place, or_(Movement.source == self.place, Movement.target == self.place)),
        )
        found: list[ColumnElement[bool]] = [condition for value, condition in named if value]
        if self.reason:
            found.append(Movement.reason == self.reason)
        if self.since:
            found.append(Movement.at >= self.since)
        if self.until:
            found.append(Movement.at < self.until)
        return found


class MovementView(View):
    """One movement. `reversible` if it may be taken back by hand; `reversed_by` is the movement that did."""

    id: int
    at: datetime
    part: str
    name_en: str
    name_zh: str
    specification: str
    quantity: int
    source: str
    target: str
    source_zone: Zone | None
    target_zone: Zone | None
    by: str
    by_name: str | None
    reason: MovementReason
    note: str
    document: str
    lot: str | None
    serial: str | None
    reverses: int | None
    reversed_by: int | None
    reversible: bool


class BalanceView(View):
    """Pieces of a part that lay in a place at an instant."""

    place: str
    zone: Zone
    part: str
    name_en: str
    name_zh: str
    on_hand: int


class RefusalView(View):
    """Somebody who was refused at a place with keepers, and who signed for it since."""

    id: int
    at: datetime
    by: str
    by_name: str | None
    document: str
    place: str
    part: str
    outward: bool
    signed_by: str | None
    signed_by_name: str | None
    signed_at: datetime | None


async def movements(
    session: AsyncSession,
    wanted: WantedMovements,
    *,
    limit: int = 50,
    cursor: str | None = None,
    blind: bool = False,
) -> Page[MovementView]:
    """Newest first; to `blind` readers none of what is being counted (policy 4.2.2). Raises Refusal
    `invalid_cursor`."""
    conditions = [*wanted.conditions, *told(blind, Movement.part, Movement.source, Movement.target)]
    if last := Cursor.read(cursor, _MOVEMENTS):
        conditions.append(Movement.id < int(last.number))
    back = aliased(Movement)
    rows = (
        await session.execute(
            select(
                *(getattr(Movement, name) for name in _COLUMNS),
                Part.name_en,
                Part.name_zh,
                Part.specification,
                UserAccount.name.label("by_name"),
                back.id.label("reversed_by"),
                (Movement.reason.in_(BY_HAND) & back.id.is_(None)).label("reversible"),
            )
            .join(Part, Part.code == Movement.part)
            .outerjoin(UserAccount, UserAccount.code == Movement.by)
            .outerjoin(back, back.reverses == Movement.id)
            .where(*conditions)
            .order_by(Movement.id.desc())
            .limit(limit + 1)
        )
    ).all()
    items = [MovementView.model_validate(row) for row in rows[:limit]]
    more = len(rows) > limit
    return Page(items=items, next=str(Cursor(sort=_MOVEMENTS, at=None, number=str(items[-1].id))) if more else None)


_COLUMNS: Final = (
    "id", "at", "part", "quantity", "source", "target", "source_zone", "target_zone", "by", "reason", "note",
    "document", "lot", "serial", "reverses",
)  # fmt: skip


async def balances(
    session: AsyncSession,
    at: datetime,
    *,
    part: str = "",
    place: str = "",
    limit: int = 50,
    cursor: str | None = None,
    blind: bool = False,
) -> Page[BalanceView]:
    """What lay in each place of the house at an instant, by place and part: today's balances without what moved since.

    An instant that is near costs little, however long the ledger is. `blind` readers are told nothing of what is being
    counted (policy 4.2.2). Raises Refusal `invalid_cursor`.
    """
    since = _moved_since(at, part)
    on_hand = Stock.on_hand - func.coalesce(since.c.pieces, 0)
    conditions = [Stock.zone != Zone.OUTSIDE, *told(blind, Stock.part, Stock.place)]
    if part:
        conditions.append(Stock.part == part)
    if place:
        conditions.append(Stock.place == place)
    if last := Cursor.read(cursor, "balances"):
        seen_place, _, seen_part = last.number.partition("\n")
        conditions.append(or_(Stock.place > seen_place, (Stock.place == seen_place) & (Stock.part > seen_part)))
    rows = (
        await session.execute(
            select(Stock.place, Stock.zone, Stock.part, Part.name_en, Part.name_zh, on_hand.label("on_hand"))
            .join(Part, Part.code == Stock.part)
            .outerjoin(since, and_(since.c.place == Stock.place, since.c.part == Stock.part))
            .where(*conditions, on_hand != 0)
            .order_by(Stock.place, Stock.part)
            .limit(limit + 1)
        )
    ).all()
    items = [BalanceView.model_validate(row) for row in rows[:limit]]
    more = len(rows) > limit
    number = f"{items[-1].place}\n{items[-1].part}" if more else ""
    return Page(items=items, next=str(Cursor(sort="balances", at=None, number=number)) if more else None)


def _moved_since(at: datetime, part: str) -> Subquery:
    """By how much each balance, or those of a part, has grown or shrunk since an instant: one look at what moved, not
    one a balance."""
    moved = (Movement.at > at, *((Movement.part == part,) if part else ()))
    come = select(Movement.target.label("place"), Movement.part, Movement.quantity).where(*moved)
    gone = select(Movement.source, Movement.part, -Movement.quantity).where(*moved)
    both = union_all(come, gone).subquery()
    balance = (both.c.place, both.c.part)
    return select(*balance, func.sum(both.c.quantity).label("pieces")).group_by(*balance).subquery("since")


async def refusals(
    session: AsyncSession, *, waiting: bool = False, limit: int = 50, cursor: str | None = None
) -> Page[RefusalView]:
    """Newest first; only those that nobody has signed for yet, if `waiting`. Raises Refusal `invalid_cursor`."""
    conditions: list[ColumnElement[bool]] = [KeeperRefusal.signed_at.is_(None)] if waiting else []
    if last := Cursor.read(cursor, "refusals"):
        conditions.append(KeeperRefusal.id < int(last.number))
    refused, signed = aliased(UserAccount), aliased(UserAccount)
    rows = (
        await session.execute(
            select(
                *(getattr(KeeperRefusal, name) for name in _REFUSED),
                refused.name.label("by_name"),
                signed.name.label("signed_by_name"),
            )
            .outerjoin(refused, refused.code == KeeperRefusal.by)
            .outerjoin(signed, signed.code == KeeperRefusal.signed_by)
            .where(*conditions)
            .order_by(KeeperRefusal.id.desc())
            .limit(limit + 1)
        )
    ).all()
    items = [RefusalView.model_validate(row) for row in rows[:limit]]
    more = len(rows) > limit
    return Page(items=items, next=str(Cursor(sort="refusals", at=None, number=str(items[-1].id))) if more else None)


async def refusals_waiting(session: AsyncSession, reader: str) -> int:
    """How many documents wait for a second signature of somebody like the reader; nobody signs for themselves."""
    waiting = select(func.count(KeeperRefusal.document.distinct())).where(
        KeeperRefusal.signed_at.is_(None), KeeperRefusal.by != reader
    )
    return await session.scalar(waiting) or 0


_REFUSED: Final = ("id", "at", "by", "document", "place", "part", "outward", "signed_by", "signed_at")


@dataclass(frozen=True)
class Scanned:
    """What a code on a label is: a part, a place, or pieces of one lot or number and where they lie."""

    part: str | None = None
    place: str | None = None
    lot: str | None = None
    serial: str | None = None


async def scanned(session: AsyncSession, code: str) -> Scanned | None:
    """What a scanned code stands for; nothing if no part, place, lot or serial number of ours has it."""
    if await session.get(Part, code):
        return Scanned(part=code)
    place = await session.get(Place, code)
    if place is not None and place.warehouse is not None:
        return Scanned(place=code)
    lot = await session.scalar(
        select(StockLot)
        .where(or_(StockLot.serial == code, StockLot.lot == code), StockLot.on_hand > 0)
        .order_by((StockLot.serial == code).desc(), StockLot.since, StockLot.place)
        .limit(1)
    )
    if lot is None:
        return None
    return Scanned(part=lot.part, place=lot.place, lot=lot.lot or None, serial=lot.serial or None)


async def places(session: AsyncSession) -> list[tuple[str, Zone]]:
    """The places of the warehouses."""
    rows = await session.execute(
        select(Place.code, Place.zone).where(Place.warehouse.is_not(None)).order_by(Place.code)
    )
    return [(code, zone) for code, zone in rows]
