"""A message as it is handed over: who from, who to, and its bytes."""

import re
from dataclasses import dataclass, field
from typing import Final

from portal.smtp.capabilities import Capabilities

_NEVER_IN_A_PATH: Final = re.compile(r"[\x00-\x20\x7f-\xa0<>\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Envelope:
    """One message to one recipient.

    Attributes:
        sender: ``local@domain`` of MAIL FROM; empty for a message that must not bounce (RFC 5321 section 4.5.5).
        recipient: ``local@domain`` of RCPT TO.
        data: Header and body as in RFC 5322, lines ended by CRLF, nothing stuffed.
        needs_smtputf8: Whether the header holds UTF-8 (RFC 6531). An address that does so says it by itself.

    Raises:
        ValueError: An address could end its command, or ``data`` has a bare CR or LF, by which a second message could
            be smuggled past a server that takes it for the end of a line.
    """

    sender: str
    recipient: str
    data: bytes = field(repr=False)  # holds sign-in codes and links
    needs_smtputf8: bool = False

    def __post_init__(self) -> None:
        if _NEVER_IN_A_PATH.search(self.sender) or _NEVER_IN_A_PATH.search(self.recipient) or not self.recipient:
            raise ValueError("an address of the envelope has a character that no address has")
        if not self.data.count(b"\r\n") == self.data.count(b"\n") == self.data.count(b"\r"):
            raise ValueError("the message has a bare CR or LF")

    @property
    def is_international(self) -> bool:
        """Whether a server without SMTPUTF8 cannot take it."""
        return self.needs_smtputf8 or not (self.sender.isascii() and self.recipient.isascii())


def mail_command(envelope: Envelope, offered: Capabilities) -> bytes:
    """MAIL with the parameters that the message needs and the server understands, without its end."""
    words = [f"MAIL FROM:<{envelope.sender}>"]
    if offered.announces_size:
        words.append(f"SIZE={len(envelope.data)}")
    if offered.eight_bit_mime and not envelope.data.isascii():
        words.append("BODY=8BITMIME")
    if envelope.is_international:
        words.append("SMTPUTF8")
    return " ".join(words).encode()


def rcpt_command(envelope: Envelope) -> bytes:
    return f"RCPT TO:<{envelope.recipient}>".encode()


def content_for_data(data: bytes) -> bytes:
    """What follows the 354: every dot at the start of a line doubled, and the end (RFC 5321 section 4.5.2)."""
    if data and not data.endswith(b"\r\n"):
        data += b"\r\n"
    if data.startswith(b"."):
        data = b"." + data
    return data.replace(b"\r\n.", b"\r\n..") + b".\r\n"


def content_for_bdat(data: bytes) -> bytes:
    """The one chunk that holds the whole message, as it is (RFC 3030 section 2)."""
    return b"BDAT %d LAST\r\n%b" % (len(data), data)
