"""How suppliers were reviewed, how they stand and why, and what they must put right (policy 3.1.1, 3.1.3)."""

from datetime import date, datetime
from decimal import Decimal
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
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from database.tables.base import Base, Document
from domain.correcting import ChangedBecause, CorrectiveStage, Standing
from domain.reviews import ReviewFigure
from domain.stages import Role


class SupplierReview(Base):
    """A supplier's figures of a period, as they were when it was reviewed. Append-only by trigger.

    `figures` holds numerator, denominator and n of each; without a score nothing rested on enough cases.
    """

    __tablename__ = "supplier_review"
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    first: Mapped[date]
    end: Mapped[date]
    supplier: Mapped[str] = mapped_column(ForeignKey("supplier.code"))
    reviewed_at: Mapped[datetime]
    policy_name: Mapped[str] = mapped_column(String(32))
    policy_version: Mapped[int]
    figures: Mapped[dict[str, Any]]
    score: Mapped[Decimal | None] = mapped_column(Numeric(4, 1))
    standing: Mapped[Standing]
    proposed: Mapped[Standing | None]
    __table_args__ = (
        UniqueConstraint("first", "end", "supplier"),
        Index("ix_supplier_review_supplier_end", "supplier", "end"),
        CheckConstraint('"end" > first', name="period"),
    )


class ReviewEvidence(Base):
    """A case behind a figure: what it is about, and whether it counts for the supplier. Append-only by trigger."""

    __tablename__ = "review_evidence"
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    review: Mapped[int] = mapped_column(ForeignKey("supplier_review.id"))
    figure: Mapped[ReviewFigure]
    document: Mapped[str] = mapped_column(String(32))
    part: Mapped[str | None] = mapped_column(ForeignKey("part.code"))
    good: Mapped[bool]
    due: Mapped[datetime | None]
    done: Mapped[datetime | None]
    __table_args__ = (Index("ix_review_evidence_review_figure", "review", "figure", "id"),)


class CorrectiveAction(Document, Base):
    """What a supplier must put right. Only its workflow's steps write it; a supplier has one at a time."""

    __tablename__ = "corrective_action"
    number: Mapped[str] = mapped_column(String(32), primary_key=True)
    created_at: Mapped[datetime]
    supplier: Mapped[str] = mapped_column(ForeignKey("supplier.code"), index=True)
    review: Mapped[int] = mapped_column(ForeignKey("supplier_review.id"))
    stage: Mapped[CorrectiveStage]
    standing: Mapped[Standing]
    __table_args__ = (
        Index("uq_corrective_action_open", "supplier", unique=True, postgresql_where=text("ended_at is null")),
        Index("ix_corrective_action_created", text("created_at desc"), text("number desc")),
        Index("ix_corrective_action_unstarted", "created_at", postgresql_where=text("started_at is null")),
    )


class StandingChange(Base):
    """Every change of a supplier's standing: who, when, why, and what it rests on. Append-only by trigger."""

    __tablename__ = "standing_change"
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    supplier: Mapped[str] = mapped_column(ForeignKey("supplier.code"), index=True)
    at: Mapped[datetime]
    by: Mapped[str] = mapped_column(String(64))
    role: Mapped[Role]
    before: Mapped[Standing]
    after: Mapped[Standing]
    because: Mapped[ChangedBecause]
    corrective_action: Mapped[str] = mapped_column(ForeignKey("corrective_action.number"))
    explanation: Mapped[str] = mapped_column(Text, server_default="")
    __table_args__ = (CheckConstraint("before <> after", name="changes"),)
