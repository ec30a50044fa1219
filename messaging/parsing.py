"""A mail as it came in, made readable. Whatever is wrong with it, something comes out and nothing is raised.

Headers are read from their source and bodies decoded here, because the standard library's newer policies raise on
headers that real mailers write. Charsets are read as their supersets: what calls itself gb2312 is GBK more often
than not.
"""

import email
import re
import unicodedata
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.errors import HeaderParseError
from email.header import decode_header
from email.message import Message
from email.parser import BytesHeaderParser
from email.utils import collapse_rfc2231_value, getaddresses, parsedate_to_datetime
from enum import StrEnum
from hashlib import sha256
from html.parser import HTMLParser
from typing import Any, Final

LONGEST_HEADER: Final = 20_000
LONGEST_TEXT: Final = 100_000
LONGEST_NAME: Final = 120
MOST_BOUNDARIES: Final = 100
"""A mail with more parts inside parts than this is read as one text: taking it apart could take for ever."""
MOST_ATTACHMENTS: Final = 50
SUPERSETS: Final = {
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "gb18030": "gb18030",
    "x-gbk": "gb18030",
    "cp936": "gb18030",
    "hz-gb-2312": "hz",
    "big5": "big5hkscs",
    "big5-hkscs": "big5hkscs",
    "cp950": "big5hkscs",
    "iso-8859-1": "cp1252",
    "latin-1": "cp1252",
    "latin1": "cp1252",
    "us-ascii": "utf-8",
    "ascii": "utf-8",
    "unknown-8bit": "utf-8",
}
_GUESSES: Final = ("utf-8", "gb18030")
_NO_TEXT: Final = frozenset({"idna", "punycode", "unicode-escape", "raw-unicode-escape", "undefined", "utf-7"})
"""Codecs that no mail needs and that take their time, or mean something else by plain letters."""
_MAGIC: Final = (
    (0, b"\xff\xd8\xff", "jpeg"),
    (0, b"\x89PNG\r\n\x1a\n", "png"),
    (0, b"GIF8", "gif"),
    (8, b"WEBP", "webp"),
    (4, b"ftyphei", "heic"),
    (4, b"ftyphev", "heic"),
    (4, b"ftypmif1", "heic"),
    (0, b"%PDF-", "pdf"),
)
PICTURES: Final = frozenset({"jpeg", "png", "gif", "webp", "heic"})
_ID: Final = re.compile(r"<([^<>\s]{1,500})>")
_ROBOTS: Final = re.compile(
    r"(mailer-?daemon|postmaster|(do[-_.]?)?not?[-_.]?reply|bounces?|daemon|root)([-+_.].*)?", re.I
)
_ABSENT: Final = re.compile(r"^\W*(自动回复|自動回覆|auto(matic)?[- ]?reply|out of (the )?office)", re.I)
_QUOTE: Final = re.compile(
    r"^(>|-{2,} ?(original message|forwarded message|原始邮件|回复的原邮件|原始郵件|转发邮件)|_{10,}$"
    r"|on .{6,200} wrote:$|.{0,80}(写道|寫道)[:：]$)",
    re.I,
)


class Robot(StrEnum):
    """How a mail shows that no person wrote it to us (RFC 3834)."""

    AUTO_SUBMITTED = "auto_submitted"
    NO_RETURN_PATH = "no_return_path"
    BULK = "bulk"
    MAILING_LIST = "mailing_list"
    REPORT = "report"
    ROBOT_SENDER = "robot_sender"
    ABSENCE = "absence"
    OURSELVES = "ourselves"


@dataclass(frozen=True)
class Attachment:
    """`name` is safe to show and to offer for saving; `kind` is what the first bytes say it is, else empty."""

    name: str
    kind: str
    content: bytes


@dataclass(frozen=True)
class Failure:
    """What a delivery report says: this address took no mail of ours, for good."""

    address: str
    message_id: str | None
    status: str


@dataclass(frozen=True)
class Mail:
    """What a mail says. `references` are the Message-IDs it answers, the newest first; ids are without brackets."""

    message_id: str | None
    sender: str
    sender_name: str
    recipients: tuple[str, ...]
    references: tuple[str, ...]
    subject: str
    sent_at: datetime | None
    text: str
    attachments: tuple[Attachment, ...]
    robot: Robot | None
    failures: tuple[Failure, ...]

    @property
    def digest(self) -> bytes:
        """Of what it says, however it travelled."""
        said = [self.sender, self.subject, self.text, *(sha256(one.content).hexdigest() for one in self.attachments)]
        return sha256("\0".join(said).encode()).digest()


def parse(raw: bytes, own: Collection[str] = ()) -> Mail:
    """Reads a mail; `own` are the addresses that we send from, in lower case."""
    lowered = raw.lower()
    try:
        if lowered.count(b"multipart/") + lowered.count(b"message/rfc822") > MOST_BOUNDARIES:
            raise RecursionError
        message = email.message_from_bytes(raw)
        parts = list(_leaves(message))
    except RecursionError:
        message = BytesHeaderParser().parsebytes(raw)
        parts = [_Leaf(message, "text/plain")]
    sender_name, sender = next(iter(_addresses(message, "from")), ("", ""))
    return Mail(
        message_id=next(iter(_ids(message, "message-id")), None),
        sender=sender,
        sender_name=sender_name,
        recipients=tuple(
            address
            for name in ("to", "cc", "delivered-to", "x-original-to", "envelope-to")
            for _, address in _addresses(message, name)
        ),
        references=tuple(dict.fromkeys([*_ids(message, "in-reply-to"), *_ids(message, "references")[::-1]])),
        subject=_header(message, "subject")[:500],
        sent_at=_date(_header(message, "date")),
        text=_text(parts),
        attachments=tuple(_attachments(parts)),
        robot=_robot(message, sender, own),
        failures=tuple(_failures(message, parts)),
    )


def fresh_and_quoted(text: str) -> tuple[str, str]:
    """What is new in an answer, and what it repeats of the mail before."""
    lines = text.splitlines()
    at = next((n for n, line in enumerate(lines) if _QUOTE.match(line.strip())), len(lines))
    return "\n".join(lines[:at]).strip(), "\n".join(lines[at:]).strip()


def safe_name(name: str) -> str:
    """A file's name without folders, control signs and tricks of writing direction; empty if nothing is left."""
    last = re.split(r"[\\/]", unicodedata.normalize("NFC", name))[-1]
    plain = "".join(sign for sign in last if sign.isprintable()).strip(" .")
    stem, dot, ending = plain.rpartition(".")
    if dot and len(plain) > LONGEST_NAME and len(ending) < 10:
        return stem[: LONGEST_NAME - len(ending) - 1] + dot + ending
    return plain[:LONGEST_NAME]


# --- headers ----------------------------------------------------------------------------------------------


def _sources(message: Message, name: str) -> list[str]:
    """A header's values as they were sent, unfolded, raw bytes read as well as may be."""
    found = (value for header, value in message.raw_items() if header.lower() == name)
    return [_unfolded(str(value)[:LONGEST_HEADER]) for value in found]


def _unfolded(source: str) -> str:
    raw = source.encode("utf-8", "surrogateescape")
    return _clean(_decoded(raw, None)).replace("\r", "").replace("\n", "")


def _header(message: Message, name: str) -> str:
    return next((_words(source) for source in _sources(message, name)), "")


def _words(source: str) -> str:
    """A header's text with its encoded words decoded."""
    try:
        pieces = decode_header(source)
    except (HeaderParseError, ValueError):
        return " ".join(source.split())
    text = "".join(
        piece if isinstance(piece, str) else _decoded(piece, charset or "utf-8") for piece, charset in pieces
    )
    return " ".join(_clean(text).split())


def _addresses(message: Message, name: str) -> list[tuple[str, str]]:
    """Names and addresses; addresses in lower case, and only those that can be one."""
    return [
        (_words(shown)[:200], address.lower())
        for shown, address in getaddresses(_sources(message, name))
        if re.fullmatch(r"[^@\s<>\"]{1,120}@[^@\s<>\"]{1,120}", address)
    ]


def _ids(message: Message, name: str) -> list[str]:
    return [found for source in _sources(message, name) for found in _ID.findall(source)]


def _date(said: str) -> datetime | None:
    try:
        sent = parsedate_to_datetime(said)
        sent = sent.astimezone(UTC) if sent.tzinfo else sent.replace(tzinfo=UTC)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return sent if 1990 < sent.year < 2100 else None


def _robot(message: Message, sender: str, own: Collection[str]) -> Robot | None:
    """X-Auto-Response-Suppress is no sign of a robot: people's mailers set it too."""
    automatic = _header(message, "auto-submitted").partition(";")[0].strip().lower()
    signs = {
        Robot.OURSELVES: re.sub(r"\+[^@]*@", "@", sender) in own,
        Robot.REPORT: message.get_content_type() == "multipart/report",
        Robot.AUTO_SUBMITTED: automatic not in ("", "no"),
        Robot.NO_RETURN_PATH: _header(message, "return-path") == "<>",
        Robot.BULK: _header(message, "precedence").lower() in ("bulk", "junk", "list"),
        Robot.MAILING_LIST: any(name.lower() in ("list-id", "list-unsubscribe") for name in message.keys()),  # noqa: SIM118
        Robot.ROBOT_SENDER: bool(_ROBOTS.fullmatch(sender.partition("@")[0])),
        Robot.ABSENCE: bool(_ABSENT.match(_header(message, "subject"))),
    }
    return next((robot for robot, shown in signs.items() if shown), None)


# --- bodies -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Leaf:
    """A part that holds no others."""

    part: Message
    kind: str

    @property
    def name(self) -> str:
        found: Any = self.part.get_param("filename", None, "content-disposition") or self.part.get_param("name", None)
        return safe_name(_words(_clean(collapse_rfc2231_value(found)))) if found else ""

    @property
    def attached(self) -> bool:
        return self.part.get_content_disposition() == "attachment" or bool(self.name)

    @property
    def content(self) -> bytes:
        payload = self.part.get_payload(decode=True)
        return payload if isinstance(payload, bytes) else b""

    @property
    def text(self) -> str:
        said: Any = self.part.get_param("charset", None)
        return _clean(_decoded(self.content, collapse_rfc2231_value(said) if said else None))


def _leaves(message: Message) -> Iterator[_Leaf]:
    """The parts in their order, without calling itself: nobody knows how deep they go."""
    waiting = [message]
    while waiting:
        part = waiting.pop()
        inner = part.get_payload()
        if isinstance(inner, list) and part.get_content_type() != "message/delivery-status":
            waiting += [one for one in reversed(inner) if isinstance(one, Message)]
        else:
            yield _Leaf(part, part.get_content_type())


def _text(parts: Sequence[_Leaf]) -> str:
    """What it says as plain text; the HTML only where nothing else says anything."""
    for kind, reading in (("text/plain", str), ("text/html", _without_tags)):
        texts = [reading(one.text) for one in parts if one.kind == kind and not one.attached]
        if text := "\n\n".join(text.strip() for text in texts if text.strip()):
            return text[:LONGEST_TEXT]
    return ""


def _attachments(parts: Sequence[_Leaf]) -> Iterator[Attachment]:
    found = 0
    for one in parts:
        said = one.kind in ("text/plain", "text/html") and not one.attached
        report = one.kind in ("message/delivery-status", "text/rfc822-headers")
        if said or report or not (content := one.content) or found == MOST_ATTACHMENTS:
            continue
        found += 1
        kind = next((kind for at, magic, kind in _MAGIC if content[at : at + len(magic)] == magic), "")
        yield Attachment(one.name or f"{found}{'.' + kind if kind else ''}", kind, content)


def _failures(message: Message, parts: Sequence[_Leaf]) -> Iterator[Failure]:
    """Those recipients of a delivery report that will never get it (RFC 3464)."""
    if message.get_content_type() != "multipart/report":
        return
    headers = [email.message_from_bytes(one.content) for one in parts if one.kind == "text/rfc822-headers"]
    about = next((found for one in (*_returned(message), *headers) for found in _ids(one, "message-id")), None)
    for one in parts:
        if one.kind != "message/delivery-status":
            continue
        groups = one.part.get_payload()
        for group in groups if isinstance(groups, list) else ():
            if not isinstance(group, Message) or _header(group, "action").lower() != "failed":
                continue
            recipient = _header(group, "final-recipient") or _header(group, "original-recipient")
            yield Failure(recipient.rpartition(";")[2].strip().lower(), about, _header(group, "status"))


def _returned(report: Message) -> Iterator[Message]:
    """The mail that a report gives back in full."""
    inner = report.get_payload()
    for part in inner if isinstance(inner, list) else ():
        if isinstance(part, Message) and part.get_content_type() == "message/rfc822":
            given = part.get_payload()
            yield from (one for one in given if isinstance(one, Message)) if isinstance(given, list) else ()


def _decoded(content: bytes, charset: str | None) -> str:
    """The text, read as a superset of the charset it claims; if that is unknown or wrong, as what it can be."""
    claimed = (charset or "").strip("\"' ").lower().replace("_", "-")
    named = SUPERSETS.get(claimed, claimed)
    for codec in (named, *_GUESSES):
        try:
            if codec and codec not in _NO_TEXT:
                return content.decode(codec)
        except (LookupError, ValueError):
            continue
    return content.decode(named if named in SUPERSETS.values() else "utf-8", "replace")


def _clean(text: str) -> str:
    """Without what a database can't keep or a page shouldn't: NULs, half characters, other control signs."""
    whole = text.encode("utf-8", "replace").decode()
    return "".join(sign for sign in whole if sign in "\n\r\t" or unicodedata.category(sign) not in ("Cc", "Cs"))


class _Reader(HTMLParser):
    """What a browser would show of HTML, as lines of text."""

    _SILENT = frozenset({"script", "style", "head", "title"})
    _BREAKS = frozenset({"p", "div", "br", "tr", "li", "h1", "h2", "h3", "table", "blockquote"})

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.said: list[str] = []
        self._silent = 0

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self._silent += tag in self._SILENT
        if tag in self._BREAKS:
            self.said.append("\n")

    def handle_endtag(self, tag: str) -> None:
        self._silent = max(0, self._silent - (tag in self._SILENT))

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self.said.append(data)


def _without_tags(html: str) -> str:
    reader = _Reader()
    reader.feed(html[: LONGEST_TEXT * 10])
    reader.close()
    lines = (" ".join(line.split()) for line in "".join(reader.said).splitlines())
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines))
