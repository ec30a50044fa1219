"""finding what is being counted"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0021"
down_revision: str | None = "0020"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.create_index(
        "ix_count_line_to_count",
        "count_line",
        ["part", "place"],
        postgresql_where=sa.text("state in ('open', 'recount')"),
    )


def downgrade() -> None:
    op.drop_index("ix_count_line_to_count", table_name="count_line")
