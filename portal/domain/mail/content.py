"""What an application hands in to be sent: subject, bodies, attachments and headers, and nothing of any route."""

import base64
import json
import re
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final, Self

from portal.domain.mail.custom_headers import problem_of_headers
from portal.domain.mail.header_text import HeaderTextError, check_header_text

LARGEST: Final = 25 * 1024 * 1024
"""Octets of bodies and attachments together, before their encoding adds a third."""
MOST_ATTACHMENTS: Final = 50
MOST_HEADERS: Final = 20
_LONGEST_FILENAME: Final = 150  # characters

_VERSION: Final = 1
# RFC 6838 section 4.2 with at most 60 characters a side. No parameters: what we do not write ourselves cannot break.
_MEDIA_TYPE: Final = re.compile(r"([A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,59})/[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,59}")
# Both would be opened by the reader's mail program as further messages, with headers of their own.
_NESTING_TYPES: Final = frozenset({"message", "multipart"})


class ContentError(ValueError):
    """A message that cannot be sent as it was handed in. The text is a sentence, and repeats nothing of the content."""


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file.

    Attributes:
        filename: The name the reader sees; no path.
        content_type: ``type/subtype`` without parameters, e.g. ``application/pdf``.
    """

    filename: str = field(repr=False)
    content_type: str
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, repr=False)
class Content:
    """What the reader gets. Subject and bodies may hold sign-in codes and links, so none of it is in the repr.

    Attributes:
        text: The plain text body, or None.
        html: The HTML body, or None; at least one of the two is there.
        headers: Further headers as pairs of name and value.
    """

    subject: str
    text: str | None = None
    html: str | None = None
    attachments: tuple[Attachment, ...] = ()
    headers: tuple[tuple[str, str], ...] = ()

    def __repr__(self) -> str:
        bodies = "+".join(kind for kind, body in (("text", self.text), ("html", self.html)) if body is not None)
        return f"Content({bodies or 'no body'}, {len(self.attachments)} attachments, {len(self.headers)} headers)"

    def to_bytes(self) -> bytes:
        """Write it down for the outbox, which seals the bytes; ``from_bytes`` reads them."""
        return json.dumps(
            {
                "v": _VERSION,
                "subject": self.subject,
                "text": self.text,
                "html": self.html,
                "attachments": [
                    [one.filename, one.content_type, base64.b64encode(one.data).decode("ascii")]
                    for one in self.attachments
                ],
                "headers": self.headers,
            },
            separators=(",", ":"),
        ).encode("ascii")

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Read what ``to_bytes`` wrote.

        Raises:
            ContentError: The bytes are damaged, or of a version this program does not know.
        """
        # Suppressed rather than chained: a JSON error carries the whole document, which holds secrets.
        with suppress(ValueError, KeyError, TypeError):
            stored = json.loads(data)
            if stored["v"] == _VERSION:
                return cls(
                    subject=stored["subject"],
                    text=stored["text"],
                    html=stored["html"],
                    attachments=tuple(_stored_attachments(stored["attachments"])),
                    headers=tuple((name, value) for name, value in stored["headers"]),
                )
        raise ContentError("The stored content is damaged, or of a version that is not known here.")


def check_content(content: Content) -> None:
    """Refuse what could not be sent, or would be sent as something else.

    Raises:
        ContentError: With a sentence about the first thing that is wrong.
    """
    _check_subject(content.subject)
    bodies = [body for body in (content.text, content.html) if body is not None]
    if not any(body.strip() for body in bodies):
        raise ContentError("A message needs a text or an HTML body.")
    size = sum(len(_encoded(body)) for body in bodies) + sum(len(one.data) for one in content.attachments)
    if size > LARGEST:
        raise ContentError("The message is too large: bodies and attachments have at most 25 MiB together.")
    if len(content.attachments) > MOST_ATTACHMENTS:
        raise ContentError("A message has at most 50 attachments.")
    for attachment in content.attachments:
        _check_attachment(attachment)
    if len(content.headers) > MOST_HEADERS:
        raise ContentError("A message has at most 20 headers of its own.")
    problem = problem_of_headers(content.headers)
    if problem:
        raise ContentError(problem)


def _check_subject(subject: str) -> None:
    if not subject.strip():
        raise ContentError("A message needs a subject.")
    try:
        check_header_text(subject)
    except HeaderTextError as error:
        raise ContentError(f"Subject: {error}") from None


def _encoded(body: str) -> bytes:
    if "\0" in body:
        raise ContentError("The body holds a NUL character, which mail cannot carry (RFC 5322 section 3.5).")
    try:
        return body.encode()
    except UnicodeEncodeError:
        # Without its cause, which carries the body.
        raise ContentError("The body holds half a character (a lone surrogate), which cannot be sent.") from None


def _check_attachment(attachment: Attachment) -> None:
    name = attachment.filename
    try:
        check_header_text(name, longest=_LONGEST_FILENAME)
    except HeaderTextError as error:
        raise ContentError(f"The name of an attachment: {error}") from None
    if not name.strip(" .") or name != name.strip():
        raise ContentError("The name of an attachment is empty, or begins or ends with a space.")
    if any(mark in name for mark in '/\\"<>'):
        raise ContentError("The name of an attachment has no slashes, backslashes, quotation marks or angle brackets.")
    media_type = _MEDIA_TYPE.fullmatch(attachment.content_type)
    if not media_type:
        raise ContentError("The type of an attachment is written type/subtype, for example application/pdf.")
    if media_type[1].lower() in _NESTING_TYPES:
        raise ContentError("A message, or a part that holds others, cannot be an attachment.")


def _stored_attachments(stored: list[list[Any]]) -> Iterable[Attachment]:
    for filename, content_type, data in stored:
        yield Attachment(filename, content_type, base64.b64decode(data, validate=True))
