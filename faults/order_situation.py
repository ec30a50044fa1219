"""Where an order stands, as far as it can matter later, and what may not be there."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from database import stock
from database.tables import (
    Appointment,
    AppointmentState,
    AuditAttempt,
    BackOrder,
    BackOrderState,
    Claim,
    ClaimState,
    LineState,
    OrderLine,
    Parcel,
    PurchaseLine,
    PurchaseOrder,
    ReceivedLot,
    ReplacementOrder,
    Reservation,
    ReservationState,
    Shipment,
    ShipmentLine,
    ShipmentState,
    Stock,
)
from domain.messages import OrderState, PurchaseState
from domain.parcels import Milestone
from domain.stages import ENDS, PURCHASE_OPEN, Action, Stage
from faults.search import Flaw

PART: Final = "FAULTS-STATES"
ENDING_ALARMS: Final = {
    Action.LAPSE,
    Action.GIVE_UP,
    Action.DECLARE_LOST,
    Action.PASS_ON,
    Action.RESUME,
    Action.MAKE_FINAL,
}
SCANS: Final[Mapping[Milestone, tuple[Milestone, ...]]] = {
    Milestone.CREATED: (Milestone.IN_TRANSIT,),
    Milestone.IN_TRANSIT: (Milestone.DELIVERED, Milestone.RETURNING),
    Milestone.DELIVERED: (Milestone.RETURNING,),
}
_OUT: Final = (ShipmentState.HANDED_OVER, ShipmentState.TURNED_BACK)
_HOLDING: Final = (
    ShipmentState.PREPARING,
    ShipmentState.PACKED,
    ShipmentState.BOOKED,
    ShipmentState.CALLING_OFF,
    *_OUT,
)
_LIVE: Final = (LineState.WANTED, LineState.RESERVED, LineState.BACK_ORDERED, LineState.SHIPPED)


@dataclass(frozen=True)
class Errands:
    """What the workflow has still to do or to hear, and what time it is."""

    now: datetime
    booking: bool = False
    recall: bool = False
    restock: bool = False
    tell: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Situation:
    """Where an order stands, as far as it can matter later."""

    order: tuple[Any, ...]
    lines: tuple[Any, ...]
    shipment: tuple[Any, ...]
    back_orders: tuple[Any, ...]
    purchases: tuple[Any, ...]
    claims: bool
    visit: bool
    free: bool
    errands: tuple[Any, ...]

    @property
    def stage(self) -> Stage:
        return Stage(self.order[0])

    @property
    def ended(self) -> bool:
        return self.stage in ENDS

    @property
    def settled(self) -> bool:
        """Ended, and nothing it caused is under way."""
        return self.ended and not any(self.errands) and not self.purchases

    @property
    def said(self) -> str:
        return f"{self.stage} {self.order[2] or ''} {self.shipment}"


class Reading:
    """Reads what one order in one transaction has come to."""

    def __init__(self, session: AsyncSession, number: str, now: datetime) -> None:
        self._session = session
        self._number = number
        self.errands = Errands(now)

    async def situation(self) -> Situation:
        self._session.expunge_all()
        order = await self._order()
        state = OrderState.model_validate(order.state)
        wait = state.wait
        lines = await self._all(select(OrderLine).where(OrderLine.order == self._number))
        shipment = await self._session.get(Shipment, state.shipment) if state.shipment else None
        parcel = await self._session.get(Parcel, state.shipment) if state.shipment else None
        waiting = await self._all(
            select(BackOrder).where(BackOrder.order == self._number, BackOrder.state == BackOrderState.WAITING)
        )
        open_purchases = await self._purchases()
        owing = await self._claim() is not None
        visit = await self._visit()
        numbers = [purchase.number for purchase, _ in open_purchases]
        return Situation(
            order=(
                order.stage,
                order.ending,
                wait and wait.clock,
                wait and tuple(sorted({str(a.action) for a in wait.alarms if a.action in ENDING_ALARMS})),
                order.revisit_attempts,
                await self._rejected(),
                state.audit and len(state.audit.signed_by),
            ),
            lines=tuple(sorted((line.state, line.quantity) for line in lines if line.state in _LIVE)),
            shipment=(shipment.state, shipment.account, parcel and parcel.milestone) if shipment else (),
            back_orders=tuple(sorted((numbers.index(each.purchase_order), each.quantity) for each in waiting)),
            purchases=tuple(
                [
                    (
                        purchase.stage,
                        purchase.supplier,
                        line.quantity - line.received,
                        await self._uninspected(purchase.number),
                        _may_be_passed_on(purchase),
                    )
                    for purchase, line in open_purchases
                ]
            ),
            claims=owing,
            visit=visit is not None,
            free=await self._free() >= 2,
            errands=(
                self.errands.booking,
                self.errands.recall,
                self.errands.restock,
                tuple(sorted(numbers.index(number) for number in self.errands.tell if number in numbers)),
            ),
        )

    async def flaws(self, here: Situation) -> list[Flaw]:
        """Something owing at an end, nobody waited for before, a parcel unwatched, a ledger that does not agree."""
        found: list[Flaw] = []
        if here.ended:
            if owing := await self.owing():
                found.append(("stuck", f"ended as {here.stage} and left owing {' and '.join(owing)}"))
        elif here.order[2] is None:
            found.append(("stuck", f"at {here.stage} nobody is waited for"))
        if await self.unwatched():
            found.append(("stuck", f"nobody watches the parcel at {here.stage}"))
        if what := await self.ledger():
            found.append(("doubled", f"{what} at {here.stage}"))
        return found

    async def owing(self) -> list[str]:
        """What is held, waited for or on its way for the order now."""
        of_lines = select(OrderLine.id).where(OrderLine.order == self._number)
        found = ["a booking"] if self.errands.booking else []
        if await self._count(
            select(Reservation).where(Reservation.line.in_(of_lines), Reservation.state == ReservationState.HELD)
        ):
            found.append("a reservation")
        if await self._count(
            select(BackOrder).where(BackOrder.order == self._number, BackOrder.state == BackOrderState.WAITING)
        ):
            found.append("a back order")
        if await self._claim():
            found.append("a claim")
        if await self._visit():
            found.append("an appointment")
        for shipment in await self._all(select(Shipment).where(Shipment.order == self._number)):
            parcel = await self._session.get(Parcel, shipment.id)
            if shipment.state in _HOLDING:
                found.append(f"a shipment {shipment.state}")
            if shipment.state is ShipmentState.CALLED_OFF and parcel and parcel.milestone in SCANS:
                found.append(f"a parcel called off, which the carrier has as {parcel.milestone}")
        return found

    async def ledger(self) -> str | None:
        """What goods in transit and reservations say against shipments and stock."""
        out = await self._session.scalar(
            select(func.coalesce(func.sum(ShipmentLine.quantity), 0))
            .join(Shipment, Shipment.id == ShipmentLine.shipment)
            .where(Shipment.order == self._number, Shipment.state.in_(_OUT))
        )
        transit = await self._session.scalar(
            select(func.coalesce(func.sum(Stock.on_hand), 0)).where(Stock.part == PART, Stock.place == stock.IN_TRANSIT)
        )
        if out != transit:
            return f"{transit} pieces in transit by the ledger, {out} by the shipments"
        held = await self._session.scalar(
            select(func.coalesce(func.sum(Reservation.quantity), 0)).where(
                Reservation.part == PART, Reservation.state == ReservationState.HELD
            )
        )
        reserved = await self._session.scalar(
            select(func.coalesce(func.sum(Stock.reserved), 0)).where(Stock.part == PART)
        )
        return None if held == reserved else f"{reserved} pieces reserved by the stock, {held} by reservations"

    async def unwatched(self) -> list[str]:
        """Parcels on their way that nobody asks the carrier about."""
        return await self._all(
            select(Shipment.id)
            .join(Parcel, Parcel.shipment == Shipment.id)
            .where(
                Shipment.order == self._number,
                Shipment.state == ShipmentState.HANDED_OVER,
                Parcel.next_look_at.is_(None) | Shipment.waybill.is_(None),
            )
        )

    async def _order(self) -> ReplacementOrder:
        return await self._session.get_one(ReplacementOrder, self._number)

    async def _purchases(self) -> list[tuple[PurchaseOrder, PurchaseLine]]:
        rows = await self._session.execute(
            select(PurchaseOrder, PurchaseLine)
            .join(PurchaseLine, PurchaseLine.purchase_order == PurchaseOrder.number)
            .where(PurchaseLine.part == PART, PurchaseOrder.stage.in_(PURCHASE_OPEN))
            .order_by(PurchaseOrder.number)
        )
        return [(purchase, line) for purchase, line in rows]

    async def _uninspected(self, number: str) -> int:
        pieces = select(func.coalesce(func.sum(ReceivedLot.quantity), 0)).where(
            ReceivedLot.purchase_order == number, ReceivedLot.verdict.is_(None)
        )
        return await self._session.scalar(pieces) or 0

    async def _to_come(self, line: PurchaseLine) -> int:
        """How many pieces the supplier has not brought yet."""
        return line.quantity - line.received - await self._uninspected(line.purchase_order)

    async def _purchase(self, place: int) -> str:
        return (await self._purchases())[place][0].number

    async def _rejected(self) -> bool:
        """Whether somebody else must audit it from now on, and a rejection is final."""
        rejected = select(AuditAttempt).where(AuditAttempt.order == self._number, AuditAttempt.action == Action.REJECT)
        return await self._count(rejected) > 0

    async def _visit(self) -> Appointment | None:
        return await self._session.scalar(
            select(Appointment).where(Appointment.order == self._number, Appointment.state == AppointmentState.BOOKED)
        )

    async def _claim(self) -> int | None:
        """A claim that is open."""
        return await self._session.scalar(
            select(Claim.id).where(Claim.order == self._number, Claim.state == ClaimState.OPEN).limit(1)
        )

    async def _free(self) -> int:
        return (
            await self._session.scalar(
                select(func.coalesce(func.max(Stock.on_hand - Stock.reserved), 0)).where(
                    Stock.part == PART, Stock.zone == "qualified"
                )
            )
            or 0
        )

    async def _all(self, wanted: Any) -> list[Any]:
        return list((await self._session.scalars(wanted)).all())

    async def _count(self, wanted: Any) -> int:
        return len(await self._all(wanted))


def _may_be_passed_on(purchase: PurchaseOrder) -> bool:
    wait = PurchaseState.model_validate(purchase.state).wait
    return bool(wait and any(alarm.action in ENDING_ALARMS for alarm in wait.alarms))
