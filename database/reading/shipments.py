"""One shipment: what is in it, and every word the carrier said about it."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from database.reading.documents import View
from database.reading.orders import ShipmentView, shipments
from database.tables import Parcel, ParcelScan, Part, Shipment, ShipmentLine
from domain.parcels import Milestone, Trouble


class PackedLine(View):
    """A line of the packing list (policy 5.2.2); `place` is where it is picked."""

    part: str
    name_en: str
    name_zh: str
    specification: str
    unit: str
    quantity: int
    place: str


class ScanView(View):
    """A carrier's event. `text` may name people, so it is only for those whose work needs it."""

    at: datetime
    milestone: Milestone
    trouble: Trouble | None
    place: str
    code: str
    text: str | None


class ShipmentDetail(ShipmentView):
    packing_list: tuple[PackedLine, ...]
    scans: tuple[ScanView, ...]

    def masked(self) -> "ShipmentDetail":
        return self.model_copy(update={"scans": tuple(scan.model_copy(update={"text": None}) for scan in self.scans)})


class Label(View):
    """The picture to print and stick on."""

    label: bytes
    label_type: str


async def shipment_detail(session: AsyncSession, shipment: str) -> ShipmentDetail | None:
    """The shipment with this id, in three questions."""
    found = await shipments(session, Shipment.id == shipment)
    if not found:
        return None
    packed = await session.execute(
        select(
            ShipmentLine.part,
            Part.name_en,
            Part.name_zh,
            Part.specification,
            Part.unit,
            ShipmentLine.quantity,
            ShipmentLine.place,
        )
        .join(Part, Part.code == ShipmentLine.part)
        .where(ShipmentLine.shipment == shipment)
        .order_by(ShipmentLine.place, ShipmentLine.part, ShipmentLine.line)
    )
    scans = await session.scalars(
        select(ParcelScan).where(ParcelScan.shipment == shipment).order_by(ParcelScan.at, ParcelScan.key)
    )
    return ShipmentDetail(
        **dict(found[0]),
        packing_list=tuple(PackedLine.model_validate(row) for row in packed),
        scans=tuple(ScanView.model_validate(row) for row in scans),
    )


async def label(session: AsyncSession, shipment: str) -> Label | None:
    found = (
        await session.execute(
            select(Parcel.label, Parcel.label_type).where(Parcel.shipment == shipment, Parcel.label.is_not(None))
        )
    ).one_or_none()
    return Label.model_validate(found) if found else None
