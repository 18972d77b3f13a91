"""What leaves: every header where it belongs, nothing beside it, and the same bytes each time."""

import dataclasses

import pytest

from portal.domain.mail.content import Content, ContentError
from portal.domain.mail.host_names import HostError
from portal.domain.mail.message import new_message_id
from portal.domain.mail.mime import ComposedMail, _check_bytes, check_composable, compose
from portal.domain.mail.sender_identity import fallback_identity
from tests.support.messages import ACME, AT, ID, PDF, PLATFORM, REPORT, message, sent
from tests.support.strict_reader import (
    StrictMessage,
    leaves,
    parse_modern,
    parse_old,
    text_of,
)

SMUGGLED = "Bcc: eve@evil.example"


def test_a_message_has_these_fields_in_this_order_and_no_other() -> None:
    read = StrictMessage.read(sent(Content("Hello", text="Hello.")))

    assert read.fields == (
        ("From", b"Acme Production <noreply@acme.example>"),
        ("To", b"ada@dest.example"),
        ("Reply-To", b"help@acme.example"),
        ("Subject", b"Hello"),
        ("Date", b"Fri, 20 Nov 2026 21:04:00 +0000"),
        ("Message-ID", b"<01kan0zs6rxv1bm9q0y1w0e2s5@acme.example>"),
        ("MIME-Version", b"1.0"),
        ("Auto-Submitted", b"auto-generated"),
        ("Content-Type", b"text/plain; charset=utf-8"),
        ("Content-Transfer-Encoding", b"quoted-printable"),
    )
    assert read.body == b"Hello.\r\n"


def test_an_autoresponder_says_that_it_replies() -> None:
    data = compose(message(kind="autoresponder"), ACME, date=AT).data

    assert StrictMessage.read(data).value("Auto-Submitted") == "auto-replied"


@pytest.mark.parametrize(
    ("content", "types"),
    [
        (Content("s", text="a"), ["text/plain"]),
        (Content("s", html="a"), ["text/html"]),
        (REPORT, ["multipart/alternative", "text/plain", "text/html"]),
        (Content("s", text="a", attachments=(PDF,)), ["multipart/mixed", "text/plain", "application/pdf"]),
        (
            dataclasses.replace(REPORT, attachments=(PDF, PDF)),
            [
                *("multipart/mixed", "multipart/alternative", "text/plain", "text/html"),
                *("application/pdf", "application/pdf"),
            ],
        ),
    ],
)
def test_the_parts_stand_as_mail_programs_expect_them(content: Content, types: list[str]) -> None:
    parsed = parse_modern(sent(content))

    assert [part.get_content_type() for part in parsed.walk()] == types
    assert all(not part.defects for part in parsed.walk())


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(".\n..\n.hidden\n", id="dots"),
        pytest.param("a\n\nFrom the beginning\n", id="From at the beginning of a line"),
        pytest.param("From the beginning\n", id="From at the very beginning"),
        pytest.param("trailing \t \n\t\n", id="white space at the end"),
        pytest.param("x" * 5000 + "\n", id="a long line"),
        pytest.param("例子" * 500 + "\n", id="a long line of base64"),
        pytest.param("a=b=20=\n", id="what looks encoded"),
        pytest.param("--boundary\n--=_0--\n", id="what looks like a boundary"),
        pytest.param("a\u2028b\u0085c\x0bd\x0ce\x1cf\n", id="line breaks of other worlds"),
        pytest.param(f"\n\n{SMUGGLED}\n\n", id="what looks like a header"),
        pytest.param("no end", id="no line break at the end"),
        pytest.param("mixed\r\nbreaks\rof\n\rall kinds", id="mixed line breaks"),
    ],
)
def test_a_body_arrives_as_it_was_written(text: str) -> None:
    written = text.replace("\r\n", "\n").replace("\r", "\n")
    written = written if written.endswith("\n") else written + "\n"

    for content in (Content("s", text=text), Content("s", text=text, html=text, attachments=(PDF,))):
        data = sent(content)
        StrictMessage.read(data)
        assert not any(line.startswith((b"From ", b">From ")) for line in data.split(b"\r\n"))
        for parsed in (parse_modern(data), parse_old(data)):
            assert text_of(leaves(parsed)[0]) == written


@pytest.mark.parametrize(
    ("message_id", "to"),
    [
        ("01k@acme.example", "ada@dest.example"),
        ("<01k@acme.example>\r\nBcc: eve", "ada@dest.example"),
        ("<01k@localhost>", "ada@dest.example"),
        ("<01k@acme.example>", "Ada <ada@dest.example>"),
        ("<01k@acme.example>", "ada@DEST.example"),
        ("<01k@acme.example>", "ada@dest.example, eve@evil.example"),
    ],
)
def test_a_message_that_was_not_made_by_us_is_refused(message_id: str, to: str) -> None:
    with pytest.raises(ContentError):
        check_composable(dataclasses.replace(message(), message_id=message_id, to=to))


@pytest.mark.parametrize("domain", ["localhost", "web1", "10.0.0.5", "acme.example\r\nBcc"])
def test_a_message_id_names_no_machine(domain: str) -> None:
    with pytest.raises(HostError):
        new_message_id(ID, domain)


def test_the_same_message_gives_the_same_bytes_and_a_fallback_changes_only_its_sender() -> None:
    content = dataclasses.replace(REPORT, attachments=(PDF,))
    fallback = fallback_identity(PLATFORM, platform_name="Platform", tenant_name="Acme", own=ACME)

    own, again, other = sent(content), sent(content), sent(content, fallback)

    assert own == again
    assert [line for line in other.split(b"\r\n") if line not in own.split(b"\r\n")] == [
        b"From: Acme Production via Platform <mail@platform.example>"
    ]


def test_a_date_of_no_time_zone_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(ValueError, match="aware"):
        compose(message(), ACME, date=AT.replace(tzinfo=None))


@pytest.mark.parametrize(
    ("to", "from_address", "needed"),
    [
        ("ada@xn--bcher-kva.example", "noreply@acme.example", False),
        ("jörg@dest.example", "noreply@acme.example", True),
        ("ada@dest.example", "größe@acme.example", True),
    ],
)
def test_an_international_address_is_written_in_utf_8_and_says_so(to: str, from_address: str, *, needed: bool) -> None:
    mail = compose(message(to=to), dataclasses.replace(ACME, from_address=from_address), date=AT)

    read = StrictMessage.read(mail.data, utf8=needed)
    assert mail.needs_smtputf8 is needed
    assert read.value("To") == to
    assert from_address in read.value("From")


def test_neither_the_message_nor_the_mail_shows_its_words_in_a_repr() -> None:
    secret = message(Content("482913 is your code", text="482913"), kind="otp")

    assert "482913" not in repr(secret) + repr(compose(secret, ACME, date=AT))


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"From: a\r\n\r\nbare\nLF\r\n", id="bare LF"),
        pytest.param(b"From: a\r\n\r\nbare\rCR\r\n", id="bare CR"),
        pytest.param(b"From: a\r\n\r\nthe\rwrong\nway\n\rround\r\n", id="as many CR as LF"),
        pytest.param(b"From: a\r\n\r\nno end", id="no end"),
        pytest.param(b"From: a\r\n\r\nN\0L\r\n", id="NUL"),
        pytest.param(b"From: a\r\n\r\n" + b"x" * 999 + b"\r\n", id="a line too long"),
        pytest.param(b"From: a\r\n\r\n\xc3\xb6\r\n", id="8-bit body"),
        pytest.param(b"From: \xc3\xb6\r\n\r\nx\r\n", id="8-bit header"),
        pytest.param(b"From: a\r\nBcc: b\r\n\r\nx\r\n", id="a field nobody set"),
        pytest.param(b"From: a\r\n \r\n\r\nx\r\n", id="a blank line that is folded"),
    ],
)
def test_the_last_guard_refuses_what_no_composer_should_write(data: bytes) -> None:
    _check_bytes(ComposedMail(b"From: a\r\n\r\n" + b"x" * 998 + b"\r\n", needs_smtputf8=False), ["From"])

    with pytest.raises(ContentError):
        _check_bytes(ComposedMail(data, needs_smtputf8=False), ["From"])
