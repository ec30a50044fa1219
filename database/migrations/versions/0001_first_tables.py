"""first tables"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0001"
down_revision: str | None = None
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


TABLES = (
    "carrier_account",
    "customer",
    "fault",
    "number_series",
    "outbox",
    "part",
    "policy_version",
    "product_model",
    "service_centre",
    "submission",
    "supplier",
    "working_day_override",
    "carrier_push",
    "event_log",
    "part_model",
    "registered_unit",
    "service_outlet",
    "supplier_price",
    "user_account",
    "warehouse",
    "api_key",
    "place",
    "purchase_order",
    "technician",
    "user_session",
    "certificate",
    "movement",
    "purchase_line",
    "replacement_order",
    "stock",
    "appointment",
    "order_line",
    "quotation",
    "revisit_attempt",
    "shipment",
    "signature",
    "back_order",
    "claim",
    "parcel",
    "reservation",
    "shipment_line",
    "parcel_scan",
)
"""In the order in which they are made."""


def upgrade() -> None:
    op.execute("create extension if not exists pg_trgm")
    op.create_table(
        "carrier_account",
        sa.Column("code", sa.String(32), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("carrier", sa.String(32), nullable=False),
        sa.Column("name_en", sa.String(), nullable=False),
        sa.Column("name_zh", sa.String(), nullable=False),
        sa.Column("settings", postgresql.JSONB(), nullable=False),
        sa.Column("calls_per_minute", sa.Integer(), nullable=False),
        sa.Column("next_call_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("push_token", sa.String(64), nullable=False),
        sa.Column("preferred", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_carrier_account")),
        sa.UniqueConstraint("push_token", name=op.f("uq_carrier_account_push_token")),
    )
    op.create_table(
        "customer",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("phone", sa.String(), nullable=False),
        sa.Column("email", sa.String(), nullable=True),
        sa.Column("province", sa.String(), server_default="", nullable=False),
        sa.Column("city", sa.String(), server_default="", nullable=False),
        sa.Column("district", sa.String(), server_default="", nullable=False),
        sa.Column("address", sa.String(), server_default="", nullable=False),
        sa.Column("language", sa.String(8), server_default="zh", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_customer")),
    )
    op.create_index(op.f("ix_customer_phone"), "customer", ["phone"])
    op.create_table(
        "fault",
        sa.Column("code", sa.String(96), nullable=False),
        sa.Column("parent", sa.String(96), nullable=True),
        sa.Column("name_en", sa.String(), nullable=False),
        sa.Column("name_zh", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["parent"], ["fault.code"], name=op.f("fk_fault_parent")),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_fault")),
    )
    op.create_table(
        "number_series",
        sa.Column("prefix", sa.String(8), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("last", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("prefix", "day", name=op.f("pk_number_series")),
    )
    op.create_table(
        "outbox",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("document", sa.String(32), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("template", sa.String(64), nullable=False),
        sa.Column("audience", sa.String(32), nullable=False),
        sa.Column("content", postgresql.JSONB(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox")),
        sa.UniqueConstraint(
            "document", "seq", "template", "audience", name=op.f("uq_outbox_document_seq_template_audience")
        ),
    )
    op.create_index("ix_outbox_unsent", "outbox", ["created_at"], postgresql_where=sa.text("sent_at is null"))
    op.create_table(
        "part",
        sa.Column("code", sa.String(64), nullable=False),
        sa.Column("name_en", sa.String(), nullable=False),
        sa.Column("name_zh", sa.String(), nullable=False),
        sa.Column("specification", sa.String(), nullable=False),
        sa.Column("unit", sa.String(16), nullable=False),
        sa.Column("weight_kg", sa.Numeric(8, 3), nullable=False),
        sa.Column("length_cm", sa.Numeric(8, 1), nullable=False),
        sa.Column("width_cm", sa.Numeric(8, 1), nullable=False),
        sa.Column("height_cm", sa.Numeric(8, 1), nullable=False),
        sa.Column("value_class", sa.String(1), nullable=False),
        sa.Column("hazard_class", sa.String(16), server_default="none", nullable=False),
        sa.Column("list_price", sa.Numeric(12, 2), nullable=False),
        sa.Column("guarantee_months", sa.Integer(), nullable=False),
        sa.Column("superseded_by", sa.String(64), nullable=True),
        sa.CheckConstraint("value_class in ('A', 'B', 'C')", name=op.f("ck_part_value_class")),
        sa.ForeignKeyConstraint(["superseded_by"], ["part.code"], name=op.f("fk_part_superseded_by")),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_part")),
    )
    op.create_table(
        "policy_version",
        sa.Column("name", sa.String(32), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("content", postgresql.JSONB(), nullable=False),
        sa.Column("entered_by", sa.String(32), nullable=False),
        sa.Column("entered_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("name", "version", name=op.f("pk_policy_version")),
    )
    op.create_table(
        "product_model",
        sa.Column("code", sa.String(64), nullable=False),
        sa.Column("category", sa.String(32), nullable=False),
        sa.Column("name_en", sa.String(), nullable=False),
        sa.Column("name_zh", sa.String(), nullable=False),
        sa.Column("warranty_months", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_product_model")),
    )
    op.create_table(
        "service_centre",
        sa.Column("code", sa.String(32), nullable=False),
        sa.Column("name_en", sa.String(), nullable=False),
        sa.Column("name_zh", sa.String(), nullable=False),
        sa.Column("city", sa.String(), nullable=False),
        sa.Column("phone", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_service_centre")),
    )
    op.create_table(
        "submission",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("document", sa.String(32), nullable=False),
        sa.Column("idempotency_key", sa.String(200), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("action", sa.String(32), nullable=False),
        sa.Column("content", postgresql.JSONB(), nullable=False),
        sa.Column("by", sa.String(64), nullable=False),
        sa.Column("role", sa.String(32), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_submission")),
        sa.UniqueConstraint(
            "document", "by", "idempotency_key", name=op.f("uq_submission_document_by_idempotency_key")
        ),
    )
    op.create_table(
        "supplier",
        sa.Column("code", sa.String(32), nullable=False),
        sa.Column("name_en", sa.String(), nullable=False),
        sa.Column("name_zh", sa.String(), nullable=False),
        sa.Column("contact", sa.String(), nullable=False),
        sa.Column("email", sa.String(), nullable=False),
        sa.Column("standing", sa.String(16), server_default="qualified", nullable=False),
        sa.CheckConstraint(
            "standing in ('qualified', 'warned', 'suspended', 'dropped')", name=op.f("ck_supplier_standing")
        ),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_supplier")),
    )
    op.create_table(
        "working_day_override",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("worked", sa.Boolean(), nullable=False),
        sa.Column("note", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("day", name=op.f("pk_working_day_override")),
    )
    op.create_table(
        "carrier_push",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("account", sa.String(32), nullable=False),
        sa.Column("key", sa.String(64), nullable=False),
        sa.Column("raw", sa.LargeBinary(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("read_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["account"], ["carrier_account.code"], name=op.f("fk_carrier_push_account")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_carrier_push")),
        sa.UniqueConstraint("key", name=op.f("uq_carrier_push_key")),
    )
    op.create_index(
        "ix_carrier_push_unread", "carrier_push", ["account", "id"], postgresql_where=sa.text("read_at is null")
    )
    op.create_table(
        "event_log",
        sa.Column("document", sa.String(32), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("action", sa.String(32), nullable=False),
        sa.Column("by", sa.String(64), nullable=False),
        sa.Column("role", sa.String(32), nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("from_stage", sa.String(32), nullable=False),
        sa.Column("to_stage", sa.String(32), nullable=False),
        sa.Column("details", postgresql.JSONB(), nullable=False),
        sa.Column("submission", sa.Uuid(), nullable=True),
        sa.Column("state", postgresql.JSONB(), nullable=False),
        sa.Column("previous_hash", sa.LargeBinary(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["submission"], ["submission.id"], name=op.f("fk_event_log_submission")),
        sa.PrimaryKeyConstraint("document", "seq", name=op.f("pk_event_log")),
    )
    op.create_index(op.f("ix_event_log_at"), "event_log", ["at"])
    op.create_table(
        "part_model",
        sa.Column("part", sa.String(64), nullable=False),
        sa.Column("model", sa.String(64), nullable=False),
        sa.ForeignKeyConstraint(["model"], ["product_model.code"], name=op.f("fk_part_model_model")),
        sa.ForeignKeyConstraint(["part"], ["part.code"], name=op.f("fk_part_model_part")),
        sa.PrimaryKeyConstraint("part", "model", name=op.f("pk_part_model")),
    )
    op.create_index(op.f("ix_part_model_model"), "part_model", ["model"])
    op.create_table(
        "registered_unit",
        sa.Column("serial", sa.String(64), nullable=False),
        sa.Column("model", sa.String(64), nullable=False),
        sa.Column("sold_on", sa.Date(), nullable=False),
        sa.Column("customer", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["customer"], ["customer.id"], name=op.f("fk_registered_unit_customer")),
        sa.ForeignKeyConstraint(["model"], ["product_model.code"], name=op.f("fk_registered_unit_model")),
        sa.PrimaryKeyConstraint("serial", name=op.f("pk_registered_unit")),
    )
    op.create_index(op.f("ix_registered_unit_customer"), "registered_unit", ["customer"])
    op.create_table(
        "service_outlet",
        sa.Column("code", sa.String(32), nullable=False),
        sa.Column("service_centre", sa.String(32), nullable=False),
        sa.Column("name_en", sa.String(), nullable=False),
        sa.Column("name_zh", sa.String(), nullable=False),
        sa.Column("address", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["service_centre"], ["service_centre.code"], name=op.f("fk_service_outlet_service_centre")
        ),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_service_outlet")),
    )
    op.create_table(
        "supplier_price",
        sa.Column("supplier", sa.String(32), nullable=False),
        sa.Column("part", sa.String(64), nullable=False),
        sa.Column("price", sa.Numeric(12, 2), nullable=False),
        sa.Column("lead_days", sa.Integer(), nullable=False),
        sa.Column("valid_until", sa.Date(), nullable=False),
        sa.ForeignKeyConstraint(["part"], ["part.code"], name=op.f("fk_supplier_price_part")),
        sa.ForeignKeyConstraint(["supplier"], ["supplier.code"], name=op.f("fk_supplier_price_supplier")),
        sa.PrimaryKeyConstraint("supplier", "part", name=op.f("pk_supplier_price")),
    )
    op.create_index(op.f("ix_supplier_price_part"), "supplier_price", ["part"])
    op.create_table(
        "user_account",
        sa.Column("code", sa.String(32), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("roles", postgresql.ARRAY(sa.String(32)), nullable=False),
        sa.Column("service_centre", sa.String(32), nullable=False),
        sa.Column("password_hash", sa.String(), nullable=True),
        sa.Column("language", sa.String(8), server_default="zh", nullable=False),
        sa.Column("active", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("failed_logins", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("locked_until", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["service_centre"], ["service_centre.code"], name=op.f("fk_user_account_service_centre")
        ),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_user_account")),
    )
    op.create_table(
        "warehouse",
        sa.Column("code", sa.String(32), nullable=False),
        sa.Column("service_centre", sa.String(32), nullable=False),
        sa.Column("name_en", sa.String(), nullable=False),
        sa.Column("name_zh", sa.String(), nullable=False),
        sa.Column("address", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["service_centre"], ["service_centre.code"], name=op.f("fk_warehouse_service_centre")),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_warehouse")),
    )
    op.create_table(
        "api_key",
        sa.Column("key_hash", sa.LargeBinary(), nullable=False),
        sa.Column("user", sa.String(32), nullable=False),
        sa.Column("label", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["user"], ["user_account.code"], name=op.f("fk_api_key_user")),
        sa.PrimaryKeyConstraint("key_hash", name=op.f("pk_api_key")),
    )
    op.create_table(
        "place",
        sa.Column("code", sa.String(48), nullable=False),
        sa.Column("warehouse", sa.String(32), nullable=True),
        sa.Column("zone", sa.String(32), nullable=False),
        sa.ForeignKeyConstraint(["warehouse"], ["warehouse.code"], name=op.f("fk_place_warehouse")),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_place")),
    )
    op.create_table(
        "purchase_order",
        sa.Column("number", sa.String(32), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("supplier", sa.String(32), nullable=False),
        sa.Column("warehouse", sa.String(32), nullable=False),
        sa.Column("stage", sa.String(32), nullable=False),
        sa.Column("deliver_by", sa.DateTime(timezone=True), nullable=False),
        sa.Column("promised_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("signed_by", sa.String(), nullable=True),
        sa.Column("replaces", sa.String(32), nullable=True),
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
        sa.ForeignKeyConstraint(["replaces"], ["purchase_order.number"], name=op.f("fk_purchase_order_replaces")),
        sa.ForeignKeyConstraint(["supplier"], ["supplier.code"], name=op.f("fk_purchase_order_supplier")),
        sa.ForeignKeyConstraint(["warehouse"], ["warehouse.code"], name=op.f("fk_purchase_order_warehouse")),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_purchase_order")),
    )
    op.create_index(
        "ix_purchase_order_created",
        "purchase_order",
        [sa.literal_column("created_at desc"), sa.literal_column("number desc")],
    )
    op.create_index(op.f("ix_purchase_order_supplier"), "purchase_order", ["supplier"])
    op.create_index(
        "ix_purchase_order_unstarted", "purchase_order", ["created_at"], postgresql_where=sa.text("started_at is null")
    )
    op.create_table(
        "technician",
        sa.Column("code", sa.String(32), nullable=False),
        sa.Column("city", sa.String(), nullable=False),
        sa.Column("phone", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["code"], ["user_account.code"], name=op.f("fk_technician_code")),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_technician")),
    )
    op.create_table(
        "user_session",
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("user", sa.String(32), nullable=False),
        sa.Column("csrf", sa.String(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["user"], ["user_account.code"], name=op.f("fk_user_session_user")),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_user_session")),
    )
    op.create_index(op.f("ix_user_session_user"), "user_session", ["user"])
    op.create_table(
        "certificate",
        sa.Column("technician", sa.String(32), nullable=False),
        sa.Column("category", sa.String(32), nullable=False),
        sa.Column("number", sa.String(), nullable=False),
        sa.Column("expires_on", sa.Date(), nullable=False),
        sa.ForeignKeyConstraint(["technician"], ["technician.code"], name=op.f("fk_certificate_technician")),
        sa.PrimaryKeyConstraint("technician", "category", name=op.f("pk_certificate")),
    )
    op.create_table(
        "movement",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("part", sa.String(64), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("source", sa.String(48), nullable=False),
        sa.Column("target", sa.String(48), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by", sa.String(64), nullable=False),
        sa.Column("document", sa.String(32), nullable=False),
        sa.Column("effect", sa.String(96), nullable=False),
        sa.CheckConstraint("quantity > 0", name=op.f("ck_movement_quantity")),
        sa.CheckConstraint("source <> target", name=op.f("ck_movement_moves")),
        sa.ForeignKeyConstraint(["part"], ["part.code"], name=op.f("fk_movement_part")),
        sa.ForeignKeyConstraint(["source"], ["place.code"], name=op.f("fk_movement_source")),
        sa.ForeignKeyConstraint(["target"], ["place.code"], name=op.f("fk_movement_target")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_movement")),
        sa.UniqueConstraint("effect", name=op.f("uq_movement_effect")),
    )
    op.create_index(op.f("ix_movement_document"), "movement", ["document"])
    op.create_index(op.f("ix_movement_part"), "movement", ["part"])
    op.create_table(
        "purchase_line",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("purchase_order", sa.String(32), nullable=False),
        sa.Column("part", sa.String(64), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("unit_price", sa.Numeric(12, 2), nullable=False),
        sa.Column("received", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("refused", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.CheckConstraint(
            "quantity > 0 and received between 0 and quantity and refused >= 0", name=op.f("ck_purchase_line_quantity")
        ),
        sa.ForeignKeyConstraint(["part"], ["part.code"], name=op.f("fk_purchase_line_part")),
        sa.ForeignKeyConstraint(
            ["purchase_order"], ["purchase_order.number"], name=op.f("fk_purchase_line_purchase_order")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_purchase_line")),
        sa.UniqueConstraint("purchase_order", "part", name=op.f("uq_purchase_line_purchase_order_part")),
    )
    op.create_index(op.f("ix_purchase_line_purchase_order"), "purchase_line", ["purchase_order"])
    op.create_table(
        "replacement_order",
        sa.Column("number", sa.String(32), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("channel", sa.String(32), nullable=False),
        sa.Column("customer", sa.BigInteger(), nullable=False),
        sa.Column("serial", sa.String(64), nullable=True),
        sa.Column("model", sa.String(64), nullable=True),
        sa.Column("product", sa.String(), server_default="", nullable=False),
        sa.Column("fault_code", sa.String(96), nullable=True),
        sa.Column("fault_text", sa.Text(), nullable=False),
        sa.Column("service_centre", sa.String(32), nullable=False),
        sa.Column("urgent", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("entered_by", sa.String(32), nullable=False),
        sa.Column("stage", sa.String(32), nullable=False),
        sa.Column("round", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("audit_attempts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("revisit_attempts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("ending", sa.String(32), nullable=True),
        sa.Column("outcome", sa.String(32), nullable=True),
        sa.Column("technician", sa.String(32), nullable=True),
        sa.Column("tracking_token", sa.String(64), nullable=False),
        sa.Column("application_key", sa.String(200), nullable=False),
        sa.Column("application_digest", sa.LargeBinary(), nullable=False),
        sa.Column("search_text", sa.Text(), nullable=False),
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
        sa.CheckConstraint(
            "(ended_at is null) = (stage not in ('cancelled', 'closed', 'declined', 'rejected'))",
            name=op.f("ck_replacement_order_ended"),
        ),
        sa.ForeignKeyConstraint(["customer"], ["customer.id"], name=op.f("fk_replacement_order_customer")),
        sa.ForeignKeyConstraint(["entered_by"], ["user_account.code"], name=op.f("fk_replacement_order_entered_by")),
        sa.ForeignKeyConstraint(["fault_code"], ["fault.code"], name=op.f("fk_replacement_order_fault_code")),
        sa.ForeignKeyConstraint(["model"], ["product_model.code"], name=op.f("fk_replacement_order_model")),
        sa.ForeignKeyConstraint(
            ["service_centre"], ["service_centre.code"], name=op.f("fk_replacement_order_service_centre")
        ),
        sa.ForeignKeyConstraint(["technician"], ["technician.code"], name=op.f("fk_replacement_order_technician")),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_replacement_order")),
        sa.UniqueConstraint(
            "entered_by", "application_key", name=op.f("uq_replacement_order_entered_by_application_key")
        ),
        sa.UniqueConstraint("tracking_token", name=op.f("uq_replacement_order_tracking_token")),
    )
    op.create_index(
        "ix_replacement_order_caretaker_due",
        "replacement_order",
        ["wait_caretaker", "service_centre", "wait_due", "number"],
        postgresql_where=sa.text("ended_at is null"),
    )
    op.create_index(
        "ix_replacement_order_created",
        "replacement_order",
        [sa.literal_column("created_at desc"), sa.literal_column("number desc")],
    )
    op.create_index(op.f("ix_replacement_order_customer"), "replacement_order", ["customer"])
    op.create_index(
        "ix_replacement_order_search",
        "replacement_order",
        ["search_text"],
        postgresql_using="gin",
        postgresql_ops={"search_text": "gin_trgm_ops"},
    )
    op.create_index(op.f("ix_replacement_order_serial"), "replacement_order", ["serial"])
    op.create_index("ix_replacement_order_stage_due", "replacement_order", ["stage", "wait_due", "number"])
    op.create_index(
        "ix_replacement_order_unstarted",
        "replacement_order",
        ["created_at"],
        postgresql_where=sa.text("started_at is null"),
    )
    op.create_table(
        "stock",
        sa.Column("place", sa.String(48), nullable=False),
        sa.Column("part", sa.String(64), nullable=False),
        sa.Column("zone", sa.String(32), nullable=False),
        sa.Column("on_hand", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("reserved", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.CheckConstraint(
            "reserved = 0 or zone in ('qualified', 'valuables', 'hazardous')", name=op.f("ck_stock_reserved_zone")
        ),
        sa.CheckConstraint("zone = 'outside' or on_hand >= 0", name=op.f("ck_stock_never_negative")),
        sa.CheckConstraint(
            "reserved >= 0 and (reserved = 0 or reserved <= on_hand)", name=op.f("ck_stock_reserved_within_on_hand")
        ),
        sa.ForeignKeyConstraint(["part"], ["part.code"], name=op.f("fk_stock_part")),
        sa.ForeignKeyConstraint(["place"], ["place.code"], name=op.f("fk_stock_place")),
        sa.PrimaryKeyConstraint("place", "part", name=op.f("pk_stock")),
    )
    op.create_index(op.f("ix_stock_part"), "stock", ["part"])
    op.create_table(
        "appointment",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("order", sa.String(32), nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("technician", sa.String(32), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.String(32), nullable=False),
        sa.CheckConstraint("ends_at > starts_at", name=op.f("ck_appointment_ends_after_start")),
        sa.ForeignKeyConstraint(["order"], ["replacement_order.number"], name=op.f("fk_appointment_order")),
        sa.ForeignKeyConstraint(["technician"], ["technician.code"], name=op.f("fk_appointment_technician")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_appointment")),
    )
    op.create_index(op.f("ix_appointment_order"), "appointment", ["order"])
    op.create_index(
        "uq_appointment_booked", "appointment", ["order"], unique=True, postgresql_where=sa.text("state = 'booked'")
    )
    op.create_table(
        "order_line",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("order", sa.String(32), nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("part", sa.String(64), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(32), nullable=False),
        sa.Column("guarantee_until", sa.Date(), nullable=True),
        sa.CheckConstraint("quantity > 0", name=op.f("ck_order_line_quantity")),
        sa.ForeignKeyConstraint(["order"], ["replacement_order.number"], name=op.f("fk_order_line_order")),
        sa.ForeignKeyConstraint(["part"], ["part.code"], name=op.f("fk_order_line_part")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_order_line")),
    )
    op.create_index(op.f("ix_order_line_order"), "order_line", ["order"])
    op.create_table(
        "quotation",
        sa.Column("order", sa.String(32), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("expected_from", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expected_to", sa.DateTime(timezone=True), nullable=False),
        sa.Column("parts", sa.Numeric(12, 2), nullable=False),
        sa.Column("labour", sa.Numeric(12, 2), nullable=False),
        sa.Column("travel", sa.Numeric(12, 2), nullable=False),
        sa.Column("covered", sa.Numeric(12, 2), nullable=False),
        sa.Column("in_warranty", sa.Boolean(), nullable=False),
        sa.Column("guarantee_months", sa.Integer(), nullable=False),
        sa.Column("consented_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("consented_by", sa.String(64), nullable=True),
        sa.ForeignKeyConstraint(["order"], ["replacement_order.number"], name=op.f("fk_quotation_order")),
        sa.PrimaryKeyConstraint("order", "seq", name=op.f("pk_quotation")),
    )
    op.create_table(
        "revisit_attempt",
        sa.Column("order", sa.String(32), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reached", sa.Boolean(), nullable=False),
        sa.Column("works", sa.Boolean(), nullable=True),
        sa.Column("satisfaction", sa.Integer(), nullable=True),
        sa.CheckConstraint("satisfaction between 1 and 5", name=op.f("ck_revisit_attempt_satisfaction")),
        sa.ForeignKeyConstraint(["order"], ["replacement_order.number"], name=op.f("fk_revisit_attempt_order")),
        sa.PrimaryKeyConstraint("order", "seq", name=op.f("pk_revisit_attempt")),
    )
    op.create_table(
        "shipment",
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("order", sa.String(32), nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(32), nullable=False),
        sa.Column("account", sa.String(32), nullable=False),
        sa.Column("weight_kg", sa.Numeric(8, 3), nullable=False),
        sa.Column("waybill", sa.String(40), nullable=True),
        sa.Column("packed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("packed_by", sa.String(32), nullable=True),
        sa.Column("handed_over_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("expected_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("delivered_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["account"], ["carrier_account.code"], name=op.f("fk_shipment_account")),
        sa.ForeignKeyConstraint(["order"], ["replacement_order.number"], name=op.f("fk_shipment_order")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_shipment")),
    )
    op.create_index(op.f("ix_shipment_order"), "shipment", ["order"])
    op.create_index(op.f("ix_shipment_waybill"), "shipment", ["waybill"])
    op.create_table(
        "signature",
        sa.Column("order", sa.String(32), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("by", sa.String(32), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("signed", postgresql.JSONB(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["by"], ["user_account.code"], name=op.f("fk_signature_by")),
        sa.ForeignKeyConstraint(["order"], ["replacement_order.number"], name=op.f("fk_signature_order")),
        sa.PrimaryKeyConstraint("order", "seq", name=op.f("pk_signature")),
    )
    op.create_table(
        "back_order",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("line", sa.BigInteger(), nullable=False),
        sa.Column("order", sa.String(32), nullable=False),
        sa.Column("part", sa.String(64), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("purchase_order", sa.String(32), nullable=False),
        sa.Column("state", sa.String(32), nullable=False),
        sa.Column("effect", sa.String(96), nullable=False),
        sa.CheckConstraint("quantity > 0", name=op.f("ck_back_order_quantity")),
        sa.ForeignKeyConstraint(["line"], ["order_line.id"], name=op.f("fk_back_order_line")),
        sa.ForeignKeyConstraint(["order"], ["replacement_order.number"], name=op.f("fk_back_order_order")),
        sa.ForeignKeyConstraint(["part"], ["part.code"], name=op.f("fk_back_order_part")),
        sa.ForeignKeyConstraint(
            ["purchase_order"], ["purchase_order.number"], name=op.f("fk_back_order_purchase_order")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_back_order")),
        sa.UniqueConstraint("effect", name=op.f("uq_back_order_effect")),
    )
    op.create_index(op.f("ix_back_order_line"), "back_order", ["line"])
    op.create_index(op.f("ix_back_order_purchase_order"), "back_order", ["purchase_order"])
    op.create_index("ix_back_order_waiting", "back_order", ["part"], postgresql_where=sa.text("state = 'waiting'"))
    op.create_table(
        "claim",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("order", sa.String(32), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("on", sa.String(32), nullable=False),
        sa.Column("shipment", sa.String(40), nullable=True),
        sa.Column("reason", sa.String(32), nullable=False),
        sa.Column("value", sa.Numeric(12, 2), nullable=False),
        sa.Column("state", sa.String(32), nullable=False),
        sa.Column("settled_for", sa.Numeric(12, 2), nullable=True),
        sa.ForeignKeyConstraint(["order"], ["replacement_order.number"], name=op.f("fk_claim_order")),
        sa.ForeignKeyConstraint(["shipment"], ["shipment.id"], name=op.f("fk_claim_shipment")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_claim")),
        sa.UniqueConstraint("order", "seq", "on", name=op.f("uq_claim_order_seq_on")),
    )
    op.create_index(op.f("ix_claim_order"), "claim", ["order"])
    op.create_table(
        "parcel",
        sa.Column("shipment", sa.String(40), nullable=False),
        sa.Column("order", sa.String(32), nullable=False),
        sa.Column("account", sa.String(32), nullable=False),
        sa.Column("waybill", sa.String(40), nullable=False),
        sa.Column("company", sa.String(32), nullable=False),
        sa.Column("reference", sa.String(), server_default="", nullable=False),
        sa.Column("phone_last4", sa.String(4), server_default="", nullable=False),
        sa.Column("label", sa.LargeBinary(), nullable=True),
        sa.Column("label_type", sa.String(), nullable=True),
        sa.Column("booked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expected_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("milestone", sa.String(32), nullable=False),
        sa.Column("trouble", sa.String(32), nullable=True),
        sa.Column("last_moved_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("delivered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("told_milestone", sa.String(32), nullable=True),
        sa.Column("told_trouble", sa.String(32), nullable=True),
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("subscribed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("looks", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("last_look_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_error", sa.String(), nullable=True),
        sa.Column("next_look_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["account"], ["carrier_account.code"], name=op.f("fk_parcel_account")),
        sa.ForeignKeyConstraint(["order"], ["replacement_order.number"], name=op.f("fk_parcel_order")),
        sa.ForeignKeyConstraint(["shipment"], ["shipment.id"], name=op.f("fk_parcel_shipment")),
        sa.PrimaryKeyConstraint("shipment", name=op.f("pk_parcel")),
        sa.UniqueConstraint("account", "waybill", "shipment", name=op.f("uq_parcel_account_waybill_shipment")),
    )
    op.create_index(
        "ix_parcel_due", "parcel", ["account", "next_look_at"], postgresql_where=sa.text("next_look_at is not null")
    )
    op.create_table(
        "reservation",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("line", sa.BigInteger(), nullable=False),
        sa.Column("place", sa.String(48), nullable=False),
        sa.Column("part", sa.String(64), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(32), nullable=False),
        sa.Column("effect", sa.String(96), nullable=False),
        sa.CheckConstraint("quantity > 0", name=op.f("ck_reservation_quantity")),
        sa.ForeignKeyConstraint(["line"], ["order_line.id"], name=op.f("fk_reservation_line")),
        sa.ForeignKeyConstraint(["part"], ["part.code"], name=op.f("fk_reservation_part")),
        sa.ForeignKeyConstraint(["place"], ["place.code"], name=op.f("fk_reservation_place")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reservation")),
        sa.UniqueConstraint("effect", name=op.f("uq_reservation_effect")),
    )
    op.create_index(op.f("ix_reservation_line"), "reservation", ["line"])
    op.create_table(
        "shipment_line",
        sa.Column("shipment", sa.String(40), nullable=False),
        sa.Column("line", sa.BigInteger(), nullable=False),
        sa.Column("place", sa.String(48), nullable=False),
        sa.Column("part", sa.String(64), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["line"], ["order_line.id"], name=op.f("fk_shipment_line_line")),
        sa.ForeignKeyConstraint(["part"], ["part.code"], name=op.f("fk_shipment_line_part")),
        sa.ForeignKeyConstraint(["place"], ["place.code"], name=op.f("fk_shipment_line_place")),
        sa.ForeignKeyConstraint(["shipment"], ["shipment.id"], name=op.f("fk_shipment_line_shipment")),
        sa.PrimaryKeyConstraint("shipment", "line", "place", name=op.f("pk_shipment_line")),
    )
    op.create_table(
        "parcel_scan",
        sa.Column("shipment", sa.String(40), nullable=False),
        sa.Column("key", sa.String(64), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("milestone", sa.String(32), nullable=False),
        sa.Column("trouble", sa.String(32), nullable=True),
        sa.Column("in_person", sa.Boolean(), nullable=False),
        sa.Column("code", sa.String(32), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("place", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["shipment"], ["parcel.shipment"], name=op.f("fk_parcel_scan_shipment")),
        sa.PrimaryKeyConstraint("shipment", "key", name=op.f("pk_parcel_scan")),
    )
    append_only("event_log", "movement")


def append_only(*tables: str) -> None:
    """What stands in these tables can't be changed or taken out, only added to (policy 4.2.1)."""
    op.execute("""
        create function refuse_change() returns trigger language plpgsql as $$
        begin
            raise exception '% is append-only: no %', tg_table_name, tg_op using errcode = 'insufficient_privilege';
        end
        $$
    """)
    for table in tables:
        op.execute(f"""
            create trigger append_only before update or delete or truncate on {table}
            for each statement execute function refuse_change()
        """)


def downgrade() -> None:
    for table in reversed(TABLES):
        op.drop_table(table)
    op.execute("drop function refuse_change")
