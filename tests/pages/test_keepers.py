"""What keepers were refused is somebody's to look at: counted beside the menu, for those who may sign for it."""

from datetime import UTC, datetime
from re import findall

import httpx
import pytest

from database import transfers
from database.transfers import MoveGoods
from tests.pages.cases import Cases
from tests.pages.conftest import Browser


async def waiting(reader: httpx.AsyncClient) -> int:
    return int((findall(r"\d+", (await reader.get("/stock/refusals/count")).text) or ["0"])[0])


@pytest.mark.clause("4.3.3")
async def test_refusals_that_wait_are_counted_beside_the_menu(cases: Cases, browser: Browser) -> None:
    said = {"part": "KFR-R32", "source": "HZ1/hazardous", "target": "HZ1/nonconforming"}
    async with browser("supervisor") as supervisor, browser("agent") as agent:
        assert await waiting(supervisor) == 0
        async with cases.house.sessions.begin() as session:
            moved = await transfers.move_goods(
                session, MoveGoods.model_validate(said), by="keeper.wh", key="refused", now=datetime.now(UTC)
            )
        assert moved.refused
        assert await waiting(supervisor) == 1
        assert "/stock/refusals/count" in (await supervisor.get("/orders")).text
        assert "/stock/refusals/count" not in (await agent.get("/orders")).text
        assert (await agent.get("/stock/refusals/count")).status_code == 403
        async with cases.house.sessions.begin() as session:
            await transfers.countersign(session, moved.number, by="supervisor", now=datetime.now(UTC))
        assert await waiting(supervisor) == 0


@pytest.mark.parametrize("day", ["0001-01-01", "9999-12-31", "2026-02-30", "x"])
async def test_a_day_that_nobody_can_count_from_is_as_if_none_was_named(browser: Browser, day: str) -> None:
    async with browser("keeper") as keeper:
        for page in (f"/stock/movements?since={day}&until={day}", f"/stock/balances?at={day}"):
            assert (await keeper.get(page)).status_code == 200
