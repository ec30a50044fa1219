"""A step while PostgreSQL is away: neither the decision nor the order is lost."""

import shutil
import sysconfig
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from temporalio import activity
from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest
from temporalio.client import WorkflowExecutionStatus
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

from domain.messages import Decide, Decided, OrderState, Step
from domain.stages import Action, Role, Stage
from domain.waiting import Alarm, Clock, Wait
from runtime.sandbox import workflow_runner
from runtime.search_attributes import SEARCH_ATTRIBUTES
from runtime.temporal import order_workflow, start_document
from workflows.replacement_order import ReplacementOrder

TASK_QUEUE = "away"


@pytest.fixture
async def env() -> AsyncIterator[WorkflowEnvironment]:
    binary = shutil.which("temporal-test-server", path=sysconfig.get_path("scripts"))
    async with await WorkflowEnvironment.start_time_skipping(
        test_server_existing_path=binary, data_converter=pydantic_data_converter
    ) as started:
        kinds = {key.name: IndexedValueType.ValueType(int(key.indexed_value_type)) for key in SEARCH_ATTRIBUTES}
        await started.client.operator_service.add_search_attributes(
            AddSearchAttributesRequest(namespace=started.client.namespace, search_attributes=kinds)
        )
        yield started


def received(number: str) -> OrderState:
    now = datetime.now(UTC)
    wait = Wait(
        clock=Clock.TAKE_UP,
        owner=Role.SERVICE_AGENT,
        since=now,
        due=now + timedelta(days=9),
        alarms=(Alarm(action=Action.ESCALATE, at=now + timedelta(days=9)),),
    )
    return OrderState(
        number=number,
        stage=Stage.RECEIVED,
        seq=0,
        round=0,
        entered_by="agent",
        service_centre="HZ",
        urgent=False,
        wait=wait,
    )


class PostgresAway:
    """PostgreSQL comes back after a while: too late for the quick commit, in time for the patient one."""

    def __init__(self) -> None:
        self.tries = 0

    @activity.defn
    async def commit_order(self, step: Step) -> OrderState:
        self.tries += 1
        if self.tries <= 5:
            raise ConnectionRefusedError("PostgreSQL is away")
        state = received(step.document)
        return state.model_copy(
            update={"stage": Stage.TRIAGE, "seq": step.seq, "action": step.action, "submission": step.submission}
        )


async def test_a_decision_outlasts_the_database_being_away(env: WorkflowEnvironment) -> None:
    postgres = PostgresAway()
    worker = Worker(
        env.client,
        task_queue=TASK_QUEUE,
        workflows=[ReplacementOrder],
        activities=[postgres.commit_order],
        workflow_runner=workflow_runner(),
    )
    async with worker:
        await start_document(env.client, TASK_QUEUE, received("RO-20261124-00015"))
        handle = env.client.get_workflow_handle(order_workflow("RO-20261124-00015"))
        decision = Decide(action=Action.TAKE, by="agent", role=Role.SERVICE_AGENT, submission=uuid4())
        answer = await handle.execute_update("decide", decision, result_type=Decided)
    assert (answer.stage, answer.seq) == ("triage", 1)
    assert (await handle.describe()).status is WorkflowExecutionStatus.RUNNING


async def test_an_open_document_whose_workflow_failed_is_started_anew(env: WorkflowEnvironment) -> None:
    number = "RO-20261124-00023"
    await start_document(env.client, TASK_QUEUE, received(number))
    handle = env.client.get_workflow_handle(order_workflow(number))
    await handle.terminate("as if it had failed")
    await start_document(env.client, TASK_QUEUE, received(number))
    assert (await handle.describe()).status is WorkflowExecutionStatus.RUNNING
