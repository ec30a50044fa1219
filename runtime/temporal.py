"""How every process talks to Temporal: one client, one data converter, one place for workflow ids."""

import asyncio
import logging
from collections.abc import Coroutine
from datetime import timedelta
from typing import Any, TypeVar

from temporalio.client import Client
from temporalio.common import (
    Priority,
    SearchAttributePair,
    TypedSearchAttributes,
    WorkflowIDConflictPolicy,
    WorkflowIDReusePolicy,
)
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.runtime import (
    LogForwardingConfig,
    LoggingConfig,
    PrometheusConfig,
    Runtime,
    TelemetryConfig,
    TelemetryFilter,
)
from temporalio.worker import PollerBehaviorAutoscaling

from domain.documents import kind_of
from domain.messages import DocumentState, OrderState
from runtime.sandbox import workflow_runner
from runtime.search_attributes import DUE, PRIORITY, SERVICE_CENTRE, STAGE, WAITING_FOR
from runtime.service import begin_service, new_loop
from runtime.settings import Settings

T = TypeVar("T")

UPDATE_TIMEOUT = timedelta(seconds=8)
"""How long a person waits for the answer to a decision."""
TASK_TIMEOUT = timedelta(seconds=5)
"""How long a document's task may be at a worker, with the commit in it, before the worker counts as dead."""
STICKY_TIMEOUT = timedelta(seconds=3)
"""How long a task waits for the worker that has its document in memory, before any may have it."""


def document_workflow(number: str) -> str:
    """The id of a document's workflow, whatever kind of document it is."""
    return f"{kind_of(number).folder}/{number}"


def order_workflow(number: str) -> str:
    return f"replacement-order/{number}"


def purchase_workflow(number: str) -> str:
    return f"purchase-order/{number}"


def watcher_workflow(account: str) -> str:
    return f"parcel-watcher/{account}"


def run_then_rest(main: Coroutine[Any, Any, T]) -> T:
    """Like `asyncio.run`, for a process with a client: the SDK's threads come to rest before the interpreter goes,
    which they may abort otherwise, however `main` ended."""
    return asyncio.run(_and_rest(main))


def work_then_rest(main: Coroutine[Any, Any, T]) -> T:
    """As `run_then_rest`, for a process that works all day and starts no others."""
    begin_service()
    with asyncio.Runner(loop_factory=new_loop) as runner:
        return runner.run(_and_rest(main))


async def _and_rest(main: Coroutine[Any, Any, T]) -> T:
    try:
        return await main
    finally:
        await asyncio.sleep(0.3)


class MetricsPortTaken(RuntimeError):
    """The port for the SDK's metrics is in use."""


async def connect(settings: Settings, *, metrics: bool = False, lazy: bool = False) -> Client:
    """A client for the settings' server; `metrics` serves the SDK's own on the metrics port.

    Raises RuntimeError if nobody answers, MetricsPortTaken.
    """
    return await Client.connect(
        settings.temporal,
        namespace=settings.temporal_namespace,
        data_converter=pydantic_data_converter,
        runtime=_runtime(settings.host, settings.metrics_port) if metrics else None,
        lazy=lazy,
    )


def _runtime(host: str, metrics_port: int) -> Runtime:
    """The SDK's core writes to our log, so that every line of a worker has one form."""
    core = LoggingConfig(
        TelemetryFilter(core_level="WARN", other_level="ERROR"),
        forwarding=LogForwardingConfig(logging.getLogger("temporalio.core"), append_log_fields_to_message=False),
    )
    address = f"{host}:{metrics_port}"
    metrics = PrometheusConfig(bind_address=address, durations_as_seconds=True) if metrics_port else None
    try:
        return Runtime(telemetry=TelemetryConfig(logging=core, metrics=metrics))
    except ValueError as error:
        raise MetricsPortTaken(f"metrics can't be served on {address}: {error}") from error


def worker_config(settings: Settings) -> dict[str, Any]:
    """How every worker works, whatever it works on.

    Tasks of workflows that it does not know are asked for by as many polls as there are tasks for, not by one poll in
    five: a crowd that begins, or all of a worker that died, would wait in line there.
    """
    return {
        "workflow_runner": workflow_runner(),
        "workflow_task_poller_behavior": PollerBehaviorAutoscaling(),
        "sticky_queue_schedule_to_start_timeout": STICKY_TIMEOUT,
        "max_cached_workflows": settings.cached_workflows,
        "max_concurrent_workflow_tasks": settings.workflow_slots,
        "max_concurrent_activities": settings.activity_slots,
        "max_concurrent_local_activities": settings.local_activity_slots,
        "graceful_shutdown_timeout": timedelta(seconds=settings.grace_seconds),
    }


def search_attributes(state: DocumentState) -> TypedSearchAttributes:
    """What a document is found by in Temporal's UI."""
    pairs: list[SearchAttributePair[Any]] = [SearchAttributePair(STAGE, str(state.stage))]
    if state.wait:
        pairs += [SearchAttributePair(WAITING_FOR, str(state.wait.owner)), SearchAttributePair(DUE, state.wait.due)]
    if isinstance(state, OrderState):
        pairs += [
            SearchAttributePair(SERVICE_CENTRE, state.service_centre),
            SearchAttributePair(PRIORITY, "urgent" if state.urgent else "normal"),
        ]
    return TypedSearchAttributes(pairs)


async def start_document(client: Client, task_queue: str, state: DocumentState, *, again: bool = False) -> None:
    """Starts a document's workflow. One that runs is left alone; one that failed begins anew; one that ran to its end
    does so only `again`, when it is known that it ended too early."""
    kind = kind_of(state.number)
    try:
        await client.start_workflow(
            kind.workflow,
            state,
            id=document_workflow(state.number),
            task_queue=task_queue,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE
            if again
            else WorkflowIDReusePolicy.ALLOW_DUPLICATE_FAILED_ONLY,
            search_attributes=search_attributes(state),
            static_summary=f"{kind.name_zh} {state.number}",
            task_timeout=TASK_TIMEOUT,
            priority=Priority(priority_key=1 if isinstance(state, OrderState) and state.urgent else 3),
            rpc_timeout=UPDATE_TIMEOUT,
        )
    except WorkflowAlreadyStartedError:
        return
