"""Goods moved inside the house by hand, and movements taken back (policy 4.2.1, 4.3.3)."""

import json
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from hashlib import sha256
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from database import keeping, stock
from database.keeping import NotTheKeeper
from database.numbers import next_number
from database.tables import Movement, MovementReason, Place, Transfer
from domain.stages import Refusal
from domain.texts import Code, Text

Named = Annotated[str, Field(max_length=64, pattern=r"^\s*\S.*$")] | None


class MoveReason(StrEnum):
    """Why goods are moved by hand."""

    TRANSFER = MovementReason.TRANSFER.value
    PUT_AWAY = MovementReason.PUT_AWAY.value
    SCRAPPING = MovementReason.SCRAPPING.value


class MoveGoods(BaseModel):
    """Pieces of a part to be moved from one place of the house to another; of this `batch` or serial number if they
    have one, and the oldest if none is named."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    part: Code
    source: Code
    target: Code
    quantity: int = Field(1, ge=1, le=9999)
    batch: Named = None
    serial_number: Named = None
    reason: MoveReason = MoveReason.TRANSFER
    note: Text = ""


class TakeBack(BaseModel):
    """Why a movement is taken back."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    note: Annotated[str, Field(min_length=1, max_length=400)]


@dataclass(frozen=True)
class Moved:
    """A transfer's number; `refused` while it waits for a second signature."""

    number: str
    refused: NotTheKeeper | None


async def move_goods(session: AsyncSession, said: MoveGoods, *, by: str, key: str, now: datetime) -> Moved:
    """Moves goods, once per key; what is refused for want of the keeper waits for a second signature.

    Raises Refusal `idempotency_key_reused`, `unknown_part`, `unknown_place`, `needs_inspection`,
    `not_enough_stock`.
    """
    if found := await _known(session, said, by, key):
        return await _again(session, found)
    zones = dict(
        (
            await session.execute(
                select(Place.code, Place.zone).where(
                    Place.code.in_((said.source, said.target)), Place.warehouse.is_not(None)
                )
            )
        ).all()
    )
    if missing := {said.source, said.target} - set(zones):
        raise Refusal("unknown_place", f"no warehouse has a place {' or '.join(sorted(missing))}")
    if said.source == said.target:
        raise Refusal("unknown_place", "the goods are there already: name another place")
    if zones[said.source] in stock.UNSOUND and zones[said.target] in stock.SOUND:
        raise Refusal("needs_inspection", "goods become sound by an inspection, not by being moved")
    if not await stock.knows(session, said.part):
        raise Refusal("unknown_part", f"there is no part {said.part}")
    transfer = Transfer(
        number=await next_number(session, "MV", now), by=by, key=key, digest=_digest(said), at=now,
        lot=said.batch, serial=said.serial_number, reason=MovementReason(said.reason),
        **said.model_dump(exclude={"batch", "serial_number", "reason"}),
    )  # fmt: skip
    return await _enter(session, transfer, now)


async def take_back(session: AsyncSession, movement: int, said: TakeBack, *, by: str, key: str, now: datetime) -> Moved:
    """Takes a movement back, once. Raises Refusal `idempotency_key_reused`, `unknown_movement`, `reversed_before`,
    `not_by_hand`, `not_enough_stock`."""
    if found := await _known(session, said, by, key):
        return await _again(session, found)
    done = await session.get(Movement, movement)
    if done is None:
        raise Refusal("unknown_movement", f"there is no movement {movement}")
    transfer = Transfer(
        number=await next_number(session, "MV", now), by=by, key=key, digest=_digest(said), at=now,
        reason=MovementReason.REVERSAL, part=done.part, quantity=done.quantity, source=done.target,
        target=done.source, lot=done.lot, serial=done.serial, reverses=done.id, note=said.note,
    )  # fmt: skip
    return await _enter(session, transfer, now)


async def countersign(session: AsyncSession, document: str, *, by: str, now: datetime) -> None:
    """The second signature under a document; a transfer is booked with it. Raises Refusal `nothing_to_sign`,
    `own_refusal`, and what moving goods raises."""
    await keeping.countersign(session, document, by=by, at=now)
    transfer = await session.get(Transfer, document, with_for_update=True)
    if transfer is not None and transfer.booked_at is None:
        await _book(session, transfer, now)


async def _known(session: AsyncSession, said: BaseModel, by: str, key: str) -> Transfer | None:
    found = await session.scalar(select(Transfer).where(Transfer.by == by, Transfer.key == key))
    if found is not None and found.digest != _digest(said):
        raise Refusal("idempotency_key_reused", "this key came with something else before")
    return found


async def _again(session: AsyncSession, transfer: Transfer) -> Moved:
    """What the first time gave; refused as long as nobody has signed since."""
    if transfer.booked_at is not None:
        return Moved(transfer.number, None)
    zones = dict(
        (
            await session.execute(
                select(Place.code, Place.zone).where(Place.code.in_((transfer.source, transfer.target)))
            )
        ).all()
    )
    kept = keeping.kept_by_zone(transfer.source, transfer.target, zones)
    return Moved(transfer.number, NotTheKeeper(transfer.by, transfer.number, transfer.part, kept))


async def _enter(session: AsyncSession, transfer: Transfer, now: datetime) -> Moved:
    session.add(transfer)
    await session.flush()
    try:
        await _book(session, transfer, now)
    except NotTheKeeper as refused:
        await keeping.note(session, refused, now)
        return Moved(transfer.number, refused)
    return Moved(transfer.number, None)


async def _book(session: AsyncSession, transfer: Transfer, now: datetime) -> None:
    if transfer.reverses is not None:
        await stock.reverse(
            session, transfer.reverses, at=now, by=transfer.by, document=transfer.number, note=transfer.note
        )
    else:
        await stock.move(
            session, transfer.part, transfer.quantity, source=transfer.source, target=transfer.target,
            reason=transfer.reason, at=now, by=transfer.by, document=transfer.number, effect=transfer.number,
            lot=transfer.lot, serial=transfer.serial, note=transfer.note,
        )  # fmt: skip
    transfer.booked_at = now
    await session.flush()


def _digest(said: BaseModel) -> bytes:
    return sha256(json.dumps(said.model_dump(mode="json"), sort_keys=True).encode()).digest()
