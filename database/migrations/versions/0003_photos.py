"""photos"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0003"
down_revision: str | None = "0002"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "picture",
        sa.Column("sha256", sa.LargeBinary(), nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("width", sa.Integer(), nullable=False),
        sa.Column("height", sa.Integer(), nullable=False),
        sa.Column("original", sa.LargeBinary(), nullable=False),
        sa.Column("jpeg", sa.LargeBinary(), nullable=False),
        sa.Column("thumbnail", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("sha256", name=op.f("pk_picture")),
    )
    op.create_table(
        "photo",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("picture", sa.LargeBinary(), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("order", sa.String(length=32), nullable=True),
        sa.Column("seq", sa.Integer(), nullable=True),
        sa.Column("place", sa.Integer(), nullable=True),
        sa.CheckConstraint(
            '("order" is null) = (seq is null) and (seq is null) = (place is null)', name=op.f("ck_photo_claimed")
        ),
        sa.ForeignKeyConstraint(["picture"], ["picture.sha256"], name=op.f("fk_photo_picture")),
        sa.ForeignKeyConstraint(["order"], ["replacement_order.number"], name=op.f("fk_photo_order")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_photo")),
    )
    op.create_index(op.f("ix_photo_picture"), "photo", ["picture"])
    op.create_index("ix_photo_order", "photo", ["order", "seq", "place"])
    op.create_index("ix_photo_unclaimed", "photo", ["sent_at"], postgresql_where=sa.text('"order" is null'))


def downgrade() -> None:
    op.drop_table("photo")
    op.drop_table("picture")
