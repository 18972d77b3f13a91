"""Whether what SPF and DKIM authenticate speaks for the From address, so that DMARC passes (DELIVERABILITY 3.5)."""

from typing import Final

from portal.domain.deliverability.alignment import Aligned, Alignment, alignment
from portal.domain.deliverability.dmarc.discovery import discover
from portal.domain.deliverability.dmarc.record import AlignmentMode
from portal.domain.deliverability.dns_answers import DnsAnswers
from portal.domain.deliverability.findings import CheckId, Finding, Remark, Verdict, could_not_check, finding
from portal.domain.deliverability.subject import Subject

_MODES: Final = {AlignmentMode.RELAXED: "relaxed", AlignmentMode.STRICT: "strict"}


def check_alignment(subject: Subject, spf: Verdict, dkim: Verdict, answers: DnsAnswers) -> Finding:
    """Put SPF, DKIM and the DMARC record together.

    Args:
        spf: What ``check_spf`` came to.
        dkim: What ``check_dkim`` came to; its keys are those of the From domain, so a usable one is aligned.

    Raises:
        Unanswered: More must be asked first.
    """
    domain = subject.from_domain
    policy = discover(domain, answers)
    spf_mode = policy.record.spf_mode if policy.record else AlignmentMode.RELAXED
    dkim_mode = policy.record.dkim_mode if policy.record else AlignmentMode.RELAXED
    by_spf = _spf_alignment(subject, spf_mode, answers)
    texts = [
        f"From: {domain}",
        f"SPF (MAIL FROM): {_identity(subject)}, {_MODES[spf_mode]}",
        f"DKIM (d=): {domain}, {_MODES[dkim_mode]}",
    ]
    if policy.failure and policy.failure.failure and subject.spf_domain != domain and not _is_usable(dkim):
        remark = could_not_check(f"how strictly «{domain}» wants its mail aligned", policy.failure.failure)
        return finding(CheckId.ALIGNMENT, [remark], found=texts)
    return finding(CheckId.ALIGNMENT, _judged(subject, spf, dkim, by_spf), found=texts)


def _judged(subject: Subject, spf: Verdict, dkim: Verdict, by_spf: Alignment | None) -> list[Remark]:
    spf_counts = _is_usable(spf) and by_spf is not None and by_spf.aligned in {Aligned.YES, Aligned.DEPENDS}
    spf_open = by_spf is not None and (
        (spf is Verdict.UNKNOWN and by_spf.aligned is not Aligned.NO)
        or (_is_usable(spf) and by_spf.aligned is Aligned.UNKNOWN)
    )
    remarks = [_differing(by_spf)] if spf_counts and by_spf and by_spf.aligned is Aligned.DEPENDS else []
    if _is_usable(dkim):
        return [_dkim_carries(subject, spf, by_spf, spf_counts=spf_counts, spf_open=spf_open), *_milder(remarks)]
    if dkim is Verdict.UNKNOWN:
        alone = "SPF does" if spf_counts else "SPF does not, or is not known to"
        sentence = f"Whether DKIM speaks for «{subject.from_domain}» is not known: see DKIM. {alone}."
        return [Remark(Verdict.UNKNOWN, sentence)]
    if spf_counts:
        sentence = (
            "Only SPF speaks for the From address. It breaks when a message is forwarded: publish a DKIM key of "
            f"«{subject.from_domain}» as well."
        )
        return [Remark(Verdict.WARN, sentence), *remarks]
    if spf_open:
        sentence = f"DKIM does not speak for «{subject.from_domain}», and whether SPF does is not known: see SPF."
        return [Remark(Verdict.UNKNOWN, sentence)]
    sentence = (
        f"Neither SPF (for «{_identity(subject)}») nor DKIM passes and agrees with the From domain "
        f"«{subject.from_domain}», so DMARC fails."
    )
    return [Remark(Verdict.FAIL, sentence)]


def _dkim_carries(
    subject: Subject, spf: Verdict, by_spf: Alignment | None, *, spf_counts: bool, spf_open: bool
) -> Remark:
    domain = subject.from_domain
    if spf_counts:
        return Remark(Verdict.PASS, f"SPF and DKIM both speak for «{domain}».")
    if spf_open or (by_spf is None and spf is not Verdict.FAIL):
        return Remark(Verdict.PASS, f"DKIM speaks for «{domain}»; whether SPF does as well is not known.")
    if spf is Verdict.FAIL:
        return Remark(Verdict.WARN, f"DKIM speaks for «{domain}», and SPF fails. Large receivers want both: see SPF.")
    return Remark(
        Verdict.PASS,
        f"DKIM speaks for «{domain}». SPF is that of «{_identity(subject)}», another domain, which is usual with "
        "providers; Microsoft prefers both.",
    )


def _differing(by_spf: Alignment) -> Remark:
    walked, listed = by_spf.by_tree_walk, by_spf.by_list
    tree = f"«{walked[0]}» and «{walked[1]}»" if walked else "unknown"
    by_list = f"«{listed[0]}» and «{listed[1]}»" if listed else "unknown"
    return Remark(
        Verdict.WARN,
        f"Whether «{by_spf.from_domain}» and «{by_spf.identity}» belong together depends on the receiver: by the DNS "
        f"tree they are part of {tree}, by the Public Suffix List of {by_list}.",
    )


def _milder(remarks: list[Remark]) -> list[Remark]:
    """DKIM carries the message whatever SPF's alignment depends on."""
    return [Remark(Verdict.INFO, remark.sentence) for remark in remarks]


def _spf_alignment(subject: Subject, mode: AlignmentMode, answers: DnsAnswers) -> Alignment | None:
    """None where the provider's own domain stands in MAIL FROM, which we do not know."""
    if subject.return_path_is_the_providers and not subject.evidence:
        return None
    return alignment(subject.spf_domain, subject.from_domain, mode, answers, subject.public_suffix_of)


def _identity(subject: Subject) -> str:
    if subject.return_path_is_the_providers and subject.provider:
        return f"a domain of {subject.provider.name}"
    return subject.spf_domain


def _is_usable(verdict: Verdict) -> bool:
    return verdict in {Verdict.PASS, Verdict.WARN}
