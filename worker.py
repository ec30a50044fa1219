"""One worker process: settings, client, worker, and a clean end on SIGTERM."""

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import structlog
from sqlalchemy import select
from temporalio.client import (
    Client,
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleAlreadyRunningError,
    ScheduleIntervalSpec,
    ScheduleOverlapPolicy,
    SchedulePolicy,
    ScheduleSpec,
)
from temporalio.common import WorkflowIDConflictPolicy
from temporalio.worker import Worker

import activities
from activities.carriers import Carriers
from database.notices import enter_shipped
from database.session import Sessions, engine, sessions
from database.tables import CarrierAccount
from runtime.logging import configure_logging
from runtime.settings import Settings
from runtime.temporal import MetricsPortTaken, connect, watcher_workflow, work_then_rest, worker_config
from workflows.cost_analysis import CostAnalysis
from workflows.every import WORKFLOWS
from workflows.expiries import Expiries
from workflows.mailbox_reader import MailboxReader
from workflows.message_sender import MessageSender
from workflows.parcel_watcher import ParcelWatcher
from workflows.supplier_review import SupplierReview
from workflows.sweep import Sweep
from workflows.upkeep import DueWork, StockLevels

SWEEP = "sweep"
COSTS, COSTS_EVERY = "cost-analysis", timedelta(hours=1)
REVIEWS, REVIEWS_EVERY = "supplier-review", timedelta(days=1)
EXPIRIES, EXPIRIES_EVERY = "supplier-expiries", timedelta(days=1)
MAILBOX = "mailbox-reader"
SENDER = "message-sender"
DUE_WORK = "due-work"
STOCK_LEVELS = "stock-levels"


@asynccontextmanager
async def running_worker(settings: Settings, client: Client) -> AsyncIterator[Worker]:
    """A worker at work; left, it takes no more tasks and lets running ones end within the grace time."""
    pool = engine(settings.database, settings.database_connections)
    carriers = Carriers()
    try:
        async with build(settings, client, sessions(pool), carriers) as worker:
            yield worker
    finally:
        await carriers.aclose()
        await pool.dispose()


def build(settings: Settings, client: Client, sessions: Sessions, carriers: Carriers) -> Worker:
    return Worker(
        client,
        task_queue=settings.task_queue,
        workflows=WORKFLOWS,
        activities=activities.build(settings, sessions, client, carriers),
        **worker_config(settings),
    )


async def start_standing_work(settings: Settings, client: Client, sessions: Sessions) -> None:
    """What always runs: a watcher for every carrier account that can be asked, whoever sends messages, the sweep, the
    analysis of costs, the review of suppliers, the look at what of theirs runs out, and the looks at the warehouses.
    The words of messages that came with the program are there from then on."""
    async with sessions.begin() as session:
        await enter_shipped(session)
    async with sessions() as session:
        accounts = (await session.scalars(select(CarrierAccount.code).where(CarrierAccount.kind != "manual"))).all()
    for account in accounts:
        await client.start_workflow(
            ParcelWatcher.run,
            account,
            id=watcher_workflow(account),
            task_queue=settings.task_queue,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            static_summary=f"包裹跟踪 {account}",
        )
    await client.start_workflow(
        MessageSender.run,
        id=SENDER,
        task_queue=settings.task_queue,
        id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
        static_summary="消息发送",
    )
    if settings.mailbox_host:
        await client.start_workflow(
            MailboxReader.run,
            id=MAILBOX,
            task_queue=settings.task_queue,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            static_summary="来信",
        )
    else:
        structlog.get_logger(__name__).info("no mailbox is set: no mail is read")
    await _schedule(settings, client, SWEEP, Sweep.run, timedelta(minutes=settings.sweep_minutes))
    await _schedule(settings, client, COSTS, CostAnalysis.run, COSTS_EVERY)
    await _schedule(settings, client, DUE_WORK, DueWork.run, timedelta(minutes=settings.due_minutes), at_once=False)
    await _schedule(
        settings, client, STOCK_LEVELS, StockLevels.run, timedelta(hours=settings.levels_hours), at_once=False
    )
    await _schedule(settings, client, REVIEWS, SupplierReview.run, REVIEWS_EVERY)
    await _schedule(settings, client, EXPIRIES, Expiries.run, EXPIRIES_EVERY)


async def _schedule(
    settings: Settings, client: Client, name: str, workflow: Any, every: timedelta, *, at_once: bool = True
) -> None:
    """What runs every so often; and once more now if `at_once`, whatever this worker comes back from."""
    schedule = Schedule(
        action=ScheduleActionStartWorkflow(workflow, id=name, task_queue=settings.task_queue),
        spec=ScheduleSpec(intervals=[ScheduleIntervalSpec(every=every)]),
        policy=SchedulePolicy(overlap=ScheduleOverlapPolicy.SKIP),
    )
    try:
        await client.create_schedule(name, schedule, trigger_immediately=at_once)
    except ScheduleAlreadyRunningError:
        if at_once:
            await client.get_schedule_handle(name).trigger()


async def main() -> None:
    settings = Settings()
    configure_logging(settings)
    log = structlog.get_logger(__name__)
    stop = asyncio.Event()
    for signal_number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(signal_number, stop.set)
    try:
        client = await connect(settings, metrics=True)
    except MetricsPortTaken as error:
        log.error(f"{error}; choose another with HUANJIAN_METRICS_PORT, or 0 for none")
        raise SystemExit(2) from error
    except RuntimeError as error:
        log.error("Temporal can't be reached", temporal=settings.temporal, error=str(error))
        raise SystemExit(1) from error
    async with running_worker(settings, client):
        pool = engine(settings.database, 1)
        await start_standing_work(settings, client, sessions(pool))
        await pool.dispose()
        log.info("worker started", task_queue=settings.task_queue, temporal=settings.temporal)
        await stop.wait()
        log.info("worker stops", grace_seconds=settings.grace_seconds)
    log.info("worker stopped")


if __name__ == "__main__":
    work_then_rest(main())
