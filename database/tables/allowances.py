"""How often a stranger may do what anybody may do."""

from datetime import datetime

from sqlalchemy import LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from database.tables.base import Base


class Allowance(Base):
    """What one address has used of something within an hour. The address itself is not kept."""

    __tablename__ = "allowance"
    what: Mapped[str] = mapped_column(String(32), primary_key=True)
    holder: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    since: Mapped[datetime]
    used: Mapped[int]
