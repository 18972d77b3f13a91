"""Bodies and attachments as MIME parts of 7-bit lines.

Everything is encoded before it leaves: a relay without 8BITMIME would convert an 8-bit body and break its DKIM
signature, and an encoded body holds no line that anybody could take for a header, a boundary or the end of the mail.
"""

import base64
import binascii
import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from portal.domain.mail import header_fields
from portal.domain.mail.content import Attachment, Content

_LINE_BREAK: Final = re.compile(r"\r\n|\r|\n")
_MBOX_SEPARATOR: Final = re.compile(rb"^From ", re.MULTILINE)


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
    lines = _LINE_BREAK.sub("\n", text)
    data = (lines if lines.endswith("\n") else lines + "\n").encode()
    quoted = binascii.b2a_qp(data)
    # "From " at the beginning of a line is changed to ">From " in mailboxes of the mbox kind, which breaks signatures.
    if len(quoted) > _base64_size(data) or _MBOX_SEPARATOR.search(quoted):
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


def _base64(data: bytes) -> bytes:
    return base64.encodebytes(data).replace(b"\n", b"\r\n")


def _base64_size(data: bytes) -> int:
    return (len(data) + 2) // 3 * 4
