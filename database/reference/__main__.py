"""`python -m database.reference` fills the database the settings name."""

import asyncio

from database.reference import seed
from database.session import engine, sessions
from runtime.settings import Settings


async def main() -> None:
    settings = Settings()
    database = engine(settings.database, connections=1)
    await seed(sessions(database), settings)
    await database.dispose()


asyncio.run(main())
