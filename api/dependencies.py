"""What routes ask for: the house they stand in, a session of the database, the client's language and key.

All are coroutines, though most wait for nothing: FastAPI sends a plain function to a thread and back, every time.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated

from fastapi import Depends, Header, Request
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncSession
from temporalio.client import Client

from api import problems
from api.problems import Problem
from database.session import Sessions
from runtime.settings import Settings


@dataclass(frozen=True)
class House:
    """What one API process has open."""

    settings: Settings
    sessions: Sessions
    temporal: Client


async def house(request: Request) -> House:
    found: House = request.app.state.house
    return found


async def database(house: Annotated[House, Depends(house)]) -> AsyncIterator[AsyncSession]:
    """A session for one request. What is not committed by the route is rolled back."""
    async with house.sessions() as session:
        try:
            await session.connection()
        except (OSError, DBAPIError, PoolTimeoutError) as error:
            raise Problem("database_unreachable") from error
        yield session


async def now() -> datetime:
    return datetime.now(UTC)


async def idempotency_key(
    idempotency_key: Annotated[
        str,
        Header(
            alias="Idempotency-Key",
            min_length=1,
            max_length=200,
            pattern=r"^[\x21-\x7e]+$",
            description="Chosen by the client; the same key means the same request, however often it is sent.",
            examples=["0b0f6f2e-9a55-4c7e-8f43-1c8b9a0d7c11"],
        ),
    ],
) -> str:
    return idempotency_key


async def language(request: Request) -> str:
    return problems.language(request)


InHouse = Annotated[House, Depends(house)]
Database = Annotated[AsyncSession, Depends(database)]
Now = Annotated[datetime, Depends(now)]
IdempotencyKey = Annotated[str, Depends(idempotency_key)]
Language = Annotated[str, Depends(language)]
