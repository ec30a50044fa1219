"""buying: what comes in, how it was found, what goes back, what is billed; suppliers' links and signatures"""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from database.migrations.policies import add_to_policies

revision: str = "0013"
down_revision: str | None = "0012"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def _clock(due: str, share: float = 0.5) -> dict[str, Any]:
    return {
        "due": due,
        "alarms": [{"action": "remind", "share": share}, {"action": "escalate", "every": "2 working days"}],
    }


_SAMPLING = [
    {"up_to": 8, "sample": 2, "refuse": 1},
    {"up_to": 25, "sample": 5, "refuse": 1},
    {"up_to": 90, "sample": 13, "refuse": 2},
    {"up_to": 280, "sample": 32, "refuse": 3},
    {"up_to": 1200, "sample": 80, "refuse": 6},
]
_TERMS = {
    "zh": "货到经检验合格后，凭发票 30 日内付款。不合格品由供应商承担退回与补发费用。未经我方书面同意，交期不得变更。",
    "en": "Payment within 30 days of the invoice, for goods that passed our inspection. Refused goods are returned and"
    " replaced at the supplier's expense. Dates move only if we agree in writing.",
}


def upgrade() -> None:
    op.create_table(
        "characteristic",
        sa.Column("part", sa.String(64), nullable=False),
        sa.Column("code", sa.String(64), nullable=False),
        sa.Column("name_en", sa.String(), nullable=False),
        sa.Column("name_zh", sa.String(), nullable=False),
        sa.Column("unit", sa.String(), nullable=False),
        sa.Column("low", sa.Numeric(12, 4), nullable=True),
        sa.Column("high", sa.Numeric(12, 4), nullable=True),
        sa.CheckConstraint(
            "low <= high and (low is not null or high is not null)", name=op.f("ck_characteristic_limits")
        ),
        sa.ForeignKeyConstraint(["part"], ["part.code"], name=op.f("fk_characteristic_part")),
        sa.PrimaryKeyConstraint("part", "code", name=op.f("pk_characteristic")),
    )
    op.create_table(
        "supplier_link",
        sa.Column("token", sa.String(64), nullable=False),
        sa.Column("document", sa.String(32), nullable=False),
        sa.Column("supplier", sa.String(32), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["supplier"], ["supplier.code"], name=op.f("fk_supplier_link_supplier")),
        sa.PrimaryKeyConstraint("token", name=op.f("pk_supplier_link")),
    )
    op.create_index(op.f("ix_supplier_link_document"), "supplier_link", ["document"])
    op.create_table(
        "goods_receipt",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("purchase_order", sa.String(32), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("delivery_note", sa.String(64), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by", sa.String(64), nullable=False),
        sa.ForeignKeyConstraint(
            ["purchase_order"], ["purchase_order.number"], name=op.f("fk_goods_receipt_purchase_order")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_goods_receipt")),
        sa.UniqueConstraint(
            "purchase_order", "delivery_note", name=op.f("uq_goods_receipt_purchase_order_delivery_note")
        ),
        sa.UniqueConstraint("purchase_order", "seq", name=op.f("uq_goods_receipt_purchase_order_seq")),
    )
    op.create_table(
        "supplier_invoice",
        sa.Column("supplier", sa.String(32), nullable=False),
        sa.Column("number", sa.String(64), nullable=False),
        sa.Column("purchase_order", sa.String(32), nullable=False),
        sa.Column("entered_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("entered_by", sa.String(64), nullable=False),
        sa.Column("total", sa.Numeric(12, 2), nullable=False),
        sa.Column("payable", sa.Numeric(12, 2), nullable=True),
        sa.Column("state", sa.String(32), nullable=False),
        sa.Column("outcome", sa.String(32), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decided_by", sa.String(64), nullable=True),
        sa.CheckConstraint("(state = 'differs') = (payable is null)", name=op.f("ck_supplier_invoice_payable")),
        sa.CheckConstraint(
            "(state in ('decided', 'sent_back')) = (outcome is not null)", name=op.f("ck_supplier_invoice_decided")
        ),
        sa.ForeignKeyConstraint(
            ["purchase_order"], ["purchase_order.number"], name=op.f("fk_supplier_invoice_purchase_order")
        ),
        sa.ForeignKeyConstraint(["supplier"], ["supplier.code"], name=op.f("fk_supplier_invoice_supplier")),
        sa.PrimaryKeyConstraint("supplier", "number", name=op.f("pk_supplier_invoice")),
    )
    op.create_index(op.f("ix_supplier_invoice_purchase_order"), "supplier_invoice", ["purchase_order"])
    op.create_table(
        "invoice_line",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("supplier", sa.String(32), nullable=False),
        sa.Column("invoice", sa.String(64), nullable=False),
        sa.Column("part", sa.String(64), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("unit_price", sa.Numeric(12, 2), nullable=False),
        sa.Column("paid_quantity", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("paid_price", sa.Numeric(12, 2), nullable=True),
        sa.CheckConstraint("paid_quantity between 0 and quantity", name=op.f("ck_invoice_line_paid_quantity")),
        sa.ForeignKeyConstraint(["part"], ["part.code"], name=op.f("fk_invoice_line_part")),
        sa.ForeignKeyConstraint(
            ["supplier", "invoice"],
            ["supplier_invoice.supplier", "supplier_invoice.number"],
            name=op.f("fk_invoice_line_supplier"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_invoice_line")),
        sa.UniqueConstraint("supplier", "invoice", "part", name=op.f("uq_invoice_line_supplier_invoice_part")),
    )
    op.create_table(
        "received_lot",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("receipt", sa.BigInteger(), nullable=False),
        sa.Column("purchase_order", sa.String(32), nullable=False),
        sa.Column("supplier", sa.String(32), nullable=False),
        sa.Column("part", sa.String(64), nullable=False),
        sa.Column("batch", sa.String(64), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("noted", sa.Integer(), nullable=True),
        sa.Column("sample", sa.Integer(), nullable=False),
        sa.Column("refuse", sa.Integer(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("verdict", sa.String(32), nullable=True),
        sa.Column("checked", sa.Integer(), nullable=True),
        sa.Column("faulty", sa.Integer(), nullable=True),
        sa.Column("accepted", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("refused", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("inspected_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("inspected_by", sa.String(64), nullable=True),
        sa.CheckConstraint(
            "(verdict is null) = (inspected_at is null) and (verdict is null) = (checked is null)"
            " and accepted >= 0 and refused >= 0"
            " and accepted + refused = case when verdict is null then 0 else quantity end",
            name=op.f("ck_received_lot_untouched"),
        ),
        sa.CheckConstraint(
            "checked between sample and quantity and faulty between 0 and checked", name=op.f("ck_received_lot_checked")
        ),
        sa.CheckConstraint(
            "quantity > 0 and sample between 1 and quantity and refuse > 0", name=op.f("ck_received_lot_quantity")
        ),
        sa.ForeignKeyConstraint(["part"], ["part.code"], name=op.f("fk_received_lot_part")),
        sa.ForeignKeyConstraint(
            ["purchase_order"], ["purchase_order.number"], name=op.f("fk_received_lot_purchase_order")
        ),
        sa.ForeignKeyConstraint(["receipt"], ["goods_receipt.id"], name=op.f("fk_received_lot_receipt")),
        sa.ForeignKeyConstraint(["supplier"], ["supplier.code"], name=op.f("fk_received_lot_supplier")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_received_lot")),
        sa.UniqueConstraint("receipt", "part", name=op.f("uq_received_lot_receipt_part")),
    )
    op.create_index(
        "ix_received_lot_awaiting", "received_lot", ["received_at"], postgresql_where=sa.text("verdict is null")
    )
    op.create_index("ix_received_lot_inspected", "received_lot", ["supplier", "inspected_at"])
    op.create_index(op.f("ix_received_lot_part"), "received_lot", ["part"])
    op.create_index(op.f("ix_received_lot_purchase_order"), "received_lot", ["purchase_order"])
    op.create_index(op.f("ix_received_lot_receipt"), "received_lot", ["receipt"])
    op.create_table(
        "lot_reading",
        sa.Column("lot", sa.BigInteger(), nullable=False),
        sa.Column("piece", sa.Integer(), nullable=False),
        sa.Column("characteristic", sa.String(64), nullable=False),
        sa.Column("value", sa.Numeric(12, 4), nullable=False),
        sa.Column("low", sa.Numeric(12, 4), nullable=True),
        sa.Column("high", sa.Numeric(12, 4), nullable=True),
        sa.ForeignKeyConstraint(["lot"], ["received_lot.id"], name=op.f("fk_lot_reading_lot")),
        sa.PrimaryKeyConstraint("lot", "piece", "characteristic", name=op.f("pk_lot_reading")),
    )
    op.create_table(
        "supplier_claim",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("purchase_order", sa.String(32), nullable=False),
        sa.Column("lot", sa.BigInteger(), nullable=False),
        sa.Column("value", sa.Numeric(12, 2), nullable=False),
        sa.Column("state", sa.String(32), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("settled_for", sa.Numeric(12, 2), nullable=True),
        sa.CheckConstraint("(state = 'settled') = (settled_for is not null)", name=op.f("ck_supplier_claim_settled")),
        sa.ForeignKeyConstraint(["lot"], ["received_lot.id"], name=op.f("fk_supplier_claim_lot")),
        sa.ForeignKeyConstraint(
            ["purchase_order"], ["purchase_order.number"], name=op.f("fk_supplier_claim_purchase_order")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_supplier_claim")),
        sa.UniqueConstraint("lot", name=op.f("uq_supplier_claim_lot")),
    )
    op.create_index(op.f("ix_supplier_claim_purchase_order"), "supplier_claim", ["purchase_order"])
    op.create_table(
        "supplier_return",
        sa.Column("number", sa.String(32), nullable=False),
        sa.Column("purchase_order", sa.String(32), nullable=False),
        sa.Column("lot", sa.BigInteger(), nullable=False),
        sa.Column("part", sa.String(64), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("handed_back_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("handed_back_by", sa.String(64), nullable=True),
        sa.Column("taken_by", sa.String(), nullable=True),
        sa.Column("waybill", sa.String(40), nullable=True),
        sa.CheckConstraint(
            "(handed_back_at is null) = (taken_by is null)", name=op.f("ck_supplier_return_handed_back")
        ),
        sa.CheckConstraint("quantity > 0", name=op.f("ck_supplier_return_quantity")),
        sa.ForeignKeyConstraint(["lot"], ["received_lot.id"], name=op.f("fk_supplier_return_lot")),
        sa.ForeignKeyConstraint(["part"], ["part.code"], name=op.f("fk_supplier_return_part")),
        sa.ForeignKeyConstraint(
            ["purchase_order"], ["purchase_order.number"], name=op.f("fk_supplier_return_purchase_order")
        ),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_supplier_return")),
        sa.UniqueConstraint("lot", name=op.f("uq_supplier_return_lot")),
    )
    op.create_index(op.f("ix_supplier_return_purchase_order"), "supplier_return", ["purchase_order"])
    op.add_column("purchase_line", sa.Column("paid", sa.Integer(), server_default=sa.text("0"), nullable=False))
    op.add_column(
        "purchase_order", sa.Column("shown", postgresql.JSONB(), server_default=sa.text("'{}'"), nullable=False)
    )
    op.add_column(
        "purchase_order", sa.Column("ranking", postgresql.JSONB(), server_default=sa.text("'{}'"), nullable=False)
    )
    op.add_column("purchase_order", sa.Column("signed_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("purchase_order", sa.Column("signed_text", sa.Text(), nullable=True))
    op.add_column("purchase_order", sa.Column("signed_hash", sa.LargeBinary(), nullable=True))
    op.add_column("purchase_order", sa.Column("proposed_for", sa.DateTime(timezone=True), nullable=True))
    op.add_column("purchase_order", sa.Column("proposed_by", sa.String(), nullable=True))
    op.add_column("purchase_order", sa.Column("received_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("purchase_order", sa.Column("passed_on_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("replacement_order", sa.Column("parts_expected_at", sa.DateTime(timezone=True), nullable=True))
    op.create_check_constraint(op.f("ck_purchase_line_paid"), "purchase_line", "paid between 0 and received")
    op.execute("update purchase_order set received_at = ended_at where stage = 'goods_received'")
    add_to_policies(["clocks", "incoming_inspection"], _clock("1 working day"))
    add_to_policies(["clocks", "hand_back"], _clock("5 working days"), demo=_clock("2 working days"))
    add_to_policies(["clocks", "account"], _clock("20 working days"), demo=_clock("5 working days"))
    add_to_policies(["clocks", "proposal"], _clock("1 working day"))
    add_to_policies(["sampling"], _SAMPLING)
    add_to_policies(["invoices"], {"percent": "1", "amount": "50.00"})
    add_to_policies(["follow_up"], {"answer_within": "1 working day", "tell_customer": "3 working days"})
    add_to_policies(["purchase_terms"], _TERMS)


def downgrade() -> None:
    op.drop_column("replacement_order", "parts_expected_at")
    op.drop_column("purchase_order", "passed_on_at")
    op.drop_column("purchase_order", "received_at")
    op.drop_column("purchase_order", "proposed_by")
    op.drop_column("purchase_order", "proposed_for")
    op.drop_column("purchase_order", "signed_hash")
    op.drop_column("purchase_order", "signed_text")
    op.drop_column("purchase_order", "signed_at")
    op.drop_column("purchase_order", "ranking")
    op.drop_column("purchase_order", "shown")
    op.drop_column("purchase_line", "paid")
    op.drop_index(op.f("ix_supplier_return_purchase_order"), table_name="supplier_return")
    op.drop_table("supplier_return")
    op.drop_index(op.f("ix_supplier_claim_purchase_order"), table_name="supplier_claim")
    op.drop_table("supplier_claim")
    op.drop_table("lot_reading")
    op.drop_index(op.f("ix_received_lot_receipt"), table_name="received_lot")
    op.drop_index(op.f("ix_received_lot_purchase_order"), table_name="received_lot")
    op.drop_index(op.f("ix_received_lot_part"), table_name="received_lot")
    op.drop_index("ix_received_lot_inspected", table_name="received_lot")
    op.drop_index("ix_received_lot_awaiting", table_name="received_lot", postgresql_where=sa.text("verdict is null"))
    op.drop_table("received_lot")
    op.drop_table("invoice_line")
    op.drop_index(op.f("ix_supplier_invoice_purchase_order"), table_name="supplier_invoice")
    op.drop_table("supplier_invoice")
    op.drop_table("goods_receipt")
    op.drop_index(op.f("ix_supplier_link_document"), table_name="supplier_link")
    op.drop_table("supplier_link")
    op.drop_table("characteristic")
