"""The checks of one subject put together, and the one line above them."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from portal.domain.deliverability.checks.alignment import check_alignment
from portal.domain.deliverability.checks.dkim import check_dkim
from portal.domain.deliverability.checks.dmarc import check_dmarc
from portal.domain.deliverability.checks.domain import check_domain
from portal.domain.deliverability.checks.optional import check_bimi, check_dnssec, check_mta_sts, check_tls_rpt
from portal.domain.deliverability.checks.ptr import check_ptr
from portal.domain.deliverability.checks.spf import check_spf
from portal.domain.deliverability.dns_answers import DnsAnswers
from portal.domain.deliverability.findings import CheckId, Finding, Verdict, worst
from portal.domain.deliverability.subject import Subject

REQUIRED: Final = frozenset({CheckId.DOMAIN, CheckId.SPF, CheckId.DKIM, CheckId.DMARC, CheckId.ALIGNMENT, CheckId.PTR})
"""The checks that make the overall verdict; the others only tell."""


CHECKS: Final = (
    check_domain,
    check_spf,
    check_dkim,
    check_dmarc,
    check_ptr,
    check_tls_rpt,
    check_mta_sts,
    check_bimi,
    check_dnssec,
)
"""Each a function of subject and answers, the most important first. ``check_alignment`` needs their verdicts."""

_ORDER: Final = tuple(CheckId)


@dataclass(frozen=True, slots=True)
class Report:
    """The truth about a domain, as far as the answers tell it.

    Attributes:
        findings: One for each check, in the order of DELIVERABILITY section 3.
    """

    domain: str
    findings: tuple[Finding, ...]

    @property
    def overall(self) -> Verdict:
        """The worst of the required checks: red before grey before amber before green."""
        return worst(each.verdict for each in self.findings if each.check in REQUIRED)

    @property
    def headline(self) -> str:
        """One sentence that says what will happen to the tenant's mail, and why."""
        decisive = next((each for each in self._required() if each.verdict is self.overall), None)
        because = decisive.summary if decisive else ""
        match self.overall:
            case Verdict.FAIL:
                return f"Mail from {self.domain} will be refused or land in spam: {because}"
            case Verdict.UNKNOWN:
                return f"We cannot tell yet whether mail from {self.domain} is believed: {because}"
            case Verdict.WARN:
                return f"Receivers will see mail from {self.domain} as authenticated, with something to mend: {because}"
            case _:
                return f"Ready: receivers will see mail from {self.domain} as authenticated."

    def of(self, check: CheckId) -> Finding:
        return next(each for each in self.findings if each.check is check)

    def _required(self) -> Iterator[Finding]:
        return (each for each in self.findings if each.check in REQUIRED)


def report(subject: Subject, answers: DnsAnswers) -> Report:
    """Run every check.

    Raises:
        Unanswered: ``missing_questions`` has more to ask.
    """
    found = {each.check: each for each in (check(subject, answers) for check in CHECKS)}
    aligned = check_alignment(subject, found[CheckId.SPF].verdict, found[CheckId.DKIM].verdict, answers)
    findings = sorted((*found.values(), aligned), key=lambda each: _ORDER.index(each.check))
    return Report(subject.from_domain, tuple(findings))
