"""contracts, qualifications and papers of suppliers; what they ask follows from their contracts"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from database.migrations.policies import add_to_policies

revision: str = "0012"
down_revision: str | None = "0011"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_TABLES = ("supplier_paper", "qualification", "contract_break", "contract")
_BREACHES = {
    "not_supplying": "refuse",
    "unqualified": "refuse",
    "document_expired": "refuse",
    "no_contract": "reason",
    "above_contract": "reason",
}


def upgrade() -> None:
    supplier, part = sa.String(32), sa.String(64)
    op.create_table(
        "contract",
        sa.Column("supplier", supplier, nullable=False),
        sa.Column("part", part, nullable=False),
        sa.Column("specification", sa.Text(), nullable=False),
        sa.Column("quality_standard", sa.String(), nullable=False),
        sa.Column("price", sa.Numeric(12, 2), nullable=False),
        sa.Column("freight", sa.Numeric(12, 2), server_default="0", nullable=False),
        sa.Column("lead_days", sa.Integer(), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_until", sa.Date(), nullable=False),
        sa.Column("payment_terms", sa.String(), nullable=False),
        sa.Column("guarantee_months", sa.Integer(), server_default="0", nullable=False),
        sa.Column("after_sales", sa.Text(), server_default="", nullable=False),
        sa.Column("request", sa.String(32), nullable=True),
        *_entered(),
        sa.CheckConstraint(
            "price > 0 and freight >= 0 and lead_days > 0 and guarantee_months >= 0", name=op.f("ck_contract_terms")
        ),
        sa.CheckConstraint("valid_until >= valid_from", name=op.f("ck_contract_in_order")),
        sa.ForeignKeyConstraint(["supplier"], ["supplier.code"], name=op.f("fk_contract_supplier")),
        sa.ForeignKeyConstraint(["part"], ["part.code"], name=op.f("fk_contract_part")),
        sa.PrimaryKeyConstraint("supplier", "part", "version", name=op.f("pk_contract")),
    )
    op.create_index(op.f("ix_contract_part"), "contract", ["part"])
    op.create_table(
        "contract_break",
        sa.Column("supplier", supplier, nullable=False),
        sa.Column("part", part, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("from_quantity", sa.Integer(), nullable=False),
        sa.Column("price", sa.Numeric(12, 2), nullable=False),
        sa.CheckConstraint("from_quantity > 1 and price > 0", name=op.f("ck_contract_break_terms")),
        sa.ForeignKeyConstraint(
            ["supplier", "part", "version"],
            ["contract.supplier", "contract.part", "contract.version"],
            name=op.f("fk_contract_break_supplier"),
        ),
        sa.PrimaryKeyConstraint("supplier", "part", "version", "from_quantity", name=op.f("pk_contract_break")),
    )
    op.create_table(
        "qualification",
        sa.Column("supplier", supplier, nullable=False),
        sa.Column("part", part, nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_until", sa.Date(), nullable=False),
        sa.Column("proof", sa.String(32), nullable=False),
        sa.Column("reference", sa.String(), nullable=False),
        sa.Column("note", sa.Text(), server_default="", nullable=False),
        *_entered(),
        sa.CheckConstraint("valid_until >= valid_from", name=op.f("ck_qualification_in_order")),
        sa.ForeignKeyConstraint(["supplier"], ["supplier.code"], name=op.f("fk_qualification_supplier")),
        sa.ForeignKeyConstraint(["part"], ["part.code"], name=op.f("fk_qualification_part")),
        sa.PrimaryKeyConstraint("supplier", "part", "version", name=op.f("pk_qualification")),
    )
    op.create_index(op.f("ix_qualification_part"), "qualification", ["part"])
    op.create_table(
        "supplier_paper",
        sa.Column("supplier", supplier, nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("number", sa.String(), nullable=False),
        sa.Column("issued_by", sa.String(), server_default="", nullable=False),
        sa.Column("expires_on", sa.Date(), nullable=False),
        *_entered(),
        sa.ForeignKeyConstraint(["supplier"], ["supplier.code"], name=op.f("fk_supplier_paper_supplier")),
        sa.PrimaryKeyConstraint("supplier", "kind", "version", name=op.f("pk_supplier_paper")),
    )
    _carry_prices_over()
    for table in _TABLES:
        op.execute(f"""
            create trigger append_only before update or delete or truncate on {table}
            for each statement execute function refuse_change()
        """)
    add_to_policies(["purchasing", "breaches"], _BREACHES)
    add_to_policies(["purchasing", "blocking_papers"], ["business_licence", "production_licence"])
    add_to_policies(["purchasing", "warn_before"], "30 days")


def _entered() -> tuple[sa.Column[object], ...]:
    return (
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("entered_by", sa.String(32), nullable=False),
        sa.Column("entered_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
    )


def _carry_prices_over() -> None:
    """Whoever was ordered from until now goes on being ordered from, at the same price and as long. Workers of the
    release before read what they know from a view."""
    op.execute("""
        insert into contract (supplier, part, version, specification, quality_standard, price, lead_days, valid_from,
            valid_until, payment_terms, entered_by)
        select p.supplier, p.part, 1, part.specification, '', p.price, p.lead_days,
            least(current_date, p.valid_until), p.valid_until, '', 'system'
        from supplier_price p join part on part.code = p.part where p.price > 0 and p.lead_days > 0
    """)
    op.execute("""
        insert into qualification (supplier, part, version, valid_from, valid_until, proof, reference, entered_by)
        select supplier, part, 1, valid_from, valid_until, 'track_record', 'supplier_price', 'system' from contract
    """)
    op.drop_table("supplier_price")
    op.execute("""
        create view supplier_price as
        select c.supplier, c.part, c.price, c.lead_days, c.valid_until from contract c
        where c.version = (select max(version) from contract o
            where o.supplier = c.supplier and o.part = c.part and o.valid_from <= current_date)
    """)


def downgrade() -> None:
    op.execute("alter view supplier_price rename to agreed")
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
    op.execute("insert into supplier_price select supplier, part, price, lead_days, valid_until from agreed")
    op.execute("drop view agreed")
    for table in _TABLES:
        op.drop_table(table)
