"""A corrective action as its supplier reads it behind its link: what is demanded, why, and what it has answered."""

from datetime import date, datetime
from decimal import Decimal

from pydantic import Field
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from database.reading.documents import View
from database.reading.links import document_by_link
from database.reading.reviews import ReviewView, review_view
from database.tables import CorrectiveAction, EventLog, Submission, Supplier
from domain.correcting import CorrectiveStage, Standing
from domain.figures import Ratio
from domain.messages import CorrectiveState
from domain.reviews import ReviewFigure
from domain.stages import Action

_SAID = (Action.ANSWER_DEMAND, Action.SUBMIT_EVIDENCE, Action.REJECT_EVIDENCE)


class DemandView(View):
    """What a supplier has to put right. `standing` is how it stands now; what is only proposed is not here."""

    number: str
    stage: CorrectiveStage
    supplier: str
    supplier_name_en: str
    supplier_name_zh: str
    contact: str
    standing: Standing
    due: datetime | None
    first: date
    last: date
    figures: dict[ReviewFigure, Ratio]
    score: Decimal | None
    cause: str = ""
    measures: str = ""
    done_by: datetime | None = None
    evidence: str = ""
    rejected_because: str = ""
    state: CorrectiveState = Field(exclude=True)


async def demand_view(session: AsyncSession, token: str) -> DemandView | None:
    """The corrective action behind a supplier's link; none as long as nothing is demanded."""
    number = await document_by_link(session, token)
    found = (
        await session.execute(
            select(CorrectiveAction, Supplier)
            .join(Supplier, Supplier.code == CorrectiveAction.supplier)
            .where(CorrectiveAction.number == number)
        )
    ).one_or_none()
    if found is None:
        return None
    action, supplier = found
    review = await review_view(session, action.review)
    assert review
    state = CorrectiveState.model_validate(action.state)
    owes = action.stage in (CorrectiveStage.DEMANDED, CorrectiveStage.CARRYING_OUT)
    return DemandView(
        number=action.number,
        stage=action.stage,
        supplier=supplier.code,
        supplier_name_en=supplier.name_en,
        supplier_name_zh=supplier.name_zh,
        contact=supplier.contact,
        standing=supplier.standing,
        due=state.wait.due if owes and state.wait else None,
        state=state,
        **_figures(review),
        **await _said(session, action.number),
    )


def _figures(review: ReviewView) -> dict[str, object]:
    return {name: getattr(review, name) for name in ("first", "last", "figures", "score")}


async def _said(session: AsyncSession, number: str) -> dict[str, object]:
    """What the supplier answered last, and why its evidence was rejected if that came after it."""
    rows = await session.execute(
        select(EventLog.action, Submission.content)
        .join(Submission, Submission.id == EventLog.submission)
        .where(EventLog.document == number, EventLog.action.in_(_SAID))
        .order_by(EventLog.seq)
    )
    said: dict[str, object] = {}
    for action, content in rows:
        match action:
            case Action.ANSWER_DEMAND:
                said = {name: content[name] for name in ("cause", "measures", "done_by")}
            case Action.SUBMIT_EVIDENCE:
                said |= {"evidence": content["evidence"], "rejected_because": ""}
            case _:
                said |= {"rejected_because": content["explanation"]}
    return said
