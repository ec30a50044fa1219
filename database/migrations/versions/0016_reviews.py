"""supplier reviews, standings and corrective actions"""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from database.migrations.policies import add_to_policies

revision: str = "0016"
down_revision: str | None = "0015"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_CLOCKS: dict[str, Any] = {
    "held": {
        "due": "1 working day",
        "alarms": [{"action": "remind", "share": 0.5}, {"action": "escalate", "every": "1 working day"}],
    },
    "standing": {
        "due": "3 working days",
        "alarms": [{"action": "remind", "share": 0.5}, {"action": "escalate", "every": "1 working day"}],
    },
    "demand": {
        "due": "5 working days",
        "alarms": [
            {"action": "remind", "share": 0.6},
            {"action": "escalate", "every": "2 working days"},
            {"action": "worsen", "then": "5 working days"},
        ],
    },
    "measures": {
        "due": "20 working days",
        "alarms": [
            {"action": "remind", "share": 0.8},
            {"action": "escalate", "every": "3 working days"},
            {"action": "worsen", "then": "10 working days"},
        ],
    },
    "verification": {
        "due": "5 working days",
        "alarms": [{"action": "remind", "share": 0.6}, {"action": "escalate", "every": "2 working days"}],
    },
    "release": {
        "due": "3 working days",
        "alarms": [{"action": "remind", "share": 0.5}, {"action": "escalate", "every": "1 working day"}],
    },
}
_DEMO: dict[str, Any] = {
    "measures": {
        "due": "5 working days",
        "alarms": [
            {"action": "remind", "share": 0.5},
            {"action": "escalate", "every": "2 working days"},
            {"action": "worsen", "then": "10 working days"},
        ],
    },
}
_REVIEW: dict[str, Any] = {
    "months": 3,
    "smallest_n": 5,
    "failure_days": 90,
    "weights": {"on_time": "30", "incoming_quality": "25", "durability": "20", "responsiveness": "10", "price": "15"},
    "thresholds": {"warned": "80", "suspended": "60", "dropped": "30"},
    "floors": [
        {"figure": "incoming_quality", "below": "0.80", "standing": "warned"},
        {"figure": "incoming_quality", "below": "0.60", "standing": "suspended"},
        {"figure": "durability", "below": "0.90", "standing": "warned"},
    ],
    "automatic": ["warned"],
}


def upgrade() -> None:
    op.create_table(
        "supplier_review",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("first", sa.Date(), nullable=False),
        sa.Column("end", sa.Date(), nullable=False),
        sa.Column("supplier", sa.String(32), nullable=False),
        sa.Column("reviewed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("policy_name", sa.String(32), nullable=False),
        sa.Column("policy_version", sa.Integer(), nullable=False),
        sa.Column("figures", postgresql.JSONB(), nullable=False),
        sa.Column("score", sa.Numeric(4, 1), nullable=True),
        sa.Column("standing", sa.String(32), nullable=False),
        sa.Column("proposed", sa.String(32), nullable=True),
        sa.CheckConstraint('"end" > first', name=op.f("ck_supplier_review_period")),
        sa.ForeignKeyConstraint(["supplier"], ["supplier.code"], name=op.f("fk_supplier_review_supplier")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_supplier_review")),
        sa.UniqueConstraint("first", "end", "supplier", name=op.f("uq_supplier_review_first_end_supplier")),
    )
    op.create_index("ix_supplier_review_supplier_end", "supplier_review", ["supplier", "end"])
    op.create_table(
        "review_evidence",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("review", sa.BigInteger(), nullable=False),
        sa.Column("figure", sa.String(32), nullable=False),
        sa.Column("document", sa.String(32), nullable=False),
        sa.Column("part", sa.String(64), nullable=True),
        sa.Column("good", sa.Boolean(), nullable=False),
        sa.Column("due", sa.DateTime(timezone=True), nullable=True),
        sa.Column("done", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["part"], ["part.code"], name=op.f("fk_review_evidence_part")),
        sa.ForeignKeyConstraint(["review"], ["supplier_review.id"], name=op.f("fk_review_evidence_review")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_review_evidence")),
    )
    op.create_index("ix_review_evidence_review_figure", "review_evidence", ["review", "figure", "id"])
    op.create_table(
        "corrective_action",
        sa.Column("number", sa.String(32), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("supplier", sa.String(32), nullable=False),
        sa.Column("review", sa.BigInteger(), nullable=False),
        sa.Column("stage", sa.String(32), nullable=False),
        sa.Column("standing", sa.String(32), nullable=False),
        sa.Column("seq", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("log_head", sa.LargeBinary(), nullable=False),
        sa.Column("state", postgresql.JSONB(), nullable=False),
        sa.Column("wait_clock", sa.String(32), nullable=True),
        sa.Column("wait_owner", sa.String(32), nullable=True),
        sa.Column("wait_caretaker", sa.String(32), nullable=True),
        sa.Column("wait_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("wait_due", sa.DateTime(timezone=True), nullable=True),
        sa.Column("policy_name", sa.String(32), nullable=False),
        sa.Column("policy_version", sa.Integer(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["review"], ["supplier_review.id"], name=op.f("fk_corrective_action_review")),
        sa.ForeignKeyConstraint(["supplier"], ["supplier.code"], name=op.f("fk_corrective_action_supplier")),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_corrective_action")),
    )
    op.create_index(op.f("ix_corrective_action_supplier"), "corrective_action", ["supplier"])
    op.create_index(
        "uq_corrective_action_open",
        "corrective_action",
        ["supplier"],
        unique=True,
        postgresql_where=sa.text("ended_at is null"),
    )
    op.create_index(
        "ix_corrective_action_created", "corrective_action", [sa.text("created_at desc"), sa.text("number desc")]
    )
    op.create_index(
        "ix_corrective_action_unstarted",
        "corrective_action",
        ["created_at"],
        postgresql_where=sa.text("started_at is null"),
    )
    op.create_table(
        "standing_change",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("supplier", sa.String(32), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by", sa.String(64), nullable=False),
        sa.Column("role", sa.String(32), nullable=False),
        sa.Column("before", sa.String(32), nullable=False),
        sa.Column("after", sa.String(32), nullable=False),
        sa.Column("because", sa.String(32), nullable=False),
        sa.Column("corrective_action", sa.String(32), nullable=False),
        sa.Column("explanation", sa.Text(), server_default="", nullable=False),
        sa.CheckConstraint("before <> after", name=op.f("ck_standing_change_changes")),
        sa.ForeignKeyConstraint(
            ["corrective_action"], ["corrective_action.number"], name=op.f("fk_standing_change_corrective_action")
        ),
        sa.ForeignKeyConstraint(["supplier"], ["supplier.code"], name=op.f("fk_standing_change_supplier")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_standing_change")),
    )
    op.create_index(op.f("ix_standing_change_supplier"), "standing_change", ["supplier"])
    for table in ("supplier_review", "review_evidence", "standing_change"):
        op.execute(f"""
            create trigger append_only before update or delete or truncate on {table}
            for each statement execute function refuse_change()
        """)
    for clock, rule in _CLOCKS.items():
        add_to_policies(["clocks", clock], rule, demo=_DEMO.get(clock, rule))
    add_to_policies(["review"], _REVIEW)


def downgrade() -> None:
    for table in ("standing_change", "corrective_action", "review_evidence", "supplier_review"):
        op.drop_table(table)
