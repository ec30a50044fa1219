"""auditing"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from database.migrations.policies import add_to_policies

revision: str = "0008"
down_revision: str | None = "0007"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_AUDIT = {
    "cost_tiers": [],
    "goodwill_tiers": [],
    "most_goodwill": "2000.00",
    "most_pieces": 999,
    "duplicate_days": 30,
    "most_replacements": 3,
    "replacements_days": 365,
    "rework_worth": "500.00",
}
"""Versions that stood before asked for one signature, whatever the cost."""
_STATUTORY = {"return_days": 7, "exchange_days": 15, "failed_repairs": 2, "repair_days": 30, "parts_days": 90}


def _clock(due: str, share: float, then: dict[str, str]) -> dict[str, object]:
    return {"due": due, "alarms": [{"action": "remind", "share": share}, then]}


def upgrade() -> None:
    _tables()
    _policies()


def _policies() -> None:
    add_to_policies(["audit"], _AUDIT)
    add_to_policies(["statutory"], _STATUTORY)
    add_to_policies(
        ["clocks", "second_signature"],
        _clock("1 working day", 0.5, {"action": "escalate", "every": "4 working hours"}),
        demo=_clock("1 working day", 0.5, {"action": "escalate", "every": "2 working days"}),
    )
    add_to_policies(
        ["clocks", "question"],
        _clock("3 working days", 0.5, {"action": "resume"}),
        demo=_clock("5 working days", 0.2, {"action": "resume"}),
    )
    add_to_policies(
        ["clocks", "objection"],
        _clock("5 working days", 0.6, {"action": "make_final"}),
        demo=_clock("10 working days", 0.1, {"action": "make_final"}),
    )


def _tables() -> None:
    number, user = sa.String(length=32), sa.String(length=32)
    instant = sa.DateTime(timezone=True)
    op.add_column("replacement_order", sa.Column("auditor", user, nullable=True))
    op.add_column("replacement_order", sa.Column("handed_by", user, nullable=True))
    for column in ("auditor", "handed_by"):
        op.create_foreign_key(
            op.f(f"fk_replacement_order_{column}"), "replacement_order", "user_account", [column], ["code"]
        )
    op.create_index(
        "ix_replacement_order_auditor",
        "replacement_order",
        ["auditor"],
        postgresql_where=sa.text("auditor is not null"),
    )
    op.create_table(
        "absence",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("user", user, nullable=False),
        sa.Column("deputy", user, nullable=False),
        sa.Column("since", instant, nullable=False),
        sa.Column("until", instant, nullable=False),
        sa.Column("entered_by", user, nullable=False),
        sa.Column("entered_at", instant, server_default=sa.text("now()"), nullable=False),
        sa.Column("ended_by", user, nullable=True),
        sa.CheckConstraint("until >= since", name=op.f("ck_absence_in_order")),
        sa.CheckConstraint('deputy <> "user"', name=op.f("ck_absence_somebody_else")),
        *(
            sa.ForeignKeyConstraint([column], ["user_account.code"], name=op.f(f"fk_absence_{column}"))
            for column in ("user", "deputy", "entered_by", "ended_by")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_absence")),
    )
    op.create_index("ix_absence_user_until", "absence", ["user", "until"])
    op.create_index("ix_absence_deputy_until", "absence", ["deputy", "until"])
    op.create_table(
        "audit_attempt",
        sa.Column("order", number, nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("at", instant, nullable=False),
        sa.Column("by", user, nullable=False),
        sa.Column("action", sa.String(length=32), nullable=False),
        sa.Column("reasons", postgresql.ARRAY(sa.String(length=32)), nullable=False),
        sa.Column("explanation", sa.String(), nullable=False),
        sa.Column("seen", postgresql.JSONB(), nullable=False),
        sa.ForeignKeyConstraint(["order"], ["replacement_order.number"], name=op.f("fk_audit_attempt_order")),
        sa.ForeignKeyConstraint(["by"], ["user_account.code"], name=op.f("fk_audit_attempt_by")),
        sa.PrimaryKeyConstraint("order", "seq", name=op.f("pk_audit_attempt")),
    )
    op.create_table(
        "audit_question",
        sa.Column("order", number, nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("asked_at", instant, nullable=False),
        sa.Column("asked_by", user, nullable=False),
        sa.Column("question", sa.String(), nullable=False),
        sa.Column("wait", postgresql.JSONB(), nullable=False),
        sa.Column("ended_at", instant, nullable=True),
        sa.Column("ended_by", sa.String(length=64), nullable=True),
        sa.Column("ended_as", sa.String(length=32), nullable=True),
        sa.Column("reply", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(["order"], ["replacement_order.number"], name=op.f("fk_audit_question_order")),
        sa.ForeignKeyConstraint(["asked_by"], ["user_account.code"], name=op.f("fk_audit_question_asked_by")),
        sa.PrimaryKeyConstraint("order", "seq", name=op.f("pk_audit_question")),
    )
    op.create_index(
        "uq_audit_question_open",
        "audit_question",
        ["order"],
        unique=True,
        postgresql_where=sa.text("ended_at is null"),
    )


def downgrade() -> None:
    op.drop_table("audit_question")
    op.drop_table("audit_attempt")
    op.drop_table("absence")
    op.drop_column("replacement_order", "handed_by")
    op.drop_column("replacement_order", "auditor")
