"""The way to PostgreSQL."""

from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine

Sessions = async_sessionmaker[AsyncSession]

STATEMENT_TIMEOUT_MS = 30_000
IDLE_IN_TRANSACTION_MS = 10_000
"""A process that lost its network in the middle of a transaction must not keep others from the rows it locked."""
PATIENCE = 35.0
STATEMENTS_KEPT = 500
"""How many statements a connection keeps prepared; more than one of our processes has."""


def engine(url: str, connections: int = 20, patience: float = PATIENCE) -> AsyncEngine:
    """A pool of at most `connections`. The server ends a statement that runs longer than STATEMENT_TIMEOUT_MS.

    A server that stands still, or behind a line that carries nothing, ends nothing: a statement or a new connection
    raises TimeoutError after `patience` seconds, and so does, as SQLAlchemy's own and after half of them, a pool whose
    connections are all in use: who waited for one may have to wait for its statement too.

    Errors name no parameters: these may be about people, and errors end up in logs and histories.

    The connection that came back last is taken first: what it has prepared is used again, and the others rest.
    """
    settings = {
        "application_name": "huanjian",
        "statement_timeout": str(STATEMENT_TIMEOUT_MS),
        "idle_in_transaction_session_timeout": str(IDLE_IN_TRANSACTION_MS),
    }
    return create_async_engine(
        url,
        pool_size=connections,
        max_overflow=0,
        hide_parameters=True,
        pool_timeout=patience / 2,
        pool_use_lifo=True,
        connect_args={
            "server_settings": settings,
            "timeout": patience,
            "command_timeout": patience,
            "prepared_statement_cache_size": STATEMENTS_KEPT,
        },
    )


def sessions(engine: AsyncEngine) -> Sessions:
    """Sessions whose objects stay readable after the commit."""
    return async_sessionmaker(engine, expire_on_commit=False)


def alone(sessions: Sessions) -> AsyncEngine:
    """The same pool, for connections on which every statement is a transaction of its own.

    For work that is one statement and often done: nobody waits for a BEGIN and a COMMIT.
    """
    pool: AsyncEngine = sessions.kw["bind"]
    return pool.execution_options(isolation_level="AUTOCOMMIT")


def unreachable(error: Exception) -> bool:
    """Whether PostgreSQL could not be asked or went away; otherwise what it was asked is at fault."""
    if isinstance(error, DBAPIError):
        state = str(getattr(error.orig, "sqlstate", None) or "")
        return error.connection_invalidated or state.startswith(("08", "53", "57P"))
    return isinstance(error, (OSError, PoolTimeoutError))
