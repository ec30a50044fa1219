"""what of suppliers' runs out is told once; purchase orders placed by hand"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0019"
down_revision: str | None = "0018"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_BY_HAND = (("ordered_by", sa.String(64)), ("request_key", sa.String(200)), ("request_digest", sa.LargeBinary()))


def upgrade() -> None:
    op.create_table(
        "expiry_notice",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("supplier", sa.String(32), nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("part", sa.String(64), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("runs_out_on", sa.Date(), nullable=False),
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["supplier"], ["supplier.code"], name=op.f("fk_expiry_notice_supplier")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_expiry_notice")),
        sa.UniqueConstraint(
            "supplier", "kind", "part", "version", name=op.f("uq_expiry_notice_supplier_kind_part_version")
        ),
    )
    op.execute("""
        create trigger append_only before update or delete or truncate on expiry_notice
        for each statement execute function refuse_change()
    """)
    for name, kind in _BY_HAND:
        op.add_column("purchase_order", sa.Column(name, kind, nullable=True))
    op.create_unique_constraint(
        op.f("uq_purchase_order_ordered_by_request_key"), "purchase_order", ["ordered_by", "request_key"]
    )


def downgrade() -> None:
    for name, _ in _BY_HAND:
        op.drop_column("purchase_order", name)
    op.drop_table("expiry_notice")
