"""requests for quotation: invitations, sealed bids, awards"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from database.migrations.policies import add_to_policies

revision: str = "0018"
down_revision: str | None = "0017"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_AGAIN = [{"action": "remind", "share": 0.5}, {"action": "escalate", "every": "2 working days"}]
_BIDS = [{"action": "remind", "share": 0.6}, {"action": "open_bids"}]
_TABLES = ("request_for_quotation", "request_line", "invitation", "bid", "bid_line", "award_line")


def upgrade() -> None:
    number, supplier, part, user = sa.String(32), sa.String(32), sa.String(64), sa.String(32)
    instant, role = sa.DateTime(timezone=True), sa.String(32)
    op.create_table(
        "request_for_quotation",
        sa.Column("number", number, nullable=False),
        sa.Column("created_at", instant, nullable=False),
        sa.Column("entered_by", user, nullable=False),
        sa.Column("warehouse", sa.String(32), nullable=False),
        sa.Column("stage", sa.String(32), nullable=False),
        sa.Column("deadline", instant, nullable=True),
        sa.Column("opened_at", instant, nullable=True),
        sa.Column("note", sa.Text(), server_default="", nullable=False),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.Column("request_key", sa.String(200), nullable=False),
        sa.Column("request_digest", sa.LargeBinary(), nullable=False),
        sa.Column("seq", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("log_head", sa.LargeBinary(), nullable=False),
        sa.Column("state", postgresql.JSONB(), nullable=False),
        sa.Column("wait_clock", sa.String(32), nullable=True),
        sa.Column("wait_owner", role, nullable=True),
        sa.Column("wait_caretaker", role, nullable=True),
        sa.Column("wait_since", instant, nullable=True),
        sa.Column("wait_due", instant, nullable=True),
        sa.Column("policy_name", sa.String(32), nullable=False),
        sa.Column("policy_version", sa.Integer(), nullable=False),
        sa.Column("started_at", instant, nullable=True),
        sa.Column("ended_at", instant, nullable=True),
        sa.CheckConstraint("opened_at >= deadline", name=op.f("ck_request_for_quotation_sealed_until_deadline")),
        sa.CheckConstraint(
            "deadline is not null or reason <> ''", name=op.f("ck_request_for_quotation_emergency_has_reason")
        ),
        sa.ForeignKeyConstraint(
            ["entered_by"], ["user_account.code"], name=op.f("fk_request_for_quotation_entered_by")
        ),
        sa.ForeignKeyConstraint(["warehouse"], ["warehouse.code"], name=op.f("fk_request_for_quotation_warehouse")),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_request_for_quotation")),
        sa.UniqueConstraint("entered_by", "request_key", name=op.f("uq_request_for_quotation_entered_by_request_key")),
    )
    op.create_index(
        "ix_request_for_quotation_created",
        "request_for_quotation",
        [sa.text("created_at desc"), sa.text("number desc")],
    )
    op.create_index(
        "ix_request_for_quotation_unstarted",
        "request_for_quotation",
        ["created_at"],
        postgresql_where=sa.text("started_at is null"),
    )
    op.create_table(
        "request_line",
        sa.Column("request", number, nullable=False),
        sa.Column("part", part, nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.CheckConstraint("quantity > 0", name=op.f("ck_request_line_quantity")),
        sa.ForeignKeyConstraint(["request"], ["request_for_quotation.number"], name=op.f("fk_request_line_request")),
        sa.ForeignKeyConstraint(["part"], ["part.code"], name=op.f("fk_request_line_part")),
        sa.PrimaryKeyConstraint("request", "part", name=op.f("pk_request_line")),
    )
    op.create_table(
        "invitation",
        sa.Column("request", number, nullable=False),
        sa.Column("supplier", supplier, nullable=False),
        sa.Column("token", sa.String(64), nullable=False),
        sa.Column("bid_at", instant, nullable=True),
        sa.Column("declined_at", instant, nullable=True),
        sa.ForeignKeyConstraint(["request"], ["request_for_quotation.number"], name=op.f("fk_invitation_request")),
        sa.ForeignKeyConstraint(["supplier"], ["supplier.code"], name=op.f("fk_invitation_supplier")),
        sa.PrimaryKeyConstraint("request", "supplier", name=op.f("pk_invitation")),
        sa.UniqueConstraint("token", name=op.f("uq_invitation_token")),
    )
    op.create_index(op.f("ix_invitation_supplier"), "invitation", ["supplier"])
    op.create_table(
        "bid",
        sa.Column("request", number, nullable=False),
        sa.Column("supplier", supplier, nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("at", instant, nullable=False),
        sa.Column("role", role, nullable=False),
        sa.Column("valid_until", sa.Date(), nullable=False),
        sa.Column("signed_by", sa.String(), nullable=False),
        sa.Column("evidence", sa.Text(), server_default="", nullable=False),
        sa.Column("note", sa.Text(), server_default="", nullable=False),
        sa.ForeignKeyConstraint(
            ["request", "supplier"], ["invitation.request", "invitation.supplier"], name=op.f("fk_bid_request")
        ),
        sa.PrimaryKeyConstraint("request", "supplier", "seq", name=op.f("pk_bid")),
    )
    op.create_table(
        "bid_line",
        sa.Column("request", number, nullable=False),
        sa.Column("supplier", supplier, nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("part", part, nullable=False),
        sa.Column("price", sa.Numeric(12, 2), nullable=False),
        sa.Column("freight", sa.Numeric(12, 2), nullable=False),
        sa.Column("lead_days", sa.Integer(), nullable=False),
        sa.Column("guarantee_months", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "price > 0 and freight >= 0 and lead_days > 0 and guarantee_months >= 0", name=op.f("ck_bid_line_terms")
        ),
        sa.ForeignKeyConstraint(
            ["request", "supplier", "seq"], ["bid.request", "bid.supplier", "bid.seq"], name=op.f("fk_bid_line_request")
        ),
        sa.ForeignKeyConstraint(
            ["request", "part"], ["request_line.request", "request_line.part"], name="fk_bid_line_part"
        ),
        sa.PrimaryKeyConstraint("request", "supplier", "seq", "part", name=op.f("pk_bid_line")),
    )
    op.create_table(
        "award_line",
        sa.Column("request", number, nullable=False),
        sa.Column("part", part, nullable=False),
        sa.Column("supplier", supplier, nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("price", sa.Numeric(12, 2), nullable=False),
        sa.Column("freight", sa.Numeric(12, 2), nullable=False),
        sa.Column("rank", sa.Integer(), nullable=True),
        sa.Column("gap", sa.Numeric(9, 4), nullable=True),
        sa.Column("bids", sa.Integer(), nullable=False),
        sa.Column("purchase_order", number, nullable=True),
        sa.CheckConstraint("quantity > 0", name=op.f("ck_award_line_quantity")),
        sa.ForeignKeyConstraint(
            ["request", "part"], ["request_line.request", "request_line.part"], name=op.f("fk_award_line_request")
        ),
        sa.ForeignKeyConstraint(["supplier"], ["supplier.code"], name=op.f("fk_award_line_supplier")),
        sa.ForeignKeyConstraint(
            ["purchase_order"], ["purchase_order.number"], name=op.f("fk_award_line_purchase_order")
        ),
        sa.PrimaryKeyConstraint("request", "part", "supplier", name=op.f("pk_award_line")),
    )
    for table in ("bid", "bid_line"):
        op.execute(f"""
            create trigger append_only before update or delete or truncate on {table}
            for each statement execute function refuse_change()
        """)
    add_to_policies(
        ["purchasing", "requests"],
        {
            "weights": {"landed_cost": "0.5", "lead_time": "0.2", "score": "0.2", "guarantee": "0.1"},
            "least_bids": 3,
        },
    )
    for clock, due, alarms in (("bids", "5", _BIDS), ("award", "3", _AGAIN), ("emergency", "5", _AGAIN)):
        soon = [{"action": "remind", "share": 0.4}, alarms[1]] if clock == "bids" else alarms
        add_to_policies(
            ["clocks", clock],
            {"due": f"{due} working days", "alarms": alarms},
            demo={"due": "10 working days", "alarms": soon},
        )


def downgrade() -> None:
    for table in reversed(_TABLES):
        op.drop_table(table)
