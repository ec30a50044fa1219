"""What an audit leaves beside its signatures: attempts, questions to the customer, auditors' absences (policy 2.3)."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Identity, Index, String, func, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from database.tables.base import Base
from domain.stages import Action, Role


class AuditAttempt(Base):
    """An audit that did not pass: what was seen then, so that the next one shows what is different."""

    __tablename__ = "audit_attempt"
    order: Mapped[str] = mapped_column(ForeignKey("replacement_order.number"), primary_key=True)
    seq: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime]
    by: Mapped[str] = mapped_column(ForeignKey("user_account.code"))
    action: Mapped[Action]
    reasons: Mapped[list[str]] = mapped_column(ARRAY(String(32)))
    explanation: Mapped[str]
    seen: Mapped[dict[str, Any]]


class AuditQuestion(Base):
    """A question to the customer, while which the audit's clock rests: `wait` is how it stood. Without a `reply` at
    its end the audit went on without one."""

    __tablename__ = "audit_question"
    order: Mapped[str] = mapped_column(ForeignKey("replacement_order.number"), primary_key=True)
    seq: Mapped[int] = mapped_column(primary_key=True)
    asked_at: Mapped[datetime]
    asked_by: Mapped[str] = mapped_column(ForeignKey("user_account.code"))
    question: Mapped[str]
    wait: Mapped[dict[str, Any]]
    ended_at: Mapped[datetime | None]
    ended_by: Mapped[str | None] = mapped_column(String(64))
    ended_as: Mapped[Role | None]
    reply: Mapped[str | None]
    __table_args__ = (Index("uq_audit_question_open", "order", unique=True, postgresql_where=text("ended_at is null")),)


class Absence(Base):
    """While an auditor is away, a deputy acts for them. Ended early, `until` is when."""

    __tablename__ = "absence"
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    user: Mapped[str] = mapped_column(ForeignKey("user_account.code"))
    deputy: Mapped[str] = mapped_column(ForeignKey("user_account.code"))
    since: Mapped[datetime]
    until: Mapped[datetime]
    entered_by: Mapped[str] = mapped_column(ForeignKey("user_account.code"))
    entered_at: Mapped[datetime] = mapped_column(server_default=func.now())
    ended_by: Mapped[str | None] = mapped_column(ForeignKey("user_account.code"))
    __table_args__ = (
        CheckConstraint("until >= since", name="in_order"),
        CheckConstraint('deputy <> "user"', name="somebody_else"),
        Index("ix_absence_user_until", "user", "until"),
        Index("ix_absence_deputy_until", "deputy", "until"),
    )
