"""Booking a parcel with a carrier and calling one back: what an order asks of the outside world (policy 5.2)."""

from datetime import UTC, datetime, timedelta
from typing import Final

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from temporalio import activity
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

from activities.alive import alive
from activities.carriers import Carriers
from carriers.protocol import Busy, Carrier, CarrierError, Consignment, NotOffered, Party, Recall, Refused, Waybill
from database.session import Sessions
from database.tables import (
    CarrierAccount,
    Customer,
    Parcel,
    Part,
    Place,
    ReplacementOrder,
    ServiceCentre,
    Shipment,
    ShipmentLine,
    ShipmentState,
    Warehouse,
)
from domain.parcels import Milestone

_AGAIN = timedelta(seconds=15)


class Shipping:
    def __init__(self, sessions: Sessions, carriers: Carriers) -> None:
        self._sessions = sessions
        self._carriers = carriers

    @activity.defn
    @alive
    async def book_parcel(self, shipment: str) -> bool:
        """Books a shipment's label; false if the carrier won't take it.

        The carrier knows the booking by our shipment's id: an answer that was lost is the same booking again.
        """
        async with self._sessions() as session:
            row, customer, account, booked = (await session.execute(_SHIPMENT.where(Shipment.id == shipment))).one()
            if booked:
                return True
            carrier = await self._carriers.get(session, row.account)
            consignment = await _consignment(session, row, customer, account.carrier)
        now = datetime.now(UTC)
        try:
            booking = await carrier.book(consignment)
            label = await carrier.label(booking)
        except Refused as refusal:
            activity.logger.warning("the carrier refuses %s: %s", shipment, refusal)
            return False
        except CarrierError as error:
            raise _later(error) from None
        if booking.waybill is None:
            raise ApplicationError(f"{account.code} booked {shipment} without a number", type="no_waybill")
        expected_at = await _arrival(carrier, consignment, now)
        async with self._sessions.begin() as session:
            await session.execute(
                insert(Parcel)
                .values(
                    shipment=shipment,
                    order=row.order,
                    account=row.account,
                    waybill=booking.waybill.number,
                    company=booking.waybill.company,
                    reference=booking.waybill.reference,
                    phone_last4=booking.waybill.phone_last4,
                    label=label.content,
                    label_type=label.media_type,
                    booked_at=now,
                    expected_at=expected_at,
                    milestone=Milestone.CREATED,
                )
                .on_conflict_do_nothing()
            )
        return True

    @activity.defn
    @alive
    async def recall_parcel(self, shipment: str) -> str:
        """Asks the carrier for a parcel back: annulled before it has it, brought back once it is under way."""
        async with self._sessions() as session:
            parcel = await session.get(Parcel, shipment)
            if parcel is None:
                return Recall.BY_HAND
            row = await session.get_one(Shipment, shipment)
            carrier = await self._carriers.get(session, parcel.account)
        waybill = Waybill(parcel.waybill, parcel.company, parcel.phone_last4, parcel.reference)
        ask = carrier.intercept if row.state is ShipmentState.HANDED_OVER else carrier.cancel
        try:
            return await ask(waybill, "客户取消换件")
        except Refused:
            return Recall.TOO_LATE
        except NotOffered:
            return Recall.BY_HAND
        except CarrierError as error:
            raise _later(error) from None


def _later(error: CarrierError) -> ApplicationError:
    """The same call may succeed later; a lost answer is such a case too."""
    delay = (error.retry_after if isinstance(error, Busy) else None) or _AGAIN
    return ApplicationError(
        str(error), type=type(error).__name__, next_retry_delay=delay, category=ApplicationErrorCategory.BENIGN
    )


async def _arrival(carrier: Carrier, consignment: Consignment, handed_over_at: datetime) -> datetime | None:
    """When the carrier expects to arrive, if it says so; the policy's span counts otherwise."""
    try:
        return await carrier.arrival(consignment, handed_over_at)
    except CarrierError as error:
        activity.logger.info("no expected arrival: %s", error)
        return None


_SHIPMENT: Final = (
    select(Shipment, Customer, CarrierAccount, Parcel.shipment)
    .join(ReplacementOrder, ReplacementOrder.number == Shipment.order)
    .join(Customer, Customer.id == ReplacementOrder.customer)
    .join(CarrierAccount, CarrierAccount.code == Shipment.account)
    .outerjoin(Parcel, Parcel.shipment == Shipment.id)
)
_LINES: Final = (
    select(Part.name_zh, ShipmentLine.quantity, Warehouse.name_zh, Warehouse.address, ServiceCentre.phone)
    .join(Part, Part.code == ShipmentLine.part)
    .join(Place, Place.code == ShipmentLine.place)
    .join(Warehouse, Warehouse.code == Place.warehouse)
    .join(ServiceCentre, ServiceCentre.code == Warehouse.service_centre)
    .order_by(ShipmentLine.part)
)


async def _consignment(session: AsyncSession, shipment: Shipment, customer: Customer, company: str) -> Consignment:
    """Sent from the warehouse where the first of its lines lies."""
    lines = (await session.execute(_LINES.where(ShipmentLine.shipment == shipment.id))).all()
    _, _, warehouse, address, phone = lines[0]
    return Consignment(
        shipment=shipment.id,
        company=company,
        sender=Party(warehouse, phone, address),
        receiver=Party(customer.name, customer.phone, _address(customer)),
        cargo="、".join(f"{name}×{quantity}" for name, quantity, *_ in lines)[:100],
        weight_kg=shipment.weight_kg,
    )


def _address(customer: Customer) -> str:
    return "".join((customer.province, customer.city, customer.district, customer.address))
