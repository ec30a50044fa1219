"""Reference data of a small appliance maker: who works there, what it makes, which parts it keeps.

A folder like any company's own, and policy versions as JSON files.
"""

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from pwdlib import PasswordHash
from sqlalchemy import String, func, literal, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from database.notices import enter_shipped
from database.policies import enter
from database.reference.folder import load
from database.session import Sessions
from database.tables import CarrierAccount, NoticeTemplate, ServiceCentre, StaffChannel, UserAccount
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
TEST_KEY: Final = "demo-key"
"""The customer name and the key under which the carrier test server knows us."""

TEST_ROBOT: Final = "demo-secret"
"""What signs for the robots of the mail test server."""

_FILES: Final = Path(__file__).parent
_ONE_AT_A_TIME: Final = 0x7365656420726566


async def seed(sessions: Sessions, settings: Settings) -> None:
    """Fills an empty database; one that has data keeps them as people left them.

    Some things follow every start: new policy versions, new words of notices, and where the test servers are.
    """
    async with sessions.begin() as session:
        await session.execute(select(func.pg_advisory_xact_lock(_ONE_AT_A_TIME)))
        if not await session.scalar(select(func.count()).select_from(ServiceCentre)):
            now = datetime.now(UTC)
            await load(session, _FILES, now, now.astimezone(ZoneInfo(settings.time_zone)).date())
            await _give_passwords(session)
        for policy in policies():
            await enter(session, policy, Role.SYSTEM)
        await enter_shipped(session)
        if settings.sms_user is None:
            await _register_sms(session)
        await _find_test_carrier(session, settings)
        await _find_test_robots(session, settings)


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


async def _find_test_robots(session: AsyncSession, settings: Settings) -> None:
    url = f"http://{LOOPBACK}:{settings.mail_page_port}/robots/"
    await session.execute(
        update(StaffChannel)
        .where(StaffChannel.secret == TEST_ROBOT)
        .values(address=literal(url) + StaffChannel.kind.cast(String) + "/" + StaffChannel.code)
    )


async def _register_sms(session: AsyncSession) -> None:
    """The test server takes a wording under any number; a real provider gives its own."""
    number = NoticeTemplate.id.cast(String)
    await session.execute(
        update(NoticeTemplate)
        .where(NoticeTemplate.sms_zh != "", NoticeTemplate.sms_id_zh == "", NoticeTemplate.entered_by == Role.SYSTEM)
        .values(sms_id_zh=number + "1", sms_id_en=number + "2")
    )
