"""Photos that customers send, and the pictures they show."""

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, String, text
from sqlalchemy.orm import Mapped, mapped_column

from database.tables.base import Base


class Picture(Base):
    """What a file showed. `original` is kept as it came and never served; `jpeg` and `thumbnail` were drawn anew."""

    __tablename__ = "picture"
    sha256: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    kind: Mapped[str] = mapped_column(String(8))
    width: Mapped[int]
    height: Mapped[int]
    original: Mapped[bytes] = mapped_column(LargeBinary)
    jpeg: Mapped[bytes] = mapped_column(LargeBinary)
    thumbnail: Mapped[bytes] = mapped_column(LargeBinary)


class Photo(Base):
    """Somebody sent a picture. It belongs to a step of an order or of a warehouse's task once one claims it; unclaimed,
    it is swept away."""

    __tablename__ = "photo"
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    picture: Mapped[bytes] = mapped_column(ForeignKey("picture.sha256"), index=True)
    sent_at: Mapped[datetime]
    order: Mapped[str | None] = mapped_column(ForeignKey("replacement_order.number"))
    task: Mapped[str | None] = mapped_column(ForeignKey("warehouse_task.number"))
    seq: Mapped[int | None]
    place: Mapped[int | None]
    __table_args__ = (
        Index("ix_photo_order", "order", "seq", "place"),
        Index("ix_photo_task", "task", "seq", "place", postgresql_where=text("task is not null")),
        Index("ix_photo_unclaimed", "sent_at", postgresql_where=text('"order" is null and task is null')),
        CheckConstraint(
            '("order" is null and task is null) = (seq is null) and (seq is null) = (place is null)'
            ' and ("order" is null or task is null)',
            name="claimed",
        ),
    )
