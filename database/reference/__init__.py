"""Reference data of a small appliance maker: who works there, what it makes, which parts it keeps.

One CSV file a table. Days count from the day of seeding, so that warranties and prices never age in the file;
opening_stock.csv becomes movements. Policy versions are JSON files.
"""

import asyncio
import csv
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from secrets import token_urlsafe
from typing import Any, Final
from zoneinfo import ZoneInfo

from pwdlib import PasswordHash
from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from database.policies import enter
from database.session import Sessions
from database.stock import move
from database.tables import (
    Base,
    CarrierAccount,
    Certificate,
    Customer,
    Fault,
    Part,
    PartModel,
    Place,
    ProductModel,
    RegisteredUnit,
    ServiceCentre,
    ServiceOutlet,
    Supplier,
    SupplierPrice,
    Technician,
    UserAccount,
    Warehouse,
)
from domain.policy import Policy
from domain.stages import Role
from runtime.settings import LOOPBACK, Settings

DEMO_PASSWORD: Final = "huanjian-demo"
DEMO_USERS: Final[list[tuple[str, str, Role]]] = [
    ("agent", DEMO_PASSWORD, Role.SERVICE_AGENT),
    ("auditor", DEMO_PASSWORD, Role.AUDITOR),
    ("auditor2", DEMO_PASSWORD, Role.AUDITOR),
    ("buyer", DEMO_PASSWORD, Role.BUYER),
    ("keeper", DEMO_PASSWORD, Role.WAREHOUSE_KEEPER),
    ("dispatcher", DEMO_PASSWORD, Role.DISPATCHER),
    ("technician", DEMO_PASSWORD, Role.TECHNICIAN),
    ("supervisor", DEMO_PASSWORD, Role.SUPERVISOR),
    ("administrator", DEMO_PASSWORD, Role.ADMINISTRATOR),
]
"""Log-ins for a demonstration. Nobody else has a password until one is set."""

OPENING: Final = "outside/opening"
TEST_CARRIER: Final = "DEMO"
"""The customer name under which the carrier test server knows us."""

_FILES: Final = Path(__file__).parent
_ONE_AT_A_TIME: Final = 0x7365656420726566


async def seed(sessions: Sessions, settings: Settings) -> None:
    """Fills an empty database; one that has data keeps them as people left them.

    Two things follow every start: new policy versions, and where the carrier test server is.
    """
    async with sessions.begin() as session:
        await session.execute(select(func.pg_advisory_xact_lock(_ONE_AT_A_TIME)))
        if not await session.scalar(select(func.count()).select_from(ServiceCentre)):
            now = datetime.now(UTC)
            await _fill(session, now, now.astimezone(ZoneInfo(settings.time_zone)).date())
        for policy in policies():
            await enter(session, policy, Role.SYSTEM)
        await _find_test_carrier(session, settings)


def policies() -> list[Policy]:
    """The policy versions that come with the program."""
    return [
        Policy.model_validate_json(file.read_text(encoding="utf-8"))
        for file in sorted((_FILES / "policies").glob("*.json"))
    ]


async def _fill(session: AsyncSession, now: datetime, today: date) -> None:
    await _copy(session, today, ServiceCentre, ServiceOutlet)
    await _insert_users(session, today)
    await _copy(session, today, Technician, Certificate, ProductModel)
    await _insert(session, Fault, [row | {"parent": row["code"].rpartition(".")[0]} for row in _rows(Fault)], today)
    await _insert_parts(session, today)
    await _copy(session, today, Supplier, SupplierPrice, Warehouse, Place, Customer)
    await _insert_units(session, today)
    await _insert_carriers(session, today)
    for row in _read("opening_stock"):
        await move(
            session,
            row["part"],
            int(row["quantity"]),
            source=OPENING,
            target=row["place"],
            at=now,
            by=Role.SYSTEM,
            document="OPENING",
            effect=f"opening/{row['place']}/{row['part']}",
        )


async def _insert_users(session: AsyncSession, today: date) -> None:
    passwords = {code: password for code, password, _ in DEMO_USERS}
    hashes = {each: await asyncio.to_thread(PasswordHash.recommended().hash, each) for each in {*passwords.values()}}
    users = [row | {"password_hash": hashes.get(passwords.get(row["code"], ""))} for row in _rows(UserAccount)]
    await _insert(session, UserAccount, users, today)


async def _insert_parts(session: AsyncSession, today: date) -> None:
    """The file names the models a part fits beside the part."""
    parts = _rows(Part)
    fitting = [{"part": row["code"], "model": model} for row in parts for model in row.pop("models").split()]
    await _insert(session, Part, parts, today)
    await _insert(session, PartModel, fitting, today)


async def _insert_units(session: AsyncSession, today: date) -> None:
    """The file names a unit's owner by telephone number."""
    owners = dict((await session.execute(select(Customer.phone, Customer.id))).all())
    units = [row | {"customer": owners.get(row["customer"])} for row in _rows(RegisteredUnit)]
    await _insert(session, RegisteredUnit, units, today)


async def _insert_carriers(session: AsyncSession, today: date) -> None:
    contract = {"customer": TEST_CARRIER, "key": "demo-key", "secret": "demo-secret", "min_spacing": "PT1S"}
    settings = {
        "kuaidi100": contract | {"salt": token_urlsafe(16)},
        "manual": {"min_spacing": "PT1H"},
    }
    accounts = [
        row | {"settings": settings[row["kind"]], "push_token": token_urlsafe(24)} for row in _rows(CarrierAccount)
    ]
    await _insert(session, CarrierAccount, accounts, today)


async def _find_test_carrier(session: AsyncSession, settings: Settings) -> None:
    url = f"http://{LOOPBACK}:{settings.carrier_port}"
    await session.execute(
        update(CarrierAccount)
        .where(CarrierAccount.settings["customer"].astext == TEST_CARRIER)
        .values(settings=CarrierAccount.settings + {"poll_url": url, "label_url": url})
    )


async def _copy(session: AsyncSession, today: date, *tables: type[Base]) -> None:
    for table in tables:
        await _insert(session, table, _rows(table), today)


def _rows(table: type[Base]) -> list[dict[str, Any]]:
    return _read(table.__tablename__)


def _read(name: str) -> list[dict[str, Any]]:
    with (_FILES / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, strict=True))


async def _insert(session: AsyncSession, table: type[Base], rows: Sequence[dict[str, Any]], today: date) -> None:
    columns = table.__table__.columns
    values = [{name: _value(columns[name], cell, today) for name, cell in row.items()} for row in rows]
    await session.execute(insert(table).values(values))


def _value(column: Any, cell: Any, today: date) -> Any:
    """What a cell of a file means in this column; nothing written is null where null may be."""
    if not isinstance(cell, str):
        return cell
    if not cell and column.nullable:
        return None
    kind = column.type.python_type
    if kind is date:
        return today + timedelta(days=int(cell))
    return cell.split() if kind is list else kind(cell)
