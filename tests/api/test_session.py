"""Who may come in: passwords, cookies, keys, and what keeps others out."""

import asyncio
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from pwdlib import PasswordHash
from sqlalchemy import select, update

from api.auth import COOKIE, CSRF_HEADER
from database import accounts
from database.accounts import LOCKED_FOR, WRONG_PASSWORDS
from database.reference import DEMO_PASSWORD
from database.session import Sessions
from database.tables import ApiKey, UserAccount, UserSession
from tests.api.conftest import NewClient, Staff, log_in


async def test_logging_in_gives_a_cookie_that_scripts_cant_read(client: httpx.AsyncClient) -> None:
    answer = await log_in(client, "agent")
    assert answer.status_code == 201
    assert answer.json()["roles"] == ["service_agent"]
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith(f"{COOKIE}=")
    assert {"HttpOnly", "SameSite=lax", "Path=/"} <= set(cookie.split("; "))
    assert "Secure" not in cookie
    me = await client.get("/v1/session")
    assert me.status_code == 200
    assert (me.json()["code"], me.json()["csrf"]) == ("agent", answer.json()["csrf"])


async def test_over_https_the_cookie_stays_there(new_client: NewClient) -> None:
    async with new_client(origin="https://huanjian.test") as client:
        assert "Secure" in (await log_in(client, "agent")).headers["set-cookie"].split("; ")


async def test_neither_password_nor_token_is_in_the_database(client: httpx.AsyncClient, sessions: Sessions) -> None:
    answer = await log_in(client, "agent")
    token = answer.cookies[COOKIE]
    async with sessions() as session:
        user = await session.get_one(UserAccount, "agent")
        [kept] = (await session.scalars(select(UserSession))).all()
    assert user.password_hash is not None
    assert user.password_hash.startswith("$argon2id$")
    assert token.encode() not in kept.token_hash


async def test_a_cookie_alone_changes_nothing(client: httpx.AsyncClient) -> None:
    csrf = (await log_in(client, "agent")).json()["csrf"]
    for wrong in ({}, {CSRF_HEADER: "wrong"}):
        refused = await client.delete("/v1/session", headers=wrong)
        assert (refused.status_code, refused.json()["code"]) == (403, "csrf_failed")
    assert (await client.delete("/v1/session", headers={CSRF_HEADER: csrf})).status_code == 204


async def test_logged_out_the_token_is_worth_nothing(client: httpx.AsyncClient) -> None:
    answer = await log_in(client, "agent")
    await client.delete("/v1/session", headers={CSRF_HEADER: answer.json()["csrf"]})
    client.cookies.set(COOKIE, answer.cookies[COOKIE])
    again = await client.get("/v1/session")
    assert (again.status_code, again.json()["code"]) == (401, "not_logged_in")


async def test_a_session_runs_out(client: httpx.AsyncClient, sessions: Sessions) -> None:
    await log_in(client, "agent")
    async with sessions.begin() as session:
        await session.execute(update(UserSession).values(expires_at=datetime.now(UTC)))
    assert (await client.get("/v1/session")).status_code == 401


async def test_somebody_who_left_is_out_at_once(client: httpx.AsyncClient, staff: Staff, sessions: Sessions) -> None:
    await log_in(client, "agent")
    async with sessions.begin() as session:
        await session.execute(update(UserAccount).where(UserAccount.code == "agent").values(active=False))
    assert (await client.get("/v1/session")).status_code == 401
    client.cookies.clear()
    assert (await staff.get("agent", "/v1/session")).status_code == 401
    assert (await log_in(client, "agent")).status_code == 401


@pytest.mark.parametrize("site", [{"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://elsewhere.example"}])
async def test_another_site_cant_log_people_in(client: httpx.AsyncClient, site: dict[str, str]) -> None:
    said = {"user": "agent", "password": DEMO_PASSWORD}
    refused = await client.post("/v1/session", json=said, headers=site)
    assert (refused.status_code, refused.json()["code"]) == (403, "csrf_failed")
    assert "set-cookie" not in refused.headers


async def test_wrong_password_and_unknown_user_look_alike(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In what is said, and in what it takes: a password is looked at each time."""
    checked = list[str]()

    def check(hasher: PasswordHash, password: str, kept: str) -> tuple[bool, str | None]:
        checked.append(cost(kept))
        return verify(hasher, password, kept)

    verify = PasswordHash.verify_and_update
    monkeypatch.setattr(PasswordHash, "verify_and_update", check)
    answers = [await log_in(client, user, "wrong") for user in ("agent", "nobody", "web")]  # `web` has no password
    assert {answer.status_code for answer in answers} == {401}
    assert len({answer.text for answer in answers}) == 1
    assert len(checked) == 3
    assert len(set(checked)) == 1


def test_nobodys_password_costs_as_much_as_anybodys(quick_passwords: tuple[PasswordHash, str]) -> None:
    hasher, nobodys = quick_passwords
    assert cost(nobodys) == cost(hasher.hash("secret"))


def cost(kept: str) -> str:
    """The kind of hash, and how much time and memory it takes."""
    return kept.rsplit("$", 2)[0]


async def test_guessing_locks_the_account_for_a_while(client: httpx.AsyncClient, sessions: Sessions) -> None:
    for _ in range(WRONG_PASSWORDS):
        await log_in(client, "agent", "wrong")
    assert (await log_in(client, "agent")).status_code == 401
    assert (await log_in(client, "auditor")).status_code == 201
    async with sessions.begin() as session:
        user = await session.get_one(UserAccount, "agent")
        assert user.locked_until is not None
        assert timedelta(0) < user.locked_until - datetime.now(UTC) <= LOCKED_FOR
        user.locked_until = datetime.now(UTC)
    assert (await log_in(client, "agent", "wrong")).status_code == 401
    assert (await log_in(client, "agent")).status_code == 201
    async with sessions() as session:
        user = await session.get_one(UserAccount, "agent")
        assert (user.failed_logins, user.locked_until) == (0, None)


async def test_the_lock_counts_tries_made_at_once(sessions: Sessions) -> None:
    async def wrong() -> None:
        async with sessions() as session:
            made = await accounts.log_in(session, "agent", "wrong", now=datetime.now(UTC), lifetime=timedelta(hours=1))
            assert made is None

    await asyncio.gather(*(wrong() for _ in range(2 * WRONG_PASSWORDS)))
    async with sessions() as session:
        user = await session.get_one(UserAccount, "agent")
        assert user.failed_logins == WRONG_PASSWORDS


async def test_a_revoked_key_opens_nothing(client: httpx.AsyncClient, staff: Staff, sessions: Sessions) -> None:
    async with sessions.begin() as session:
        key = await accounts.create_key(session, "web", "web form")
    headers = {"Authorization": f"Bearer {key}"}
    assert (await client.get("/v1/session", headers=headers)).json()["code"] == "web"
    async with sessions.begin() as session:
        await session.execute(update(ApiKey).values(revoked_at=datetime.now(UTC)))
    assert (await client.get("/v1/session", headers=headers)).status_code == 401


async def test_a_key_needs_no_csrf_and_a_wrong_one_no_cookie_helps(client: httpx.AsyncClient) -> None:
    await log_in(client, "agent")
    assert (await client.get("/v1/session", headers={"Authorization": "Bearer hj_wrong"})).status_code == 401
