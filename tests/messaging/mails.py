"""Mails for tests: as customers and robots write them, and as nobody should."""

import base64
import random
from collections.abc import Iterator
from io import BytesIO

from PIL import Image

SERVICE = "service@huanjian.example"
FAULT = "您好,我家的油烟机开机有异响,风力很小,请帮忙换电机。"


def picture(colour: str = "red", kind: str = "PNG") -> bytes:
    out = BytesIO()
    Image.new("RGB", (64, 48), colour).save(out, kind)
    return out.getvalue()


def word(text: str, charset: str) -> str:
    """An encoded word, as mailers of the time wrote them."""
    return f"=?{charset}?B?{base64.b64encode(text.encode(charset)).decode()}?="


def mail(
    text: str = FAULT,
    *,
    sender: str = "wangfang@example.com",
    name: str = "王芳",
    subject: str = "油烟机报修",
    charset: str = "utf-8",
    message_id: str | None = "<first@mail.example>",
    to: str = SERVICE,
    html: str = "",
    photos: tuple[tuple[str, bytes], ...] = (),
    **headers: str,
) -> bytes:
    """A whole mail, its body and headers in one charset. Further headers by name, `_` for `-`."""
    head = [
        f"From: {word(name, charset)} <{sender}>",
        f"To: {to}",
        f"Subject: {word(subject, charset)}",
        "Date: Mon, 23 Nov 2026 10:00:00 +0800",
        *([f"Message-ID: {message_id}"] if message_id else []),
        *(f"{key.replace('_', '-')}: {value}" for key, value in headers.items()),
        "MIME-Version: 1.0",
    ]
    body = part(text.encode(charset), f'text/plain; charset="{charset}"')
    if html:
        body = multipart("alternative", "alt", body, part(html.encode(charset), f'text/html; charset="{charset}"'))
    if photos:
        files = (
            part(content, "application/octet-stream", f'attachment; filename="{word(file, charset)}"')
            for file, content in photos
        )
        body = multipart("mixed", "mix", body, *files)
    return "\r\n".join(head).encode() + b"\r\n" + body


def part(content: bytes, kind: str, disposition: str = "") -> bytes:
    head = f"Content-Type: {kind}\r\nContent-Transfer-Encoding: base64\r\n"
    head += f"Content-Disposition: {disposition}\r\n" if disposition else ""
    return head.encode() + b"\r\n" + base64.encodebytes(content).replace(b"\n", b"\r\n")


def multipart(kind: str, boundary: str, *parts: bytes) -> bytes:
    head = f'Content-Type: multipart/{kind}; boundary="{boundary}"\r\n\r\n'.encode()
    mark = f"--{boundary}".encode()
    return head + b"".join(mark + b"\r\n" + one + b"\r\n" for one in parts) + mark + b"--\r\n"


def report(failed: str, message_id: str, *, action: str = "failed", status: str = "5.1.1") -> bytes:
    """What a mail server writes when it could not deliver."""
    boundary = "=_report"
    return "\r\n".join(
        [
            "Return-Path: <>",
            "From: Mail Delivery System <MAILER-DAEMON@mx.example>",
            f"To: {SERVICE}",
            "Subject: Undelivered Mail Returned to Sender",
            f"Message-ID: <report-{failed}-{action}@mx.example>",
            "Auto-Submitted: auto-replied",
            "MIME-Version: 1.0",
            f'Content-Type: multipart/report; report-type=delivery-status; boundary="{boundary}"',
            "",
            f"--{boundary}",
            "Content-Type: text/plain",
            "",
            "I'm sorry to have to inform you that your message could not be delivered.",
            f"--{boundary}",
            "Content-Type: message/delivery-status",
            "",
            "Reporting-MTA: dns; mx.example",
            "",
            f"Final-Recipient: rfc822; {failed}",
            f"Action: {action}",
            f"Status: {status}",
            "",
            f"--{boundary}",
            "Content-Type: message/rfc822",
            "",
            f"From: {SERVICE}",
            f"To: {failed}",
            f"Message-ID: {message_id}",
            "Subject: our mail",
            "",
            "text",
            f"--{boundary}--",
            "",
        ]
    ).encode()


# --- as nobody should -------------------------------------------------------------------------------------

BAD_HEADERS = (
    b"From: =?gb2312?B?!!!!?= <@@>\r\n",
    b"From: \xcd\xf5\xb7\xbc <wangfang@example.com>\r\n",
    b"From: a@b, c@d, e@f\r\nFrom: g@h\r\n",
    b"From:\r\n",
    b"Message-ID: not an id at all\r\n",
    b"Message-ID: <a b@c>\r\n",
    b"Message-ID: <" + b"x" * 5000 + b"@y>\r\n",
    b"Date: yesterday, around noon\r\n",
    b"Date: Mon, 99 Foo 99999 99:99:99 +9999\r\n",
    b"Date: Thu, 01 Jan 0001 00:00:00 +2359\r\n",
    b"Subject: =?utf-8?Q?=E6=B2=B9=E7?=\r\n =?utf-8?Q?=83=9F?=\r\n",
    b"Subject: =?nonsense-8?B?5rK5?=\r\n",
    b"Subject: \xd3\xcd\xd1\xcc\xbb\xfa\r\n",
    b"Subject: \x00\x01\x02\xff\xfe\r\n",
    b"References: " + b"<a@b> " * 20_000 + b"\r\n",
    b"X-Long: " + b"y" * 400_000 + b"\r\n",
    b"no colon here\r\n",
    b": no name\r\n",
    b"Content-Type: text/plain; charset=\r\n",
    b'Content-Type: text/plain; charset="x-unknown-99"\r\n',
    b"Content-Type: text/plain; charset=punycode\r\n",
    b"Content-Type: text/plain; charset=base64\r\n",
    b'Content-Type: text/plain; charset="gb2312\r\n',
    b"Content-Type: text/plain; charset*0=gb; charset*1=2312; charset*x=1\r\n",
    b"Content-Type: multipart/mixed\r\n",
    b'Content-Type: multipart/mixed; boundary=""\r\n',
    b"Content-Type: multipart/mixed; boundary=never-comes\r\n",
    b"Content-Type: multipart/report; report-type=delivery-status; boundary=r\r\n\r\n--r\r\n"
    b"Content-Type: message/delivery-status\r\n\r\nAction: failed\r\n\r\nAction failed\r\n--r--\r\n",
    b"Content-Type: message/rfc822\r\n",
    b"Content-Type: message/partial; number=1; total=3\r\n",
    b"Content-Type: message/external-body\r\n",
    b"Content-Type: ;;;=;\r\n",
    b"Content-Type: text/html\r\n\r\n<![endif]--><p <p <<>><!x &#xFFFFFFF; &#0; <script>1",
    b'Content-Disposition: attachment; filename="..\\..\\C:\\win\x00dows\\\xe2\x80\xaegpj.exe"\r\n',
    b"Content-Disposition: attachment; filename*=utf-9'zz'%FF%FE%00\r\n",
    b"Content-Disposition: attachment; filename*0*=gb2312''%D5; filename*2=x\r\n",
    b"Content-Transfer-Encoding: base64\r\n",
    b"Content-Transfer-Encoding: x-uuencode\r\n",
    b"Content-Transfer-Encoding: quoted-printable; yes\r\n",
    b"Content-Type: application/ms-tnef; name=winmail.dat\r\nContent-Transfer-Encoding: base64\r\n\r\neJ8+IhQR",
)


def malformed(seed: int, number: int) -> Iterator[tuple[str, bytes]]:
    """`number` mails, each with what is wrong with it. The same seed makes the same mails."""
    chance = random.Random(seed)
    kinds = (_truncated, _wrong_charset, _bad_header, _flipped, _nested, _no_boundary, _nulls, _noise, _huge)
    for index in range(number):
        make = kinds[index % len(kinds)]
        yield f"{make.__name__[1:]} {index}", make(chance, index)


def _good(chance: random.Random, index: int) -> bytes:
    return mail(
        charset=chance.choice(["utf-8", "gbk", "gb18030"]),
        message_id=f"<good-{index}@mail.example>",
        html=chance.choice(["", f"<p>{FAULT}</p>"]),
        photos=chance.choice([(), (("照片.png", picture()),)]),
    )


def _truncated(chance: random.Random, index: int) -> bytes:
    whole = _good(chance, index)
    return whole[: chance.randrange(len(whole))]


def _wrong_charset(chance: random.Random, index: int) -> bytes:
    said = chance.choice([b"utf-8", b"us-ascii", b"big5", b"iso-8859-1", b"utf-16", b"idna", b"koi8-r", b"cp99999"])
    return _good(chance, index).replace(b"utf-8", said).replace(b"gbk", said).replace(b"gb18030", said)


def _bad_header(chance: random.Random, index: int) -> bytes:
    return BAD_HEADERS[index // 9 % len(BAD_HEADERS)] + _good(chance, index)


def _flipped(chance: random.Random, index: int) -> bytes:
    bent = bytearray(_good(chance, index))
    for _ in range(chance.randrange(1, 60)):
        bent[chance.randrange(len(bent))] = chance.randrange(256)
    return bytes(bent)


def _nested(chance: random.Random, index: int) -> bytes:
    depth = chance.choice([5, 60, 99, 150, 1500])
    head = b"".join(b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (n, n) for n in range(depth))
    forwarded = b"Content-Type: message/rfc822\r\n\r\n" * chance.choice([0, 3, 40, 900])
    return b"From: a@example.com\r\nSubject: deep\r\n" + head + forwarded + _good(chance, index)


def _no_boundary(chance: random.Random, index: int) -> bytes:
    whole = mail(message_id=f"<open-{index}@mail.example>", photos=(("a.png", picture()),))
    return whole.replace(b"--mix--", b"").replace(b"--mix\r\n", b"" if chance.random() < 0.3 else b"--mix\r\n", 1)


def _nulls(chance: random.Random, index: int) -> bytes:
    whole = _good(chance, index)
    for _ in range(20):
        at = chance.randrange(len(whole))
        whole = whole[:at] + b"\x00" * chance.randrange(1, 50) + whole[at:]
    return whole


def _noise(chance: random.Random, index: int) -> bytes:
    return chance.randbytes(chance.randrange(5000))


def _huge(chance: random.Random, index: int) -> bytes:
    head = chance.choice(
        [b"Subject: " + b"=?utf-8?B?5rK5?= " * 20_000, b"To: " + b"a@b, " * 40_000, b"X: 1\r\n" * 30_000]
    )
    return head.rstrip() + b"\r\n" + _good(chance, index)
