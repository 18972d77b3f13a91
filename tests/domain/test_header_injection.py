"""What would end a header, forge another or name a further recipient is refused before anything is written."""

import dataclasses

import pytest

from portal.domain.mail.content import Attachment, Content, ContentError
from portal.domain.mail.mime import check_composable
from tests.support.messages import ACME, message, sent
from tests.support.strict_reader import NotAMessage, StrictMessage

SMUGGLED = "Bcc: eve@evil.example"

# Given to the email package of Python 3.11.7 as a Subject, every closed encoded word of these writes a Bcc header.
INJECTIONS = [
    pytest.param(f"a\r\n{SMUGGLED}", id="CRLF"),
    pytest.param(f"a\n{SMUGGLED}", id="LF"),
    pytest.param(f"a\r{SMUGGLED}", id="CR"),
    pytest.param("a\r\n\r\nbody", id="end of the header"),
    pytest.param(f"a\r\n {SMUGGLED}", id="continuation"),
    pytest.param("=?utf-8?q?a=0ABcc=3A_eve=40evil.example?=", id="CVE-2024-6923, Q, LF"),
    pytest.param("=?utf-8?q?a=0D=0ABcc=3A_eve=40evil.example?=", id="CVE-2024-6923, Q, CRLF"),
    pytest.param("=?utf-8?b?YQpCY2M6IGV2ZUBldmlsLmV4YW1wbGU=?=", id="CVE-2024-6923, B"),
    pytest.param("=?UTF-8*en?Q?a=0ABcc=3A_eve?=", id="CVE-2024-6923 with a language"),
    pytest.param("=?utf-7?q?a+AAo-Bcc=3A_eve?=", id="CVE-2024-6923 in UTF-7"),
    pytest.param("x" * 70 + " =?utf-8?q?=0ABcc=3A_eve?=", id="CVE-2024-6923 where it would be folded"),
    pytest.param("=?utf-8?q?=0a", id="an encoded word that is not closed"),
    pytest.param(f"a\x85{SMUGGLED}", id="next line"),
    pytest.param(f"a\u2028{SMUGGLED}", id="line separator"),
    pytest.param(f"a\u2029{SMUGGLED}", id="paragraph separator"),
    pytest.param(f"a\x0b{SMUGGLED}", id="vertical tab"),
    pytest.param(f"a\x0c{SMUGGLED}", id="form feed"),
    pytest.param(f"a\x1c{SMUGGLED}", id="file separator"),
    pytest.param(f"a\0{SMUGGLED}", id="NUL"),
    pytest.param(f"a\udc0a{SMUGGLED}", id="surrogate-escaped LF"),
    pytest.param(f"a\udc0d\udc0a{SMUGGLED}", id="surrogate-escaped CRLF"),
]


@pytest.mark.parametrize("hostile", INJECTIONS)
def test_no_injection_comes_as_far_as_the_composer(hostile: str) -> None:
    with pytest.raises(ContentError, match="Subject"):
        check_composable(message(Content(hostile, text="a")))
    with pytest.raises(ContentError, match="header X-A"):
        check_composable(message(Content("s", text="a", headers=(("X-A", hostile),))))
    with pytest.raises(ContentError, match="name of an attachment"):
        check_composable(message(Content("s", text="a", attachments=(Attachment(hostile, "a/b", b""),))))
    with pytest.raises(ContentError, match="recipient address"):
        check_composable(message(to=f"{hostile}@dest.example"))
    with pytest.raises(ContentError, match="sender's name"):
        sent(identity=dataclasses.replace(ACME, from_name=hostile))
    for role in ("from_address", "reply_to", "envelope_from"):
        with pytest.raises(ContentError, match="address"):
            sent(identity=dataclasses.replace(ACME, **{role: f"{hostile}@acme.example"}))


@pytest.mark.parametrize(
    "broken",
    [
        b"From: a\nBcc: b\r\n\r\nx\r\n",
        b"From: a\r\n \r\n\r\nx\r\n",
        b"From: a\r\nBcc\r\n\r\nx\r\n",
        b"From: a\r\n\r\nx",
        b"From: a\r\n\r\n" + b"x" * 999 + b"\r\n",
        b"From: \xc3\xb6\r\n\r\nx\r\n",
        b"From: a\r\n\r\n\xc3\xb6\r\n",
    ],
)
def test_the_judge_of_these_tests_sees_what_is_wrong(broken: bytes) -> None:
    with pytest.raises(NotAMessage):
        StrictMessage.read(broken)
