"""What protects mail to the tenant, or decorates mail from it: never red, no loss when absent (DELIVERABILITY 3.7)."""

import re
from collections.abc import Callable, Iterator
from typing import Final

from portal.domain.deliverability.dmarc.discovery import discover
from portal.domain.deliverability.dmarc.record import Policy
from portal.domain.deliverability.dns_answers import DnsAnswers, LookupFailure, Records, data_of, mx, txt
from portal.domain.deliverability.dns_names import query_name
from portal.domain.deliverability.findings import CheckId, Finding, Remark, Verdict, could_not_check, finding
from portal.domain.deliverability.published_text import shown
from portal.domain.deliverability.subject import Subject
from portal.domain.deliverability.tag_list import TagList, parse_tag_list

_ID: Final = re.compile(r"[A-Za-z0-9]{1,32}")
_REPORT_URI: Final = re.compile(r"mailto:\S+@\S+|https://\S+", re.IGNORECASE)


def check_tls_rpt(subject: Subject, answers: DnsAnswers) -> Finding:
    """Whether reports about TLS to the domain's mail servers are asked for (RFC 8460)."""
    return _record(CheckId.TLS_RPT, "TLS reports", f"_smtp._tls.{subject.from_domain}", "TLSRPTv1", answers, _tls_rpt)


def check_mta_sts(subject: Subject, answers: DnsAnswers) -> Finding:
    """Whether TLS to the domain's mail servers is made compulsory (RFC 8461). The policy file itself is not fetched."""
    return _record(CheckId.MTA_STS, "MTA-STS", f"_mta-sts.{subject.from_domain}", "STSv1", answers, _mta_sts)


def check_bimi(subject: Subject, answers: DnsAnswers) -> Finding:
    """Whether a logo is published, and could be shown."""
    domain = subject.from_domain

    def concerns(tags: TagList) -> Iterator[str]:
        if discover(domain, answers).effective in {None, Policy.NONE}:
            yield f"A logo is shown only where DMARC is enforced, and the policy for «{domain}» is not."
        if tags["l"] and not tags["l"].lower().startswith("https://"):
            yield f"The logo «l={shown(tags['l'], 80)}» must begin with https://."

    return _record(CheckId.BIMI, "BIMI", f"default._bimi.{domain}", "BIMI1", answers, concerns)


def check_dnssec(subject: Subject, answers: DnsAnswers) -> Finding:
    """Whether the resolver validated the domain's MX; only told, never judged."""
    answer = answers[mx(subject.from_domain)]
    if not isinstance(answer, Records):
        return finding(
            CheckId.DNSSEC, [Remark(Verdict.SKIP, "There is no MX answer whose signature could be looked at.")]
        )
    signed = "was" if answer.authenticated else "was not"
    return finding(
        CheckId.DNSSEC,
        [
            Remark(
                Verdict.INFO,
                f"The MX answer of «{subject.from_domain}» {signed} validated by DNSSEC by the resolver we ask.",
            )
        ],
    )


def _record(
    check: CheckId,
    what: str,
    place: str,
    version: str,
    answers: DnsAnswers,
    concerns: Callable[[TagList], Iterator[str]],
) -> Finding:
    name = query_name(place)
    answer = answers[txt(name)] if name else None
    if answer is None:
        return finding(check, [Remark(Verdict.SKIP, f"«{place}» is too long a name for {what}.")])
    if isinstance(answer, LookupFailure):
        # Nothing depends on it, so it must not make the whole grey.
        return finding(check, [Remark(Verdict.INFO, could_not_check(what, answer).sentence)])
    records = [raw for raw in data_of(answer) if _begins_with(raw, version)]
    found = [f"{name} TXT {shown(raw)}" for raw in records]
    if not records:
        return finding(check, [Remark(Verdict.INFO, f"«{name}» publishes nothing for {what}. That is optional.")])
    if len(records) > 1:
        sentence = f"«{name}» has {len(records)} records for {what}, so receivers ignore all of them."
        return finding(check, [Remark(Verdict.WARN, sentence)], found=found)
    tags = parse_tag_list(records[0].decode("utf-8", "backslashreplace"))
    remarks = [Remark(Verdict.WARN, sentence) for sentence in concerns(tags)]
    return finding(check, remarks or [Remark(Verdict.PASS, f"«{name}» publishes a record for {what}.")], found=found)


def _begins_with(raw: bytes, version: str) -> bool:
    return re.match(rb"v\s*=\s*" + version.encode() + rb"\s*(?:;|\Z)", raw) is not None


def _tls_rpt(tags: TagList) -> Iterator[str]:
    addresses = [part.strip() for part in (tags["rua"] or "").split(",") if part.strip()]
    if not addresses:
        yield "The record for TLS reports names no address (rua=)."
    for address in addresses:
        if not _REPORT_URI.fullmatch(address):
            yield f"«{shown(address, 80)}» in rua= begins with neither mailto: nor https://."


def _mta_sts(tags: TagList) -> Iterator[str]:
    if not _ID.fullmatch(tags["id"] or ""):
        yield f"The id of MTA-STS must be 1 to 32 letters and digits; it is «{shown(tags['id'] or '', 80)}»."
