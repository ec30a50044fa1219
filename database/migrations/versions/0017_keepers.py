"""keepers: who keeps valuable and hazardous goods, signatures and refusals, transfers by hand"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0017"
down_revision: str | None = "0016"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.create_check_constraint(
        op.f("ck_movement_sound_by_inspection"),
        "movement",
        "reason not in ('transfer', 'put_away')"
        " or source_zone not in ('awaiting_inspection', 'nonconforming', 'scrap')"
        " or target_zone not in ('qualified', 'valuables', 'hazardous', 'technician')",
    )
    op.create_index("ix_stock_lot_serial", "stock_lot", ["serial"], postgresql_where=sa.text("serial <> ''"))
    op.create_table(
        "place_keeper",
        sa.Column("place", sa.String(48), nullable=False),
        sa.Column("keeper", sa.String(32), nullable=False),
        sa.ForeignKeyConstraint(["keeper"], ["user_account.code"], name=op.f("fk_place_keeper_keeper")),
        sa.ForeignKeyConstraint(["place"], ["place.code"], name=op.f("fk_place_keeper_place")),
        sa.PrimaryKeyConstraint("place", "keeper", name=op.f("pk_place_keeper")),
    )
    op.create_table(
        "keeper_signature",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("document", sa.String(32), nullable=False),
        sa.Column("place", sa.String(48), nullable=False),
        sa.Column("outward", sa.Boolean(), nullable=False),
        sa.Column("by", sa.String(32), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["by"], ["user_account.code"], name=op.f("fk_keeper_signature_by")),
        sa.ForeignKeyConstraint(["place"], ["place.code"], name=op.f("fk_keeper_signature_place")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_keeper_signature")),
        sa.UniqueConstraint(
            "document", "place", "outward", "by", name=op.f("uq_keeper_signature_document_place_outward_by")
        ),
    )
    op.create_table(
        "keeper_refusal",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by", sa.String(64), nullable=False),
        sa.Column("document", sa.String(32), nullable=False),
        sa.Column("place", sa.String(48), nullable=False),
        sa.Column("part", sa.String(64), nullable=False),
        sa.Column("outward", sa.Boolean(), nullable=False),
        sa.Column("signed_by", sa.String(32), nullable=True),
        sa.Column("signed_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["part"], ["part.code"], name=op.f("fk_keeper_refusal_part")),
        sa.ForeignKeyConstraint(["place"], ["place.code"], name=op.f("fk_keeper_refusal_place")),
        sa.ForeignKeyConstraint(["signed_by"], ["user_account.code"], name=op.f("fk_keeper_refusal_signed_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_keeper_refusal")),
    )
    op.create_index(op.f("ix_keeper_refusal_document"), "keeper_refusal", ["document"])
    op.create_table(
        "transfer",
        sa.Column("number", sa.String(32), nullable=False),
        sa.Column("by", sa.String(32), nullable=False),
        sa.Column("key", sa.String(200), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reason", sa.String(32), nullable=False),
        sa.Column("part", sa.String(64), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("source", sa.String(48), nullable=False),
        sa.Column("target", sa.String(48), nullable=False),
        sa.Column("lot", sa.String(64), nullable=True),
        sa.Column("serial", sa.String(64), nullable=True),
        sa.Column("reverses", sa.BigInteger(), nullable=True),
        sa.Column("note", sa.String(), server_default="", nullable=False),
        sa.Column("booked_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("quantity > 0", name=op.f("ck_transfer_quantity")),
        sa.ForeignKeyConstraint(["by"], ["user_account.code"], name=op.f("fk_transfer_by")),
        sa.ForeignKeyConstraint(["part"], ["part.code"], name=op.f("fk_transfer_part")),
        sa.ForeignKeyConstraint(["reverses"], ["movement.id"], name=op.f("fk_transfer_reverses")),
        sa.ForeignKeyConstraint(["source"], ["place.code"], name=op.f("fk_transfer_source")),
        sa.ForeignKeyConstraint(["target"], ["place.code"], name=op.f("fk_transfer_target")),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_transfer")),
        sa.UniqueConstraint("by", "key", name=op.f("uq_transfer_by_key")),
    )
    op.create_index("ix_transfer_waiting", "transfer", ["at"], postgresql_where=sa.text("booked_at is null"))


def downgrade() -> None:
    op.drop_index("ix_stock_lot_serial", table_name="stock_lot")
    op.drop_constraint(op.f("ck_movement_sound_by_inspection"), "movement")
    for table in ("transfer", "keeper_refusal", "keeper_signature", "place_keeper"):
        op.drop_table(table)
