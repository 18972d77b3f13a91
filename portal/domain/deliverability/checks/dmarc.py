"""Whether receivers find a DMARC policy for the From domain, and which (DELIVERABILITY 3.4)."""

from collections.abc import Iterator
from typing import Final

from portal.domain.deliverability.checks.dmarc_absence import absence
from portal.domain.deliverability.dmarc.discovery import Discovery, discover
from portal.domain.deliverability.dmarc.near_miss import near_miss
from portal.domain.deliverability.dmarc.record import DmarcRecord, Policy, PublicSuffixFlag, ReportAddress
from portal.domain.deliverability.dmarc.tree_walk import dmarc_question
from portal.domain.deliverability.dns_answers import DnsAnswers, LookupFailure, Question, data_of, txt
from portal.domain.deliverability.dns_names import is_at_or_below, query_name
from portal.domain.deliverability.findings import CheckId, Finding, Remark, Verdict, could_not_check, finding
from portal.domain.deliverability.published_text import shown
from portal.domain.deliverability.subject import Subject
from portal.domain.deliverability.suggested_record import Action, SuggestedRecord

_MOST_REPORT_DOMAINS: Final = 10


def check_dmarc(subject: Subject, answers: DnsAnswers) -> Finding:
    """Which policy applies to mail from the domain.

    Raises:
        Unanswered: More must be asked first.
    """
    found = discover(subject.from_domain, answers)
    if found.walk.start.several:  # to receivers of the older RFC 7489 that is the end, whatever stands above
        return absence(subject, found, answers)
    if found.failure and found.failure.failure:
        remark = could_not_check(f"the DMARC policy of «{subject.from_domain}»", found.failure.failure)
        return finding(CheckId.DMARC, [remark])
    if not found.record or not found.policy_domain:
        return absence(subject, found, answers)
    texts = (f"_dmarc.{found.policy_domain} TXT {found.record.text}",)
    if not found.record.is_usable:
        sentence = f"The DMARC record of «{found.policy_domain}» says no valid policy (p=), so receivers ignore it."
        return finding(
            CheckId.DMARC, [Remark(Verdict.FAIL, sentence)], found=texts, wanted=_mended(subject, found, found.record)
        )
    remarks = [
        _policy(found, found.record),
        *_concerns(found, found.record),
        *_passed_over(found, answers),
        *_notes(found.record),
        *_report_addresses(found, found.record, answers),
    ]
    wanted = _mended(subject, found, found.record) if found.record.is_damaged else ()
    return finding(CheckId.DMARC, remarks, found=texts, wanted=wanted)


def _policy(found: Discovery, record: DmarcRecord) -> Remark:
    whose = f"The record of «{found.policy_domain}» applies: " if found.is_inherited else ""
    if record.is_damaged:
        return Remark(
            Verdict.WARN,
            f"{whose}The DMARC record of «{found.policy_domain}» has no valid policy; because it asks for reports, "
            "receivers treat it as p=none.",
        )
    if found.effective is Policy.NONE:
        return Remark(
            Verdict.WARN,
            f"{whose}The DMARC policy for «{found.domain}» comes to none ({found.deciding_tag}=). That meets the "
            "minimum of Gmail, Yahoo and Microsoft, and protects nobody from forged mail.",
        )
    return Remark(
        Verdict.PASS,
        f"{whose}The DMARC policy for «{found.domain}» is {found.effective} ({found.deciding_tag}=).",
    )


def _concerns(found: Discovery, record: DmarcRecord) -> Iterator[Remark]:
    if record.testing:
        yield Remark(
            Verdict.WARN, "«t=y» tells receivers that you are still testing: they apply a policy one step milder."
        )
    if record.percentage not in {None, "100"}:
        yield Remark(
            Verdict.WARN,
            f"«pct={record.percentage}» no longer exists in DMARC: older receivers apply the policy to that part of "
            "the mail, newer ones to all of it. Remove it.",
        )
    for tag, value in record.invalid:
        if tag == "rua":
            yield Remark(
                Verdict.WARN, f"«{value}» in rua= is no address reports can go to: it needs mailto: before it."
            )
        elif tag in {"adkim", "aspf"}:
            yield Remark(Verdict.WARN, f"«{tag}={value}» is neither r nor s, so receivers take it for r (relaxed).")
        elif tag in {"sp", "np"} and not record.is_damaged:
            yield Remark(Verdict.WARN, f"«{tag}={value}» in the record of «{found.policy_domain}» is no policy.")


def _passed_over(found: Discovery, answers: DnsAnswers) -> Iterator[Remark]:
    """A record of the domain's own that is not read, so that one above applies."""
    question = dmarc_question(found.domain)
    if not found.is_inherited or question is None:
        return
    for raw in data_of(answers[question]):
        if missed := near_miss(raw):
            sentence = f"«{shown(raw, 200)}» at «{question.name}» {missed.why}, so receivers do not read it as DMARC."
            yield Remark(Verdict.WARN, sentence)


def _notes(record: DmarcRecord) -> Iterator[Remark]:
    if not record.reports:
        yield Remark(
            Verdict.INFO, "The record asks for no reports (rua=), so you will not hear who sends in your domain's name."
        )
    if record.ignored:
        yield Remark(Verdict.INFO, f"Receivers pass over «{shown(', '.join(record.ignored), 200)}».")
    if record.public_suffix is not PublicSuffixFlag.UNKNOWN:
        yield Remark(Verdict.INFO, f"«psd={record.public_suffix}» says where an organization begins.")


def _report_addresses(found: Discovery, record: DmarcRecord, answers: DnsAnswers) -> Iterator[Remark]:
    """Whether the domains that shall get the reports want them (RFC 9990 section 4)."""
    questions = _permissions(found, record.reports)
    answers.need(*questions.values())
    for domain, question in questions.items():
        answer = answers[question]
        if isinstance(answer, LookupFailure):
            # It has no part in whether mail is believed, so it must not make the check grey.
            yield Remark(Verdict.INFO, could_not_check(f"whether «{domain}» takes reports", answer).sentence)
        elif not any(raw.replace(b" ", b"").startswith(b"v=DMARC1") for raw in data_of(answer)):
            yield Remark(
                Verdict.WARN,
                f"Reports shall go to «{domain}», which does not say that it takes them: a TXT record «v=DMARC1;» at "
                f"«{question.name}» is needed there, so receivers send none.",
            )


def _permissions(found: Discovery, reports: tuple[ReportAddress, ...]) -> dict[str, Question[bytes]]:
    """What has to be asked, by the domain the reports go to; nothing for the organization's own."""
    own = found.policy_domain if found.walk.failed else found.walk.organizational_domain
    questions: dict[str, Question[bytes]] = {}
    for domain in dict.fromkeys(report.domain for report in reports if report.domain):
        name = query_name(f"{found.policy_domain}._report._dmarc.{domain}")
        if own and name and not is_at_or_below(domain, own) and len(questions) < _MOST_REPORT_DOMAINS:
            questions[domain] = txt(name)
    return questions


def _mended(subject: Subject, found: Discovery, record: DmarcRecord) -> tuple[SuggestedRecord, ...]:
    """The record with p=none in place of what is not valid; only where the tenant's own domain publishes it."""
    if found.is_inherited:
        return ()
    reports = ", ".join(report.uri for report in record.reports) or f"mailto:dmarc@{subject.from_domain}"
    name = f"_dmarc.{subject.from_domain}"
    return (
        SuggestedRecord(
            name, subject.zone_of(subject.from_domain), "TXT", f"v=DMARC1; p=none; rua={reports}", Action.REPLACE
        ),
    )
