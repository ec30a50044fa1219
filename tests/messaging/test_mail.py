"""Mail against a real SMTP server: what it gets, and what its answers mean."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from email import message_from_bytes
from email.policy import default

import httpx
import pytest

from messaging.failures import BadAddress, Busy, NotSent, Refused, Unreachable
from messaging.mail import Letter, MailAccount, as_html, compose, send
from runtime.ports import free_port
from tests.messaging.conftest import MailServer

LETTER = Letter(
    recipient="wang.fang@example.com",
    reply_to="service+ro-20261123-00424.abcdefgh@huanjian.example",
    subject="[RO-20261123-00424] 备件已发出",
    body="王芳，您好！\n\n备件已发出 <SF & 顺丰>。\n查看：https://service.example.com/track/a?b=1&c=2。\n"
    + "很长的一行" * 300,
    message_id="<ro-20261123-00424.7.1@huanjian.example>",
    references=("<ro-20261123-00424.1.1@huanjian.example>", "<ro-20261123-00424.4.1@huanjian.example>"),
    at=datetime(2026, 11, 23, 8, tzinfo=UTC),
)


async def test_the_mail_says_what_it_is(mail_server: MailServer) -> None:
    await send(LETTER, mail_server.account)
    [mail] = mail_server.mails()
    said = mail.message
    assert mail.recipients == ("wang.fang@example.com",)
    assert said["message-id"] == LETTER.message_id
    assert said["in-reply-to"] == LETTER.references[-1]
    assert said["references"] == " ".join(LETTER.references)
    assert said["reply-to"] == LETTER.reply_to
    assert said["subject"] == LETTER.subject
    assert said["from"] == "换件服务 Huanjian <service@huanjian.example>"
    assert said["auto-submitted"] == "auto-generated"
    assert said["x-auto-response-suppress"] == "All"
    assert said["date"] == "Mon, 23 Nov 2026 08:00:00 +0000"
    assert mail.text.splitlines() == LETTER.body.splitlines()
    page = said.get_body(("html",)).get_content()
    assert "&lt;SF &amp; 顺丰&gt;" in page
    assert '<a href="https://service.example.com/track/a?b=1&amp;c=2">' in page


async def test_it_travels_over_servers_that_know_seven_bits_only(mail_server: MailServer) -> None:
    await send(LETTER, mail_server.account)
    raw = mail_server.post.file(mail_server.mails()[0].name).read_bytes()
    assert raw.isascii()
    assert max(map(len, raw.splitlines())) <= 998


async def test_the_page_shows_it(mail_server: MailServer, http: httpx.AsyncClient) -> None:
    await send(LETTER, mail_server.account)
    page = (await http.get(mail_server.url)).text
    assert "备件已发出" in page
    assert "/mails/00000001" in page
    one = (await http.get(f"{mail_server.url}/mails/00000001")).text
    assert "https://service.example.com/track/a?b=1&amp;c=2" in one
    assert (await http.get(f"{mail_server.url}/mails/00000002")).status_code == 404
    assert (await http.get(f"{mail_server.url}/mails")).json()[0]["headers"]["message-id"] == LETTER.message_id
    kept = (await http.get(f"{mail_server.url}/mails/00000001.eml")).content
    assert message_from_bytes(kept, policy=default)["to"] == "wang.fang@example.com"


def test_a_long_thread_names_its_first_mail_and_its_last_ones() -> None:
    references = [f"<{n}@x>" for n in range(50)]
    mail = compose(replace(LETTER, references=references), MailAccount("", 0, "a@example.com", "a"))
    named = mail["references"].split()
    assert len(named) == 20
    assert (named[0], named[-1]) == ("<0@x>", "<49@x>")


def test_the_first_mail_answers_nothing() -> None:
    mail = compose(replace(LETTER, references=()), MailAccount("", 0, "a@example.com", "a"))
    assert mail["references"] is None
    assert mail["in-reply-to"] is None


def test_html_has_no_other_markup_than_ours() -> None:
    assert "<script" not in as_html("<script>alert(1)</script>")
    assert 'href="https://x.example/"' in as_html('(https://x.example/" onclick="a")')


@pytest.mark.parametrize(
    ("recipient", "kind", "code"),
    [
        ("refuse-550@example.com", BadAddress, "550"),
        ("refuse-451@example.com", Busy, "451"),
        ("refuse-530@example.com", Unreachable, "530"),
        ("no address", BadAddress, ""),
        ("", BadAddress, ""),
        ("a@b@c", BadAddress, ""),
    ],
)
async def test_a_refused_recipient(mail_server: MailServer, recipient: str, kind: type[NotSent], code: str) -> None:
    with pytest.raises(NotSent) as failed:
        await send(replace(LETTER, recipient=recipient), mail_server.account)
    assert type(failed.value) is kind
    assert failed.value.code == code
    assert "@" not in str(failed.value)
    assert mail_server.mails() == []


Answer = Callable[[bytes], bytes | None]


@asynccontextmanager
async def saying(*answers: tuple[bytes, bytes]) -> AsyncIterator[MailAccount]:
    """A server that answers commands which begin so with these lines, everything else with 250."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        commands: Sequence[tuple[bytes, bytes]] = answers
        said = dict(commands)
        greeting = said.get(b"", b"220 hello")
        if greeting != b"close":
            writer.write(greeting + b"\r\n")
            data = False
            while line := await reader.readline():
                if data and line != b".\r\n":
                    continue
                word = b"." if data else line.strip().upper()[:4]
                data = False
                answer = said.get(word, b"354 go on" if word == b"DATA" else b"250 ok")
                data = word == b"DATA" and answer.startswith(b"354")
                if answer == b"close":
                    break
                writer.write(answer + b"\r\n")
        writer.close()

    port = free_port()
    server = await asyncio.start_server(serve, "127.0.0.1", port)
    try:
        yield MailAccount("127.0.0.1", port, "service@huanjian.example", "Huanjian")
    finally:
        server.close()


@pytest.mark.parametrize(
    ("command", "answer", "kind"),
    [
        (b"", b"554 not now", Unreachable),
        (b"", b"close", Unreachable),
        (b"MAIL", b"553 not you", Unreachable),
        (b"MAIL", b"451 later", Unreachable),
        (b"RCPT", b"550 5.1.1 nobody", BadAddress),
        (b"RCPT", b"550 5.7.1 policy", Refused),
        (b"RCPT", b"450 4.2.1 busy", Busy),
        (b"RCPT", b"close", Unreachable),
        (b"DATA", b"554 5.6.0 no", Refused),
        (b".", b"552 too large", Refused),
        (b".", b"451 later", Busy),
        (b".", b"close", Unreachable),
    ],
)
async def test_what_a_servers_answers_mean(command: bytes, answer: bytes, kind: type[NotSent]) -> None:
    async with saying((command, answer)) as account:
        with pytest.raises(NotSent) as failed:
            await send(LETTER, account)
    assert type(failed.value) is kind


async def test_nobody_there() -> None:
    with pytest.raises(Unreachable):
        await send(LETTER, MailAccount("127.0.0.1", free_port(), "a@example.com", "a"))


async def test_what_cannot_log_in_is_not_the_messages_fault(mail_server: MailServer) -> None:
    with pytest.raises(Unreachable):
        await send(LETTER, replace(mail_server.account, user="somebody", password="secret"))
    with pytest.raises(Unreachable):
        await send(LETTER, replace(mail_server.account, security="starttls"))
