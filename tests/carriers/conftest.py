from collections.abc import AsyncIterator, Iterator

import httpx
import pytest

from carriers.accounts import open_carriers
from carriers.protocol import Carrier
from carriers.server.app import create_app
from carriers.server.kuaidi import Options
from tests.carriers.serving import Inbox, Remote, account, serving


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A carrier that may be asked at any time; its parcels take their time unless a test hurries them."""
    folder = tmp_path_factory.mktemp("carrier")
    options = Options(folder, leg_seconds=60, query_seconds=0, retry_seconds=0.05)
    with serving(create_app(options)) as url:
        yield url


@pytest.fixture(scope="session")
async def http() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient() as http:
        yield http


@pytest.fixture
async def remote(server: str, http: httpx.AsyncClient) -> AsyncIterator[Remote]:
    remote = Remote(server, http)
    yield remote
    await remote.clear()


@pytest.fixture(scope="session")
async def carrier(server: str) -> AsyncIterator[Carrier]:
    async with open_carriers([account(server)]) as carriers:
        yield carriers["demo"]


@pytest.fixture(scope="session")
def inbox_server() -> Iterator[Inbox]:
    inbox = Inbox()
    with serving(inbox.app()) as url:
        inbox.url = url
        yield inbox


@pytest.fixture
def inbox(inbox_server: Inbox) -> Inbox:
    inbox_server.answers.clear()
    inbox_server.bodies.clear()
    return inbox_server
