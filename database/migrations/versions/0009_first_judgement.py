"""first judgement: line decisions, quotations as shown, inspections, recalls"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from database.migrations.policies import add_to_policies

revision: str = "0009"
down_revision: str | None = "0008"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_NEAR = {"provinces": ["浙江省", "上海市", "江苏省", "安徽省"], "earliest": "1 day", "latest": "2 days"}
_FAR = {
    "provinces": ["湖北省", "湖南省", "江西省", "福建省", "山东省", "河南省", "四川省", "重庆市"],
    "earliest": "2 days",
    "latest": "3 days",
}
_REMOTE = {
    "provinces": ["内蒙古自治区", "甘肃省", "宁夏回族自治区", "青海省", "海南省"],
    "earliest": "3 days",
    "latest": "6 days",
}
_FARTHEST = {"provinces": ["西藏自治区", "新疆维吾尔自治区"], "earliest": "5 days", "latest": "9 days"}


def upgrade() -> None:
    op.create_table(
        "recall",
        sa.Column("code", sa.String(32), nullable=False),
        sa.Column("model", sa.String(64), nullable=False),
        sa.Column("serial_from", sa.String(64), nullable=False),
        sa.Column("serial_to", sa.String(64), nullable=False),
        sa.Column("part", sa.String(64), nullable=True),
        sa.Column("name_en", sa.String(), nullable=False),
        sa.Column("name_zh", sa.String(), nullable=False),
        sa.Column("opened_on", sa.Date(), nullable=False),
        sa.Column("closed_on", sa.Date(), nullable=True),
        sa.CheckConstraint("length(serial_from) = length(serial_to)", name=op.f("ck_recall_serials")),
        sa.CheckConstraint("closed_on >= opened_on", name=op.f("ck_recall_closed_after_opened")),
        sa.ForeignKeyConstraint(["model"], ["product_model.code"], name=op.f("fk_recall_model")),
        sa.ForeignKeyConstraint(["part"], ["part.code"], name=op.f("fk_recall_part")),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_recall")),
    )
    op.create_index(op.f("ix_recall_model"), "recall", ["model"])
    op.create_table(
        "inspection",
        sa.Column("order", sa.String(32), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("outlet", sa.String(32), nullable=False),
        sa.Column("comes_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("waybill", sa.String(40), nullable=True),
        sa.Column("found_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("fault_found", sa.Boolean(), nullable=True),
        sa.Column("to_pay", sa.Numeric(12, 2), nullable=True),
        sa.ForeignKeyConstraint(["order"], ["replacement_order.number"], name=op.f("fk_inspection_order")),
        sa.ForeignKeyConstraint(["outlet"], ["service_outlet.code"], name=op.f("fk_inspection_outlet")),
        sa.PrimaryKeyConstraint("order", "seq", name=op.f("pk_inspection")),
    )
    op.add_column("order_line", sa.Column("charge", sa.String(32), nullable=True))
    op.add_column("order_line", sa.Column("refused_for", sa.String(32), nullable=True))
    op.add_column("quotation", sa.Column("goodwill", sa.Numeric(12, 2), server_default=sa.text("0"), nullable=False))
    op.add_column("quotation", sa.Column("parts_by", sa.DateTime(timezone=True), nullable=True))
    op.add_column("quotation", sa.Column("sureness", sa.String(32), nullable=True))
    op.add_column("quotation", sa.Column("basis", postgresql.JSONB(), server_default=sa.text("'[]'"), nullable=False))
    op.add_column("quotation", sa.Column("because", sa.String(32), nullable=True))
    op.add_column("quotation", sa.Column("shown", postgresql.JSONB(), server_default=sa.text("'{}'"), nullable=False))
    op.add_column("quotation", sa.Column("consented_said_by", sa.String(), nullable=True))
    op.add_column("quotation", sa.Column("consented_to", sa.Text(), nullable=True))
    op.add_column("quotation", sa.Column("consented_hash", sa.LargeBinary(), nullable=True))
    op.add_column("quotation", sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True))
    for column in (
        sa.Column("phone", sa.String(), server_default="", nullable=False),
        sa.Column("open_days", sa.String(7), server_default="1234567", nullable=False),
        sa.Column("opens", sa.String(5), server_default="09:00", nullable=False),
        sa.Column("closes", sa.String(5), server_default="18:00", nullable=False),
    ):
        op.add_column("service_outlet", column)
    op.create_index(
        "ix_replacement_order_cured",
        "replacement_order",
        ["model", "fault_code", "ended_at"],
        postgresql_where=sa.text("stage = 'closed'"),
    )
    op.create_index(op.f("ix_purchase_line_part"), "purchase_line", ["part"])
    add_to_policies(
        ["quotation", "transits"],
        [_NEAR, _FAR, _REMOTE, _FARTHEST],
        demo=[_FARTHEST | {"earliest": "1 day", "latest": "2 days"}],
    )
    add_to_policies(["quotation", "leads"], {"deliveries": 5, "newest": 50, "longer": "0.5"})
    add_to_policies(["quotation", "ask_again"], {"percent": "10", "amount": "50.00", "later": "3 working days"})
    add_to_policies(["quotation", "no_fault"], {"in_warranty": "0.00", "otherwise": "60.00"})
    add_to_policies(["hints"], {"orders": 500})


def downgrade() -> None:
    op.drop_index(op.f("ix_purchase_line_part"), table_name="purchase_line")
    op.drop_index("ix_replacement_order_cured", table_name="replacement_order")
    for column in ("closes", "opens", "open_days", "phone"):
        op.drop_column("service_outlet", column)
    for column in (
        "withdrawn_at", "consented_hash", "consented_to", "consented_said_by", "shown", "because", "basis", "sureness",
        "parts_by", "goodwill",
    ):  # fmt: skip
        op.drop_column("quotation", column)
    op.drop_column("order_line", "refused_for")
    op.drop_column("order_line", "charge")
    op.drop_table("inspection")
    op.drop_table("recall")
