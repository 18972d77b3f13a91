"""The record a domain should publish, made from what it publishes: merged, never a second one."""

from collections.abc import Iterable
from typing import Final

from portal.domain.deliverability.spf.mend import mended_terms
from portal.domain.deliverability.spf.record import parse_record
from portal.domain.deliverability.spf.terms import Directive, Mechanism, Qualifier, Term

_LONGEST: Final = 450
"""Octets of a record that still fits into an answer by UDP (RFC 7208 section 3.4)."""

_LONGEST_MERGED: Final = 4096
"""Octets of what is published: from more than this no record comes that is short enough."""


def merged_record(published: Iterable[bytes], *, add: Iterable[str] = (), drop: Iterable[str] = ()) -> str | None:
    """One record with all that is right in the published ones.

    Broken terms are mended where it is plain what was meant, and go otherwise; ``+all`` and ``?all`` go. ``-all``
    stays where one of them has it, else the end is ``~all``. A redirect becomes an include, because beside ``all``
    nobody would follow it.

    Args:
        published: Octets of SPF records; none for a first record.
        add: Terms to put before ``all``.
        drop: Terms to leave out, as published.

    Returns:
        The record; None when it would be too long for an answer of the DNS.
    """
    left_out = set(drop)
    published = tuple(published)
    if sum(map(len, published)) > _LONGEST_MERGED:
        return None
    kept: dict[str, None] = {}
    modifiers: dict[str, str] = {}
    end = "~all"
    for raw in published:
        record = parse_record(f"v=spf1 {mended_terms(raw[len(b'v=spf1') :])}".encode())
        if record.all and record.all.qualifier is Qualifier.FAIL:
            end = "-all"
        terms: tuple[Term, ...] = (*record.reachable, *record.modifiers)
        for term in terms:
            if term.text not in left_out:
                _keep(term, kept, modifiers)
    for term_text in add:
        kept.setdefault(term_text)
    text = " ".join(("v=spf1", *kept, end, *modifiers.values()))
    return text if len(text) <= _LONGEST else None


def _keep(term: Term, kept: dict[str, None], modifiers: dict[str, str]) -> None:
    if isinstance(term, Directive):
        if term.mechanism is not Mechanism.ALL:
            kept.setdefault(term.text)
    elif term.name == "redirect":
        kept.setdefault("include:" + term.text.partition("=")[2])
    else:
        modifiers.setdefault(term.name, term.text)
