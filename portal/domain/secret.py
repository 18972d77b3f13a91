"""A value that must never be seen."""

import hmac
from typing import Final

MARK: Final = "••••"
"""What a secret looks like wherever it would otherwise be shown."""


class Secret:
    """A password or key that shows a mark in every repr, str, format, pickle and JSON dump.

    Only ``reveal()`` hands the text over, so that each place which does is found by one search.
    """

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        return self._text

    def __repr__(self) -> str:
        return MARK

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return format(MARK, spec)

    def __bool__(self) -> bool:
        return bool(self._text)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(self._text.encode(), other._text.encode())

    def __hash__(self) -> int:
        return hash((Secret, self._text))

    def __reduce__(self) -> tuple[type[str], tuple[str]]:
        # A pickled secret would lie in a cache, a queue or a crash report: it arrives there as the mark.
        return str, (MARK,)
