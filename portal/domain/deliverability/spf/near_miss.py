"""Records that were meant for SPF and are not read as such."""

import re
from dataclasses import dataclass
from typing import Final

from portal.domain.deliverability.published_text import shown
from portal.domain.deliverability.spf.record import is_spf_record

_QUOTES: Final = "\"'“”„‚‘’«»"
_SPACES: Final = re.compile(r"\s+")  # also those that only look like one
_VERSION: Final = re.compile(r"v\s*=\s*spf\d*[;:,]?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class NearMiss:
    """What keeps receivers from reading a record.

    Attributes:
        why: The end of a sentence that begins with the record.
        repaired: The record as it was meant.
    """

    why: str
    repaired: bytes


def near_miss(raw: bytes) -> NearMiss | None:
    """Why a TXT record that looks like one for SPF is none; None when it does not look like one, or is one."""
    text = raw.decode("utf-8", "backslashreplace")
    bare = "".join(character for character in text if character not in _QUOTES).strip()
    version = _VERSION.match(bare)
    if is_spf_record(raw) or not version:
        return None
    rest = _SPACES.sub(" ", bare[version.end() :]).strip(" ;,")
    repaired = f"v=spf1 {rest}".strip().encode()
    if text.strip()[:1] in set(_QUOTES):
        return NearMiss("has quotation marks around it, which receivers take for a part of the record", repaired)
    if text[:1].isspace():
        return NearMiss("begins with white space", repaired)
    return NearMiss(
        f"begins with «{shown(bare[: version.end() + 1]).rstrip()}», and must begin with «v=spf1» and a space", repaired
    )
