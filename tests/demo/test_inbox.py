"""The demo's inbox: what is stored, and how hostile mail is read."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from portal.demo.inbox import KEPT, Arrival, Inbox

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


def arrival(minute: int = 0) -> Arrival:
    return Arrival(
        server="smtp.acme.example",
        envelope_from="no-reply@acme.example",
        to=("ada@dest.example",),
        username="acme",
        tls_version="TLSv1.3",
        received_at=NOON + timedelta(minutes=minute),
    )


def test_the_newest_mail_comes_first(tmp_path: Path) -> None:
    inbox = Inbox(tmp_path / "inbox")
    assert inbox.newest() == []

    ids = [inbox.store(b"Subject: %d\r\n\r\n" % minute, arrival(minute)) for minute in range(3)]

    assert [mail.subject for mail in inbox.newest()] == ["2", "1", "0"]
    assert [mail.id for mail in inbox.newest(2)] == ids[:0:-1]


def test_a_mail_is_read_as_it_was_stored(tmp_path: Path) -> None:
    raw = b"Subject: x\r\n\r\nbody\xff\x00\r\n"

    found = Inbox(tmp_path).find(Inbox(tmp_path).store(raw, arrival()))

    assert found is not None
    assert (found.raw, found.arrival) == (raw, arrival())


def test_the_oldest_mails_go_when_there_are_too_many(tmp_path: Path) -> None:
    inbox = Inbox(tmp_path)
    ids = [inbox.store(b"Subject: x\r\n\r\n", arrival(minute)) for minute in range(KEPT + 51)]

    assert [mail.id for mail in inbox.newest()] == ids[: -KEPT - 1 : -1]
    assert len(list(tmp_path.iterdir())) == 2 * KEPT


@pytest.mark.parametrize(
    "mail_id",
    [
        "../secret",
        "..%2fsecret",
        "a" * 26 + "/../../secret",
        "a" * 26 + "\n",
        "A" * 26,
        "１" * 26,
        "",
        "a" * 26,
    ],
)
def test_an_id_is_no_path(mail_id: str, tmp_path: Path) -> None:
    (tmp_path / "secret.json").write_text(arrival().to_json())
    (tmp_path / "secret.eml").write_text("secret")
    (tmp_path / "inbox" / ("a" * 26)).mkdir(parents=True)

    assert Inbox(tmp_path / "inbox").find(mail_id) is None


def test_half_a_mail_is_no_mail(tmp_path: Path) -> None:
    inbox = Inbox(tmp_path)
    mail_id = inbox.store(b"Subject: x\r\n\r\n", arrival())
    (tmp_path / f"{mail_id}.eml").unlink()

    assert inbox.newest() == []


@pytest.mark.parametrize(
    ("raw", "subject", "text"),
    [
        (b"Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n\r\n", "Grüße", ""),
        ("Subject: Grüße\r\n\r\n".encode(), "Grüße", ""),
        (b"Subject: =?no-such?q?x?=\r\n\r\n", "=?no-such?q?x?=", ""),
        (b"Subject: =?utf-8?b?a?=\r\n\r\n", "=?utf-8?b?a?=", ""),
        (b"Subject: \xff\xfe\r\n\r\n", "\ufffd\ufffd", ""),
        (b"Subject: one\r\n two\r\n\tthree\r\n\r\n", "one two three", ""),
        (b"", "", ""),
        (b"\x00" * 100, "", None),
        (b"Content-Type: text/plain; charset=no-such\r\n\r\nGr\xc3\xbc\xc3\x9fe", "", "Grüße"),
        (b"Content-Type: text/plain; charset=latin-1\r\n\r\nGr\xfc\xdfe", "", "Grüße"),
        (b"Content-Type: text/plain\r\nContent-Transfer-Encoding: base64\r\n\r\n*", "", None),
        (b"Content-Type: multipart/mixed\r\n\r\nno boundary", "", ""),
        (b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nfirst\r\n--b\r\n\r\nsecond\r\n", "", "first"),
        (b"Content-Disposition: attachment\r\n\r\nnot the body", "", ""),
    ],
)
def test_whatever_arrives_can_be_read(raw: bytes, subject: str, text: str | None, tmp_path: Path) -> None:
    inbox = Inbox(tmp_path)
    inbox.store(raw, arrival())

    [mail] = inbox.newest()

    assert mail.subject == subject
    assert text is None or mail.text == text


def test_text_html_replies_and_signatures_are_found(tmp_path: Path) -> None:
    inbox = Inbox(tmp_path)
    inbox.store(
        b"Received: from a by b;\r\n now\r\n"
        b"Received: from client by a; before\r\n"
        b"DKIM-Signature: v=1; a=rsa-sha256; d=platform.example;\r\n\ts=wp1; bh=d=evil.example; b=x\r\n"
        b'From: "Acme" <no-reply@acme.example>\r\nReply-To: help@acme.example\r\nTo: ada@dest.example\r\n'
        b"Date: Fri, 20 Nov 2026 12:00:00 +0000\r\n"
        b"Content-Type: multipart/alternative; boundary=b\r\n\r\n"
        b"--b\r\nContent-Type: text/plain\r\n\r\nHello\r\n"
        b"--b\r\nContent-Type: text/html\r\n\r\n<b>Hello</b>\r\n--b--\r\n",
        arrival(),
    )

    [mail] = inbox.newest()

    assert mail.received == ("from a by b; now", "from client by a; before")
    assert mail.dkim_signed_by == ("platform.example (wp1)",)
    assert mail.from_header == '"Acme" <no-reply@acme.example>'
    assert mail.reply_to == "help@acme.example"
    assert mail.to_header == "ada@dest.example"
    assert mail.date == "Fri, 20 Nov 2026 12:00:00 +0000"
    assert (mail.text, mail.html) == ("Hello", "<b>Hello</b>")
