"""the newest closed orders of a model are found whatever their fault, as hints without one ask for them"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0025"
down_revision: str | None = "0024"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

NAME = "ix_replacement_order_of_model"


def upgrade() -> None:
    op.create_index(NAME, "replacement_order", ["model", "ended_at"], postgresql_where=sa.text("stage = 'closed'"))


def downgrade() -> None:
    op.drop_index(NAME, table_name="replacement_order")
