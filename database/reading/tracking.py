"""An order as its customer sees it: no names of staff, no words meant for staff (policy 1.3.1, 5.2.3)."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from database import policies
from database.reading.audits import open_question
from database.reading.documents import View
from database.reading.orders import (
    InspectionView,
    OrderView,
    number_by_token,
    order_view,
)
from database.reading.photos import PhotoView, order_photos
from database.reading.shipments import MilestoneView
from database.reading.statutory import RightView, rights_of
from database.tables import AppointmentState, EventLog, LineState, ShipmentState
from domain.order_decisions import LineRefusal
from domain.parcels import Milestone, Trouble
from domain.quoting import Because, Charge, Sureness
from domain.stages import ORDER, Action, Role, Stage
from domain.waiting import Clock


class TrackedLine(View):
    part: str
    name_en: str
    name_zh: str
    quantity: int
    unit: str
    state: LineState
    charge: Charge | None
    refused_for: LineRefusal | None
    guarantee_months: int
    guarantee_until: date | None


class TrackedQuotation(View):
    """What was told before consenting (policy 2.2.2). Money in yuan; `shown` is the text by language, `because` why it
    was asked again."""

    expected_from: datetime
    expected_to: datetime
    sureness: Sureness | None
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
    consented_to: str | None


class TrackedShipment(View):
    """A parcel to the customer; `carrier` is who brings it."""

    state: ShipmentState
    carrier_name_en: str
    carrier_name_zh: str
    waybill: str | None
    handed_over_at: datetime | None
    expected_at: datetime | None
    delivered_at: datetime | None
    milestone: Milestone | None
    trouble: Trouble | None
    way: tuple[MilestoneView, ...]


class TrackedVisit(View):
    starts_at: datetime
    ends_at: datetime
    state: AppointmentState


class TrackedWait(View):
    clock: Clock
    owner: Role
    since: datetime
    due: datetime


class TrackedStage(View):
    at: datetime
    stage: Stage


class TrackingView(View):
    """Where the order stands, what comes next and when, and what the customer may do now. `question` is what they are
    asked; `rights` are theirs by law."""

    number: str
    stage: Stage
    round: int
    created_at: datetime
    ended_at: datetime | None
    outcome: str | None
    product: str
    serial: str | None
    model: str | None
    model_name_en: str | None
    model_name_zh: str | None
    service_centre_name_en: str
    service_centre_name_zh: str
    service_centre_phone: str
    wait: TrackedWait | None
    parts_expected_at: datetime | None
    lines: tuple[TrackedLine, ...]
    quotation: TrackedQuotation | None
    inspection: InspectionView | None
    shipments: tuple[TrackedShipment, ...]
    visit: TrackedVisit | None
    stages: tuple[TrackedStage, ...]
    actions: tuple[Action, ...]
    photos: tuple[PhotoView, ...]
    question: str | None
    rights: tuple[RightView, ...]


async def tracking_view(session: AsyncSession, token: str, now: datetime) -> TrackingView | None:
    """The order behind a tracking link, in eight questions at most."""
    number = await number_by_token(session, token)
    order = await order_view(session, number, now) if number else None
    if order is None:
        return None
    policy = await policies.load(session, order.policy_name, order.policy_version)
    return _as_customer(
        order,
        await _stages(session, order.number),
        photos=await order_photos(session, order.number, customers=True),
        question=await open_question(session, order.number) if order.stage is Stage.ASKED else None,
        rights=await rights_of(session, order, policy, now),
    )


def _as_customer(order: OrderView, stages: tuple[TrackedStage, ...], **more: Any) -> TrackingView:
    booked = [visit for visit in order.appointments if visit.state is AppointmentState.BOOKED]
    seen = {name: value for name, value in order if name in TrackingView.model_fields}
    return TrackingView.model_validate(
        seen
        | {
            "wait": order.wait and TrackedWait.model_validate(order.wait),
            "lines": [TrackedLine.model_validate(line) for line in order.lines],
            "quotation": order.quotation and TrackedQuotation.model_validate(order.quotation),
            "shipments": [
                TrackedShipment.model_validate(shipment)
                for shipment in order.shipments
                if shipment.handed_over_at is not None
            ],
            "visit": TrackedVisit.model_validate(booked[-1]) if booked else None,
            "stages": stages,
            "actions": [
                action
                for action in ORDER.possible(order.stage, Role.CUSTOMER)
                if order.state.wait is None or order.state.wait.asks_for(action)
            ],
        }
        | more
    )


async def _stages(session: AsyncSession, number: str) -> tuple[TrackedStage, ...]:
    """When the order came to each stage."""
    rows = await session.execute(
        select(EventLog.at, EventLog.to_stage.label("stage"))
        .where(EventLog.document == number, EventLog.from_stage != EventLog.to_stage)
        .order_by(EventLog.seq)
    )
    return tuple(TrackedStage.model_validate(row) for row in rows)
