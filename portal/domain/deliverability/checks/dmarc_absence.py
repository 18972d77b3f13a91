"""What to say where no DMARC policy was found: often one was meant, and a detail is wrong."""

from dataclasses import dataclass

from portal.domain.deliverability.dmarc.discovery import Discovery
from portal.domain.deliverability.dmarc.near_miss import near_miss
from portal.domain.deliverability.dmarc.record import dmarc_records, parse_dmarc_record
from portal.domain.deliverability.dns_answers import DnsAnswers, data_of, txt
from portal.domain.deliverability.dns_names import query_name
from portal.domain.deliverability.findings import CheckId, Finding, Remark, Verdict, finding, may_be_cached
from portal.domain.deliverability.published_text import shown
from portal.domain.deliverability.subject import Subject
from portal.domain.deliverability.suggested_record import Action, SuggestedRecord
from portal.domain.deliverability.wildcard import wildcard_question


@dataclass(frozen=True, slots=True)
class _Reason:
    sentence: str
    value: str | None = None  # of the record that was meant
    action: Action = Action.ADD


def absence(subject: Subject, found: Discovery, answers: DnsAnswers) -> Finding:
    """The finding for a domain to which no policy applies.

    Raises:
        Unanswered: More must be asked first.
    """
    domain = subject.from_domain
    name = query_name(f"_dmarc.{domain}")
    published = data_of(answers[txt(name)]) if name else ()
    reason = _reason(domain, published, found, answers)
    value = reason.value or f"v=DMARC1; p=none; rua=mailto:dmarc@{domain}"
    wanted = (SuggestedRecord(name, subject.zone_of(domain), "TXT", value, reason.action),) if name else ()
    shown_records = (f"{name} TXT {shown(raw)}" for raw in published)
    return finding(CheckId.DMARC, [Remark(Verdict.FAIL, reason.sentence)], found=shown_records, wanted=wanted)


def _reason(domain: str, published: tuple[bytes, ...], found: Discovery, answers: DnsAnswers) -> _Reason:
    if found.walk.start.several:
        records = dmarc_records(published)
        keep = next((raw for raw in records if parse_dmarc_record(raw).policy), None)
        return _Reason(
            f"«_dmarc.{domain}» has {len(records)} DMARC records, and receivers ignore all of them. Keep one.",
            keep.decode("ascii", "ignore") if keep else None,
            Action.REPLACE,
        )
    for raw in published:
        if missed := near_miss(raw):
            return _Reason(
                f"«{shown(raw, 200)}» at «_dmarc.{domain}» {missed.why}, so receivers do not read it as DMARC.",
                missed.repaired,
                Action.REPLACE,
            )
    elsewhere = _elsewhere(domain, answers)
    if elsewhere:
        return elsewhere
    if published and set(published) == set(data_of(answers[wildcard_question(domain)])):
        return _Reason(
            f"No DMARC record applies to «{domain}»: a wildcard (*.{domain}) answers at «_dmarc.{domain}» with "
            f"«{shown(published[0], 200)}»."
        )
    name = query_name(f"_dmarc.{domain}")
    cached = may_be_cached(answers[txt(name)]) if name else ""
    return _Reason(f"No DMARC record (v=DMARC1) found for «{domain}», neither its own nor one above it.{cached}")


def _elsewhere(domain: str, answers: DnsAnswers) -> _Reason | None:
    """A record at a name where it does nothing: the domain itself, the domain twice, or without the underscore."""
    places = [domain, *filter(None, map(query_name, (f"_dmarc.{domain}.{domain}", f"dmarc.{domain}")))]
    answers.need(*(txt(place) for place in places), wildcard_question(domain))
    wildcard = data_of(answers[wildcard_question(domain)])
    for place in places:
        records = dmarc_records(data_of(answers[txt(place)]))
        if records and not set(records) & set(wildcard):
            meant = records[0] if parse_dmarc_record(records[0]).policy and records[0].isascii() else None
            return _Reason(
                f"The DMARC record «{shown(records[0], 200)}» stands at «{place}», where receivers do not look. It "
                f"belongs to «_dmarc.{domain}».",
                meant.decode("ascii") if meant else None,
            )
    return None
