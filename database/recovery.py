"""With what a document goes on when it gets a new workflow: the errands that are still owed."""

from collections.abc import Mapping
from typing import Final, TypeVar

from sqlalchemy import exists, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from database.documents import table_of
from database.tables import EventLog
from domain.documents import kind_of
from domain.messages import DocumentState, OrderState
from domain.stages import Action, Stage

S = TypeVar("S", bound=DocumentState)

_DONE_BY: Final[Mapping[str, tuple[Action, ...]]] = {
    "to_book": (Action.BOOK, Action.BOOKING_REFUSED),
    "to_recall": (Action.RECALL,),
}
"""An errand that a step left with the carrier, and the steps that show that it was run."""


async def open_state(session: AsyncSession, number: str) -> DocumentState | None:
    """What a new workflow of a document begins with; None if the document has ended, or never was."""
    kind = kind_of(number)
    table = table_of(kind)
    row = await session.scalar(select(table.state).where(table.number == number, table.ended_at.is_(None)))
    return await with_errands(session, kind.state.model_validate(row)) if row else None


async def with_errands(session: AsyncSession, state: S) -> S:
    """The state a new workflow begins with. An errand outlives the steps that came while it was under way."""
    if not isinstance(state, OrderState) or state.stage not in (Stage.DISPATCH, Stage.SETTLING):
        return state
    owed = {errand: await _owed(session, state, errand) for errand in _DONE_BY}
    return state.model_copy(update=owed)


async def _owed(session: AsyncSession, state: OrderState, errand: str) -> bool:
    """Whether a step of the shipment under way left the errand and none since has run it."""
    left, later = aliased(EventLog), aliased(EventLog)
    done = exists().where(later.document == left.document, later.seq > left.seq, later.action.in_(_DONE_BY[errand]))
    asked = select(left.seq).where(
        left.document == state.number,
        left.state[errand].as_boolean(),
        left.state["shipment"].as_string() == state.shipment,
        ~done,
    )
    return bool(await session.scalar(select(asked.exists())))
