"""What all tables are made of."""

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    DateTime,
    Enum,
    LargeBinary,
    MetaData,
    Numeric,
    String,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from domain.stages import Role


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


class Document:
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
