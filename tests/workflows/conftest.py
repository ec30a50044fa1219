"""Workflows on a server that skips time, with a real database behind them."""

import os
import shutil
import sysconfig
from collections.abc import AsyncIterator

import pytest
from temporalio.testing import WorkflowEnvironment

from database.policies import newest
from database.session import Sessions
from runtime.settings import Settings
from tests.workflows.house import TASK_QUEUE, House, open_house
from tests.workflows.order_in_the_house import disorder


@pytest.fixture
async def time_skipping() -> AsyncIterator[WorkflowEnvironment]:
    binary = shutil.which("temporal-test-server", path=sysconfig.get_path("scripts"))
    async with await WorkflowEnvironment.start_time_skipping(test_server_existing_path=binary) as env:
        yield env


@pytest.fixture
async def house(time_skipping: WorkflowEnvironment, sessions: Sessions) -> AsyncIterator[House]:
    cached = int(os.environ.get("HUANJIAN_TEST_CACHED_WORKFLOWS", "1000"))
    settings = Settings(task_queue=TASK_QUEUE, cached_workflows=cached, database_connections=10)
    async with sessions() as session:
        policy = await newest(session, "standard")
    async with open_house(time_skipping, sessions, settings, policy) as opened:
        yield opened
    assert await disorder(sessions) == []
