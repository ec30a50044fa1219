"""Which parts may take another's place: what supersedes it, and what is known to do as well (policy 1.3.2)."""

from collections.abc import Collection, Sequence

from sqlalchemy import func, literal, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from database.reading.blindness import told
from database.reading.documents import View
from database.stock import SHIPPABLE
from database.tables import Part, PartModel, Stock, SubstitutePart


class SubstituteView(View):
    """A part that may be sent instead of `wanted`; `superseding` if it took its place for good."""

    wanted: str
    part: str
    name_en: str
    name_zh: str
    specification: str
    superseding: bool
    available: int


async def substitutes(
    session: AsyncSession, wanted: Collection[str], model: str | None, *, blind: bool = False
) -> Sequence[SubstituteView]:
    """For each of these parts, those that fit the model too, if one is known; what supersedes it first. To `blind`
    readers no pieces count that are being counted (policy 4.2.2)."""
    heirs = (
        select(Part.code.label("wanted"), Part.superseded_by.label("part"), literal(True).label("superseding"))
        .where(Part.code.in_(list(wanted)), Part.superseded_by.is_not(None))
        .cte("heirs", recursive=True)
    )
    heirs = heirs.union(
        select(heirs.c.wanted, Part.superseded_by, literal(True)).where(
            Part.code == heirs.c.part, Part.superseded_by.is_not(None)
        )
    )
    as_good = select(SubstitutePart.part, SubstitutePart.substitute, literal(False)).where(
        SubstitutePart.part.in_(list(wanted))
    )
    known = select(heirs).union_all(as_good).subquery()
    free = (
        select(func.coalesce(func.sum(Stock.on_hand - Stock.reserved), 0))
        .where(Stock.part == Part.code, Stock.zone.in_(SHIPPABLE), *told(blind, Stock.part, Stock.place))
        .correlate(Part)
        .scalar_subquery()
    )
    fits = select(PartModel.part).where(PartModel.part == Part.code, PartModel.model == model).exists()
    rows = await session.execute(
        select(
            known.c.wanted,
            Part.code.label("part"),
            Part.name_en,
            Part.name_zh,
            Part.specification,
            func.bool_or(known.c.superseding).label("superseding"),
            free.label("available"),
        )
        .join(Part, Part.code == known.c.part)
        .where(or_(literal(model is None), fits), Part.code != known.c.wanted)
        .group_by(known.c.wanted, Part.code)
        .order_by(known.c.wanted, func.bool_or(known.c.superseding).desc(), free.label("available").desc(), Part.code)
    )
    return [SubstituteView.model_validate(row) for row in rows]
