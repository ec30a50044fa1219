"""What the test server took: mails as files, and what robots said."""

import json
import re
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any, Final

from aiosmtpd.smtp import SMTP, Envelope, Session

_UNWANTED: Final = re.compile(r"refuse-([45]\d\d)\b", re.I)
_NAME: Final = re.compile(r"\d{8}")
MOST_SAID: Final = 1000


@dataclass(frozen=True)
class Mail:
    """A mail that came: its file's name, whom it was for, what it says."""

    name: str
    at: float
    recipients: tuple[str, ...]
    message: EmailMessage

    @property
    def text(self) -> str:
        body = self.message.get_body(("plain",))
        return str(body.get_content()) if body else ""


class Post:
    """A folder of mails; the file's name is the order in which they came."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self.said: deque[dict[str, Any]] = deque(maxlen=MOST_SAID)

    def keep(self, recipients: list[str], content: bytes) -> str:
        last = max((int(file.stem) for file in self._folder.glob("*.eml")), default=0)
        name = f"{last + 1:08}"
        (self._folder / f"{name}.json").write_text(json.dumps({"at": time.time(), "to": recipients}))
        new = self._folder / f"{name}.new"
        new.write_bytes(content)
        new.rename(self.file(name))
        return name

    def file(self, name: str) -> Path:
        """Raises KeyError for what can't be one."""
        if not _NAME.fullmatch(name):
            raise KeyError(name)
        return self._folder / f"{name}.eml"

    def mail(self, name: str) -> Mail:
        """Raises KeyError."""
        try:
            envelope = json.loads(self.file(name).with_suffix(".json").read_text())
            message = message_from_bytes(self.file(name).read_bytes(), policy=default)
        except OSError:
            raise KeyError(name) from None
        assert isinstance(message, EmailMessage)
        return Mail(name, envelope["at"], tuple(envelope["to"]), message)

    def mails(self) -> Iterator[Mail]:
        """The newest first."""
        for file in sorted(self._folder.glob("*.eml"), reverse=True):
            yield self.mail(file.stem)


class Handler:
    """Takes every mail but those to an address that says what to answer: `refuse-550@…`, `refuse-451@…`."""

    def __init__(self, post: Post) -> None:
        self._post = post

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if unwanted := _UNWANTED.match(address):
            kind = unwanted[1][0]
            return f"{unwanted[1]} {kind}.1.1 <{address}> as this address asks for"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        assert isinstance(envelope.content, bytes)
        return f"250 kept as {self._post.keep(list(map(str, envelope.rcpt_tos)), envelope.content)}"
