"""What was put back from a backup, and what that left behind."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Identity, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from database.tables.base import Base


class Restoration(Base):
    """The database was put back to `made_at`. Until `settled_at` documents and workflows are still to be compared.

    `found` says in sentences what may have happened in the world meanwhile, and what was mended.
    """

    __tablename__ = "restoration"
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    made_at: Mapped[datetime]
    restored_at: Mapped[datetime]
    settled_at: Mapped[datetime | None]
    found: Mapped[list[Any]] = mapped_column(JSONB, server_default=text("'[]'"))
