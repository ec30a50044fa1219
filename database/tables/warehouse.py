"""The warehouse's own tasks, and what each kind is about (policy 4.1.2, 4.2.2–4.3.2)."""

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Identity,
    Index,
    Numeric,
    String,
    Text,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from database.tables.base import Base, Document
from domain.counting import Cause, CountState
from domain.levels import Excess, Pattern, Way
from domain.tasks import TaskKind, TaskStage
from domain.warehouse_rules import Topic


class FoundBy(StrEnum):
    """How a finding came up: on a round, by a reading out of range, by a sensor's silence."""

    ROUND = "round"
    READING = "reading"
    SILENCE = "silence"


class WarehouseTask(Document, Base):
    """One task of a warehouse; only its workflow's steps write it. `cause` is why there is one, and there is one task
    for each cause. `subject` is what it is about: a class of parts, an item of a check list, a part, a place."""

    __tablename__ = "warehouse_task"
    number: Mapped[str] = mapped_column(String(32), primary_key=True)
    kind: Mapped[TaskKind]
    warehouse: Mapped[str] = mapped_column(ForeignKey("warehouse.code"))
    subject: Mapped[str] = mapped_column(String(96), server_default="")
    cause: Mapped[str] = mapped_column(String(160), unique=True)
    created_at: Mapped[datetime]
    stage: Mapped[TaskStage]
    __table_args__ = (
        Index("ix_warehouse_task_created", text("created_at desc"), text("number desc")),
        Index("ix_warehouse_task_kind", "kind", "warehouse", "subject", text("created_at desc")),
        Index("ix_warehouse_task_open", "wait_caretaker", "wait_due", postgresql_where=text("ended_at is null")),
        Index("ix_warehouse_task_unstarted", "created_at", postgresql_where=text("started_at is null")),
    )


class CountLine(Base):
    """A part in a place to be counted. `book` is what the ledger said of the newest count's instant; it stands here
    only once that count is over, so nobody who counts can be told. `quantity` is what was counted then."""

    __tablename__ = "count_line"
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    task: Mapped[str] = mapped_column(ForeignKey("warehouse_task.number"))
    place: Mapped[str] = mapped_column(ForeignKey("place.code"))
    part: Mapped[str] = mapped_column(ForeignKey("part.code"))
    value_class: Mapped[str] = mapped_column(String(1))
    unit_value: Mapped[Decimal]
    state: Mapped[CountState]
    book: Mapped[int | None]
    quantity: Mapped[int | None]
    cause: Mapped[Cause | None]
    note: Mapped[str] = mapped_column(Text, server_default="")
    serials: Mapped[list[str]] = mapped_column(ARRAY(String(64)), server_default="{}")
    __table_args__ = (
        UniqueConstraint("task", "place", "part"),
        Index("ix_count_line_to_count", "part", "place", postgresql_where=text("state in ('open', 'recount')")),
        CheckConstraint("(book is null) = (quantity is null)", name="judged"),
        CheckConstraint("state <> 'adjusted' or cause is not null", name="traced"),
    )


class CountEntry(Base):
    """What somebody counted in a line, at which instant; the first count and each recount is an attempt of its own."""

    __tablename__ = "count_entry"
    line: Mapped[int] = mapped_column(ForeignKey("count_line.id"), primary_key=True)
    attempt: Mapped[int] = mapped_column(primary_key=True)
    quantity: Mapped[int]
    by: Mapped[str] = mapped_column(String(64))
    at: Mapped[datetime]
    book: Mapped[int | None]
    __table_args__ = (CheckConstraint("quantity >= 0", name="quantity"),)


class RoundAnswer(Base):
    """What a round saw of one item of the check list, as the policy version of the round words it."""

    __tablename__ = "round_answer"
    task: Mapped[str] = mapped_column(ForeignKey("warehouse_task.number"), primary_key=True)
    item: Mapped[str] = mapped_column(String(32), primary_key=True)
    sound: Mapped[bool]
    note: Mapped[str] = mapped_column(Text, server_default="")


class Finding(Base):
    """Something to put right in a warehouse, by whom (policy 4.3.2). `details` holds what was read and moved."""

    __tablename__ = "finding"
    task: Mapped[str] = mapped_column(ForeignKey("warehouse_task.number"), primary_key=True)
    found_by: Mapped[FoundBy]
    topic: Mapped[Topic]
    round: Mapped[str | None] = mapped_column(ForeignKey("warehouse_task.number"), index=True)
    place: Mapped[str | None] = mapped_column(ForeignKey("place.code"))
    sensor: Mapped[str | None] = mapped_column(ForeignKey("sensor.code"))
    owner: Mapped[str | None] = mapped_column(ForeignKey("user_account.code"))
    note: Mapped[str] = mapped_column(Text, server_default="")
    remedied_by: Mapped[str | None] = mapped_column(String(64))
    details: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"))


class Replenishment(Base):
    """A proposal to buy, with the figures it rests on (policy 4.2.3). Demand is pieces a period of the policy."""

    __tablename__ = "replenishment"
    task: Mapped[str] = mapped_column(ForeignKey("warehouse_task.number"), primary_key=True)
    part: Mapped[str] = mapped_column(ForeignKey("part.code"), index=True)
    pattern: Mapped[Pattern]
    forecast: Mapped[Decimal]
    lead_days: Mapped[Decimal]
    safety_stock: Mapped[int]
    reorder_point: Mapped[int]
    up_to: Mapped[int]
    position: Mapped[int]
    quantity: Mapped[int]
    supplier: Mapped[str | None] = mapped_column(ForeignKey("supplier.code"))
    purchase_order: Mapped[str | None] = mapped_column(ForeignKey("purchase_order.number"))
    reason: Mapped[str] = mapped_column(Text, server_default="")
    __table_args__ = (CheckConstraint("quantity > 0", name="quantity"),)


class Disposal(Base):
    """Too much of a part in a place, and what becomes of it (policy 4.2.3). `unit_value` is what the books value a
    piece at, `proceeds` what was got for those disposed of; the difference is the loss."""

    __tablename__ = "disposal"
    task: Mapped[str] = mapped_column(ForeignKey("warehouse_task.number"), primary_key=True)
    part: Mapped[str] = mapped_column(ForeignKey("part.code"), index=True)
    place: Mapped[str] = mapped_column(ForeignKey("place.code"))
    excess: Mapped[Excess]
    quantity: Mapped[int]
    way: Mapped[Way]
    unit_value: Mapped[Decimal]
    disposed: Mapped[int] = mapped_column(server_default=text("0"))
    proceeds: Mapped[Decimal] = mapped_column(server_default=text("0"))
    reason: Mapped[str] = mapped_column(Text, server_default="")
    __table_args__ = (
        CheckConstraint("quantity > 0 and disposed between 0 and quantity", name="quantity"),
        CheckConstraint("proceeds >= 0", name="proceeds"),
    )


class Sensor(Base):
    """What measures the air of a place (policy 4.1.2); `last_at` is its newest reading's instant."""

    __tablename__ = "sensor"
    code: Mapped[str] = mapped_column(String(32), primary_key=True)
    place: Mapped[str] = mapped_column(ForeignKey("place.code"), index=True)
    last_at: Mapped[datetime | None]


class Reading(Base):
    """Degrees Celsius and relative humidity in per cent, once for each sensor and instant."""

    __tablename__ = "reading"
    sensor: Mapped[str] = mapped_column(ForeignKey("sensor.code"), primary_key=True)
    at: Mapped[datetime] = mapped_column(primary_key=True)
    temperature: Mapped[Decimal] = mapped_column(Numeric(5, 1))
    humidity: Mapped[Decimal] = mapped_column(Numeric(4, 1))
    out_of_range: Mapped[bool]


class EmergencyPlan(Base):
    """What to do when it burns, leaks or is broken into (policy 4.3.1). An edit is a new version; the newest holds."""

    __tablename__ = "emergency_plan"
    topic: Mapped[Topic] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    title_en: Mapped[str]
    title_zh: Mapped[str]
    text_en: Mapped[str] = mapped_column(Text)
    text_zh: Mapped[str] = mapped_column(Text)
    entered_by: Mapped[str] = mapped_column(String(32))
    entered_at: Mapped[datetime] = mapped_column(server_default=func.now())
