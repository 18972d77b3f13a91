"""What came out of an evaluation of SPF, and the way that led there: the trace that explains it."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from portal.domain.deliverability.dns_answers import IpAddress, Question
from portal.domain.deliverability.spf.record import SpfRecord


class SpfResult(StrEnum):
    """RFC 7208 section 2.6."""

    NONE = "none"
    NEUTRAL = "neutral"
    PASS = "pass"  # noqa: S105 - a result, no password
    FAIL = "fail"
    SOFTFAIL = "softfail"
    TEMPERROR = "temperror"
    PERMERROR = "permerror"


class SpfTrouble(StrEnum):
    """Why an evaluation ended in an error, or without a record to look at."""

    NOT_A_DOMAIN = "not_a_domain"
    NO_SUCH_DOMAIN = "no_such_domain"
    NO_RECORD = "no_record"
    SEVERAL_RECORDS = "several_records"
    SYNTAX = "syntax"
    TOO_MANY_LOOKUPS = "too_many_lookups"
    TOO_MANY_VOIDS = "too_many_voids"
    TOO_MANY_EXCHANGERS = "too_many_exchangers"
    LOOP = "loop"  # seen in the whole tree; a receiver sees too many look-ups
    LOOKUP_FAILED = "lookup_failed"


@dataclass(frozen=True, slots=True)
class SpfLimits:
    """How much a receiver looks up for one message (RFC 7208 section 4.6.4).

    Attributes:
        lookups: Terms that ask the DNS.
        voids: Look-ups without a record that are forgiven.
        exchangers: Hosts of one MX.
        reverse_names: Names of one address that are looked at.
    """

    lookups: int = 10
    voids: int = 2
    exchangers: int = 10
    reverse_names: int = 10


RFC_LIMITS: Final = SpfLimits()


@dataclass(frozen=True, slots=True)
class SmtpClient:
    """What SPF knows of a delivery.

    Attributes:
        ip: The address the mail comes from.
        helo: What the client called itself.
        mail_from: The envelope's sender; "" is the null reverse-path of bounces.
        receiver: The host that checks, for %{r}.
        timestamp: Seconds since 1970, for %{t}.
    """

    ip: IpAddress
    helo: str = ""
    mail_from: str = ""
    receiver: str = "unknown"
    timestamp: int = 0

    @property
    def address(self) -> IpAddress:
        """The address as it is compared: an IPv4 address mapped into IPv6 is an IPv4 address (section 5)."""
        mapped = self.ip.ipv4_mapped if self.ip.version == 6 else None
        return mapped or self.ip

    @property
    def local_part(self) -> str:
        """The sender's, or "postmaster" where there is none (section 4.3)."""
        return self.mail_from.rpartition("@")[0] or "postmaster"

    @property
    def domain(self) -> str:
        """Of the envelope's sender; of the HELO where that is empty (section 2.4)."""
        return self.mail_from.rpartition("@")[2] if self.mail_from else self.helo


class Outcome(StrEnum):
    """How one term ended. Everything but NO_MATCH ends the record's evaluation."""

    MATCH = "match"
    NO_MATCH = "no_match"
    TEMPERROR = "temperror"
    PERMERROR = "permerror"


@dataclass(frozen=True, slots=True)
class Step:
    """One term that was evaluated.

    Attributes:
        term: As published.
        outcome: What it said of this client.
        lookup: The how-manieth look-up of the whole evaluation it was; None when it cost none.
        asked: The questions it put to the DNS itself, without those of ``record``.
        trouble: Why it is an error.
        detail: What ``trouble`` is about: the domain, the term, or what the DNS said.
        record: What an include or redirect led to.
    """

    term: str
    outcome: Outcome
    lookup: int | None = None
    asked: tuple[Question[bytes] | Question[str], ...] = ()
    trouble: SpfTrouble | None = None
    detail: str = ""
    record: "RecordEvaluation | None" = None


@dataclass(frozen=True, slots=True)
class RecordEvaluation:
    """The evaluation of one domain's record.

    Attributes:
        record: None when there was none to evaluate, and ``trouble`` says why.
        steps: The terms that were evaluated, in order; the last of them decided, unless the result is neutral for
            want of a match.
        trouble: Why there is a permerror, temperror or none here, or in what was included.
        detail: What ``trouble`` is about.
    """

    domain: str
    result: SpfResult
    record: SpfRecord | None = None
    steps: tuple[Step, ...] = ()
    trouble: SpfTrouble | None = None
    detail: str = ""

    @property
    def deciding(self) -> Step | None:
        """The term that ended the evaluation; None when none matched, or none could be read."""
        last = self.steps[-1] if self.steps else None
        return last if last and last.outcome is not Outcome.NO_MATCH else None


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The answer of ``check_host``.

    Attributes:
        root: The record of the domain that was asked about.
        lookups: How many of the ten this evaluation used.
        voids: How many look-ups found no record.
    """

    client: SmtpClient
    root: RecordEvaluation
    lookups: int
    voids: int

    @property
    def result(self) -> SpfResult:
        return self.root.result

    @property
    def path(self) -> tuple[tuple[str, Step], ...]:
        """The deciding terms from the outside inward, each with the domain that publishes it."""
        found: list[tuple[str, Step]] = []
        current: RecordEvaluation | None = self.root
        while current and current.deciding:
            found.append((current.domain, current.deciding))
            current = current.deciding.record
        return tuple(found)

    @property
    def trouble(self) -> SpfTrouble | None:
        return self.root.trouble

    def outline(self) -> Iterator[tuple[int, str, Step]]:
        """Every step in the order of evaluation: how deep it lies, who publishes it, and what happened."""
        yield from _outline(self.root, 0)


def _outline(record: RecordEvaluation, depth: int) -> Iterator[tuple[int, str, Step]]:
    for step in record.steps:
        yield depth, record.domain, step
        if step.record:
            yield from _outline(step.record, depth + 1)
