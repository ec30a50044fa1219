"""What sets a company's system up from the command line."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

import cli
from database.accounts import Account, by_key, log_in
from database.session import Sessions

Huanjian = Callable[..., "asyncio.Future[Result]"]


@pytest.fixture
def huanjian(database_url: str, monkeypatch: pytest.MonkeyPatch) -> Huanjian:
    """The command line on a database of its own."""
    monkeypatch.setenv("HUANJIAN_DATABASE_URL", database_url)

    def call(*words: str, typed: str = "") -> "asyncio.Future[Result]":
        return asyncio.get_running_loop().run_in_executor(None, lambda: CliRunner().invoke(cli.app, words, input=typed))

    return call


async def test_a_folder_is_loaded_or_refused_in_one_line(huanjian: Huanjian, tmp_path: Path) -> None:
    (tmp_path / "warehouse.csv").write_text("code,service_centre,name_en,name_zh,address\nNB1,HZ,Ningbo,宁波,1\n")
    loaded = await huanjian("load", str(tmp_path))
    assert (loaded.exit_code, loaded.output) == (0, "warehouse 1\n")
    (tmp_path / "place.csv").write_text("code,warehouse,zone\nNB1/q,NB1,cellar\n")
    refused = await huanjian("load", str(tmp_path))
    assert refused.exit_code == 2
    assert refused.output == "nothing was loaded: place.csv line 2: zone can't be “cellar”\n"


async def test_a_password_is_given_and_lets_in(huanjian: Huanjian, sessions: Sessions) -> None:
    assert (await huanjian("password", "agent2", typed="correct horse\ncorrect horse\n")).exit_code == 0
    async with sessions() as session:
        visit = await log_in(session, "agent2", "correct horse", now=datetime.now(UTC), lifetime=timedelta(hours=1))
    assert visit is not None
    unknown = await huanjian("password", "nobody", typed="correct horse\ncorrect horse\n")
    assert unknown.exit_code == 2
    assert unknown.output.endswith("there is no user nobody\n")


async def test_a_key_is_told_once_and_revoked_by_its_label(huanjian: Huanjian, sessions: Sessions) -> None:
    key = (await huanjian("key", "agent", "shop")).output.strip()
    assert await _who(sessions, key) == "agent"
    assert (await huanjian("key", "agent", "shop", "--revoke")).output == "1 revoked\n"
    assert await _who(sessions, key) is None
    assert (await huanjian("key", "agent", "shop", "--revoke")).exit_code == 2
    unknown = await huanjian("key", "nobody", "shop")
    assert (unknown.exit_code, unknown.output) == (2, "there is no user nobody\n")


async def _who(sessions: Sessions, key: str) -> str | None:
    async with sessions() as session:
        account: Account | None = await by_key(session, key)
    return account.code if account else None
