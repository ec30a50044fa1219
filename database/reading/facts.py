"""What the words of a notice may name, as it stands in the database now."""

from datetime import datetime
from typing import Any, Final

from sqlalchemy import Row, Select, and_, bindparam, func, literal, select
from sqlalchemy.dialects.postgresql import JSONB, aggregate_order_by
from sqlalchemy.ext.asyncio import AsyncSession

from database.reading.links import link_of
from database.tables import (
    Appointment,
    AppointmentState,
    CarrierAccount,
    CorrectiveAction,
    Customer,
    EventLog,
    ExpiryNotice,
    Invitation,
    LineState,
    OrderLine,
    Part,
    ProductModel,
    PurchaseLine,
    PurchaseOrder,
    Quotation,
    ReplacementOrder,
    RequestForQuotation,
    RequestLine,
    ServiceCentre,
    ServiceOutlet,
    Shipment,
    Submission,
    Supplier,
    Technician,
    UserAccount,
    Warehouse,
    WarehouseTask,
)
from domain.correcting import CORRECTIVE_OPEN
from domain.facts import Facts, Named, NamedLine, RunningOut
from domain.requests import REQUEST_ENDS
from domain.stages import PURCHASE_ENDS


async def facts(
    session: AsyncSession, document: str, seq: int, house: str, supplier: str | None = None
) -> Facts | None:
    """The facts of a document for a notice of its step `seq`; `house` is the address people reach us under, `supplier`
    which of several it is for.

    None if there is no such document.
    """
    order = (await session.execute(_ORDER, {"number": document, "seq": seq})).one_or_none()
    if order is not None:
        return _of_order(order, house)
    purchase = await session.get(PurchaseOrder, document)
    if purchase is not None:
        return await _of_purchase(session, purchase, seq, house)
    action = await session.get(CorrectiveAction, document)
    if action is not None:
        return await _of_action(session, action, seq, house)
    task = await session.get(WarehouseTask, document)
    if task is not None:
        return await _of_task(session, task, seq, house)
    request = await session.get(RequestForQuotation, document)
    if request is not None:
        return await _of_request(session, request, seq, house, supplier)
    itself = await session.get(Supplier, document)
    return await _of_supplier(session, itself, seq, house) if itself is not None else None


async def _of_supplier(session: AsyncSession, supplier: Supplier, seq: int, house: str) -> Facts:
    """Of what was told at once the newest notice has the number `seq`."""
    told_at = select(ExpiryNotice.told_at).where(ExpiryNotice.id == seq).scalar_subquery()
    rows = await session.execute(
        select(ExpiryNotice, Part)
        .outerjoin(Part, Part.code == ExpiryNotice.part)
        .where(ExpiryNotice.supplier == supplier.code, ExpiryNotice.told_at == told_at, ExpiryNotice.id <= seq)
        .order_by(ExpiryNotice.runs_out_on, ExpiryNotice.id)
    )
    return Facts(
        number=supplier.code,
        supplier=named(supplier),
        page_url=f"{house}/suppliers/{supplier.code}",
        runs_out=tuple(
            RunningOut(kind=one.kind, part=one.part, name=named(part) if part else Named(), on=one.runs_out_on)
            for one, part in rows
        ),
    )


async def _of_action(session: AsyncSession, action: CorrectiveAction, seq: int, house: str) -> Facts:
    supplier = await session.get_one(Supplier, action.supplier)
    said, _, due = await _step(session, action.number, seq)
    token = await link_of(session, action.number)
    return Facts(
        number=action.number,
        supplier=named(supplier),
        page_url=f"{house}/corrective-actions/{action.number}",
        supplier_url=f"{house}/corrections/{token}" if token and action.stage in CORRECTIVE_OPEN else "",
        explanation=str(said.get("explanation") or ""),
        due=due,
    )


def _of_order(row: Row[*tuple[Any, ...]], house: str) -> Facts:
    order, centre = row.ReplacementOrder, row.ServiceCentre
    said, details, due = _told(row)
    known: dict[str, Any] = {}
    if quotation := row.Quotation:
        known |= {
            "expected_from": quotation.expected_from,
            "expected_to": quotation.expected_to,
            "to_pay": quotation.to_pay,
            "guarantee_months": quotation.guarantee_months,
        }
    if shipment := row.Shipment:
        carrier, waybill = named(row.CarrierAccount), shipment.waybill or ""
        known |= {"carrier": carrier, "waybill": waybill, "arrives_at": shipment.expected_at}
    if visit := row.Appointment:
        known |= {"visit_from": visit.starts_at, "visit_to": visit.ends_at}
        known |= {"technician": row.technician, "technician_phone": row.technician_phone}
    return Facts(
        number=order.number,
        customer=row.customer,
        product=named(row.ProductModel) if row.ProductModel else Named(zh=order.product, en=order.product),
        serial=order.serial or "",
        fault=order.fault_text,
        parts=tuple(map(NamedLine.model_validate, row.parts)),
        centre=named(centre),
        centre_phone=centre.phone,
        tracking_url=f"{house}/track/{order.tracking_token}",
        page_url=f"{house}/orders/{order.number}",
        outlet=named(row.ServiceOutlet) if row.ServiceOutlet else Named(),
        outlet_address=row.ServiceOutlet.address if row.ServiceOutlet else "",
        reason=str(details.get("reason") or said.get("reason") or ""),
        reasons=tuple(details.get("reasons") or ()),
        objection_until=datetime.fromisoformat(details["objection_until"]) if "objection_until" in details else None,
        parts_at=order.parts_expected_at,
        question=str(said.get("question") or ""),
        explanation=str(said.get("explanation") or said.get("advice") or ""),
        due=due,
        **known,
    )


def _order() -> Select[*tuple[Any, ...]]:
    """An order with what its step was told, its newest quotation, parcel and visit, in one question."""
    order = ReplacementOrder
    quoted = select(func.max(Quotation.seq)).where(Quotation.order == order.number)
    packed = select(Shipment.id).where(Shipment.order == order.number, Shipment.packed_at.is_not(None))
    visit = select(func.max(Appointment.id)).where(
        Appointment.order == order.number, Appointment.state != AppointmentState.CALLED_OFF
    )
    line = func.jsonb_build_object(
        "part", Part.code, "quantity", OrderLine.quantity,
        "name", func.jsonb_build_object("zh", Part.name_zh, "en", Part.name_en),
    )  # fmt: skip
    lines = (
        select(func.coalesce(func.jsonb_agg(aggregate_order_by(line, OrderLine.id)), literal([], JSONB)))
        .select_from(OrderLine)
        .join(Part, Part.code == OrderLine.part)
        .where(OrderLine.order == order.number, OrderLine.round == order.round, OrderLine.state != LineState.DROPPED)
    )
    newest_parcel = packed.order_by(Shipment.packed_at.desc()).limit(1).correlate(order).scalar_subquery()
    return (
        select(
            order,
            Customer.name.label("customer"),
            ProductModel,
            ServiceCentre,
            EventLog.details,
            EventLog.state,
            Submission.content,
            ServiceOutlet,
            Quotation,
            Shipment,
            CarrierAccount,
            Appointment,
            UserAccount.name.label("technician"),
            Technician.phone.label("technician_phone"),
            lines.correlate(order).scalar_subquery().label("parts"),
        )
        .join(Customer, Customer.id == order.customer)
        .outerjoin(ProductModel, ProductModel.code == order.model)
        .join(ServiceCentre, ServiceCentre.code == order.service_centre)
        .outerjoin(EventLog, and_(EventLog.document == order.number, EventLog.seq == bindparam("seq")))
        .outerjoin(Submission, Submission.id == EventLog.submission)
        .outerjoin(ServiceOutlet, ServiceOutlet.code == EventLog.details["outlet"].astext)
        .outerjoin(
            Quotation,
            and_(Quotation.order == order.number, Quotation.seq == quoted.correlate(order).scalar_subquery()),
        )
        .outerjoin(Shipment, Shipment.id == newest_parcel)
        .outerjoin(CarrierAccount, CarrierAccount.code == Shipment.account)
        .outerjoin(Appointment, Appointment.id == visit.correlate(order).scalar_subquery())
        .outerjoin(Technician, Technician.code == Appointment.technician)
        .outerjoin(UserAccount, UserAccount.code == Technician.code)
        .where(order.number == bindparam("number"))
    )


_ORDER: Final = _order()


async def _of_purchase(session: AsyncSession, purchase: PurchaseOrder, seq: int, house: str) -> Facts:
    supplier = await session.get_one(Supplier, purchase.supplier)
    warehouse = await session.get_one(Warehouse, purchase.warehouse)
    centre = await session.get_one(ServiceCentre, warehouse.service_centre)
    lines = await session.execute(
        select(Part, PurchaseLine.quantity)
        .join(Part, Part.code == PurchaseLine.part)
        .where(PurchaseLine.purchase_order == purchase.number)
        .order_by(PurchaseLine.id)
    )
    said, _, due = await _step(session, purchase.number, seq)
    token = await link_of(session, purchase.number)
    return Facts(
        number=purchase.number,
        explanation=str(said.get("explanation") or ""),
        parts=tuple(NamedLine(part=part.code, name=named(part), quantity=quantity) for part, quantity in lines),
        centre=named(centre),
        centre_phone=centre.phone,
        page_url=f"{house}/purchase-orders/{purchase.number}",
        supplier=named(supplier),
        deliver_by=purchase.deliver_by,
        promised_at=purchase.promised_at,
        supplier_url=f"{house}/supply/{token}" if token else "",
        due=None if purchase.stage in PURCHASE_ENDS else due,
    )


async def _of_task(session: AsyncSession, task: WarehouseTask, seq: int, house: str) -> Facts:
    warehouse = await session.get_one(Warehouse, task.warehouse)
    centre = await session.get_one(ServiceCentre, warehouse.service_centre)
    _, _, due = await _step(session, task.number, seq)
    return Facts(
        number=task.number,
        centre=named(warehouse),
        centre_phone=centre.phone,
        page_url=f"{house}/tasks/{task.number}",
        due=due,
    )


async def _of_request(
    session: AsyncSession, request: RequestForQuotation, seq: int, house: str, supplier: str | None
) -> Facts:
    asked = await session.get(Supplier, supplier) if supplier else None
    invitation = await session.get(Invitation, (request.number, supplier)) if supplier else None
    warehouse = await session.get_one(Warehouse, request.warehouse)
    centre = await session.get_one(ServiceCentre, warehouse.service_centre)
    lines = await session.execute(
        select(Part, RequestLine.quantity)
        .join(Part, Part.code == RequestLine.part)
        .where(RequestLine.request == request.number)
        .order_by(RequestLine.part)
    )
    _, _, due = await _step(session, request.number, seq)
    return Facts(
        number=request.number,
        parts=tuple(NamedLine(part=part.code, name=named(part), quantity=quantity) for part, quantity in lines),
        centre=named(centre),
        centre_phone=centre.phone,
        page_url=f"{house}/requests-for-quotation/{request.number}",
        supplier_url=f"{house}/bids/{invitation.token}" if invitation else "",
        supplier=named(asked) if asked else Named(),
        due=None if request.stage in REQUEST_ENDS else due,
    )


async def _step(
    session: AsyncSession, document: str, seq: int
) -> tuple[dict[str, Any], dict[str, Any], datetime | None]:
    found = await session.execute(
        select(EventLog.details, EventLog.state, Submission.content)
        .outerjoin(Submission, Submission.id == EventLog.submission)
        .where(EventLog.document == document, EventLog.seq == seq)
    )
    return _told(found.one_or_none())


def _told(row: Row[*tuple[Any, ...]] | None) -> tuple[dict[str, Any], dict[str, Any], datetime | None]:
    """What was said with a step, what the log says of it, and until when something was waited for after it."""
    if row is None or row.state is None:
        return {}, {}, None
    wait = row.state.get("wait")
    return row.content or {}, row.details, datetime.fromisoformat(wait["due"]) if wait else None


def named(thing: Any) -> Named:
    """The name of a thing that has one in each language."""
    return Named(zh=thing.name_zh, en=thing.name_en)
