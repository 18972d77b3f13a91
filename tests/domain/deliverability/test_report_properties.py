"""Whatever a zone holds, there is a report: short, of text only, and what it wants published is right."""

import json
from ipaddress import ip_address

from hypothesis import given, settings
from hypothesis import strategies as st

from portal.domain.deliverability.dns_answers import DnsAnswers
from portal.domain.deliverability.findings import CheckId, Verdict
from portal.domain.deliverability.lookup_plan import missing_questions
from portal.domain.deliverability.report import Report, report
from portal.domain.deliverability.report_json import report_to_json
from portal.domain.deliverability.spf.record import parse_record
from portal.domain.deliverability.spf.tree import spf_tree
from portal.domain.deliverability.subject import Evidence, Subject
from tests.support.deliverability_scenarios import published
from tests.support.dns_zone import DnsZone, answered
from tests.support.spf_zones import PATIENTLY, hostile_zones

BRIEFLY = settings(PATIENTLY, max_examples=40)  # a whole report is a hundred times an evaluation
HOSTS = ("b.example", "192.0.2.1", "smtp.mailgun.org", "smtp.postmarkapp.com")
noise = st.one_of(
    st.binary(max_size=60),
    st.sampled_from(
        (b"v=DKIM1; p=", b"v=DMARC1; p=none; rua=mailto:x@b.example", b"v=DMARC1", b'"v=DMARC1; p=x"', b"p=reject")
    ),
)


@st.composite
def domains(draw: st.DrawFn) -> tuple[Subject, DnsZone]:
    zone = draw(hostile_zones())
    names = (
        "_dmarc.a.example",
        "s1._domainkey.a.example",
        "_mta-sts.a.example",
        "default._bimi.a.example",
        "mailgun.org",
    )
    extra = {(name, "TXT"): tuple(records) for name in names if (records := draw(st.lists(noise, max_size=3)))}
    zone.records = {**zone.records, **extra}
    subject = Subject.of("a.example", draw(st.sampled_from(HOSTS)), selectors=draw(st.sampled_from((["s1"], []))))
    return subject, zone


def report_of(subject: Subject, zone: DnsZone) -> Report:
    answers = DnsAnswers()
    while questions := missing_questions(subject, answers):
        assert not any(question in answers for question in questions)
        answers |= {question: zone.answer(question) for question in questions}
    return report(subject, answers)


@BRIEFLY
@given(domains())
def test_there_is_a_short_report_of_text_for_any_zone(domain: tuple[Subject, DnsZone]) -> None:
    found = report_of(*domain)
    told = report_to_json(found, queries=0, seconds=0)

    assert [finding.check for finding in found.findings] == list(CheckId)
    assert found.overall in set(Verdict)
    assert found.headline.isprintable()
    assert len(json.dumps(told)) <= 20_000
    assert all(
        text.isprintable()
        for check in told["checks"]
        for text in (check["summary"], *check["found"], *check["details"])
    )


@BRIEFLY
@given(domains())
def test_a_wanted_spf_record_is_whole_and_the_only_one(domain: tuple[Subject, DnsZone]) -> None:
    subject, zone = domain
    for record in report_of(subject, zone).of(CheckId.SPF).wanted:
        after = published(zone, [record])
        tree = answered(after, lambda answers: spf_tree("a.example", answers))
        assert parse_record(record.value.encode()).errors == ()
        assert tree.root.record is not None
        assert tree.lookups <= 10


@BRIEFLY
@given(domains(), st.sampled_from(("192.0.2.1", "2001:db8::1")))
def test_a_report_with_evidence_asks_no_more_in_the_end(domain: tuple[Subject, DnsZone], client: str) -> None:
    subject, zone = domain
    seen = Subject(subject.from_domain, subject.smtp_host, evidence=Evidence(ip_address(client)))
    found = report_of(seen, zone)
    assert len(zone.asked) == len(set(zone.asked))
    assert found.of(CheckId.SPF).verdict in {Verdict.PASS, Verdict.WARN, Verdict.FAIL, Verdict.UNKNOWN}
