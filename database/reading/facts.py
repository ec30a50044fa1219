"""What the words of a notice may name, as it stands in the database now."""

from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from database.reading.links import link_of
from database.tables import (
    Appointment,
    AppointmentState,
    CarrierAccount,
    CorrectiveAction,
    Customer,
    EventLog,
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
from domain.facts import Facts, Named, NamedLine
from domain.requests import REQUEST_ENDS
from domain.stages import PURCHASE_ENDS


async def facts(
    session: AsyncSession, document: str, seq: int, house: str, supplier: str | None = None
) -> Facts | None:
    """The facts of a document for a notice of its step `seq`; `house` is the address people reach us under, `supplier`
    which of several it is for.

    None if there is no such document.
    """
    order = await session.get(ReplacementOrder, document)
    if order is not None:
        return await _of_order(session, order, seq, house)
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
    return await _of_request(session, request, seq, house, supplier) if request is not None else None


async def _of_action(session: AsyncSession, action: CorrectiveAction, seq: int, house: str) -> Facts:
    supplier = await session.get_one(Supplier, action.supplier)
    said, _, due = await _step(session, action.number, seq)
    return Facts(
        number=action.number,
        supplier=named(supplier),
        page_url=f"{house}/corrective-actions/{action.number}",
        explanation=str(said.get("explanation") or ""),
        due=due,
    )


async def _of_order(session: AsyncSession, order: ReplacementOrder, seq: int, house: str) -> Facts:
    customer = await session.get_one(Customer, order.customer)
    model = await session.get(ProductModel, order.model) if order.model else None
    centre = await session.get_one(ServiceCentre, order.service_centre)
    said, details, due = await _step(session, order.number, seq)
    outlet = await session.get(ServiceOutlet, details["outlet"]) if details.get("outlet") else None
    known = await _quoted(session, order) | await _shipped(session, order) | await _visit(session, order)
    return Facts(
        number=order.number,
        customer=customer.name,
        product=named(model) if model else Named(zh=order.product, en=order.product),
        serial=order.serial or "",
        fault=order.fault_text,
        parts=await _lines(session, order),
        centre=named(centre),
        centre_phone=centre.phone,
        tracking_url=f"{house}/track/{order.tracking_token}",
        page_url=f"{house}/orders/{order.number}",
        outlet=named(outlet) if outlet else Named(),
        outlet_address=outlet.address if outlet else "",
        reason=str(details.get("reason") or said.get("reason") or ""),
        reasons=tuple(details.get("reasons") or ()),
        objection_until=datetime.fromisoformat(details["objection_until"]) if "objection_until" in details else None,
        parts_at=order.parts_expected_at,
        question=str(said.get("question") or ""),
        explanation=str(said.get("explanation") or said.get("advice") or ""),
        due=due,
        **known,
    )


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
    """What was said with a step, what the log says of it, and until when something was waited for after it."""
    found = (
        await session.execute(
            select(EventLog.details, EventLog.state, Submission.content)
            .outerjoin(Submission, Submission.id == EventLog.submission)
            .where(EventLog.document == document, EventLog.seq == seq)
        )
    ).one_or_none()
    if found is None:
        return {}, {}, None
    wait = found.state.get("wait")
    return found.content or {}, found.details, datetime.fromisoformat(wait["due"]) if wait else None


async def _lines(session: AsyncSession, order: ReplacementOrder) -> tuple[NamedLine, ...]:
    rows = await session.execute(
        select(Part, OrderLine.quantity)
        .join(Part, Part.code == OrderLine.part)
        .where(OrderLine.order == order.number, OrderLine.round == order.round, OrderLine.state != LineState.DROPPED)
        .order_by(OrderLine.id)
    )
    return tuple(NamedLine(part=part.code, name=named(part), quantity=quantity) for part, quantity in rows)


async def _quoted(session: AsyncSession, order: ReplacementOrder) -> dict[str, Any]:
    quotation = await session.scalar(
        select(Quotation).where(Quotation.order == order.number).order_by(Quotation.seq.desc()).limit(1)
    )
    if quotation is None:
        return {}
    return {
        "expected_from": quotation.expected_from,
        "expected_to": quotation.expected_to,
        "to_pay": quotation.to_pay,
        "guarantee_months": quotation.guarantee_months,
    }


async def _shipped(session: AsyncSession, order: ReplacementOrder) -> dict[str, Any]:
    found = (
        await session.execute(
            select(Shipment, CarrierAccount)
            .join(CarrierAccount, CarrierAccount.code == Shipment.account)
            .where(Shipment.order == order.number, Shipment.packed_at.is_not(None))
            .order_by(Shipment.packed_at.desc())
            .limit(1)
        )
    ).one_or_none()
    if found is None:
        return {}
    shipment, account = found
    return {"carrier": named(account), "waybill": shipment.waybill or "", "arrives_at": shipment.expected_at}


async def _visit(session: AsyncSession, order: ReplacementOrder) -> dict[str, Any]:
    found = (
        await session.execute(
            select(Appointment, UserAccount.name, Technician.phone)
            .join(Technician, Technician.code == Appointment.technician)
            .join(UserAccount, UserAccount.code == Technician.code)
            .where(Appointment.order == order.number, Appointment.state != AppointmentState.CALLED_OFF)
            .order_by(Appointment.id.desc())
            .limit(1)
        )
    ).one_or_none()
    if found is None:
        return {}
    visit, name, phone = found
    return {
        "visit_from": visit.starts_at, "visit_to": visit.ends_at, "technician": name, "technician_phone": phone,
    }  # fmt: skip


def named(thing: Any) -> Named:
    """The name of a thing that has one in each language."""
    return Named(zh=thing.name_zh, en=thing.name_en)
