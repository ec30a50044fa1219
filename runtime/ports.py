"""TCP ports of this machine."""

import asyncio
import secrets
import socket
from collections.abc import Iterable
from contextlib import ExitStack, suppress
from typing import Final

_DRAWN_FROM: Final = range(15_000, 32_000)
"""Below what systems give to whoever asks for any port."""


class PortUnusableError(Exception):
    """A port somebody else uses, or one we may not use; the text names the port and its setting."""


def require_free(ports: Iterable[tuple[str, str, int]]) -> None:
    """Checks each (setting, host, port); all are held until the end, so that a number given twice shows.

    Raises PortUnusableError.
    """
    with ExitStack() as held:
        for setting, host, port in ports:
            trial = held.enter_context(socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET))
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                trial.bind((host, port))
                trial.listen()
            except (OSError, OverflowError) as error:
                reason = error.strerror if isinstance(error, OSError) else str(error)
                raise PortUnusableError(
                    f"Port {port} on {host} cannot be used: {reason}. Choose another one with "
                    f"HUANJIAN_{setting.upper()} or --{setting.replace('_', '-')}."
                ) from error


def free_port(host: str = "127.0.0.1") -> int:
    """A port nobody listens on at this moment, and that no connection out is given while who asked starts."""
    while True:
        port = secrets.choice(_DRAWN_FROM)
        with socket.socket() as trial, suppress(OSError):
            trial.bind((host, port))
            return port


async def listening(host: str, port: int) -> bool:
    """Whether somebody accepts connections there."""
    try:
        _, writer = await asyncio.open_connection(host, port)
    except OSError:
        return False
    writer.close()
    await writer.wait_closed()
    return True
