"""Whether every signature still says what was signed (policy 2.3.2)."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from hashlib import sha256

from sqlalchemy import and_, select
from sqlalchemy.ext.asyncio import AsyncSession

from database.tables import EventLog, Signature
from domain.stages import Action


@dataclass(frozen=True)
class VerifiedSignature:
    """A signature that was read; `broken` says what is wrong with it."""

    order: str
    seq: int
    broken: str | None


async def verify_signatures(session: AsyncSession, order: str | None = None) -> AsyncIterator[VerifiedSignature]:
    """Holds each signature against its digest, and against the sealed log, which names digest, person and instant."""
    approvals = (
        select(EventLog.document, EventLog.seq, EventLog.by, EventLog.at, EventLog.details, Signature)
        .outerjoin(Signature, and_(Signature.order == EventLog.document, Signature.seq == EventLog.seq))
        .where(EventLog.action == Action.APPROVE)
        .order_by(EventLog.document, EventLog.seq)
    )
    if order is not None:
        approvals = approvals.where(EventLog.document == order)
    async for document, seq, by, at, details, signature in await session.stream(approvals):
        broken = None
        if signature is None:
            broken = "the signature is missing"
        elif sha256(json.dumps(signature.signed, sort_keys=True).encode()).digest() != signature.digest:
            broken = "what was signed was changed"
        elif (signature.by, signature.at, signature.digest.hex()) != (by, at, details.get("signature")):
            broken = "the signature is not the one in the log"
        yield VerifiedSignature(document, seq, broken)
