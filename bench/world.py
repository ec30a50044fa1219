"""What a run enters as data: stock that does not run out, and a carrier's contract that is never the limit."""

from datetime import UTC, datetime
from typing import Final

from sqlalchemy import update

from database.session import Sessions
from database.stock import OPENING, move
from database.tables import CarrierAccount, MovementReason
from domain.stages import Role

PART: Final = "CXW-MOTOR-200"
MODEL: Final = "HG-CXW268"


async def enter(sessions: Sessions) -> None:
    async with sessions.begin() as session:
        await move(
            session,
            PART,
            1_000_000,
            source=OPENING,
            target="HZ1/qualified",
            reason=MovementReason.OPENING,
            at=datetime.now(UTC),
            by=Role.SYSTEM,
            document="OPENING",
            effect="opening/bench",
        )
        await session.execute(update(CarrierAccount).values(calls_per_minute=1_000_000))
