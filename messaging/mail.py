"""Mail by way of one SMTP server."""

import asyncio
import html
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from typing import Final, Literal, NoReturn

import aiosmtplib

from messaging.failures import BadAddress, Busy, Refused, Unreachable

PATIENCE: Final = 20.0
"""Seconds for all of one mail."""
MOST_REFERENCES: Final = 20
"""As many of a thread's mails as are named; the first always is."""
_POLICY: Final = SMTP.clone(max_line_length=990, cte_type="7bit")
_LINK: Final = re.compile(r"https?://[^\s<>\"]+[^\s<>\".,;:，。；）)]")
_NEVER: Final = frozenset({503, 504, 530, 535})
"""5xx which say that we speak to the server as it does not want us to; another address would do no better."""


@dataclass(frozen=True)
class MailAccount:
    """Whom we send by, and as whom."""

    host: str
    port: int
    mailbox: str
    name: str
    user: str = ""
    password: str = field(default="", repr=False)
    security: Literal["none", "starttls", "tls"] = "none"


@dataclass(frozen=True)
class Letter:
    """One mail. `message_id` and `references` have their angle brackets; `at` is when it was written."""

    recipient: str = field(repr=False)
    reply_to: str
    subject: str = field(repr=False)
    body: str = field(repr=False)
    message_id: str
    references: Sequence[str]
    at: datetime


def compose(letter: Letter, account: MailAccount) -> EmailMessage:
    """The mail as it travels: plain text, simple HTML, and what keeps robots from answering (RFC 3834).

    Raises BadAddress if the recipient's is none.
    """
    mail = EmailMessage(policy=_POLICY)
    mail["From"] = Address(account.name, addr_spec=account.mailbox)
    try:
        mail["To"] = Address(addr_spec=letter.recipient)
    except (ValueError, IndexError, MessageError):
        raise BadAddress("not an address") from None
    mail["Reply-To"] = letter.reply_to
    mail["Subject"] = letter.subject
    mail["Date"] = format_datetime(letter.at)
    mail["Message-ID"] = letter.message_id
    if letter.references:
        mail["In-Reply-To"] = letter.references[-1]
        mail["References"] = " ".join(_shortened(letter.references))
    mail["Auto-Submitted"] = "auto-generated"
    mail["X-Auto-Response-Suppress"] = "All"
    mail.set_content(letter.body, cte="base64")
    mail.add_alternative(as_html(letter.body), subtype="html", cte="base64")
    return mail


async def send(letter: Letter, account: MailAccount) -> None:
    """Hands the mail to the server. Raises NotSent, of the kind its answer means."""
    mail = compose(letter, account)
    try:
        async with asyncio.timeout(PATIENCE):
            await aiosmtplib.send(
                mail,
                sender=account.mailbox,
                recipients=[letter.recipient],
                hostname=account.host,
                port=account.port,
                username=account.user or None,
                password=account.password or None,
                use_tls=account.security == "tls",
                start_tls=account.security == "starttls",
                timeout=PATIENCE,
            )
    except aiosmtplib.SMTPRecipientsRefused as error:
        _refused_address(error.recipients[0])
    except aiosmtplib.SMTPDataError as error:
        if error.code < 500:
            raise Busy(error.message, str(error.code)) from None
        raise Refused(error.message, str(error.code)) from None
    except aiosmtplib.SMTPResponseException as error:
        raise Unreachable(error.message, str(error.code)) from None
    except aiosmtplib.SMTPNotSupported as error:
        raise Unreachable(error.message) from None
    except (aiosmtplib.SMTPException, OSError, TimeoutError) as error:
        raise Unreachable(type(error).__name__) from error


def _refused_address(error: aiosmtplib.SMTPRecipientRefused) -> NoReturn:
    """4xx comes back here as 5xx does; policy (5.7.x, RFC 3463) says nothing about the address."""
    code = str(error.code)
    if error.code < 500:
        raise Busy(error.message, code)
    if error.code in _NEVER:
        raise Unreachable(error.message, code)
    if error.message.startswith("5.7."):
        raise Refused(error.message, code)
    raise BadAddress(error.message, code)


def as_html(body: str) -> str:
    """The same words, with links that can be pressed."""
    paragraphs = "".join(
        "<p>" + "<br>".join(_linked(line) for line in each.splitlines()) + "</p>"
        for each in re.split(r"\n{2,}", body.strip())
    )
    style = "font-family:sans-serif;font-size:16px;line-height:1.5;color:#1c2733;max-width:40em"
    return f'<!doctype html><html><body><div style="{style}">{paragraphs}</div></body></html>'


def _linked(line: str) -> str:
    pieces, end = [], 0
    for found in _LINK.finditer(line):
        url = html.escape(found[0])
        pieces += [html.escape(line[end : found.start()]), f'<a href="{url}">{url}</a>']
        end = found.end()
    return "".join([*pieces, html.escape(line[end:])])


def _shortened(references: Sequence[str]) -> Sequence[str]:
    if len(references) <= MOST_REFERENCES:
        return references
    return [references[0], *references[1 - MOST_REFERENCES :]]
