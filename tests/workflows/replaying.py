"""What a test let happen happens again: every history of its house is replayed from the beginning."""

from collections.abc import AsyncIterator

from temporalio.client import WorkflowHistory
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.service import RPCError, RPCStatusCode
from temporalio.worker import Replayer

from database.documents import TABLES
from runtime.sandbox import workflow_runner
from runtime.temporal import document_workflow
from tests.workflows.house import House
from workflows.every import WORKFLOWS


async def replay(house: House) -> None:
    """As a worker does that has forgotten them all. Raises NondeterminismError."""
    replayer = Replayer(workflows=WORKFLOWS, data_converter=pydantic_data_converter, workflow_runner=workflow_runner())
    await replayer.replay_workflows(_histories(house), raise_on_replay_failure=True)


async def _histories(house: House) -> AsyncIterator[WorkflowHistory]:
    for table in TABLES.values():
        for document in await house.all(table):
            try:
                yield await house.client.get_workflow_handle(document_workflow(document.number)).fetch_history()
            except RPCError as error:
                if error.status is not RPCStatusCode.NOT_FOUND:  # written in the test, and never begun
                    raise
