"""warehouse tasks: counts, rounds, findings, levels, climate"""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from database.migrations.policies import add_to_policies

revision: str = "0015"
down_revision: str | None = "0014"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_INSTANT, _MONEY = sa.DateTime(timezone=True), sa.Numeric(12, 2)
_ITEMS = [
    ("exits_free", "fire", "Escape routes and fire doors are free", "疏散通道和防火门畅通"),
    (
        "extinguishers",
        "fire",
        "Extinguishers are there, sealed and inspected in time",
        "灭火器齐全、铅封完好、在检验期内",
    ),
    ("wiring", "fire", "No scorched or loose wiring, nothing hot near goods", "电线无烧焦松脱，货物附近无热源"),
    ("locks", "theft", "Doors, windows and the valuables' cage lock", "门窗和贵重物品笼锁闭完好"),
    ("cameras", "theft", "Cameras and alarm work", "监控和报警正常"),
    ("leaks", "damp", "No leaks, wet floors or mould", "无漏水、积水和霉斑"),
    ("off_floor", "damp", "Goods stand on pallets or racks, none on the floor", "货物在托盘或货架上，无直接落地"),
    ("traps", "pests", "Traps and bait are in place; no droppings or gnawing", "鼠笼、药饵到位，无粪便和啃咬痕迹"),
    ("racks", "equipment", "Racks are straight, anchored and not overloaded", "货架无变形、已锚固、不超载"),
    ("lifting", "equipment", "Trucks and ladders are sound and inspected in time", "叉车、登高梯完好且在检验期内"),
]
_AIR: dict[str, Any] = {"temperature": ["0", "40"], "humidity": ["20", "75"]}
_ZONES = {
    "qualified": _AIR,
    "awaiting_inspection": _AIR,
    "valuables": {"temperature": ["5", "35"], "humidity": ["20", "65"]},
    "hazardous": {"temperature": ["0", "30"], "humidity": ["20", "70"]},
}
_AIMS = {
    "A": {"service": 0.98, "cover_days": 14, "most_days": 120},
    "B": {"service": 0.95, "cover_days": 30, "most_days": 180},
    "C": {"service": 0.9, "cover_days": 60, "most_days": 365},
}
_CLOCKS = {
    "count": ("2 working days", 0.5, "1 working day"),
    "tracing": ("3 working days", 0.5, "1 working day"),
    "adjustment": ("2 working days", 0.5, "1 working day"),
    "round": ("1 working day", 0.5, "4 working hours"),
    "remedy": ("3 working days", 0.5, "1 working day"),
    "remedy_check": ("2 working days", 0.5, "1 working day"),
    "replenishment": ("2 working days", 0.5, "1 working day"),
    "disposal_decision": ("10 working days", 0.7, "5 working days"),
    "disposal": ("15 working days", 0.7, "5 working days"),
}


def _rules(every: dict[str, str], rounds: str, silent: str) -> dict[str, Any]:
    items = [dict(zip(("code", "topic", "en", "zh"), item, strict=True)) for item in _ITEMS]
    return {
        "counting": {"every": every, "tolerance": {"A": "0.01", "B": "0.03", "C": "0.05"}, "recounts": 2},
        "levels": {
            "period_days": 7,
            "periods": 52,
            "smoothing": 0.1,
            "review_days": 1,
            "aims": _AIMS,
            "dead_days": 365,
            "returnable_days": 90,
        },
        "rounds": {"every": rounds, "items": items},
        "climate": {"zones": _ZONES, "silent_after": silent},
    }


def _clock(due: str, share: float, every: str) -> dict[str, Any]:
    return {"due": due, "alarms": [{"action": "remind", "share": share}, {"action": "escalate", "every": every}]}


def upgrade() -> None:
    _tables()
    add_to_policies(
        ["warehouse"],
        _rules({"A": "1 month", "B": "3 months", "C": "12 months"}, "7 days", "2 hours"),
        demo=_rules({"A": "6 months", "B": "12 months", "C": "24 months"}, "180 days", "180 days"),
    )
    for clock, times in _CLOCKS.items():
        long = "8 working days" if clock.startswith("disposal") else "4 working days"
        add_to_policies(["clocks", clock], _clock(*times), demo=_clock(long, 0.5, "20 working days"))


def _tables() -> None:
    op.create_table(
        "emergency_plan",
        sa.Column("topic", sa.String(32), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("title_en", sa.String(), nullable=False),
        sa.Column("title_zh", sa.String(), nullable=False),
        sa.Column("text_en", sa.Text(), nullable=False),
        sa.Column("text_zh", sa.Text(), nullable=False),
        sa.Column("entered_by", sa.String(32), nullable=False),
        sa.Column("entered_at", _INSTANT, server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("topic", "version", name=op.f("pk_emergency_plan")),
    )
    op.create_table(
        "warehouse_task",
        sa.Column("number", sa.String(32), nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("warehouse", sa.String(32), nullable=False),
        sa.Column("subject", sa.String(96), server_default="", nullable=False),
        sa.Column("cause", sa.String(160), nullable=False),
        sa.Column("created_at", _INSTANT, nullable=False),
        sa.Column("stage", sa.String(32), nullable=False),
        sa.Column("seq", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("log_head", sa.LargeBinary(), nullable=False),
        sa.Column("state", postgresql.JSONB(), nullable=False),
        sa.Column("wait_clock", sa.String(32), nullable=True),
        sa.Column("wait_owner", sa.String(32), nullable=True),
        sa.Column("wait_caretaker", sa.String(32), nullable=True),
        sa.Column("wait_since", _INSTANT, nullable=True),
        sa.Column("wait_due", _INSTANT, nullable=True),
        sa.Column("policy_name", sa.String(32), nullable=False),
        sa.Column("policy_version", sa.Integer(), nullable=False),
        sa.Column("started_at", _INSTANT, nullable=True),
        sa.Column("ended_at", _INSTANT, nullable=True),
        sa.ForeignKeyConstraint(["warehouse"], ["warehouse.code"], name=op.f("fk_warehouse_task_warehouse")),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_warehouse_task")),
        sa.UniqueConstraint("cause", name=op.f("uq_warehouse_task_cause")),
    )
    op.create_index("ix_warehouse_task_created", "warehouse_task", [sa.text("created_at desc"), sa.text("number desc")])
    op.create_index(
        "ix_warehouse_task_kind", "warehouse_task", ["kind", "warehouse", "subject", sa.text("created_at desc")]
    )
    op.create_index(
        "ix_warehouse_task_open",
        "warehouse_task",
        ["wait_caretaker", "wait_due"],
        postgresql_where=sa.text("ended_at is null"),
    )
    op.create_index(
        "ix_warehouse_task_unstarted", "warehouse_task", ["created_at"], postgresql_where=sa.text("started_at is null")
    )
    op.create_table(
        "count_line",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("task", sa.String(32), nullable=False),
        sa.Column("place", sa.String(48), nullable=False),
        sa.Column("part", sa.String(64), nullable=False),
        sa.Column("value_class", sa.String(1), nullable=False),
        sa.Column("unit_value", _MONEY, nullable=False),
        sa.Column("state", sa.String(32), nullable=False),
        sa.Column("book", sa.Integer(), nullable=True),
        sa.Column("quantity", sa.Integer(), nullable=True),
        sa.Column("cause", sa.String(32), nullable=True),
        sa.Column("note", sa.Text(), server_default="", nullable=False),
        sa.Column("serials", postgresql.ARRAY(sa.String(64)), server_default="{}", nullable=False),
        sa.CheckConstraint("state <> 'adjusted' or cause is not null", name=op.f("ck_count_line_traced")),
        sa.CheckConstraint("(book is null) = (quantity is null)", name=op.f("ck_count_line_judged")),
        sa.ForeignKeyConstraint(["part"], ["part.code"], name=op.f("fk_count_line_part")),
        sa.ForeignKeyConstraint(["place"], ["place.code"], name=op.f("fk_count_line_place")),
        sa.ForeignKeyConstraint(["task"], ["warehouse_task.number"], name=op.f("fk_count_line_task")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_count_line")),
        sa.UniqueConstraint("task", "place", "part", name=op.f("uq_count_line_task_place_part")),
    )
    op.create_table(
        "disposal",
        sa.Column("task", sa.String(32), nullable=False),
        sa.Column("part", sa.String(64), nullable=False),
        sa.Column("place", sa.String(48), nullable=False),
        sa.Column("excess", sa.String(32), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("way", sa.String(32), nullable=False),
        sa.Column("unit_value", _MONEY, nullable=False),
        sa.Column("disposed", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("proceeds", _MONEY, server_default=sa.text("0"), nullable=False),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.CheckConstraint("proceeds >= 0", name=op.f("ck_disposal_proceeds")),
        sa.CheckConstraint("quantity > 0 and disposed between 0 and quantity", name=op.f("ck_disposal_quantity")),
        sa.ForeignKeyConstraint(["part"], ["part.code"], name=op.f("fk_disposal_part")),
        sa.ForeignKeyConstraint(["place"], ["place.code"], name=op.f("fk_disposal_place")),
        sa.ForeignKeyConstraint(["task"], ["warehouse_task.number"], name=op.f("fk_disposal_task")),
        sa.PrimaryKeyConstraint("task", name=op.f("pk_disposal")),
    )
    op.create_index(op.f("ix_disposal_part"), "disposal", ["part"])
    op.create_table(
        "replenishment",
        sa.Column("task", sa.String(32), nullable=False),
        sa.Column("part", sa.String(64), nullable=False),
        sa.Column("pattern", sa.String(32), nullable=False),
        sa.Column("forecast", _MONEY, nullable=False),
        sa.Column("lead_days", _MONEY, nullable=False),
        sa.Column("safety_stock", sa.Integer(), nullable=False),
        sa.Column("reorder_point", sa.Integer(), nullable=False),
        sa.Column("up_to", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("supplier", sa.String(32), nullable=True),
        sa.Column("purchase_order", sa.String(32), nullable=True),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.CheckConstraint("quantity > 0", name=op.f("ck_replenishment_quantity")),
        sa.ForeignKeyConstraint(["part"], ["part.code"], name=op.f("fk_replenishment_part")),
        sa.ForeignKeyConstraint(
            ["purchase_order"], ["purchase_order.number"], name=op.f("fk_replenishment_purchase_order")
        ),
        sa.ForeignKeyConstraint(["supplier"], ["supplier.code"], name=op.f("fk_replenishment_supplier")),
        sa.ForeignKeyConstraint(["task"], ["warehouse_task.number"], name=op.f("fk_replenishment_task")),
        sa.PrimaryKeyConstraint("task", name=op.f("pk_replenishment")),
    )
    op.create_index(op.f("ix_replenishment_part"), "replenishment", ["part"])
    op.create_table(
        "round_answer",
        sa.Column("task", sa.String(32), nullable=False),
        sa.Column("item", sa.String(32), nullable=False),
        sa.Column("sound", sa.Boolean(), nullable=False),
        sa.Column("note", sa.Text(), server_default="", nullable=False),
        sa.ForeignKeyConstraint(["task"], ["warehouse_task.number"], name=op.f("fk_round_answer_task")),
        sa.PrimaryKeyConstraint("task", "item", name=op.f("pk_round_answer")),
    )
    op.create_table(
        "sensor",
        sa.Column("code", sa.String(32), nullable=False),
        sa.Column("place", sa.String(48), nullable=False),
        sa.Column("last_at", _INSTANT, nullable=True),
        sa.ForeignKeyConstraint(["place"], ["place.code"], name=op.f("fk_sensor_place")),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_sensor")),
    )
    op.create_index(op.f("ix_sensor_place"), "sensor", ["place"])
    op.create_table(
        "count_entry",
        sa.Column("line", sa.BigInteger(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("by", sa.String(64), nullable=False),
        sa.Column("at", _INSTANT, nullable=False),
        sa.Column("book", sa.Integer(), nullable=True),
        sa.CheckConstraint("quantity >= 0", name=op.f("ck_count_entry_quantity")),
        sa.ForeignKeyConstraint(["line"], ["count_line.id"], name=op.f("fk_count_entry_line")),
        sa.PrimaryKeyConstraint("line", "attempt", name=op.f("pk_count_entry")),
    )
    op.create_table(
        "finding",
        sa.Column("task", sa.String(32), nullable=False),
        sa.Column("found_by", sa.String(32), nullable=False),
        sa.Column("topic", sa.String(32), nullable=False),
        sa.Column("round", sa.String(32), nullable=True),
        sa.Column("place", sa.String(48), nullable=True),
        sa.Column("sensor", sa.String(32), nullable=True),
        sa.Column("owner", sa.String(32), nullable=True),
        sa.Column("note", sa.Text(), server_default="", nullable=False),
        sa.Column("remedied_by", sa.String(64), nullable=True),
        sa.Column("details", postgresql.JSONB(), server_default=sa.text("'{}'"), nullable=False),
        sa.ForeignKeyConstraint(["owner"], ["user_account.code"], name=op.f("fk_finding_owner")),
        sa.ForeignKeyConstraint(["place"], ["place.code"], name=op.f("fk_finding_place")),
        sa.ForeignKeyConstraint(["round"], ["warehouse_task.number"], name=op.f("fk_finding_round")),
        sa.ForeignKeyConstraint(["sensor"], ["sensor.code"], name=op.f("fk_finding_sensor")),
        sa.ForeignKeyConstraint(["task"], ["warehouse_task.number"], name=op.f("fk_finding_task")),
        sa.PrimaryKeyConstraint("task", name=op.f("pk_finding")),
    )
    op.create_index(op.f("ix_finding_round"), "finding", ["round"])
    op.create_table(
        "reading",
        sa.Column("sensor", sa.String(32), nullable=False),
        sa.Column("at", _INSTANT, nullable=False),
        sa.Column("temperature", sa.Numeric(5, 1), nullable=False),
        sa.Column("humidity", sa.Numeric(4, 1), nullable=False),
        sa.Column("out_of_range", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["sensor"], ["sensor.code"], name=op.f("fk_reading_sensor")),
        sa.PrimaryKeyConstraint("sensor", "at", name=op.f("pk_reading")),
    )
    op.add_column("photo", sa.Column("task", sa.String(32), nullable=True))
    op.create_index("ix_photo_task", "photo", ["task", "seq", "place"], postgresql_where=sa.text("task is not null"))
    op.create_foreign_key(op.f("fk_photo_task"), "photo", "warehouse_task", ["task"], ["number"])
    op.drop_index("ix_photo_unclaimed", table_name="photo")
    op.create_index(
        "ix_photo_unclaimed", "photo", ["sent_at"], postgresql_where=sa.text('"order" is null and task is null')
    )
    op.drop_constraint(op.f("ck_photo_claimed"), "photo", type_="check")
    op.create_check_constraint(
        op.f("ck_photo_claimed"),
        "photo",
        '("order" is null and task is null) = (seq is null) and (seq is null) = (place is null)'
        ' and ("order" is null or task is null)',
    )


def downgrade() -> None:
    op.drop_constraint(op.f("ck_photo_claimed"), "photo", type_="check")
    op.drop_index("ix_photo_unclaimed", table_name="photo")
    op.drop_constraint(op.f("fk_photo_task"), "photo", type_="foreignkey")
    op.drop_column("photo", "task")
    op.create_index("ix_photo_unclaimed", "photo", ["sent_at"], postgresql_where=sa.text('"order" is null'))
    op.create_check_constraint(
        op.f("ck_photo_claimed"), "photo", '("order" is null) = (seq is null) and (seq is null) = (place is null)'
    )
    for table in (
        "reading", "finding", "count_entry", "sensor", "round_answer", "replenishment", "disposal", "count_line",
        "warehouse_task", "emergency_plan",
    ):  # fmt: skip
        op.drop_table(table)
