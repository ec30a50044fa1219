"""The Temporal of one machine, for real: ready means usable, and its state is a file."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from temporalio.api.operatorservice.v1 import ListSearchAttributesRequest
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest
from temporalio.client import Client
from temporalio.common import SearchAttributePair, TypedSearchAttributes

from runtime import namespace
from runtime.embedded_temporal import embedded_temporal
from runtime.namespace import SearchAttributeTypeError, prepare_namespace
from runtime.ports import free_port
from runtime.processes import Processes
from runtime.search_attributes import DUE, SEARCH_ATTRIBUTES, STAGE
from runtime.settings import Settings
from runtime.temporal import connect

STAGES = TypedSearchAttributes([SearchAttributePair(STAGE, "triage")])


async def attributes(client: Client) -> dict[str, int]:
    request = ListSearchAttributesRequest(namespace=client.namespace)
    return dict((await client.operator_service.list_search_attributes(request)).custom_attributes)


async def test_namespace_and_search_attributes_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = Settings(temporal_port=free_port(), temporal_ui_port=free_port(), temporal_namespace="after-sales")
    program = embedded_temporal(tmp_path, settings.temporal_port, settings.temporal_ui_port)
    wanted = {key.name: int(key.indexed_value_type) for key in SEARCH_ATTRIBUTES}
    async with Processes(tmp_path, print) as processes:
        await processes.start(program)
        client = await connect(settings)
        for _ in range(2):
            await prepare_namespace(client)
            assert await attributes(client) == wanted
            # known wherever they are asked for, at once
            await client.start_workflow("Any", id="first", task_queue="nobody", search_attributes=STAGES)
            await client.get_workflow_handle("first").terminate()
    async with Processes(tmp_path, print) as processes:
        await processes.start(program)
        client = await connect(settings)
        await client.workflow_service.describe_namespace(DescribeNamespaceRequest(namespace="after-sales"))
        assert await attributes(client) == wanted
        other = DUE.for_keyword("Due")
        monkeypatch.setattr(namespace, "SEARCH_ATTRIBUTES", (other,))
        with pytest.raises(SearchAttributeTypeError, match="Due"):
            await prepare_namespace(client)


async def test_its_state_survives_a_loss_of_power(tmp_path: Path) -> None:
    """Every commit is flushed to the disk, once."""
    program = embedded_temporal(tmp_path, free_port(), free_port())
    async with Processes(tmp_path, print) as processes:
        await processes.start(program)
        with closing(sqlite3.connect(tmp_path / "temporal.db")) as state:
            assert state.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert "synchronous=full" in program.command
