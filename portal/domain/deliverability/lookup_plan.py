"""What must still be asked of the DNS before a report can be written."""

from collections.abc import Callable
from functools import partial
from typing import Any

from portal.domain.deliverability.checks.alignment import check_alignment
from portal.domain.deliverability.dns_answers import DnsAnswers, Question, Unanswered
from portal.domain.deliverability.findings import Finding, Verdict
from portal.domain.deliverability.report import CHECKS
from portal.domain.deliverability.subject import Subject


def missing_questions(subject: Subject, answers: DnsAnswers) -> tuple[Question[Any], ...]:
    """The questions to ask next, the most important first; none when ``report`` can be called.

    Each check says itself what it misses, so there is no plan beside the checks that could grow wrong. All of them are
    run, so that what they miss can be asked at the same time.
    """
    runs: list[Callable[[], Finding]] = [partial(check, subject, answers) for check in CHECKS]
    # Whatever SPF and DKIM come to, it asks no more than this.
    runs.append(partial(check_alignment, subject, Verdict.PASS, Verdict.PASS, answers))
    return tuple(dict.fromkeys(question for run in runs for question in _missed(run)))


def _missed(run: Callable[[], Finding]) -> tuple[Question[Any], ...]:
    try:
        run()
    except Unanswered as unanswered:
        return unanswered.questions
    return ()
