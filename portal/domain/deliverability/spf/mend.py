"""Slips in an SPF record whose meaning is plain, put right: other servers may depend on the terms they spoil."""

import re
from typing import Final

from portal.domain.deliverability.spf.terms import MEANT, TermError, parse_term

_BETWEEN_TERMS: Final = re.compile(r"[;,\s]+")  # also the spaces that only look like one
_NAME: Final = re.compile(r"([-+?~]?)([A-Za-z0-9]+)(?=[:/=]|$)")


def mended_terms(raw: bytes) -> str:
    """The terms of a record without its version: broken ones as they were meant, or left out where nobody can tell.

    Args:
        raw: What stands behind ``v=spf1``.
    """
    return " ".join(mended for word in raw.split(b" ") if word for mended in _mended(word))


def _mended(word: bytes) -> list[str]:
    if _is_term(word):
        return [word.decode("ascii")]
    parts = (_as_meant(part) for part in _BETWEEN_TERMS.split(word.decode("utf-8", "replace")) if part)
    return [part for part in parts if _is_term(part.encode())]


def _as_meant(part: str) -> str:
    found = _NAME.match(part)
    meant = MEANT.get(found[2].lower()) if found else None
    if not found or meant is None:
        return part
    rest = part[found.end() :]
    return meant + rest[1:] if meant.endswith("=") else f"{found[1]}{meant}{rest}"


def _is_term(word: bytes) -> bool:
    try:
        parse_term(word)
    except TermError:
        return False
    return True
