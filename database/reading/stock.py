"""What there is of a part, where, and what is on its way (policy 3.2.1)."""

from collections.abc import Collection
from datetime import datetime
from decimal import Decimal

from pydantic import Field
from sqlalchemy import ColumnElement, case, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from database.reading.blindness import counted_places
from database.reading.documents import View
from database.reading.keyset import Cursor, Page
from database.stock import SHIPPABLE
from database.tables import (
    Part,
    PartModel,
    Place,
    PurchaseLine,
    PurchaseOrder,
    Stock,
    Supplier,
    Warehouse,
    Zone,
)
from domain.stages import PURCHASE_OPEN, PurchaseStage


class PlaceView(View):
    """Pieces of a part in one place. `available` are those that may be sent and that nobody has reserved."""

    place: str
    zone: Zone
    warehouse: str | None
    warehouse_name_en: str | None
    warehouse_name_zh: str | None
    on_hand: int
    reserved: int
    available: int


class OnOrder(View):
    """Pieces that a running purchase order still has to bring."""

    purchase_order: str
    stage: PurchaseStage
    supplier: str
    supplier_name_en: str
    supplier_name_zh: str
    outstanding: int
    deliver_by: datetime
    promised_at: datetime | None


class PartStock(View):
    part: str
    name_en: str
    name_zh: str
    specification: str
    unit: str
    list_price: Decimal
    superseded_by: str | None
    on_hand: int
    reserved: int
    available: int
    places: tuple[PlaceView, ...]
    on_order: tuple[OnOrder, ...]
    counting: bool = Field(False, description="Places where it is being counted are left out for those who count.")


async def stock(
    session: AsyncSession,
    *,
    part: str | None = None,
    model: str | None = None,
    text: str = "",
    limit: int = 50,
    cursor: str | None = None,
    blind: bool = False,
) -> Page[PartStock]:
    """Parts by code, with their places and open purchases, in three questions. `text` is a piece of a code, name
    or specification. To readers who count, and so are `blind`, nothing is said of places where a part is being counted
    (policy 4.2.2). Raises Refusal `invalid_cursor`."""
    wanted: list[ColumnElement[bool]] = []
    if part:
        wanted.append(Part.code == part)
    if model:
        wanted.append(Part.code.in_(select(PartModel.part).where(PartModel.model == model)))
    if text:
        named = (Part.code, Part.name_en, Part.name_zh, Part.specification)
        wanted.append(or_(*(field.icontains(text, autoescape=True) for field in named)))
    if last := Cursor.read(cursor, "part"):
        wanted.append(Part.code > last.number)
    parts = (await session.scalars(select(Part).where(*wanted).order_by(Part.code).limit(limit + 1))).all()
    shown = parts[:limit]
    counted = await counted_places(session, [each.code for each in shown]) if blind else frozenset()
    places = await _places(session, [each.code for each in shown], counted)
    purchases = await _on_order(session, [each.code for each in shown])
    items = [
        _part_stock(each, places.get(each.code, ()), purchases.get(each.code, ()), {part for _, part in counted})
        for each in shown
    ]
    more = len(parts) > limit
    return Page(items=items, next=str(Cursor(sort="part", at=None, number=shown[-1].code)) if more else None)


def _part_stock(
    part: Part, places: tuple[PlaceView, ...], on_order: tuple[OnOrder, ...], counted: Collection[str]
) -> PartStock:
    return PartStock(
        part=part.code,
        name_en=part.name_en,
        name_zh=part.name_zh,
        specification=part.specification,
        unit=part.unit,
        list_price=part.list_price,
        superseded_by=part.superseded_by,
        on_hand=sum(place.on_hand for place in places),
        reserved=sum(place.reserved for place in places),
        available=sum(place.available for place in places),
        places=places,
        on_order=on_order,
        counting=part.code in counted,
    )


async def _places(
    session: AsyncSession, parts: list[str], hidden: Collection[tuple[str, str]]
) -> dict[str, tuple[PlaceView, ...]]:
    """Places inside the house, by part, without the hidden ones."""
    free = case((Stock.zone.in_(SHIPPABLE), Stock.on_hand - Stock.reserved), else_=0)
    rows = await session.execute(
        select(
            Stock.part,
            Stock.place,
            Stock.zone,
            Place.warehouse,
            Warehouse.name_en.label("warehouse_name_en"),
            Warehouse.name_zh.label("warehouse_name_zh"),
            Stock.on_hand,
            Stock.reserved,
            free.label("available"),
        )
        .join(Place, Place.code == Stock.place)
        .outerjoin(Warehouse, Warehouse.code == Place.warehouse)
        .where(Stock.part.in_(parts), Stock.zone != Zone.OUTSIDE)
        .order_by(Stock.part, Stock.place)
    )
    found: dict[str, tuple[PlaceView, ...]] = {}
    for row in rows:
        if (row.place, row.part) in hidden:
            continue
        found[row.part] = (*found.get(row.part, ()), PlaceView.model_validate(row))
    return found


async def _on_order(session: AsyncSession, parts: list[str]) -> dict[str, tuple[OnOrder, ...]]:
    outstanding = PurchaseLine.quantity - PurchaseLine.received
    rows = await session.execute(
        select(
            PurchaseLine.part,
            PurchaseLine.purchase_order,
            PurchaseOrder.stage,
            PurchaseOrder.supplier,
            Supplier.name_en.label("supplier_name_en"),
            Supplier.name_zh.label("supplier_name_zh"),
            outstanding.label("outstanding"),
            PurchaseOrder.deliver_by,
            PurchaseOrder.promised_at,
        )
        .join(PurchaseOrder, PurchaseOrder.number == PurchaseLine.purchase_order)
        .join(Supplier, Supplier.code == PurchaseOrder.supplier)
        .where(PurchaseLine.part.in_(parts), PurchaseOrder.stage.in_(PURCHASE_OPEN), outstanding > 0)
        .order_by(PurchaseLine.part, PurchaseOrder.created_at)
    )
    found: dict[str, tuple[OnOrder, ...]] = {}
    for row in rows:
        found[row.part] = (*found.get(row.part, ()), OnOrder.model_validate(row))
    return found
