"""An SPF record as a whole: which TXT record it is, and what its terms say (RFC 7208 sections 4.5 and 4.6)."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from portal.domain.deliverability.published_text import shown
from portal.domain.deliverability.spf.terms import Directive, Mechanism, Modifier, TermError, parse_term

_VERSION: Final = b"v=spf1"
_RECORDS_KEPT: Final = 64
"""An evaluation begins anew with every answer, so each record is read many times in a row."""


@dataclass(frozen=True, slots=True)
class SpfRecord:
    """What one record says.

    Attributes:
        text: As published, made fit to be shown.
        octets: Its length; about 450 fit into an answer of 512 (section 3.4).
        directives: The mechanisms, in their order.
        modifiers: Redirect, exp and unknown ones.
        errors: What is wrong with it; anything makes it a permerror for every receiver.
    """

    text: str
    octets: int
    directives: tuple[Directive, ...]
    modifiers: tuple[Modifier, ...]
    errors: tuple[TermError, ...]

    @property
    def all(self) -> Directive | None:
        """The first ``all``, at which evaluation ends."""
        return next((term for term in self.directives if term.mechanism is Mechanism.ALL), None)

    @property
    def redirect(self) -> Modifier | None:
        """The redirect that is followed: none beside an ``all``, wherever that stands (section 6.1)."""
        return None if self.all else self.modifier("redirect")

    def modifier(self, name: str) -> Modifier | None:
        return next((modifier for modifier in self.modifiers if modifier.name == name), None)

    @property
    def reachable(self) -> tuple[Directive, ...]:
        """The directives up to ``all``; what stands behind it is never looked at (section 5.1)."""
        return self.directives[: self.directives.index(self.all) + 1] if self.all else self.directives


def is_spf_record(raw: bytes) -> bool:
    """Whether a TXT record begins with the version, in any case, and a space or the record's end behind it."""
    return raw[: len(_VERSION)].lower() == _VERSION and raw[len(_VERSION) : len(_VERSION) + 1] in {b"", b" "}


def spf_records(published: Iterable[bytes]) -> tuple[bytes, ...]:
    """Those of a name's TXT records that are SPF records. More than one is a permerror."""
    return tuple(raw for raw in published if is_spf_record(raw))


@lru_cache(maxsize=_RECORDS_KEPT)
def parse_record(raw: bytes) -> SpfRecord:
    """Read a record that ``is_spf_record``. Every error is found, not only the first."""
    directives: list[Directive] = []
    modifiers: list[Modifier] = []
    errors: list[TermError] = []
    for word in raw[len(_VERSION) :].split(b" "):
        if not word:
            continue
        try:
            term = parse_term(word)
        except TermError as error:
            errors.append(error)
            continue
        if isinstance(term, Directive):
            directives.append(term)
            continue
        if term.name in {"redirect", "exp"} and any(modifier.name == term.name for modifier in modifiers):
            errors.append(TermError(term.text, f"«{term.name}» stands here a second time"))
        modifiers.append(term)
    return SpfRecord(shown(raw), len(raw), tuple(directives), tuple(modifiers), tuple(errors))
