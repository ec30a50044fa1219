"""Shipments: what is in them, and what carriers said about them."""

from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, func, literal, select
from sqlalchemy.dialects.postgresql import JSONB, aggregate_order_by
from sqlalchemy.ext.asyncio import AsyncSession

from database.reading.documents import View
from database.tables import CarrierAccount, Parcel, ParcelScan, Part, Shipment, ShipmentLine, ShipmentState, Tracking
from domain.parcels import Milestone, Trouble


class MilestoneView(View):
    at: datetime
    milestone: Milestone
    trouble: Trouble | None
    place: str


class NumberedView(View):
    """Pieces of a part in a parcel, by their serial numbers."""

    part: str
    serials: tuple[str, ...]


class ShipmentView(View):
    """Goods under way; `milestone` is what the carrier's scans add up to, `way` each of them, oldest first. `numbered`
    are the pieces in it that have serial numbers."""

    id: str
    order: str
    round: int
    state: ShipmentState
    carrier: str
    carrier_name_en: str
    carrier_name_zh: str
    waybill: str | None
    has_label: bool
    weight_kg: Decimal
    numbered: tuple[NumberedView, ...]
    packed_at: datetime | None
    packed_by: str | None
    handed_over_at: datetime | None
    expected_at: datetime | None
    delivered_at: datetime | None
    milestone: Milestone | None
    trouble: Trouble | None
    last_moved_at: datetime | None
    way: tuple[MilestoneView, ...]


class PackedLine(View):
    """A line of the packing list (policy 5.2.2); `place` is where it is picked. Of a part that has serial numbers each
    piece is scanned; `serials` are those in the parcel."""

    part: str
    name_en: str
    name_zh: str
    specification: str
    unit: str
    quantity: int
    place: str
    tracking: Tracking
    serials: tuple[str, ...]


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


async def shipments(session: AsyncSession, wanted: ColumnElement[bool]) -> list[ShipmentView]:
    """Shipments with the way of their parcels, oldest first."""
    rows = await session.execute(_SHIPMENTS.where(wanted))
    return [ShipmentView.model_validate(row) for row in rows]


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
            Part.tracking,
            ShipmentLine.serials,
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


def _shipments() -> Select[*tuple[Any, ...]]:
    scan = func.jsonb_build_object(
        "at", ParcelScan.at, "milestone", ParcelScan.milestone, "trouble", ParcelScan.trouble, "place", ParcelScan.place
    )
    way = (
        select(
            func.coalesce(func.jsonb_agg(aggregate_order_by(scan, ParcelScan.at, ParcelScan.key)), literal([], JSONB))
        )
        .where(ParcelScan.shipment == Shipment.id)
        .scalar_subquery()
    )
    pieces = func.jsonb_build_object("part", ShipmentLine.part, "serials", ShipmentLine.serials)
    numbered = (
        select(
            func.coalesce(
                func.jsonb_agg(aggregate_order_by(pieces, ShipmentLine.part, ShipmentLine.line)), literal([], JSONB)
            )
        )
        .where(ShipmentLine.shipment == Shipment.id, ShipmentLine.serials != [])
        .scalar_subquery()
    )
    return (
        select(
            Shipment.id,
            Shipment.order,
            Shipment.round,
            Shipment.state,
            Shipment.account.label("carrier"),
            CarrierAccount.name_en.label("carrier_name_en"),
            CarrierAccount.name_zh.label("carrier_name_zh"),
            Shipment.waybill,
            Parcel.label.is_not(None).label("has_label"),
            Shipment.weight_kg,
            numbered.label("numbered"),
            Shipment.packed_at,
            Shipment.packed_by,
            Shipment.handed_over_at,
            func.coalesce(Parcel.expected_at, Shipment.expected_at).label("expected_at"),
            Shipment.delivered_at,
            Parcel.milestone,
            Parcel.trouble,
            Parcel.last_moved_at,
            way.label("way"),
        )
        .join(CarrierAccount, CarrierAccount.code == Shipment.account)
        .outerjoin(Parcel, Parcel.shipment == Shipment.id)
        .order_by(Shipment.id)
    )


_SHIPMENTS: Final = _shipments()
