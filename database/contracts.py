"""The register of suppliers: who may deliver what, at which price, and what speaks against it (policy 3.1.1, 3.1.2)."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final

from pydantic import BaseModel
from sqlalchemy import ColumnElement, Select, and_, exists, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute, aliased

from database.tables import Contract, ContractBreak, Part, Qualification, Supplier, SupplierPaper
from domain.contracts import ContractTerms, Paper, QualificationProof
from domain.policy import PurchasingRules, Timekeeper
from domain.stages import Refusal
from domain.suppliers import Breach, PaperKind, Then

Versioned = type[Contract] | type[Qualification] | type[SupplierPaper]

SUPPLYING: Final = ("qualified", "warned")
"""The standings in which a supplier gets orders (policy 3.1.3)."""


@dataclass(frozen=True)
class Offer:
    """What a supplier asks for so many pieces of a part, as agreed. `price` and `freight` are yuan for a piece."""

    supplier: str
    part: str
    quantity: int
    price: Decimal
    freight: Decimal
    lead_days: int
    guarantee_months: int

    @property
    def landed(self) -> Decimal:
        return self.price + self.freight


def in_force(table: type[Contract] | type[Qualification], day: date | ColumnElement[Any]) -> ColumnElement[bool]:
    """Whether a row counts on a day: of the versions that have begun it is the newest, and has not ended."""
    other = aliased(table)
    newest = (
        select(func.max(other.version))
        .where(other.supplier == table.supplier, other.part == table.part, other.valid_from <= day)
        .correlate_except(other)
        .scalar_subquery()
    )
    return and_(table.version == newest, table.valid_until >= day)


def qualified(supplier: Any, part: Any, today: date) -> ColumnElement[bool]:
    """Whether a supplier is qualified for a part."""
    return exists().where(
        Qualification.supplier == supplier, Qualification.part == part, in_force(Qualification, today)
    )


def newest_paper() -> ColumnElement[bool]:
    """Whether a paper is the newest of its kind that a supplier gave us."""
    other = aliased(SupplierPaper)
    newest = (
        select(func.max(other.version))
        .where(other.supplier == SupplierPaper.supplier, other.kind == SupplierPaper.kind)
        .correlate(SupplierPaper)
        .scalar_subquery()
    )
    return SupplierPaper.version == newest


def papers_expired(supplier: Any, kinds: Collection[PaperKind], today: date) -> ColumnElement[bool]:
    """Whether a paper of these kinds has run out and was not renewed."""
    return exists().where(
        SupplierPaper.supplier == supplier,
        SupplierPaper.kind.in_(list(kinds)),
        SupplierPaper.expires_on < today,
        newest_paper(),
    )


def price_for(quantity: int | InstrumentedAttribute[int]) -> ColumnElement[Decimal]:
    """A contract's price of a piece when so many are ordered."""
    broken = (
        select(ContractBreak.price)
        .where(
            ContractBreak.supplier == Contract.supplier,
            ContractBreak.part == Contract.part,
            ContractBreak.version == Contract.version,
            ContractBreak.from_quantity <= quantity,
        )
        .order_by(ContractBreak.from_quantity.desc())
        .limit(1)
        .correlate_except(ContractBreak)
        .scalar_subquery()
    )
    return func.coalesce(broken, Contract.price)


def offered(
    part: str, quantity: int, today: date, rules: PurchasingRules
) -> Select[str, str, Decimal, Decimal, int, int]:
    """What may be ordered by the rules without a word: contracts in force of qualified suppliers in good standing."""
    return (
        select(
            Contract.supplier,
            Contract.part,
            price_for(quantity).label("price"),
            Contract.freight,
            Contract.lead_days,
            Contract.guarantee_months,
        )
        .join(Supplier, Supplier.code == Contract.supplier)
        .where(
            Contract.part == part,
            in_force(Contract, today),
            Supplier.standing.in_(SUPPLYING),
            qualified(Contract.supplier, part, today),
            ~papers_expired(Contract.supplier, rules.blocking_papers, today),
        )
    )


async def qualified_suppliers(
    session: AsyncSession, parts: Collection[str], time: Timekeeper, at: datetime
) -> dict[str, set[str]]:
    """Who may be asked for which of these parts: qualified suppliers in good standing, their papers in order."""
    today, rules = time.today(at), time.policy.purchasing
    rows = await session.execute(
        select(Qualification.supplier, Qualification.part)
        .join(Supplier, Supplier.code == Qualification.supplier)
        .where(
            Qualification.part.in_(list(parts)),
            in_force(Qualification, today),
            Supplier.standing.in_(SUPPLYING),
            ~papers_expired(Qualification.supplier, rules.blocking_papers, today),
        )
        .order_by(Qualification.supplier, Qualification.part)
    )
    found: dict[str, set[str]] = {}
    for supplier, part in rows:
        found.setdefault(supplier, set()).add(part)
    return found


async def breaches(
    session: AsyncSession, supplier: str, part: str, quantity: int, price: Decimal, time: Timekeeper, at: datetime
) -> tuple[Breach, ...]:
    """What speaks against ordering so many pieces of a part from a supplier for this price a piece (policy 3.1)."""
    today, rules = time.today(at), time.policy.purchasing
    agreed = select(price_for(quantity)).where(
        Contract.supplier == supplier, Contract.part == part, in_force(Contract, today)
    )
    row = (
        await session.execute(
            select(
                Supplier.standing.in_(SUPPLYING).label("supplies"),
                qualified(supplier, part, today).label("qualified"),
                papers_expired(supplier, rules.blocking_papers, today).label("expired"),
                agreed.scalar_subquery().label("agreed"),
            ).where(Supplier.code == supplier)
        )
    ).one()
    found = {
        Breach.NOT_SUPPLYING: not row.supplies,
        Breach.UNQUALIFIED: not row.qualified,
        Breach.DOCUMENT_EXPIRED: row.expired,
        Breach.NO_CONTRACT: row.agreed is None,
        Breach.ABOVE_CONTRACT: row.agreed is not None and price > row.agreed,
    }
    return tuple(breach for breach, there in found.items() if there)


def require(rules: PurchasingRules, found: Collection[Breach], reason: str) -> None:
    """Raises Refusal `against_contract` for a breach that the policy forbids, `reason_needed` for one that it lets
    pass with a recorded reason."""
    if forbidden := [breach for breach in found if rules.breaches[breach] is Then.REFUSE]:
        raise Refusal("against_contract", f"the policy forbids it: {', '.join(forbidden)}")
    if found and not reason:
        raise Refusal("reason_needed", f"say why, in spite of: {', '.join(found)}")


# --- entering -----------------------------------------------------------------------------------------------


async def enter_contract(
    session: AsyncSession,
    supplier: str,
    part: str,
    version: int,
    terms: ContractTerms,
    by: str,
    at: datetime,
    request: str | None = None,
) -> bool:
    """Puts a version of a contract on record. False if exactly this stood there before.

    Raises Refusal `unknown_supplier`, `unknown_part`, `version_moved_on` if the version is not the next one.
    """
    said = terms.model_dump(exclude={"breaks"}) | {"request": request}
    if not await _enter(session, Contract, {"supplier": supplier, "part": part}, version, said, by, at):
        kept = await terms_of(session, supplier, part, version)
        if kept != terms:
            raise Refusal("version_moved_on", f"version {version} says something else")
        return False
    if terms.breaks:
        await session.execute(
            insert(ContractBreak).values(
                [{"supplier": supplier, "part": part, "version": version, **one.model_dump()} for one in terms.breaks]
            )
        )
    return True


async def terms_of(session: AsyncSession, supplier: str, part: str, version: int) -> ContractTerms:
    """What a version of a contract says."""
    row = await session.get_one(Contract, (supplier, part, version))
    breaks = await session.scalars(
        select(ContractBreak)
        .where(ContractBreak.supplier == supplier, ContractBreak.part == part, ContractBreak.version == version)
        .order_by(ContractBreak.from_quantity)
    )
    said = {name: getattr(row, name) for name in ContractTerms.model_fields if name != "breaks"}
    return ContractTerms.model_validate(
        said | {"breaks": [{"from_quantity": one.from_quantity, "price": one.price} for one in breaks]}
    )


async def enter_qualification(
    session: AsyncSession, supplier: str, part: str, version: int, proof: QualificationProof, by: str, at: datetime
) -> bool:
    """Puts a version of a qualification on record; like `enter_contract`."""
    key = {"supplier": supplier, "part": part}
    entered = await _enter(session, Qualification, key, version, proof.model_dump(), by, at)
    return entered or await _same(session, Qualification, (supplier, part, version), proof)


async def enter_paper(session: AsyncSession, supplier: str, version: int, paper: Paper, by: str, at: datetime) -> bool:
    """Puts a licence or certificate on record; like `enter_contract`."""
    said = paper.model_dump(exclude={"kind"})
    entered = await _enter(session, SupplierPaper, {"supplier": supplier, "kind": paper.kind}, version, said, by, at)
    return entered or await _same(session, SupplierPaper, (supplier, paper.kind, version), paper)


async def _enter(
    session: AsyncSession,
    table: Versioned,
    key: dict[str, Any],
    version: int,
    said: dict[str, Any],
    by: str,
    at: datetime,
) -> bool:
    """Whether the version is new; it must be the next one."""
    if await session.get(Supplier, key["supplier"]) is None:
        raise Refusal("unknown_supplier", f"there is no supplier {key['supplier']}")
    if "part" in key and await session.get(Part, key["part"]) is None:
        raise Refusal("unknown_part", f"there is no part {key['part']}")
    following = await next_version(session, table, **key)
    if not 1 <= version <= following:
        raise Refusal("version_moved_on", f"the next version is {following}")
    row = {**key, **said, "version": version, "entered_by": by, "entered_at": at}
    put = insert(table).values(row).on_conflict_do_nothing().returning(table.version)
    return await session.scalar(put) is not None


async def _same(session: AsyncSession, table: Any, key: tuple[Any, ...], said: BaseModel) -> bool:
    """False, as nothing is new; raises Refusal `version_moved_on` if the version says something else."""
    row = await session.get_one(table, key)
    if type(said).model_validate({name: getattr(row, name) for name in type(said).model_fields}) != said:
        raise Refusal("version_moved_on", f"version {key[-1]} says something else")
    return False


async def next_version(
    session: AsyncSession, table: type[Contract] | type[Qualification] | type[SupplierPaper], **key: Any
) -> int:
    """The number that the next version gets."""
    mine = (getattr(table, name) == value for name, value in key.items())
    return 1 + (await session.scalar(select(func.max(table.version)).where(*mine)) or 0)
