"""the key of an effect names a document, a part and a place, and may be as long as they are together"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0024"
down_revision: str | None = "0023"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

TABLES = ("movement", "back_order", "reservation")


def upgrade() -> None:
    for table in TABLES:
        op.alter_column(table, "effect", type_=sa.String(), existing_nullable=False)


def downgrade() -> None:
    for table in TABLES:
        op.alter_column(table, "effect", type_=sa.String(96), existing_nullable=False)
