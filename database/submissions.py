"""What people said with a decision, kept before anything is decided. Saying it twice is saying it once."""

import json
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Final
from uuid import UUID, uuid5

from pydantic import BaseModel
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from database.tables import EventLog, Submission
from domain.messages import Decided
from domain.stages import Action, Refusal, Role
from domain.waiting import Wait

_NAMESPACE: Final = UUID("5a8a3a0a-6e0a-5a3c-9f43-6d1f5a6f9b11")


@dataclass(frozen=True)
class Said:
    """A submission come again; `answer` is the step it became, if it became one."""

    role: Role
    answer: Decided | None


def submission_id(document: str, by: str, key: str) -> UUID:
    return uuid5(_NAMESPACE, json.dumps([document, by, key]))


async def recall(session: AsyncSession, document: str, by: str, key: str, decision: BaseModel) -> Said | None:
    """What this key said before. Raises Refusal `idempotency_key_reused` if that was something else."""
    found = (
        await session.execute(
            select(Submission.digest, Submission.role, EventLog.to_stage, EventLog.seq, EventLog.state)
            .outerjoin(EventLog, (EventLog.submission == Submission.id) & (EventLog.document == Submission.document))
            .where(Submission.id == submission_id(document, by, key))
        )
    ).one_or_none()
    if found is None:
        return None
    if found.digest != _digest(decision):
        raise Refusal("idempotency_key_reused", "this key came with another decision before")
    if found.seq is None:
        return Said(found.role, None)
    wait = Wait.model_validate(found.state["wait"]) if found.state["wait"] else None
    return Said(found.role, Decided(document=document, stage=found.to_stage, seq=found.seq, wait=wait))


async def on_record(session: AsyncSession, document: str, action: Action, by: str, key: str) -> bool:
    """Whether this action was said under this key and has become a step."""
    said = submission_id(document, by, key)
    step = select(EventLog.seq).where(
        EventLog.document == document, EventLog.action == action, EventLog.submission == said
    )
    return bool(await session.scalar(select(step.exists())))


async def keep(
    session: AsyncSession, *, document: str, action: Action, decision: BaseModel, by: str, role: Role, key: str,
    now: datetime,
) -> None:  # fmt: skip
    """Writes down what was said. Raises Refusal `idempotency_key_reused` if the key said something else before."""
    kept = await session.execute(
        insert(Submission)
        .values(
            id=submission_id(document, by, key),
            document=document,
            idempotency_key=key,
            digest=_digest(decision),
            action=action,
            content=decision.model_dump(mode="json"),
            by=by,
            role=role,
            at=now,
        )
        .on_conflict_do_nothing()
        .returning(Submission.id)
    )
    if kept.one_or_none() is None:
        await recall(session, document, by, key, decision)


def _digest(decision: BaseModel) -> bytes:
    return sha256(json.dumps(decision.model_dump(mode="json"), sort_keys=True).encode()).digest()
