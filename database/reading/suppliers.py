"""The register of suppliers as people read it: what runs out, what is agreed, and every version of it (policy 3.1)."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from pydantic import Field
from sqlalchemy import ColumnElement, String, and_, cast, func, or_, select
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.ext.asyncio import AsyncSession

from database.contracts import in_force, newest_paper
from database.reading.documents import View
from database.reading.keyset import Cursor, Page
from database.tables import (
    Contract,
    ContractBreak,
    ExpiryNotice,
    Part,
    Qualification,
    Supplier,
    SupplierPaper,
    UserAccount,
)
from domain.suppliers import PaperKind, Proof

_S: Final = Supplier


class SupplierRow(View):
    """A supplier in the register. `runs_out` is when the first of its papers, qualifications and contracts does."""

    code: str
    name_en: str
    name_zh: str
    contact: str
    email: str
    standing: str
    qualified_for: int
    contracts: int
    runs_out: date | None


class BreakView(View):
    from_quantity: int
    price: Decimal


class Version(View):
    """What was entered, by whom and when. Money in yuan."""

    version: int
    entered_by: str
    entered_by_name: str | None
    entered_at: datetime


class PaperView(Version):
    kind: PaperKind
    number: str
    issued_by: str
    expires_on: date


class ContractVersion(Version):
    specification: str
    quality_standard: str
    price: Decimal
    breaks: tuple[BreakView, ...]
    freight: Decimal
    lead_days: int
    valid_from: date
    valid_until: date
    payment_terms: str
    guarantee_months: int
    after_sales: str
    request: str | None


class QualificationVersion(Version):
    valid_from: date
    valid_until: date
    proof: Proof
    reference: str
    note: str


class PartRow(View):
    """A part that a supplier delivers or may: until when it is qualified, what its contract in force asks."""

    part: str
    name_en: str
    name_zh: str
    specification: str
    qualified_until: date | None
    price: Decimal | None
    breaks: int
    lead_days: int | None
    valid_until: date | None


class ExpiryView(View):
    """Something that runs out and was told: a kind of paper, or what is agreed about a part."""

    kind: str
    part: str
    name_en: str | None
    name_zh: str | None
    runs_out_on: date
    told_at: datetime


class SupplierPage(View):
    code: str
    name_en: str
    name_zh: str
    contact: str
    email: str
    standing: str
    papers: tuple[PaperView, ...]
    expiries: tuple[ExpiryView, ...] = Field(description="The newest of what was told to run out, the first day first.")
    parts: Page[PartRow]


class AgreedView(View):
    """Everything about one supplier and one part, the newest version first; `in_force` names the one that counts."""

    supplier: str
    supplier_name_en: str
    supplier_name_zh: str
    part: str
    name_en: str
    name_zh: str
    specification: str
    contracts: tuple[ContractVersion, ...]
    qualifications: tuple[QualificationVersion, ...]
    contract_in_force: int | None = Field(description="The version of the contract that counts today.")
    qualification_in_force: int | None


async def register(
    session: AsyncSession, today: date, *, text: str = "", attention: date | None = None, limit: int = 50,
    cursor: str | None = None,
) -> Page[SupplierRow]:  # fmt: skip
    """Suppliers by code; with `attention` those of whom something runs out by that day, or who are not in good
    standing. Raises Refusal `invalid_cursor`."""
    runs_out = _runs_out(today)
    wanted: list[ColumnElement[bool]] = []
    if text:
        named = (_S.code, _S.name_en, _S.name_zh, _S.contact)
        wanted.append(or_(*(field.icontains(text, autoescape=True) for field in named)))
    if attention:
        wanted.append(or_(runs_out <= attention, _S.standing != "qualified"))
    if last := Cursor.read(cursor, "supplier"):
        wanted.append(_S.code > last.number)
    rows = (
        await session.execute(
            select(
                *_S.__table__.columns,
                _count(Qualification, today).label("qualified_for"),
                _count(Contract, today).label("contracts"),
                runs_out.label("runs_out"),
            )
            .where(*wanted)
            .order_by(_S.code)
            .limit(limit + 1)
        )
    ).all()
    items = [SupplierRow.model_validate(row) for row in rows[:limit]]
    more = len(rows) > limit
    return Page(items=items, next=str(Cursor(sort="supplier", at=None, number=items[-1].code)) if more else None)


async def supplier_page(
    session: AsyncSession, code: str, today: date, *, text: str = "", limit: int = 50, cursor: str | None = None
) -> SupplierPage | None:
    """One supplier with its papers and its parts by code, in four questions. Raises Refusal `invalid_cursor`."""
    supplier = await session.get(Supplier, code)
    if supplier is None:
        return None
    papers = await session.execute(
        select(*SupplierPaper.__table__.columns, UserAccount.name.label("entered_by_name"))
        .select_from(SupplierPaper)
        .outerjoin(UserAccount, UserAccount.code == SupplierPaper.entered_by)
        .where(SupplierPaper.supplier == code, newest_paper())
        .order_by(SupplierPaper.expires_on)
    )
    return SupplierPage(
        **{name: getattr(supplier, name) for name in ("code", "name_en", "name_zh", "contact", "email", "standing")},
        papers=tuple(PaperView.model_validate(row) for row in papers),
        expiries=await _expiries(session, code),
        parts=await _parts(session, code, today, text, limit, cursor),
    )


async def _expiries(session: AsyncSession, code: str) -> tuple[ExpiryView, ...]:
    newest = (
        select(ExpiryNotice).where(ExpiryNotice.supplier == code).order_by(ExpiryNotice.id.desc()).limit(20).subquery()
    )
    rows = await session.execute(
        select(newest.c.kind, newest.c.part, Part.name_en, Part.name_zh, newest.c.runs_out_on, newest.c.told_at)
        .outerjoin(Part, Part.code == newest.c.part)
        .order_by(newest.c.runs_out_on, newest.c.id)
    )
    return tuple(ExpiryView.model_validate(row) for row in rows)


async def _parts(
    session: AsyncSession, code: str, today: date, text: str, limit: int, cursor: str | None
) -> Page[PartRow]:
    breaks = (
        select(func.count())
        .select_from(ContractBreak)
        .where(
            ContractBreak.supplier == Contract.supplier,
            ContractBreak.part == Contract.part,
            ContractBreak.version == Contract.version,
        )
        .correlate(Contract)
        .scalar_subquery()
    )
    known = (
        select(Contract.part)
        .where(Contract.supplier == code)
        .union(select(Qualification.part).where(Qualification.supplier == code))
    )
    wanted: list[ColumnElement[bool]] = [Part.code.in_(known)]
    if text:
        named = (Part.code, Part.name_en, Part.name_zh)
        wanted.append(or_(*(field.icontains(text, autoescape=True) for field in named)))
    if last := Cursor.read(cursor, "part"):
        wanted.append(Part.code > last.number)
    rows = (
        await session.execute(
            select(
                Part.code.label("part"),
                Part.name_en,
                Part.name_zh,
                Part.specification,
                Qualification.valid_until.label("qualified_until"),
                Contract.price,
                func.coalesce(breaks, 0).label("breaks"),
                Contract.lead_days,
                Contract.valid_until,
            )
            .select_from(Part)
            .outerjoin(Contract, and_(Contract.supplier == code, Contract.part == Part.code, in_force(Contract, today)))
            .outerjoin(
                Qualification,
                and_(Qualification.supplier == code, Qualification.part == Part.code, in_force(Qualification, today)),
            )
            .where(*wanted)
            .order_by(Part.code)
            .limit(limit + 1)
        )
    ).all()
    items = [PartRow.model_validate(row) for row in rows[:limit]]
    more = len(rows) > limit
    return Page(items=items, next=str(Cursor(sort="part", at=None, number=items[-1].part)) if more else None)


async def agreed(session: AsyncSession, code: str, part: str, today: date) -> AgreedView | None:
    """What was ever entered about a supplier and a part; None if there is no such supplier or part."""
    found = (
        await session.execute(select(Supplier, Part).join(Part, Part.code == part).where(Supplier.code == code))
    ).one_or_none()
    if found is None:
        return None
    supplier, thing = found
    rows = func.jsonb_build_object(
        "from_quantity", ContractBreak.from_quantity, "price", cast(ContractBreak.price, String)
    )
    breaks = (
        select(func.jsonb_agg(aggregate_order_by(rows, ContractBreak.from_quantity)))
        .where(
            ContractBreak.supplier == Contract.supplier,
            ContractBreak.part == Contract.part,
            ContractBreak.version == Contract.version,
        )
        .correlate(Contract)
        .scalar_subquery()
    )
    contracts = await _versions(session, Contract, code, part, today, breaks.label("breaks"))
    qualifications = await _versions(session, Qualification, code, part, today)
    return AgreedView(
        supplier=supplier.code,
        supplier_name_en=supplier.name_en,
        supplier_name_zh=supplier.name_zh,
        part=thing.code,
        name_en=thing.name_en,
        name_zh=thing.name_zh,
        specification=thing.specification,
        contracts=tuple(
            ContractVersion.model_validate(dict(row._mapping) | {"breaks": row.breaks or ()}) for row in contracts
        ),
        qualifications=tuple(QualificationVersion.model_validate(row) for row in qualifications),
        contract_in_force=next((row.version for row in contracts if row.counts), None),
        qualification_in_force=next((row.version for row in qualifications if row.counts), None),
    )


async def _versions(
    session: AsyncSession, table: type[Contract] | type[Qualification], code: str, part: str, today: date, *more: Any
) -> Sequence[Any]:
    return (
        await session.execute(
            select(
                *table.__table__.columns,
                UserAccount.name.label("entered_by_name"),
                in_force(table, today).label("counts"),
                *more,
            )
            .select_from(table)
            .outerjoin(UserAccount, UserAccount.code == table.entered_by)
            .where(table.supplier == code, table.part == part)
            .order_by(table.version.desc())
        )
    ).all()


def soon(today: date, days: int) -> date:
    """The day by which what runs out needs somebody's attention."""
    return today + timedelta(days=days)


def _count(table: type[Contract] | type[Qualification], today: date) -> Any:
    return (
        select(func.count())
        .select_from(table)
        .where(table.supplier == _S.code, in_force(table, today))
        .correlate(_S)
        .scalar_subquery()
    )


def _runs_out(today: date) -> Any:
    papers = select(func.min(SupplierPaper.expires_on)).where(SupplierPaper.supplier == _S.code, newest_paper())
    others = (
        select(func.min(table.valid_until)).where(table.supplier == _S.code, in_force(table, today))
        for table in (Contract, Qualification)
    )
    return func.least(*(each.correlate(_S).scalar_subquery() for each in (papers, *others)))
