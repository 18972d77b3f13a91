"""Ask the DNS about a domain until the report can be written."""

from collections.abc import Sequence
from dataclasses import dataclass

from portal.dns_resolver.inquiry import REPORT, Budget, DnsInquiry
from portal.domain.deliverability.dns_answers import DnsAnswers
from portal.domain.deliverability.lookup_plan import missing_questions
from portal.domain.deliverability.report import Report, report
from portal.domain.deliverability.subject import Subject


@dataclass(frozen=True, slots=True)
class Checked:
    """A report, and what it has cost.

    Attributes:
        queries: How many questions were asked of the DNS.
        seconds: How long it took in all.
    """

    report: Report
    queries: int
    seconds: float


class Deliverability:
    """Checks domains.

    Args:
        name_servers: Address and port of each; None for the machine's own.
    """

    def __init__(self, name_servers: Sequence[tuple[str, int]] | None) -> None:
        self._name_servers = name_servers

    def check(self, subject: Subject, budget: Budget = REPORT) -> Checked:
        """Look a domain up, and judge it. It takes seconds; no transaction may be open meanwhile.

        It never fails: what could not be looked up is said in the report.
        """
        inquiry = DnsInquiry(self._name_servers, budget)
        answers = DnsAnswers()
        while questions := missing_questions(subject, answers):
            answers |= inquiry.ask(questions)
        written = report(subject, answers)
        return Checked(written, inquiry.queries, inquiry.seconds)
