"""A DMARC policy record (RFC 9989 sections 4.7 and 4.8)."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, TypeVar

from portal.domain.deliverability.published_text import shown
from portal.domain.deliverability.tag_list import TagList, parse_tag_list

_VERSION: Final = re.compile(rb"[vV][ \t]*=[ \t]*DMARC1[ \t]*(?:;|\Z)")
_URI: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[^\s,]+")
_MAILTO: Final = re.compile(r"mailto:[^@\s,?]+@([^@\s,?]+)(?:\?[^\s,]*)?", re.IGNORECASE)
_SIZE: Final = re.compile(r"!\d+[kmgt]?$", re.IGNORECASE)
_KNOWN: Final = frozenset({"v", "p", "sp", "np", "adkim", "aspf", "rua", "ruf", "fo", "psd", "t", "pct", "rf", "ri"})


class Policy(StrEnum):
    """What the domain's owner wants done, from mild to strong."""

    NONE = "none"
    QUARANTINE = "quarantine"
    REJECT = "reject"

    @property
    def one_weaker(self) -> "Policy":
        """What ``t=y`` makes of it (RFC 9989 section 4.7)."""
        return Policy.QUARANTINE if self is Policy.REJECT else Policy.NONE


class AlignmentMode(StrEnum):
    """How much two domains must agree."""

    RELAXED = "r"  # the same organizational domain
    STRICT = "s"  # the same domain


class PublicSuffixFlag(StrEnum):
    """``psd``: what the domain is, for the tree walk."""

    YES = "y"  # others register their domains below it
    NO = "n"  # an organization's own domain, and what is below it belongs to it
    UNKNOWN = "u"


_CHOICES: Final[dict[str, type[StrEnum]]] = {
    "p": Policy,
    "sp": Policy,
    "np": Policy,
    "adkim": AlignmentMode,
    "aspf": AlignmentMode,
    "psd": PublicSuffixFlag,
}


@dataclass(frozen=True, slots=True)
class ReportAddress:
    """Where aggregate reports go.

    Attributes:
        uri: As published, without the size RFC 9989 no longer knows.
        domain: Of a mailto URI; None for others, which nobody serves.
    """

    uri: str
    domain: str | None


@dataclass(frozen=True, slots=True)
class DmarcRecord:
    """What one record says.

    Attributes:
        text: As published, made fit to be shown.
        policy: ``p``; None when absent or none of the three.
        subdomain_policy: ``sp``; None when absent or invalid.
        nonexistent_policy: ``np``; None when absent or invalid.
        dkim_mode: ``adkim``, relaxed when absent or invalid.
        spf_mode: ``aspf``, the same.
        reports: The addresses of ``rua`` that are URIs.
        public_suffix: ``psd``.
        testing: ``t=y``.
        percentage: ``pct`` as published, which RFC 9989 no longer knows and older receivers honour; None when absent.
        invalid: Tags known to DMARC whose value is not valid, with that value; fit to be shown.
        ignored: Unknown tags, repeated ones and what is no tag: receivers pass over it; fit to be shown.
    """

    text: str
    policy: Policy | None = None
    subdomain_policy: Policy | None = None
    nonexistent_policy: Policy | None = None
    dkim_mode: AlignmentMode = AlignmentMode.RELAXED
    spf_mode: AlignmentMode = AlignmentMode.RELAXED
    reports: tuple[ReportAddress, ...] = ()
    public_suffix: PublicSuffixFlag = PublicSuffixFlag.UNKNOWN
    testing: bool = False
    percentage: str | None = None
    invalid: tuple[tuple[str, str], ...] = ()
    ignored: tuple[str, ...] = ()

    @property
    def is_damaged(self) -> bool:
        """Without a valid ``p``, or with an ``sp`` or ``np`` that is not valid (RFC 9989 section 4.7)."""
        return self.policy is None or any(tag in {"sp", "np"} for tag, _ in self.invalid)

    @property
    def is_usable(self) -> bool:
        """Whether DMARC applies at all: a damaged record still counts as p=none where it asks for reports."""
        return not self.is_damaged or bool(self.reports)

    def applicable(self, *, inherited: bool, domain_exists: bool = True) -> tuple[str, Policy]:
        """The tag that decides, and what receivers do in the end.

        Args:
            inherited: The record is that of a domain above.
            domain_exists: The domain of the From address does; False only for NXDOMAIN.
        """
        if self.is_damaged or self.policy is None:
            return "p", Policy.NONE
        tag, policy = "p", self.policy
        if inherited and not domain_exists and self.nonexistent_policy:
            tag, policy = "np", self.nonexistent_policy
        elif inherited and self.subdomain_policy:
            tag, policy = "sp", self.subdomain_policy
        return tag, policy.one_weaker if self.testing else policy


def is_dmarc_record(raw: bytes) -> bool:
    """Whether a TXT record begins with the version; all others at the name are discarded."""
    return _VERSION.match(raw) is not None


def dmarc_records(published: Iterable[bytes]) -> tuple[bytes, ...]:
    """Those of a name's TXT records that are DMARC records. Where there are several, receivers discard all."""
    return tuple(raw for raw in published if is_dmarc_record(raw))


def parse_dmarc_record(raw: bytes) -> DmarcRecord:
    """Read a record that ``is_dmarc_record``. It never fails: receivers pass over what they cannot read."""
    tags = parse_tag_list(raw.decode("utf-8", "backslashreplace")).with_lower_names()
    reports, not_reports = _reports(tags["rua"])
    return DmarcRecord(
        shown(raw),
        _choice(Policy, tags["p"]),
        _choice(Policy, tags["sp"]),
        _choice(Policy, tags["np"]),
        _choice(AlignmentMode, tags["adkim"]) or AlignmentMode.RELAXED,
        _choice(AlignmentMode, tags["aspf"]) or AlignmentMode.RELAXED,
        reports,
        _choice(PublicSuffixFlag, tags["psd"]) or PublicSuffixFlag.UNKNOWN,
        testing=(tags["t"] or "").lower() == "y",
        percentage=None if tags["pct"] is None else shown(tags["pct"], 20),
        invalid=(*_invalid(tags), *(("rua", shown(text, 80)) for text in not_reports)),
        ignored=tuple(shown(text, 80) for text in (*_unknown(tags), *tags.repeated, *tags.broken)),
    )


_Choice = TypeVar("_Choice", bound=StrEnum)


def _choice(kind: type[_Choice], value: str | None) -> _Choice | None:
    """The member of that value, in any case (RFC 5234 section 2.3)."""
    return next((member for member in kind if value is not None and member == value.lower()), None)


def _invalid(tags: TagList) -> Iterator[tuple[str, str]]:
    for name, kind in _CHOICES.items():
        value = tags[name]
        if value is not None and _choice(kind, value) is None:
            yield name, shown(value, 80)


def _unknown(tags: TagList) -> Iterator[str]:
    return (name for name in tags if name not in _KNOWN)


def _reports(value: str | None) -> tuple[tuple[ReportAddress, ...], tuple[str, ...]]:
    """The addresses of ``rua``, and what is none."""
    parts = [_SIZE.sub("", part.strip()) for part in (value or "").split(",") if part.strip()]
    read = [(part, _report(part)) for part in parts]
    return tuple(report for _, report in read if report), tuple(part for part, report in read if not report)


def _report(part: str) -> ReportAddress | None:
    if part.lower().startswith("mailto:"):
        mailto = _MAILTO.fullmatch(part)
        return ReportAddress(shown(part, 200), mailto[1].lower().removesuffix(".")) if mailto else None
    return ReportAddress(shown(part, 200), None) if _URI.fullmatch(part) else None
