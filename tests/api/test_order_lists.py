"""Lists and counts among many orders: the rows that the plain question gives, and no more rows read than shown."""

from collections import Counter
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Final

import pytest
from sqlalchemy import select, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from database.reading import hints, order_lists
from database.reading.order_lists import Audits, Counts, Desk, OrderRow, Wanted
from database.session import Sessions
from database.tables import Absence, ReplacementOrder
from domain.stages import ENDS, Role, Stage
from tests.api.conftest import Staff
from tests.plans import Question, read, scans

NOW: Final = datetime(2026, 11, 23, 8, tzinfo=UTC)
LIMIT: Final = 20
AGENT: Final = Desk("agent", (Role.SERVICE_AGENT, Role.AUDITOR), "HZ")
DEPUTY: Final = Desk("auditor2", (Role.AUDITOR,), "HZ")
DESKS: Final = (
    AGENT,
    DEPUTY,
    Desk("auditor", (Role.AUDITOR, Role.SUPERVISOR), "WH"),
    Desk("technician", (Role.TECHNICIAN,), "HZ"),
    Desk("buyer", (Role.BUYER, Role.WAREHOUSE_KEEPER), "CD"),
)
WANTED: Final = (
    Wanted(),
    Wanted(text="fan"),
    Wanted(text="customer-17"),
    Wanted(text="15900000042"),
    Wanted(service_centre="WH"),
    Wanted(stage=Stage.CLOSED),
    Wanted(stage=Stage.CLOSED, text="fan"),
    Wanted(stage=Stage.CANCELLED),
    Wanted(stage=Stage.CLOSED, overdue=True),
    Wanted(stage=Stage.AUDIT),
    Wanted(stage=Stage.AUDIT, overdue=True),
    Wanted(overdue=True),
    Wanted(overdue=True, text="fan"),
    Wanted(overdue=True, text="customer-17"),
    *(Wanted(desk=desk) for desk in DESKS),
    Wanted(desk=AGENT, text="fan"),
    Wanted(desk=AGENT, stage=Stage.AUDIT, overdue=True),
    Wanted(desk=DEPUTY, audits=Audits.UNCLAIMED),
    Wanted(desk=DEPUTY, audits=Audits.HANDED),
)

SCATTERED: Final = {
    "created_at": "timestamptz '2026-11-20 08:00Z' + (i * 37 % 97) * interval '10 minutes'",
    "stage": "(array['triage', 'audit', 'sourcing', 'installation', 'closed', 'cancelled', 'closed'])[i % 7 + 1]",
    "ended_at": "case when i % 7 > 3 then timestamptz '2026-11-22 08:00Z' end",
    "wait_caretaker": "(array['service_agent', 'auditor', 'buyer', 'technician'])[i % 7 + 1]",
    "wait_due": "case when i % 7 < 4 then timestamptz '2026-11-23 08:00Z' + (i * 31 % 19 - 7) * interval '1 hour' end",
    "service_centre": "(array['HZ', 'WH', 'CD'])[i % 3 + 1]",
    "technician": "case when i % 7 = 3 then (array[null, 'technician', 'technician2'])[i % 11 % 3 + 1] end",
    "auditor": "case when i % 7 = 1 then (array[null, 'auditor', 'auditor2', 'agent'])[i % 4 + 1] end",
    "handed_by": "case when i % 7 = 1 and i % 5 = 0 then 'supervisor' end",
}
"""Orders at many stages and desks, many at the same instant."""
MANY: Final = {
    "created_at": "now() - i * interval '1 minute'",
    "stage": "case when i % 5 = 0 then 'triage' else 'closed' end",
    "ended_at": "case when i % 5 > 0 then now() end",
    "wait_due": "case when i % 5 = 0 then now() - i * interval '1 minute' end",
    "wait_caretaker": "case when i % 5 = 0 then 'service_agent' end",
}


async def fill(session: AsyncSession, number: int, made: Mapping[str, str]) -> None:
    """So many orders like the one that is there, but for what is made."""
    made = {
        "number": "'RO-20250101-' || lpad((i * 7919 % 10007)::text, 6, '0')",
        "tracking_token": "'token-' || i",
        "application_key": "'key-' || i",
        "search_text": "concat('customer-', i, ' 1590000', lpad(i::text, 4, '0'), case when i % 4 > 0 then ' fan' end)",
    } | dict(made)
    columns = [column.name for column in ReplacementOrder.__table__.columns]
    values = ", ".join(made.get(name, f'"{name}"') for name in columns)
    names = ", ".join(f'"{name}"' for name in columns)
    source = f"replacement_order, generate_series(1, {number}) i"
    await session.execute(text(f"insert into replacement_order ({names}) select {values} from {source}"))


# --- what is shown ----------------------------------------------------------------------------------------


@pytest.fixture
async def orders(staff: Staff, sessions: Sessions) -> list[ReplacementOrder]:
    """All orders, the auditor away and the second one their deputy."""
    await staff.enter()
    async with sessions.begin() as session:
        await fill(session, 1200, SCATTERED)
        away = {"since": datetime.now(UTC) - timedelta(days=1), "until": datetime.now(UTC) + timedelta(days=1)}
        session.add(Absence(user="auditor", deputy="auditor2", entered_by="auditor", **away))
    async with sessions() as session:
        return list(await session.scalars(select(ReplacementOrder)))


def on_desk(order: ReplacementOrder, desk: Desk) -> bool:
    office = {Role.BUYER, Role.SUPERVISOR, Role.ADMINISTRATOR}
    return (
        order.ended_at is None
        and order.wait_caretaker in desk.roles
        and (order.service_centre == desk.service_centre or order.wait_caretaker in office)
        and (order.wait_caretaker != Role.TECHNICIAN or order.technician in (None, desk.user))
        and order.auditor in (None, desk.user, *(["auditor"] if desk.user == "auditor2" else []))
    )


def fits(order: ReplacementOrder, wanted: Wanted) -> bool:
    audits = {
        None: True,
        Audits.UNCLAIMED: order.stage is Stage.AUDIT and order.auditor is None,
        Audits.HANDED: order.stage is Stage.AUDIT and order.auditor is not None and order.handed_by is not None,
    }
    return (
        wanted.stage in (None, order.stage)
        and (not wanted.overdue or bool(order.wait_due and order.wait_due < NOW))
        and wanted.text in order.search_text
        and wanted.service_centre in (None, order.service_centre)
        and (wanted.desk is None or on_desk(order, wanted.desk))
        and audits[wanted.audits]
    )


def sorted_as(wanted: Wanted, found: list[ReplacementOrder]) -> list[str]:
    if wanted.stage in ENDS:
        return sorted((order.number for order in found), reverse=True)
    if wanted.stage or wanted.overdue or wanted.desk:
        return [number for _, number in sorted((order.wait_due or NOW, order.number) for order in found)]
    return [number for _, number in sorted(((order.created_at, order.number) for order in found), reverse=True)]


async def pages(session: AsyncSession, wanted: Wanted) -> AsyncIterator[list[OrderRow]]:
    cursor = None
    while True:
        page = await order_lists.list_orders(session, wanted, now=NOW, limit=7, cursor=cursor)
        yield page.items
        if (cursor := page.next) is None:
            return


async def test_every_list_has_the_rows_of_the_plain_question(
    orders: list[ReplacementOrder], sessions: Sessions
) -> None:
    """In its order, without gap or repeat from page to page."""
    async with sessions() as session:
        for wanted in WANTED:
            expected = sorted_as(wanted, [order for order in orders if fits(order, wanted)])
            shown = [row.number async for page in pages(session, wanted) for row in page]
            assert shown == expected, wanted
            assert expected or (wanted.overdue and wanted.stage in ENDS), f"nothing was tried: {wanted}"


async def test_counts_are_those_of_the_lists(orders: list[ReplacementOrder], sessions: Sessions) -> None:
    stages = Counter(order.stage for order in orders if order.ended_at is None)
    async with sessions() as session:
        for desk in DESKS:
            assert await order_lists.counts(session, desk, NOW) == Counts(
                stages=stages,
                overdue=sum(fits(order, Wanted(overdue=True)) for order in orders),
                mine=sum(on_desk(order, desk) for order in orders),
            )


# --- what is read -----------------------------------------------------------------------------------------


@pytest.fixture
async def many(staff: Staff, sessions: Sessions) -> None:
    await staff.enter()
    async with sessions.begin() as session:
        await fill(session, 9999, MANY)


async def vacuum(sessions: Sessions) -> None:
    """As autovacuum does within minutes."""
    async with sessions() as session:
        connection = await session.connection(execution_options={"isolation_level": "AUTOCOMMIT"})
        await connection.execute(text("vacuum (analyze) replacement_order"))


def listing(wanted: Wanted) -> Question:
    return lambda session: order_lists.list_orders(session, wanted, now=datetime.now(UTC), limit=LIMIT)


WALKS: Final[Mapping[str, tuple[Wanted, ...]]] = {
    "ix_replacement_order_created": (Wanted(), Wanted(text="fan")),
    "ix_replacement_order_stage_due": (
        Wanted(stage=Stage.TRIAGE),
        Wanted(stage=Stage.CLOSED),
        Wanted(stage=Stage.CLOSED, text="fan"),
    ),
    "ix_replacement_order_open_due": (Wanted(overdue=True), Wanted(overdue=True, text="fan")),
    "ix_replacement_order_caretaker_due": (Wanted(desk=AGENT), Wanted(desk=AGENT, text="fan")),
}


async def test_lists_read_no_more_than_they_show(many: None, sessions: Sessions) -> None:
    """Each walks an index that has the list's order, and stops, also for a word that three of four orders hold."""
    await vacuum(sessions)
    async with sessions() as session:
        for index, lists in WALKS.items():
            for wanted in lists:
                found = await scans(session, listing(wanted))
                assert {scan["Index Name"] for scan in found} == {index, "pk_replacement_order"}, (wanted, found)
                assert all(read(scan) <= 2 * LIMIT for scan in found), (wanted, found)


async def test_a_rare_word_comes_from_the_index_of_words(many: None, sessions: Sessions) -> None:
    await vacuum(sessions)
    async with sessions() as session:
        for wanted in (
            Wanted(text="15900004711"),
            Wanted(stage=Stage.CLOSED, text="15900004711"),
            Wanted(overdue=True, text="15900004710"),
        ):
            found = await scans(session, listing(wanted))
            assert all(read(scan) <= LIMIT for scan in found), (wanted, found)
            assert not any(scan["Node Type"] == "Seq Scan" for scan in found), (wanted, found)


async def test_ended_orders_are_walked_before_anybody_counted_them(many: None, sessions: Sessions) -> None:
    """Nobody told the planner that most orders are closed."""
    async with sessions() as session:
        found = await scans(session, listing(Wanted(stage=Stage.CLOSED)))
        assert all(read(scan) <= 2 * LIMIT for scan in found), found


async def test_counts_read_the_index_of_open_orders_and_nothing_else(many: None, sessions: Sessions) -> None:
    await vacuum(sessions)
    async with sessions() as session:
        [scan] = await scans(session, lambda asking: order_lists.counts(asking, AGENT, datetime.now(UTC)))
    assert (scan["Node Type"], scan["Index Name"]) == ("Index Only Scan", "ix_replacement_order_stage_due")
    assert (read(scan), scan["Heap Fetches"]) == (2000, 0)


@pytest.mark.parametrize("fault", [None, "motion.still.motor_burnt"])
async def test_hints_read_no_more_closed_orders_than_they_count(
    fault: str | None, many: None, sessions: Sessions
) -> None:
    """Of a model that most orders are of, whether the fault is known or not."""
    async with sessions.begin() as session:
        await session.execute(update(ReplacementOrder).values(fault_code=fault))
        number = await session.scalar(select(ReplacementOrder.number).where(ReplacementOrder.stage == Stage.TRIAGE))
        assert number
    await vacuum(sessions)
    async with sessions() as session:
        found = await scans(session, lambda asking: hints.hints_for(asking, number, datetime.now(UTC)))
    assert max(map(read, found)) <= 500, found


async def test_searches_read_few_words_that_wait_for_their_index(many: None, sessions: Sessions) -> None:
    """Words of new orders wait in a list that every search reads to its end, so it is kept short."""
    async with sessions() as session:
        found = await scans(session, listing(Wanted(text="15900004711")))
        [plan] = [scan for scan in found if scan["Node Type"] == "Bitmap Heap Scan"]
    assert plan["Shared Hit Blocks"] + plan["Shared Read Blocks"] < 50, plan
