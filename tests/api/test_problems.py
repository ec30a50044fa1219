"""Whatever goes wrong, the client gets problem details with a stable code, and never a word of ours."""

import json
import re
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

import database
from api import problems
from api.app import LARGEST_BODY, create_app
from api.dependencies import House
from api.problems import CATALOGUE, MEDIA_TYPE
from database.session import engine, sessions
from runtime.ports import free_port
from runtime.settings import Settings
from tests.api.conftest import ORIGIN, NewClient, Staff, application


def test_every_refusal_of_the_program_is_in_the_catalogue() -> None:
    root = Path(database.__path__[0]).parent
    files = [file for room in ("domain", "database", "activities", "workflows") for file in (root / room).rglob("*.py")]
    raised = {code for file in files for code in re.findall(r'Refusal\(\s*"(\w+)"', file.read_text(encoding="utf-8"))}
    assert {"stage_moved_on", "unknown_part"} <= raised
    assert raised <= CATALOGUE.keys()


async def test_titles_speak_the_readers_language(client: httpx.AsyncClient) -> None:
    for language, title in (("en", "Log in"), ("zh-CN,zh;q=0.9", "请先登录"), ("fr", "请先登录")):
        answer = await client.get("/v1/orders", headers={"Accept-Language": language})
        assert answer.headers["content-type"] == MEDIA_TYPE
        assert answer.json()["title"].startswith(title)
        assert (answer.json()["status"], answer.json()["type"]) == (401, "/v1/problems#not_logged_in")


async def test_wrong_fields_are_pointed_at(staff: Staff) -> None:
    said = application(lines=[{"part": "X", "quantity": 0}], channel="fax", extra="x")
    answer = await staff.post("agent", "/v1/applications", said)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
    pointed = {error["pointer"]: error["code"] for error in answer.json()["errors"]}
    assert pointed == {"/lines/0/quantity": "greater_than_equal", "/channel": "enum", "/extra": "extra_forbidden"}
    assert "fax" not in answer.text


async def test_pointers_into_a_decision_are_of_what_was_sent(staff: Staff) -> None:
    wrong: list[tuple[dict[str, object], str]] = [
        ({"action": "quote", "lines": []}, "/lines"),
        ({"action": "dance"}, "/action"),
        ({}, "/action"),
        ({"action": "approve", "customer_data": False}, "/customer_data"),
    ]
    for said, pointer in wrong:
        answer = await staff.post("agent", "/v1/orders/RO-1/decisions", said)
        assert answer.status_code == 422
        assert pointer in [error["pointer"] for error in answer.json()["errors"]]
        assert "Action." not in answer.text


async def test_what_is_no_json_is_a_clients_mistake(client: httpx.AsyncClient) -> None:
    for body in (b"{", b"", b"[1", b'{"a": 1e999999}', b"[" * 100_000, b'"' + b"\xff" + b'"'):
        answer = await client.post("/v1/session", content=body, headers={"Content-Type": "application/json"})
        assert answer.status_code in (400, 422)
        assert answer.headers["content-type"] == MEDIA_TYPE


async def test_malformed_json_says_so(client: httpx.AsyncClient) -> None:
    answer = await client.post("/v1/session", content=b"{", headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (400, "malformed_json")


async def test_nul_characters_are_refused_wherever_they_stand(client: httpx.AsyncClient, staff: Staff) -> None:
    said = application(fault="broken\x00")
    in_body = await staff.post("agent", "/v1/applications", said)
    number = await staff.enter()
    in_decision = await staff.post(
        "agent", f"/v1/orders/{number}/decisions", {"action": "cancel", "reason": "other", "explanation": "\x00"}
    )
    in_query = await staff.get("agent", "/v1/orders", q="\x00")
    in_path = await staff.get("agent", "/v1/orders/%00")
    in_log_in = await client.post("/v1/session", json={"user": "a\x00", "password": "\x00"})
    for answer in (in_body, in_decision, in_query, in_path, in_log_in):
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid_text")


async def test_what_is_too_large_is_not_read(client: httpx.AsyncClient) -> None:
    told = await client.post("/v1/session", content=b"x" * (LARGEST_BODY + 1))

    async def endless() -> AsyncIterator[bytes]:
        for _ in range(3):
            yield b"x" * LARGEST_BODY

    untold = await client.post("/v1/session", content=endless(), headers={"Content-Type": "application/json"})
    for answer in (told, untold):
        assert (answer.status_code, answer.json()["code"]) == (413, "too_large")


async def test_unknown_addresses_and_methods(client: httpx.AsyncClient) -> None:
    unknown, method = await client.get("/v1/nothing"), await client.put("/v1/session")
    assert (unknown.status_code, unknown.json()["code"]) == (404, "not_found")
    assert (method.status_code, method.json()["code"]) == (405, "method_not_allowed")


async def test_a_fault_of_ours_tells_nothing_but_its_id(caplog: pytest.LogCaptureFixture) -> None:
    app = create_app()

    @app.get("/v1/broken")
    async def broken() -> None:
        raise RuntimeError("the secret password is 1")

    @app.get("/v1/broken-statement")
    async def broken_statement() -> None:
        raise ProgrammingError("select secret", {}, Exception("column secret does not exist"))

    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=ORIGIN) as client:
        for path in ("/v1/broken", "/v1/broken-statement"):
            caplog.clear()
            answer = await client.get(path, headers={"X-Request-Id": "request-4711"})
            assert (answer.status_code, answer.json()["code"]) == (500, "internal")
            assert "secret" not in answer.text
            assert answer.json()["id"] == answer.headers["x-request-id"] == "request-4711"
            assert "request-4711" in caplog.text


async def test_without_the_database_everything_says_so(settings: Settings, new_client: NewClient, app: FastAPI) -> None:
    house: House = app.state.house
    nowhere = engine(f"postgresql+asyncpg://huanjian:x@127.0.0.1:{free_port()}/huanjian")
    app.state.house = House(house.settings, sessions(nowhere), house.temporal)
    async with new_client("hj_key") as client:
        answer = await client.get("/v1/orders")
        ready = await client.get("/readyz")
    await nowhere.dispose()
    assert (answer.status_code, answer.json()["code"]) == (503, "database_unreachable")
    assert answer.headers["retry-after"] == str(problems.RETRY_AFTER)
    assert ready.status_code == 503
    assert ready.json() == {"database": "unreachable", "temporal": "unreachable", "mailbox": "not_set"}


async def test_a_connection_that_breaks_is_the_databases_fault(staff: Staff) -> None:
    await staff.get("agent", "/v1/orders")
    async with staff.sessions() as session:
        await session.execute(
            text(
                "select pg_terminate_backend(pid) from pg_stat_activity"
                " where datname = current_database() and pid <> pg_backend_pid()"
            )
        )
    headers = {"Authorization": "Bearer hj_x"}
    broken = await staff.client.get("/v1/orders", headers=headers)
    assert (broken.status_code, broken.json()["code"]) == (503, "database_unreachable")
    again = await staff.client.get("/v1/orders", headers=headers)
    assert again.status_code == 401


@pytest.mark.parametrize("host", ["127.0.0.1", "nowhere.invalid"])
async def test_a_database_that_goes_away_between_two_transactions_says_so(host: str) -> None:
    app, gone = create_app(), engine(f"postgresql+asyncpg://huanjian:x@{host}:{free_port()}/huanjian")

    @app.get("/v1/second-half")
    async def second_half() -> None:
        async with sessions(gone)() as session:
            await session.execute(text("select 1"))

    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=ORIGIN) as client:
        answer = await client.get("/v1/second-half")
    await gone.dispose()
    assert (answer.status_code, answer.json()["code"]) == (503, "database_unreachable")
    assert answer.headers["retry-after"] == str(problems.RETRY_AFTER)


async def test_a_problems_type_leads_to_its_kind(client: httpx.AsyncClient) -> None:
    address, _, code = (await client.get("/v1/orders")).json()["type"].partition("#")
    kinds = {kind["code"]: kind for kind in (await client.get(address)).json()}
    assert kinds[code]["status"] == 401
    assert kinds.keys() == CATALOGUE.keys()


async def test_browsers_are_told_to_be_careful(client: httpx.AsyncClient) -> None:
    headers = (await client.get("/healthz")).headers
    assert headers["content-security-policy"].startswith("default-src 'self';")
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert "unsafe" not in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"
    assert re.fullmatch("[0-9a-f]{32}", headers["x-request-id"])


def test_the_catalogue_speaks_both_languages() -> None:
    for code, kind in CATALOGUE.items():
        assert 400 <= kind.status < 600, code
        assert not re.search("[一-鿿]", kind.en), code
        assert re.search("[一-鿿]", kind.zh), code


async def test_the_description_is_enough_for_a_client_generator(client: httpx.AsyncClient) -> None:
    described = (await client.get("/v1/openapi.json")).json()
    operations = [
        (path, method, operation)
        for path, methods in described["paths"].items()
        for method, operation in methods.items()
    ]
    ids = [operation["operationId"] for *_, operation in operations]
    assert len(ids) == len(set(ids)) > 25
    for path, method, operation in operations:
        success = [code for code in operation["responses"] if code.startswith("2")]
        assert success, (path, method)
        if path.startswith("/v1") and method == "get":
            assert "500" in operation["responses"]
            assert MEDIA_TYPE in operation["responses"]["500"]["content"]
        for code, answer in operation["responses"].items():
            if code.startswith(("4", "5")) and path.startswith("/v1"):
                assert list(answer["content"]) == [MEDIA_TYPE], (path, method, code)
    decide = described["paths"]["/v1/orders/{number}/decisions"]["post"]
    assert {"409", "403", "422", "503", "400", "401", "404"} <= set(decide["responses"])
    assert {"name": "Idempotency-Key", "in": "header", "required": True}.items() <= {
        key: value for parameter in decide["parameters"] for key, value in parameter.items()
    }.items()
    assert decide["requestBody"]["content"]["application/json"]["schema"]["discriminator"]["propertyName"] == "action"
    assert decide["security"] == [{"APIKey": []}, {"Session": [], "CSRF": []}]
    assert {"APIKey", "Session", "CSRF"} == set(described["components"]["securitySchemes"])
    order = described["components"]["schemas"]["OrderAnswer"]["properties"]
    assert not {"tracking_token", "state"} & order.keys()
    json.dumps(described, allow_nan=False)
