"""Makes Temporal ready for the project: its namespace, and the search attributes from the one list.

`python -m runtime.namespace` does it for the Temporal the settings name. Doing it again changes nothing.
"""

import asyncio
from datetime import timedelta

from google.protobuf.duration_pb2 import Duration
from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest, ListSearchAttributesRequest
from temporalio.api.workflowservice.v1 import RegisterNamespaceRequest
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from runtime.search_attributes import SEARCH_ATTRIBUTES
from runtime.settings import Settings
from runtime.temporal import connect, run_then_rest

RETENTION = timedelta(days=30)


class SearchAttributeTypeError(Exception):
    """A search attribute exists with another type. Temporal would take the registration and ignore it."""


async def prepare_namespace(client: Client) -> None:
    """Registers what is missing in the client's namespace. Raises SearchAttributeTypeError, RPCError."""
    retention = Duration(seconds=int(RETENTION.total_seconds()))
    request = RegisterNamespaceRequest(namespace=client.namespace, workflow_execution_retention_period=retention)
    try:
        await client.workflow_service.register_namespace(request)
    except RPCError as error:
        if error.status is not RPCStatusCode.ALREADY_EXISTS:
            raise
    while True:
        try:
            return await _register_search_attributes(client)
        except RPCError as error:
            # A new namespace stays unknown to parts of the server for a moment.
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
        await asyncio.sleep(0.2)


async def _register_search_attributes(client: Client) -> None:
    service, namespace = client.operator_service, client.namespace
    wanted = {key.name: int(key.indexed_value_type) for key in SEARCH_ATTRIBUTES}
    answer = await service.list_search_attributes(ListSearchAttributesRequest(namespace=namespace))
    there = dict(answer.custom_attributes)
    if other := [name for name, kind in wanted.items() if there.get(name, kind) != kind]:
        raise SearchAttributeTypeError(f"{', '.join(other)} exist with another type in {namespace}")
    if missing := {name: kind for name, kind in wanted.items() if name not in there}:
        await service.add_search_attributes(
            AddSearchAttributesRequest(namespace=namespace, search_attributes=missing)  # type: ignore[arg-type]
        )
    await _until_known(client)


async def _until_known(client: Client) -> None:
    """New search attributes stay unknown to parts of the server for two seconds, and so would whatever has them."""
    while True:
        try:
            await client.count_workflows(" OR ".join(f"{key.name} IS NULL" for key in SEARCH_ATTRIBUTES))
        except RPCError as error:
            if error.status is not RPCStatusCode.INVALID_ARGUMENT:
                raise
        else:
            return
        await asyncio.sleep(0.2)


async def main() -> None:
    await prepare_namespace(await connect(Settings()))


if __name__ == "__main__":
    run_then_rest(main())
