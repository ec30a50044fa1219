"""mails that came in"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0005"
down_revision: str | None = "0004"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    # In its name mails become orders. A new house gets it with the others.
    op.execute(
        "insert into user_account (code, name, roles, service_centre, language)"
        " select 'mailbox', 'Mailbox', array['service_agent'], min(code), 'zh' from service_centre having count(*) > 0"
        " on conflict do nothing"
    )
    op.create_index("ix_customer_email", "customer", [sa.text("lower(email)")])
    op.create_table(
        "mailbox",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("validity", sa.BigInteger(), nullable=False),
        sa.Column("last_uid", sa.BigInteger(), nullable=False),
        sa.Column("read_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("error", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_mailbox")),
    )
    op.create_table(
        "incoming_mail",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("key", sa.LargeBinary(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("raw", sa.LargeBinary(), nullable=False),
        sa.Column("same_id", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("message_id", sa.String(), nullable=True),
        sa.Column("mailbox", sa.String(), nullable=False),
        sa.Column("came_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("state", sa.String(32), server_default="kept", nullable=False),
        sa.Column("read_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("sender", sa.String(), server_default="", nullable=False),
        sa.Column("sender_name", sa.String(), server_default="", nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("subject", sa.String(), server_default="", nullable=False),
        sa.Column("body", sa.Text(), server_default="", nullable=False),
        sa.Column("left_out", postgresql.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("robot", sa.String(32), nullable=True),
        sa.Column("doubt", sa.String(32), nullable=True),
        sa.Column("recognised", postgresql.JSONB(), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("suggested", sa.String(32), nullable=True),
        sa.Column("order", sa.String(32), nullable=True),
        sa.Column("settled_by", sa.String(32), nullable=True),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("dismissal", sa.String(32), nullable=True),
        sa.Column("note", sa.Text(), server_default="", nullable=False),
        sa.Column("seen_by", sa.String(32), nullable=True),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("(state = 'dismissed') = (dismissal is not null)", name=op.f("ck_incoming_mail_dismissed")),
        sa.CheckConstraint(
            "(\"order\" is not null) or state not in ('order', 'joined')", name=op.f("ck_incoming_mail_order")
        ),
        sa.ForeignKeyConstraint(["order"], ["replacement_order.number"], name=op.f("fk_incoming_mail_order")),
        sa.ForeignKeyConstraint(["seen_by"], ["user_account.code"], name=op.f("fk_incoming_mail_seen_by")),
        sa.ForeignKeyConstraint(["settled_by"], ["user_account.code"], name=op.f("fk_incoming_mail_settled_by")),
        sa.ForeignKeyConstraint(["suggested"], ["replacement_order.number"], name=op.f("fk_incoming_mail_suggested")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_incoming_mail")),
        sa.UniqueConstraint("key", name=op.f("uq_incoming_mail_key")),
    )
    for column in ("message_id", "order", "sender"):
        op.create_index(op.f(f"ix_incoming_mail_{column}"), "incoming_mail", [column])
    for name, which in (
        ("kept", "state = 'kept'"),
        ("draft", "state = 'draft'"),
        ("unseen", "state = 'joined' and seen_at is null"),
    ):
        op.create_index(f"ix_incoming_mail_{name}", "incoming_mail", ["id"], postgresql_where=sa.text(which))
    op.create_table(
        "mail_picture",
        sa.Column("mail", sa.BigInteger(), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("picture", sa.LargeBinary(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["mail"], ["incoming_mail.id"], name=op.f("fk_mail_picture_mail")),
        sa.ForeignKeyConstraint(["picture"], ["picture.sha256"], name=op.f("fk_mail_picture_picture")),
        sa.PrimaryKeyConstraint("mail", "place", name=op.f("pk_mail_picture")),
    )
    op.create_index(op.f("ix_mail_picture_picture"), "mail_picture", ["picture"])


def downgrade() -> None:
    op.drop_table("mail_picture")
    op.drop_table("incoming_mail")
    op.drop_table("mailbox")
    op.drop_index("ix_customer_email", table_name="customer")
