"""Addresses that say which document an answer is about, and prove that we gave them away.

A mail asks for its answer at `service+ro-20261123-0042.k5dm3xqa@example.com`: the document's number in small letters,
and eight base32 signs of an HMAC over it. Its subject carries the number in brackets, for hosts that cut a plus off.
"""

import hmac
import re
from base64 import b32encode
from email.utils import parseaddr
from hashlib import sha256
from typing import Final

SIGNS: Final = 8
"""Forty bits: enough, as every guess is a mail."""
_IN_SUBJECT: Final = re.compile(r"\[([A-Za-z]{2,4}-[0-9A-Za-z-]{4,26})\]")


def signature(document: str, key: bytes) -> str:
    """The eight signs that belong to a document's number, in whatever case it is written."""
    digest = hmac.digest(key, document.lower().encode(), sha256)
    return b32encode(digest).decode().lower()[:SIGNS]


def reply_address(mailbox: str, document: str, key: bytes) -> str:
    """Where answers about a document are to go. `mailbox` is ours, `service@example.com`."""
    local, _, host = mailbox.rpartition("@")
    return f"{local}+{document.lower()}.{signature(document, key)}@{host}"


def document_of(address: str, mailbox: str, key: bytes) -> str | None:
    """The document that an address of ours is about; None if it is not ours or its signature is wrong.

    `address` as a header has it, with a display name or without.
    """
    local, at, host = parseaddr(address)[1].lower().rpartition("@")
    ours, _, our_host = mailbox.lower().rpartition("@")
    name, plus, tag = local.partition("+")
    document, dot, signs = tag.rpartition(".")
    if not (at and plus and dot) or (name, host) != (ours, our_host):
        return None
    if not hmac.compare_digest(signs.encode(), signature(document, key).encode()):
        return None
    return document.upper()


def in_subject(document: str, subject: str) -> str:
    """The subject with the document's number before it."""
    return f"[{document}] {subject}"


def documents_in(subject: str) -> tuple[str, ...]:
    """The numbers in brackets in a subject. They prove nothing: anybody may write one."""
    return tuple(number.upper() for number in _IN_SUBJECT.findall(subject))
