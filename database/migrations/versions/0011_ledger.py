"""ledger: why goods moved, lots and serial numbers, reversals, bins, and what a zone allows"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0011"
down_revision: str | None = "0010"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_SOUND = "('qualified', 'valuables', 'hazardous', 'technician', 'in_transit', 'outside')"
_KEPT_BY_MOVEMENTS = """
    create function note_movement() returns trigger language plpgsql as $$
    begin
        new.source_zone := coalesce(new.source_zone, (select zone from place where code = new.source));
        new.target_zone := coalesce(new.target_zone, (select zone from place where code = new.target));
        if new.reverses is not null and not exists (
            select from movement done where done.id = new.reverses and done.reverses is null
                and (done.part, done.quantity) = (new.part, new.quantity)
                and (done.source, done.target) = (new.target, new.source)
                and (done.lot, done.serial) is not distinct from (new.lot, new.serial)
        ) then
            raise exception 'movement % is not the mirror of what it reverses', new.effect using errcode = '23514';
        end if;
        return new;
    end
    $$
"""


def upgrade() -> None:
    op.add_column("part", sa.Column("tracking", sa.String(32), server_default="none", nullable=False))
    op.add_column("place", sa.Column("bin", sa.String(32), nullable=True))
    op.create_unique_constraint(op.f("uq_place_code_zone"), "place", ["code", "zone"])
    op.create_unique_constraint(op.f("uq_place_warehouse_zone_bin"), "place", ["warehouse", "zone", "bin"])
    op.drop_constraint(op.f("fk_stock_place"), "stock")
    op.create_foreign_key(
        op.f("fk_stock_place"), "stock", "place", ["place", "zone"], ["code", "zone"], onupdate="CASCADE"
    )
    op.drop_constraint(op.f("ck_stock_reserved_zone"), "stock")
    op.create_check_constraint(
        op.f("ck_stock_reserved_zone"),
        "stock",
        "reserved = 0 or zone in ('qualified', 'valuables', 'hazardous', 'technician')",
    )
    op.create_table(
        "stock_lot",
        sa.Column("place", sa.String(48), nullable=False),
        sa.Column("part", sa.String(64), nullable=False),
        sa.Column("lot", sa.String(64), server_default="", nullable=False),
        sa.Column("serial", sa.String(64), server_default="", nullable=False),
        sa.Column("on_hand", sa.Integer(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("on_hand >= 0 and (serial = '' or on_hand <= 1)", name=op.f("ck_stock_lot_on_hand")),
        sa.ForeignKeyConstraint(["part"], ["part.code"], name=op.f("fk_stock_lot_part")),
        sa.ForeignKeyConstraint(["place"], ["place.code"], name=op.f("fk_stock_lot_place")),
        sa.PrimaryKeyConstraint("place", "part", "lot", "serial", name=op.f("pk_stock_lot")),
    )
    op.create_index(
        "uq_stock_lot_serial",
        "stock_lot",
        ["part", "serial"],
        unique=True,
        postgresql_where=sa.text("serial <> '' and on_hand > 0"),
    )
    op.create_index("ix_stock_lot_lot", "stock_lot", ["lot"])
    for column in (
        sa.Column("source_zone", sa.String(32), nullable=True),
        sa.Column("target_zone", sa.String(32), nullable=True),
        sa.Column("reason", sa.String(32), server_default="unstated", nullable=False),
        sa.Column("note", sa.String(), server_default="", nullable=False),
        sa.Column("lot", sa.String(64), nullable=True),
        sa.Column("serial", sa.String(64), nullable=True),
        sa.Column("reverses", sa.BigInteger(), nullable=True),
    ):
        op.add_column("movement", column)
    op.create_foreign_key(op.f("fk_movement_reverses"), "movement", "movement", ["reverses"], ["id"])
    op.create_unique_constraint(op.f("uq_movement_reverses"), "movement", ["reverses"])
    op.drop_constraint(op.f("ck_movement_quantity"), "movement")
    for name, rule in (
        ("quantity", "quantity > 0 and (serial is null or quantity = 1)"),
        ("reversal", "(reason = 'reversal') = (reverses is not null)"),
        (
            "only_sound_leaves",
            "target_zone <> 'in_transit' and target <> 'outside/customers' or reason = 'reversal'"
            f" or source_zone in {_SOUND}",
        ),
        ("only_sound_carried", f"target_zone <> 'technician' or reason = 'reversal' or source_zone in {_SOUND}"),
    ):
        op.create_check_constraint(op.f(f"ck_movement_{name}"), "movement", rule)
    op.drop_index(op.f("ix_movement_part"), table_name="movement")
    op.create_index("ix_movement_part_at", "movement", ["part", "at"])
    for name in ("part", "source", "target", "by", "reason"):
        op.create_index(f"ix_movement_{name}_id", "movement", [name, "id"])
    for name in ("lot", "serial"):
        op.create_index(f"ix_movement_{name}", "movement", [name], postgresql_where=sa.text(f"{name} is not null"))
    op.execute(_KEPT_BY_MOVEMENTS)
    op.execute("create trigger note_movement before insert on movement for each row execute function note_movement()")


def downgrade() -> None:
    op.execute("drop trigger note_movement on movement")
    op.execute("drop function note_movement")
    for column in ("lot", "serial"):
        op.drop_index(f"ix_movement_{column}", table_name="movement")
    for column in ("part", "source", "target", "by", "reason"):
        op.drop_index(f"ix_movement_{column}_id", table_name="movement")
    op.drop_index("ix_movement_part_at", table_name="movement")
    op.create_index(op.f("ix_movement_part"), "movement", ["part"])
    for name in ("only_sound_carried", "only_sound_leaves", "reversal", "quantity"):
        op.drop_constraint(op.f(f"ck_movement_{name}"), "movement")
    op.create_check_constraint(op.f("ck_movement_quantity"), "movement", "quantity > 0")
    for column in ("reverses", "serial", "lot", "note", "reason", "target_zone", "source_zone"):
        op.drop_column("movement", column)
    op.drop_table("stock_lot")
    op.drop_constraint(op.f("ck_stock_reserved_zone"), "stock")
    op.create_check_constraint(
        op.f("ck_stock_reserved_zone"), "stock", "reserved = 0 or zone in ('qualified', 'valuables', 'hazardous')"
    )
    op.drop_constraint(op.f("fk_stock_place"), "stock")
    op.create_foreign_key(op.f("fk_stock_place"), "stock", "place", ["place"], ["code"])
    op.drop_constraint(op.f("uq_place_warehouse_zone_bin"), "place")
    op.drop_constraint(op.f("uq_place_code_zone"), "place")
    op.drop_column("place", "bin")
    op.drop_column("part", "tracking")
