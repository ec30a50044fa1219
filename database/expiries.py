"""What of suppliers' runs out, told in time to renew it: papers, qualifications, contracts (policy 3.1.1, 3.1.2)."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import Select, String, cast, exists, literal, select, union_all
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from database.contracts import newest_paper
from database.tables import Contract, ExpiryNotice, Outbox, Qualification, Supplier, SupplierPaper
from domain.correcting import Standing
from domain.policy import Timekeeper
from domain.stages import Role
from domain.suppliers import Agreed

NOTICE = "runs_out"


async def tell(session: AsyncSession, time: Timekeeper, at: datetime) -> int:
    """Tells buyers and suppliers what runs out within the days of the policy: each version once, all that is new of a
    supplier in one message. Returns how many things; a repeat finds none."""
    until = time.today(time.after(at, time.policy.purchasing.warn_before))
    found = union_all(_papers(until), _agreed(Contract, Agreed.CONTRACT, until),
                      _agreed(Qualification, Agreed.QUALIFICATION, until)).subquery()  # fmt: skip
    new = (
        await session.execute(
            insert(ExpiryNotice)
            .from_select(
                ["supplier", "kind", "part", "version", "runs_out_on", "told_at"],
                select(*found.c, literal(at)).order_by(*found.c),
            )
            .on_conflict_do_nothing()
            .returning(ExpiryNotice.supplier, ExpiryNotice.id)
        )
    ).all()
    last = dict(sorted((row.supplier, row.id) for row in new))
    session.add_all(
        Outbox(document=supplier, seq=number, template=NOTICE, audience=audience, content={}, created_at=at)
        for supplier, number in last.items()
        for audience in (Role.BUYER, Role.SUPPLIER)
    )
    return len(new)


def _papers(until: date) -> Select[*tuple[Any, ...]]:
    return (
        select(
            SupplierPaper.supplier,
            cast(SupplierPaper.kind, String).label("kind"),
            literal("").label("part"),
            SupplierPaper.version,
            SupplierPaper.expires_on.label("runs_out_on"),
        )
        .join(Supplier, Supplier.code == SupplierPaper.supplier)
        .where(SupplierPaper.expires_on <= until, newest_paper(), Supplier.standing != Standing.DROPPED)
    )


def _agreed(table: type[Contract] | type[Qualification], kind: Agreed, until: date) -> Select[*tuple[Any, ...]]:
    """Of each part the newest version; what was renewed does not run out, even if the next has yet to begin."""
    later = aliased(table)
    renewed = exists().where(later.supplier == table.supplier, later.part == table.part, later.version > table.version)
    return (
        select(table.supplier, literal(kind.value), table.part, table.version, table.valid_until)
        .join(Supplier, Supplier.code == table.supplier)
        .where(table.valid_until <= until, ~renewed, Supplier.standing != Standing.DROPPED)
    )
