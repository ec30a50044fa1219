"""Dovecot, as Debian packs it, in a folder of its own and on a free port."""

import getpass
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from imaplib import IMAP4
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from runtime.ports import free_port

USER, PASSWORD = "service", "secret"
BINARY = shutil.which("dovecot", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
needs_dovecot = pytest.mark.skipif(BINARY is None, reason="needs Dovecot: apt-get install dovecot-imapd")


@dataclass
class Dovecot:
    port: int
    folder: Path

    def put(self, *mails: bytes, folder: str = "INBOX") -> None:
        """Puts mails into a folder, as a delivery does."""
        client = IMAP4("127.0.0.1", self.port)
        client.login(USER, PASSWORD)
        client.create(folder)
        for raw in mails:
            status, answer = client.append(folder, None, None, raw)
            assert status == "OK", answer
        client.logout()

    def flags(self) -> list[str]:
        client = IMAP4("127.0.0.1", self.port)
        client.login(USER, PASSWORD)
        client.select("INBOX", readonly=True)
        _, answer = client.fetch("1:*", "(FLAGS)")
        client.logout()
        return [line.decode() for line in answer if isinstance(line, bytes)]

    def forget_uids(self) -> None:
        """The folder's index is lost, as after a restored backup."""
        for lost in self.folder.rglob("dovecot*"):
            if lost.is_file() and lost.is_relative_to(self.folder / "mail"):
                lost.unlink()
        time.sleep(1.1)  # a new validity is the second in which it is needed


@contextmanager
def running_dovecot() -> Iterator[Dovecot]:
    """Its folder lies where a user without rights may come too: as root, Dovecot gives mails to nobody."""
    with TemporaryDirectory(prefix="dovecot-") as folder, _running(Path(folder)) as server:
        yield server


@contextmanager
def _running(folder: Path) -> Iterator[Dovecot]:
    assert BINARY is not None
    mails, port = folder / "mail", free_port()
    mails.mkdir()
    root = os.geteuid() == 0
    mailer = "nobody" if root else getpass.getuser()
    if root:
        shutil.chown(mails, mailer)
        folder.chmod(0o755)
    settings = folder / "dovecot.conf"
    settings.write_text(
        f"""
        protocols = imap
        listen = 127.0.0.1
        base_dir = {folder}/run
        state_dir = {folder}/state
        log_path = {folder}/dovecot.log
        mail_location = maildir:{mails}/%u
        mail_home = {mails}/%u
        mail_uid = {mailer}
        mail_gid = {"nogroup" if root else os.getgid()}
        first_valid_uid = 1
        first_valid_gid = 1
        default_internal_user = {"dovecot" if root else mailer}
        default_login_user = {"dovenull" if root else mailer}
        {"" if root else f"default_internal_group = {os.getgid()}"}
        ssl = no
        disable_plaintext_auth = no
        passdb {{
          driver = static
          args = password={PASSWORD}
        }}
        userdb {{
          driver = static
          args = uid={mailer} gid={"nogroup" if root else os.getgid()} home={mails}/%u
        }}
        service imap-login {{
          {"" if root else "chroot ="}
          inet_listener imap {{
            port = {port}
          }}
          inet_listener imaps {{
            port = 0
          }}
        }}
        service anvil {{
          {"" if root else "chroot ="}
        }}
        """
    )
    process = subprocess.Popen([BINARY, "-F", "-c", str(settings)], stderr=subprocess.PIPE)
    try:
        _wait_for(port, process)
        yield Dovecot(port, folder)
    finally:
        process.terminate()
        process.wait(10)
        assert process.stderr is not None
        process.stderr.close()


def _wait_for(port: int, process: "subprocess.Popen[bytes]") -> None:
    for _ in range(200):
        if process.poll() is not None:
            assert process.stderr is not None
            raise RuntimeError(process.stderr.read().decode())
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise TimeoutError("Dovecot does not listen")
