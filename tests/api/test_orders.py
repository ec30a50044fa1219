"""Lists that stay true while they grow, and one order in few questions."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, event, text, update

from database.reading import order_lists, orders
from database.reading.order_lists import Wanted
from database.reading.orders import masked_email, masked_phone
from database.session import Sessions
from database.tables import ReplacementOrder
from domain.stages import Role, Stage
from tests.api.conftest import Staff

NOW = datetime(2026, 11, 23, 8, tzinfo=UTC)


async def numbers(staff: Staff, user: str = "agent", **filters: Any) -> list[str]:
    """All pages of a list, two rows a page."""
    found: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        page = (await staff.get(user, "/v1/orders", limit=2, **filters, **cursor)).json()
        found += [item["number"] for item in page["items"]]
        if page["next"] is None:
            return found
        cursor = {"cursor": page["next"]}


async def change(sessions: Sessions, number: str, **values: Any) -> None:
    async with sessions.begin() as session:
        await session.execute(update(ReplacementOrder).where(ReplacementOrder.number == number).values(**values))


@pytest.fixture
async def seven(staff: Staff) -> list[str]:
    return [await staff.enter(key=f"key-{count}") for count in range(7)]


async def test_pages_join_without_gap_or_repeat(staff: Staff, seven: list[str]) -> None:
    assert await numbers(staff) == seven[::-1]
    assert await numbers(staff, stage="triage") == seven
    assert await numbers(staff, mine="true") == seven


async def test_rows_of_the_same_instant_are_all_shown_once(staff: Staff, seven: list[str], sessions: Sessions) -> None:
    for number in seven:
        await change(sessions, number, created_at=NOW, wait_due=NOW)
    assert await numbers(staff) == seven[::-1]
    assert await numbers(staff, overdue="true") == seven


async def test_new_orders_dont_shift_the_pages(staff: Staff, seven: list[str]) -> None:
    first = (await staff.get("agent", "/v1/orders", limit=3)).json()
    await staff.enter(key="another")
    second = (await staff.get("agent", "/v1/orders", limit=4, cursor=first["next"])).json()
    assert [item["number"] for item in first["items"] + second["items"]] == seven[::-1]


async def test_a_cursor_is_of_one_list(staff: Staff, seven: list[str]) -> None:
    cursor = (await staff.get("agent", "/v1/orders", limit=1)).json()["next"]
    for wrong in ({"cursor": cursor, "stage": "triage"}, {"cursor": "x"}, {"cursor": "e30"}, {"cursor": "\U0001f600"}):
        answer = await staff.get("agent", "/v1/orders", **wrong)
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid_cursor")


async def test_work_comes_most_urgent_first(staff: Staff, seven: list[str], sessions: Sessions) -> None:
    for hours, number in enumerate(reversed(seven)):
        await change(sessions, number, wait_due=datetime.now(UTC) + timedelta(hours=hours - 2.5))
    assert await numbers(staff, mine="true") == seven[::-1]
    assert await numbers(staff, overdue="true") == seven[::-1][:3]
    counts = (await staff.get("agent", "/v1/orders/counts")).json()
    assert counts == {"stages": {"triage": 7}, "overdue": 3, "mine": 7}


async def test_mine_is_what_waits_for_my_role_at_my_centre(staff: Staff, seven: list[str], sessions: Sessions) -> None:
    here, there, audit, buying, visit, others_visit, ended = seven
    await change(sessions, there, service_centre="WH")
    await change(sessions, audit, wait_caretaker=Role.AUDITOR, stage=Stage.AUDIT)
    await change(sessions, buying, wait_caretaker=Role.BUYER, service_centre="WH", stage=Stage.SOURCING)
    await change(sessions, visit, wait_caretaker=Role.TECHNICIAN, technician="technician", stage=Stage.INSTALLATION)
    await change(
        sessions, others_visit, wait_caretaker=Role.TECHNICIAN, technician="technician2", stage=Stage.INSTALLATION
    )
    await change(sessions, ended, stage=Stage.CLOSED, ended_at=NOW, wait_due=None, wait_caretaker=None, wait_clock=None)
    assert await numbers(staff, "agent", mine="true") == [here]
    assert await numbers(staff, "agent.wh", mine="true") == [there]
    assert await numbers(staff, "auditor", mine="true") == [audit]
    assert await numbers(staff, "auditor", mine="true", stage="triage") == []
    assert await numbers(staff, "buyer", mine="true") == [buying]  # purchasing is done in one place for all
    assert await numbers(staff, "technician", mine="true") == [visit]
    assert await numbers(staff, "keeper", mine="true") == []
    assert await numbers(staff, stage="closed") == [ended]
    assert await numbers(staff, service_centre="WH") == [buying, there]


async def test_orders_are_found_by_what_people_know(staff: Staff) -> None:
    other = {"name": "欧阳娜", "phone": "15900001111"}
    number = await staff.enter(key="other", customer=other, serial="SN-100%_A", fault="滴水")
    await staff.enter(key="first")
    for words in (number, number.lower(), number[3:11], "欧阳", "欧", "15900001111", "1590", "sn-100%_a", "滴水"):
        found = await numbers(staff, q=words)
        assert number in found, words
    assert await numbers(staff, q="欧阳") == await numbers(staff, q="100%_a") == [number]
    assert await numbers(staff, q="100__a") == await numbers(staff, q="%") == await numbers(staff, q="nobody") == []


async def test_stages_and_limits_are_checked(staff: Staff) -> None:
    for wrong in ({"stage": "dancing"}, {"limit": 0}, {"limit": 101}, {"q": "x" * 101}):
        assert (await staff.get("agent", "/v1/orders", **wrong)).status_code == 422


async def test_nobody_reads_anything_without_logging_in(staff: Staff) -> None:
    number = await staff.enter()
    paths = ["orders", "orders/counts", "purchase-orders", "stock", "parts", "models", "faults", "suppliers"]
    paths += ["technicians", "carriers", "service-centres", "service-outlets", "shipments/x", "shipments/x/label"]
    paths += [f"orders/{number}", f"orders/{number}/events", f"applications/{number}", "purchase-orders/x"]
    for path in paths:
        assert (await staff.client.get(f"/v1/{path}")).status_code == 401, path


async def test_what_is_not_there_is_not_found(staff: Staff) -> None:
    for path in ("orders/RO-1", "orders/RO-1/events", "applications/RO-1", "purchase-orders/PO-1", "shipments/S-1"):
        answer = await staff.get("agent", f"/v1/{path}")
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found"), path
    answer = await staff.post("agent", "/v1/orders/RO-1/decisions", {"action": "take"})
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


async def test_an_order_says_what_it_waits_for_and_what_i_may_do(staff: Staff) -> None:
    number = await staff.enter()
    order = (await staff.get("agent", f"/v1/orders/{number}")).json()
    assert order["wait"].items() >= {"clock": "judgement", "owner": "service_agent", "overdue": False}.items()
    assert [alarm["action"] for alarm in order["wait"]["alarms"]] == ["remind", "escalate"]
    actions = {action["action"] for action in order["actions"]}
    assert {"quote", "refuse", "cancel"} <= actions
    assert not {"take", "approve", "remind"} & actions
    assert [event["action"] for event in (await staff.get("agent", f"/v1/orders/{number}/events")).json()] == ["apply"]
    assert (await staff.get("agent", f"/v1/orders/{number}/events", after=0)).json() == []


async def test_nobody_is_offered_the_audit_of_their_own_case(staff: Staff, sessions: Sessions) -> None:
    number = await staff.enter()
    async with sessions.begin() as session:
        await session.execute(text("update user_account set roles = '{service_agent,auditor}' where code = 'agent'"))
        order = await session.get_one(ReplacementOrder, number)
        order.stage, order.state = Stage.AUDIT, {**order.state, "stage": "audit"}
    own = (await staff.get("agent", f"/v1/orders/{number}")).json()["actions"]
    assert {action["role"] for action in own} == {"service_agent"}
    other = (await staff.get("auditor", f"/v1/orders/{number}")).json()["actions"]
    assert [action["action"] for action in other] == [
        "approve",
        "return_for_correction",
        "reject",
        "ask_customer",
        "take_audit",
        "hand_on_audit",
    ]


@contextmanager
def statements() -> Iterator[list[str]]:
    """What is asked of the database meanwhile."""
    asked: list[str] = []

    def note(*arguments: Any) -> None:
        asked.append(arguments[2])

    event.listen(Engine, "before_cursor_execute", note)
    yield asked
    event.remove(Engine, "before_cursor_execute", note)


async def test_pages_cost_few_questions(staff: Staff, seven: list[str], sessions: Sessions) -> None:
    async with sessions() as session:
        with statements() as asked:
            await orders.order_view(session, seven[0], NOW)
        assert len(asked) == 3
        with statements() as asked:
            await order_lists.list_orders(session, Wanted(), now=NOW)
        assert len(asked) == 1


@pytest.mark.parametrize(
    ("phone", "masked"),
    [
        ("13800005678", "138****5678"),
        ("88881234", "****1234"),
        ("0571-8888 1234", "057*-**** 1234"),
        ("110", "*10"),
        ("+86 138 0000 5678", "+86 1** **** 5678"),
    ],
)
def test_a_masked_phone_can_be_recognised_and_not_called(phone: str, masked: str) -> None:
    assert masked_phone(phone) == masked


def test_a_masked_address_keeps_its_host() -> None:
    assert masked_email("wang.fang@example.com") == "w***@example.com"
    assert masked_email(None) is None
