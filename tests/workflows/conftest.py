"""Workflows on a server that skips time, or on the real one with hasty clocks; a real database behind them."""

import shutil
import sysconfig
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from random import randrange
from secrets import token_hex
from typing import Any

import pytest
from temporalio.testing import WorkflowEnvironment
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner

from database.policies import enter, newest
from database.reference import policies
from database.session import Sessions
from database.tables import NumberSeries
from domain.policy import ClockRule, Policy
from domain.stages import Role
from domain.waiting import Clock
from domain.working_time import SpedUp
from runtime.search_attributes import SEARCH_ATTRIBUTES
from runtime.settings import Settings
from tests.workflows.house import House, open_house, register_search_attributes
from tests.workflows.order_in_the_house import disorder
from tests.workflows.replaying import replay
from tests.workflows.week import OFFICE

FORGETFUL = (
    "test_audit", "test_judgement", "test_purchasing", "test_revisit", "test_sourcing", "test_transport",
)  # fmt: skip
DAY = 1.0
"""How many seconds a working day of the hasty policy lasts."""


@pytest.fixture(scope="session", autouse=True)
def workflows_are_checked_once() -> Iterator[None]:
    """Each worker looks whether its workflows fit into the sandbox when it is built, and each test builds workers."""
    check, checked = SandboxedWorkflowRunner.prepare_workflow, set[type]()

    def check_once(runner: SandboxedWorkflowRunner, workflow: Any) -> None:
        if workflow.cls not in checked:
            check(runner, workflow)
            checked.add(workflow.cls)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(SandboxedWorkflowRunner, "prepare_workflow", check_once)
        yield


def binary(name: str) -> str | None:
    return shutil.which(name, path=sysconfig.get_path("scripts"))


def settings(cached: int = 1_000) -> Settings:
    return Settings(task_queue=f"test-{token_hex(4)}", cached_workflows=cached, database_connections=10)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Some files' tests run once more with a worker that forgets: it replays each workflow at each of its tasks."""
    if "house" in metafunc.fixturenames and metafunc.module.__name__.rpartition(".")[2] in FORGETFUL:
        metafunc.parametrize("cached_workflows", [1_000, 0], ids=["remembered", "forgotten"], indirect=True)


@pytest.fixture
def cached_workflows(request: pytest.FixtureRequest) -> int:
    """How many workflows the worker keeps in its memory."""
    return int(getattr(request, "param", 1_000))


@pytest.fixture
async def time_skipping() -> AsyncIterator[WorkflowEnvironment]:
    server = binary("temporal-test-server")
    async with await WorkflowEnvironment.start_time_skipping(test_server_existing_path=server) as env:
        await register_search_attributes(env.client)
        yield env


@pytest.fixture
async def house(time_skipping: WorkflowEnvironment, sessions: Sessions, cached_workflows: int) -> AsyncIterator[House]:
    async with sessions() as session:
        policy = await newest(session, "standard")
    async with open_house(time_skipping, sessions, settings(cached_workflows), policy) as opened:
        yield opened
    if cached_workflows:  # who keeps nothing has replayed all of it before each task
        await replay(opened)
    assert await disorder(sessions) == []


@asynccontextmanager
async def dev_server() -> AsyncIterator[WorkflowEnvironment]:
    async with await WorkflowEnvironment.start_local(
        dev_server_existing_path=binary("temporal"),
        search_attributes=list(SEARCH_ATTRIBUTES),
        dev_server_log_level="never",
    ) as env:
        yield env


@pytest.fixture(scope="session")
async def real_server() -> AsyncIterator[WorkflowEnvironment]:
    async with dev_server() as env:
        yield env


@asynccontextmanager
async def open_real_house(env: WorkflowEnvironment, sessions: Sessions) -> AsyncIterator[House]:
    policy = hasty()
    today = (await env.get_current_time()).astimezone(OFFICE).date()
    async with sessions.begin() as session:
        await enter(session, policy, Role.ADMINISTRATOR)
        session.add_all(NumberSeries(prefix=kind, day=today, last=randrange(10_000, 900_000)) for kind in ("RO", "PO"))
    async with open_house(env, sessions, settings(), policy) as opened:
        yield opened
    await replay(opened)
    assert await disorder(sessions) == []


@pytest.fixture
async def real_house(real_server: WorkflowEnvironment, sessions: Sessions) -> AsyncIterator[House]:
    """Its working days last a second. The server is shared by tests: the house counts its documents from elsewhere."""
    async with open_real_house(real_server, sessions) as opened:
        yield opened


@pytest.fixture
async def lone_house(sessions: Sessions) -> AsyncIterator[House]:
    """One with a real server for itself, where the engine knows no other documents."""
    async with dev_server() as env, open_real_house(env, sessions) as opened:
        yield opened


def hasty() -> Policy:
    """The demonstration's policy in a hurry; what is late is lost the day after."""
    [demo] = [policy for policy in policies() if policy.name == "demo"]
    alarms = [{"action": "late"}, {"action": "declare_lost", "then": "1 day"}]
    delivery = ClockRule.model_validate({"due": "2 days", "alarms": alarms})
    return demo.model_copy(
        update={
            "name": "hasty",
            "calendar": SpedUp(kind="sped_up", day_seconds=DAY),
            "clocks": {**demo.clocks, Clock.DELIVERY: delivery},
        }
    )
