"""what parts cost by month, and bills for bringing goods in"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from database.migrations.policies import add_to_policies

revision: str = "0010"
down_revision: str | None = "0009"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "inbound_freight",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("purchase_order", sa.String(32), nullable=False),
        sa.Column("amount", sa.Numeric(12, 2), nullable=False),
        sa.Column("expedited_because", sa.Text(), nullable=True),
        sa.Column("reference", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by", sa.String(64), nullable=False),
        sa.Column("key", sa.String(200), nullable=False),
        sa.CheckConstraint("amount <> 0", name=op.f("ck_inbound_freight_amount")),
        sa.CheckConstraint("expedited_because <> ''", name=op.f("ck_inbound_freight_reason")),
        sa.ForeignKeyConstraint(
            ["purchase_order"], ["purchase_order.number"], name=op.f("fk_inbound_freight_purchase_order")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_inbound_freight")),
        sa.UniqueConstraint("purchase_order", "by", "key", name=op.f("uq_inbound_freight_purchase_order_by_key")),
    )
    op.create_index(op.f("ix_inbound_freight_purchase_order"), "inbound_freight", ["purchase_order"])
    op.create_index(op.f("ix_inbound_freight_at"), "inbound_freight", ["at"])
    op.execute("""
        create trigger append_only before update or delete or truncate on inbound_freight
        for each statement execute function refuse_change()
    """)
    op.create_table(
        "cost_month",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("month", sa.Date(), nullable=False),
        sa.Column("part", sa.String(64), nullable=False),
        sa.Column("supplier", sa.String(32), nullable=True),
        sa.Column("pieces", sa.Integer(), nullable=False),
        sa.Column("price", sa.Numeric(12, 2), nullable=False),
        sa.Column("freight", sa.Numeric(12, 2), nullable=False),
        sa.Column("expedited", sa.Numeric(12, 2), nullable=False),
        sa.Column("storage", sa.Numeric(12, 2), nullable=False),
        sa.Column("lines", sa.Integer(), nullable=False),
        sa.Column("with_target", sa.Integer(), nullable=False),
        sa.Column("at_target", sa.Integer(), nullable=False),
        sa.Column("priced", sa.Numeric(12, 2), nullable=False),
        sa.Column("target", sa.Numeric(12, 2), nullable=False),
        sa.ForeignKeyConstraint(["part"], ["part.code"], name=op.f("fk_cost_month_part")),
        sa.ForeignKeyConstraint(["supplier"], ["supplier.code"], name=op.f("fk_cost_month_supplier")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cost_month")),
        sa.UniqueConstraint(
            "month",
            "part",
            "supplier",
            name=op.f("uq_cost_month_month_part_supplier"),
            postgresql_nulls_not_distinct=True,
        ),
    )
    op.create_table(
        "cost_roll_up",
        sa.Column("month", sa.Date(), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("policy_name", sa.String(32), nullable=False),
        sa.Column("policy_version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("month", name=op.f("pk_cost_roll_up")),
    )
    op.create_index(op.f("ix_movement_at"), "movement", ["at"])
    add_to_policies(["costs"], {"storage_rate": "0.18", "a_share": "0.80", "b_share": "0.95"})


def downgrade() -> None:
    op.drop_index(op.f("ix_movement_at"), table_name="movement")
    op.drop_table("cost_roll_up")
    op.drop_table("cost_month")
    op.drop_table("inbound_freight")
