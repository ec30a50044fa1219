"""The way to PostgreSQL."""

from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine

Sessions = async_sessionmaker[AsyncSession]

STATEMENT_TIMEOUT_MS = 30_000
POOL_TIMEOUT = 30.0


def engine(url: str, connections: int = 20, patience: float | None = None) -> AsyncEngine:
    """A pool of at most `connections`. The server ends a statement that runs longer than STATEMENT_TIMEOUT_MS.

    A server that stands still ends nothing: where somebody waits, a statement or a new connection raises TimeoutError
    after `patience` seconds, and so does, as SQLAlchemy's own, a pool whose connections are all in use.
    """
    settings = {"application_name": "huanjian", "statement_timeout": str(STATEMENT_TIMEOUT_MS)}
    limits = {"timeout": patience, "command_timeout": patience} if patience else {}
    return create_async_engine(
        url,
        pool_size=connections,
        max_overflow=0,
        pool_timeout=patience or POOL_TIMEOUT,
        connect_args={"server_settings": settings, **limits},
    )


def sessions(engine: AsyncEngine) -> Sessions:
    """Sessions whose objects stay readable after the commit."""
    return async_sessionmaker(engine, expire_on_commit=False)
