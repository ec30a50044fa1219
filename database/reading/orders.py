"""One order with everything that hangs on it."""

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final

from pydantic import Field, field_validator
from sqlalchemy import (
    ScalarSelect,
    Select,
    String,
    and_,
    cast,
    func,
    literal,
    select,
    true,
)
from sqlalchemy.dialects.postgresql import JSONB, aggregate_order_by
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from database.absences import deputies_of
from database.reading.documents import View, WaitView
from database.reading.shipments import ShipmentView, shipments
from database.reading.substitutes import SubstituteView, substitutes
from database.tables import (
    Appointment,
    AppointmentState,
    BackOrder,
    BackOrderState,
    Channel,
    Claim,
    ClaimState,
    Customer,
    Fault,
    Inspection,
    LineState,
    OrderLine,
    Part,
    ProductModel,
    PurchaseOrder,
    Quotation,
    RegisteredUnit,
    ReplacementOrder,
    Reservation,
    ReservationState,
    ServiceCentre,
    ServiceOutlet,
    Shipment,
    Tracking,
    UserAccount,
)
from domain.messages import OrderState
from domain.order_decisions import LineRefusal, LossReason
from domain.quoting import Because, Charge, Sureness
from domain.stages import PurchaseStage, Role, Stage


class CustomerView(View):
    name: str
    phone: str
    email: str | None
    province: str
    city: str
    district: str
    address: str
    language: str

    def masked(self) -> "CustomerView":
        return self.model_copy(update={"phone": masked_phone(self.phone), "email": masked_email(self.email)})


class UnitView(View):
    """The registered machine; until when it is in warranty follows from its model (policy 2.3.1)."""

    serial: str
    sold_on: date
    warranty_months: int


class LineView(View):
    """A part and how many of it, who bears it or why it is refused; how many pieces are reserved, `purchase_order` is
    where the missing ones are expected from, at `expected_at`: as promised, else as asked for. `instead_of` is the part
    that was wanted first."""

    id: int
    round: int
    part: str
    name_en: str
    name_zh: str
    specification: str
    unit: str
    tracking: Tracking
    quantity: int
    reserved: int
    instead_of: str | None
    state: LineState
    charge: Charge | None
    refused_for: LineRefusal | None
    guarantee_months: int
    guarantee_until: date | None
    purchase_order: str | None
    purchase_stage: PurchaseStage | None
    promised_at: datetime | None
    expected_at: datetime | None


class BasisView(View):
    """What a part's date rests on: stock, a purchase order, or a supplier that takes between so many days, which so
    many of its deliveries show (none: only the policy's allowance)."""

    part: str
    sure: Sureness
    supplier: str | None = None
    purchase_order: str | None = None
    days: tuple[int, int] | None = None
    deliveries: int | None = None


class QuotationView(View):
    """What the customer was told before consenting (policy 2.2.2). Money in yuan; `shown` is the text by language.

    `because` says why it was asked again. Parts in the house after `parts_by` are a reason to ask again. Who consented
    did so to the text `consented_to`, whose SHA-256 is kept.
    """

    seq: int
    expected_from: datetime
    expected_to: datetime
    sureness: Sureness | None
    basis: tuple[BasisView, ...]
    parts_by: datetime | None
    because: Because | None
    parts: Decimal
    labour: Decimal
    travel: Decimal
    covered: Decimal
    goodwill: Decimal
    to_pay: Decimal
    in_warranty: bool
    guarantee_months: int
    shown: dict[str, str]
    consented_at: datetime | None
    consented_by: str | None
    consented_said_by: str | None
    consented_to: str | None
    consented_hash: str | None

    @field_validator("consented_hash", mode="before")
    @classmethod
    def _in_hex(cls, value: object) -> object:
        return value.hex() if isinstance(value, bytes) else value


class InspectionView(View):
    """The customer brings the product to an outlet, or sends it (policy 2.2.1). `opens` and `closes` are times of its
    `open_days`, 1 for Monday. `to_pay` is what an inspection costs that found no fault, in yuan."""

    outlet: str
    name_en: str
    name_zh: str
    address: str
    phone: str
    open_days: str
    opens: str
    closes: str
    comes_at: datetime | None
    waybill: str | None
    found_at: datetime | None
    fault_found: bool | None
    to_pay: Decimal | None


class AppointmentView(View):
    id: int
    round: int
    technician: str
    technician_name: str
    starts_at: datetime
    ends_at: datetime
    state: AppointmentState


class ClaimView(View):
    """What carrier or supplier owes us for a loss (policy 5.2.4)."""

    id: int
    on: Role
    shipment: str | None
    reason: LossReason
    value: Decimal
    state: ClaimState
    settled_for: Decimal | None


class OrderView(View):
    """One order with everything that hangs on it."""

    number: str
    stage: Stage
    seq: int
    round: int
    urgent: bool
    channel: Channel
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    ending: Stage | None
    outcome: str | None
    policy_name: str
    policy_version: int
    service_centre: str
    service_centre_name_en: str
    service_centre_name_zh: str
    service_centre_phone: str
    entered_by: str
    entered_by_name: str
    customer: CustomerView
    product: str
    serial: str | None
    unit: UnitView | None
    model: str | None
    model_name_en: str | None
    model_name_zh: str | None
    model_category: str | None
    fault_code: str | None
    fault_name_en: str | None
    fault_name_zh: str | None
    fault: str
    bought_on: date | None
    bought_under: str
    technician: str | None
    audit_attempts: int
    revisit_attempts: int
    auditor: str | None
    auditor_name: str | None
    handed_by: str | None
    stand_ins: tuple[str, ...] = Field(exclude=True)
    tracking_token: str = Field(exclude=True)
    state: OrderState = Field(exclude=True)
    wait: WaitView | None
    lines: tuple[LineView, ...]
    substitutes: tuple[SubstituteView, ...]
    quotation: QuotationView | None
    inspection: InspectionView | None
    shipments: tuple[ShipmentView, ...]
    appointments: tuple[AppointmentView, ...]
    claims: tuple[ClaimView, ...]
    parts_expected_at: datetime | None = Field(
        description="When the last of the parts that are waited for should be in the house; null if none is on order."
    )

    def masked(self) -> "OrderView":
        """For readers whose work does not need the customer's numbers."""
        return self.model_copy(update={"customer": self.customer.masked()})


def masked_phone(phone: str) -> str:
    """138****5678: enough to recognise, too little to call."""
    digits = [place for place, sign in enumerate(phone) if sign.isdigit()]
    first, last = (3 if len(digits) >= 11 else 0), (4 if len(digits) >= 8 else 2)
    hidden = set(digits[first:-last])
    return "".join("*" if place in hidden else sign for place, sign in enumerate(phone))


def masked_email(email: str | None) -> str | None:
    name, at, host = (email or "").partition("@")
    return f"{name[:1]}***{at}{host}" if email else None


_O: Final = ReplacementOrder


async def order_view(session: AsyncSession, number: str, now: datetime, *, blind: bool = False) -> OrderView | None:
    """The order with this number, in three questions. To `blind` readers no pieces are free that are being counted
    (policy 4.2.2)."""
    found = (await session.execute(_ORDER.where(_O.number == number))).one_or_none()
    if found is None:
        return None
    order, quotation = found.ReplacementOrder, found.Quotation
    state = OrderState.model_validate(order.state)
    return OrderView(
        number=order.number,
        stage=order.stage,
        seq=order.seq,
        round=order.round,
        urgent=order.urgent,
        channel=order.channel,
        created_at=order.created_at,
        started_at=order.started_at,
        ended_at=order.ended_at,
        ending=order.ending,
        outcome=order.outcome,
        policy_name=order.policy_name,
        policy_version=order.policy_version,
        service_centre=order.service_centre,
        service_centre_name_en=found.ServiceCentre.name_en,
        service_centre_name_zh=found.ServiceCentre.name_zh,
        service_centre_phone=found.ServiceCentre.phone,
        entered_by=order.entered_by,
        entered_by_name=found.entered_by_name,
        customer=CustomerView.model_validate(found.Customer),
        product=order.product,
        serial=order.serial,
        unit=UnitView(
            serial=found.RegisteredUnit.serial,
            sold_on=found.RegisteredUnit.sold_on,
            warranty_months=found.unit_warranty_months,
        )
        if found.RegisteredUnit
        else None,
        model=order.model,
        model_name_en=found.ProductModel.name_en if found.ProductModel else None,
        model_name_zh=found.ProductModel.name_zh if found.ProductModel else None,
        model_category=found.ProductModel.category if found.ProductModel else None,
        fault_code=order.fault_code,
        fault_name_en=found.Fault.name_en if found.Fault else None,
        fault_name_zh=found.Fault.name_zh if found.Fault else None,
        fault=order.fault_text,
        bought_on=order.bought_on,
        bought_under=order.bought_under,
        technician=order.technician,
        audit_attempts=order.audit_attempts,
        revisit_attempts=order.revisit_attempts,
        auditor=order.auditor,
        auditor_name=found.auditor_name,
        handed_by=order.handed_by,
        stand_ins=tuple(found.stand_ins or ()),
        tracking_token=order.tracking_token,
        state=state,
        wait=WaitView.of(state.wait, now),
        lines=(lines := tuple(await order_lines(session, number))),
        substitutes=await _substitutes(session, order, lines, blind),
        quotation=QuotationView.model_validate(quotation) if quotation else None,
        inspection=InspectionView.model_validate(found.inspection) if found.inspection else None,
        shipments=tuple(await shipments(session, Shipment.order == number)),
        appointments=tuple(map(AppointmentView.model_validate, found.appointments)),
        claims=tuple(map(ClaimView.model_validate, found.claims)),
        parts_expected_at=max((line.expected_at for line in lines if line.expected_at), default=None),
    )


async def number_by_token(session: AsyncSession, token: str) -> str | None:
    """The order behind a customer's tracking link."""
    return await session.scalar(select(_O.number).where(_O.tracking_token == token))


async def order_lines(session: AsyncSession, number: str) -> list[LineView]:
    """The order's parts, round by round; dropped ones were replaced by others and are left out."""
    rows = await session.execute(_LINES.where(OrderLine.order == number))
    return [LineView.model_validate(row) for row in rows]


async def _substitutes(
    session: AsyncSession, order: ReplacementOrder, lines: Sequence[LineView], blind: bool
) -> tuple[SubstituteView, ...]:
    """What may be sent instead of parts that are short (policy 1.3.2)."""
    short = {line.part for line in lines if line.state in (LineState.WANTED, LineState.BACK_ORDERED)}
    if order.stage is not Stage.SOURCING or not short:
        return ()
    return tuple(await substitutes(session, short, order.model, blind=blind))


_NONE: Final = literal([], JSONB)


def _lines() -> Select[*tuple[Any, ...]]:
    expected = (
        select(
            PurchaseOrder.number,
            PurchaseOrder.stage,
            PurchaseOrder.promised_at,
            func.coalesce(PurchaseOrder.promised_at, PurchaseOrder.deliver_by).label("expected_at"),
        )
        .join(BackOrder, BackOrder.purchase_order == PurchaseOrder.number)
        .where(BackOrder.line == OrderLine.id, BackOrder.state == BackOrderState.WAITING)
        .order_by(BackOrder.id.desc())
        .limit(1)
        .lateral("expected")
    )
    reserved = (
        select(func.coalesce(func.sum(Reservation.quantity), 0))
        .where(Reservation.line == OrderLine.id, Reservation.state == ReservationState.HELD)
        .correlate(OrderLine)
        .scalar_subquery()
    )
    return (
        select(
            OrderLine.id,
            OrderLine.round,
            OrderLine.part,
            Part.name_en,
            Part.name_zh,
            Part.specification,
            Part.unit,
            Part.tracking,
            OrderLine.quantity,
            reserved.label("reserved"),
            OrderLine.instead_of,
            OrderLine.state,
            OrderLine.charge,
            OrderLine.refused_for,
            Part.guarantee_months,
            OrderLine.guarantee_until,
            expected.c.number.label("purchase_order"),
            expected.c.stage.label("purchase_stage"),
            expected.c.promised_at,
            expected.c.expected_at,
        )
        .join(Part, Part.code == OrderLine.part)
        .outerjoin(expected, true())
        .where(OrderLine.state != LineState.DROPPED)
        .order_by(OrderLine.round, OrderLine.id)
    )


def _order() -> Select[*tuple[Any, ...]]:
    entered, auditor = aliased(UserAccount), aliased(UserAccount)
    unit_model = aliased(ProductModel)
    newest = (
        select(func.max(Quotation.seq))
        .where(Quotation.order == _O.number, Quotation.withdrawn_at.is_(None))
        .correlate(_O)
        .scalar_subquery()
    )
    return (
        select(
            _O,
            Customer,
            ServiceCentre,
            entered.name.label("entered_by_name"),
            auditor.name.label("auditor_name"),
            deputies_of(_O.auditor),
            RegisteredUnit,
            unit_model.warranty_months.label("unit_warranty_months"),
            ProductModel,
            Fault,
            Quotation,
            _appointments().label("appointments"),
            _claims().label("claims"),
            _inspection().label("inspection"),
        )
        .join(Customer, Customer.id == _O.customer)
        .join(ServiceCentre, ServiceCentre.code == _O.service_centre)
        .join(entered, entered.code == _O.entered_by)
        .outerjoin(auditor, auditor.code == _O.auditor)
        .outerjoin(RegisteredUnit, RegisteredUnit.serial == _O.serial)
        .outerjoin(unit_model, unit_model.code == RegisteredUnit.model)
        .outerjoin(ProductModel, ProductModel.code == _O.model)
        .outerjoin(Fault, Fault.code == _O.fault_code)
        .outerjoin(Quotation, and_(Quotation.order == _O.number, Quotation.seq == newest))
    )


def _appointments() -> ScalarSelect[Any]:
    row = func.jsonb_build_object(
        "id", Appointment.id, "round", Appointment.round, "technician", Appointment.technician,
        "technician_name", UserAccount.name, "starts_at", Appointment.starts_at, "ends_at", Appointment.ends_at,
        "state", Appointment.state,
    )  # fmt: skip
    return (
        select(func.coalesce(func.jsonb_agg(aggregate_order_by(row, Appointment.id)), _NONE))
        .join(UserAccount, UserAccount.code == Appointment.technician)
        .where(Appointment.order == _O.number)
        .correlate(_O)
        .scalar_subquery()
    )


def _inspection() -> ScalarSelect[Any]:
    row = func.jsonb_build_object(
        "outlet", Inspection.outlet, "name_en", ServiceOutlet.name_en, "name_zh", ServiceOutlet.name_zh,
        "address", ServiceOutlet.address, "phone", ServiceOutlet.phone, "open_days", ServiceOutlet.open_days,
        "opens", ServiceOutlet.opens, "closes", ServiceOutlet.closes, "comes_at", Inspection.comes_at,
        "waybill", Inspection.waybill, "found_at", Inspection.found_at, "fault_found", Inspection.fault_found,
        "to_pay", cast(Inspection.to_pay, String),
    )  # fmt: skip
    return (
        select(row)
        .join(ServiceOutlet, ServiceOutlet.code == Inspection.outlet)
        .where(Inspection.order == _O.number)
        .order_by(Inspection.seq.desc())
        .limit(1)
        .correlate(_O)
        .scalar_subquery()
    )


def _claims() -> ScalarSelect[Any]:
    row = func.jsonb_build_object(
        "id", Claim.id, "on", Claim.on, "shipment", Claim.shipment, "reason", Claim.reason,
        "value", cast(Claim.value, String), "state", Claim.state, "settled_for", cast(Claim.settled_for, String),
    )  # fmt: skip
    return (
        select(func.coalesce(func.jsonb_agg(aggregate_order_by(row, Claim.id)), _NONE))
        .where(Claim.order == _O.number)
        .correlate(_O)
        .scalar_subquery()
    )


_ORDER: Final = _order()
_LINES: Final = _lines()
"""Made once: putting such statements together takes as long as asking them."""
