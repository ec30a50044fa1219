"""Lists of purchase orders, and one with its lines and the orders that wait for it."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from pydantic import Field
from sqlalchemy import ColumnElement, Select, and_, false, func, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from database.reading.documents import View, WaitView
from database.reading.keyset import Cursor, Page
from database.reading.receiving import (
    CharacteristicView,
    InvoiceView,
    LotView,
    ReturnView,
    SupplierClaimView,
    characteristics_of,
    claims_of,
    invoices_of,
    lots_of,
    returns_of,
)
from database.tables import (
    BackOrder,
    BackOrderState,
    Part,
    PurchaseLine,
    PurchaseOrder,
    ReplacementOrder,
    Supplier,
    Tracking,
    Warehouse,
)
from domain.messages import PurchaseState
from domain.stages import PurchaseStage, Role, Stage
from domain.waiting import Clock

_P: Final = PurchaseOrder


@dataclass(frozen=True)
class WantedPurchases:
    """Which purchase orders a list shows; `roles` leaves those that wait for one of them."""

    stage: PurchaseStage | None = None
    overdue: bool = False
    supplier: str | None = None
    roles: tuple[Role, ...] = ()


class PurchaseRow(View):
    """A purchase order in a list."""

    number: str
    stage: PurchaseStage
    created_at: datetime
    ended_at: datetime | None
    supplier: str
    supplier_name_en: str
    supplier_name_zh: str
    warehouse: str
    deliver_by: datetime
    promised_at: datetime | None
    wait_clock: Clock | None
    wait_owner: Role | None
    wait_since: datetime | None
    wait_due: datetime | None
    overdue: bool


class PurchaseLineView(View):
    """What was ordered, and what came of it. Prices in yuan."""

    part: str
    name_en: str
    name_zh: str
    specification: str
    unit: str
    tracking: Tracking
    quantity: int
    received: int
    refused: int
    paid: int
    unit_price: Decimal

    @property
    def outstanding(self) -> int:
        return self.quantity - self.received


class WaitingOrder(View):
    """A replacement order that waits for pieces of it."""

    order: str
    part: str
    quantity: int
    stage: Stage
    urgent: bool


class PurchaseView(View):
    """One purchase order (policy 3.2.2)."""

    number: str
    stage: PurchaseStage
    seq: int
    created_at: datetime
    ended_at: datetime | None
    supplier: str
    supplier_name_en: str
    supplier_name_zh: str
    contact: str
    email: str
    standing: str
    warehouse: str
    warehouse_name_en: str
    warehouse_name_zh: str
    warehouse_address: str
    deliver_by: datetime
    promised_at: datetime | None
    signed_by: str | None
    signed_at: datetime | None
    signed_text: str | None
    proposed_for: datetime | None
    proposed_by: str | None
    received_at: datetime | None
    shown: dict[str, str] = Field(exclude=True)
    replaces: str | None
    replaced_by: str | None
    policy_name: str
    policy_version: int
    state: PurchaseState = Field(exclude=True)
    wait: WaitView | None
    lines: tuple[PurchaseLineView, ...]
    waiting: tuple[WaitingOrder, ...]
    lots: tuple[LotView, ...]
    characteristics: tuple[CharacteristicView, ...]
    returns: tuple[ReturnView, ...]
    claims: tuple[SupplierClaimView, ...]
    invoices: tuple[InvoiceView, ...]
    total: Decimal

    @property
    def uninspected(self) -> dict[str, int]:
        """Pieces of each part that came and were not inspected yet."""
        pieces: dict[str, int] = {}
        for lot in self.lots:
            if lot.verdict is None:
                pieces[lot.part] = pieces.get(lot.part, 0) + lot.quantity
        return pieces

    @property
    def coming(self) -> int:
        """Pieces that have still to come."""
        return sum(line.outstanding for line in self.lines) - sum(self.uninspected.values())


async def list_purchases(
    session: AsyncSession, wanted: WantedPurchases, *, now: datetime, limit: int = 50, cursor: str | None = None
) -> Page[PurchaseRow]:
    """Newest first. Raises Refusal `invalid_cursor`."""
    last = Cursor.read(cursor, "new")
    before = (tuple_(_P.created_at, _P.number) < (last.at, last.number),) if last else ()
    rows = (
        await session.execute(
            _rows(now)
            .where(*_filters(wanted, now), *before)
            .order_by(_P.created_at.desc(), _P.number.desc())
            .limit(limit + 1)
        )
    ).all()
    items = [PurchaseRow.model_validate(row) for row in rows[:limit]]
    if len(rows) <= limit:
        return Page(items=items, next=None)
    return Page(items=items, next=str(Cursor(sort="new", at=items[-1].created_at, number=items[-1].number)))


async def purchase_view(session: AsyncSession, number: str, now: datetime) -> PurchaseView | None:
    """The purchase order with this number, in as many questions as it has kinds of things."""
    replaced_by = select(func.min(_P.number)).where(_P.replaces == number).scalar_subquery()
    found = (
        await session.execute(
            select(_P, Supplier, Warehouse, replaced_by.label("replaced_by"))
            .join(Supplier, Supplier.code == _P.supplier)
            .join(Warehouse, Warehouse.code == _P.warehouse)
            .where(_P.number == number)
        )
    ).one_or_none()
    if found is None:
        return None
    purchase, supplier, warehouse = found.PurchaseOrder, found.Supplier, found.Warehouse
    state = PurchaseState.model_validate(purchase.state)
    lines = await _lines(session, number)
    return PurchaseView(
        number=purchase.number,
        stage=purchase.stage,
        seq=purchase.seq,
        created_at=purchase.created_at,
        ended_at=purchase.ended_at,
        supplier=supplier.code,
        supplier_name_en=supplier.name_en,
        supplier_name_zh=supplier.name_zh,
        contact=supplier.contact,
        email=supplier.email,
        standing=supplier.standing,
        warehouse=warehouse.code,
        warehouse_name_en=warehouse.name_en,
        warehouse_name_zh=warehouse.name_zh,
        warehouse_address=warehouse.address,
        deliver_by=purchase.deliver_by,
        promised_at=purchase.promised_at,
        signed_by=purchase.signed_by,
        signed_at=purchase.signed_at,
        signed_text=purchase.signed_text,
        proposed_for=purchase.proposed_for,
        proposed_by=purchase.proposed_by,
        received_at=purchase.received_at,
        shown=purchase.shown,
        replaces=purchase.replaces,
        replaced_by=found.replaced_by,
        policy_name=purchase.policy_name,
        policy_version=purchase.policy_version,
        state=state,
        wait=WaitView.of(state.wait, now),
        lines=lines,
        waiting=await _waiting(session, number),
        lots=await lots_of(session, number),
        characteristics=await characteristics_of(session, [line.part for line in lines]),
        returns=await returns_of(session, number),
        claims=await claims_of(session, number),
        invoices=await invoices_of(session, number),
        total=sum((line.unit_price * line.quantity for line in lines), Decimal("0.00")),
    )


async def _lines(session: AsyncSession, number: str) -> tuple[PurchaseLineView, ...]:
    rows = await session.execute(
        select(
            PurchaseLine.part,
            Part.name_en,
            Part.name_zh,
            Part.specification,
            Part.unit,
            Part.tracking,
            PurchaseLine.quantity,
            PurchaseLine.received,
            PurchaseLine.refused,
            PurchaseLine.paid,
            PurchaseLine.unit_price,
        )
        .join(Part, Part.code == PurchaseLine.part)
        .where(PurchaseLine.purchase_order == number)
        .order_by(PurchaseLine.part)
    )
    return tuple(PurchaseLineView.model_validate(row) for row in rows)


async def _waiting(session: AsyncSession, number: str) -> tuple[WaitingOrder, ...]:
    rows = await session.execute(
        select(BackOrder.order, BackOrder.part, BackOrder.quantity, ReplacementOrder.stage, ReplacementOrder.urgent)
        .join(ReplacementOrder, ReplacementOrder.number == BackOrder.order)
        .where(BackOrder.purchase_order == number, BackOrder.state == BackOrderState.WAITING)
        .order_by(BackOrder.id)
    )
    return tuple(WaitingOrder.model_validate(row) for row in rows)


def _filters(wanted: WantedPurchases, now: datetime) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if wanted.stage:
        found.append(_P.stage == wanted.stage)
    if wanted.supplier:
        found.append(_P.supplier == wanted.supplier)
    if wanted.overdue:
        found.append(and_(_P.wait_due < now, _P.ended_at.is_(None)))
    if wanted.roles:
        found.append(and_(_P.wait_caretaker.in_(wanted.roles), _P.ended_at.is_(None)))
    return found


def _rows(now: datetime) -> Select[*tuple[Any, ...]]:
    return select(
        _P.number,
        _P.stage,
        _P.created_at,
        _P.ended_at,
        _P.supplier,
        Supplier.name_en.label("supplier_name_en"),
        Supplier.name_zh.label("supplier_name_zh"),
        _P.warehouse,
        _P.deliver_by,
        _P.promised_at,
        _P.wait_clock,
        _P.wait_owner,
        _P.wait_since,
        _P.wait_due,
        func.coalesce(_P.wait_due < now, false()).label("overdue"),
    ).join(Supplier, Supplier.code == _P.supplier)
