"""While a part is being counted no address of the API and no page tells who counts what the books say (policy 4.2.2).

Every address that can be read is asked, with everything that it may be about: a new one that tells is found here.
"""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from itertools import product
from re import findall, match
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute
from sqlalchemy import select, update

from database import climate, policies, stock, tasks
from database.climate import Measured
from database.tables import (
    Disposal,
    Movement,
    MovementReason,
    OrderLine,
    Part,
    PartModel,
    Replenishment,
    Shipment,
    SubstitutePart,
)
from domain.levels import Excess, Pattern, Way
from domain.stages import Action
from domain.tasks import TaskKind
from tests.pages.cases import SOLD_OUT, Cases
from tests.pages.conftest import Browser
from tests.pages.test_tasks import begin_count

SHELF, PART, WANTED = "HZ1/qualified", "WQP-PUMP", "RO-PUMP"
BOOK = 48_611
"""So many pieces: a number that occurs nowhere else."""
TOLD = ("48611", "48,611")
TELLING = {
    "/v1/stock", "/v1/stock/movements", "/v1/stock/balances", "/stock", "/stock/movements", "/stock/balances",
    "/v1/orders/{number}", "/v1/orders/{number}/hints",
    "/v1/tasks/{number}", "/v1/tasks/{number}/events", "/tasks/{number}",
}  # fmt: skip
"""Addresses that tell it, to keepers too while nothing is counted."""
QUERIES = (
    "", f"?part={PART}", f"?part={PART}&place={SHELF}", f"?text={PART}", "?model=HG-RO600", "?which=all", "?which=open",
    f"?scan={PART}", "?warehouse=HZ1", "?seq=0",
)  # fmt: skip


async def bring(cases: Cases, effect: str) -> None:
    async with cases.house.sessions.begin() as session:
        await stock.move(
            session, PART, BOOK, source="outside/opening", target=SHELF, reason=MovementReason.OPENING,
            at=datetime.now(UTC), by="keeper", document="OPENING", effect=effect,
        )  # fmt: skip


async def tasks_about_it(cases: Cases) -> list[str]:
    """A finding that set it apart, a proposal to buy and one to dispose of it."""
    now = datetime.now(UTC)
    async with cases.house.sessions.begin() as session:
        time = await policies.timekeeper(session, await policies.newest(session, "standard"))
        damp = Measured.model_validate(
            {"sensor": "HZ1-QUALIFIED", "at": now, "temperature": "21.0", "humidity": "95.0"}
        )
        numbers = list((await climate.take(session, [damp], time, "keeper", now)).findings)
        for kind in (TaskKind.REPLENISHMENT, TaskKind.DISPOSAL):
            number = await tasks.begin(session, kind, "HZ1", time, now, cause=f"test/{kind}", subject=PART)
            assert number
            numbers.append(number)
        session.add_all(
            (
                Replenishment(
                    task=numbers[1], part=PART, pattern=Pattern.SMOOTH, forecast=1, lead_days=2, safety_stock=1,
                    reorder_point=2, up_to=5, position=BOOK, quantity=1,
                ),
                Disposal(
                    task=numbers[2], part=PART, place=SHELF, excess=Excess.DEAD, quantity=BOOK, way=Way.SCRAP,
                    unit_value=1,
                ),
            )
        )  # fmt: skip
    return numbers


@pytest.fixture
async def known(cases: Cases) -> dict[str, list[str]]:
    """What addresses may name, with the part in as many places as can tell of it."""
    async with cases.house.sessions.begin() as session:
        session.add_all((PartModel(part=PART, model="HG-RO600"), SubstitutePart(part=WANTED, substitute=PART)))
        await session.execute(update(Part).where(Part.code == PART).values(value_class="B"))
    await bring(cases, "first")
    about = await tasks_about_it(cases)
    await bring(cases, "second")
    judged, sourced = await cases.apply(**SOLD_OUT), await cases.approved(**SOLD_OUT)
    purchase, shipped = await cases.purchase_order(), await cases.in_transit()
    async with cases.house.sessions() as session:
        moved = [str(number) for number in await session.scalars(select(Movement.id).where(Movement.part == PART))]
        shipments = list(await session.scalars(select(Shipment.id)))
        assert await session.scalar(select(OrderLine.id).where(OrderLine.order == sourced))
    return {
        "number": [judged, sourced, purchase, shipped, *about],
        "movement": moved, "document": ["OPENING", *about], "shipment": shipments, "action": [Action.PUT_RIGHT],
    }  # fmt: skip


def readable(routes: Iterable[Any], prefix: str = "") -> Iterator[tuple[str, set[str]]]:
    """The patterns of all addresses that can be read, with what may be asked there."""
    for route in routes:
        if isinstance(route, APIRoute) and "GET" in (route.methods or ()):
            yield prefix + route.path, {field.alias for field in route.dependant.query_params}
        elif hasattr(route, "original_router"):
            yield from readable(route.original_router.routes, prefix + route.include_context.prefix)


def addresses(app: FastAPI, known: dict[str, list[str]]) -> Iterator[tuple[str, str]]:
    """Every address that can be read, by its pattern."""
    for pattern, asked in readable(app.routes):
        names = findall(r"{(\w+)", pattern)
        queries = [query for query in QUERIES if {*findall(r"(\w+)=", query)} <= asked]
        for values, query in product(product(*(known.get(name, ["x"]) for name in names)), queries):
            address = pattern
            for name, value in zip(names, values, strict=True):
                address = address.replace(f"{{{name}}}", value).replace(f"{{{name}:path}}", value)
            yield pattern, address + query


async def tells(reader: httpx.AsyncClient, app: FastAPI, known: dict[str, list[str]], among: str = ".") -> set[str]:
    """The addresses that tell the number, by their pattern."""
    found = set()
    for pattern, address in addresses(app, known):
        if pattern not in found and match(among, pattern):
            answer = await reader.get(address)
            assert answer.status_code < 500 or pattern == "/readyz", address
            if any(number in answer.text for number in TOLD):
                found.add(pattern)
    return found


@pytest.mark.clause("4.2.2")
async def test_no_address_tells_who_counts_what_the_books_say(
    app: FastAPI, cases: Cases, browser: Browser, known: dict[str, list[str]]
) -> None:
    async with browser("keeper") as keeper:
        before = await tells(keeper, app, known, "(/v1)?/(stock|tasks|orders)")
        assert before >= TELLING, "the test sees what tells"
        count = await begin_count(cases)
        asked = known | {"number": [*known["number"], count], "document": [*known["document"], count]}
        assert await tells(keeper, app, asked) == set()
    async with browser("supervisor") as supervisor:
        told = await tells(supervisor, app, asked, "(/v1)?/stock")
        assert told >= {pattern for pattern in TELLING if "stock" in pattern}, "others go on reading"
    await cases.decide(count, Action.CALL_OFF, "supervisor", explanation="not today")
    async with browser("keeper") as keeper:
        assert "/stock" in await tells(keeper, app, asked, "/stock$"), "once it is over, they are told again"
