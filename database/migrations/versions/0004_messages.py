"""messages"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0004"
down_revision: str | None = "0003"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.add_column("outbox", sa.Column("addressed_at", sa.DateTime(timezone=True), nullable=True))
    # Nothing was sent before; nobody wants to hear of last year's steps now.
    op.execute("update outbox set addressed_at = now()")
    op.create_index(
        "ix_outbox_unaddressed", "outbox", ["created_at", "id"], postgresql_where=sa.text("addressed_at is null")
    )
    op.create_table(
        "staff_channel",
        sa.Column("code", sa.String(32), nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("service_centre", sa.String(32), nullable=True),
        sa.Column("roles", postgresql.ARRAY(sa.String(32)), nullable=False),
        sa.Column("language", sa.String(8), server_default="", nullable=False),
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("secret", sa.String(), server_default="", nullable=False),
        sa.Column("calls_per_minute", sa.Integer(), server_default=sa.text("20"), nullable=False),
        sa.Column("next_call_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("active", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.ForeignKeyConstraint(
            ["service_centre"], ["service_centre.code"], name=op.f("fk_staff_channel_service_centre")
        ),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_staff_channel")),
    )
    op.create_table(
        "undeliverable_address",
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("why", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("address", name=op.f("pk_undeliverable_address")),
    )
    op.create_table(
        "notice_template",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("notice", sa.String(64), nullable=False),
        sa.Column("audience", sa.String(32), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("subject_zh", sa.String(), nullable=False),
        sa.Column("subject_en", sa.String(), nullable=False),
        sa.Column("text_zh", sa.Text(), nullable=False),
        sa.Column("text_en", sa.Text(), nullable=False),
        sa.Column("sms_zh", sa.String(), server_default="", nullable=False),
        sa.Column("sms_en", sa.String(), server_default="", nullable=False),
        sa.Column("sms_id_zh", sa.String(), server_default="", nullable=False),
        sa.Column("sms_id_en", sa.String(), server_default="", nullable=False),
        sa.Column("entered_by", sa.String(32), nullable=False),
        sa.Column("entered_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notice_template")),
        sa.UniqueConstraint("notice", "audience", "version", name=op.f("uq_notice_template_notice_audience_version")),
    )
    op.create_table(
        "message",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("outbox", sa.BigInteger(), nullable=False),
        sa.Column("document", sa.String(32), nullable=False),
        sa.Column("audience", sa.String(32), nullable=False),
        sa.Column("channel", sa.String(32), nullable=False),
        sa.Column("staff_channel", sa.String(32), nullable=True),
        sa.Column("recipient", sa.String(), nullable=False),
        sa.Column("language", sa.String(8), nullable=False),
        sa.Column("message_id", sa.String(200), nullable=False),
        sa.Column("template_version", sa.Integer(), nullable=True),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("sms", postgresql.JSONB(), nullable=True),
        sa.Column("state", sa.String(32), nullable=False),
        sa.Column("attempts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("next_try_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("failure", sa.String(32), nullable=True),
        sa.Column("error", sa.String(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("settled_by", sa.String(32), nullable=True),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["outbox"], ["outbox.id"], name=op.f("fk_message_outbox")),
        sa.ForeignKeyConstraint(["settled_by"], ["user_account.code"], name=op.f("fk_message_settled_by")),
        sa.ForeignKeyConstraint(["staff_channel"], ["staff_channel.code"], name=op.f("fk_message_staff_channel")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_message")),
        sa.UniqueConstraint("message_id", name=op.f("uq_message_message_id")),
    )
    op.create_index(op.f("ix_message_document"), "message", ["document"])
    op.create_index("ix_message_due", "message", ["next_try_at"], postgresql_where=sa.text("state = 'waiting'"))
    op.create_index(
        "ix_message_open", "message", ["created_at", "id"], postgresql_where=sa.text("state in ('waiting', 'failed')")
    )
    op.create_index(op.f("ix_message_outbox"), "message", ["outbox"])


def downgrade() -> None:
    for table in ("message", "notice_template", "undeliverable_address", "staff_channel"):
        op.drop_table(table)
    op.drop_index("ix_outbox_unaddressed", "outbox")
    op.drop_column("outbox", "addressed_at")
