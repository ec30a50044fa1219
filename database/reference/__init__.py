"""Reference data of a small appliance maker: who works there, what it makes, which parts it keeps.

A folder like any company's own, and policy versions as JSON files.
"""

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from pwdlib import PasswordHash
from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from database.policies import enter
from database.reference.folder import load
from database.session import Sessions
from database.tables import CarrierAccount, ServiceCentre, UserAccount
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
            await load(session, _FILES, now, now.astimezone(ZoneInfo(settings.time_zone)).date())
            await _give_passwords(session)
        for policy in policies():
            await enter(session, policy, Role.SYSTEM)
        await _find_test_carrier(session, settings)


def policies() -> list[Policy]:
    """The policy versions that come with the program."""
    return [
        Policy.model_validate_json(file.read_text(encoding="utf-8"))
        for file in sorted((_FILES / "policies").glob("*.json"))
    ]


async def _give_passwords(session: AsyncSession) -> None:
    passwords = {password for _, password, _ in DEMO_USERS}
    hashes = {each: await asyncio.to_thread(PasswordHash.recommended().hash, each) for each in passwords}
    for code, password, _ in DEMO_USERS:
        await session.execute(
            update(UserAccount).where(UserAccount.code == code).values(password_hash=hashes[password])
        )


async def _find_test_carrier(session: AsyncSession, settings: Settings) -> None:
    url = f"http://{LOOPBACK}:{settings.carrier_port}"
    await session.execute(
        update(CarrierAccount)
        .where(CarrierAccount.settings["customer"].astext == TEST_CARRIER)
        .values(settings=CarrierAccount.settings + {"poll_url": url, "label_url": url})
    )
