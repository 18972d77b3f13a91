"""The work that every sender is given: tenants with an account each, and 5 KB messages that can be told apart."""

import re
from typing import Final

_LINE: Final = "{number:03} Every line of this text differs from the others; none needs encoding.\n"
TEXT: Final = "".join(_LINE.format(number=number) for number in range(68)) + ".A line with a dot before it: the end.\n"
"""5 KB. Its last line shows whether dots were stuffed and taken out again (RFC 5321 section 4.5.2)."""
_WIRE_TEXT: Final = ("\n" + TEXT).replace("\n", "\r\n").encode("ascii")
_NUMBER: Final = re.compile(rb"^X-Bench: ([0-9]+)\r$", re.MULTILINE)
MARK: Final = "X-Bench"
"""The header that carries a message's number."""
PLATFORM: Final = "platform"
"""Signs in for the platform's own route; its sender is ``sender_of(PLATFORM)``."""
DOMAIN: Final = "bench.example"


def tenant_names(count: int) -> list[str]:
    return [f"t{number:05}" for number in range(count)]


def sender_of(account: str) -> str:
    """From whom an account may send; the sink refuses it any other domain."""
    return f"noreply@{account}.{DOMAIN}"


def password_of(account: str) -> str:
    return f"the password of {account}"


def recipient(number: int) -> str:
    return f"ada{number}@dest.example"


def subject(number: int) -> str:
    return f"Message {number} of the benchmark"


def composed(account: str, number: int) -> bytes:
    """A message as the senders hand it over that are given finished ones, in lines that end in CRLF."""
    head = (
        f"From: {sender_of(account)}\r\nTo: {recipient(number)}\r\nSubject: {subject(number)}\r\n"
        f"Date: Fri, 20 Nov 2026 12:00:00 +0000\r\nMessage-ID: <{number}@{DOMAIN}>\r\n"
        f"MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n{MARK}: {number}\r\n"
    )
    return head.encode("ascii") + _WIRE_TEXT


def number_of(content: bytes) -> int | None:
    """Which message this is; None when its header is lost."""
    found = _NUMBER.search(content, 0, 4096)
    return int(found[1]) if found else None


def is_whole(content: bytes) -> bool:
    """Whether the text is all there, byte for byte, behind the empty line."""
    return content.endswith(_WIRE_TEXT)
