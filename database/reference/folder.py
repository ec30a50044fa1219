"""A company's reference data as a folder of CSV files, one a table and named after it; the columns are the table's.

A file that is not there changes nothing, a row that stands there already is brought up to date. Days are written
2026-11-23, or count from the day of loading (`+365`), so that a sample never ages.
"""

import csv
import json
from collections import defaultdict
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from secrets import token_urlsafe
from typing import Any, Final

from sqlalchemy import delete, inspect, select
from sqlalchemy.dialects.postgresql import JSONB, distinct_on, insert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from database.lots import Pieces, numbered
from database.stock import CARRIERS, CUSTOMERS, IN_TRANSIT, LOSSES, OPENING, SUPPLIERS, move
from database.tables import (
    Base,
    CarrierAccount,
    Certificate,
    Characteristic,
    Contract,
    ContractBreak,
    Customer,
    EmergencyPlan,
    Fault,
    MovementReason,
    Part,
    PartModel,
    Place,
    PlaceKeeper,
    ProductModel,
    Qualification,
    Recall,
    RegisteredUnit,
    Sensor,
    ServiceCentre,
    ServiceOutlet,
    StaffChannel,
    SubstitutePart,
    Supplier,
    SupplierPaper,
    Technician,
    UserAccount,
    Warehouse,
    WorkingDayOverride,
    Zone,
)
from domain.stages import Refusal, Role

TABLES: Final[Sequence[type[Base]]] = (
    ServiceCentre,
    ServiceOutlet,
    UserAccount,
    Technician,
    Certificate,
    ProductModel,
    Fault,
    Part,
    Characteristic,
    SubstitutePart,
    Recall,
    Supplier,
    SupplierPaper,
    Qualification,
    Contract,
    Warehouse,
    Place,
    Sensor,
    EmergencyPlan,
    PlaceKeeper,
    Customer,
    RegisteredUnit,
    CarrierAccount,
    StaffChannel,
    WorkingDayOverride,
)
"""What can be loaded; each refers only to those before it."""

BEYOND_THE_WAREHOUSES: Final = [
    *({"code": code, "zone": Zone.OUTSIDE} for code in (SUPPLIERS, CUSTOMERS, CARRIERS, OPENING, LOSSES)),
    {"code": IN_TRANSIT, "zone": Zone.IN_TRANSIT},
]
BATCH: Final = 1000
VERSIONED: Final = frozenset({Contract, Qualification, SupplierPaper})
Row = dict[str, Any]


class UnusableFile(ValueError):
    """A file that can't be loaded, with its name, line and why."""


async def load(session: AsyncSession, folder: Path, now: datetime, today: date) -> dict[str, int]:
    """Loads what the folder has; how many rows of each table. Raises UnusableFile, and then nothing may be kept.

    `opening_stock.csv` becomes movements, each once.
    """
    counts = {}
    await _put(session, Place, BEYOND_THE_WAREHOUSES)
    for table in TABLES:
        file = folder / f"{table.__tablename__}.csv"
        if file.exists():
            counts[table.__tablename__] = await _load_file(session, table, file, now, today)
    if (opening := folder / "opening_stock.csv").exists():
        counts["opening_stock"] = await _open_stock(session, opening, now)
    if not counts:
        raise UnusableFile(f"{folder} has none of {', '.join(table.__tablename__ + '.csv' for table in TABLES)}")
    return counts


def rows_of(file: Path) -> list[Row]:
    """Raises UnusableFile."""
    try:
        with file.open(encoding="utf-8-sig", newline="") as lines:
            return list(csv.DictReader(lines, strict=True))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UnusableFile(f"{file.name}: {error}") from error


async def _open_stock(session: AsyncSession, file: Path, now: datetime) -> int:
    rows = rows_of(file)
    opened: dict[tuple[str, str], list[Pieces]] = {}
    first: dict[tuple[str, str], int] = {}
    for line, row in enumerate(rows, start=2):
        try:
            key = row["place"], row["part"]
            opened.setdefault(key, []).extend(_pieces(row))
        except (KeyError, TypeError, ValueError) as error:
            needed = "place, part and a whole quantity are needed, and as many serial numbers, if any"
            raise UnusableFile(f"{file.name} line {line}: {needed}") from error
        first.setdefault(key, line)
    for (place, part), pieces in opened.items():
        try:
            await move(
                session,
                part,
                sum(each.quantity for each in pieces),
                source=OPENING,
                target=place,
                reason=MovementReason.OPENING,
                at=now,
                by=Role.SYSTEM,
                document="OPENING",
                effect=f"opening/{place}/{part}",
                pieces=pieces if any(each.lot or each.serial for each in pieces) else (),
            )
        except Refusal as refusal:
            raise UnusableFile(f"{file.name} line {first[place, part]}: {refusal}") from refusal
        except IntegrityError as error:
            raise UnusableFile(f"{file.name} line {first[place, part]}: {_detail(error)}") from error
    return len(rows)


def _pieces(row: Row) -> list[Pieces]:
    """A row of opening stock; it may name a `lot`, and serial numbers as `serials`."""
    quantity, lot, serials = int(row["quantity"]), row.get("lot") or None, (row.get("serials") or "").split()
    if serials and len(serials) != quantity:
        raise ValueError("a serial number a piece")
    return numbered(serials) or [Pieces(quantity, lot)]


async def _load_file(session: AsyncSession, table: type[Base], file: Path, now: datetime, today: date) -> int:
    rows = rows_of(file)
    fits = [row.pop("models", "").split() for row in rows] if table is Part else []
    breaks = [_breaks(row, f"{file.name} line {line}") for line, row in enumerate(rows, 2)] if table is Contract else []
    values = [_values(table, row, f"{file.name} line {line}", today) for line, row in enumerate(rows, start=2)]
    try:
        if table is RegisteredUnit:
            await _find_owners(session, values)
        if table is Customer:
            values = await _unknown(session, values)
        if table is Part:
            await _put_parts(session, values)
            await _put_fits(session, {row["code"]: models for row, models in zip(rows, fits, strict=True)})
        elif table in VERSIONED:
            await _put_versions(session, table, values, breaks, now)
        else:
            await _put(session, table, values)
    except IntegrityError as error:
        raise UnusableFile(f"{file.name}: {_detail(error)}") from error
    return len(rows)


async def _put(session: AsyncSession, table: type[Base], values: list[Row]) -> None:
    keys = [column.name for column in inspect(table).primary_key]
    for start in range(0, len(values), BATCH):
        batch = values[start : start + BATCH]
        written = [column for column in batch[0] if column not in keys]
        if table is CarrierAccount:
            batch = [row | {"push_token": token_urlsafe(24)} for row in batch]
        put = insert(table).values(batch)
        if written and table is not Customer:
            put = put.on_conflict_do_update(
                index_elements=keys, set_={column: put.excluded[column] for column in written}
            )
        await session.execute(put)


async def _put_parts(session: AsyncSession, parts: list[Row]) -> None:
    """Twice, because a part may be superseded by one that comes later in the file."""
    await _put(session, Part, [part | {"superseded_by": None} for part in parts])
    await _put(session, Part, parts)


async def _put_fits(session: AsyncSession, fits: dict[str, list[str]]) -> None:
    """The file of parts names the models each part fits."""
    await session.execute(delete(PartModel).where(PartModel.part.in_(fits)))
    await _put(session, PartModel, [{"part": part, "model": model} for part in fits for model in fits[part]])


def _breaks(row: Row, where: str) -> dict[int, Decimal]:
    """The file of contracts writes price breaks `50:118.00 200:112.50`: from so many pieces on, yuan for a piece."""
    cell = row.pop("breaks", "") or ""
    try:
        pairs = [one.split(":") for one in cell.split()]
        return {int(quantity): Decimal(price) for quantity, price in pairs}
    except (ValueError, ArithmeticError) as error:
        raise UnusableFile(f"{where}: breaks can't be “{cell}”") from error


async def _put_versions(
    session: AsyncSession, table: type[Base], values: list[Row], breaks: list[dict[int, Decimal]], now: datetime
) -> None:
    """What says something new is the next version; nothing that stands there is changed."""
    columns = table.__table__.columns
    keys = [column for column in columns if column.primary_key and column.name != "version"]
    order = (*keys, columns["version"].desc())
    newest = {
        tuple(row[key.name] for key in keys): dict(row)
        for row in (await session.execute(select(*columns).ext(distinct_on(*keys)).order_by(*order))).mappings()
    }
    broken: dict[tuple[Any, ...], dict[int, Decimal]] = defaultdict(dict)
    for row in await session.scalars(select(ContractBreak)) if table is Contract else ():
        broken[row.supplier, row.part, row.version][row.from_quantity] = row.price
    entered = {"entered_by": Role.SYSTEM, "entered_at": now}
    new: list[Row] = []
    steps: list[Row] = []
    for value, prices in zip(values, breaks or [{} for _ in values], strict=True):
        key = tuple(value[column.name] for column in keys)
        before = newest.get(key)
        version = before["version"] if before else 0
        if before and broken[*key, version] == prices and all(before[name] == value[name] for name in value):
            continue
        new.append({**value, **entered, "version": version + 1})
        newest[key] = new[-1]
        steps += [
            {"supplier": key[0], "part": key[1], "version": version + 1, "from_quantity": quantity, "price": price}
            for quantity, price in prices.items()
        ]
    for into, rows in ((table, new), (ContractBreak, steps)):
        for start in range(0, len(rows), BATCH):
            await session.execute(insert(into).values(rows[start : start + BATCH]))


async def _find_owners(session: AsyncSession, units: list[Row]) -> None:
    """The file of units names a unit's owner by telephone number."""
    phones = {unit["customer"] for unit in units}
    owners = dict(
        (await session.execute(select(Customer.phone, Customer.id).where(Customer.phone.in_(phones - {None})))).all()
    )
    for unit in units:
        unit["customer"] = owners.get(unit["customer"])


async def _unknown(session: AsyncSession, customers: list[Row]) -> list[Row]:
    """Customers change their data themselves; a file only brings those nobody knows."""
    phones = [customer["phone"] for customer in customers]
    known = set(await session.scalars(select(Customer.phone).where(Customer.phone.in_(phones))))
    return [customer for customer in customers if customer["phone"] not in known]


def _values(table: type[Base], row: Row, where: str, today: date) -> Row:
    columns = table.__table__.columns
    values: Row = {}
    for name, cell in row.items():
        if name not in columns or cell is None:
            raise UnusableFile(f"{where}: {f'there is no column {name}' if cell is not None else f'{name} is missing'}")
        try:
            phone = table is RegisteredUnit and name == "customer"
            values[name] = (cell or None) if phone else _value(columns[name], cell.strip(), today)
        except (ValueError, KeyError, ArithmeticError) as error:
            raise UnusableFile(f"{where}: {name} can't be “{cell}”") from error
    if table is Fault:
        values["parent"] = values["code"].rpartition(".")[0] or None
    return values


def _value(column: Any, cell: str, today: date) -> Any:
    """What a cell means in this column; nothing written is null where null may be."""
    kind = column.type.python_type
    if not cell and column.nullable:
        return None
    if kind is date:
        return today + timedelta(days=int(cell)) if cell[:1] in "+-" else date.fromisoformat(cell)
    if kind is bool:
        return {"true": True, "false": False}[cell.lower()]
    if isinstance(column.type, JSONB):
        return json.loads(cell)
    return cell.split() if kind is list else kind(cell)


def _detail(error: IntegrityError) -> str:
    """PostgreSQL's own words name the value that is wrong."""
    cause = error.orig.__cause__ if error.orig else None
    return getattr(cause, "detail", None) or str(cause or error.orig)
