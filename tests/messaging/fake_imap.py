"""A small IMAP server that does what servers do on bad days."""

import re
import socket
import socketserver
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

USER, PASSWORD = "service", "secret"


@dataclass
class Kept:
    raw: bytes
    seen: bool = False


@dataclass
class FakeImap:
    """Its mails by UID. `bye_at` names commands at which it takes its leave, once each; `cut_at` those at which it is
    gone without a word; `slow` is how long it thinks, in seconds."""

    port: int = 0
    validity: int = 1
    mails: dict[int, Kept] = field(default_factory=dict)
    bye_at: list[str] = field(default_factory=list)
    cut_at: list[str] = field(default_factory=list)
    refuses_log_in: bool = False
    wants_id: bool = False
    slow: float = 0.0
    heard: list[str] = field(default_factory=list)

    def put(self, raw: bytes, uid: int | None = None) -> int:
        uid = uid or max(self.mails, default=0) + 1
        self.mails[uid] = Kept(raw)
        return uid

    def forget_uids(self, first: int = 1) -> None:
        """The mailbox was rebuilt: the same mails under other numbers."""
        self.validity += 1
        self.mails = {first + place: kept for place, kept in enumerate(self.mails.values())}

    def found(self, criteria: str) -> list[int]:
        if later := re.search(r"UID (\d+):\*", criteria):
            last = max(self.mails, default=0)
            return [uid for uid in self.mails if uid >= int(later[1]) or uid == last]  # as the protocol has it
        return [uid for uid, kept in self.mails.items() if "UNSEEN" not in criteria or not kept.seen]


class _Session(socketserver.StreamRequestHandler):
    server: "_Server"

    def handle(self) -> None:
        fake = self.server.fake
        self._say(f"* OK [CAPABILITY IMAP4rev1{' ID' if fake.wants_id else ''}] ready")
        named = False
        while line := self.rfile.readline().decode(errors="replace").strip():
            tag, _, rest = line.partition(" ")
            command = rest.upper().removeprefix("UID ").partition(" ")[0]
            fake.heard.append(command)
            time.sleep(fake.slow)
            if command in fake.cut_at:
                fake.cut_at.remove(command)
                self.request.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
                return
            if command in fake.bye_at:
                fake.bye_at.remove(command)
                self._say("* BYE server shutting down")
                return
            named |= command == "ID"
            self._say(*self._answer(fake, command, rest, named=named))
            self._say(f"{tag} {self._verdict}")
            if command == "LOGOUT":
                return

    def _answer(self, fake: FakeImap, command: str, rest: str, *, named: bool) -> Iterator[str | bytes]:
        self._verdict = "OK done"
        match command:
            case "CAPABILITY":
                yield f"* CAPABILITY IMAP4rev1{' ID' if fake.wants_id else ''}"
            case "LOGIN" if fake.refuses_log_in:
                self._verdict = "NO [AUTHENTICATIONFAILED] wrong password"
            case "SELECT" if fake.wants_id and not named:
                self._verdict = "NO Unsafe Login"
            case "SELECT":
                yield f"* {len(fake.mails)} EXISTS"
                yield f"* OK [UIDVALIDITY {fake.validity}] valid"
            case "SEARCH":
                yield "* SEARCH " + " ".join(map(str, fake.found(rest)))
            case "FETCH":
                uid = int(rest.split()[2])
                if kept := fake.mails.get(uid):
                    raw = kept.raw
                    yield f"* 1 FETCH (UID {uid} BODY[]<0> {{{len(raw)}}}".encode() + b"\r\n" + raw + b")"
            case "STORE":
                fake.mails[int(rest.split()[2])].seen = True
            case "LOGOUT":
                yield "* BYE logging out"

    def _say(self, *lines: str | bytes) -> None:
        for line in lines:
            self.wfile.write((line if isinstance(line, bytes) else line.encode()) + b"\r\n")


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    fake: FakeImap

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hangs up is none of a server's errors."""


@contextmanager
def fake_imap() -> Iterator[FakeImap]:
    with _Server(("127.0.0.1", 0), _Session) as server:
        server.fake = FakeImap(port=server.server_address[1])
        serving = threading.Thread(target=server.serve_forever, args=(0.05,))
        serving.start()
        try:
            yield server.fake
        finally:
            server.shutdown()
            serving.join()
