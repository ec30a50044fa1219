"""What came in on purchase orders, how it was found, what went back, what was billed (policy 3.2.3, 4.1.1)."""

from collections.abc import Collection
from datetime import datetime
from decimal import Decimal

from sqlalchemy import and_, select
from sqlalchemy.ext.asyncio import AsyncSession

from database.reading.documents import View
from database.tables import (
    Characteristic,
    ClaimState,
    GoodsReceipt,
    InvoiceLine,
    InvoiceState,
    LotReading,
    Part,
    ReceivedLot,
    SupplierClaim,
    SupplierInvoice,
    SupplierReturn,
)
from domain.purchase_decisions import InvoiceOutcome
from domain.receiving import LotVerdict


class CharacteristicView(View):
    """What is to be measured of a part that comes in, and its limits."""

    part: str
    code: str
    name_en: str
    name_zh: str
    unit: str
    low: Decimal | None
    high: Decimal | None


class ReadingView(View):
    """A reading, with the limits that held."""

    piece: int
    characteristic: str
    value: Decimal
    low: Decimal | None
    high: Decimal | None

    @property
    def outside(self) -> bool:
        return (self.low is not None and self.value < self.low) or (self.high is not None and self.value > self.high)


class LotView(View):
    """The pieces of a part in a delivery. `sample` of them must be looked at; from `refuse` faulty ones on it is
    refused."""

    id: int
    part: str
    name_en: str
    name_zh: str
    delivery_note: str
    batch: str
    quantity: int
    noted: int | None
    sample: int
    refuse: int
    received_at: datetime
    received_by: str
    verdict: LotVerdict | None
    checked: int | None
    faulty: int | None
    accepted: int
    refused: int
    serials: tuple[str, ...]
    refused_serials: tuple[str, ...]
    inspected_at: datetime | None
    inspected_by: str | None
    readings: tuple[ReadingView, ...] = ()


class ReturnView(View):
    """Refused goods that go back to their supplier."""

    number: str
    lot: int
    part: str
    name_en: str
    name_zh: str
    quantity: int
    serials: tuple[str, ...]
    opened_at: datetime
    handed_back_at: datetime | None
    handed_back_by: str | None
    taken_by: str | None
    waybill: str | None


class SupplierClaimView(View):
    """What the supplier owes for refused goods. Yuan."""

    id: int
    lot: int
    value: Decimal
    state: ClaimState
    opened_at: datetime
    settled_at: datetime | None
    settled_for: Decimal | None


class InvoiceLineView(View):
    """A part on an invoice: as billed, and what may be paid of it. Yuan a piece."""

    part: str
    quantity: int
    unit_price: Decimal
    paid_quantity: int
    paid_price: Decimal | None


class InvoiceView(View):
    """A supplier's invoice against order and receipt. Yuan."""

    number: str
    entered_at: datetime
    total: Decimal
    payable: Decimal | None
    state: InvoiceState
    outcome: InvoiceOutcome | None
    decided_at: datetime | None
    decided_by: str | None
    lines: tuple[InvoiceLineView, ...] = ()


async def characteristics_of(session: AsyncSession, parts: Collection[str]) -> tuple[CharacteristicView, ...]:
    rows = await session.scalars(
        select(Characteristic)
        .where(Characteristic.part.in_(list(parts)))
        .order_by(Characteristic.part, Characteristic.code)
    )
    return tuple(CharacteristicView.model_validate(row) for row in rows)


async def lots_of(session: AsyncSession, purchase_order: str) -> tuple[LotView, ...]:
    """The lots that came on a purchase order, the oldest first, with their readings."""
    rows = await session.execute(
        select(
            *(column for column in ReceivedLot.__table__.columns if column.name in LotView.model_fields),
            Part.name_en,
            Part.name_zh,
            GoodsReceipt.delivery_note,
            GoodsReceipt.by.label("received_by"),
        )
        .join(GoodsReceipt, GoodsReceipt.id == ReceivedLot.receipt)
        .join(Part, Part.code == ReceivedLot.part)
        .where(ReceivedLot.purchase_order == purchase_order)
        .order_by(ReceivedLot.id)
    )
    lots = [LotView.model_validate(row) for row in rows]
    readings: dict[int, list[ReadingView]] = {lot.id: [] for lot in lots}
    for row in await session.scalars(
        select(LotReading)
        .where(LotReading.lot.in_(readings))
        .order_by(LotReading.lot, LotReading.piece, LotReading.characteristic)
    ):
        readings[row.lot].append(ReadingView.model_validate(row))
    return tuple(lot.model_copy(update={"readings": tuple(readings[lot.id])}) for lot in lots)


async def returns_of(session: AsyncSession, purchase_order: str) -> tuple[ReturnView, ...]:
    rows = await session.execute(
        select(
            *(column for column in SupplierReturn.__table__.columns if column.name in ReturnView.model_fields),
            Part.name_en,
            Part.name_zh,
            ReceivedLot.refused_serials.label("serials"),
        )
        .join(Part, Part.code == SupplierReturn.part)
        .join(ReceivedLot, ReceivedLot.id == SupplierReturn.lot)
        .where(SupplierReturn.purchase_order == purchase_order)
        .order_by(SupplierReturn.number)
    )
    return tuple(ReturnView.model_validate(row) for row in rows)


async def claims_of(session: AsyncSession, purchase_order: str) -> tuple[SupplierClaimView, ...]:
    rows = await session.scalars(
        select(SupplierClaim).where(SupplierClaim.purchase_order == purchase_order).order_by(SupplierClaim.id)
    )
    return tuple(SupplierClaimView.model_validate(row) for row in rows)


async def invoices_of(session: AsyncSession, purchase_order: str) -> tuple[InvoiceView, ...]:
    rows = await session.execute(
        select(SupplierInvoice, InvoiceLine)
        .join(
            InvoiceLine,
            and_(InvoiceLine.supplier == SupplierInvoice.supplier, InvoiceLine.invoice == SupplierInvoice.number),
        )
        .where(SupplierInvoice.purchase_order == purchase_order)
        .order_by(SupplierInvoice.entered_at, SupplierInvoice.number, InvoiceLine.part)
    )
    invoices: dict[str, InvoiceView] = {}
    for invoice, line in rows:
        view = invoices.get(invoice.number) or InvoiceView.model_validate(invoice)
        lines = (*view.lines, InvoiceLineView.model_validate(line))
        invoices[invoice.number] = view.model_copy(update={"lines": lines})
    return tuple(invoices.values())
