from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from carriers.server.app import create_app as create_carrier
from carriers.server.kuaidi import Options
from messaging.mail import MailAccount
from messaging.server.app import create_app
from messaging.server.post import Post
from messaging.sms import SmsAccount
from runtime.ports import free_port
from tests.carriers.serving import serving


@dataclass
class MailServer:
    """The mail test server: its SMTP port, its page, and its folder."""

    port: int
    url: str
    post: Post

    @property
    def account(self) -> MailAccount:
        return MailAccount("127.0.0.1", self.port, "service@huanjian.example", "换件服务 Huanjian")

    def mails(self) -> list[Any]:
        """The oldest first."""
        return [*self.post.mails()][::-1]


@pytest.fixture
def mail_server(tmp_path: Path) -> Iterator[MailServer]:
    post, port = Post(tmp_path / "mails"), free_port()
    with serving(create_app(post, "127.0.0.1", port)) as url:
        yield MailServer(port, url, post)


@pytest.fixture(scope="session")
def sms_account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SmsAccount]:
    with serving(create_carrier(Options(tmp_path_factory.mktemp("carrier")))) as url:
        yield SmsAccount(url, "DEMO", "demo-key", "换件")


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient() as client:
        yield client
