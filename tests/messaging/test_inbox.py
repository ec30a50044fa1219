"""The IMAP side: against Dovecot, and against a server that does not behave."""

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest
from pydantic import SecretStr

from messaging.inbox import FAILURES, Inbox
from runtime.settings import Settings
from tests.messaging import dovecot
from tests.messaging.dovecot import Dovecot, needs_dovecot, running_dovecot
from tests.messaging.fake_imap import PASSWORD, USER, FakeImap, fake_imap
from tests.messaging.mails import mail


def settings(port: int, folder: str = "INBOX") -> Settings:
    return Settings(
        mailbox_host="127.0.0.1",
        mailbox_port=port,
        mailbox_user=USER,
        mailbox_password=SecretStr(PASSWORD),
        mailbox_folder=folder,
        mailbox_encryption="none",
    )


@pytest.fixture
def fake() -> Iterator[FakeImap]:
    with fake_imap() as server:
        yield server


@pytest.fixture
def real() -> Iterator[Dovecot]:
    with running_dovecot() as server:
        yield server


@needs_dovecot
def test_mails_are_fetched_as_they_came_and_marked_only_when_told(real: Dovecot) -> None:
    assert (dovecot.USER, dovecot.PASSWORD) == (USER, PASSWORD)
    first, second = mail(), mail(message_id="<second@mail.example>", charset="gbk")
    real.put(first)
    inbox = Inbox(settings(real.port))
    inbox.select()
    assert inbox.before_unread() == 0
    assert inbox.after(0) == [1]
    assert inbox.fetch(1) == first
    assert "Seen" not in str(real.flags())
    inbox.mark_read(1)
    assert "Seen" in str(real.flags())
    real.put(second)
    inbox.select()
    assert (inbox.after(1), inbox.after(2), inbox.before_unread()) == ([2], [], 1)
    today = datetime.now(UTC).date()
    assert inbox.before_day(today - timedelta(days=1)) == 0
    assert inbox.before_day(today + timedelta(days=2)) == 2
    assert inbox.fetch(9) is None
    inbox.close()


@needs_dovecot
def test_a_rebuilt_folder_shows_another_validity(real: Dovecot) -> None:
    real.put(mail())
    inbox = Inbox(settings(real.port))
    inbox.select()
    before = inbox.validity
    inbox.close()
    real.forget_uids()
    again = Inbox(settings(real.port))
    again.select()
    assert again.validity != before
    again.close()


@needs_dovecot
def test_a_folder_with_a_chinese_name(real: Dovecot) -> None:
    real.put(mail(), folder="&W6JnDQ-")
    inbox = Inbox(settings(real.port, "客服"))
    inbox.select()
    assert inbox.after(0) == [1]
    inbox.close()


def test_the_last_mail_is_not_newer_than_itself(fake: FakeImap) -> None:
    fake.put(mail(), uid=7)
    inbox = Inbox(settings(fake.port))
    inbox.select()
    assert (inbox.after(6), inbox.after(7)) == ([7], [])
    inbox.close()


def test_a_server_that_wants_to_know_who_we_are(fake: FakeImap) -> None:
    fake.wants_id = True
    inbox = Inbox(settings(fake.port))
    inbox.select()
    assert "ID" in fake.heard
    inbox.close()


@pytest.mark.parametrize("command", ["LOGIN", "SELECT", "SEARCH", "FETCH", "STORE"])
@pytest.mark.parametrize("manner", ["bye_at", "cut_at"])
def test_every_way_to_lose_the_server_is_a_failure(fake: FakeImap, command: str, manner: str) -> None:
    fake.put(mail())
    getattr(fake, manner).append(command)

    def all_of_it() -> bytes | None:
        with closing(Inbox(settings(fake.port))) as inbox:
            inbox.select()
            [uid] = inbox.after(0)
            raw = inbox.fetch(uid)
            inbox.mark_read(uid)
            return raw

    with pytest.raises(FAILURES):
        all_of_it()
    assert all_of_it() == mail()


def test_a_server_that_says_nothing_is_given_up(fake: FakeImap) -> None:
    fake.slow = 2.0
    with pytest.raises(FAILURES):
        Inbox(settings(fake.port), patience=0.2)


def test_a_wrong_password_is_a_failure(fake: FakeImap) -> None:
    fake.refuses_log_in = True
    with pytest.raises(FAILURES):
        Inbox(settings(fake.port))


def test_nobody_listens() -> None:
    with pytest.raises(FAILURES):
        Inbox(settings(1))
