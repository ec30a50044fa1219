"""serial numbers of pieces that come in and of those that are packed"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0020"
down_revision: str | None = "0019"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_SERIALS = (("received_lot", "serials"), ("received_lot", "refused_serials"), ("shipment_line", "serials"))


def upgrade() -> None:
    for table, column in _SERIALS:
        serials = postgresql.ARRAY(sa.String(64))
        op.add_column(table, sa.Column(column, serials, server_default="{}", nullable=False))
    op.add_column("stock_lot", sa.Column("packed_for", sa.String(40), nullable=True))
    op.create_foreign_key(op.f("fk_stock_lot_packed_for"), "stock_lot", "shipment", ["packed_for"], ["id"])
    op.create_index(
        "ix_stock_lot_packed_for", "stock_lot", ["packed_for"], postgresql_where=sa.text("packed_for is not null")
    )


def downgrade() -> None:
    op.drop_column("stock_lot", "packed_for")
    for table, column in _SERIALS:
        op.drop_column(table, column)
