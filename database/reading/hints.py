"""What helps to judge an order, each hint with why it is given (policy 1.3.2, 2.2.1)."""

from collections.abc import Sequence
from datetime import date, datetime
from enum import StrEnum
from zoneinfo import ZoneInfo

from sqlalchemy import and_, case, exists, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from database import policies
from database.cover import part_covers, unit_cover
from database.reading.blindness import told
from database.reading.documents import View
from database.reading.substitutes import SubstituteView, substitutes
from database.stock import SHIPPABLE
from database.tables import (
    EventLog,
    LineState,
    OrderLine,
    Part,
    PartModel,
    Recall,
    ReplacementOrder,
    RevisitAttempt,
    Stock,
)
from domain.hints import Record, most_probable, successor
from domain.order_decisions import Hindrance
from domain.stages import Action, Stage


class Why(StrEnum):
    """Why a part is hinted at."""

    CURED = "cured"
    RECALLED = "recalled"
    WANTED = "wanted"
    FITS = "fits"


class PartHint(View):
    """A part that fits the model. It cured the same fault `solved` times of `tried`; `free` pieces are in stock."""

    part: str
    name_en: str
    name_zh: str
    why: Why
    solved: int
    tried: int
    free: int


class SupersededHint(View):
    """A part the customer asks for, or that the model once had, and the one that takes its place today."""

    part: str
    name_en: str
    name_zh: str
    successor: str
    successor_name_en: str
    successor_name_zh: str
    wanted: bool


class RecallHint(View):
    """An open recall that covers this serial number, or would if it were known (`certain` is false then)."""

    code: str
    name_en: str
    name_zh: str
    part: str | None
    serial_from: str
    serial_to: str
    opened_on: date
    certain: bool


class UnitHint(View):
    """The unit's warranty by its date of sale."""

    sold_on: date
    months: int
    until: date
    holds: bool


class GuaranteeHint(View):
    """The guarantee of a part fitted into this unit by an earlier order; it runs from its installation."""

    part: str
    name_en: str
    name_zh: str
    order: str
    fitted_on: date
    until: date
    holds: bool


class Hints(View):
    """Everything that helps to judge an order. What cured is counted over the newest `orders` closed orders of this
    model, with the same fault if `same_fault`. `substitutes` do as well as a part that fits or is asked for."""

    parts: tuple[PartHint, ...]
    superseded: tuple[SupersededHint, ...]
    substitutes: tuple[SubstituteView, ...]
    recalls: tuple[RecallHint, ...]
    unit: UnitHint | None
    guarantees: tuple[GuaranteeHint, ...]
    same_fault: bool
    orders: int


async def hints_for(session: AsyncSession, order: str, now: datetime, *, blind: bool = False) -> Hints | None:
    """Hints for the order with this number, counted as its policy says; None if there is no such order. To `blind`
    readers no pieces are free that are being counted (policy 4.2.2)."""
    found = await session.get(ReplacementOrder, order)
    if found is None:
        return None
    policy = await policies.load(session, found.policy_name, found.policy_version)
    most, today = policy.hints.orders, now.astimezone(ZoneInfo(policy.calendar.zone)).date()
    counted, records = await _records(session, found, most) if found.model else (0, {})
    recalls = await _recalls(session, found, today) if found.model else ()
    recalled = {recall.part for recall in recalls if recall.part}
    wanted = set(
        await session.scalars(
            select(OrderLine.part).where(OrderLine.order == order, OrderLine.state == LineState.WANTED)
        )
    )
    asked_for = frozenset(wanted)
    parts = {part.code: part for part in await _parts(session, found.model, wanted)}
    heirs = {code: part.superseded_by for code, part in parts.items()}
    wanted |= {heir for code in wanted if (heir := successor(code, heirs))}
    fitting = [code for code in await _fitting(session, found.model) if not heirs[code]]
    free = await _free(session, fitting, blind)

    def why(code: str) -> Why:
        if code in recalled:
            return Why.RECALLED
        if records.get(code, Record()).solved:
            return Why.CURED
        return Why.WANTED if code in wanted else Why.FITS

    ranked = sorted(most_probable(fitting, records), key=lambda code: list(Why).index(why(code)))
    unit = await unit_cover(session, found.serial)
    return Hints(
        parts=tuple(
            PartHint(
                part=code,
                name_en=parts[code].name_en,
                name_zh=parts[code].name_zh,
                why=why(code),
                solved=records.get(code, Record()).solved,
                tried=records.get(code, Record()).tried,
                free=free.get(code, 0),
            )
            for code in ranked
        ),
        superseded=tuple(
            SupersededHint(
                part=code,
                name_en=parts[code].name_en,
                name_zh=parts[code].name_zh,
                successor=heir,
                successor_name_en=parts[heir].name_en,
                successor_name_zh=parts[heir].name_zh,
                wanted=code in asked_for,
            )
            for code in sorted(heirs, key=lambda code: (code not in asked_for, code))
            if (heir := successor(code, heirs))
        ),
        substitutes=tuple(
            each
            for each in await substitutes(session, asked_for | set(fitting), found.model, blind=blind)
            if not each.superseding
        ),
        recalls=recalls,
        unit=UnitHint(sold_on=unit.sold_on, months=unit.months, until=unit.until, holds=unit.holds(today))
        if unit
        else None,
        guarantees=tuple(
            GuaranteeHint(
                part=one.part,
                name_en=one.name_en,
                name_zh=one.name_zh,
                order=one.order,
                fitted_on=one.fitted_on,
                until=one.until,
                holds=one.holds(today),
            )
            for one in await part_covers(session, found.serial, without=order)
        ),
        same_fault=found.fault_code is not None,
        orders=counted,
    )


async def _records(session: AsyncSession, order: ReplacementOrder, most: int) -> tuple[int, dict[str, Record]]:
    """How parts did in the newest closed orders of this model with this fault, and how many orders those are.

    A round in which a part was fitted counts as solved when the customer said that it works; as tried also when they
    said that it does not, or the technician that the fault was another.
    """
    closed = (
        select(ReplacementOrder.number)
        .where(
            ReplacementOrder.model == order.model,
            ReplacementOrder.stage == Stage.CLOSED,
            *((ReplacementOrder.fault_code == order.fault_code,) if order.fault_code else ()),
        )
        .order_by(ReplacementOrder.ended_at.desc())
        .limit(most)
        .cte("closed")
    )
    answered = exists().where(
        RevisitAttempt.order == OrderLine.order,
        RevisitAttempt.round == OrderLine.round,
        RevisitAttempt.reached,
        RevisitAttempt.works.is_(True),
    )
    missed = exists().where(
        RevisitAttempt.order == OrderLine.order,
        RevisitAttempt.round == OrderLine.round,
        RevisitAttempt.reached,
        RevisitAttempt.works.is_(False),
    )
    not_it = exists().where(
        EventLog.document == OrderLine.order,
        EventLog.round == OrderLine.round + 1,
        EventLog.action == Action.REPORT_NOT_FITTED,
        EventLog.details["hindrance"].astext.in_((Hindrance.WRONG_PART, Hindrance.OTHER_FAULT)),
    )
    tried = (
        select(
            OrderLine.part,
            func.count(case((answered, 1))).label("solved"),
            func.count().label("tried"),
        )
        .join(closed, closed.c.number == OrderLine.order)
        .where(
            or_(
                and_(OrderLine.state == LineState.FITTED, or_(answered, missed)),
                and_(OrderLine.state == LineState.RETURNED, not_it),
            )
        )
        .group_by(OrderLine.part)
    )
    rows = (await session.execute(tried)).all()
    counted = await session.scalar(select(func.count()).select_from(closed))
    return counted or 0, {row.part: Record(row.solved, row.tried) for row in rows}


async def _recalls(session: AsyncSession, order: ReplacementOrder, today: date) -> tuple[RecallHint, ...]:
    """Open recalls of the model whose serial numbers hold the unit's; all of them while its number is not known."""
    rows = await session.scalars(
        select(Recall)
        .where(
            Recall.model == order.model,
            Recall.opened_on <= today,
            or_(Recall.closed_on.is_(None), Recall.closed_on >= today),
            *(
                (
                    func.length(Recall.serial_from) == len(order.serial),
                    Recall.serial_from.collate("C") <= order.serial,
                    Recall.serial_to.collate("C") >= order.serial,
                )
                if order.serial
                else ()
            ),
        )
        .order_by(Recall.opened_on.desc(), Recall.code)
    )
    return tuple(
        RecallHint(
            code=row.code,
            name_en=row.name_en,
            name_zh=row.name_zh,
            part=row.part,
            serial_from=row.serial_from,
            serial_to=row.serial_to,
            opened_on=row.opened_on,
            certain=order.serial is not None,
        )
        for row in rows
    )


async def _fitting(session: AsyncSession, model: str | None) -> Sequence[str]:
    if model is None:
        return []
    return (await session.scalars(select(PartModel.part).where(PartModel.model == model))).all()


async def _parts(session: AsyncSession, model: str | None, wanted: set[str]) -> Sequence[Part]:
    """The model's parts and those wanted, with all that took their place since."""
    of_model = select(PartModel.part).where(PartModel.model == model)
    chain = (
        select(Part.code, Part.superseded_by)
        .where(or_(Part.code.in_(of_model), Part.code.in_(sorted(wanted))))
        .cte("chain", recursive=True)
    )
    heir = aliased(Part)
    chain = chain.union(select(heir.code, heir.superseded_by).join(chain, chain.c.superseded_by == heir.code))
    return (await session.scalars(select(Part).where(Part.code.in_(select(chain.c.code))))).all()


async def _free(session: AsyncSession, parts: Sequence[str], blind: bool) -> dict[str, int]:
    free = func.sum(Stock.on_hand - Stock.reserved)
    rows = await session.execute(
        select(Stock.part, free)
        .where(Stock.part.in_(parts), Stock.zone.in_(SHIPPABLE), *told(blind, Stock.part, Stock.place))
        .group_by(Stock.part)
    )
    return {part: int(pieces) for part, pieces in rows}
