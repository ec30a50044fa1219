"""An application becomes a replacement order with a number (policy 2.1.1, 2.1.2)."""

import json
from dataclasses import dataclass
from datetime import UTC, date, datetime
from hashlib import sha256
from secrets import token_urlsafe
from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from sqlalchemy import exists, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from database import customers, photos, submissions
from database.duplicates import duplicates, same_unit
from database.numbers import next_number
from database.policies import newest, timekeeper
from database.steps import record
from database.tables import (
    Channel,
    Customer,
    Fault,
    LineState,
    OrderLine,
    Part,
    ProductModel,
    RegisteredUnit,
    ReplacementOrder,
    ServiceCentre,
    UserAccount,
)
from domain.duplicates import Complaint
from domain.messages import OrderState
from domain.order_decisions import Line, Supplement
from domain.stages import Refusal, Role, Stage
from domain.texts import Code, Email, Phone, Photos, Short, SomeText, Text
from domain.waiting import Clock


class _Said(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Applicant(_Said):
    """The customer, and where the part shall go."""

    name: Annotated[Short, Field(min_length=1)]
    phone: Phone
    email: Email | None = None
    province: Short = ""
    city: Short = ""
    district: Short = ""
    address: Short = ""
    language: Annotated[str, StringConstraints(pattern="^(zh|en)$")] = "zh"


class Application(_Said):
    """What the customer asks for (policy 2.1.2): who, which product, which fault, which parts and how many."""

    channel: Channel = Channel.HOTLINE
    customer: Applicant
    serial: Short | None = None
    model: Code | None = None
    product: Short = ""
    fault_code: Code | None = None
    fault: SomeText
    lines: Annotated[tuple[Line, ...], Field(max_length=20)] = ()
    urgent: bool = False
    service_centre: Code | None = None
    remark: Text = ""
    bought_on: date | None = None
    bought_under: Short = ""
    photos: Photos = ()


_LATER: Final[dict[str, Any]] = {"bought_on": None, "bought_under": "", "photos": []}
"""Fields younger than the first keys; left empty they don't change what an application says."""


class Duplicate(Refusal):
    """The unit has open orders for this fault; the newest is offered to be joined."""

    def __init__(self, number: str) -> None:
        super().__init__("duplicate", f"{number} is open for the same unit and fault")
        self.number = number


@dataclass(frozen=True)
class Applied:
    """The order that an application became; `created` is false when it had been one before."""

    state: OrderState
    tracking_token: str
    created: bool


async def apply(
    session: AsyncSession,
    application: Application,
    *,
    by: str,
    role: Role,
    key: str,
    now: datetime,
    policy: str,
    even_if_known: bool = True,
) -> Applied:
    """Makes an order of an application; the same `key` from the same user gives the order it gave before.

    An order entered by the agent at the phone is in that agent's hands at once; any other waits to be taken.
    The caller commits, then starts the workflow. Raises Duplicate unless it shall be an order of its own
    `even_if_known`, and Refusal `idempotency_key_reused`, `unknown_model`,
    `unknown_fault`, `unknown_part`, `unknown_photo`, `unknown_service_centre`, `unknown_policy`.
    """
    digest = _digest(application)
    await session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(f"{by}/{key}", 0))))
    before = await session.scalar(
        select(ReplacementOrder).where(ReplacementOrder.entered_by == by, ReplacementOrder.application_key == key)
    )
    if before is not None:
        if before.application_digest != digest:
            raise Refusal("idempotency_key_reused", "this key came with another application before")
        return Applied(OrderState.model_validate(before.state), before.tracking_token, created=False)
    user = await session.get_one(UserAccount, by)
    model = await _model(session, application)
    await _check(session, application)
    pinned = await newest(session, policy)
    time = await timekeeper(session, pinned)
    at = now.astimezone(UTC)
    if not even_if_known:
        known = await same_unit(session, application.serial, model, application.customer.phone)
        complaint = Complaint(application.fault_code, application.fault)
        if found := duplicates(known, complaint, time, at):
            raise Duplicate(found[0].number)
    customer = await customers.named(session, application.customer.model_dump(), by_us=role is Role.SERVICE_AGENT)
    on_the_phone = application.channel is Channel.HOTLINE and role is Role.SERVICE_AGENT
    stage, clock = (Stage.TRIAGE, Clock.JUDGEMENT) if on_the_phone else (Stage.RECEIVED, Clock.TAKE_UP)
    state = OrderState(
        number=await next_number(session, "RO", at),
        stage=stage,
        seq=0,
        round=0,
        entered_by=by,
        service_centre=application.service_centre or user.service_centre,
        urgent=application.urgent,
        wait=time.wait(clock, at),
    )
    order = ReplacementOrder(
        number=state.number,
        created_at=at,
        channel=application.channel,
        customer=customer.id,
        serial=application.serial,
        model=model,
        product=application.product,
        fault_code=application.fault_code,
        fault_text=application.fault,
        bought_on=application.bought_on,
        bought_under=application.bought_under,
        service_centre=state.service_centre,
        urgent=application.urgent,
        entered_by=by,
        stage=stage,
        tracking_token=token_urlsafe(24),
        application_key=key,
        application_digest=digest,
        search_text="",
        policy_name=pinned.name,
        policy_version=pinned.version,
        log_head=b"",
    )
    order.search_text = search_text(order, customer)
    details: dict[str, Any] = {"channel": application.channel}
    if application.remark:
        details["remark"] = application.remark
    if application.photos:
        details["photos"] = len(application.photos)
    told = [("received", Role.CUSTOMER)]
    record(
        session, order, action="apply", at=at, by=by, role=role, from_stage="", details=details, submission=None,
        state=state, told=told,
    )  # fmt: skip
    session.add(order)
    await session.flush()
    session.add_all(
        OrderLine(order=order.number, round=0, part=line.part, quantity=line.quantity, state=LineState.WANTED)
        for line in application.lines
    )
    await photos.claim(session, application.photos, order.number, state.seq)
    return Applied(state, order.tracking_token, created=True)


async def supplement(session: AsyncSession, application: Application, number: str) -> Supplement:
    """What an application adds to an order that is open already: its words, the parts, the photos, and who asks as far
    as the order does not know it; its own customer's numbers are shown to few (policy 1.3.1)."""
    known = await session.scalar(
        select(Customer).join(ReplacementOrder, ReplacementOrder.customer == Customer.id)
        .where(ReplacementOrder.number == number)
    )  # fmt: skip
    asks = application.customer
    news = (
        getattr(asks, name) for name in ("name", "phone", "email") if getattr(asks, name) != getattr(known, name, None)
    )
    lines = (f"{line.part} × {line.quantity}" for line in application.lines)
    words = (application.fault, application.remark, *lines, " ".join(filter(None, news)))
    return Supplement(note="\n".join(filter(None, words)), photos=application.photos, joined=True)


async def joinable(
    session: AsyncSession, application: Application, number: str, *, by: str, key: str, said: Supplement
) -> ReplacementOrder:
    """The order that the application shall be added to: open, for the same unit; or added to by this key before.

    Raises Refusal `cannot_join`.
    """
    order = await session.get(ReplacementOrder, number)
    if order is None:
        raise Refusal("cannot_join", f"there is no order {number}")
    if await submissions.recall(session, number, by, key, said) is None:
        model = await _model(session, application)
        open_ones = await same_unit(session, application.serial, model, application.customer.phone)
        if order not in open_ones:
            raise Refusal("cannot_join", f"{number} is not open for the same unit")
    return order


async def mark_started(session: AsyncSession, number: str, now: datetime) -> None:
    """Notes that the order's workflow was started, so that nobody has to start it again."""
    await session.execute(
        update(ReplacementOrder)
        .where(ReplacementOrder.number == number, ReplacementOrder.started_at.is_(None))
        .values(started_at=now)
    )


def _digest(application: Application) -> bytes:
    said = application.model_dump(mode="json")
    told = {name: value for name, value in said.items() if name not in _LATER or value != _LATER[name]}
    return sha256(json.dumps(told, sort_keys=True).encode()).digest()


async def _model(session: AsyncSession, application: Application) -> str | None:
    """The product's model: as registered under its serial number, else as said."""
    if application.serial:
        registered = await session.scalar(
            select(RegisteredUnit.model).where(RegisteredUnit.serial == application.serial)
        )
        if registered:
            return registered
    return application.model


async def _check(session: AsyncSession, application: Application) -> None:
    wanted = {line.part for line in application.lines}
    known = (
        await session.execute(
            select(
                exists().where(ProductModel.code == application.model).label("model"),
                exists().where(Fault.code == application.fault_code).label("fault"),
                exists().where(ServiceCentre.code == application.service_centre).label("service_centre"),
                select(func.array_agg(Part.code)).where(Part.code.in_(wanted)).scalar_subquery().label("parts"),
            )
        )
    ).one()
    if application.model and not known.model:
        raise Refusal("unknown_model", f"there is no product model {application.model}")
    if application.fault_code and not known.fault:
        raise Refusal("unknown_fault", f"there is no fault code {application.fault_code}")
    if application.service_centre and not known.service_centre:
        raise Refusal("unknown_service_centre", f"there is no service centre {application.service_centre}")
    if unknown := sorted(wanted - set(known.parts or ())):
        raise Refusal("unknown_part", f"there is no part {unknown[0]}")


def search_text(order: ReplacementOrder, customer: Customer) -> str:
    """By what an order is found."""
    words = (order.number, customer.name, customer.phone, order.serial, order.model, order.product)
    return " ".join(filter(None, (*words, order.fault_text[:200]))).lower()
