"""Valuable and hazardous goods move by their named keeper or two signatures; nobody else moves them (policy 4.3.3)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import select, union_all
from sqlalchemy import true as sql_true
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from database.tables import KeeperRefusal, KeeperSignature, MovementReason, PlaceKeeper, Zone
from domain.stages import Refusal, Role

KEPT: Final = (Zone.VALUABLES, Zone.HAZARDOUS)
UNKEPT: Final = (MovementReason.OPENING, MovementReason.COUNT, MovementReason.QUARANTINE)
"""What moves no goods past a keeper: books that are opened or set right, and rules that set goods apart."""


@dataclass(frozen=True)
class Kept:
    """A place with keepers that goods leave, or come into."""

    place: str
    outward: bool


class NotTheKeeper(Refusal):
    """`named_keeper_needed`: who moves these goods is not their keeper, and nobody else has signed for it."""

    def __init__(self, by: str, document: str, part: str, kept: Sequence[Kept]) -> None:
        places = " and ".join(sorted({one.place for one in kept}))
        super().__init__(
            "named_keeper_needed", f"{document}: goods of {places} move by their named keeper, or by two signatures"
        )
        self.by, self.document, self.part, self.kept = by, document, part, kept


def kept_by_zone(source: str, target: str, zones: Mapping[str, Zone]) -> list[Kept]:
    """The kept places that a movement touches."""
    ends = ((source, True), (target, False))
    return [Kept(place, outward) for place, outward in ends if zones[place] in KEPT]


async def require(session: AsyncSession, kept: Sequence[Kept], *, part: str, by: str, document: str) -> None:
    """Raises NotTheKeeper unless `by` keeps these places, or the document was signed for by a keeper of theirs or by
    somebody beside `by`. A machine's news is never refused: those goods have moved."""
    if not kept or by == Role.SYSTEM:
        return
    lacking = [one for one in kept if not await _may_move(session, one, by, document)]
    if lacking:
        raise NotTheKeeper(by, document, part, lacking)


async def _may_move(session: AsyncSession, kept: Kept, by: str, document: str) -> bool:
    keepers = select(PlaceKeeper.keeper, sql_true()).where(PlaceKeeper.place == kept.place)
    signers = select(KeeperSignature.by, ~sql_true()).where(
        KeeperSignature.document == document,
        KeeperSignature.place == kept.place,
        KeeperSignature.outward == kept.outward,
    )
    rows = (await session.execute(union_all(keepers, signers))).all()
    named = {code for code, keeps in rows if keeps}
    signed = {by} | {code for code, keeps in rows if not keeps}
    return bool(named & signed) or len(signed) > 1


async def sign(session: AsyncSession, kept: Sequence[Kept], *, by: str, document: str, at: datetime) -> None:
    """Writes down that somebody answers for these goods of a document; once."""
    for one in kept:
        await session.execute(
            insert(KeeperSignature)
            .values(document=document, place=one.place, outward=one.outward, by=by, at=at)
            .on_conflict_do_nothing()
        )


async def note(session: AsyncSession, refused: NotTheKeeper, at: datetime) -> None:
    """Logs who was refused, for the supervisor to see."""
    session.add_all(
        KeeperRefusal(
            at=at,
            by=refused.by,
            document=refused.document,
            place=one.place,
            part=refused.part,
            outward=one.outward,
        )
        for one in refused.kept
    )
    await session.flush()


async def countersign(session: AsyncSession, document: str, *, by: str, at: datetime) -> None:
    """The second signature for what was refused; who was refused may do it then.

    Raises Refusal `nothing_to_sign`, `own_refusal`.
    """
    refused = (
        await session.scalars(
            select(KeeperRefusal)
            .where(KeeperRefusal.document == document, KeeperRefusal.signed_at.is_(None))
            .with_for_update()
        )
    ).all()
    if not refused:
        raise Refusal("nothing_to_sign", f"nothing of {document} waits for a second signature")
    if any(one.by == by for one in refused):
        raise Refusal("own_refusal", "the second signature is somebody else's")
    await sign(session, [Kept(one.place, one.outward) for one in refused], by=by, document=document, at=at)
    for one in refused:
        one.signed_by, one.signed_at = by, at
    await session.flush()
