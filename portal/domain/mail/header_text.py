"""What a person's words must not hold before they may stand in a header.

These are our own guards (THREATS 14). Python's are not enough: the ``email`` package of 3.11 decodes an encoded word
it is given and then writes the line break inside it into the message (CVE-2024-6923).
"""

import unicodedata
from enum import StrEnum
from typing import Final

LONGEST_TEXT: Final = 900
"""Characters of a header's value: with its name it stays within the 998 of a line even where it may not be folded."""

ENCODED_WORD_MARK: Final = "=?"


class HeaderTextReason(StrEnum):
    """Why a text may not stand in a header. The value is a sentence for the person who typed it."""

    LINE_BREAK = "Leave out line breaks, tabs and control characters."
    INVISIBLE = "Leave out characters that cannot be seen, such as text direction marks and zero-width spaces."
    BROKEN = "A character of this text is damaged; type it again."
    ENCODED_WORD = "Leave out “=?”: mail programs take it for the beginning of encoded text."
    TOO_LONG = "This text is too long."


class HeaderTextError(ValueError):
    """A text that may not stand in a header.

    Attributes:
        reason: What is wrong with it. The text itself is not repeated: a subject may hold a sign-in code.
    """

    def __init__(self, reason: HeaderTextReason) -> None:
        super().__init__(reason.value)
        self.reason = reason


_REFUSED_CATEGORIES: Final = {
    "Cc": HeaderTextReason.LINE_BREAK,  # CR, LF, NUL, tab, and U+0085 of the C1 set
    "Zl": HeaderTextReason.LINE_BREAK,  # U+2028; str.splitlines() breaks there, and others do with it
    "Zp": HeaderTextReason.LINE_BREAK,  # U+2029
    "Cf": HeaderTextReason.INVISIBLE,  # bidirectional overrides, zero-width characters, tags
    "Cs": HeaderTextReason.BROKEN,  # a lone surrogate: it cannot be written as UTF-8
}


def check_header_text(text: str, *, longest: int = LONGEST_TEXT) -> None:
    """Refuse what could end a header, forge another, or show other words than it says.

    Args:
        text: A subject, a display name or the value of a custom header, before any encoding.
        longest: How many characters it may have.

    Raises:
        HeaderTextError: The text may not stand in a header.
    """
    if len(text) > longest:
        raise HeaderTextError(HeaderTextReason.TOO_LONG)
    refused = refused_character(text)
    if refused is not None:
        raise HeaderTextError(refused)
    if ENCODED_WORD_MARK in text:
        raise HeaderTextError(HeaderTextReason.ENCODED_WORD)


def refused_character(text: str) -> HeaderTextReason | None:
    """Why the first refused character of a text is refused, or None when all may stand in a header."""
    if text.isascii() and text.isprintable():
        return None
    reasons = (_REFUSED_CATEGORIES.get(unicodedata.category(character)) for character in text)
    return next((reason for reason in reasons if reason is not None), None)
