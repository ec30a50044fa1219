"""How suppliers stand with us, and the corrective actions that it depends on (policy 3.1.3)."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import exists, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from database.numbers import next_number
from database.purchases import open_link
from database.steps import record
from database.tables import CorrectiveAction, EventLog, PurchaseOrder, StandingChange, Supplier, SupplierReview
from domain.correcting import ChangedBecause, CorrectiveStage, Standing
from domain.messages import CorrectiveState
from domain.policy import Timekeeper
from domain.stages import PURCHASE_OPEN, Action, Role
from domain.waiting import Clock


async def standing_of(session: AsyncSession, supplier: str) -> Standing:
    """How a supplier stands now; its row is locked until the caller commits."""
    row = select(Supplier.standing).where(Supplier.code == supplier).with_for_update()
    return Standing((await session.execute(row)).scalar_one())


async def change_standing(
    session: AsyncSession, supplier: str, after: Standing, because: ChangedBecause, *,
    at: datetime, by: str, role: Role, document: str, explanation: str = "",
) -> None:  # fmt: skip
    """Changes a supplier's standing and puts it on record."""
    row = await session.get_one(Supplier, supplier)
    session.add(
        StandingChange(
            supplier=supplier,
            at=at,
            by=by,
            role=role,
            before=Standing(row.standing),
            after=after,
            because=because,
            corrective_action=document,
            explanation=explanation,
        )
    )
    row.standing = after


async def open_purchases(session: AsyncSession, supplier: str) -> Sequence[str]:
    """Purchase orders with a supplier that still have to bring goods."""
    return (
        await session.scalars(
            select(PurchaseOrder.number)
            .where(PurchaseOrder.supplier == supplier, PurchaseOrder.stage.in_(PURCHASE_OPEN))
            .order_by(PurchaseOrder.created_at, PurchaseOrder.number)
        )
    ).all()


async def has_heard(session: AsyncSession, supplier: str, purchase: str) -> bool:
    """Whether a purchase order was held since its supplier's standing changed last."""
    changed = select(func.max(StandingChange.at)).where(StandingChange.supplier == supplier).scalar_subquery()
    heard = exists().where(EventLog.document == purchase, EventLog.action == Action.HOLD, EventLog.at >= changed)
    return bool(await session.scalar(select(heard)))


async def demand_correction(
    session: AsyncSession, review: SupplierReview, time: Timekeeper, at: datetime
) -> str | None:
    """Begins a corrective action for what a review proposes: in effect at once if the policy says so, else proposed.

    Its workflow is started by whoever asked for it. Returns its number; None if the supplier has one already, which
    then hears of the review itself.
    """
    if review.proposed is None or await _open_action(session, review.supplier):
        return None
    before = await standing_of(session, review.supplier)
    if review.proposed.rank <= before.rank:
        return None
    by_rule = review.proposed in time.policy.review.automatic
    number = await next_number(session, "CA", at)
    stage = CorrectiveStage.PROPOSED
    if by_rule:
        dropped = review.proposed is Standing.DROPPED
        stage = CorrectiveStage.DROPPED if dropped else CorrectiveStage.DEMANDED
    clock = {CorrectiveStage.PROPOSED: Clock.STANDING, CorrectiveStage.DEMANDED: Clock.DEMAND}.get(stage)
    held = await open_purchases(session, review.supplier) if by_rule and not review.proposed.supplies else ()
    state = CorrectiveState(
        number=number, stage=stage, seq=0, wait=time.wait(clock, at) if clock else None, standing=review.proposed,
        to_tell=tuple(held),
    )  # fmt: skip
    action = CorrectiveAction(
        number=number, created_at=at, supplier=review.supplier, review=review.id, stage=stage,
        standing=review.proposed, policy_name=time.policy.name, policy_version=time.policy.version, log_head=b"",
        ended_at=None if clock else at,
    )  # fmt: skip
    told = [(f"standing_{review.proposed}", audience) for audience in (Role.SUPPLIER, Role.BUYER)]
    record(
        session, action, action="propose", at=at, by="system", role=Role.SYSTEM, from_stage="",
        details={"standing": [before, review.proposed]} | ({"held": list(held)} if held else {}), submission=None,
        state=state, told=told if by_rule else [("standing_proposed", Role.SUPERVISOR)],
    )  # fmt: skip
    session.add(action)
    await session.flush()
    open_link(session, number, review.supplier, at)
    if by_rule:
        await change_standing(
            session,
            review.supplier,
            review.proposed,
            ChangedBecause.REVIEW,
            at=at,
            by="system",
            role=Role.SYSTEM,
            document=number,
        )
    return number


async def worse_review(session: AsyncSession, action: CorrectiveAction) -> SupplierReview | None:
    """The newest review of its supplier, if it came after the one that a corrective action rests on and proposes worse
    than what that is about."""
    newest = await session.scalar(
        select(SupplierReview)
        .where(SupplierReview.supplier == action.supplier)
        .order_by(SupplierReview.id.desc())
        .limit(1)
    )
    return newest if newest and _is_worse(newest.id, newest.proposed, action.review, action.standing) else None


async def unbegun(session: AsyncSession) -> Sequence[str]:
    """Corrective actions that are written and have no workflow yet."""
    return (await session.scalars(select(CorrectiveAction.number).where(CorrectiveAction.started_at.is_(None)))).all()


async def worsened(session: AsyncSession) -> Sequence[str]:
    """Open corrective actions whose supplier was since reviewed as worse; each has still to hear of it."""
    newest = (
        select(func.max(SupplierReview.id))
        .where(SupplierReview.supplier == CorrectiveAction.supplier)
        .correlate(CorrectiveAction)
        .scalar_subquery()
    )
    rows = await session.execute(
        select(CorrectiveAction.number, CorrectiveAction.review, CorrectiveAction.standing, SupplierReview.id,
               SupplierReview.proposed)
        .join(SupplierReview, SupplierReview.id == newest)
        .where(CorrectiveAction.ended_at.is_(None))
        .order_by(CorrectiveAction.number)
    )  # fmt: skip
    return [
        number for number, review, standing, later, proposed in rows if _is_worse(later, proposed, review, standing)
    ]


def _is_worse(later: int, proposed: Standing | None, review: int, standing: Standing) -> bool:
    return later > review and proposed is not None and proposed.rank > standing.rank


async def before_worse_review(session: AsyncSession, number: str) -> CorrectiveStage | None:
    """Where a corrective action stood when a worse review came; None if nothing had been demanded then."""
    stage = await session.scalar(
        select(EventLog.from_stage)
        .where(
            EventLog.document == number,
            EventLog.action == Action.REVIEWED_WORSE,
            EventLog.from_stage != CorrectiveStage.PROPOSED,
        )
        .order_by(EventLog.seq.desc())
        .limit(1)
    )
    return CorrectiveStage(stage) if stage else None


async def _open_action(session: AsyncSession, supplier: str) -> str | None:
    return await session.scalar(
        select(CorrectiveAction.number).where(
            CorrectiveAction.supplier == supplier, CorrectiveAction.ended_at.is_(None)
        )
    )
