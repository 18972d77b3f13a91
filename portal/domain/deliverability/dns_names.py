"""Names as the DNS knows them: lower-case ASCII, without the root's dot at the end."""

from collections.abc import Iterator
from typing import Final

import idna

LONGEST_NAME: Final = 253  # octets, without the root's dot (RFC 1035 section 2.3.4)
LONGEST_LABEL: Final = 63


def query_name(text: str) -> str | None:
    """The name a question can be asked for.

    Args:
        text: Any text, with or without the root's dot. Labels are what stands between the dots, taken literally:
            the escapes of zone files mean nothing here, and a label may hold spaces or slashes.

    Returns:
        The name, or None when no question can be made of it: an empty label, one longer than 63 octets, more than
        253 octets, or a character that is not ASCII.
    """
    name = text.removesuffix(".").lower()
    if not name.isascii() or len(name) > LONGEST_NAME:
        return None
    if not all(0 < len(label) <= LONGEST_LABEL for label in name.split(".")):
        return None
    return name


def to_ascii(text: str) -> str | None:
    """A domain with its international labels written as A-labels; None when that cannot be done.

    Labels that are ASCII already stay as they are, underscores included.

    Source:
        RFC 5891 and UTS 46, non-transitional: "straße" is not "strasse". RFC 8616 section 2.
    """
    if text.isascii():
        return text
    if len(text) > LONGEST_NAME + 1:  # idna's work grows with the square of the length
        return None
    try:
        labels = idna.uts46_remap(text, std3_rules=False, transitional=False).split(".")
        return ".".join(label if label.isascii() else idna.alabel(label).decode("ascii") for label in labels)
    except idna.IDNAError:
        return None


def parent(name: str) -> str | None:
    """The name without its first label; None above a top-level domain."""
    return name.partition(".")[2] or None


def is_at_or_below(name: str, ancestor: str) -> bool:
    """Whether a name is that one, or stands below it."""
    return name == ancestor or name.endswith("." + ancestor)


def suffixes(name: str) -> Iterator[str]:
    """The name itself, its parent, and so on to the top-level domain."""
    current: str | None = name
    while current:
        yield current
        current = parent(current)
