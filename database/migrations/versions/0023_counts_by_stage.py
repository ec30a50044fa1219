"""open orders are counted in the order of their stages, from the index that has them so"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0023"
down_revision: str | None = "0022"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

STAGES = ("ix_replacement_order_stage_due", ["stage", "wait_due", "number"])
DESKS = ("ix_replacement_order_caretaker_due", ["wait_caretaker", "service_centre", "wait_due", "number"])
OPEN = sa.text("ended_at is null")


def upgrade() -> None:
    _index(*STAGES, ["wait_caretaker", "service_centre", "technician", "auditor"])
    _index(*DESKS, ["technician", "auditor"], OPEN)


def downgrade() -> None:
    _index(*STAGES, None)
    _index(*DESKS, ["stage", "technician", "auditor"], OPEN)


def _index(name: str, columns: list[str], more: list[str] | None, where: sa.TextClause | None = None) -> None:
    op.drop_index(name, table_name="replacement_order")
    op.create_index(name, "replacement_order", columns, postgresql_include=more, postgresql_where=where)
