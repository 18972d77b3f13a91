"""Bodies and attachments as MIME parts of 7-bit lines.

Everything is encoded before it leaves: a relay without 8BITMIME would convert an 8-bit body and break its DKIM
signature, and an encoded body holds no line that anybody could take for a header, a boundary or the end of the mail.
"""

import base64
import binascii
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from portal.domain.mail import header_fields
from portal.domain.mail.content import Attachment, Content

_LITERAL: Final = bytes(range(ord(" "), ord("~") + 1)).replace(b"=", b"\n")
"""What quoted-printable leaves as it is, within a line that is not too long (RFC 2045 section 6.7)."""
_QUOTED_LINE: Final = 75  # the module breaks a line rather than end it in the column of the soft break


@dataclass(frozen=True, slots=True)
class Part:
    """A MIME entity (RFC 2045 section 2.4).

    Attributes:
        fields: Its Content-* fields, without their final CRLF.
        body: Encoded, in lines that end in CRLF.
    """

    fields: tuple[str, ...]
    body: bytes


def part_of(content: Content, seed: str) -> Part:
    """Arrange the content: the bodies as alternatives of each other, the attachments behind them.

    Args:
        content: Checked content.
        seed: What the boundaries are made from; the same seed gives the same bytes.
    """
    texts = (("plain", content.text), ("html", content.html))
    bodies = [_text_part(subtype, text) for subtype, text in texts if text and not text.isspace()]
    # The last alternative is the richest: readers show the last one they understand (RFC 2046 section 5.1.4).
    body = bodies[0] if len(bodies) == 1 else _multipart("alternative", bodies, seed)
    if not content.attachments:
        return body
    return _multipart("mixed", [body, *map(_attachment_part, content.attachments)], seed)


def _text_part(subtype: str, text: str) -> Part:
    # A text ends with a line break, as each line of a mail does; quoted-printable could deny it, to nobody's use.
    lines = text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text
    data = (lines if lines.endswith("\n") else lines + "\n").encode()
    quoted = quoted_printable(data)
    # "From " at the beginning of a line is changed to ">From " in mailboxes of the mbox kind, which breaks signatures.
    if len(quoted) > _base64_size(data) or quoted.startswith(b"From ") or b"\nFrom " in quoted:
        encoding, body = "base64", _base64(data.replace(b"\n", b"\r\n"))
    else:
        encoding, body = "quoted-printable", quoted.replace(b"\n", b"\r\n")
    return Part((f"Content-Type: text/{subtype}; charset=utf-8", f"Content-Transfer-Encoding: {encoding}"), body)


def _attachment_part(attachment: Attachment) -> Part:
    disposition = header_fields.parameterised("Content-Disposition", "attachment", "filename", attachment.filename)
    return Part(
        (f"Content-Type: {attachment.content_type}", "Content-Transfer-Encoding: base64", disposition),
        _base64(attachment.data),
    )


def _multipart(subtype: str, parts: Iterable[Part], seed: str) -> Part:
    # "=_" occurs neither in quoted-printable nor in base64, so no line of a part can be the boundary.
    boundary = f"=_{hashlib.sha256(f'{subtype} {seed}'.encode()).hexdigest()[:32]}"
    opening = f"--{boundary}\r\n".encode("ascii")
    chunks: list[bytes] = []
    for part in parts:
        # The CRLF behind a part belongs to the boundary after it (RFC 2046 section 5.1.1).
        chunks += (opening, "\r\n".join(part.fields).encode("ascii"), b"\r\n\r\n", part.body, b"\r\n")
    chunks.append(f"--{boundary}--\r\n".encode("ascii"))
    return Part((f'Content-Type: multipart/{subtype};\r\n boundary="{boundary}"',), b"".join(chunks))


def quoted_printable(data: bytes) -> bytes:
    """Encode lines that end in LF, and leave their ends (RFC 2045 section 6.7).

    Most texts hold nothing that needs to be encoded; to see that costs half of what the encoder does, which goes over
    every octet.
    """
    has_more_than_literals = data.translate(None, _LITERAL)
    ends_lines_in_space = b" \n" in data
    # A dot by itself ends a message where somebody forgets to double it; the encoder hides it, so it gets to see it.
    has_lone_dot = b"\n.\n" in data or data.startswith(b".\n")
    if (
        has_more_than_literals
        or ends_lines_in_space
        or has_lone_dot
        or not data.endswith(b"\n")
        or max(map(len, data.split(b"\n"))) > _QUOTED_LINE
    ):
        return binascii.b2a_qp(data)
    return data


def _base64(data: bytes) -> bytes:
    return base64.encodebytes(data).replace(b"\n", b"\r\n")


def _base64_size(data: bytes) -> int:
    return (len(data) + 2) // 3 * 4
