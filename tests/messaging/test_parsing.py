"""Mails in every charset, with every fault, come out readable; none crashes."""

import time
from collections import Counter
from datetime import UTC, datetime
from typing import Any

import pytest

from messaging.parsing import Mail, Robot, fresh_and_quoted, parse, safe_name
from tests.messaging.mails import FAULT, SERVICE, mail, malformed, multipart, part, picture, report, word

OWN = {SERVICE}
TRADITIONAL = "抽油煙機有異響,請幫忙更換馬達。"


@pytest.mark.parametrize(
    ("charset", "text"),
    [("utf-8", FAULT), ("gb2312", FAULT), ("gbk", FAULT + "镕"), ("gb18030", FAULT + "㐂"), ("big5", TRADITIONAL)],
)
def test_charsets_are_readable(charset: str, text: str) -> None:
    read = parse(mail(text, charset=charset, name="王芳", subject="更換" if charset == "big5" else "油烟机"))
    assert read.text == text
    assert read.sender_name == "王芳"
    assert read.subject in ("更換", "油烟机")


def test_what_calls_itself_gb2312_is_gbk() -> None:
    raw = mail(FAULT + "朱镕", charset="gbk").replace(b"gbk", b"gb2312")
    assert parse(raw).text == FAULT + "朱镕"


@pytest.mark.parametrize("said", [b"x-unknown", b"us-ascii", b"", b"base64", b"punycode"])
@pytest.mark.parametrize("charset", ["utf-8", "gb18030"])
def test_a_charset_nobody_knows_is_guessed(charset: str, said: bytes) -> None:
    assert parse(mail(charset=charset).replace(charset.encode(), said)).text == FAULT


def test_headers_without_any_encoding() -> None:
    raw = "From: 王芳 <wangfang@example.com>\r\nSubject: 油烟机报修\r\n\r\nx".encode("gbk")
    read = parse(raw)
    assert (read.sender_name, read.subject) == ("王芳", "油烟机报修")


def test_a_character_cut_in_two_by_encoded_words() -> None:
    halves = [word("油", "utf-8"), word("烟", "utf-8")]
    assert parse(f"Subject: {halves[0]}\r\n {halves[1]}\r\n\r\n".encode()).subject == "油烟"
    torn = "Subject: =?utf-8?B?5rI=?=\r\n =?utf-8?B?uQ==?=\r\n\r\n"
    assert parse(torn.encode()).subject == "油"


def test_html_alone_becomes_text_without_its_scripts() -> None:
    html = (
        "<html><head><style>p{}</style></head><p>序列号&nbsp;CXW268-001001</p><script>alert(1)</script><div>谢谢</div>"
    )
    raw = b"From: a@example.com\r\n" + part(html.encode(), "text/html; charset=utf-8")
    assert parse(raw).text == "序列号 CXW268-001001\n谢谢"


def test_pictures_are_known_by_their_bytes() -> None:
    read = parse(mail(photos=(("说明书.png", picture()), ("a.jpg", b"MZ\x90\x00"), ("b", picture(kind="JPEG")))))
    assert [(one.name, one.kind) for one in read.attachments] == [("说明书.png", "png"), ("a.jpg", ""), ("b", "jpeg")]
    assert read.attachments[0].content == picture()


def test_a_forwarded_mail_is_read_with_its_pictures() -> None:
    inner = b"Content-Type: message/rfc822\r\n\r\n" + mail(photos=(("a.png", picture()),))
    raw = b"From: agent@example.com\r\nMessage-ID: <outer@x>\r\n" + multipart("mixed", "f", inner)
    read = parse(raw)
    assert (read.message_id, read.text, len(read.attachments)) == ("outer@x", FAULT, 1)


def test_ids_of_what_is_answered_come_newest_first() -> None:
    read = parse(mail(In_Reply_To="<c@x>", References="<a@x> <b@x>\r\n <c@x>"))
    assert read.references == ("c@x", "b@x", "a@x")


@pytest.mark.parametrize(
    ("said", "sent"),
    [
        ("Mon, 23 Nov 2026 10:00:00 +0800", datetime(2026, 11, 23, 2, tzinfo=UTC)),
        ("yesterday", None),
        ("Mon, 99 Foo 99999 99:99:99 +9999", None),
    ],
)
def test_dates(said: str, sent: datetime | None) -> None:
    assert parse(f"Date: {said}\r\n\r\n".encode()).sent_at == sent


@pytest.mark.parametrize(
    ("given", "safe"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\Windows\\cmd.exe", "cmd.exe"),
        ("照片\u202egpj.exe", "照片gpj.exe"),
        ("a\x00b\n.png", "ab.png"),
        ("...", ""),
        ("字" * 300 + ".jpeg", "字" * 115 + ".jpeg"),
    ],
)
def test_names_are_safe(given: str, safe: str) -> None:
    assert safe_name(given) == safe


@pytest.mark.parametrize(
    ("headers", "robot"),
    [
        ({"Auto_Submitted": "auto-replied"}, Robot.AUTO_SUBMITTED),
        ({"Auto_Submitted": "Auto-Generated; owner"}, Robot.AUTO_SUBMITTED),
        ({"Auto_Submitted": "no"}, None),
        ({"Return_Path": "<>"}, Robot.NO_RETURN_PATH),
        ({"Return_Path": "<wangfang@example.com>"}, None),
        ({"Precedence": "bulk"}, Robot.BULK),
        ({"Precedence": "Junk"}, Robot.BULK),
        ({"Precedence": "list"}, Robot.BULK),
        ({"Precedence": "normal"}, None),
        ({"List_Id": "<list.example.com>"}, Robot.MAILING_LIST),
        ({"List_Unsubscribe": "<mailto:x@example.com>"}, Robot.MAILING_LIST),
        ({"X_Auto_Response_Suppress": "All"}, None),
    ],
)
def test_robots_are_known_by_their_headers(headers: dict[str, Any], robot: Robot | None) -> None:
    assert parse(mail(**headers), OWN).robot is robot


@pytest.mark.parametrize(
    ("sender", "robot"),
    [
        ("MAILER-DAEMON@mx.example", Robot.ROBOT_SENDER),
        ("postmaster@example.com", Robot.ROBOT_SENDER),
        ("no-reply@example.com", Robot.ROBOT_SENDER),
        ("noreply@example.com", Robot.ROBOT_SENDER),
        ("do_not_reply@example.com", Robot.ROBOT_SENDER),
        ("bounces+123=x@example.com", Robot.ROBOT_SENDER),
        (SERVICE.upper(), Robot.OURSELVES),
        ("reply@example.com", None),
        ("norman@example.com", None),
        ("rooter@example.com", None),
    ],
)
def test_robots_are_known_by_their_address(sender: str, robot: Robot | None) -> None:
    assert parse(mail(sender=sender), OWN).robot is robot


@pytest.mark.parametrize("subject", ["自动回复:我在休假", "Automatic reply: away", "Out of Office: back Monday"])
def test_an_absence_is_no_letter(subject: str) -> None:
    assert parse(mail(subject=subject)).robot is Robot.ABSENCE


def test_a_report_says_who_got_nothing() -> None:
    read = parse(report("gone@example.com", "<ours-1@huanjian.example>"))
    assert read.robot is Robot.REPORT
    [failure] = read.failures
    assert (failure.address, failure.message_id, failure.status) == (
        "gone@example.com", "ours-1@huanjian.example", "5.1.1",
    )  # fmt: skip


def test_a_mail_that_is_only_late_has_not_failed() -> None:
    assert parse(report("slow@example.com", "<ours@x>", action="delayed", status="4.4.1")).failures == ()


@pytest.mark.parametrize(
    "mark",
    ["> 您好", "------------------ 原始邮件 ------------------", "-----Original Message-----",
     "On Mon, 23 Nov 2026 at 10:00, Service <service@example.com> wrote:", "在2026年11月23日,服务中心写道:"],
)  # fmt: skip
def test_an_answer_is_parted_from_what_it_quotes(mark: str) -> None:
    assert fresh_and_quoted(f"还是不行\n\n{mark}\n旧文") == ("还是不行", f"{mark}\n旧文")


def test_the_same_letter_over_two_roads_is_the_same() -> None:
    first, second = mail(), b"Received: from mx2\r\n" + mail()
    assert parse(first).digest == parse(second).digest != parse(mail("something else")).digest


def test_malformed_mails_are_all_read() -> None:
    """Whatever comes out can be kept in a database and shown."""
    kinds: Counter[str] = Counter()
    slowest = 0.0
    for what, raw in malformed(seed=7, number=450):
        begins = time.perf_counter()
        read = parse(raw, OWN)
        slowest = max(slowest, time.perf_counter() - begins)
        assert isinstance(read, Mail), what
        for text in (read.text, read.subject, read.sender, read.sender_name, *(one.name for one in read.attachments)):
            assert "\x00" not in text, what
            text.encode()
        kinds[what.partition(" ")[0]] += 1
        kinds["with text"] += bool(read.text)
    print(f"malformed mails read: {dict(kinds)}, the slowest in {slowest:.2f} s")  # noqa: T201
    assert kinds["with text"] > 250
    assert slowest < 10
