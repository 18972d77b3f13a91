"""Text from the DNS, made fit to be shown: it is written by strangers, and may hold anything (THREATS)."""

from typing import Final

LONGEST_SHOWN: Final = 2000
"""Characters of one record; what is longer is cut, and says so by an ellipsis."""


def shown(raw: bytes | str, longest: int = LONGEST_SHOWN) -> str:
    r"""A record as people may see it: bytes that are not UTF-8 as ``\x96``, control characters as ``\x0d``.

    Invisible and direction-changing characters become escapes as well. HTML is escaped by the page, not here.
    """
    text = raw.decode("utf-8", "backslashreplace") if isinstance(raw, bytes) else raw
    if len(text) > longest:
        text = text[: longest - 1] + "…"
    return "".join(character if character.isprintable() else _escaped(character) for character in text)


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")
