"""The append-only log of every document's steps, each row sealed by a hash over the one before it."""

import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import UTC
from hashlib import sha256

from sqlalchemy import select, union_all
from sqlalchemy.ext.asyncio import AsyncSession

from database.documents import TABLES
from database.tables import EventLog

BEGINNING = bytes(32)
"""What stands in for the hash before the first row."""


def seal(row: EventLog) -> bytes:
    """The hash of a row: over the previous row's and everything the row says."""
    said = {
        "document": row.document,
        "seq": row.seq,
        "at": row.at.astimezone(UTC).isoformat(),
        "action": row.action,
        "by": row.by,
        "role": row.role,
        "round": row.round,
        "from": row.from_stage,
        "to": row.to_stage,
        "details": row.details,
        "submission": str(row.submission),
        "state": row.state,
    }
    return sha256(row.previous_hash + json.dumps(said, sort_keys=True).encode()).digest()


@dataclass(frozen=True)
class Break:
    """The first bad row of a chain, and what is wrong with it."""

    document: str
    seq: int
    what: str


@dataclass(frozen=True)
class Verified:
    """One chain that was read, whole or broken."""

    document: str
    rows: int
    broken: Break | None


async def verify(session: AsyncSession, document: str | None = None) -> AsyncIterator[Verified]:
    """Reads every document's chain, or one's, from its beginning to the head its document remembers.

    Each chain is read with its head in one statement: a step that is taken meanwhile breaks none.
    """
    documents = union_all(*(select(table.number, table.log_head) for table in TABLES.values())).subquery()
    wanted = select(documents.c.number).order_by(documents.c.number)
    if document is not None:
        wanted = wanted.where(documents.c.number == document)
    chain = select(documents.c.log_head, EventLog).outerjoin(EventLog, EventLog.document == documents.c.number)
    for number in (await session.scalars(wanted)).all():
        found = (await session.execute(chain.where(documents.c.number == number).order_by(EventLog.seq))).all()
        rows = [row for _, row in found if row is not None]
        yield Verified(number, len(rows), _first_break(number, rows, found[0].log_head))
        session.expunge_all()


def _first_break(document: str, rows: Sequence[EventLog], remembered: bytes) -> Break | None:
    head = BEGINNING
    for expected, row in enumerate(rows):
        if row.seq != expected:
            return Break(document, expected, "the row is missing")
        if row.previous_hash != head:
            return Break(document, row.seq, "the row does not follow the one before it")
        if row.hash != seal(row):
            return Break(document, row.seq, "the row does not say what was sealed")
        head = row.hash
    if head != remembered:
        return Break(document, len(rows), "the row is missing")
    return None
