"""What to say where the envelope's domain has no SPF record: often one was meant, and a detail is wrong."""

from portal.domain.deliverability.checks.spf_suggestion import suggested_spf
from portal.domain.deliverability.dns_answers import DnsAnswers, data_of, txt, withdrawn_spf
from portal.domain.deliverability.dns_names import query_name
from portal.domain.deliverability.findings import CheckId, Finding, Remark, Verdict, finding, may_be_cached
from portal.domain.deliverability.published_text import shown
from portal.domain.deliverability.spf.near_miss import NearMiss, near_miss
from portal.domain.deliverability.spf.record import spf_records
from portal.domain.deliverability.subject import Subject


def absence(subject: Subject, answers: DnsAnswers) -> Finding:
    """The finding for a domain without an SPF record.

    Raises:
        Unanswered: More must be asked first.
    """
    domain = subject.spf_domain
    if subject.return_path_is_the_providers and subject.provider:
        sentence = (
            f"«{domain}» has no SPF record, and {subject.provider.name} sends with a Return-Path of its own, so SPF is "
            "judged there and does not align with your From address. Set up a Return-Path of your domain at "
            f"{subject.provider.name}, and enter it in the settings."
        )
        return finding(CheckId.SPF, [Remark(Verdict.WARN, sentence)])
    answer = answers[txt(domain)]
    missed = _near_miss(data_of(answer))
    if missed:
        raw, miss = missed
        sentence = f"«{shown(raw, 200)}» at «{domain}» {miss.why}, so receivers do not read it as SPF."
        wanted = suggested_spf(subject, (miss.repaired,), answers)
        found = [f"{domain} TXT {shown(raw)}"]
        return finding(CheckId.SPF, [Remark(Verdict.FAIL, sentence)], found=found, wanted=wanted)
    place, records = _elsewhere(domain, answers)
    hint = f" There is one at «{place}», where receivers do not look." if place else may_be_cached(answer)
    wanted = suggested_spf(subject, records, answers, replace=False)
    remark = Remark(Verdict.FAIL, f"No SPF record (v=spf1) found at «{domain}».{hint}")
    return finding(CheckId.SPF, [remark], found=[f"{place} {shown(raw)}" for raw in records], wanted=wanted)


def _near_miss(published: tuple[bytes, ...]) -> tuple[bytes, NearMiss] | None:
    return next(((raw, miss) for raw in published if (miss := near_miss(raw))), None)


def _elsewhere(domain: str, answers: DnsAnswers) -> tuple[str, tuple[bytes, ...]]:
    """A record at a name people publish it at by mistake, or of the type that has been withdrawn; else "" and none."""
    names = [name for name in map(query_name, (f"_spf.{domain}", f"spf.{domain}", f"{domain}.{domain}")) if name]
    questions = [*map(txt, names), withdrawn_spf(domain)]
    answers.need(*questions)
    for question in questions:
        records = spf_records(data_of(answers[question]))
        if len(records) == 1:
            return str(question), records
    return "", ()
