"""What a server answered."""

import re
from dataclasses import dataclass
from typing import Final, NamedTuple, Self

_LINE: Final = re.compile(r"([2-5]\d\d)(?:([ -])(.*))?")
_LINE_ENDS: Final = re.compile(r"\r?\n|\\r\\n|\\n")
_ENHANCED: Final = re.compile(r"([245])\.(\d{1,3})\.(\d{1,3})(?=\s|$)")


class EnhancedCode(NamedTuple):
    """An enhanced mail system status code, e.g. 5.7.8 (RFC 3463)."""

    success: int
    """2 success, 4 persistent transient failure, 5 permanent failure."""
    subject: int
    detail: int

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """Read the enhanced status code at the start of a reply's text.

        Args:
            text: Reply text without the three-digit code, e.g.
                ``"5.7.8 Authentication credentials invalid"``.

        Returns:
            The code, or None when the server did not send one. Servers that do not
            announce ENHANCEDSTATUSCODES are free to leave it out, so None is no error.

        Source:
            RFC 3463 section 2 (syntax), RFC 2034 (placement in a reply).
        """
        found = _ENHANCED.match(text)
        return cls(int(found[1]), int(found[2]), int(found[3])) if found else None

    def __str__(self) -> str:
        return f"{self.success}.{self.subject}.{self.detail}"


class MalformedReplyError(ValueError):
    """What was handed in is no SMTP reply. The text is one sentence for the person who typed it."""


@dataclass(frozen=True, slots=True)
class SmtpReply:
    """A complete reply: the code all its lines share, and their texts (RFC 5321 section 4.2).

    Attributes:
        code: 200 to 599.
        lines: One text a line, without code and separator; at least one, possibly empty.
    """

    code: int
    lines: tuple[str, ...]

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a reply a person has copied, e.g. from a log: one line or several, each with its code.

        The connection does not read replies with this; it has limits and deadlines to keep.

        Args:
            text: E.g. ``"550 5.1.1 No such user"``; lines parted by line breaks, or by backslash and n as
                shells pass them on. The last line may carry the hyphen of a line that had a successor.

        Raises:
            MalformedReplyError: It is empty, a line has no code, or the codes differ.

        Source:
            RFC 5321 section 4.2 (syntax) and 4.2.1 (one code on all lines).
        """
        lines = [line.strip() for line in _LINE_ENDS.split(text) if line.strip()]
        if not lines:
            raise MalformedReplyError("The reply is empty; it looks like: 550 5.1.1 No such user.")
        found = [_LINE.fullmatch(line) for line in lines]
        for line, match in zip(lines, found, strict=True):
            if not match:
                raise MalformedReplyError(
                    f"The line {line[:60]!r} does not begin with a reply code (200 to 599) and a blank or hyphen."
                )
        parts = [(int(match[1]), match[3] or "") for match in found if match]
        codes = {code for code, _ in parts}
        if len(codes) > 1:
            raise MalformedReplyError(f"All lines of a reply have one code; these have {sorted(codes)}.")
        return cls(codes.pop(), tuple(words.strip() for _, words in parts))

    @property
    def text(self) -> str:
        """The texts of all lines, parted by one space, the repeated enhanced codes of later lines kept."""
        return " ".join(line for line in self.lines if line)

    @property
    def enhanced(self) -> EnhancedCode | None:
        return EnhancedCode.parse(self.lines[0]) if self.lines else None

    @property
    def is_positive(self) -> bool:
        return 200 <= self.code < 300

    @property
    def is_temporary(self) -> bool:
        return 400 <= self.code < 500

    @property
    def is_permanent(self) -> bool:
        return 500 <= self.code < 600

    def __str__(self) -> str:
        return f"{self.code} {self.text}".rstrip()
