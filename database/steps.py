"""How a step of a document's life is put on record: with its document, its log row and its messages."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from database.documents import AnyDocument
from database.log import BEGINNING, seal
from database.tables import EventLog, Outbox
from domain.messages import DocumentState, OrderState
from domain.stages import Action, Role
from domain.waiting import Wait


def record(
    session: AsyncSession,
    document: AnyDocument,
    *,
    action: str,
    at: datetime,
    by: str,
    role: Role,
    from_stage: str,
    details: dict[str, Any],
    submission: UUID | None,
    state: DocumentState,
    told: Iterable[tuple[str, Role]] = (),
) -> None:
    """Adds the document's next step to the session: log row, messages, and where the document now stands."""
    row = EventLog(
        document=document.number,
        seq=state.seq,
        at=at,
        action=action,
        by=by,
        role=role,
        round=state.round if isinstance(state, OrderState) else 0,
        from_stage=from_stage,
        to_stage=str(state.stage),
        details=details,
        submission=submission,
        state=state.model_dump(mode="json"),
        previous_hash=document.log_head or BEGINNING,
    )
    row.hash = seal(row)
    session.add(row)
    session.add_all(
        Outbox(
            document=document.number,
            seq=state.seq,
            template=template,
            audience=audience,
            content={"action": action, **details},
            created_at=at,
        )
        for template, audience in told
    )
    document.seq = state.seq
    document.log_head = row.hash
    document.state = row.state
    put_wait(document, state.wait)


def put_wait(document: AnyDocument, wait: Wait | None) -> None:
    """Shows what is waited for in the columns that lists are filtered and sorted by."""
    document.wait_clock = wait.clock if wait else None
    document.wait_owner = wait.owner if wait else None
    document.wait_caretaker = wait.caretaker if wait else None
    document.wait_since = wait.since if wait else None
    document.wait_due = wait.due if wait else None


def reminder(action: Action, wait: Wait) -> tuple[str, Role]:
    """Who hears that `wait` takes long: whoever looks after it, or the supervisor once it is escalated."""
    return f"{action}_{wait.clock}", Role.SUPERVISOR if action is Action.ESCALATE else wait.caretaker
