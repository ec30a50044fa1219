"""Fills a database for the lists: orders like one that applied, and what a house with so many has in its books."""

from datetime import UTC, datetime, timedelta
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from bench.office import application
from database import policies, reviews
from database.applications import Application, apply
from database.session import Sessions
from database.stock import CUSTOMERS, IN_TRANSIT, SUPPLIERS
from domain.reviews import last_ended
from domain.stages import Role

OPEN_SHARE: Final = 10
"""One order in so many is open; of those every one has its place among five stages. As often something is bought."""
FAILED_SHARE: Final = 1_000
"""Of so many messages one did not leave."""
SPAN: Final = timedelta(days=730)
"""Over how long the orders are spread, however many: what counts months finds as many in each database."""
POLICY: Final = "standard"
ASIDE, SOUND = "HZ1/awaiting-inspection", "HZ1/qualified"
SERIES: Final = "generate_series(1, :number) n"
NUMBER: Final = "'RO-B' || lpad(n::text, 7, '0')"
CREATED: Final = "now() - n * cast(:apart as interval)"
STAGES: Final = (
    ("triage", "judgement", "service_agent"),
    ("audit", "signature", "auditor"),
    ("dispatch", "handover", "warehouse_keeper"),
    ("in_transit", "delivery", "dispatcher"),
    ("revisit", "revisit", "service_agent"),
)


async def fill(sessions: Sessions, number: int) -> str:
    """Makes so many orders of one that applied; returns the number of one that is open."""
    now = datetime.now(UTC)
    async with sessions.begin() as session:
        applied = await apply(
            session,
            Application.model_validate(application(0)),
            by="agent",
            role=Role.SERVICE_AGENT,
            key="template",
            now=now,
            policy=POLICY,
        )
        given = {"template": applied.state.number, "number": number, "apart": SPAN / number}
        await session.execute(text("set local statement_timeout = 0"))
        for statement in (*_orders(), *_books()):
            await session.execute(text(statement), given)
    await _vacuum(sessions)
    async with sessions.begin() as session:
        await session.execute(text("set local statement_timeout = 0"))
        await _sum_up(session, now)
    await _vacuum(sessions)
    return f"RO-B{OPEN_SHARE:07}"


async def _vacuum(sessions: Sessions) -> None:
    """Autovacuum would do so in the middle of what is measured."""
    async with sessions() as session:
        connection = await session.connection(execution_options={"isolation_level": "AUTOCOMMIT"})
        await connection.execute(text("set statement_timeout = 0"))
        await connection.execute(text("vacuum (analyze)"))


async def _sum_up(session: AsyncSession, now: datetime) -> None:
    """What schedules do: the costs of months, and the review of the newest period."""
    time = await policies.timekeeper(session, await policies.newest(session, POLICY))
    await reviews.review(session, last_ended(time.today(now), time.policy.review), time, now)


def _orders() -> list[str]:
    """Rows like the template's: customers, orders at their stages, their lines and their logs."""
    place = f"n / {OPEN_SHARE} % {len(STAGES)}"
    stage, clock, owner = (
        f"case when n % {OPEN_SHARE} > 0 then {end} else "
        f"(array[{', '.join(repr(each[column]) for each in STAGES)}])[{place} + 1] end"
        for column, end in enumerate(("'closed'", "null", "null"))
    )
    due = f"case when n % {OPEN_SHARE} = 0 then now() + (n % 200 - 40) * interval '1 hour' end"
    order = {
        "number": NUMBER,
        "created_at": CREATED,
        "customer": "c.id",
        "stage": stage,
        "wait_clock": clock,
        "wait_owner": owner,
        "wait_caretaker": owner,
        "wait_since": f"case when n % {OPEN_SHARE} = 0 then {CREATED} end",
        "wait_due": due,
        "ended_at": f"case when n % {OPEN_SHARE} > 0 then {CREATED} end",
        "tracking_token": "'token-' || n",
        "application_key": "'key-' || n",
        "search_text": f"lower({NUMBER}) || ' ' || c.name || ' ' || c.phone || ' hg-cxw268 风机不转'",
        "state": f"t.state || jsonb_build_object('number', {NUMBER}, 'stage', {stage})",
    }
    fitted = f"case when n % {OPEN_SHARE} > 0 then 'fitted' else l.state end"
    return [
        "insert into customer (name, phone, city, address)"
        f" select '客户' || n, '138' || lpad(n::text, 8, '0'), '杭州市', '示范路' from {SERIES}",
        f"insert into replacement_order select {_like('t', order)} from replacement_order t, {SERIES}"
        " join customer c on c.phone = '138' || lpad(n::text, 8, '0') and c.name = '客户' || n"
        " where t.number = :template",
        'insert into order_line ("order", round, part, quantity, state)'
        f" select {NUMBER}, l.round, l.part, l.quantity, {fitted} from order_line l, {SERIES}"
        ' where l."order" = :template',
        f"insert into event_log select {_like('e', {'document': NUMBER, 'seq': 'step'})}"
        f" from event_log e, {SERIES}, generate_series(0, 5) step where e.document = :template",
    ]


def _books() -> list[str]:
    """Every order has its piece sent and its message; every tenth ten pieces bought before, of one part after the
    other, each from its own supplier."""
    bought = f"n % {OPEN_SHARE} = 0"
    nth = "row_number() over (order by code) - 1 as nth, count(*) over () as of"
    return [
        "create temporary table sold (n int, number text, at timestamptz, part text, price numeric, supplier text,"
        " purchase text) on commit drop",
        f"insert into sold select n, {NUMBER}, {CREATED}, p.code, p.list_price, s.code,"
        f" case when {bought} then 'PO-B' || lpad(n::text, 7, '0') end from {SERIES}"
        f" join (select code, list_price, {nth} from part where code in (select part from stock"
        f" where place = '{SOUND}')) p on n / {OPEN_SHARE} % p.of = p.nth"
        f" join (select code, {nth} from supplier) s on p.nth % s.of = s.nth",
        "insert into purchase_order (number, created_at, supplier, warehouse, stage, deliver_by, received_at,"
        " started_at, ended_at, policy_name, policy_version, log_head, state)"
        " select purchase, at - interval '9 days', supplier, 'HZ1', 'goods_received', at, at - interval '2 days',"
        f" at, at, '{POLICY}', 1, '', '{{}}' from sold where purchase is not null",
        "insert into purchase_line (purchase_order, part, quantity, received, unit_price)"
        f" select purchase, part, {OPEN_SHARE}, {OPEN_SHARE}, price from sold where purchase is not null",
        "insert into inbound_freight (purchase_order, amount, reference, at, by, key)"
        " select purchase, 50, 'SF-1', at, 'buyer', 'bill' from sold where purchase is not null",
        "insert into movement (part, quantity, source, target, at, by, reason, document, effect)"
        " select part, pieces, source, target, at - before, 'keeper', reason, document, reason || '/' || document"
        f" from sold, lateral (values ('receipt', '{SUPPLIERS}', '{ASIDE}', {OPEN_SHARE}, interval '2 days', purchase),"
        f" ('inspection', '{ASIDE}', '{SOUND}', {OPEN_SHARE}, interval '2 days', purchase),"
        f" ('issue', '{SOUND}', '{IN_TRANSIT}', 1, interval '0', number),"
        f" ('delivery', '{IN_TRANSIT}', '{CUSTOMERS}', 1, interval '0', number))"
        " as moved (reason, source, target, pieces, before, document) where document is not null order by at - before",
        'insert into revisit_attempt ("order", seq, round, reached, works, satisfaction, at)'
        f" select number, 1, 0, true, true, 5, at from sold where not {bought}",
        "insert into outbox (document, seq, template, audience, content, created_at, sent_at, addressed_at)"
        " select number, 0, 'bench', 'customer', '{}', at, at, at from sold",
        "insert into message (outbox, document, audience, channel, recipient, language, message_id, subject, body,"
        " state, attempts, created_at) select o.id, o.document, o.audience, 'sms', '13800000000', 'zh', o.document, '',"
        f" '', case when n % {FAILED_SHARE} = 0 then 'failed' else 'sent' end, 1, at"
        " from sold join outbox o on o.document = sold.number and o.template = 'bench'",
    ]


def _like(table: str, changes: dict[str, str]) -> str:
    """The row `table` stands for, but for these columns."""
    pairs = ", ".join(f"'{column}', {value}" for column, value in changes.items())
    return f"(jsonb_populate_record({table}, jsonb_build_object({pairs}))).*"
