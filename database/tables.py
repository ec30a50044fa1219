"""The tables, and nothing but the tables. Rules that are absolute are constraints here."""

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    DateTime,
    Enum,
    ForeignKey,
    Identity,
    Index,
    LargeBinary,
    MetaData,
    Numeric,
    String,
    Text,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from domain.decisions import LossReason
from domain.parcels import Milestone, Trouble
from domain.stages import ENDS, Action, PurchaseStage, Role, Stage


class Base(DeclarativeBase):
    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {  # noqa: RUF012
        datetime: DateTime(timezone=True),
        Decimal: Numeric(12, 2),
        dict[str, Any]: JSONB,
        StrEnum: Enum(
            StrEnum, native_enum=False, length=32, values_callable=lambda kind: [member.value for member in kind]
        ),
    }


class Zone(StrEnum):
    """Kinds of place. Those outside the house balance the ledger and may be negative (policy 4.1.1)."""

    QUALIFIED = "qualified"
    AWAITING_INSPECTION = "awaiting_inspection"
    NONCONFORMING = "nonconforming"
    VALUABLES = "valuables"
    HAZARDOUS = "hazardous"
    TECHNICIAN = "technician"
    IN_TRANSIT = "in_transit"
    SCRAP = "scrap"
    OUTSIDE = "outside"


class Channel(StrEnum):
    HOTLINE = "hotline"
    WEB = "web"
    EMAIL = "email"


class ReservationState(StrEnum):
    HELD = "held"
    SHIPPED = "shipped"
    RELEASED = "released"


class BackOrderState(StrEnum):
    WAITING = "waiting"
    SERVED = "served"
    WITHDRAWN = "withdrawn"


class LineState(StrEnum):
    WANTED = "wanted"
    RESERVED = "reserved"
    BACK_ORDERED = "back_ordered"
    SHIPPED = "shipped"
    FITTED = "fitted"
    RETURNED = "returned"
    LOST = "lost"
    DROPPED = "dropped"


class ShipmentState(StrEnum):
    PREPARING = "preparing"
    PACKED = "packed"
    BOOKED = "booked"
    HANDED_OVER = "handed_over"
    DELIVERED = "delivered"
    TURNED_BACK = "turned_back"
    RECEIVED_BACK = "received_back"
    LOST = "lost"
    CALLING_OFF = "calling_off"
    CALLED_OFF = "called_off"


class AppointmentState(StrEnum):
    BOOKED = "booked"
    KEPT = "kept"
    CALLED_OFF = "called_off"


class ClaimState(StrEnum):
    OPEN = "open"
    SETTLED = "settled"


# --- who and what -----------------------------------------------------------------------------------------


class ServiceCentre(Base):
    __tablename__ = "service_centre"
    code: Mapped[str] = mapped_column(String(32), primary_key=True)
    name_en: Mapped[str]
    name_zh: Mapped[str]
    city: Mapped[str]
    phone: Mapped[str]


class ServiceOutlet(Base):
    """Where customers bring a product in for inspection (policy 2.2.1)."""

    __tablename__ = "service_outlet"
    code: Mapped[str] = mapped_column(String(32), primary_key=True)
    service_centre: Mapped[str] = mapped_column(ForeignKey("service_centre.code"))
    name_en: Mapped[str]
    name_zh: Mapped[str]
    address: Mapped[str]


class UserAccount(Base):
    __tablename__ = "user_account"
    code: Mapped[str] = mapped_column(String(32), primary_key=True)
    name: Mapped[str]
    roles: Mapped[list[str]] = mapped_column(ARRAY(String(32)))
    service_centre: Mapped[str] = mapped_column(ForeignKey("service_centre.code"))
    password_hash: Mapped[str | None]
    language: Mapped[str] = mapped_column(String(8), server_default="zh")
    active: Mapped[bool] = mapped_column(server_default=text("true"))
    failed_logins: Mapped[int] = mapped_column(server_default=text("0"))
    locked_until: Mapped[datetime | None]


class UserSession(Base):
    """A log-in. Only the hash of its token is kept."""

    __tablename__ = "user_session"
    token_hash: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    user: Mapped[str] = mapped_column(ForeignKey("user_account.code"), index=True)
    csrf: Mapped[str]
    expires_at: Mapped[datetime]


class ApiKey(Base):
    """A system's key; it acts as its user. Only the hash is kept."""

    __tablename__ = "api_key"
    key_hash: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    user: Mapped[str] = mapped_column(ForeignKey("user_account.code"))
    label: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    revoked_at: Mapped[datetime | None]


class Technician(Base):
    __tablename__ = "technician"
    code: Mapped[str] = mapped_column(ForeignKey("user_account.code"), primary_key=True)
    city: Mapped[str]
    phone: Mapped[str]


class Certificate(Base):
    """What a technician may install (policy 6.1.1)."""

    __tablename__ = "certificate"
    technician: Mapped[str] = mapped_column(ForeignKey("technician.code"), primary_key=True)
    category: Mapped[str] = mapped_column(String(32), primary_key=True)
    number: Mapped[str]
    expires_on: Mapped[date]


class Customer(Base):
    __tablename__ = "customer"
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    name: Mapped[str]
    phone: Mapped[str] = mapped_column(index=True)
    email: Mapped[str | None]
    province: Mapped[str] = mapped_column(server_default="")
    city: Mapped[str] = mapped_column(server_default="")
    district: Mapped[str] = mapped_column(server_default="")
    address: Mapped[str] = mapped_column(server_default="")
    language: Mapped[str] = mapped_column(String(8), server_default="zh")


class ProductModel(Base):
    __tablename__ = "product_model"
    code: Mapped[str] = mapped_column(String(64), primary_key=True)
    category: Mapped[str] = mapped_column(String(32))
    name_en: Mapped[str]
    name_zh: Mapped[str]
    warranty_months: Mapped[int]


class RegisteredUnit(Base):
    __tablename__ = "registered_unit"
    serial: Mapped[str] = mapped_column(String(64), primary_key=True)
    model: Mapped[str] = mapped_column(ForeignKey("product_model.code"))
    sold_on: Mapped[date]
    customer: Mapped[int | None] = mapped_column(ForeignKey("customer.id"), index=True)


class Fault(Base):
    """The fault tree, three levels deep; a code such as `power.none.blown_fuse` carries its parents."""

    __tablename__ = "fault"
    code: Mapped[str] = mapped_column(String(96), primary_key=True)
    parent: Mapped[str | None] = mapped_column(ForeignKey("fault.code"))
    name_en: Mapped[str]
    name_zh: Mapped[str]


class Part(Base):
    __tablename__ = "part"
    code: Mapped[str] = mapped_column(String(64), primary_key=True)
    name_en: Mapped[str]
    name_zh: Mapped[str]
    specification: Mapped[str]
    unit: Mapped[str] = mapped_column(String(16))
    weight_kg: Mapped[Decimal] = mapped_column(Numeric(8, 3))
    length_cm: Mapped[Decimal] = mapped_column(Numeric(8, 1))
    width_cm: Mapped[Decimal] = mapped_column(Numeric(8, 1))
    height_cm: Mapped[Decimal] = mapped_column(Numeric(8, 1))
    value_class: Mapped[str] = mapped_column(String(1))
    hazard_class: Mapped[str] = mapped_column(String(16), server_default="none")
    list_price: Mapped[Decimal]
    guarantee_months: Mapped[int]
    superseded_by: Mapped[str | None] = mapped_column(ForeignKey("part.code"))
    __table_args__ = (CheckConstraint("value_class in ('A', 'B', 'C')", name="value_class"),)


class PartModel(Base):
    """Which part fits which model (policy 1.3.2)."""

    __tablename__ = "part_model"
    part: Mapped[str] = mapped_column(ForeignKey("part.code"), primary_key=True)
    model: Mapped[str] = mapped_column(ForeignKey("product_model.code"), primary_key=True, index=True)


class Supplier(Base):
    __tablename__ = "supplier"
    code: Mapped[str] = mapped_column(String(32), primary_key=True)
    name_en: Mapped[str]
    name_zh: Mapped[str]
    contact: Mapped[str]
    email: Mapped[str]
    standing: Mapped[str] = mapped_column(String(16), server_default="qualified")
    __table_args__ = (CheckConstraint("standing in ('qualified', 'warned', 'suspended', 'dropped')", name="standing"),)


class SupplierPrice(Base):
    __tablename__ = "supplier_price"
    supplier: Mapped[str] = mapped_column(ForeignKey("supplier.code"), primary_key=True)
    part: Mapped[str] = mapped_column(ForeignKey("part.code"), primary_key=True, index=True)
    price: Mapped[Decimal]
    lead_days: Mapped[int]
    valid_until: Mapped[date]


class PolicyVersion(Base):
    __tablename__ = "policy_version"
    name: Mapped[str] = mapped_column(String(32), primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    content: Mapped[dict[str, Any]]
    entered_by: Mapped[str] = mapped_column(String(32))
    entered_at: Mapped[datetime] = mapped_column(server_default=func.now())


class WorkingDayOverride(Base):
    """A day the company or the government decided otherwise about (policy 1.3.1)."""

    __tablename__ = "working_day_override"
    day: Mapped[date] = mapped_column(primary_key=True)
    worked: Mapped[bool]
    note: Mapped[str]


class NumberSeries(Base):
    """The last running number of each kind of document on each day."""

    __tablename__ = "number_series"
    prefix: Mapped[str] = mapped_column(String(8), primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
    last: Mapped[int]


# --- orders -----------------------------------------------------------------------------------------------


class _Document:
    """What every document with a life of its own has: where it stands and the head of its log."""

    seq: Mapped[int] = mapped_column(server_default=text("0"))
    log_head: Mapped[bytes] = mapped_column(LargeBinary)
    state: Mapped[dict[str, Any]]
    wait_clock: Mapped[str | None] = mapped_column(String(32))
    wait_owner: Mapped[Role | None]
    wait_caretaker: Mapped[Role | None]
    wait_since: Mapped[datetime | None]
    wait_due: Mapped[datetime | None]
    policy_name: Mapped[str] = mapped_column(String(32))
    policy_version: Mapped[int]
    started_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]


class ReplacementOrder(_Document, Base):
    """One replacement order, from application to closing. Only its workflow's steps write it."""

    __tablename__ = "replacement_order"
    number: Mapped[str] = mapped_column(String(32), primary_key=True)
    created_at: Mapped[datetime]
    channel: Mapped[Channel]
    customer: Mapped[int] = mapped_column(ForeignKey("customer.id"), index=True)
    serial: Mapped[str | None] = mapped_column(String(64), index=True)
    model: Mapped[str | None] = mapped_column(ForeignKey("product_model.code"))
    product: Mapped[str] = mapped_column(server_default="")
    fault_code: Mapped[str | None] = mapped_column(ForeignKey("fault.code"))
    fault_text: Mapped[str] = mapped_column(Text)
    service_centre: Mapped[str] = mapped_column(ForeignKey("service_centre.code"))
    urgent: Mapped[bool] = mapped_column(server_default=text("false"))
    entered_by: Mapped[str] = mapped_column(ForeignKey("user_account.code"))
    stage: Mapped[Stage]
    round: Mapped[int] = mapped_column(server_default=text("0"))
    audit_attempts: Mapped[int] = mapped_column(server_default=text("0"))
    revisit_attempts: Mapped[int] = mapped_column(server_default=text("0"))
    ending: Mapped[Stage | None]
    outcome: Mapped[str | None] = mapped_column(String(32))
    technician: Mapped[str | None] = mapped_column(ForeignKey("technician.code"))
    tracking_token: Mapped[str] = mapped_column(String(64), unique=True)
    application_key: Mapped[str] = mapped_column(String(200))
    application_digest: Mapped[bytes] = mapped_column(LargeBinary)
    search_text: Mapped[str] = mapped_column(Text)
    __table_args__ = (
        UniqueConstraint("entered_by", "application_key"),
        Index("ix_replacement_order_created", text("created_at desc"), text("number desc")),
        Index("ix_replacement_order_stage_due", "stage", "wait_due", "number"),
        Index(
            "ix_replacement_order_caretaker_due",
            "wait_caretaker",
            "service_centre",
            "wait_due",
            "number",
            postgresql_where=text("ended_at is null"),
        ),
        Index(
            "ix_replacement_order_search",
            "search_text",
            postgresql_using="gin",
            postgresql_ops={"search_text": "gin_trgm_ops"},
        ),
        Index("ix_replacement_order_unstarted", "created_at", postgresql_where=text("started_at is null")),
        CheckConstraint(
            "(ended_at is null) = (stage not in ({}))".format(", ".join(f"'{end}'" for end in sorted(ENDS))),
            name="ended",
        ),
    )


class OrderLine(Base):
    """One part and quantity of an order, in one round."""

    __tablename__ = "order_line"
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    order: Mapped[str] = mapped_column(ForeignKey("replacement_order.number"), index=True)
    round: Mapped[int]
    part: Mapped[str] = mapped_column(ForeignKey("part.code"))
    quantity: Mapped[int]
    state: Mapped[LineState]
    guarantee_until: Mapped[date | None]
    __table_args__ = (CheckConstraint("quantity > 0", name="quantity"),)


class Submission(Base):
    """What a person said with a decision. The key makes saying it twice the same as saying it once."""

    __tablename__ = "submission"
    id: Mapped[UUID] = mapped_column(primary_key=True)
    document: Mapped[str] = mapped_column(String(32))
    idempotency_key: Mapped[str] = mapped_column(String(200))
    digest: Mapped[bytes] = mapped_column(LargeBinary)
    action: Mapped[Action]
    content: Mapped[dict[str, Any]]
    by: Mapped[str] = mapped_column(String(64))
    role: Mapped[Role]
    at: Mapped[datetime] = mapped_column(server_default=func.now())
    __table_args__ = (UniqueConstraint("document", "by", "idempotency_key"),)


class EventLog(Base):
    """Every step of every document, append-only: a trigger refuses update and delete. Each row's hash covers the
    row before it, so a row can't be changed or taken out unseen."""

    __tablename__ = "event_log"
    document: Mapped[str] = mapped_column(String(32), primary_key=True)
    seq: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(index=True)
    action: Mapped[str] = mapped_column(String(32))
    by: Mapped[str] = mapped_column(String(64))
    role: Mapped[Role]
    round: Mapped[int]
    from_stage: Mapped[str] = mapped_column(String(32))
    to_stage: Mapped[str] = mapped_column(String(32))
    details: Mapped[dict[str, Any]]
    submission: Mapped[UUID | None] = mapped_column(ForeignKey("submission.id"))
    state: Mapped[dict[str, Any]]
    previous_hash: Mapped[bytes] = mapped_column(LargeBinary)
    hash: Mapped[bytes] = mapped_column(LargeBinary)


class Outbox(Base):
    """A message to send, written with the step that causes it."""

    __tablename__ = "outbox"
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    document: Mapped[str] = mapped_column(String(32))
    seq: Mapped[int]
    template: Mapped[str] = mapped_column(String(64))
    audience: Mapped[Role]
    content: Mapped[dict[str, Any]]
    created_at: Mapped[datetime]
    sent_at: Mapped[datetime | None]
    __table_args__ = (
        UniqueConstraint("document", "seq", "template", "audience"),
        Index("ix_outbox_unsent", "created_at", postgresql_where=text("sent_at is null")),
    )


class Quotation(Base):
    """What the customer was told before consenting: time, cost, guarantee (policy 2.2.2)."""

    __tablename__ = "quotation"
    order: Mapped[str] = mapped_column(ForeignKey("replacement_order.number"), primary_key=True)
    seq: Mapped[int] = mapped_column(primary_key=True)
    expected_from: Mapped[datetime]
    expected_to: Mapped[datetime]
    parts: Mapped[Decimal]
    labour: Mapped[Decimal]
    travel: Mapped[Decimal]
    covered: Mapped[Decimal]
    in_warranty: Mapped[bool]
    guarantee_months: Mapped[int]
    consented_at: Mapped[datetime | None]
    consented_by: Mapped[str | None] = mapped_column(String(64))

    @property
    def to_pay(self) -> Decimal:
        return self.parts + self.labour + self.travel - self.covered


class Signature(Base):
    """An auditor's signature: who, when, and the digest of exactly what was signed (policy 2.3.2)."""

    __tablename__ = "signature"
    order: Mapped[str] = mapped_column(ForeignKey("replacement_order.number"), primary_key=True)
    seq: Mapped[int] = mapped_column(primary_key=True)
    by: Mapped[str] = mapped_column(ForeignKey("user_account.code"))
    at: Mapped[datetime]
    signed: Mapped[dict[str, Any]]
    digest: Mapped[bytes] = mapped_column(LargeBinary)


class Appointment(Base):
    __tablename__ = "appointment"
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    order: Mapped[str] = mapped_column(ForeignKey("replacement_order.number"), index=True)
    round: Mapped[int]
    technician: Mapped[str] = mapped_column(ForeignKey("technician.code"))
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    state: Mapped[AppointmentState]
    __table_args__ = (
        CheckConstraint("ends_at > starts_at", name="ends_after_start"),
        Index("uq_appointment_booked", "order", unique=True, postgresql_where=text("state = 'booked'")),
    )


class RevisitAttempt(Base):
    """A revisit tried or made (policy 6.2.1)."""

    __tablename__ = "revisit_attempt"
    order: Mapped[str] = mapped_column(ForeignKey("replacement_order.number"), primary_key=True)
    seq: Mapped[int] = mapped_column(primary_key=True)
    round: Mapped[int]
    at: Mapped[datetime]
    reached: Mapped[bool]
    works: Mapped[bool | None]
    satisfaction: Mapped[int | None]
    __table_args__ = (CheckConstraint("satisfaction between 1 and 5", name="satisfaction"),)


class Claim(Base):
    """What carrier or supplier owes us for a loss (policy 5.2.4)."""

    __tablename__ = "claim"
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    order: Mapped[str] = mapped_column(ForeignKey("replacement_order.number"), index=True)
    seq: Mapped[int]
    on: Mapped[Role]
    shipment: Mapped[str | None] = mapped_column(ForeignKey("shipment.id"))
    reason: Mapped[LossReason]
    value: Mapped[Decimal]
    state: Mapped[ClaimState]
    settled_for: Mapped[Decimal | None]
    __table_args__ = (UniqueConstraint("order", "seq", "on"),)


# --- stock ------------------------------------------------------------------------------------------------


class Warehouse(Base):
    __tablename__ = "warehouse"
    code: Mapped[str] = mapped_column(String(32), primary_key=True)
    service_centre: Mapped[str] = mapped_column(ForeignKey("service_centre.code"))
    name_en: Mapped[str]
    name_zh: Mapped[str]
    address: Mapped[str]


class Place(Base):
    __tablename__ = "place"
    code: Mapped[str] = mapped_column(String(48), primary_key=True)
    warehouse: Mapped[str | None] = mapped_column(ForeignKey("warehouse.code"))
    zone: Mapped[Zone]


class Stock(Base):
    """The balance of a part in a place. Never negative inside the house, never more reserved than there is."""

    __tablename__ = "stock"
    place: Mapped[str] = mapped_column(ForeignKey("place.code"), primary_key=True)
    part: Mapped[str] = mapped_column(ForeignKey("part.code"), primary_key=True, index=True)
    zone: Mapped[Zone]
    on_hand: Mapped[int] = mapped_column(server_default=text("0"))
    reserved: Mapped[int] = mapped_column(server_default=text("0"))
    __table_args__ = (
        CheckConstraint("zone = 'outside' or on_hand >= 0", name="never_negative"),
        CheckConstraint("reserved >= 0 and (reserved = 0 or reserved <= on_hand)", name="reserved_within_on_hand"),
        CheckConstraint("reserved = 0 or zone in ('qualified', 'valuables', 'hazardous')", name="reserved_zone"),
    )


class Movement(Base):
    """Goods from one place to another; the two balances always move together (policy 4.2.1)."""

    __tablename__ = "movement"
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    part: Mapped[str] = mapped_column(ForeignKey("part.code"), index=True)
    quantity: Mapped[int]
    source: Mapped[str] = mapped_column(ForeignKey("place.code"))
    target: Mapped[str] = mapped_column(ForeignKey("place.code"))
    at: Mapped[datetime]
    by: Mapped[str] = mapped_column(String(64))
    document: Mapped[str] = mapped_column(String(32), index=True)
    effect: Mapped[str] = mapped_column(String(96), unique=True)
    __table_args__ = (
        CheckConstraint("quantity > 0", name="quantity"),
        CheckConstraint("source <> target", name="moves"),
    )


class Reservation(Base):
    __tablename__ = "reservation"
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    line: Mapped[int] = mapped_column(ForeignKey("order_line.id"), index=True)
    place: Mapped[str] = mapped_column(ForeignKey("place.code"))
    part: Mapped[str] = mapped_column(ForeignKey("part.code"))
    quantity: Mapped[int]
    state: Mapped[ReservationState]
    effect: Mapped[str] = mapped_column(String(96), unique=True)
    __table_args__ = (CheckConstraint("quantity > 0", name="quantity"),)


# --- purchasing -------------------------------------------------------------------------------------------


class PurchaseOrder(_Document, Base):
    """One order to one supplier. Only its workflow's steps write it."""

    __tablename__ = "purchase_order"
    number: Mapped[str] = mapped_column(String(32), primary_key=True)
    created_at: Mapped[datetime]
    supplier: Mapped[str] = mapped_column(ForeignKey("supplier.code"), index=True)
    warehouse: Mapped[str] = mapped_column(ForeignKey("warehouse.code"))
    stage: Mapped[PurchaseStage]
    deliver_by: Mapped[datetime]
    promised_at: Mapped[datetime | None]
    signed_by: Mapped[str | None]
    replaces: Mapped[str | None] = mapped_column(ForeignKey("purchase_order.number"))
    __table_args__ = (
        Index("ix_purchase_order_created", text("created_at desc"), text("number desc")),
        Index("ix_purchase_order_unstarted", "created_at", postgresql_where=text("started_at is null")),
    )


class PurchaseLine(Base):
    __tablename__ = "purchase_line"
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    purchase_order: Mapped[str] = mapped_column(ForeignKey("purchase_order.number"), index=True)
    part: Mapped[str] = mapped_column(ForeignKey("part.code"))
    quantity: Mapped[int]
    unit_price: Mapped[Decimal]
    received: Mapped[int] = mapped_column(server_default=text("0"))
    refused: Mapped[int] = mapped_column(server_default=text("0"))
    __table_args__ = (
        UniqueConstraint("purchase_order", "part"),
        CheckConstraint("quantity > 0 and received between 0 and quantity and refused >= 0", name="quantity"),
    )


class BackOrder(Base):
    """An order line waiting for pieces, and the purchase order they are expected from."""

    __tablename__ = "back_order"
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    line: Mapped[int] = mapped_column(ForeignKey("order_line.id"), index=True)
    order: Mapped[str] = mapped_column(ForeignKey("replacement_order.number"))
    part: Mapped[str] = mapped_column(ForeignKey("part.code"))
    quantity: Mapped[int]
    purchase_order: Mapped[str] = mapped_column(ForeignKey("purchase_order.number"), index=True)
    state: Mapped[BackOrderState]
    effect: Mapped[str] = mapped_column(String(96), unique=True)
    __table_args__ = (
        CheckConstraint("quantity > 0", name="quantity"),
        Index("ix_back_order_waiting", "part", postgresql_where=text("state = 'waiting'")),
    )


# --- transport --------------------------------------------------------------------------------------------


class CarrierAccount(Base):
    """An account with a carrier. `next_call_at` keeps the account's limit across all workers."""

    __tablename__ = "carrier_account"
    code: Mapped[str] = mapped_column(String(32), primary_key=True)
    kind: Mapped[str] = mapped_column(String(16))
    carrier: Mapped[str] = mapped_column(String(32))
    name_en: Mapped[str]
    name_zh: Mapped[str]
    settings: Mapped[dict[str, Any]]
    calls_per_minute: Mapped[int]
    next_call_at: Mapped[datetime] = mapped_column(server_default=func.now())
    push_token: Mapped[str] = mapped_column(String(64), unique=True)
    preferred: Mapped[int] = mapped_column(server_default=text("0"))


class Shipment(Base):
    """Goods under way to a customer; its id is the key under which the carrier knows the booking."""

    __tablename__ = "shipment"
    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    order: Mapped[str] = mapped_column(ForeignKey("replacement_order.number"), index=True)
    round: Mapped[int]
    state: Mapped[ShipmentState]
    account: Mapped[str] = mapped_column(ForeignKey("carrier_account.code"))
    weight_kg: Mapped[Decimal] = mapped_column(Numeric(8, 3))
    waybill: Mapped[str | None] = mapped_column(String(40), index=True)
    packed_at: Mapped[datetime | None]
    packed_by: Mapped[str | None] = mapped_column(String(32))
    handed_over_at: Mapped[datetime | None]
    expected_at: Mapped[datetime | None]
    delivered_at: Mapped[datetime | None]


class ShipmentLine(Base):
    __tablename__ = "shipment_line"
    shipment: Mapped[str] = mapped_column(ForeignKey("shipment.id"), primary_key=True)
    line: Mapped[int] = mapped_column(ForeignKey("order_line.id"), primary_key=True)
    place: Mapped[str] = mapped_column(ForeignKey("place.code"), primary_key=True)
    part: Mapped[str] = mapped_column(ForeignKey("part.code"))
    quantity: Mapped[int]


class Parcel(Base):
    """What a carrier knows as ours: its booking, the watch over it, and what its scans add up to."""

    __tablename__ = "parcel"
    shipment: Mapped[str] = mapped_column(ForeignKey("shipment.id"), primary_key=True)
    order: Mapped[str] = mapped_column(ForeignKey("replacement_order.number"))
    account: Mapped[str] = mapped_column(ForeignKey("carrier_account.code"))
    waybill: Mapped[str] = mapped_column(String(40))
    company: Mapped[str] = mapped_column(String(32))
    reference: Mapped[str] = mapped_column(server_default="")
    phone_last4: Mapped[str] = mapped_column(String(4), server_default="")
    label: Mapped[bytes | None] = mapped_column(LargeBinary)
    label_type: Mapped[str | None]
    booked_at: Mapped[datetime]
    expected_at: Mapped[datetime | None]
    milestone: Mapped[Milestone]
    trouble: Mapped[Trouble | None]
    last_moved_at: Mapped[datetime | None]
    delivered_at: Mapped[datetime | None]
    told_milestone: Mapped[Milestone | None]
    told_trouble: Mapped[Trouble | None]
    told_at: Mapped[datetime | None]
    subscribed_at: Mapped[datetime | None]
    looks: Mapped[int] = mapped_column(server_default=text("0"))
    last_look_at: Mapped[datetime | None]
    last_error: Mapped[str | None]
    next_look_at: Mapped[datetime | None]
    __table_args__ = (
        UniqueConstraint("account", "waybill", "shipment"),
        Index("ix_parcel_due", "account", "next_look_at", postgresql_where=text("next_look_at is not null")),
    )


class ParcelScan(Base):
    """A carrier's event, kept once whatever way and however often it came. The text may name people."""

    __tablename__ = "parcel_scan"
    shipment: Mapped[str] = mapped_column(ForeignKey("parcel.shipment"), primary_key=True)
    key: Mapped[str] = mapped_column(String(64), primary_key=True)
    at: Mapped[datetime]
    milestone: Mapped[Milestone]
    trouble: Mapped[Trouble | None]
    in_person: Mapped[bool]
    code: Mapped[str] = mapped_column(String(32))
    text: Mapped[str] = mapped_column(Text)
    place: Mapped[str]


class CarrierPush(Base):
    """What a carrier pushed, raw, kept before it is answered."""

    __tablename__ = "carrier_push"
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    account: Mapped[str] = mapped_column(ForeignKey("carrier_account.code"))
    key: Mapped[str] = mapped_column(String(64), unique=True)
    raw: Mapped[bytes] = mapped_column(LargeBinary)
    received_at: Mapped[datetime] = mapped_column(server_default=func.now())
    read_at: Mapped[datetime | None]
    __table_args__ = (Index("ix_carrier_push_unread", "account", "id", postgresql_where=text("read_at is null")),)
