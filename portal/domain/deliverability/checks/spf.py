"""Whether the envelope's domain authorises the tenant's server (DELIVERABILITY 3.2)."""

from collections.abc import Iterator
from dataclasses import replace

from portal.domain.deliverability.checks.spf_absence import absence
from portal.domain.deliverability.checks.spf_authorisation import Authorisation, Coverage, authorisation
from portal.domain.deliverability.checks.spf_sentences import broken_below, on_policy, over_limits
from portal.domain.deliverability.checks.spf_suggestion import suggested_spf
from portal.domain.deliverability.dns_answers import DnsAnswers, LookupFailure, data_of, txt
from portal.domain.deliverability.findings import CheckId, Finding, Remark, Verdict, could_not_check, finding
from portal.domain.deliverability.published_text import shown
from portal.domain.deliverability.spf.evaluation import Evaluation
from portal.domain.deliverability.spf.record import SpfRecord, parse_record, spf_records
from portal.domain.deliverability.spf.tree import SpfTree, spf_tree
from portal.domain.deliverability.subject import Subject


def check_spf(subject: Subject, answers: DnsAnswers) -> Finding:
    """Whether mail from the tenant's server passes SPF, and whether the record is in order.

    Raises:
        Unanswered: More must be asked first.
    """
    domain = subject.spf_domain
    answer = answers[txt(domain)]
    if isinstance(answer, LookupFailure):
        return finding(CheckId.SPF, [could_not_check(f"the SPF record of «{domain}»", answer)])
    records = spf_records(data_of(answer))
    if not records:
        return absence(subject, answers)
    remarks = (
        [_several(domain, records)] if len(records) > 1 else _on_record(subject, parse_record(records[0]), answers)
    )
    found = (f"{domain} TXT {shown(raw)}" for raw in records)
    result = finding(CheckId.SPF, _as_it_matters(subject, remarks), found=found)
    if result.verdict not in {Verdict.FAIL, Verdict.WARN}:
        return result
    return replace(result, wanted=suggested_spf(subject, records, answers))


def _on_record(subject: Subject, record: SpfRecord, answers: DnsAnswers) -> list[Remark]:
    domain = subject.spf_domain
    if record.errors:
        return [Remark(Verdict.FAIL, f"The SPF record of «{domain}» is broken: {error}.") for error in record.errors]
    tree = spf_tree(domain, answers)
    authorised = authorisation(subject, tree, answers)
    may_pass = authorised.coverage in {Coverage.ALL, Coverage.UNKNOWN}
    return [
        *broken_below(tree, may_pass=may_pass),
        *over_limits(tree, may_pass=may_pass),
        *_authorisation(subject, tree, authorised),
        *on_policy(domain, record, tree),
    ]


def _several(domain: str, records: tuple[bytes, ...]) -> Remark:
    texts = " | ".join(shown(raw, 200) for raw in records[:4])
    return Remark(
        Verdict.FAIL,
        f"«{domain}» has more than one SPF record: «{texts}». Only one is allowed, and receivers end with permerror. "
        "Merge them into one.",
    )


def _authorisation(subject: Subject, tree: SpfTree, authorised: Authorisation) -> Iterator[Remark]:
    domain, host = subject.spf_domain, subject.smtp_host
    match authorised.coverage:
        case Coverage.ALL if authorised.alias_of:
            yield Remark(
                Verdict.PASS,
                f"«{domain}» is an alias of «{authorised.alias_of}», whose SPF record the provider looks after.",
            )
        case Coverage.ALL:
            yield Remark(
                Verdict.PASS, f"SPF of «{domain}» authorises «{host}» {_through(authorised.covered[0], tree)}."
            )
        case Coverage.SOME:
            left_out = ", ".join(str(each.client.ip) for each in authorised.uncovered)
            yield Remark(Verdict.WARN, f"SPF of «{domain}» authorises «{host}» only in part: not «{left_out}».")
        case Coverage.NONE:
            yield Remark(Verdict.FAIL, _refused(domain, host, authorised.uncovered[0]))
        case Coverage.UNKNOWN:
            yield Remark(
                Verdict.UNKNOWN,
                f"Whether SPF of «{domain}» authorises «{host}» is not known: {authorised.why_unknown}.",
            )


def _through(evaluation: Evaluation, tree: SpfTree) -> str:
    (publisher, step), *_ = evaluation.path
    return f"through «{step.term}» in «{publisher}»; {tree.lookups} of 10 look-ups"


def _refused(domain: str, host: str, evaluation: Evaluation) -> str:
    address = str(evaluation.client.ip)
    whom = f"«{host}»" if host == address else f"«{host} ({address})»"
    decided = f", decided by «{evaluation.path[-1][1].term}» in «{evaluation.path[-1][0]}»" if evaluation.path else ""
    return f"SPF of «{domain}» does not authorise {whom}: the result is {evaluation.result}{decided}."


def _as_it_matters(subject: Subject, remarks: list[Remark]) -> list[Remark]:
    """Where the provider puts a domain of its own into MAIL FROM, the tenant's record decides nothing: no red."""
    if not subject.return_path_is_the_providers or subject.provider is None or subject.evidence:
        return remarks
    milder = {Verdict.FAIL: Verdict.WARN, Verdict.UNKNOWN: Verdict.SKIP}
    if all(remark.verdict not in milder for remark in remarks):
        return remarks
    explained = Remark(
        Verdict.WARN if any(remark.verdict is Verdict.FAIL for remark in remarks) else Verdict.SKIP,
        f"{subject.provider.name} sends with a Return-Path of its own, and SPF is judged there. Enter your Return-Path "
        "domain in the settings if you have set one up.",
    )
    return [explained, *(Remark(milder.get(remark.verdict, remark.verdict), remark.sentence) for remark in remarks)]
