"""The command line: `huanjian run`, `import`, `verify-log`, and what operators need beside the pages."""

import sys
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, NoReturn, TypeVar, cast
from zoneinfo import ZoneInfo

import typer
from pydantic import ValidationError
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession
from temporalio.service import RPCError

import backup
import worker as worker_process
from database import restorations
from database.accounts import create_key, revoke_keys, set_password
from database.dump import Broken, NotEmpty
from database.importing import ImportedRow, UnusableFile, import_reports, read_reports
from database.log import verify
from database.migrate import migrate
from database.policies import enter
from database.reference import seed
from database.reference.folder import UnusableFile as UnusableReference
from database.reference.folder import load
from database.session import engine, sessions
from database.signatures import verify_signatures
from domain.messages import OrderState
from domain.policy import Policy
from domain.stages import Refusal, Role
from runtime.home import HomeUnusableError
from runtime.settings import Settings
from runtime.temporal import connect, run_then_rest, start_document, work_then_rest

app = typer.Typer(
    pretty_exceptions_enable=False,
    no_args_is_help=True,
    add_completion=False,
    help="换件 · Huanjian: replacement of parts after the sale.",
)
console = Console(highlight=False, soft_wrap=True)
T = TypeVar("T")


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []})
def run(context: typer.Context) -> None:
    """The whole system on this machine, in the foreground; `huanjian run --help` lists its flags."""
    import standalone  # where PostgreSQL and Temporal are services, what it needs is not installed

    raise typer.Exit(standalone.main(context.args))


@app.command()
def worker() -> None:
    """One worker process."""
    work_then_rest(worker_process.main())


@app.command("migrate")
def migrate_database() -> None:
    """Brings the database's schema up to date."""
    _run(migrate(Settings().database))


@app.command("seed")
def seed_database() -> None:
    """Fills an empty database with the demonstration company's reference data."""

    async def fill() -> None:
        settings = Settings()
        pool = engine(settings.database, 1)
        await seed(sessions(pool), settings)
        await pool.dispose()

    _run(fill())


@app.command("load")
def load_folder(
    folder: Annotated[Path, typer.Argument(help="CSV files named after the tables; database/reference is a sample.")],
) -> None:
    """Brings the company's reference data into the database: all files of a folder, or nothing of it."""

    async def work(session: AsyncSession) -> dict[str, int]:
        now = datetime.now(ZoneInfo(Settings().time_zone))
        return await load(session, folder, now, now.date())

    try:
        counts = _in_transaction(work)
    except UnusableReference as error:
        console.print(f"nothing was loaded: {error}", markup=False)
        raise typer.Exit(2) from error
    console.print(", ".join(f"{table} {rows}" for table, rows in counts.items()))


@app.command("password")
def give_password(user: Annotated[str, typer.Argument(help="The user's code.")]) -> None:
    """Gives a user a password, asked for twice; it ends their log-ins."""
    password = typer.prompt("password", hide_input=True, confirmation_prompt=True)
    if not _in_transaction(lambda session: set_password(session, user, password)):
        console.print(f"there is no user {user}", markup=False)
        raise typer.Exit(2)


@app.command("key")
def give_key(
    user: Annotated[str, typer.Argument(help="The user the system acts as.")],
    label: Annotated[str, typer.Argument(help="Which system it is for.")],
    revoke: Annotated[bool, typer.Option(help="Revoke the keys with this label instead.")] = False,
) -> None:
    """Prints a new API key, once; or revokes those with this label."""
    if revoke:
        revoked = _in_transaction(lambda session: revoke_keys(session, user, label, datetime.now(UTC)))
        console.print(f"{revoked} revoked")
        raise typer.Exit(0 if revoked else 2)
    try:
        console.print(_in_transaction(lambda session: create_key(session, user, label)), markup=False)
    except IntegrityError as error:
        console.print(f"there is no user {user}", markup=False)
        raise typer.Exit(2) from error


@app.command("policy")
def enter_policy(file: Annotated[Path, typer.Argument(help="JSON of a policy version.")]) -> None:
    """Enters a policy version for the orders to come; running orders keep the one they started with."""
    try:
        policy = Policy.model_validate_json(file.read_bytes())
        new = _in_transaction(lambda session: enter(session, policy, Role.ADMINISTRATOR))
    except (OSError, ValidationError, Refusal) as error:
        console.print(f"{file} was not entered: {error}", markup=False)
        raise typer.Exit(2) from error
    console.print(f"policy {policy.name} version {policy.version}: {'entered' if new else 'stood there already'}")


@app.command("import")
def import_file(
    file: Annotated[Path, typer.Argument(help="CSV in the columns of the Open Repair Data Standard.")],
    invent_customers: Annotated[
        bool, typer.Option(help="Make up a customer for each row; without it rows need customer_name and phone.")
    ] = False,
) -> None:
    """Takes a file of fault reports as a hotline backlog: every row an application, or refused with its reason."""
    raise typer.Exit(_run(_import(file, invent_customers=invent_customers)))


async def _import(file: Path, *, invent_customers: bool) -> int:
    settings = Settings()
    try:
        rows = list(read_reports(file, invent_customers=invent_customers))
    except (UnusableFile, OSError) as error:
        console.print(f"{file} can't be imported: {error}", markup=False)
        return 2
    client = await connect(settings)
    pool = engine(settings.database, 2)

    async def start(state: OrderState) -> None:
        await start_document(client, settings.task_queue, state)

    counts: Counter[str] = Counter()
    bar = Progress(TextColumn("import"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), console=console)
    with bar:
        shown = bar.add_task("import", total=len(rows))
        async for row in import_reports(rows, sessions(pool), start, policy=settings.policy):
            bar.advance(shown)
            if isinstance(row, ImportedRow):
                counts["created" if row.created else "there already"] += 1
            else:
                counts["refused"] += 1
                console.print(f"line {row.line} {row.id}: refused: {row.reason}", markup=False)
    await pool.dispose()
    console.print(
        f"{len(rows)} rows: {counts['created']} created, {counts['there already']} there already, "
        f"{counts['refused']} refused"
    )
    return 1 if counts["refused"] else 0


@app.command("backup")
def back_up(folder: Annotated[Path, typer.Argument(help="An empty folder, or one yet to be made.")]) -> None:
    """Writes database, files and the workflows' places into a folder, while the system runs or not."""
    try:
        _run(backup.back_up(Settings(), folder, _say))
    except backup.BackupError as error:
        _refuse(error)
    console.print(f"{folder}: the backup is whole", markup=False)


@app.command("restore")
def restore(folder: Annotated[Path, typer.Argument(help="What `huanjian backup` wrote.")]) -> None:
    """Brings a backup into an empty system that does not run; the rest is done when it starts."""
    try:
        found = _run(backup.restore(Settings(), folder, _say))
    except (backup.BackupError, NotEmpty, Broken, HomeUnusableError) as error:
        _refuse(error)
    for sentence in found:
        _say(sentence)
    console.print("restored; start the system, then `huanjian restored` says what it found")


@app.command("restored")
def list_restorations() -> None:
    """What was put back, and what was found and mended since; exit code 1 while that goes on."""
    settled = True
    for each in _in_transaction(restorations.listed):
        settled = each.settled_at is not None
        state = f"settled {each.settled_at:%Y-%m-%d %H:%M:%S}" if each.settled_at else "not settled yet"
        _say(f"backup of {each.made_at:%Y-%m-%d %H:%M:%S} restored {each.restored_at:%Y-%m-%d %H:%M:%S} UTC, {state}")
        for sentence in each.found:
            _say(f"    {sentence}")
    raise typer.Exit(0 if settled else 1)


def _say(text: str) -> None:
    console.print(text, markup=False)


def _refuse(error: Exception) -> NoReturn:
    _say(str(error))
    raise typer.Exit(2) from error


@app.command("verify-log")
def verify_log(
    document: Annotated[str | None, typer.Argument(help="One order or purchase order; all without it.")] = None,
) -> None:
    """Checks the sealed logs and the signatures; names the first bad row of each broken log."""
    raise typer.Exit(_run(_verify(document)))


async def _verify(document: str | None) -> int:
    pool = engine(Settings().database, 1)
    chains = rows = broken = 0
    async with sessions(pool)() as session:
        async for chain in verify(session, document):
            chains += 1
            rows += chain.rows
            if chain.broken:
                broken += 1
                console.print(f"{chain.document}: row {chain.broken.seq}: {chain.broken.what}", markup=False)
        signatures = [each async for each in verify_signatures(session, document)]
    for signature in signatures:
        if signature.broken:
            broken += 1
            console.print(f"{signature.order}: signature {signature.seq}: {signature.broken}", markup=False)
    await pool.dispose()
    if document and not chains:
        console.print(f"there is no document {document}", markup=False)
        return 2
    counted = f"{chains} logs with {rows} rows, {len(signatures)} signatures"
    console.print(f"{counted}: {broken or 'none'} broken")
    return 1 if broken else 0


def _in_transaction(work: Callable[[AsyncSession], Awaitable[T]]) -> T:
    async def begin() -> T:
        pool = engine(Settings().database, 1)
        try:
            async with sessions(pool).begin() as session:
                return await work(session)
        finally:
            await pool.dispose()

    return cast("T", _run(begin()))


def _run(work: Coroutine[Any, Any, Any]) -> Any:
    """Runs to the end; one clear line where database or engine can't be reached."""
    try:
        return run_then_rest(work)
    except IntegrityError:
        raise
    except (DBAPIError, OSError) as error:
        console.print(f"The database can't be reached or refuses: {error}", markup=False)
    except (RPCError, RuntimeError) as error:
        console.print(f"Temporal can't be reached: {error}", markup=False)
    raise typer.Exit(1)


def main() -> None:
    sys.exit(app())
