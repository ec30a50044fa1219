"""The mailbox that customers write to, over IMAP. Everything here blocks; callers give it a thread.

Whatever server or network do wrong comes out as one of FAILURES; a new connection is the cure for all of them.
"""

import imaplib
import ssl
from contextlib import suppress
from datetime import date
from typing import Final

from imap_tools import AND, BaseMailBox, MailBox, MailBoxStartTls, MailBoxUnencrypted
from imap_tools.errors import ImapToolsError

from runtime.settings import Settings

FAILURES: Final = (imaplib.IMAP4.error, OSError, ImapToolsError)
PATIENCE: Final = 30.0
"""Seconds without a byte from the server."""
LARGEST: Final = 40 << 20
"""Bytes of one mail that are fetched; of a larger one its beginning."""


class Inbox:
    """One connection to one folder. UIDs mean what they meant before only while `validity` is the same."""

    def __init__(self, settings: Settings, patience: float = PATIENCE) -> None:
        """Connects and logs in. Raises FAILURES."""
        self._folder = settings.mailbox_folder
        self._box = _connect(settings, patience)
        self.validity = 0
        try:
            self._log_in(settings)
        except FAILURES:
            self.close()
            raise

    def select(self) -> None:
        """Looks at the folder as it is now."""
        self._box.folder.set(self._folder)
        _, [validity] = self._box.client.response("UIDVALIDITY")
        self.validity = int(validity or 0)

    def after(self, uid: int) -> list[int]:
        """The mails that came later than this one, the oldest first."""
        return [found for found in self._search(f"UID {uid + 1}:*") if found > uid]

    def before_unread(self) -> int:
        """The UID after which the first mail comes that nobody has read; the last one's if all are read."""
        return self._before(self._search(AND(seen=False)))

    def before_day(self, day: date) -> int:
        """The UID after which the mails come that the server got on this day or later."""
        return self._before(self._search(AND(date_gte=day)))

    def fetch(self, uid: int) -> bytes | None:
        """The mail as it came, which stays unread; None if it is gone."""
        _, answer = self._box.client.uid("FETCH", str(uid), f"(BODY.PEEK[]<0.{LARGEST}>)")
        return next((piece[1] for piece in answer if isinstance(piece, tuple)), None)

    def mark_read(self, uid: int) -> None:
        self._box.client.uid("STORE", str(uid), "+FLAGS.SILENT", r"(\Seen)")

    def close(self) -> None:
        """Says goodbye where there is still somebody to hear it, and hangs up."""
        with suppress(*FAILURES):
            self._box.client.logout()
        with suppress(*FAILURES):
            self._box.client.shutdown()

    def _log_in(self, settings: Settings) -> None:
        password = settings.mailbox_password.get_secret_value() if settings.mailbox_password else ""
        self._box.login(settings.mailbox_user or "", password, initial_folder=None)
        if "ID" in self._box.client.capabilities:
            # some providers open no folder for a client that does not say what it is
            self._box.client.xatom("ID", '("name" "huanjian" "version" "1")')

    def _before(self, uids: list[int]) -> int:
        return uids[0] - 1 if uids else max(self._search("ALL"), default=0)

    def _search(self, wanted: str | AND) -> list[int]:
        return sorted(map(int, self._box.uids(wanted)))


def mailbox(settings: Settings) -> str:
    """What the settings' mailbox is called where its progress is kept."""
    return f"{settings.mailbox_user}@{settings.mailbox_host}/{settings.mailbox_folder}"


def _connect(settings: Settings, patience: float) -> BaseMailBox:
    host, port = settings.mailbox_host or "", settings.mailbox_port
    match settings.mailbox_encryption:
        case "tls":
            return MailBox(host, port, patience, ssl_context=ssl.create_default_context())
        case "starttls":
            return MailBoxStartTls(host, port, patience, ssl_context=ssl.create_default_context())
        case "none":
            return MailBoxUnencrypted(host, port, patience)
