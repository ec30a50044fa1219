"""The audit's own rules: what the machine checks, who may decide, how many signatures it takes (policy 2.3).

Money is yuan with two places. Days are calendar days where the service centre is.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final

from domain.messages import AuditDesk
from domain.policy import AuditRules
from domain.stages import Action, Refusal, Role
from domain.warranty import is_covered, months_later

_NOTHING: Final = Decimal("0.00")


class Check(StrEnum):
    """The four things that policy 2.3.1 wants looked at."""

    CUSTOMER_DATA = "customer_data"
    FAULT_AND_PART = "fault_and_part"
    WARRANTY = "warranty"
    COMPANY_POLICY = "company_policy"


class Verdict(StrEnum):
    """What the machine makes of a check. Where it can't tell (`open`), the auditor must look; where it says `failed`,
    who signs all the same must say why."""

    PASSED = "passed"
    OPEN = "open"
    FAILED = "failed"


class Evidence(StrEnum):
    """What a verdict rests on."""

    UNIT_REGISTERED = "unit_registered"
    UNIT_UNKNOWN = "unit_unknown"
    SERIAL_MISSING = "serial_missing"
    OWNER_AGREES = "owner_agrees"
    OWNER_DIFFERS = "owner_differs"
    MODEL_DIFFERS = "model_differs"
    ADDRESS_MISSING = "address_missing"
    CONSENTED = "consented"
    CONSENT_MISSING = "consent_missing"
    FAULT_CODED = "fault_coded"
    FAULT_NOT_CODED = "fault_not_coded"
    PART_FITS = "part_fits"
    PART_DOES_NOT_FIT = "part_does_not_fit"
    FIT_UNKNOWN = "fit_unknown"
    PART_SUPERSEDED = "part_superseded"
    NO_PARTS = "no_parts"
    UNIT_COVERED = "unit_covered"
    UNIT_NOT_COVERED = "unit_not_covered"
    PART_GUARANTEED = "part_guaranteed"
    CHARGED_TO_WARRANTY = "charged_to_warranty"
    CUSTOMER_PAYS = "customer_pays"
    COST = "cost"
    GOODWILL = "goodwill"
    GOODWILL_TOO_HIGH = "goodwill_too_high"
    TOO_MANY_PIECES = "too_many_pieces"
    OPEN_ELSEWHERE = "open_elsewhere"
    SAME_FAULT_LATELY = "same_fault_lately"
    REPLACED_OFTEN = "replaced_often"
    NO_DUPLICATE = "no_duplicate"


@dataclass(frozen=True)
class CaseLine:
    """A part that is asked for. `fits` is None while the model is unknown; `guaranteed_until` is the guarantee of the
    same part, fitted to the same unit before."""

    part: str
    quantity: int
    value: Decimal
    fits: bool | None
    superseded_by: str | None = None
    guaranteed_until: date | None = None


@dataclass(frozen=True)
class Case:
    """All that the checks look at. `owner` is whom the unit is registered to, if to anybody; `warranty` and
    `goodwill` are what the company bears by the quotation, `in_warranty` what it rests on."""

    reported_on: date
    customer: str
    address: bool
    serial: str | None
    model: str | None
    fault_code: str | None
    lines: tuple[CaseLine, ...]
    unit_model: str | None = None
    owner: str | None = None
    owner_agrees: bool = False
    sold_on: date | None = None
    warranty_months: int = 0
    consented: bool = False
    cost: Decimal = _NOTHING
    warranty: Decimal = _NOTHING
    goodwill: Decimal = _NOTHING
    to_pay: Decimal = _NOTHING
    open_elsewhere: tuple[str, ...] = ()
    same_fault: tuple[str, ...] = ()
    replacements: int = 0

    @property
    def unit_covered(self) -> bool:
        """Whether the fault was reported within the unit's warranty."""
        return self.sold_on is not None and is_covered(self.sold_on, self.warranty_months, self.reported_on)

    @property
    def guaranteed(self) -> tuple[CaseLine, ...]:
        """The lines that stand under the guarantee of the part fitted before."""
        return tuple(x for x in self.lines if x.guaranteed_until and x.guaranteed_until >= self.reported_on)


@dataclass(frozen=True)
class Seen:
    """One piece of evidence, with the words and figures it speaks of."""

    evidence: Evidence
    verdict: Verdict
    about: Mapping[str, str]

    def __str__(self) -> str:
        return " ".join((self.evidence, *self.about.values()))


@dataclass(frozen=True)
class Checked:
    """What the machine makes of one check: as bad as its worst evidence."""

    check: Check
    evidence: tuple[Seen, ...]

    @property
    def verdict(self) -> Verdict:
        return max((seen.verdict for seen in self.evidence), key=list(Verdict).index)


def judge(case: Case, rules: AuditRules) -> tuple[Checked, ...]:
    """The four checks of policy 2.3.1, each with its evidence."""
    return (
        Checked(Check.CUSTOMER_DATA, tuple(_customer_data(case))),
        Checked(Check.FAULT_AND_PART, tuple(_fault_and_part(case))),
        Checked(Check.WARRANTY, tuple(_warranty(case))),
        Checked(Check.COMPANY_POLICY, tuple(_company_policy(case, rules))),
    )


def _good(evidence: Evidence, **about: object) -> Seen:
    return Seen(evidence, Verdict.PASSED, _words(about))


def _look(evidence: Evidence, **about: object) -> Seen:
    return Seen(evidence, Verdict.OPEN, _words(about))


def _bad(evidence: Evidence, **about: object) -> Seen:
    return Seen(evidence, Verdict.FAILED, _words(about))


def _words(about: Mapping[str, object]) -> dict[str, str]:
    return {name: str(value) for name, value in about.items()}


def _customer_data(case: Case) -> Iterable[Seen]:
    if not case.serial:
        yield _look(Evidence.SERIAL_MISSING)
    elif case.unit_model is None:
        yield _look(Evidence.UNIT_UNKNOWN, serial=case.serial)
    else:
        yield _good(Evidence.UNIT_REGISTERED, serial=case.serial, model=case.unit_model)
        if case.owner_agrees:
            yield _good(Evidence.OWNER_AGREES, owner=case.owner)
        elif case.owner:
            yield _look(Evidence.OWNER_DIFFERS, owner=case.owner, customer=case.customer)
        if case.model and case.model != case.unit_model:
            yield _bad(Evidence.MODEL_DIFFERS, model=case.model, registered=case.unit_model)
    if not case.address:
        yield _look(Evidence.ADDRESS_MISSING)
    yield _good(Evidence.CONSENTED) if case.consented else _bad(Evidence.CONSENT_MISSING)


def _fault_and_part(case: Case) -> Iterable[Seen]:
    if case.fault_code:
        yield _good(Evidence.FAULT_CODED, fault=case.fault_code)
    else:
        yield _look(Evidence.FAULT_NOT_CODED)
    if not case.lines:
        yield _bad(Evidence.NO_PARTS)
    for line in case.lines:
        if line.fits is None:
            yield _look(Evidence.FIT_UNKNOWN, part=line.part)
        elif line.fits:
            yield _good(Evidence.PART_FITS, part=line.part, model=case.model)
        else:
            yield _bad(Evidence.PART_DOES_NOT_FIT, part=line.part, model=case.model)
        if line.superseded_by:
            yield _bad(Evidence.PART_SUPERSEDED, part=line.part, successor=line.superseded_by)


def _warranty(case: Case) -> Iterable[Seen]:
    """By serial number and date of report, the guarantee of a replacement part included."""
    if case.sold_on is not None:
        ends = months_later(case.sold_on, case.warranty_months)
        known = {"sold": case.sold_on, "until": ends, "reported": case.reported_on}
        covered = case.unit_covered
        yield _good(Evidence.UNIT_COVERED, **known) if covered else _good(Evidence.UNIT_NOT_COVERED, **known)
    elif case.warranty:
        yield _look(Evidence.UNIT_UNKNOWN, serial=case.serial or "–")
    for line in case.guaranteed:
        yield _good(Evidence.PART_GUARANTEED, part=line.part, until=line.guaranteed_until)
    if not case.warranty:
        yield _good(Evidence.CUSTOMER_PAYS, amount=case.to_pay)
    elif case.unit_covered or case.guaranteed:
        yield _good(Evidence.CHARGED_TO_WARRANTY, amount=case.warranty)
    else:
        yield _bad(Evidence.CHARGED_TO_WARRANTY, amount=case.warranty)


def _company_policy(case: Case, rules: AuditRules) -> Iterable[Seen]:
    needed = signers(rules, case.cost, case.goodwill)
    yield _good(Evidence.COST, amount=case.cost, signatures=len(needed))
    if case.goodwill > rules.most_goodwill:
        yield _bad(Evidence.GOODWILL_TOO_HIGH, amount=case.goodwill, most=rules.most_goodwill)
    elif case.goodwill:
        yield _good(Evidence.GOODWILL, amount=case.goodwill)
    for line in case.lines:
        if line.quantity > rules.most_pieces:
            yield _bad(Evidence.TOO_MANY_PIECES, part=line.part, quantity=line.quantity, most=rules.most_pieces)
    for number in case.open_elsewhere:
        yield _look(Evidence.OPEN_ELSEWHERE, order=number)
    for number in case.same_fault:
        yield _look(Evidence.SAME_FAULT_LATELY, order=number, days=rules.duplicate_days)
    if not case.open_elsewhere and not case.same_fault and case.serial:
        yield _good(Evidence.NO_DUPLICATE)
    if case.replacements > rules.most_replacements:
        yield _look(Evidence.REPLACED_OFTEN, times=case.replacements, days=rules.replacements_days)


# --- who signs --------------------------------------------------------------------------------------------


def signers(rules: AuditRules, cost: Decimal, goodwill: Decimal) -> tuple[Role, ...]:
    """In which roles it must be signed, one after the other, by different people (policy 2.3.2)."""
    reached = [tier.second for tier in rules.cost_tiers if cost > tier.above]
    reached += [tier.second for tier in rules.goodwill_tiers if goodwill > tier.above]
    if not reached:
        return (Role.AUDITOR,)
    return (Role.AUDITOR, Role.SUPERVISOR if Role.SUPERVISOR in reached else Role.AUDITOR)


DECIDING: Final = frozenset({Action.APPROVE, Action.RETURN_FOR_CORRECTION, Action.REJECT})
AUDITING: Final = DECIDING | {
    Action.TAKE_AUDIT,
    Action.HAND_ON_AUDIT,
    Action.RELEASE_AUDIT,
    Action.ASK_CUSTOMER,
    Action.RESUME,
}
"""What an audit's own people do; agents ask customers too, and nobody of the house minds."""
_ORDERLY: Final = frozenset({Action.HAND_ON_AUDIT, Action.RELEASE_AUDIT})


def refusal(
    action: Action, role: Role, user: str, entered_by: str | None, desk: AuditDesk, stand_ins: Collection[str] = ()
) -> Refusal | None:
    """Why this user may not do this to the audit now, None if they may. `stand_ins` act for an absent holder."""
    if action not in AUDITING or role not in (Role.AUDITOR, Role.SUPERVISOR):
        return None
    if action is Action.RELEASE_AUDIT and desk.holder is None:
        return Refusal("stage_moved_on", "nobody has taken this audit")
    if role is Role.SUPERVISOR and action in _ORDERLY:
        return None
    if user == entered_by:
        return Refusal("own_case", "who entered the case can't audit it")
    if role is not desk.role and action is not Action.RESUME:
        return Refusal("role_forbidden", f"this signature is for a {desk.role}")
    if user in desk.rejected_by:
        return Refusal("rejected_before", "the objection is for somebody who did not reject the case")
    if user in desk.signed_by and action in (Action.APPROVE, Action.TAKE_AUDIT):
        return Refusal("signed_before", "the second signature is for somebody else")
    if desk.holder not in (None, user) and user not in stand_ins:
        return Refusal("audit_taken", f"{desk.holder} has taken this audit")
    if action is Action.TAKE_AUDIT and desk.holder == user:
        return Refusal("stage_moved_on", "it is yours already")
    return None


# --- what was signed --------------------------------------------------------------------------------------

COMPARED: Final = (
    "attempt",
    "customer",
    "recipient",
    "serial",
    "model",
    "fault",
    "lines",
    "to_pay",
    "cost",
    "goodwill",
)
"""The facts that a signature stands for, in the order in which a change is told."""

Facts = Mapping[str, Any]


@dataclass(frozen=True)
class Signed:
    """A signature: by whom, and under which facts."""

    by: str
    facts: Facts


def changes(before: Facts, now: Facts) -> dict[str, list[Any]]:
    """What is different, field by field: before and after. What was not looked at before is no change."""
    return {name: [before[name], now[name]] for name in COMPARED if name in before and before[name] != now.get(name)}


def unsigned(
    now: Facts, signatures: Sequence[Signed], needed: int, prices: Mapping[str, Decimal], rules: AuditRules
) -> tuple[str, ...]:
    """What of the facts is not signed for by as many people as it needs; nothing if the goods may go.

    What is sent again in a rework needs no new signature, nor do other parts up to the policy's worth.
    """
    if len({each.by for each in signatures if _stands(each.facts, now, prices, rules)}) >= needed:
        return ()
    if not signatures:
        return ("signatures",)
    return tuple(_moved(signatures[-1].facts, now, prices, rules)) or ("signatures",)


def _stands(signed: Facts, now: Facts, prices: Mapping[str, Decimal], rules: AuditRules) -> bool:
    return not _moved(signed, now, prices, rules)


def _moved(signed: Facts, now: Facts, prices: Mapping[str, Decimal], rules: AuditRules) -> list[str]:
    moved = changes(signed, now)
    if now["round"] > signed.get("round", 0):
        more = Counter(dict(now["lines"])) - Counter(dict(signed["lines"]))
        worth = sum((prices[part] * pieces for part, pieces in more.items()), _NOTHING)
        settled = {"to_pay", "cost", "goodwill", *(("lines",) if worth <= rules.rework_worth else ())}
        return [name for name in moved if name not in settled]
    return list(moved)
