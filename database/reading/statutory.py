"""What the law gives the customer of an order, from what is on record; nothing that staff decide hides it."""

from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from database.reading.documents import View
from database.reading.orders import OrderView
from database.tables import EventLog, LineState, ReplacementOrder
from domain.policy import Policy
from domain.stages import Action
from domain.statutory import Ground, Record, Remedy, rights

_TO_COME = frozenset({LineState.WANTED, LineState.RESERVED, LineState.BACK_ORDERED})


class RightView(View):
    """A remedy of the customer's from `since` on: it has arisen, or will, unless parts or repair are there before.
    `limit` is the days or repairs that the rule speaks of."""

    remedy: Remedy
    ground: Ground
    since: datetime
    arisen: bool
    limit: int


async def rights_of(session: AsyncSession, order: OrderView, policy: Policy, now: datetime) -> tuple[RightView, ...]:
    """The rights of 三包 by the order's policy version; none where the unit and its sale are not known."""
    if order.unit is None:
        return ()
    steps = (
        await session.execute(
            select(EventLog.document, EventLog.action, EventLog.at)
            .join(ReplacementOrder, ReplacementOrder.number == EventLog.document)
            .where(
                ReplacementOrder.serial == order.unit.serial,
                EventLog.action.in_(("apply", Action.REPORT_FITTED, Action.ANSWER_FAULTY)),
            )
            .order_by(EventLog.at)
        )
    ).all()
    own = [step for step in steps if step.document == order.number and step.action != "apply"]
    repaired = own[-1].at if own and own[-1].action == Action.REPORT_FITTED else None
    delivered = [shipment.delivered_at for shipment in order.shipments if shipment.delivered_at]
    missing = any(line.state in _TO_COME for line in order.lines)
    record = Record(
        sold_on=order.unit.sold_on,
        warranty_months=order.unit.warranty_months,
        reported_at=order.created_at,
        faults=[step.at for step in steps if step.action != Action.REPORT_FITTED and step.at >= order.created_at],
        repairs=[step.at for step in steps if step.action == Action.REPORT_FITTED],
        supplied_at=max(delivered) if delivered and not missing else None,
        repaired_at=repaired,
        waits=order.ended_at is None,
    )
    found = rights(record, policy.statutory, ZoneInfo(policy.calendar.zone), now)
    return tuple(map(RightView.model_validate, found))
