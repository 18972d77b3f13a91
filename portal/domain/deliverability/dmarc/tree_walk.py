"""The DNS tree walk: which DMARC records lie above a domain, and where its organization begins (RFC 9989 4.10)."""

from dataclasses import dataclass
from typing import Final

from portal.domain.deliverability.dmarc.record import (
    DmarcRecord,
    PublicSuffixFlag,
    dmarc_records,
    parse_dmarc_record,
)
from portal.domain.deliverability.dns_answers import (
    NO_SUCH_NAME,
    Answer,
    DnsAnswers,
    LookupFailure,
    Question,
    data_of,
    txt,
)
from portal.domain.deliverability.dns_names import parent, query_name, suffixes

_LABELS_LEFT: Final = 7  # of a longer name, after its own record has been asked for


@dataclass(frozen=True, slots=True)
class WalkStep:
    """What lies at one name.

    Attributes:
        domain: Whose record it would be; it is published at ``_dmarc`` below it.
        record: The one DMARC record there; None when there is none, or several.
        several: How many there are when receivers discard them for being several; else 0.
        failure: Why nobody knows.
    """

    domain: str
    record: DmarcRecord | None = None
    several: int = 0
    failure: LookupFailure | None = None


@dataclass(frozen=True, slots=True)
class TreeWalk:
    """The steps from a domain upwards, to the one that ended the walk."""

    steps: tuple[WalkStep, ...]

    @property
    def start(self) -> WalkStep:
        return self.steps[0]

    @property
    def failed(self) -> WalkStep | None:
        """The first step nobody knows about: everything that depends on the walk is unknown with it."""
        return next((step for step in self.steps if step.failure), None)

    @property
    def organizational_domain(self) -> str:
        """Where the organization begins (section 4.10.2). Only to be believed when no step has failed."""
        records = [(step.domain, step.record) for step in self.steps if step.record]
        start = self.start.domain
        for domain, record in records:
            if record.public_suffix is PublicSuffixFlag.NO:
                return domain
            if record.public_suffix is PublicSuffixFlag.YES and domain != start:
                return _one_below(domain, start)
        return min((domain for domain, _ in records), key=lambda domain: domain.count("."), default=start)

    def record_at(self, domain: str) -> DmarcRecord | None:
        return next((step.record for step in self.steps if step.domain == domain), None)


def dmarc_question(domain: str) -> Question[bytes] | None:
    """For the record of a domain; None when the name would be too long to exist."""
    name = query_name(f"_dmarc.{domain}")
    return txt(name) if name else None


def walk_domains(domain: str) -> tuple[str, ...]:
    """The domains a walk visits when nothing stops it: at most eight."""
    first, *above = suffixes(domain)
    return (first, *(name for name in above if name.count(".") < _LABELS_LEFT))


def walk_questions(domain: str) -> tuple[Question[bytes], ...]:
    """All that a walk may have to ask; they are few, so they are asked for at once."""
    return tuple(question for name in walk_domains(domain) if (question := dmarc_question(name)))


def tree_walk(domain: str, answers: DnsAnswers) -> TreeWalk:
    """Walk from a domain to the top-level domain, or to the record that says where to stop.

    What lies above the end of the walk has been asked for, and is not looked at.

    Args:
        domain: As ``query_name`` returns it.

    Raises:
        Unanswered: More must be asked first.
    """
    answers.need(*walk_questions(domain))
    steps: list[WalkStep] = []
    for name in walk_domains(domain):
        question = dmarc_question(name)
        step = _step(name, answers[question] if question else NO_SUCH_NAME)
        steps.append(step)
        if step.record and step.record.public_suffix is not PublicSuffixFlag.UNKNOWN:
            break
    return TreeWalk(tuple(steps))


def _step(domain: str, answer: Answer[bytes]) -> WalkStep:
    if isinstance(answer, LookupFailure):
        return WalkStep(domain, failure=answer)
    records = dmarc_records(data_of(answer))
    if len(records) == 1:
        return WalkStep(domain, parse_dmarc_record(records[0]))
    return WalkStep(domain, several=len(records))


def _one_below(ancestor: str, name: str) -> str:
    """The domain one label below an ancestor, on the way to a name."""
    current = name
    while (above := parent(current)) is not None and above != ancestor:
        current = above
    return current
