"""sourcing: substitutes, why who got pieces, where the policy looks and when what is kept is given back"""

import json
from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from database.migrations.policies import add_to_policies

revision: str = "0014"
down_revision: str | None = "0013"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.add_column("reservation", sa.Column("because", sa.String(32), nullable=True))
    op.add_column("order_line", sa.Column("instead_of", sa.String(64), nullable=True))
    op.create_foreign_key(op.f("fk_order_line_instead_of"), "order_line", "part", ["instead_of"], ["code"])
    op.create_table(
        "substitute_part",
        sa.Column("part", sa.String(64), nullable=False),
        sa.Column("substitute", sa.String(64), nullable=False),
        sa.CheckConstraint("part <> substitute", name=op.f("ck_substitute_part_another")),
        sa.ForeignKeyConstraint(["part"], ["part.code"], name=op.f("fk_substitute_part_part")),
        sa.ForeignKeyConstraint(["substitute"], ["part.code"], name=op.f("fk_substitute_part_substitute")),
        sa.PrimaryKeyConstraint("part", "substitute", name=op.f("pk_substitute_part")),
    )
    add_to_policies(["sourcing"], {"look": ["own", "other", "technician"]})
    _let_reservations_expire("3 working days", "name <> 'demo'")
    _let_reservations_expire("1 working day", "name = 'demo'")


def _let_reservations_expire(after: str, of: str) -> None:
    """Policies learn when what waits too long for the rest is given back; one that says so already keeps its words."""
    alarm = json.dumps([{"action": "expire", "then": after, "every": after}])
    op.execute(
        sa.text(
            "update policy_version set content = jsonb_set(content, '{clocks,parts,alarms}',"
            " (content #> '{clocks,parts,alarms}') || cast(:alarm as jsonb))"
            f" where {of} and jsonb_typeof(content #> '{{clocks,parts,alarms}}') = 'array'"
            " and not (content #> '{clocks,parts,alarms}') @> cast(:known as jsonb)"
        ).bindparams(alarm=alarm, known=json.dumps([{"action": "expire"}]))
    )


def downgrade() -> None:
    op.drop_table("substitute_part")
    op.drop_column("order_line", "instead_of")
    op.drop_column("reservation", "because")
