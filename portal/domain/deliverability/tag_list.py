"""``tag=value; tag=value``: the form DKIM, DMARC and their relatives share (RFC 6376 section 3.2)."""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

_TAG: Final = re.compile(r"\s*([A-Za-z][A-Za-z0-9_]*)\s*=\s*(.*?)\s*", re.DOTALL | re.ASCII)


@dataclass(frozen=True, slots=True)
class TagList:
    """The tags of one record, in their order.

    Attributes:
        tags: Names as published, and values without white space at their ends.
        broken: Parts that are no tag, e.g. for want of an equals sign.
    """

    tags: tuple[tuple[str, str], ...]
    broken: tuple[str, ...] = ()

    def __getitem__(self, name: str) -> str | None:
        """The value of the first tag of that name; None when there is none."""
        return next((value for tag, value in self.tags if tag == name), None)

    def __iter__(self) -> Iterator[str]:
        return (name for name, _ in self.tags)

    @property
    def repeated(self) -> tuple[str, ...]:
        """Names that stand there more than once, which makes a DKIM record invalid."""
        return tuple(name for name, count in Counter(self).items() if count > 1)

    def with_lower_names(self) -> "TagList":
        """For DMARC, whose tag names are the same in any case."""
        return TagList(tuple((name.lower(), value) for name, value in self.tags), self.broken)


def parse_tag_list(text: str) -> TagList:
    """Read a tag list. What is no tag is kept apart, and does not spoil the rest."""
    parts = [part for part in text.split(";") if part.strip()]
    read = [(part.strip(), _TAG.fullmatch(part)) for part in parts]
    return TagList(
        tuple((found[1], found[2]) for _, found in read if found), tuple(part for part, found in read if not found)
    )
