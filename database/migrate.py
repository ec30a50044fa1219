"""Brings a database to the newest schema. `python -m database.migrate` does it for the one the settings name."""

import asyncio
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from runtime.settings import Settings

MIGRATIONS = Path(__file__).with_name("migrations")


async def migrate(url: str) -> None:
    """Runs what is missing, in one transaction. Several processes may call it at once: the others wait."""
    engine = create_async_engine(url, poolclass=NullPool)
    async with engine.connect() as connection:
        await connection.run_sync(upgrade)
    await engine.dispose()


def config_for(connection: Connection) -> Config:
    """Alembic's configuration for work on a connection that is already open."""
    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(MIGRATIONS))
    return config


def upgrade(connection: Connection, revision: str = "head") -> None:
    """Runs what is missing up to a revision."""
    command.upgrade(config_for(connection), revision)


def knows(revision: str) -> bool:
    """Whether this release has the migration that made a schema."""
    scripts = ScriptDirectory(str(MIGRATIONS))
    return any(script.revision == revision for script in scripts.walk_revisions())


if __name__ == "__main__":
    asyncio.run(migrate(Settings().database))
