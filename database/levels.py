"""What levels rest on: what was asked for, how long suppliers took, what is there and on its way (policy 4.2.3)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import fmean, pvariance
from typing import Final

from sqlalchemy import ColumnElement, Float, Integer, cast, exists, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from database import policies, purchases, stock
from database.tables import (
    BackOrder,
    BackOrderState,
    Movement,
    Part,
    Place,
    PurchaseLine,
    PurchaseOrder,
    Stock,
    Warehouse,
    WarehouseTask,
)
from domain.levels import Excess, Lead, Level, excess, level, to_order
from domain.policy import Policy
from domain.stages import PURCHASE_OPEN, PurchaseStage
from domain.tasks import TaskKind

LEAST_PERIODS: Final = 4
"""With less of a history nothing is said about a part: no data is no data."""
NEWEST: Final = 20
"""So many of the newest deliveries say how long a part takes."""
_DAY: Final = 86_400


@dataclass(frozen=True)
class Look:
    """What was seen of a part in a warehouse. `demand` is pieces a period, the oldest first; `free` by place are pieces
    that nobody has reserved; `position` adds what is on order and that nobody waits for."""

    part: Part
    warehouse: str
    demand: Sequence[int]
    level: Level
    free: Mapping[str, int]
    position: int
    quantity: int
    excess: tuple[Excess, int] | None


async def look(
    session: AsyncSession, warehouse: str, policy: Policy, at: datetime, *, after: str = "", limit: int | None = None
) -> list[Look]:
    """The parts of a warehouse by code, from `after` on, with what to keep of each; those whose history is too short to
    tell are left out."""
    rules = policy.warehouse.levels
    rows = (
        await session.execute(
            select(Part, func.min(_first_seen()))
            .join(Stock, Stock.part == Part.code)
            .join(Place, Place.code == Stock.place)
            .where(Place.warehouse == warehouse, Stock.zone.in_(stock.SHIPPABLE), Part.code > after)
            .group_by(Part.code)
            .order_by(Part.code)
            .limit(limit)
        )
    ).all()
    parts = [part.code for part, _ in rows]
    window = max(rules.periods, -(-rules.dead_days // rules.period_days))
    asked = await _asked(session, warehouse, parts, rules.period_days, window, at)
    leads = await _leads(session, parts, policy, at)
    free, coming = await _free(session, warehouse, parts), await _coming(session, warehouse, parts)
    found = []
    for part, first_seen in rows:
        known = min(window, int((at - first_seen).total_seconds() // (rules.period_days * _DAY)))
        if known < LEAST_PERIODS or part.code not in leads:
            continue
        demand = [asked.get((part.code, ago), 0) for ago in reversed(range(known))]
        newest, aim = demand[-rules.periods :], rules.aim(part.value_class)
        keep = level(newest, leads[part.code], aim, rules.smoothing)
        lies = free.get(part.code, {})
        position = sum(lies.values()) + coming.get(part.code, 0)
        without = next((ago for ago, pieces in enumerate(reversed(demand)) if pieces), known)
        found.append(
            Look(
                part=part,
                warehouse=warehouse,
                demand=newest,
                level=keep,
                free=lies,
                position=position,
                quantity=0 if part.superseded_by else to_order(keep, position),
                excess=excess(keep, sum(lies.values()), without, rules.dead_days // rules.period_days),
            )
        )
    return found


async def is_open(session: AsyncSession, kind: TaskKind, warehouse: str, subject: str) -> bool:
    """Whether a task of this kind about the same thing waits for somebody."""
    wanted = exists().where(
        WarehouseTask.kind == kind,
        WarehouseTask.warehouse == warehouse,
        WarehouseTask.subject == subject,
        WarehouseTask.ended_at.is_(None),
    )
    return bool(await session.scalar(select(wanted)))


async def warehouses(session: AsyncSession) -> Sequence[str]:
    return (await session.scalars(select(Warehouse.code).order_by(Warehouse.code))).all()


async def returnable(session: AsyncSession, warehouse: str, part: str, since: datetime) -> bool:
    """Whether a supplier has brought such pieces since then."""
    brought = exists().where(
        Movement.part == part,
        Movement.source == stock.SUPPLIERS,
        Movement.target == Place.code,
        Place.warehouse == warehouse,
        Movement.at >= since,
    )
    return bool(await session.scalar(select(brought)))


def _first_seen() -> ColumnElement[datetime]:
    return (
        select(func.min(Movement.at))
        .where(Movement.target == Stock.place, Movement.part == Stock.part)
        .correlate(Stock)
        .scalar_subquery()
    )


async def _asked(
    session: AsyncSession, warehouse: str, parts: Sequence[str], days: int, periods: int, at: datetime
) -> dict[tuple[str, int], int]:
    """Pieces sent to customers, by part and how many whole periods ago."""
    ago = cast(func.floor(func.extract("epoch", at - Movement.at) / (days * _DAY)), Integer).label("ago")
    rows = await session.execute(
        select(Movement.part, ago, func.sum(Movement.quantity))
        .join(Place, Place.code == Movement.source)
        .where(
            Movement.part.in_(parts),
            Movement.target == stock.IN_TRANSIT,
            Place.warehouse == warehouse,
            Movement.at > at - timedelta(days=days * periods),
            Movement.at <= at,
        )
        .group_by(Movement.part, ago)
    )
    return {(part, periods_ago): int(pieces) for part, periods_ago, pieces in rows}


async def _leads(session: AsyncSession, parts: Sequence[str], policy: Policy, at: datetime) -> dict[str, Lead]:
    """How long each part took to come, by its newest deliveries; else as the supplier of best value says."""
    days = cast(func.extract("epoch", PurchaseOrder.ended_at - PurchaseOrder.created_at) / _DAY, Float)
    newest = func.row_number().over(partition_by=PurchaseLine.part, order_by=PurchaseOrder.created_at.desc())
    ranked = (
        select(PurchaseLine.part, days.label("days"), newest.label("nth"))
        .join(PurchaseOrder, PurchaseOrder.number == PurchaseLine.purchase_order)
        .where(PurchaseLine.part.in_(parts), PurchaseOrder.stage == PurchaseStage.GOODS_RECEIVED)
        .subquery()
    )
    taken: dict[str, list[float]] = {}
    for part, took in await session.execute(select(ranked.c.part, ranked.c.days).where(ranked.c.nth <= NEWEST)):
        taken.setdefault(part, []).append(took)
    period, longer = policy.warehouse.levels.period_days, float(policy.quotation.leads.longer)
    leads = {}
    time = await policies.timekeeper(session, policy)
    for part in parts:
        if len(took := taken.get(part, ())) >= policy.quotation.leads.deliveries:
            leads[part] = Lead(fmean(took) / period, pvariance(took) / period**2)
        elif offered := await purchases.offers(session, part, 1, time, at):
            mean = offered[0].lead_days / period
            leads[part] = Lead(mean, (mean * longer / 2) ** 2)
    return leads


async def _free(session: AsyncSession, warehouse: str, parts: Sequence[str]) -> dict[str, dict[str, int]]:
    rows = await session.execute(
        select(Stock.part, Stock.place, Stock.on_hand - Stock.reserved)
        .join(Place, Place.code == Stock.place)
        .where(Place.warehouse == warehouse, Stock.part.in_(parts), Stock.zone.in_(stock.SHIPPABLE))
    )
    free: dict[str, dict[str, int]] = {}
    for part, place, pieces in rows:
        free.setdefault(part, {})[place] = pieces
    return free


async def _coming(session: AsyncSession, warehouse: str, parts: Sequence[str]) -> dict[str, int]:
    """Pieces on order for the warehouse, without those that orders wait for."""
    waited = (
        select(func.coalesce(func.sum(BackOrder.quantity), 0))
        .where(
            BackOrder.purchase_order == PurchaseLine.purchase_order,
            BackOrder.part == PurchaseLine.part,
            BackOrder.state == BackOrderState.WAITING,
        )
        .correlate(PurchaseLine)
        .scalar_subquery()
    )
    rows = await session.execute(
        select(PurchaseLine.part, func.sum(PurchaseLine.quantity - PurchaseLine.received - waited))
        .join(PurchaseOrder, PurchaseOrder.number == PurchaseLine.purchase_order)
        .where(
            PurchaseOrder.warehouse == warehouse,
            PurchaseLine.part.in_(parts),
            PurchaseOrder.stage.in_(PURCHASE_OPEN),
        )
        .group_by(PurchaseLine.part)
    )
    return {part: int(pieces) for part, pieces in rows}
