"""Records that were meant for DMARC and are not read as such."""

import re
from dataclasses import dataclass
from typing import Final

from portal.domain.deliverability.dmarc.record import is_dmarc_record, parse_dmarc_record

_QUOTES: Final = "\"'“”„‚‘’«»"
_LIKE_A_RECORD: Final = re.compile(r"v\s*=\s*dmarc|^\s*p\s*=\s*(?:none|quarantine|reject)\b", re.IGNORECASE)
_VERSION: Final = re.compile(r"v\s*=\s*dmarc\s*-?\s*1?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class NearMiss:
    """What keeps receivers from reading a record.

    Attributes:
        why: The end of a sentence that begins with the record.
        repaired: The record as it was meant; None where nobody can tell.
    """

    why: str
    repaired: str | None


def near_miss(raw: bytes) -> NearMiss | None:
    """Why a TXT record that looks like one for DMARC is none; None when it does not look like one, or is one."""
    text = raw.decode("utf-8", "backslashreplace")
    if is_dmarc_record(raw) or not _LIKE_A_RECORD.search(text):
        return None
    return NearMiss(_why(text), _repaired(text))


def _why(text: str) -> str:
    if text.strip()[:1] in set(_QUOTES):
        return "has quotation marks around it, which receivers take for a part of the record"
    if text[:1].isspace():
        return "begins with white space"
    version = _VERSION.match(text)
    if not version:
        return "does not begin with v=DMARC1"
    if not version[0].endswith("DMARC1"):
        return f"begins with «{version[0]}», and only v=DMARC1 in capital letters counts"
    return "has no semicolon after v=DMARC1"


def _repaired(text: str) -> str | None:
    """The record as it was meant, if one comes out that says which policy it has."""
    bare = "".join(character for character in text if character not in _QUOTES).replace("\\;", ";").strip()
    rest = _VERSION.sub("", bare, count=1) if _VERSION.match(bare) else bare
    tags = [part.strip() for part in re.split(r";|,(?=\s*[a-z]+\s*=)|\s+(?=[a-z]+\s*=)", rest) if part.strip()]
    repaired = "; ".join(["v=DMARC1", *tags])
    return repaired if repaired.isascii() and parse_dmarc_record(repaired.encode()).policy else None
