"""A reader of messages that knows RFC 5322 and no mercy: the tests' own judge, sharing no code with the composer."""

import re
from dataclasses import dataclass
from email import policy
from email.header import decode_header, make_header
from email.message import EmailMessage, Message
from email.parser import BytesParser
from typing import Self


class NotAMessage(AssertionError):  # noqa: N818 - a verdict, not an error
    """The octets break a rule of RFC 5322."""


@dataclass(frozen=True)
class StrictMessage:
    """The header fields in their order, unfolded, and the body, all as octets."""

    fields: tuple[tuple[str, bytes], ...]
    body: bytes

    @classmethod
    def read(cls, data: bytes, *, utf8: bool = False) -> Self:
        """Read a message line by line, octet by octet.

        Raises:
            NotAMessage: A bare CR or LF, a NUL, a line over 998 octets, a header line that is no field and no
                continuation, a blank continuation, or an octet beyond ASCII (in the header: unless ``utf8``).
        """
        lines = _lines(data)
        if b"" not in lines:
            raise NotAMessage("the header does not end")
        end = lines.index(b"")
        fields = _fields(lines[:end])
        body = b"".join(line + b"\r\n" for line in lines[end + 1 :])
        if not body.isascii() or not (utf8 or all(value.isascii() for _, value in fields)):
            raise NotAMessage("octets beyond ASCII")
        return cls(tuple(fields), body)

    @property
    def names(self) -> list[str]:
        return [name for name, _ in self.fields]

    def value(self, name: str) -> str:
        """The value of a field that occurs once."""
        (value,) = [value for known, value in self.fields if known == name]
        return value.decode()


def _lines(data: bytes) -> list[bytes]:
    lines = data.split(b"\r\n")
    if lines.pop():
        raise NotAMessage("the last line does not end")
    for number, line in enumerate(lines, 1):
        if re.search(rb"[\r\n\0]", line):
            raise NotAMessage(f"line {number} holds a bare CR, LF or NUL")
        if len(line) > 998:
            raise NotAMessage(f"line {number} has {len(line)} octets")
    return lines


def _fields(lines: list[bytes]) -> list[tuple[str, bytes]]:
    fields: list[tuple[str, bytes]] = []
    for line in lines:
        if line[:1] in {b" ", b"\t"}:
            if not fields or not line.strip():
                raise NotAMessage("a continuation of nothing, or by nothing")
            name, value = fields.pop()
            fields.append((name, value + line))
        else:
            found = re.fullmatch(rb"([!-9;-~]+): (.+)", line)
            if not found:
                raise NotAMessage(f"no header field: {line!r}")
            fields.append((found[1].decode("ascii"), found[2]))
    return fields


def parse_modern(data: bytes) -> EmailMessage:
    """What Python's newer parser makes of it, defects included."""
    message = BytesParser(policy=policy.default).parsebytes(data)
    assert isinstance(message, EmailMessage)
    return message


def parse_old(data: bytes) -> Message:
    """What Python's older parser makes of it."""
    return BytesParser(policy=policy.compat32).parsebytes(data)


def decoded_text(value: str) -> str:
    """A header of the older parser's, unfolded, its encoded words decoded."""
    return str(make_header(decode_header(re.sub(r"\r?\n", "", value))))


def leaves(message: Message) -> list[Message]:
    """The parts that hold no parts."""
    return [part for part in message.walk() if not part.is_multipart()]


def text_of(part: Message) -> str:
    """The text of a leaf with line breaks as LF."""
    payload = part.get_payload(decode=True)
    assert isinstance(payload, bytes)
    return payload.decode().replace("\r\n", "\n")
