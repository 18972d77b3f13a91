"""A message as it is handed over: what is said of it, and that it carries no second one."""

import pytest

from portal.smtp.capabilities import Capabilities
from portal.smtp.envelope import Envelope, content_for_data, mail_command
from tests.support.smtp_routes import ENVELOPE

MAIL_COMMANDS = [
    pytest.param(b"x\r\n", Capabilities(), b"", id="nothing offered"),
    pytest.param(b"x\r\n", Capabilities(announces_size=True), b" SIZE=3", id="SIZE"),
    pytest.param(b"x\r\n", Capabilities(eight_bit_mime=True), b"", id="7 bits need no BODY"),
    pytest.param(b"\xfc\r\n", Capabilities(eight_bit_mime=True), b" BODY=8BITMIME", id="8 bits do"),
    pytest.param(b"\xfc\r\n", Capabilities(), b"", id="8 bits and not offered"),
]


@pytest.mark.parametrize(("data", "offered", "parameters"), MAIL_COMMANDS)
def test_mail_says_what_is_needed_and_understood(data: bytes, offered: Capabilities, parameters: bytes) -> None:
    envelope = Envelope("bounces@acme.example", "ada@dest.example", data)

    assert mail_command(envelope, offered) == b"MAIL FROM:<bounces@acme.example>" + parameters


STUFFED = [
    (b"a\r\n", b"a\r\n.\r\n"),
    (b".\r\n", b"..\r\n.\r\n"),
    (b"..\r\n", b"...\r\n.\r\n"),
    (b"a\r\n.\r\n.b\r\n", b"a\r\n..\r\n..b\r\n.\r\n"),
    (b"a.\r\n", b"a.\r\n.\r\n"),
    (b"", b".\r\n"),
    (b"no end", b"no end\r\n.\r\n"),
]


@pytest.mark.parametrize(("data", "content"), STUFFED)
def test_dots_are_stuffed_once(data: bytes, content: bytes) -> None:
    assert content_for_data(data) == content


@pytest.mark.parametrize(
    "change",
    [
        {"recipient": "ada@dest.example>\r\nRCPT TO:<eve@dest.example"},
        {"recipient": "ada@dest.example> NOTIFY=NEVER <x"},
        {"recipient": ""},
        {"sender": "a\nb@acme.example"},
        {"sender": "a\u0085b@acme.example"},
        {"sender": "a\ud800b@acme.example"},
        {"data": b"a\nb\r\n"},
        {"data": b"a\rb\r\n"},
        {"data": b"a\r\n.\rb\n\r\n"},
        {"data": b"\n\r"},
    ],
)
def test_an_envelope_cannot_carry_a_second_command_or_message(change: dict[str, str | bytes]) -> None:
    with pytest.raises(ValueError, match=r"the message|an address"):
        Envelope(**{"sender": "a@acme.example", "recipient": "b@dest.example", "data": b"x\r\n", **change})  # type: ignore[arg-type] # the wrong values are the test


def test_the_content_shows_in_no_repr() -> None:
    assert "hello" not in repr(ENVELOPE)
