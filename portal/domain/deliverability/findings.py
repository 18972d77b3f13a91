"""What a check says: a verdict, sentences with the observed values in them, and the records that would heal it."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice
from typing import Final

from portal.domain.deliverability.dns_answers import Answer, LookupFailure, NoRecord
from portal.domain.deliverability.published_text import shown
from portal.domain.deliverability.suggested_record import SuggestedRecord


class Verdict(StrEnum):
    """The state of a check. The values are promises (CONTRACT)."""

    PASS = "pass"  # noqa: S105 - a verdict, no password
    WARN = "warn"
    FAIL = "fail"
    UNKNOWN = "unknown"  # could not check: never said to be missing, and never green
    INFO = "info"  # optional and absent, or only to be told
    SKIP = "skip"  # does not apply


class CheckId(StrEnum):
    """What is checked. The values are promises (CONTRACT)."""

    DOMAIN = "domain"
    SPF = "spf"
    DKIM = "dkim"
    DMARC = "dmarc"
    ALIGNMENT = "alignment"
    PTR = "ptr"
    TLS_RPT = "tls_rpt"
    MTA_STS = "mta_sts"
    BIMI = "bimi"
    DNSSEC = "dnssec"


_MOST_REMARKS: Final = 12
_MOST_FOUND: Final = 4
_LONGEST_FOUND: Final = 600
"""What a finding holds at most, so that no zone can flood a page: nobody mends more at one time."""

_WORST_FIRST: Final = (Verdict.FAIL, Verdict.UNKNOWN, Verdict.WARN, Verdict.PASS, Verdict.INFO, Verdict.SKIP)


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """The verdict on several; "skip" on none."""
    return min(verdicts, key=_WORST_FIRST.index, default=Verdict.SKIP)


@dataclass(frozen=True, slots=True)
class Remark:
    """One thing that was seen, as a sentence for the tenant's admin."""

    verdict: Verdict
    sentence: str


@dataclass(frozen=True, slots=True)
class Finding:
    """The outcome of one check.

    Attributes:
        summary: The sentence of the worst that was seen.
        details: Everything else, the worst first.
        found: The records as published, fit to be shown.
        wanted: Records to publish; empty where nothing can be said that is sure to help.
    """

    check: CheckId
    verdict: Verdict
    summary: str
    details: tuple[Remark, ...] = ()
    found: tuple[str, ...] = ()
    wanted: tuple[SuggestedRecord, ...] = ()


def finding(
    check: CheckId,
    remarks: Iterable[Remark],
    *,
    found: Iterable[str] = (),
    wanted: Iterable[SuggestedRecord] = (),
) -> Finding:
    """Put what was seen into one finding: the worst remark speaks for it, the earlier of equals first.

    Args:
        remarks: At least one; what is more than a person can mend at one time is left out.
        found: Likewise.
    """
    ordered = sorted(remarks, key=lambda remark: _WORST_FIRST.index(remark.verdict))[:_MOST_REMARKS]
    records = tuple(shown(text, _LONGEST_FOUND) for text in islice(found, _MOST_FOUND))
    return Finding(check, ordered[0].verdict, ordered[0].sentence, tuple(ordered[1:]), records, tuple(wanted))


def could_not_check(what: str, failure: LookupFailure | str) -> Remark:
    """The remark for a look-up that failed. It says nothing about what is published."""
    detail = failure if isinstance(failure, str) else failure.detail
    return Remark(
        Verdict.UNKNOWN, f"Could not check {what}: {detail}. This says nothing about what is published there."
    )


def may_be_cached(answer: Answer[bytes]) -> str:
    """What to add where a record is missing that may have been added a moment ago; empty or a sentence."""
    if isinstance(answer, NoRecord) and answer.negative_ttl:
        return f" If you have just added it, DNS caches may keep the old answer for {answer.negative_ttl} s."
    return ""
