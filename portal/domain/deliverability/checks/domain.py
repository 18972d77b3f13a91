"""Whether the From domain can be used at all (DELIVERABILITY 3.1)."""

from portal.domain.deliverability.dns_answers import (
    Answer,
    DnsAnswers,
    LookupFailure,
    MailExchanger,
    Records,
    data_of,
    ipv4_of,
    ipv6_of,
    mx,
)
from portal.domain.deliverability.findings import CheckId, Finding, Remark, Verdict, could_not_check, finding
from portal.domain.deliverability.subject import Subject
from portal.domain.routing.mailbox_providers import is_server_of, mailbox_provider_of


def check_domain(subject: Subject, answers: DnsAnswers) -> Finding:
    """Whether the domain exists, is the tenant's to use, and takes bounces and replies.

    Raises:
        Unanswered: More must be asked first.
    """
    domain = subject.from_domain
    mailbox = mailbox_provider_of(domain)
    if mailbox and not is_server_of(mailbox, subject.smtp_host):
        return _of(
            Verdict.FAIL,
            f"«{domain}» is a public mailbox provider: you cannot authenticate mail from it with your own server. "
            "Use an address of a domain you control.",
        )
    if subject.public_suffix_of and subject.public_suffix_of(domain) == domain:
        return _of(
            Verdict.FAIL,
            f"«{domain}» is a public suffix, below which others register their domains. Use an address of a domain "
            "you own.",
        )
    answer = answers[mx(domain)]
    exchangers = data_of(answer)
    shown = [f"MX {exchanger.preference} {exchanger.host or '.'}" for exchanger in exchangers]
    return finding(CheckId.DOMAIN, [_judged(domain, answer, answers)], found=shown)


def _judged(domain: str, answer: Answer[MailExchanger], answers: DnsAnswers) -> Remark:
    if isinstance(answer, LookupFailure):
        return could_not_check(f"where «{domain}» receives mail", answer)
    if isinstance(answer, Records):
        return _with_exchangers(domain, answer.data)
    if not answer.name_exists:
        return Remark(Verdict.FAIL, f"The domain «{answer.canonical or domain}» does not exist in the DNS.")
    questions = (ipv4_of(domain), ipv6_of(domain))
    answers.need(*questions)
    addresses = [answers[question] for question in questions]
    if any(isinstance(found, Records) for found in addresses):
        return Remark(
            Verdict.WARN,
            f"«{domain}» has no MX record, so bounces and replies go to the address of its web site. Publish an MX "
            "record that names your mail server.",
        )
    for found in addresses:
        if isinstance(found, LookupFailure):
            return could_not_check(f"the addresses of «{domain}»", found)
    return Remark(
        Verdict.FAIL,
        f"«{domain}» has neither an MX record nor an address: bounces cannot be delivered, and some receivers refuse "
        "such senders.",
    )


def _with_exchangers(domain: str, exchangers: tuple[MailExchanger, ...]) -> Remark:
    hosts = [exchanger.host for exchanger in sorted(exchangers, key=lambda each: each.preference) if exchanger.host]
    if not hosts:
        return Remark(
            Verdict.FAIL,
            f"«{domain}» publishes MX «0 .», which says that it accepts no mail (RFC 7505). Receivers may refuse mail "
            "from it with 550 5.7.27.",
        )
    return Remark(Verdict.PASS, f"«{domain}» receives replies and bounces at «{hosts[0]}».")


def _of(verdict: Verdict, sentence: str) -> Finding:
    return finding(CheckId.DOMAIN, [Remark(verdict, sentence)])
