"""Bytes in, replies out: the only place that reads what a server says (RFC 5321 section 4.2, THREATS 12)."""

import re
from dataclasses import dataclass
from typing import Final, NoReturn

from portal.domain.mail.smtp_reply import SmtpReply
from portal.domain.routing.trouble import Trouble
from portal.smtp.printable_text import printable

LINE_BYTES: Final = 4 * 1024
REPLY_LINES: Final = 100
REPLY_BYTES: Final = 64 * 1024
ATTEMPT_BYTES: Final = 512 * 1024

_LINE: Final = re.compile(rb"([2-5][0-9][0-9])(?:([ -])(.*))?", re.DOTALL)
_START_OF_LINE: Final = re.compile(rb"(?:[2-5](?:[0-9](?:[0-9](?:\r*|[ -].*)?)?)?)?", re.DOTALL)
_TLS_RECORD: Final = re.compile(rb"[\x15\x16]\x03[\x00-\x04]")  # an alert or a handshake (RFC 8446 section 5.1)


class ReplyError(Exception):
    """What the server sent is not a reply.

    Attributes:
        trouble: ``NOT_SMTP``, ``SPEAKS_TLS`` or ``OVER_LIMITS``.
    """

    def __init__(self, trouble: Trouble) -> None:
        super().__init__(trouble)
        self.trouble = trouble


@dataclass(slots=True)
class _Reading:
    """The lines of a reply whose last line has not come yet."""

    code: int
    lines: list[str]
    size: int


class ReplyReader:
    """Reads replies from bytes that arrive in pieces of any size.

    A line is at most 4 KiB, a reply at most 100 lines and 64 KiB, all replies of an attempt at most 512 KiB. Codes are
    three digits, 200 to 599, and the same on all lines of a reply. A bare LF ends a line as CRLF does: it is a reply,
    not a message, so nothing can be smuggled by it. Texts are decoded as UTF-8 with replacements and made printable.

    After a ``ReplyError`` the reader gives nothing but that error.
    """

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._searched = 0  # no line feed before this place, so that a long line is searched once
        self._reading: _Reading | None = None
        self._budget = ATTEMPT_BYTES
        self._error: ReplyError | None = None

    @property
    def has_bytes(self) -> bool:
        """Whether anything is here that no reply given out has used, be it half a reply."""
        return bool(self._buffer) or self._reading is not None or self._error is not None

    def renew_budget(self) -> None:
        """Count from zero again; said when a new attempt begins on a connection that is kept."""
        self._budget = ATTEMPT_BYTES

    def feed(self, data: bytes) -> None:
        """Take bytes as they came.

        Raises:
            ReplyError: They are more than an attempt may have.
        """
        self._budget -= len(data)
        if self._budget < 0:
            self._fail(Trouble.OVER_LIMITS)
        self._buffer += data

    def next_reply(self) -> SmtpReply | None:
        """The next whole reply, or None while there is none.

        Raises:
            ReplyError: What came cannot become a reply, whatever follows.
        """
        if self._error is not None:
            raise self._error
        while (line := self._next_line()) is not None:
            if (reply := self._add(line)) is not None:
                return reply
        return None

    def _next_line(self) -> bytes | None:
        end = self._buffer.find(b"\n", self._searched)
        if end > LINE_BYTES or (end < 0 and len(self._buffer) > LINE_BYTES):
            self._fail(Trouble.OVER_LIMITS)
        if end < 0:
            self._searched = len(self._buffer)
            # A stranger that waits for us to speak, or sends no line feed ever, is known by its first bytes.
            if not _START_OF_LINE.fullmatch(self._buffer):
                self._not_a_reply(bytes(self._buffer[:8]))
            return None
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 1]
        self._searched = 0
        return line.rstrip(b"\r")

    def _add(self, line: bytes) -> SmtpReply | None:
        parts = _LINE.fullmatch(line)
        if parts is None:
            self._not_a_reply(line[:8])
        code, separator, text = int(parts[1]), parts[2], printable((parts[3] or b"").decode("utf-8", "replace"))
        reading = self._reading
        if reading is None:
            if separator != b"-":
                return SmtpReply(code, (text,))
            reading = self._reading = _Reading(code, [], 0)
        reading.lines.append(text)
        reading.size += len(line)
        if code != reading.code:
            self._fail(Trouble.NOT_SMTP)
        if reading.size > REPLY_BYTES or len(reading.lines) > REPLY_LINES:
            self._fail(Trouble.OVER_LIMITS)
        if separator == b"-":
            return None
        self._reading = None
        return SmtpReply(code, tuple(reading.lines))

    def _not_a_reply(self, start: bytes) -> NoReturn:
        self._fail(Trouble.SPEAKS_TLS if _TLS_RECORD.match(start) else Trouble.NOT_SMTP)

    def _fail(self, trouble: Trouble) -> NoReturn:
        self._buffer.clear()
        self._error = ReplyError(trouble)
        raise self._error
