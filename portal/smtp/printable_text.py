"""Text that a stranger chose, made fit to be shown."""

from typing import Final

LINE_LIMIT: Final = 300
"""Characters of a stranger's line that anybody gets to see (THREATS 16)."""


def printable(text: str) -> str:
    """Remove what acts on a terminal, a page or a reader's eye: controls, escapes, bidi and zero-width characters.

    White space of every kind becomes a space, so that words stay apart.
    """
    if text.isprintable():
        return text
    return "".join(character if character.isprintable() else " " if character.isspace() else "" for character in text)


def cut(text: str) -> str:
    """Shorten to ``LINE_LIMIT`` characters. Scrub first: half a password is still half a password."""
    return text if len(text) <= LINE_LIMIT else text[: LINE_LIMIT - 1] + "…"
