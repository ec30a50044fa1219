"""More about a case while it is open: words and photos (policy 2.1.1b, 2.1.2)."""

from activities.steps.work import OrderSteps, OrderWork
from database import photos
from domain.order_decisions import Supplement
from domain.stages import Action, Role


async def supplement(work: OrderWork) -> None:
    """Nothing moves on, but the case knows more. The service agent is told, and whoever has it in hand."""
    said = work.said(Supplement)
    await photos.claim(work.session, said.photos, work.document.number, work.step.seq)
    work.details |= {"photos": len(said.photos), "joined": said.joined}
    if work.wait and work.wait.caretaker is not Role.SERVICE_AGENT:
        work.told.append((Action.SUPPLEMENT, work.wait.caretaker))
    if said.joined:
        work.told.append(("joined", Role.CUSTOMER))


STEPS: OrderSteps = {Action.SUPPLEMENT: supplement}
