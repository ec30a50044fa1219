"""The folder in which a standalone system keeps its data."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from secrets import token_urlsafe


class HomeUnusableError(Exception):
    """The folder cannot be made or written, or another running copy has it; the text says which."""


@contextmanager
def claimed(home: Path) -> Iterator[None]:
    """Makes the folder if needed and keeps other copies out of it. The system lifts the claim with the process.

    Raises HomeUnusableError.
    """
    try:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        claim = os.open(home / "claim", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise HomeUnusableError(
            f"The folder {home} cannot be used: {error.strerror}. Choose another one with HUANJIAN_HOME or --home."
        ) from error
    try:
        fcntl.flock(claim, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        owner = os.read(claim, 20).decode()
        os.close(claim)
        raise HomeUnusableError(
            f"The folder {home} belongs to another running copy (process {owner}). "
            "Stop that one, or choose another folder with HUANJIAN_HOME or --home."
        ) from error
    os.truncate(claim, 0)
    os.write(claim, str(os.getpid()).encode())
    try:
        yield
    finally:
        os.close(claim)


def make_secret(file: Path) -> None:
    """Writes a secret of 256 random bits that only the owner may read, unless there is one."""
    with suppress(FileExistsError):
        secret = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        os.write(secret, token_urlsafe(32).encode())
        os.close(secret)
