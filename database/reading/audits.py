"""What an audit looks at: the case with everything that is known about it, in one question (policy 2.3.1)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, Final
from zoneinfo import ZoneInfo

from sqlalchemy import (
    Interval,
    ScalarSelect,
    Select,
    String,
    and_,
    bindparam,
    case,
    cast,
    func,
    literal,
    or_,
    select,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, aggregate_order_by
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from database.reading.documents import View
from database.tables import (
    AuditAttempt,
    AuditQuestion,
    Base,
    Customer,
    LineState,
    OrderLine,
    Part,
    PartModel,
    ProductModel,
    Quotation,
    RegisteredUnit,
    ReplacementOrder,
    Signature,
    UserAccount,
)
from domain.auditing import Case, CaseLine, Check, Checked, Evidence, Signed, Verdict, changes, judge, signers
from domain.messages import AuditDesk
from domain.order_decisions import AuditReason
from domain.policy import Policy
from domain.stages import Action, Role, Stage

TO_LEAVE: Final = (LineState.WANTED, LineState.RESERVED, LineState.BACK_ORDERED)
"""Lines whose parts are still in the house, or not even there."""
_NOTHING: Final = Decimal("0.00")


@dataclass(frozen=True)
class Examined:
    """A case, the facts of it that a signature stands for, and what a piece of each part costs."""

    case: Case
    facts: Mapping[str, Any]
    prices: Mapping[str, Decimal]


async def examine(session: AsyncSession, number: str, policy: Policy) -> Examined:
    """The case as it stands now. In a rework the cost is that of the parts sent this time."""
    row = (await session.execute(_CASE, _parameters(number, policy))).one()
    order, quotation, unit, owner = row.ReplacementOrder, row.Quotation, row.RegisteredUnit, row.owner
    lines = tuple(_line(line) for line in row.lines)
    of_parts = sum((line.value for line in lines), _NOTHING)
    quoted = quotation.parts + quotation.labour + quotation.travel if quotation else of_parts
    goodwill = quotation.goodwill if quotation else _NOTHING
    cost = of_parts if order.round else quoted
    found = Case(
        reported_on=order.created_at.astimezone(ZoneInfo(policy.calendar.zone)).date(),
        customer=row.Customer.name,
        address=bool(row.Customer.address),
        serial=order.serial,
        model=order.model,
        fault_code=order.fault_code,
        lines=lines,
        unit_model=unit.model if unit else None,
        owner=owner.name if owner else None,
        owner_agrees=owner is not None and (owner.id == row.Customer.id or owner.phone == row.Customer.phone),
        sold_on=unit.sold_on if unit else None,
        warranty_months=row.warranty_months or 0,
        consented=quotation is not None and quotation.consented_at is not None,
        cost=cost,
        warranty=quotation.covered if quotation else _NOTHING,
        goodwill=goodwill,
        to_pay=quotation.to_pay if quotation else _NOTHING,
        open_elsewhere=tuple(row.open_elsewhere),
        same_fault=tuple(row.same_fault),
        replacements=row.replacements,
    )
    facts = {
        "order": order.number,
        "attempt": order.audit_attempts,
        "round": order.round,
        "customer": order.customer,
        "recipient": _recipient(row.Customer),
        "serial": order.serial,
        "model": order.model,
        "fault": order.fault_text,
        "lines": [[line.part, line.quantity] for line in lines],
        "in_warranty": quotation is not None and quotation.in_warranty,
        "to_pay": str(found.to_pay),
        "cost": str(cost),
        "goodwill": str(goodwill),
    }
    return Examined(found, facts, {line.part: line.value / line.quantity for line in lines})


async def signed(session: AsyncSession, number: str) -> Sequence[Signed]:
    """Every signature under the order, the oldest first."""
    rows = select(Signature.by, Signature.signed).where(Signature.order == number).order_by(Signature.seq)
    return [Signed(by, facts) for by, facts in await session.execute(rows)]


def _recipient(customer: Customer) -> str:
    """Who gets the parts, and where."""
    place = customer.province + customer.city + customer.district
    return " ".join(filter(None, (customer.name, place, customer.address)))


def _line(row: Mapping[str, Any]) -> CaseLine:
    until = row["guaranteed_until"]
    return CaseLine(
        part=row["part"],
        quantity=row["quantity"],
        value=Decimal(row["price"]) * row["quantity"],
        fits=row["fits"],
        superseded_by=row["superseded_by"],
        guaranteed_until=date.fromisoformat(until) if until else None,
    )


def _parameters(number: str, policy: Policy) -> dict[str, Any]:
    rules = policy.audit
    return {
        "number": number,
        "duplicate": timedelta(days=rules.duplicate_days),
        "replaced": timedelta(days=rules.replacements_days),
    }


_O: Final = ReplacementOrder
_NONE: Final = literal([], ARRAY(String))


def _case() -> Select[*tuple[Any, ...]]:
    owner, unit_model, other = aliased(Customer, name="owner"), aliased(ProductModel), aliased(ReplacementOrder)
    agreed = (
        select(Quotation.seq)
        .where(Quotation.order == _O.number)
        .order_by(Quotation.consented_at.is_(None), Quotation.seq.desc())
        .limit(1)
    )
    numbers = select(func.coalesce(func.array_agg(other.number), _NONE)).where(other.number != _O.number)
    same_product = and_(_O.serial.is_(None), other.customer == _O.customer, other.model == _O.model)
    lately = other.created_at > _O.created_at - bindparam("duplicate", type_=Interval)
    fitted = select(OrderLine.id).where(OrderLine.order == other.number, OrderLine.state == LineState.FITTED)
    replacements = select(func.count(other.number)).where(
        other.number != _O.number,
        other.serial == _O.serial,
        other.created_at > _O.created_at - bindparam("replaced", type_=Interval),
        fitted.exists(),
    )
    same_fault = numbers.where(
        or_(other.serial == _O.serial, same_product),
        other.fault_code == _O.fault_code,
        other.ended_at.is_not(None),
        other.created_at < _O.created_at,
        lately,
    )
    open_elsewhere = numbers.where(other.serial == _O.serial, other.ended_at.is_(None))
    return (
        select(
            _O,
            Customer,
            Quotation,
            RegisteredUnit,
            unit_model.warranty_months,
            owner,
            _lines().label("lines"),
            open_elsewhere.correlate(_O).scalar_subquery().label("open_elsewhere"),
            same_fault.correlate(_O).scalar_subquery().label("same_fault"),
            replacements.correlate(_O).scalar_subquery().label("replacements"),
        )
        .join(Customer, Customer.id == _O.customer)
        .outerjoin(
            Quotation, and_(Quotation.order == _O.number, Quotation.seq == agreed.correlate(_O).scalar_subquery())
        )
        .outerjoin(RegisteredUnit, RegisteredUnit.serial == _O.serial)
        .outerjoin(unit_model, unit_model.code == RegisteredUnit.model)
        .outerjoin(owner, owner.id == RegisteredUnit.customer)
        .where(_O.number == bindparam("number"))
    )


def _lines() -> ScalarSelect[Any]:
    """The parts that are to leave, each with whether it fits, and the guarantee of the same part or the one it took
    the place of, fitted to the same unit before."""
    earlier, on, before = aliased(OrderLine), aliased(ReplacementOrder), aliased(Part)
    wanted = (
        select(OrderLine.part, func.sum(OrderLine.quantity).label("quantity"))
        .where(OrderLine.order == _O.number, OrderLine.state.in_(TO_LEAVE))
        .group_by(OrderLine.part)
        .correlate(_O)
        .lateral("wanted")
    )
    fits = case(
        (_O.model.is_not(None), select(PartModel.part).where(PartModel.part == Part.code, PartModel.model == _O.model)
            .correlate(Part, _O).exists()),
    )  # fmt: skip
    guaranteed = (
        select(func.max(earlier.guarantee_until))
        .join(on, on.number == earlier.order)
        .join(before, before.code == earlier.part)
        .where(on.serial == _O.serial, or_(before.code == Part.code, before.superseded_by == Part.code))
        .correlate(Part, _O)
        .scalar_subquery()
    )
    row = func.jsonb_build_object(
        "part", Part.code, "quantity", wanted.c.quantity, "price", cast(Part.list_price, String), "fits", fits,
        "superseded_by", Part.superseded_by, "guaranteed_until", guaranteed,
    )  # fmt: skip
    return (
        select(func.coalesce(func.jsonb_agg(aggregate_order_by(row, Part.code)), literal([], JSONB)))
        .select_from(wanted)
        .join(Part, Part.code == wanted.c.part)
        .correlate(_O)
        .scalar_subquery()
    )


_CASE: Final = _case()
"""Made once: putting such a statement together takes as long as asking it."""


# --- as it is shown ---------------------------------------------------------------------------------------


class EvidenceView(View):
    evidence: Evidence
    verdict: Verdict
    about: dict[str, str]


class CheckView(View):
    """What the machine makes of one of the four checks, and why (policy 2.3.1)."""

    check: Check
    verdict: Verdict
    evidence: tuple[EvidenceView, ...]


class SignatureView(View):
    """Who signed, when, and the SHA-256 of exactly what; `reasons` where the machine had said no."""

    by: str
    by_name: str
    at: datetime
    sha256: str
    reasons: dict[str, str]


class AttemptView(View):
    """An audit that did not pass."""

    by_name: str
    at: datetime
    action: Action
    reasons: tuple[AuditReason, ...]
    explanation: str


class PauseView(View):
    """While the customer was asked, the audit's clock rested. Without a reply it went on without one."""

    asked_by_name: str
    asked_at: datetime
    question: str
    ended_at: datetime | None
    reply: str | None


class AuditView(View):
    """An order's audit. `checks` and `signers` (in which roles it must be signed, one after the other) while it is
    going on; `difference` is what has changed since the attempt before, field by field; `changed` is why a signature
    was not enough any more."""

    checks: tuple[CheckView, ...]
    signers: tuple[Role, ...]
    signatures: tuple[SignatureView, ...]
    attempts: tuple[AttemptView, ...]
    pauses: tuple[PauseView, ...]
    difference: dict[str, tuple[Any, Any]]
    changed: tuple[str, ...]


async def audit_view(
    session: AsyncSession, number: str, stage: Stage, desk: AuditDesk | None, policy: Policy
) -> AuditView:
    """The order's audit, as it stands and as it went before."""
    signatures = (await session.execute(_named(Signature, Signature.by).where(Signature.order == number))).all()
    attempts = (await session.execute(_named(AuditAttempt, AuditAttempt.by).where(AuditAttempt.order == number))).all()
    pauses = await session.execute(_named(AuditQuestion, AuditQuestion.asked_by).where(AuditQuestion.order == number))
    now = await examine(session, number, policy) if stage in (Stage.AUDIT, Stage.ASKED) else None
    standing = len(desk.signed_by) if desk else 0
    before = {row.seq: row.signed for row, _ in signatures[: len(signatures) - standing]}
    before |= {row.seq: row.seen for row, _ in attempts}
    difference = changes(before[max(before)], now.facts) if before and now else {}
    return AuditView(
        checks=tuple(map(_check_view, judge(now.case, policy.audit))) if now else (),
        signers=signers(policy.audit, now.case.cost, now.case.goodwill) if now else (),
        signatures=tuple(_signature_view(row, name) for row, name in signatures),
        attempts=tuple(
            AttemptView(by_name=name, at=row.at, action=row.action, reasons=row.reasons, explanation=row.explanation)
            for row, name in attempts
        ),
        pauses=tuple(
            PauseView(
                asked_by_name=name,
                asked_at=row.asked_at,
                question=row.question,
                ended_at=row.ended_at,
                reply=row.reply,
            )
            for row, name in pauses
        ),
        difference={field: (was, is_now) for field, (was, is_now) in difference.items() if field != "attempt"},
        changed=desk.changed if desk else (),
    )


async def open_question(session: AsyncSession, number: str) -> str | None:
    """What the customer is asked now."""
    return await session.scalar(
        select(AuditQuestion.question).where(AuditQuestion.order == number, AuditQuestion.ended_at.is_(None))
    )


async def reasons_told(session: AsyncSession, number: str) -> Sequence[AuditReason]:
    """Why the newest audit did not pass; nothing if that was not the audit's word."""
    rows = select(AuditAttempt.reasons).where(AuditAttempt.order == number).order_by(AuditAttempt.seq.desc()).limit(1)
    return [AuditReason(reason) for reason in await session.scalar(rows) or ()]


def _named(table: type[Base], by: Any) -> Select[*tuple[Any, ...]]:
    """A table's rows, the oldest first, with the name of who wrote each."""
    return select(table, UserAccount.name).join(UserAccount, UserAccount.code == by).order_by(table.__table__.c.seq)


def _check_view(found: Checked) -> CheckView:
    evidence = [
        EvidenceView(evidence=one.evidence, verdict=one.verdict, about=dict(one.about)) for one in found.evidence
    ]
    return CheckView(check=found.check, verdict=found.verdict, evidence=tuple(evidence))


def _signature_view(row: Signature, name: str) -> SignatureView:
    """Signatures of earlier releases hold the four boxes alone, and no reasons."""
    reasons = {check: said["reason"] for check, said in row.signed["checks"].items() if isinstance(said, dict)}
    return SignatureView(
        by=row.by,
        by_name=name,
        at=row.at,
        sha256=row.digest.hex(),
        reasons={check: reason for check, reason in reasons.items() if reason},
    )
