"""What a case came to, counted: the same case must come to the same in every pass."""

from collections import Counter
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from database.documents import AnyDocument
from database.tables import (
    Appointment,
    AuditQuestion,
    AwardLine,
    BackOrder,
    Claim,
    Contract,
    CorrectiveAction,
    CountEntry,
    CountLine,
    Disposal,
    EventLog,
    Finding,
    Invitation,
    Movement,
    OrderLine,
    Outbox,
    Parcel,
    PurchaseLine,
    PurchaseOrder,
    ReceivedLot,
    ReplacementOrder,
    Replenishment,
    RequestForQuotation,
    RequestLine,
    Reservation,
    RevisitAttempt,
    RoundAnswer,
    Shipment,
    Signature,
    StandingChange,
    Supplier,
    SupplierBid,
    SupplierClaim,
    SupplierInvoice,
    SupplierLink,
    SupplierReturn,
    WarehouseTask,
)
from domain.stages import Action

Tally = Counter[str]

_CLOCKS: Final = (Action.REMIND, Action.ESCALATE)
_PASSING: Final = {
    Action.LATE,
    Action.NO_MOVEMENT,
    Action.NO_PICKUP_SCAN,
    Action.TROUBLE,
    Action.PASS_ON,
    Action.WITHDRAW,
    "deadline_moved",
    "no_other_supplier",
}
"""Messages that depend on how long something took, on which scan was seen, or on how often somebody was told."""
_SAME: Final = {Action.PICK_UP: Action.HAND_OVER}
"""The keeper's word and the carrier's scan are the same thing; whichever comes first."""
_AS_TIME_GOES: Final = {Action.HAND_OVER, Action.MOVE_DUE}
"""Decisions that nobody takes if something else comes first: the carrier, or enough bids."""


@dataclass(frozen=True)
class Difference:
    """`kind` is lost (less than undisturbed), doubled (more) or stuck."""

    kind: str
    what: str


def compare(title: str, expected: Tally, found: Tally) -> list[Difference]:
    """What is missing of, and what is too much against, the undisturbed pass."""
    return [
        Difference(kind, f"{title}: {count} × {what}")
        for kind, more, less in (("lost", expected, found), ("doubled", found, expected))
        for what, count in sorted((more - less).items())
    ]


async def tally(session: AsyncSession, number: str, own_part: str | None) -> Tally:
    """Counts everything that hangs on an order; `own_part` has another name in every pass."""
    order = await session.get_one(ReplacementOrder, number)
    purchases = await purchases_of(session, number)
    shipments = (await session.scalars(select(Shipment).where(Shipment.order == number))).all()
    documents = [number, *(purchase.number for purchase in purchases)]
    lines = (await session.scalars(select(OrderLine).where(OrderLine.order == number))).all()
    found: Tally = Counter([f"order {order.stage} {order.outcome} in round {order.round}"])
    found.update(f"line {line.part} × {line.quantity} {line.state}" for line in lines)
    found.update(f"shipment by {each.account} {each.state}" for each in shipments)
    for reservation in await session.scalars(
        select(Reservation).where(Reservation.line.in_([line.id for line in lines]))
    ):
        found[f"reservation {reservation.part} × {reservation.quantity} {reservation.state}"] += 1
    for wait in await session.scalars(select(BackOrder).where(BackOrder.order == number)):
        found[f"back order {wait.part} × {wait.quantity} {wait.state}"] += 1
    for claim in await session.scalars(select(Claim).where(Claim.order == number)):
        found[f"claim {claim.reason} {claim.value} {claim.state} for {claim.settled_for}"] += 1
    for visit in await session.scalars(select(Appointment).where(Appointment.order == number)):
        found[f"appointment {visit.state}"] += 1
    for question in await session.scalars(select(AuditQuestion).where(AuditQuestion.order == number)):
        found[f"question ended by {question.ended_as}"] += 1
    found["parcels"] += len((await session.scalars(select(Parcel.shipment).where(Parcel.order == number))).all())
    found["signatures"] += len((await session.scalars(select(Signature.seq).where(Signature.order == number))).all())
    found["revisit attempts"] += len(
        (await session.scalars(select(RevisitAttempt.seq).where(RevisitAttempt.order == number))).all()
    )
    found.update(await _purchases(session, purchases))
    found.update(await _traces(session, documents, [*documents, *(shipment.id for shipment in shipments)]))
    return _called_own(found, own_part) if own_part else +found


async def house_tally(session: AsyncSession, code: str) -> Tally:
    """Counts everything that hangs on a case's own warehouse, supplier or part; nothing if it never began."""
    tasks = (await session.scalars(select(WarehouseTask).where(WarehouseTask.warehouse == code))).all()
    actions = (await session.scalars(select(CorrectiveAction).where(CorrectiveAction.supplier == code))).all()
    asked = select(RequestLine.request).where(RequestLine.part.startswith(f"{code}-"))
    requests = (await session.scalars(select(RequestForQuotation).where(RequestForQuotation.number.in_(asked)))).all()
    began: list[AnyDocument] = [*tasks, *actions, *requests]
    numbers = [each.number for each in began]
    purchases = [purchase for number in numbers for purchase in await purchases_of(session, number)]
    found: Tally = Counter(f"{task.kind} {task.stage} {task.subject}" for task in tasks)
    found.update(f"corrective action {each.stage} {each.standing}" for each in actions)
    found.update(f"request {each.stage}" for each in requests)
    found.update([row async for row in _of_tasks(session, [task.number for task in tasks])])
    found.update([row async for row in _of_requests(session, [request.number for request in requests])])
    for change in await session.scalars(select(StandingChange).where(StandingChange.supplier == code)):
        found[f"standing {change.before} → {change.after} because {change.because} by {change.by}"] += 1
    for supplier in await session.scalars(select(Supplier).where(Supplier.code == code)):
        found[f"supplier {supplier.standing}"] += 1
    if numbers:
        documents = [*numbers, *(purchase.number for purchase in purchases)]
        found.update(await _purchases(session, purchases))
        found.update(await _traces(session, documents, documents))
    return _called_own(found, code) if numbers else Counter()


async def purchases_of(session: AsyncSession, number: str) -> list[PurchaseOrder]:
    """The purchase orders a document caused, and those that took over from them."""
    found: list[PurchaseOrder] = []
    causes = [number]
    while causes:
        caused = EventLog.details["for"].astext.in_(causes)
        placed = select(EventLog.document).where(EventLog.action == "place", caused)
        rows = await session.scalars(select(PurchaseOrder).where(PurchaseOrder.number.in_(placed)))
        found += (new := list(rows))
        causes = [purchase.number for purchase in new]
    return found


def _called_own(found: Tally, code: str) -> Tally:
    """The same tally, with what has another name in every pass under one."""
    renamed: Tally = Counter()
    for what, count in found.items():
        renamed[what.replace(code, "own")] += count
    return +renamed


async def _purchases(session: AsyncSession, purchases: Sequence[PurchaseOrder]) -> Tally:
    """Purchase orders, what came, how it was found, what went back, what was billed and claimed."""
    numbers = [purchase.number for purchase in purchases]
    found: Tally = Counter(f"purchase order to {each.supplier} {each.stage}" for each in purchases)
    for line in await session.scalars(select(PurchaseLine).where(PurchaseLine.purchase_order.in_(numbers))):
        pieces = f"{line.quantity}, {line.received} in, {line.refused} refused, {line.paid} paid"
        found[f"purchase line {line.part} {pieces}"] += 1
    for lot in await session.scalars(select(ReceivedLot).where(ReceivedLot.purchase_order.in_(numbers))):
        found[f"lot of {lot.quantity} {lot.verdict}, {lot.checked} looked at, {lot.accepted} accepted"] += 1
    for back in await session.scalars(select(SupplierReturn).where(SupplierReturn.purchase_order.in_(numbers))):
        found[f"return of {back.quantity} handed to {back.taken_by}"] += 1
    for claim in await session.scalars(select(SupplierClaim).where(SupplierClaim.purchase_order.in_(numbers))):
        found[f"claim on supplier {claim.value} {claim.state} for {claim.settled_for}"] += 1
    for invoice in await session.scalars(select(SupplierInvoice).where(SupplierInvoice.purchase_order.in_(numbers))):
        found[f"invoice {invoice.total} {invoice.state} {invoice.outcome}, {invoice.payable} payable"] += 1
    for link in await session.scalars(select(SupplierLink).where(SupplierLink.document.in_(numbers))):
        found[f"link of {link.supplier} {'revoked' if link.revoked_at else 'open'}"] += 1
    return found


async def _of_tasks(session: AsyncSession, numbers: Sequence[str]) -> AsyncIterator[str]:
    """What a warehouse's tasks are about."""
    lines = (await session.scalars(select(CountLine).where(CountLine.task.in_(numbers)))).all()
    for line in lines:
        found = f"{line.quantity} of {line.book} there, {line.cause}"
        yield f"count line {line.place} {line.part} {line.state}: {found}"
    for entry in await session.scalars(select(CountEntry).where(CountEntry.line.in_([line.id for line in lines]))):
        yield f"counted {entry.quantity} of {entry.book} by {entry.by} in attempt {entry.attempt}"
    for answer in await session.scalars(select(RoundAnswer).where(RoundAnswer.task.in_(numbers))):
        yield f"round: {answer.item} {answer.sound}"
    for finding in await session.scalars(select(Finding).where(Finding.task.in_(numbers))):
        yield f"finding {finding.found_by} {finding.topic} put right by {finding.remedied_by}"
    for wish in await session.scalars(select(Replenishment).where(Replenishment.task.in_(numbers))):
        yield f"replenishment {wish.part} × {wish.quantity} from {wish.supplier}, {wish.reason}"
    for excess in await session.scalars(select(Disposal).where(Disposal.task.in_(numbers))):
        yield f"disposal {excess.part} {excess.way} {excess.disposed} of {excess.quantity} for {excess.proceeds}"


async def _of_requests(session: AsyncSession, numbers: Sequence[str]) -> AsyncIterator[str]:
    """What was answered to requests for quotation, what was awarded and agreed."""
    for invited in await session.scalars(select(Invitation).where(Invitation.request.in_(numbers))):
        answer = "bid" if invited.bid_at else "declined" if invited.declined_at else "silent"
        yield f"invitation of {invited.supplier} {answer}"
    for bid in await session.scalars(select(SupplierBid).where(SupplierBid.request.in_(numbers))):
        yield f"bid of {bid.supplier} by {bid.role}"
    for award in await session.scalars(select(AwardLine).where(AwardLine.request.in_(numbers))):
        ordered = "ordered" if award.purchase_order else "agreed"
        yield f"award {award.part} × {award.quantity} to {award.supplier} for {award.price} {ordered}"
    for contract in await session.scalars(select(Contract).where(Contract.request.in_(numbers))):
        yield f"contract {contract.supplier} {contract.part} version {contract.version} at {contract.price}"


async def _traces(session: AsyncSession, documents: Sequence[str], moved: Sequence[str]) -> Tally:
    """What every document leaves: movements, decisions, messages."""
    found: Tally = Counter()
    for goods in await session.scalars(select(Movement).where(Movement.document.in_(moved))):
        found[f"movement {goods.part} × {goods.quantity} {goods.source} → {goods.target}"] += 1
    found.update(await _decisions(session, documents))
    found.update(await _messages(session, documents))
    return found


async def _decisions(session: AsyncSession, documents: Sequence[str]) -> Iterable[str]:
    rows = await session.scalars(
        select(EventLog.action).where(EventLog.document.in_(documents), EventLog.submission.is_not(None))
    )
    return [f"decision {action}" for action in rows if action not in _AS_TIME_GOES]


async def _messages(session: AsyncSession, documents: Sequence[str]) -> Mapping[str, int]:
    rows = await session.execute(select(Outbox.template, Outbox.audience).where(Outbox.document.in_(documents)))
    return Counter(
        f"message {_SAME.get(Action(template), template) if template in list(Action) else template} to {audience}"
        for template, audience in rows
        if template not in _PASSING and not template.startswith(tuple(f"{clock}_" for clock in _CLOCKS))
    )
