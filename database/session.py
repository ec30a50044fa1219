"""The way to PostgreSQL."""

from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine

Sessions = async_sessionmaker[AsyncSession]

STATEMENT_TIMEOUT_MS = 30_000


def engine(url: str, connections: int = 20) -> AsyncEngine:
    """A pool of at most `connections`. The server ends a statement that runs longer than STATEMENT_TIMEOUT_MS."""
    return create_async_engine(
        url,
        pool_size=connections,
        max_overflow=0,
        connect_args={
            "server_settings": {"application_name": "huanjian", "statement_timeout": str(STATEMENT_TIMEOUT_MS)}
        },
    )


def sessions(engine: AsyncEngine) -> Sessions:
    """Sessions whose objects stay readable after the commit."""
    return async_sessionmaker(engine, expire_on_commit=False)
