"""The words a domain publishes for those it rejects (RFC 7208 section 6.2)."""

from portal.domain.deliverability.dns_answers import DnsAnswers, data_of, txt
from portal.domain.deliverability.spf.evaluation import RFC_LIMITS, Evaluation, RecordEvaluation, SpfLimits, SpfResult
from portal.domain.deliverability.spf.macro_values import MacroValues
from portal.domain.deliverability.spf.macros import MacroError, parse_explanation


def explanation(evaluation: Evaluation, answers: DnsAnswers, *, limits: SpfLimits = RFC_LIMITS) -> str | None:
    """The explanation of a fail; None when there is none that can be used, or the result is another.

    It is asked for only here, because no receiver needs it to reach its result.

    Raises:
        Unanswered: More must be asked first.
    """
    if evaluation.result is not SpfResult.FAIL:
        return None
    failed = _failed_record(evaluation.root)
    modifier = failed.record.modifier("exp") if failed.record else None
    if not modifier:
        return None
    values = MacroValues(evaluation.client, failed.domain, answers, limits)
    name = values.target(modifier.value)
    published = data_of(answers[txt(name)]) if name else ()
    if len(published) != 1 or not published[0].isascii():
        return None
    try:
        return parse_explanation(published[0].decode("ascii")).expand(values.of)
    except MacroError:
        return None


def _failed_record(record: RecordEvaluation) -> RecordEvaluation:
    """Whose explanation counts: that of the record redirected to, never that of an included one."""
    redirect = record.record.redirect if record.record else None
    last = record.deciding
    if redirect and last and last.record and last.term == redirect.text:
        return _failed_record(last.record)
    return record
