"""applications: date and number of purchase, faults by category, allowances, duplicates"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from database.migrations.policies import add_to_policies

revision: str = "0006"
down_revision: str | None = "0005"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.add_column("replacement_order", sa.Column("bought_on", sa.Date(), nullable=True))
    op.add_column("replacement_order", sa.Column("bought_under", sa.String(), server_default="", nullable=False))
    op.add_column("fault", sa.Column("categories", sa.ARRAY(sa.String(length=32)), server_default="{}", nullable=False))
    op.create_table(
        "allowance",
        sa.Column("what", sa.String(length=32), nullable=False),
        sa.Column("holder", sa.LargeBinary(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("what", "holder", name=op.f("pk_allowance")),
    )
    add_to_policies(["duplicates"], {"within": "30 days", "likeness": 0.6}, demo={"within": "10 days", "likeness": 0.6})


def downgrade() -> None:
    op.drop_table("allowance")
    op.drop_column("fault", "categories")
    op.drop_column("replacement_order", "bought_under")
    op.drop_column("replacement_order", "bought_on")
