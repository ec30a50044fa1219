"""The pages of the warehouses' tasks: what is shown, and what is not."""

import re
from datetime import UTC, datetime, timedelta
from io import BytesIO
from uuid import uuid4

import pytest
from pypdf import PdfReader
from sqlalchemy import select

from database import climate, policies, stock, tasks, upkeep
from database.climate import Measured
from database.counting import lines_of
from database.tables import MovementReason, Stock
from domain.stages import Action
from domain.tasks import TaskKind
from tests.pages.cases import Cases
from tests.pages.conftest import Browser

SHELF, MOTOR = "HZ1/qualified", "CXW-MOTOR-200"


async def begin_count(cases: Cases, value_class: str = "B") -> str:
    now = datetime.now(UTC)
    async with cases.house.sessions.begin() as session:
        time = await policies.timekeeper(session, await policies.newest(session, "standard"))
        [number] = await upkeep.begin_count(session, "HZ1", value_class, time, now, cause=uuid4().hex)
    return number


async def on_hand(cases: Cases) -> dict[tuple[str, str], int]:
    async with cases.house.sessions() as session:
        return {(row.place, row.part): row.on_hand for row in await session.scalars(select(Stock))}


async def key_of(text: str, action: str) -> str:
    form = text[text.index(f'id="form-{action}"') :]
    found = re.search(r'name="key" value="([0-9a-f]+)"', form)
    assert found
    return found.group(1)


async def csrf_of(text: str) -> str:
    found = re.search(r'name="csrf" value="([^"]+)"', text)
    assert found
    return found.group(1)


@pytest.mark.clause("4.2.2")
async def test_who_counts_is_not_told_what_the_books_say(cases: Cases, browser: Browser) -> None:
    """Each shelf holds a number that occurs nowhere else: it stands on no page of the count, before it is over."""
    books = await on_hand(cases)
    async with cases.house.sessions.begin() as session:
        await stock.move(
            session, MOTOR, 48_611 - books[SHELF, MOTOR], source="outside/opening", target=SHELF,
            reason=MovementReason.OPENING, at=datetime.now(UTC), by="keeper", document="TEST", effect=uuid4().hex,
        )  # fmt: skip
    number = await begin_count(cases)
    async with browser("keeper") as keeper:
        page = (await keeper.get(f"/tasks/{number}")).text
        assert MOTOR in page
        assert "48611" not in page
        assert "48,611" not in page
        csrf = await csrf_of(page)
        said = {"csrf": csrf, "key": await key_of(page, "record_counts")}
        said |= {"lines.0.place": SHELF, "lines.0.part": MOTOR, "lines.0.quantity": "48609"}
        said |= {"lines.1.place": SHELF, "lines.1.part": "CXW-TOUCH", "lines.1.quantity": ""}
        answer = await keeper.post(f"/tasks/{number}/record_counts", data=said)
        assert answer.status_code == 303, answer.text
        page = (await keeper.get(f"/tasks/{number}")).text
        assert 'value="48609"' in page  # their own, to be put right until the count is finished
        refused = await keeper.post(
            f"/tasks/{number}/finish_count", data={"csrf": csrf, "key": await key_of(page, "finish_count")}
        )
        assert refused.status_code == 409
        assert "尚有未盘点的明细" in refused.text
    books = await on_hand(cases)
    async with cases.house.sessions() as session:
        shelf = [(line.place, line.part) for line in await lines_of(session, number)]
    lines = [{"place": place, "part": part, "quantity": books[place, part]} for place, part in shelf]
    lines = [
        line | ({"quantity": 40_000} if line["part"] == MOTOR and line["place"] == SHELF else {}) for line in lines
    ]
    await cases.decide(number, Action.RECORD_COUNTS, "keeper", lines=lines)
    await cases.decide(number, Action.FINISH_COUNT, "keeper")
    async with browser("keeper") as other:
        page = (await other.get(f"/tasks/{number}")).text
        assert "复盘中" in page
        assert "48611" not in page
        assert "40000" not in page  # nor what was counted first
    again = {"place": SHELF, "part": MOTOR, "quantity": 40_000}
    await cases.decide(number, Action.RECORD_COUNTS, "keeper.wh", lines=[again])
    await cases.decide(number, Action.FINISH_COUNT, "keeper.wh")
    async with browser("supervisor", "zh") as supervisor:
        page = (await supervisor.get(f"/tasks/{number}")).text
        assert "48611" in page
        assert "-8611" in page
        report = await supervisor.get(f"/tasks/{number}/report.pdf")
        assert report.headers["content-type"] == "application/pdf"
        printed = "".join(sheet.extract_text() for sheet in PdfReader(BytesIO(report.content)).pages)
        assert "盘点报告" in printed
        assert "-8611" in printed


async def test_a_typing_error_keeps_everything_that_was_typed(cases: Cases, browser: Browser) -> None:
    number = await begin_count(cases, "C")
    async with browser("keeper") as keeper:
        page = (await keeper.get(f"/tasks/{number}")).text
        said = {"csrf": await csrf_of(page), "key": await key_of(page, "record_counts")}
        said |= {"lines.0.place": SHELF, "lines.0.part": "CXW-CAPACITOR", "lines.0.quantity": ""}
        said |= {"lines.1.place": SHELF, "lines.1.part": "CXW-FILTER", "lines.1.quantity": "3"}
        said |= {"lines.2.place": SHELF, "lines.2.part": "CXW-LED", "lines.2.quantity": "-4"}
        answer = await keeper.post(f"/tasks/{number}/record_counts", data=said)
        assert answer.status_code == 422
        assert 'value="-4"' in answer.text
        assert "lines-1-quantity-error" in answer.text
        assert 'value="CXW-CAPACITOR"' in answer.text


@pytest.mark.clause("4.3.1")
async def test_a_round_shows_the_emergency_plans_and_makes_a_task_of_what_is_not_in_order(
    cases: Cases, browser: Browser
) -> None:
    now = datetime.now(UTC)
    async with cases.house.sessions.begin() as session:
        time = await policies.timekeeper(session, await policies.newest(session, "standard"))
        number = await tasks.begin(session, TaskKind.ROUND, "HZ1", time, now, cause=uuid4().hex)
        items = [item.code for item in time.policy.warehouse.rounds.items]
    assert number
    async with browser("keeper") as keeper:
        page = (await keeper.get(f"/tasks/{number}")).text
        assert all(plan in page for plan in ("拨打 119", "保护现场", "总阀在办公室旁", "鼠笼", "拨打 120"))
        said = {"csrf": await csrf_of(page), "key": await key_of(page, "report_round")}
        for n, item in enumerate(items):
            said |= {f"answers.{n}.item": item, f"answers.{n}.sound": "false" if item == "leaks" else "true"}
        nothing_said = await keeper.post(f"/tasks/{number}/report_round", data=said)
        assert nothing_said.status_code == 422
        no_item = await keeper.post(f"/tasks/{number}/report_round", data=said | {"answers.0.item": "<b>x</b>"})
        assert (no_item.status_code, "&lt;b&gt;x" in no_item.text) == (422, True)
        at = items.index("leaks")
        local = (now + timedelta(days=2)).strftime("%Y-%m-%dT%H:%M")
        said |= {f"answers.{at}.note": "roof drips over rack 4", f"answers.{at}.due": local}
        answer = await keeper.post(f"/tasks/{number}/report_round", data=said)
        assert answer.status_code == 303, answer.text
        page = (await keeper.get(f"/tasks/{number}")).text
        finding = re.search(r'href="/tasks/(WT-[0-9-]+)">WT', page)
        assert finding
        assert "roof drips over rack 4" in (await keeper.get(f"/tasks/{finding.group(1)}")).text


async def test_a_reading_out_of_range_shows_what_was_set_apart_and_whose_the_rest_is(
    cases: Cases, browser: Browser
) -> None:
    now = datetime.now(UTC)
    async with cases.house.sessions.begin() as session:
        time = await policies.timekeeper(session, await policies.newest(session, "standard"))
        measured = Measured.model_validate(
            {"sensor": "HZ1-QUALIFIED", "at": now, "temperature": "21.5", "humidity": "91.0"}
        )
        taken = await climate.take(session, [measured], time, "keeper", now)
    async with browser("supervisor", "zh") as supervisor:
        assert "已隔离待检" in (await supervisor.get(f"/tasks/{taken.findings[0]}")).text
    async with browser("keeper") as keeper:
        page = (await keeper.get(f"/tasks/{taken.findings[0]}")).text
        assert "91.0 %" in page
        assert taken.findings[0] in (await keeper.get("/tasks")).text
        safety = (await keeper.get("/tasks/safety")).text
        assert "91.0" in safety


async def test_lists_and_levels_are_for_those_who_work_with_them(browser: Browser) -> None:
    async with browser("buyer") as buyer:
        assert (await buyer.get("/tasks")).status_code == 200
        assert (await buyer.get("/tasks/levels")).status_code == 200
        assert "/tasks/count" in (await buyer.get("/orders")).text
    async with browser("agent") as agent:
        assert (await agent.get("/tasks/levels")).status_code == 403
        assert "/tasks/count" not in (await agent.get("/orders")).text
    async with browser("supervisor") as supervisor:
        page = (await supervisor.get("/tasks")).text
        said = {"csrf": await csrf_of(page), "key": "a-key", "warehouse": "CD1", "value_class": "C"}
        first = await supervisor.post("/tasks/counts", data=said)
        second = await supervisor.post("/tasks/counts", data=said)
        assert first.headers["location"] == second.headers["location"]
        other = await supervisor.post("/tasks/counts", data=said | {"key": "another"})
        assert "count_open" in other.headers["location"]
        assert "尚未结束" in (await supervisor.get(other.headers["location"])).text
