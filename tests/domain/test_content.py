"""What an application may hand in."""

import dataclasses

import pytest

from portal.domain.mail.content import Attachment, Content, ContentError, check_content

PLAIN = Content("Your report", text="Ready.")
PDF = Attachment("report.pdf", "application/pdf", b"%PDF-1.7")
UNSUBSCRIBE = ("List-Unsubscribe", "<https://acme.example/u/7?t=a,b>, <mailto:u@acme.example>")
ONE_CLICK = ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click")
MIB = 1024 * 1024


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(PLAIN, id="text"),
        pytest.param(Content("Your report", html="<p>Ready.</p>"), id="HTML"),
        pytest.param(Content("Größe 例子 🚀", text="a", html="<p>a</p>", attachments=(PDF,) * 50), id="50 attachments"),
        pytest.param(
            Content("s", text="a" * (24 * MIB), attachments=(Attachment("a", "a/b", b"a" * MIB),)), id="25 MiB"
        ),
        pytest.param(Content("s", text="a", headers=(UNSUBSCRIBE, ONE_CLICK)), id="one-click"),
        pytest.param(Content("s", text="a", headers=(("X-Mailgun-Variables", '{"a": "ö"}'),)), id="vendor header"),
        pytest.param(Content("s", text="a", headers=(("References", "<1@a.example> <2@a.example>"),)), id="thread"),
        pytest.param(Content("s", text="a", headers=tuple((f"X-{n}", "v") for n in range(20))), id="20 headers"),
        pytest.param(Content("s", text="a\r\n.\r\nFrom x\r\n\u2028\u202e\x0b"), id="bodies hold anything but NUL"),
    ],
)
def test_what_can_be_sent_passes(content: Content) -> None:
    check_content(content)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"subject": ""}, "needs a subject"),
        ({"subject": "a\r\nBcc: eve@evil.example"}, "Subject: Leave out line breaks"),
        ({"subject": "a\u2028b"}, "Subject: Leave out line breaks"),
        ({"subject": "=?utf-8?q?=0aBcc=3a_eve?="}, "Subject: Leave out “=\\?”"),
        ({"subject": "a\u202eb"}, "cannot be seen"),
        ({"subject": "a" * 901}, "too long"),
        ({"text": None}, "needs a text or an HTML body"),
        ({"text": " \n", "html": ""}, "needs a text or an HTML body"),
        ({"text": "a\0b"}, "NUL"),
        ({"html": "a\ud800b"}, "half a character"),
        ({"text": "a" * (25 * MIB + 1)}, "too large"),
        ({"attachments": (Attachment("a", "a/b", b"a" * (25 * MIB)),)}, "too large"),
        ({"attachments": (PDF,) * 51}, "at most 50 attachments"),
        ({"headers": tuple((f"X-{n}", "v") for n in range(21))}, "at most 20 headers"),
    ],
)
def test_what_cannot_be_sent_is_refused_with_a_sentence(changes: dict[str, object], sentence: str) -> None:
    with pytest.raises(ContentError, match=sentence):
        check_content(dataclasses.replace(PLAIN, **changes))  # type: ignore[arg-type]  # rows of several types


@pytest.mark.parametrize(
    "filename",
    [
        "",
        ".",
        "..",
        " a",
        "a ",
        "a/b",
        "..\\a",
        'a"b',
        "<a>",
        "a\r\nb",
        "a\0",
        "gpj.\u202eexe",
        "=?utf-8?q?a?=",
        "a" * 151,
    ],
)
def test_a_file_name_is_no_path_and_no_riddle(filename: str) -> None:
    with pytest.raises(ContentError, match="name of an attachment"):
        check_content(dataclasses.replace(PLAIN, attachments=(Attachment(filename, "text/plain", b""),)))


@pytest.mark.parametrize(
    "content_type",
    [
        "",
        "pdf",
        "a/b/c",
        "text/html; charset=utf-7",
        "text/html\r\nBcc: eve@evil.example",
        "message/rfc822",
        "Multipart/mixed",
        "text/plain\n",
        "tëxt/plain",
    ],
)
def test_an_attachment_has_a_plain_type_and_is_no_message(content_type: str) -> None:
    with pytest.raises(ContentError, match="attachment"):
        check_content(dataclasses.replace(PLAIN, attachments=(Attachment("a", content_type, b""),)))


@pytest.mark.parametrize(
    "name",
    [
        *("From", "to", "CC", "Bcc", "Sender", "Reply-To", "Return-Path", "Subject", "Date", "Message-ID"),
        *("MIME-Version", "Content-Type", "Content-Transfer-Encoding", "DKIM-Signature", "Received", "Auto-Submitted"),
        *("Resent-To", "Resent-Bcc", "ARC-Seal", "Authentication-Results", "Apparently-To", "Delivered-To"),
        *("Errors-To", "Return-Receipt-To", "Disposition-Notification-To", "X-SMTPAPI", "X-MC-BccAddress"),
        *("", " X-A", "X-A ", "X A", "X:A", "X-A:", "X-Ä", "X\r\nBcc", "X-A\n", "X--A", "X-", "1X", "X_A", "X" * 51),
    ],
)
def test_a_header_that_is_ours_or_names_a_recipient_or_is_no_name_is_refused(name: str) -> None:
    with pytest.raises(ContentError, match="header"):
        check_content(dataclasses.replace(PLAIN, headers=((name, "value"),)))


@pytest.mark.parametrize(
    ("headers", "sentence"),
    [
        ((("X-A", "a\r\nBcc: eve@evil.example"),), "X-A: Leave out line breaks"),
        ((("X-A", "=?utf-8?q?=0a?="),), "X-A: Leave out"),
        ((("X-A", ""),), "empty"),
        ((("X-A", " a"),), "begins or ends with a space"),
        ((("X-A", "1"), ("x-a", "2")), "twice"),
        ((ONE_CLICK,), "needs a List-Unsubscribe"),
        ((UNSUBSCRIBE, ("List-Unsubscribe-Post", "yes")), "form its standard asks for"),
        ((("List-Unsubscribe", "https://acme.example/u"),), "form its standard asks for"),
        ((("List-Unsubscribe", "<javascript:alert(1)>"),), "form its standard asks for"),
        ((("List-Unsubscribe", "<https://acme.example/ü>"),), "plain ASCII"),
        ((("In-Reply-To", "yesterday"),), "form its standard asks for"),
    ],
)
def test_a_bad_header_value_is_refused_without_repeating_it(
    headers: tuple[tuple[str, str], ...], sentence: str
) -> None:
    with pytest.raises(ContentError, match=sentence):
        check_content(dataclasses.replace(PLAIN, headers=headers))


@pytest.mark.parametrize(
    "content",
    [
        PLAIN,
        Content("Größe\u2028", text=None, html="<p>🚀\r\n\0</p>", headers=(UNSUBSCRIBE, ONE_CLICK)),
        Content("s", text="", attachments=(PDF, Attachment("März.bin", "a/b", bytes(range(256))))),
    ],
)
def test_content_comes_out_of_the_outbox_as_it_went_in(content: Content) -> None:
    assert Content.from_bytes(content.to_bytes()) == content


@pytest.mark.parametrize(
    "stored",
    [
        b"",
        b"SECRET",
        b"[]",
        b'{"v":2}',
        b'{"v":1,"subject":"SECRET"}',
        b"\xff",
        b'{"v":1,"subject":"SECRET","text":"","html":"","attachments":[["a","b","SECRET!"]],"headers":[]}',
    ],
)
def test_bytes_that_are_no_content_are_refused_without_repeating_them(stored: bytes) -> None:
    with pytest.raises(ContentError) as refusal:
        Content.from_bytes(stored)

    assert "SECRET" not in str(refusal.value)
    assert refusal.value.__context__ is None


def test_no_repr_and_no_refusal_shows_what_a_message_says() -> None:
    secret = "482913"
    content = Content(
        f"{secret} is your code",
        text=f"{secret}\0",
        html=secret,
        attachments=(Attachment(secret, "text/plain", secret.encode()),),
        headers=(("X-Code", secret),),
    )

    with pytest.raises(ContentError) as refusal:
        check_content(content)

    assert secret not in repr(content) + repr(content.attachments) + str(refusal.value)
