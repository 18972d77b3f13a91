"""``deliverability``: whether receivers will believe mail from a domain, and what to publish."""

from collections.abc import Callable, Iterator
from typing import Final

import click

from portal.cli.installation import NO, WRONG_USE, as_json, installation, print_json, stop
from portal.domain.deliverability.findings import CheckId, Finding, Verdict
from portal.domain.deliverability.published_text import shown
from portal.domain.deliverability.report_json import report_to_json
from portal.domain.deliverability.subject import PlatformKey, Subject, SubjectError
from portal.domain.deliverability.suggested_record import SuggestedRecord
from portal.domain.mail.addresses import AddressError, parse_address
from portal.domain.mail.host_names import HostError, parse_domain, parse_host
from portal.services.deliverability import Checked
from portal.wiring import Waypost

_ORDER: Final = (Verdict.FAIL, Verdict.WARN, Verdict.UNKNOWN, Verdict.PASS, Verdict.INFO, Verdict.SKIP)
_MARKS: Final = {
    Verdict.FAIL: "FAIL",
    Verdict.WARN: "warn",
    Verdict.UNKNOWN: "unknown",
    Verdict.PASS: "ok",
    Verdict.INFO: "info",
    Verdict.SKIP: "skipped",
}
_NAMES: Final = {
    CheckId.DOMAIN: "From domain",
    CheckId.SPF: "SPF",
    CheckId.DKIM: "DKIM",
    CheckId.DMARC: "DMARC",
    CheckId.ALIGNMENT: "Alignment",
    CheckId.PTR: "Reverse DNS",
    CheckId.TLS_RPT: "TLS reports",
    CheckId.MTA_STS: "MTA-STS",
    CheckId.BIMI: "BIMI",
    CheckId.DNSSEC: "DNSSEC",
}
_LONGEST_LINE: Final = 5000  # of a value to publish, which nobody can use when it is cut


@click.command()
@click.argument("domain")
@click.option("--host", help="The server that sends, a name or an address; the platform's own if absent.")
@click.option("--port", type=click.IntRange(1, 65535), help="Its port, as settings have one; the DNS does not mind.")
@click.option("--selector", "selectors", multiple=True, metavar="S", help="Of the server's DKIM key; may be repeated.")
@click.option("--envelope", metavar="E", help="The Return-Path or its domain; DOMAIN if absent.")
@click.option("--from", "from_address", metavar="ADDRESS", help="The From address, where its domain is not DOMAIN.")
@as_json
def deliverability(
    domain: str,
    host: str | None,
    port: int | None,  # noqa: ARG001 - accepted so that the words of a server's settings can be given whole
    selectors: tuple[str, ...],
    envelope: str | None,
    from_address: str | None,
    *,
    json_: bool,
) -> None:
    """Say whether receivers will believe mail from DOMAIN, and which DNS records are to be published."""
    named = _read("DOMAIN", parse_domain, domain)
    sender = _read("--from", parse_address, from_address).rpartition("@")[2] if from_address else named
    return_path = _read("--envelope", parse_domain, envelope.rpartition("@")[2]) if envelope else None
    with installation() as waypost:
        try:
            subject = Subject.of(
                sender,
                _read("--host", parse_host, host) if host else waypost.platform.endpoint.host,
                envelope_domain=return_path or (named if sender != named else None),
                platform_key=None if host or selectors else _platform_key(waypost, sender),
                selectors=selectors,
            )
        except SubjectError as error:
            stop(str(error), WRONG_USE)
        checked = waypost.deliverability.check(subject)
    if json_:
        print_json(report_to_json(checked.report, queries=checked.queries, seconds=checked.seconds))
    else:
        for line in _lines(checked, subject):
            click.echo(shown(line, _LONGEST_LINE))
    if checked.report.overall is Verdict.FAIL:
        raise SystemExit(NO)


def _read(what: str, parse: Callable[[str], str], text: str) -> str:
    try:
        return parse(text.strip())
    except (HostError, AddressError) as error:
        stop(f"{what}: {error}", WRONG_USE)


def _platform_key(waypost: Waypost, domain: str) -> PlatformKey | None:
    """The platform's own key, where it signs with one for this very domain."""
    signer = waypost.signer
    return PlatformKey(signer.selector, signer.public_key) if signer and signer.domain == domain else None


def _lines(checked: Checked, subject: Subject) -> Iterator[str]:
    yield checked.report.headline
    yield f"Checked for mail sent through {subject.smtp_host}: {checked.queries} questions, {checked.seconds:.1f} s."
    for finding in sorted(checked.report.findings, key=lambda each: _ORDER.index(each.verdict)):
        yield ""
        yield from _finding(finding)


def _finding(finding: Finding) -> Iterator[str]:
    yield f"{_MARKS[finding.verdict]:<8} {_NAMES[finding.check]}: {finding.summary}"
    for remark in finding.details:
        yield f"         - {remark.sentence}"
    for record in finding.found:
        yield f"         found: {record}"
    for wanted in finding.wanted:
        yield from _record(wanted)


def _record(record: SuggestedRecord) -> Iterator[str]:
    yield f"         {record.action.value} this record in the DNS of {record.zone}:"
    yield f"             type   {record.type}"
    yield f"             name   {record.name}"
    yield f"             host   {record.host}"
    yield f"             value  {record.value}"
    if len(record.chunks) > 1:
        yield "             as strings  " + " ".join(f'"{chunk}"' for chunk in record.chunks)
