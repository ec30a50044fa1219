"""Decisions through the API: a dev server, a worker and a database stand behind it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, get_args
from uuid import uuid4

import pytest
from fastapi import FastAPI
from pydantic import SecretStr
from sqlalchemy import func, select

from activities.committing import Committing
from api.dependencies import House
from api.problems import Problem
from api.v1.tracking import CustomerDecision
from database.session import Sessions
from database.tables import EventLog, Submission, UserAccount
from domain.decisions import DECISIONS
from domain.messages import Step
from domain.stages import ORDER, Role
from runtime.namespace import prepare_namespace
from runtime.settings import Settings
from runtime.temporal import connect, order_workflow
from tests.api.conftest import PHONE, Staff
from tests.workflows.paper_carrier import PaperCarrier, PaperCarriers
from worker import build

QUOTE = {"action": "quote", "lines": [{"part": "CXW-MOTOR-200", "quantity": 1}]}
APPROVE = {
    "action": "approve",
    "customer_data": True,
    "fault_and_part": True,
    "warranty": True,
    "company_policy": True,
}


MOVE = {"action": "move_due", "due": "2099-01-01T00:00:00Z", "explanation": "later"}


@pytest.fixture
async def settings(database_url: str, temporal: str) -> Settings:
    """A namespace of its own: every database begins with the same order number."""
    settings = Settings(database_url=SecretStr(database_url), temporal_address=temporal, temporal_namespace=uuid4().hex)
    await prepare_namespace(await connect(settings))
    return settings


@asynccontextmanager
async def at_work(settings: Settings, sessions: Sessions) -> AsyncIterator[None]:
    client = await connect(settings)
    async with build(settings, client, sessions, PaperCarriers(PaperCarrier())):
        yield


@pytest.fixture
async def worker(settings: Settings, sessions: Sessions) -> AsyncIterator[AsyncExitStack]:
    """A worker; closing the stack sends it home."""
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(at_work(settings, sessions))
        yield stack


async def decide(staff: Staff, user: str, number: str, said: dict[str, Any], key: str = "key") -> Any:
    kind = "purchase-orders" if number.startswith("PO") else "orders"
    return await staff.post(user, f"/v1/{kind}/{number}/decisions", said, key)


async def decided(staff: Staff, user: str, number: str, said: dict[str, Any]) -> dict[str, Any]:
    answer = await decide(staff, user, number, said, uuid4().hex)
    assert answer.status_code == 200, answer.text
    result: dict[str, Any] = answer.json()
    return result


async def token_of(staff: Staff, number: str) -> str:
    path: str = (await staff.get("agent", f"/v1/orders/{number}")).json()["tracking_path"]
    return path.removeprefix("/track/")


async def to_audit(staff: Staff, **said: Any) -> str:
    number = await staff.enter(**said)
    await decided(staff, "agent", number, QUOTE)
    await decided(staff, "agent", number, {"action": "consent"})
    return number


async def until(staff: Staff, number: str, condition: Callable[[Any], bool]) -> Any:
    """The order once something that is under way has come about."""
    for _ in range(200):
        order = (await staff.get("keeper", f"/v1/orders/{number}")).json()
        if condition(order):
            return order
        await asyncio.sleep(0.05)
    raise AssertionError("it never came")


async def log_of(sessions: Sessions, number: str) -> list[str]:
    async with sessions() as session:
        rows = select(EventLog.action).where(EventLog.document == number).order_by(EventLog.seq)
        return list(await session.scalars(rows))


@pytest.mark.usefixtures("worker")
async def test_from_the_telephone_to_the_satisfied_answer(staff: Staff) -> None:
    number = await staff.enter()
    quoted = await decided(staff, "agent", number, QUOTE)
    assert (quoted["document"], quoted["stage"], quoted["wait"]["owner"]) == (number, "quoted", "customer")
    order = (await staff.get("agent", f"/v1/orders/{number}")).json()
    assert order["quotation"]["to_pay"] == "388.00"

    token = await token_of(staff, number)
    tracked = (await staff.client.get(f"/v1/tracking/{token}")).json()
    assert tracked["actions"] == ["consent", "decline", "supplement"]
    answer = await staff.client.post(
        f"/v1/tracking/{token}/decisions", json={"action": "consent"}, headers={"Idempotency-Key": "mine"}
    )
    assert (answer.status_code, answer.json()["stage"]) == (200, "audit")

    assert (await decided(staff, "auditor", number, APPROVE))["stage"] == "dispatch"
    await decided(staff, "keeper", number, {"action": "pack"})
    order = await until(staff, number, lambda order: order["shipments"][0]["state"] == "booked")
    [shipment] = order["shipments"]
    assert shipment["has_label"]
    label = await staff.get("keeper", f"/v1/shipments/{shipment['id']}/label")
    assert (label.content, label.headers["content-type"]) == (b"label", "image/png")
    assert (await staff.get("auditor", f"/v1/shipments/{shipment['id']}/label")).status_code == 403
    packed = (await staff.get("keeper", f"/v1/shipments/{shipment['id']}")).json()["packing_list"]
    assert [(line["part"], line["quantity"], line["place"]) for line in packed] == [
        ("CXW-MOTOR-200", 1, "HZ1/qualified")
    ]
    await decided(staff, "keeper", number, {"action": "hand_over"})
    await decided(staff, "dispatcher", number, {"action": "deliver"})
    visit = (datetime.now(UTC) + timedelta(hours=2)).isoformat()
    booked = await decided(
        staff, "dispatcher", number, {"action": "book_appointment", "technician": "technician", "starts_at": visit}
    )
    assert booked["wait"]["owner"] == "technician"
    tracked = (await staff.client.get(f"/v1/tracking/{token}")).json()
    assert tracked["shipments"][0]["waybill"] == shipment["waybill"]
    assert datetime.fromisoformat(tracked["visit"]["starts_at"]) == datetime.fromisoformat(visit)
    for private in ("赵强", "technician", "林晓", PHONE):
        assert private not in str({name: value for name, value in tracked.items() if name != "wait"})
    await decided(staff, "technician", number, {"action": "report_fitted"})
    answer = await staff.client.post(
        f"/v1/tracking/{token}/decisions",
        json={"action": "answer_works", "satisfaction": 5},
        headers={"Idempotency-Key": "content"},
    )
    assert (answer.status_code, answer.json()["stage"]) == (200, "closed")
    order = (await staff.get("agent", f"/v1/orders/{number}")).json()
    assert (order["stage"], order["wait"], order["actions"]) == ("closed", None, [])
    events = (await staff.get("agent", f"/v1/orders/{number}/events")).json()
    assert [event["seq"] for event in events] == list(range(len(events)))
    assert events[2]["action"] == "consent"
    assert (events[2]["role"], events[2]["by"], events[2]["by_name"]) == ("customer", "customer", None)


@pytest.mark.usefixtures("worker")
async def test_the_same_key_is_the_same_decision_even_after_the_end(staff: Staff, sessions: Sessions) -> None:
    number = await staff.enter()
    answers = await asyncio.gather(*(decide(staff, "agent", number, QUOTE) for _ in range(4)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.text for answer in answers}) == 1
    other = await decide(staff, "agent", number, {"action": "cancel", "reason": "no_part"})
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    await decided(staff, "agent", number, {"action": "decline"})
    again = await decide(staff, "agent", number, QUOTE)
    assert (again.status_code, again.text) == (200, answers[0].text)
    assert await log_of(sessions, number) == ["apply", "quote", "decline"]


async def test_an_accepted_decision_whose_answer_was_lost_is_answered_later(
    staff: Staff, settings: Settings, sessions: Sessions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.engine.UPDATE_TIMEOUT", timedelta(seconds=1))
    number = await staff.enter()
    unanswered = await decide(staff, "agent", number, QUOTE)  # nobody is at work
    assert (unanswered.status_code, unanswered.json()["code"]) == (503, "engine_unreachable")
    assert unanswered.headers["retry-after"] == "5"
    monkeypatch.undo()
    async with at_work(settings, sessions):
        assert (await decide(staff, "agent", number, QUOTE)).json()["stage"] == "quoted"
    assert await log_of(sessions, number) == ["apply", "quote"]


@pytest.mark.usefixtures("worker")
async def test_a_decision_on_record_that_its_workflow_never_heard_of_reaches_it_when_it_is_repeated(
    staff: Staff, app: FastAPI, sessions: Sessions, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The worker died after the commit, and with it the update nobody had accepted yet."""
    number = await staff.enter()
    monkeypatch.setattr("api.engine._put", unreachable)
    assert (await decide(staff, "agent", number, QUOTE)).status_code == 503
    monkeypatch.undo()
    async with sessions() as session:
        submission = (await session.scalars(select(Submission).where(Submission.document == number))).one()
    step = Step(
        document=number, seq=1, action=submission.action, at=datetime.now(UTC), by="agent", role=submission.role,
        submission=submission.id,
    )  # fmt: skip
    await Committing(sessions).commit_order(step)
    assert (await decide(staff, "agent", number, QUOTE)).json()["stage"] == "quoted"
    house: House = app.state.house
    history = await house.temporal.get_workflow_handle(order_workflow(number)).fetch_history()
    assert any(event.HasField("workflow_execution_update_completed_event_attributes") for event in history.events)
    assert (await decide(staff, "agent", number, QUOTE)).json()["seq"] == 1
    assert await log_of(sessions, number) == ["apply", "quote"]


async def unreachable(*_: object) -> None:
    raise Problem("engine_unreachable")


@pytest.mark.usefixtures("worker")
async def test_whoever_comes_late_learns_who_was_faster(staff: Staff) -> None:
    number = await staff.enter()
    await decided(staff, "agent2", number, QUOTE)
    late = await decide(staff, "agent", number, {"action": "refuse", "reason": "other", "explanation": "no"})
    assert (late.status_code, late.json()["code"], late.json()["stage"]) == (409, "stage_moved_on", "quoted")
    last = late.json()["last"]
    assert (last["action"], last["by"], last["by_name"]) == ("quote", "agent2", "高敏")
    token = await token_of(staff, number)
    to_customer = await staff.client.post(
        f"/v1/tracking/{token}/decisions",
        json={"action": "answer_works", "satisfaction": 1},
        headers={"Idempotency-Key": "k"},
    )
    assert to_customer.status_code == 409
    assert to_customer.json()["last"].items() >= {"action": "quote", "by": "service_agent"}.items()
    assert "高敏" not in to_customer.text


@pytest.mark.usefixtures("worker")
async def test_of_two_at_once_one_decides(staff: Staff, sessions: Sessions) -> None:
    number = await to_audit(staff)
    reject = {"action": "reject", "reason": "warranty", "explanation": "expired"}
    first, second = await asyncio.gather(
        decide(staff, "auditor", number, APPROVE), decide(staff, "auditor2", number, reject)
    )
    assert sorted((first.status_code, second.status_code)) == [200, 409]
    assert len([action for action in await log_of(sessions, number) if action in ("approve", "reject")]) == 1


@pytest.mark.usefixtures("worker")
async def test_roles_come_from_the_table(staff: Staff, sessions: Sessions) -> None:
    number = await to_audit(staff)
    for user in ("agent", "buyer", "keeper", "dispatcher", "technician", "supervisor", "administrator", "web"):
        refused = await decide(staff, user, number, APPROVE)
        assert (refused.status_code, refused.json()["code"]) == (403, "role_forbidden"), user
    async with sessions.begin() as session:
        (await session.get_one(UserAccount, "agent2")).roles = []
        (await session.get_one(UserAccount, "web")).roles = ["system"]  # machines' news come another way
    for user in ("agent2", "web"):
        for said in (APPROVE, {"action": "cancel", "reason": "other"}, MOVE):
            refused = await decide(staff, user, number, said)
            assert (refused.status_code, refused.json()["code"]) == (403, "role_forbidden"), user
    async with sessions() as session:  # what was refused is not written down
        assert await session.scalar(select(func.count()).select_from(Submission)) == 2


@pytest.mark.usefixtures("worker")
async def test_nobody_audits_a_case_they_entered(staff: Staff, sessions: Sessions) -> None:
    async with sessions.begin() as session:
        (await session.get_one(UserAccount, "agent")).roles = ["service_agent", "auditor"]
    number = await to_audit(staff)
    refused = await decide(staff, "agent", number, APPROVE)
    assert (refused.status_code, refused.json()["code"]) == (403, "own_case")
    assert (await decided(staff, "auditor", number, APPROVE))["stage"] == "dispatch"


@pytest.mark.usefixtures("worker")
async def test_what_a_step_itself_refuses_comes_back_with_its_code(staff: Staff, sessions: Sessions) -> None:
    number = await staff.enter()
    wrong = {"action": "quote", "lines": [{"part": "NO-SUCH-PART"}]}
    for _ in range(2):  # the same key, the same answer
        refused = await decide(staff, "agent", number, wrong)
        assert (refused.status_code, refused.json()["code"]) == (422, "unknown_part")
        assert refused.json()["detail"] == "there is no part NO-SUCH-PART"
    assert await log_of(sessions, number) == ["apply"]
    assert (await decided(staff, "agent", number, QUOTE))["stage"] == "quoted"


@pytest.mark.usefixtures("worker")
async def test_an_order_whose_workflow_was_never_started_is_started_by_its_first_decision(
    staff: Staff, app: FastAPI, settings: Settings, sessions: Sessions
) -> None:
    house: House = app.state.house
    nowhere = await connect(settings.model_copy(update={"temporal_address": "127.0.0.1:1"}), lazy=True)
    app.state.house = House(house.settings, house.sessions, nowhere)
    number = await staff.enter()
    app.state.house = house
    assert (await decided(staff, "agent", number, QUOTE))["stage"] == "quoted"


@pytest.mark.usefixtures("worker")
async def test_an_order_whose_workflow_died_goes_on_with_the_next_decision(
    staff: Staff, settings: Settings, sessions: Sessions
) -> None:
    number = await staff.enter()
    await decided(staff, "agent", number, QUOTE)
    client = await connect(settings)
    await client.get_workflow_handle(order_workflow(number)).terminate()
    assert (await decided(staff, "agent", number, {"action": "consent"}))["stage"] == "audit"
    assert await log_of(sessions, number) == ["apply", "quote", "consent"]


@pytest.mark.usefixtures("worker")
async def test_a_purchase_order_is_decided_about_the_same_way(staff: Staff, sessions: Sessions) -> None:
    part = "BCD-COMPRESSOR"  # there is none in stock
    lines = [{"part": part, "quantity": 2}]
    number = await staff.enter(model="HG-BCD218", lines=lines)
    await decided(staff, "agent", number, {"action": "quote", "lines": lines})
    await decided(staff, "agent", number, {"action": "consent"})
    assert (await decided(staff, "auditor", number, APPROVE))["stage"] == "sourcing"
    [line] = (await staff.get("buyer", f"/v1/orders/{number}")).json()["lines"]
    purchase = line["purchase_order"]
    assert (line["state"], line["purchase_stage"]) == ("back_ordered", "placed")
    [row] = (await staff.get("buyer", "/v1/purchase-orders", mine="true")).json()["items"]
    assert (row["number"], row["wait_owner"]) == (purchase, "supplier")
    assert (await staff.get("keeper", "/v1/purchase-orders", mine="true")).json()["items"] == []

    promised = (datetime.now(UTC) + timedelta(days=9)).isoformat()
    confirm = {"action": "confirm", "promised_at": promised, "signed_by": "冯立"}
    refused = await decide(staff, "keeper", purchase, confirm)
    assert (refused.status_code, refused.json()["code"]) == (403, "role_forbidden")
    assert (await decided(staff, "buyer", purchase, confirm))["stage"] == "confirmed"
    late = await decide(staff, "buyer", purchase, confirm, "again")
    assert (late.status_code, late.json()["stage"], late.json()["last"]["action"]) == (409, "confirmed", "confirm")
    view = (await staff.get("buyer", f"/v1/purchase-orders/{purchase}")).json()
    assert [action["action"] for action in view["actions"]] == [
        "refuse_order", "renew_link", "pass_on", "report_on_track", "promise_later", "enter_invoice", "decide_invoice",
        "settle_claim",
    ]  # fmt: skip
    assert [(wait["order"], wait["quantity"]) for wait in view["waiting"]] == [(number, 2)]
    [stock] = (await staff.get("keeper", "/v1/stock", part=part)).json()["items"]
    assert (stock["available"], [(each["purchase_order"], each["outstanding"]) for each in stock["on_order"]]) == (
        0,
        [(purchase, 2)],
    )
    received = {
        "action": "receive_goods",
        "delivery_note": "D1",
        "lines": [{"part": part, "counted": 2, "serials": ["C-71", "C-72"]}],
    }
    assert (await decided(staff, "keeper", purchase, received))["stage"] == "confirmed"
    [lot] = (await staff.get("keeper", f"/v1/purchase-orders/{purchase}")).json()["lots"]
    assert (lot["quantity"], lot["sample"], lot["verdict"]) == (2, 2, None)
    inspected = {"action": "inspect_goods", "lot": lot["id"], "checked": 2}
    assert (await decided(staff, "keeper", purchase, inspected))["stage"] == "to_settle"
    [line] = (await staff.get("buyer", f"/v1/purchase-orders/{purchase}")).json()["lines"]
    billed = [{"part": part, "quantity": 2, "unit_price": line["unit_price"]}]
    invoice = {"action": "enter_invoice", "number": "F-1", "lines": billed}
    assert (await decided(staff, "buyer", purchase, invoice))["stage"] == "goods_received"
    events = (await staff.get("buyer", f"/v1/purchase-orders/{purchase}/events")).json()
    assert [event["action"] for event in events] == [
        "place", "confirm", "receive_goods", "inspect_goods", "enter_invoice",
    ]  # fmt: skip
    assert events[1]["said"]["signed_by"] == "冯立"
    order = await until(staff, number, lambda order: order["stage"] == "dispatch")
    assert order["lines"][0]["state"] == "reserved"


def test_customers_may_say_what_the_table_allows_them() -> None:
    allowed = {action for action, rule in ORDER.rules.items() if Role.CUSTOMER in rule.by}
    offered = {model.model_fields["action"].default for model in get_args(get_args(CustomerDecision)[0])}
    assert offered == allowed <= DECISIONS.keys()
