"""The supplier's invoice against order and receipt, and its claims (policy 3.2.3)."""

from collections.abc import Mapping, Sequence
from decimal import Decimal

from sqlalchemy import select

from activities.steps.owing import go_on
from activities.steps.work import PurchaseSteps, PurchaseWork
from database.purchases import lines_of
from database.tables import (
    ClaimState,
    InvoiceLine,
    InvoiceState,
    PurchaseLine,
    SupplierClaim,
    SupplierInvoice,
)
from domain.purchase_decisions import DecideInvoice, EnterInvoice, InvoiceOutcome
from domain.receiving import Billed, Due, differences, payable
from domain.shared_decisions import SettleClaim
from domain.stages import Action, Refusal, Role


async def enter_invoice(work: PurchaseWork) -> None:
    """Three ways: what was billed, ordered and accepted. What matches may be paid; what differs a buyer decides."""
    said, purchase = work.said(EnterInvoice), work.document
    known = await work.session.get(SupplierInvoice, (purchase.supplier, said.number))
    if known is not None:
        raise Refusal("invoice_known", f"invoice {said.number} of {purchase.supplier} was entered before")
    lines = {line.part: line for line in await lines_of(work.session, purchase.number)}
    if foreign := [line.part for line in said.lines if line.part not in lines]:
        raise Refusal("part_not_ordered", f"{purchase.number} does not order part {foreign[0]}")
    billed = [Billed(line.part, line.quantity, line.unit_price) for line in said.lines]
    differs = differences(billed, _due(lines), work.time.policy.invoices)
    invoice = SupplierInvoice(
        supplier=purchase.supplier,
        number=said.number,
        purchase_order=purchase.number,
        entered_at=work.at,
        entered_by=work.step.by,
        total=_sum(billed),
        state=InvoiceState.DIFFERS if differs else InvoiceState.MATCHED,
    )
    work.session.add(invoice)
    rows = [
        InvoiceLine(
            supplier=purchase.supplier,
            invoice=said.number,
            part=line.part,
            quantity=line.pieces,
            unit_price=line.price,
        )
        for line in billed
    ]
    if not differs:
        _pay(invoice, rows, lines, payable(billed, _due(lines), as_invoiced=True))
    await work.session.flush()
    work.session.add_all(rows)
    work.details |= {"invoice": said.number, "total": str(invoice.total), "differs": differs}
    if differs:
        work.told.append(("invoice_differs", Role.BUYER))
    await go_on(work)


async def decide_invoice(work: PurchaseWork) -> None:
    """What is done about an invoice that differs; never is more paid for than was accepted."""
    said, purchase = work.said(DecideInvoice), work.document
    invoice = await work.session.get(SupplierInvoice, (purchase.supplier, said.invoice))
    if invoice is None or invoice.purchase_order != purchase.number:
        raise Refusal("unknown_invoice", f"{purchase.number} has no invoice {said.invoice}")
    if invoice.state is not InvoiceState.DIFFERS:
        raise Refusal("invoice_decided", "this invoice was matched or decided before")
    lines = {line.part: line for line in await lines_of(work.session, purchase.number)}
    rows = (
        await work.session.scalars(
            select(InvoiceLine)
            .where(InvoiceLine.supplier == purchase.supplier, InvoiceLine.invoice == said.invoice)
            .order_by(InvoiceLine.part)
        )
    ).all()
    billed = [Billed(row.part, row.quantity, row.unit_price) for row in rows]
    if said.outcome is InvoiceOutcome.SEND_BACK:
        invoice.state, paid = InvoiceState.SENT_BACK, []
    else:
        as_invoiced = said.outcome is InvoiceOutcome.PAY_AS_INVOICED
        invoice.state, paid = InvoiceState.DECIDED, payable(billed, _due(lines), as_invoiced=as_invoiced)
    _pay(invoice, rows, lines, paid)
    invoice.outcome, invoice.decided_at, invoice.decided_by = said.outcome, work.at, work.step.by
    work.details |= {"invoice": said.invoice, "outcome": said.outcome, "payable": str(invoice.payable)}
    if said.outcome is not InvoiceOutcome.PAY_AS_INVOICED:
        work.told.append((Action.DECIDE_INVOICE, Role.SUPPLIER))
    await go_on(work)


async def settle_claim(work: PurchaseWork) -> None:
    """What a claim on the supplier came to."""
    said = work.said(SettleClaim)
    claim = await work.session.get(SupplierClaim, said.claim)
    if claim is None or claim.purchase_order != work.document.number or claim.state is not ClaimState.OPEN:
        raise Refusal("unknown_claim", f"{work.document.number} has no open claim {said.claim}")
    claim.state, claim.settled_for, claim.settled_at = ClaimState.SETTLED, said.amount, work.at
    work.details |= {"claim": claim.id, "amount": str(said.amount)}
    await go_on(work)


def _due(lines: Mapping[str, PurchaseLine]) -> dict[str, Due]:
    return {part: Due(line.received - line.paid, line.unit_price) for part, line in lines.items()}


def _pay(
    invoice: SupplierInvoice, rows: Sequence[InvoiceLine], lines: Mapping[str, PurchaseLine], paid: Sequence[Billed]
) -> None:
    by_part = {line.part: line for line in paid}
    for row in rows:
        if line := by_part.get(row.part):
            row.paid_quantity, row.paid_price = line.pieces, line.price
            lines[row.part].paid += line.pieces
    invoice.payable = _sum(paid)


def _sum(lines: Sequence[Billed]) -> Decimal:
    return sum((line.price * line.pieces for line in lines), Decimal("0.00"))


STEPS: PurchaseSteps = {
    Action.ENTER_INVOICE: enter_invoice,
    Action.DECIDE_INVOICE: decide_invoice,
    Action.SETTLE_CLAIM: settle_claim,
}
