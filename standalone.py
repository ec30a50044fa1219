"""The whole system on one machine, in the foreground: `python standalone.py` or `huanjian run`."""

import asyncio
import json
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from io import TextIOWrapper
from typing import Final

import httpx
from pydantic import Field, SecretStr, ValidationError
from rich.console import Console
from rich.table import Table
from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest

import demonstration
from database.migrate import migrate
from database.reference import DEMO_USERS, TEST_CARRIER, TEST_KEY, seed
from database.session import engine, sessions
from domain.stages import Refusal
from runtime.embedded_postgres import EmbeddedPostgres
from runtime.embedded_temporal import embedded_temporal
from runtime.home import HomeUnusableError, claimed, make_secret
from runtime.namespace import prepare_namespace
from runtime.ports import PortUnusableError, listening, require_free
from runtime.processes import Processes, ProcessFailedError, Program
from runtime.settings import LOOPBACK, Settings, mail_key_file
from runtime.temporal import connect, run_then_rest
from runtime.terminal import foreground

KEPT_ALIVE: Final = ("--timeout-keep-alive", "75")
"""Seconds, longer than proxies and clients keep a connection at rest: none sends a request into one being closed."""
console = Console(highlight=False, soft_wrap=True)


class StandaloneSettings(Settings):
    """The settings, and what only a standalone system has."""

    demonstration: bool = Field(True, description="Play the orders of the demonstration, then go on serving.")
    carrier_leg_seconds: float = Field(1.0, gt=0, description="Time between two scans of the carrier test server.")


async def serve(settings: StandaloneSettings) -> None:
    """Starts the parts one after the other and serves until it is cancelled; leaves them in reverse order.

    Raises HomeUnusableError, PortUnusableError, ProcessFailedError.
    """
    with claimed(settings.home):
        async with Processes(settings.home, report=say) as processes:
            require_free(ports(settings))
            await bring_up(settings, processes)
            show_addresses(settings)
            if settings.demonstration:
                await demonstration.play(settings)
            say("Serving; Ctrl-C stops everything.")
            await asyncio.Event().wait()


async def bring_up(settings: StandaloneSettings, processes: Processes, worker_module: str = "worker") -> None:
    """Starts every part and returns when the last one is ready. Raises ProcessFailedError."""
    if settings.mail_key is None:
        make_secret(mail_key_file(settings.home))
    if settings.database_url is None:
        postgres = EmbeddedPostgres(settings.home, settings.postgres_port)
        with step("PostgreSQL"):
            await postgres.create()
            await processes.start(postgres.program())
    with step("database schema and reference data"):
        await migrate(settings.database)
        database = engine(settings.database, connections=1)
        await seed(sessions(database), settings)
        await database.dispose()
    if settings.temporal_address is None:
        with step("Temporal"):
            temporal = embedded_temporal(settings.home, settings.temporal_port, settings.temporal_ui_port)
            await processes.start(temporal)
    with step("namespace and search attributes"):
        await prepare_namespace(await connect(settings))
    for program in (
        carrier_server(settings),
        *mail_server(settings),
        await worker(settings, worker_module),
        api(settings),
    ):
        with step(program.name):
            await processes.start(program)


def ports(settings: StandaloneSettings) -> Iterator[tuple[str, str, int]]:
    """Every port the system listens on: setting, address, number."""
    yield "api_port", settings.host, settings.api_port
    yield "carrier_port", LOOPBACK, settings.carrier_port
    if settings.smtp_host is None:
        yield "mail_port", LOOPBACK, settings.mail_port
        yield "mail_page_port", LOOPBACK, settings.mail_page_port
    if settings.database_url is None:
        yield "postgres_port", LOOPBACK, settings.postgres_port
    if settings.temporal_address is None:
        yield "temporal_port", LOOPBACK, settings.temporal_port
        yield "temporal_ui_port", LOOPBACK, settings.temporal_ui_port
    if settings.metrics_port:
        yield "metrics_port", settings.host, settings.metrics_port


def carrier_server(settings: StandaloneSettings) -> Program:
    options = {
        "--host": LOOPBACK,
        "--port": str(settings.carrier_port),
        "--folder": str(settings.home.resolve() / "carriers"),
        "--leg-seconds": str(settings.carrier_leg_seconds),
        # a carrier's half hours, at the pace of the demonstration; its account asks about a parcel every second
        "--query-seconds": "0.5",
        "--retry-seconds": "2",
    }
    return Program(
        name="carriers",
        command=[sys.executable, "-m", "carriers.server", *(word for option in options.items() for word in option)],
        ready=lambda: listening(LOOPBACK, settings.carrier_port),
        environment=environment(settings),
    )


def mail_server(settings: StandaloneSettings) -> Iterator[Program]:
    """The mail test server, unless mails really go out."""
    if settings.smtp_host is not None:
        return
    options = {
        "--host": LOOPBACK,
        "--port": str(settings.mail_port),
        "--page-port": str(settings.mail_page_port),
        "--folder": str(settings.home.resolve() / "mails"),
    }
    yield Program(
        name="mail",
        command=[sys.executable, "-m", "messaging.server", *(word for option in options.items() for word in option)],
        ready=lambda: listening(LOOPBACK, settings.mail_page_port),
        environment=environment(settings),
    )


def sms_account(settings: StandaloneSettings) -> dict[str, str]:
    """The carrier test server takes the SMS of whoever has no contract."""
    if settings.sms_user:
        return {}
    account = {"url": f"http://{LOOPBACK}:{settings.carrier_port}", "user": TEST_CARRIER, "key": TEST_KEY}
    return {f"HUANJIAN_SMS_{name.upper()}": value for name, value in account.items()}


async def worker(settings: StandaloneSettings, module: str = "worker") -> Program:
    """Ready when Temporal hears from it."""
    client = await connect(settings)
    request = DescribeTaskQueueRequest(
        namespace=client.namespace,
        task_queue=TaskQueue(name=settings.task_queue),
        task_queue_type=TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW,
    )

    async def polls() -> bool:
        return bool((await client.workflow_service.describe_task_queue(request)).pollers)

    return Program(
        name="worker",
        command=[sys.executable, "-m", module],
        ready=polls,
        environment=environment(settings) | sms_account(settings),
        stop_within=settings.grace_seconds + 10,
    )


def api(settings: StandaloneSettings) -> Program:
    address = ["--host", settings.host, "--port", str(settings.api_port)]

    async def ready() -> bool:
        if not await listening(settings.host, settings.api_port):
            return False
        async with httpx.AsyncClient() as client:
            return (await client.get(f"http://{settings.host}:{settings.api_port}/readyz")).is_success

    return Program(
        name="api",
        command=[sys.executable, "-m", "uvicorn", "--factory", "api.app:create_app", *KEPT_ALIVE, *address],
        ready=ready,
        environment=environment(settings),
    )


def environment(settings: StandaloneSettings) -> dict[str, str]:
    """What was set here, by whatever way, as the children read it."""
    given = {name: getattr(settings, name) for name in settings.model_fields_set} | {"home": settings.home.resolve()}
    return {f"HUANJIAN_{name.upper()}": _text(value) for name, value in given.items() if value is not None}


def _text(value: object) -> str:
    """A setting as the environment carries it; settings of many values are read as JSON."""
    match value:
        case SecretStr():
            return value.get_secret_value()
        case frozenset():
            return json.dumps(sorted(value))
        case _:
            return str(value)


def show_addresses(settings: StandaloneSettings) -> None:
    addresses = Table.grid(padding=(0, 2))
    addresses.add_row("Pages and API", settings.api_url)
    addresses.add_row("Temporal's UI", settings.temporal_ui)
    if settings.smtp_host is None:
        addresses.add_row("Mails that were sent", f"http://{LOOPBACK}:{settings.mail_page_port}")
    addresses.add_row("Logs", str(settings.home.resolve() / "logs"))
    users = Table("log-in", "password", "role", box=None)
    for user in DEMO_USERS:
        users.add_row(*user)
    console.print(addresses, users)


def say(text: str) -> None:
    console.print(text, markup=False)


@contextmanager
def step(title: str) -> Iterator[None]:
    """Shows that something is under way, then how long it took."""
    began = time.monotonic()
    with console.status(f"{title} …"):
        yield
    say(f"{title}: ready after {time.monotonic() - began:.1f} s")


async def run(settings: StandaloneSettings) -> int:
    """Serves until SIGINT, SIGTERM or SIGHUP. Returns the exit code."""
    loop = asyncio.get_running_loop()
    serving = asyncio.create_task(serve(settings))

    def stop() -> None:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, say, "Still stopping …")
        say("Stopping …")
        serving.cancel()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, stop)
    try:
        with suppress(asyncio.CancelledError):
            await serving
    except (HomeUnusableError, PortUnusableError, Refusal) as error:
        say(str(error))
        return 2
    except ProcessFailedError as error:
        say(str(error))
        return 1
    return 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns the exit code: 0 when asked to stop, 1 when a part failed, 2 for settings that cannot work."""
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(line_buffering=True)
    try:
        settings = StandaloneSettings(
            _cli_parse_args=list(sys.argv[1:] if arguments is None else arguments),
            _cli_prog_name="huanjian run",
            _cli_kebab_case=True,
            _cli_implicit_flags=True,
        )
    except ValidationError as refused:
        for error in refused.errors():
            name = ".".join(str(part) for part in error["loc"])
            say(f"HUANJIAN_{name.upper()}: {error['msg']}, not {error['input']!r}.")
        return 2
    with foreground():
        return run_then_rest(run(settings))


if __name__ == "__main__":
    sys.exit(main())
