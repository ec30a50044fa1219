"""The Temporal of one machine, for real: ready means usable, and its state is a file."""

from pathlib import Path

import pytest
from temporalio.api.operatorservice.v1 import ListSearchAttributesRequest
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest
from temporalio.client import Client

from runtime import namespace
from runtime.embedded_temporal import embedded_temporal
from runtime.namespace import SearchAttributeTypeError, prepare_namespace
from runtime.ports import free_port
from runtime.processes import Processes
from runtime.search_attributes import DUE, SEARCH_ATTRIBUTES
from runtime.settings import Settings
from runtime.temporal import connect


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
    async with Processes(tmp_path, print) as processes:
        await processes.start(program)
        client = await connect(settings)
        await client.workflow_service.describe_namespace(DescribeNamespaceRequest(namespace="after-sales"))
        assert await attributes(client) == wanted
        other = DUE.for_keyword("Due")
        monkeypatch.setattr(namespace, "SEARCH_ATTRIBUTES", (other,))
        with pytest.raises(SearchAttributeTypeError, match="Due"):
            await prepare_namespace(client)
