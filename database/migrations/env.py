"""What Alembic runs for every command: on the connection it was given, or on the database the settings name."""

import asyncio

from alembic import context
from sqlalchemy import Connection, func, select
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from database.tables import Base
from runtime.settings import Settings

ONE_AT_A_TIME = 0x6875616E6A69616E
"""The advisory lock that whoever changes the schema holds until the commit."""


def run(connection: Connection) -> None:
    context.configure(connection=connection, target_metadata=Base.metadata)
    with context.begin_transaction():
        connection.execute(select(func.pg_advisory_xact_lock(ONE_AT_A_TIME)))
        context.run_migrations()


async def connect_and_run() -> None:
    engine = create_async_engine(Settings().database, poolclass=NullPool)
    async with engine.connect() as connection:
        await connection.run_sync(run)
    await engine.dispose()


given: Connection | None = context.config.attributes.get("connection")
if given is None:
    asyncio.run(connect_and_run())
else:
    run(given)
