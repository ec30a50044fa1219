"""What runs out is told once, in time to renew it, to buyer and supplier (policy 3.1.1, 3.1.2)."""

from datetime import date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import delete, func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from activities.sending import words_of
from database import contracts, expiries
from database.notices import enter_shipped, versions
from database.reading.facts import facts
from database.reading.suppliers import supplier_page
from database.session import Sessions
from database.tables import ExpiryNotice, Outbox
from domain.contracts import Paper
from domain.stages import Role
from domain.suppliers import PaperKind
from messaging.words import write
from tests.database.test_contracts import NOW, PART, TODAY, agree, qualify, rules

SOON = TODAY + timedelta(days=20)


async def told(session: AsyncSession, at: datetime = NOW) -> list[tuple[str, str]]:
    """What is told now that was not told before."""
    last = await session.scalar(select(func.max(ExpiryNotice.id))) or 0
    await expiries.tell(session, await rules(session), at)
    rows = await session.execute(
        select(ExpiryNotice.supplier, ExpiryNotice.kind).where(ExpiryNotice.id > last).order_by(ExpiryNotice.id)
    )
    return [(supplier, kind) for supplier, kind in rows]


async def licence(session: AsyncSession, version: int, expires_on: date) -> None:
    paper = Paper(kind=PaperKind.BUSINESS_LICENCE, number="L-1", expires_on=expires_on)
    await contracts.enter_paper(session, "S01", version, paper, "buyer", NOW)


async def outbox(session: AsyncSession, **where: Any) -> list[Outbox]:
    wanted = select(Outbox).where(Outbox.template == expiries.NOTICE).filter_by(**where).order_by(Outbox.id)
    return list(await session.scalars(wanted))


@pytest.mark.clause("3.1.2")
async def test_what_runs_out_is_told_once_and_again_only_when_its_next_version_does(sessions: Sessions) -> None:
    async with sessions() as session:
        await told(session)  # whatever the demonstration's papers are
        await session.execute(delete(Outbox))
        assert await told(session) == []
        await agree(session, valid_until=SOON)
        await qualify(session, "S01", 2, TODAY, SOON)
        await licence(session, 2, SOON)
        assert set(await told(session)) == {("S01", kind) for kind in ("contract", "qualification", "business_licence")}
        assert await told(session) == await told(session, NOW + timedelta(days=3)) == []
        rows = await outbox(session)
        assert [(row.document, row.audience) for row in rows] == [("S01", Role.BUYER), ("S01", Role.SUPPLIER)]

        await licence(session, 3, SOON + timedelta(days=1))
        assert await told(session) == [("S01", "business_licence")]
        page = await supplier_page(session, "S01", TODAY)
        assert page
        assert [(one.kind, one.runs_out_on) for one in page.expiries][-1] == (
            "business_licence",
            SOON + timedelta(days=1),
        )


async def test_what_was_renewed_does_not_run_out_even_if_the_next_has_yet_to_begin(sessions: Sessions) -> None:
    async with sessions() as session:
        await told(session)
        await agree(session, valid_until=SOON)
        await agree(session, version=3, valid_from=SOON, valid_until=SOON + timedelta(days=365))
        assert await told(session) == []
        assert ("S01", "contract") in await told(session, NOW + timedelta(days=384))


async def test_nobody_is_told_of_a_supplier_that_was_dropped(sessions: Sessions) -> None:
    async with sessions() as session:
        await told(session)
        await session.execute(text("update supplier set standing = 'dropped' where code = 'S01'"))
        await agree(session, valid_until=SOON)
        assert await told(session) == []


async def test_the_message_names_what_runs_out_and_when(sessions: Sessions) -> None:
    async with sessions() as session:
        await enter_shipped(session)
        await told(session)
        await agree(session, valid_until=SOON)
        await licence(session, 2, SOON)
        await told(session)
        row = (await outbox(session, document="S01", audience=Role.BUYER))[-1]
        known = await facts(session, "S01", row.seq, "https://huanjian.test")
        assert known
        assert {(one.kind, one.part) for one in known.runs_out} == {("contract", PART), ("business_licence", "")}
        template = (await versions(session, row.template, row.audience))[0]
        said = write(words_of(template), known, "zh", "Asia/Shanghai").body
        for stated in ("采购合同", "营业执照", f"{SOON.year}年{SOON.month}月{SOON.day}日", "/suppliers/S01"):
            assert stated in said
