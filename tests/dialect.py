"""One compilation of a statement for all engines of a test run: each test has engines of its own."""

from typing import Any

from sqlalchemy.dialects import registry
from sqlalchemy.dialects.postgresql.asyncpg import PGDialect_asyncpg
from sqlalchemy.engine import Engine
from sqlalchemy.util import LRUCache


class SharedDialect(PGDialect_asyncpg):
    """All of them speak to the same server in the same way, so what one compiled serves the others."""

    supports_statement_cache = True
    _compiled: LRUCache[Any, Any] = LRUCache(5_000)

    @classmethod
    def engine_created(cls, engine: Engine) -> None:
        engine._compiled_cache = cls._compiled

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SharedDialect)

    def __hash__(self) -> int:
        return hash(SharedDialect)


def share() -> None:
    registry.register("postgresql.asyncpg", __name__, SharedDialect.__name__)
