"""Whatever a domain publishes, SPF's evaluation ends, stays within its limits, and tells how it came to its result."""

from ipaddress import ip_address

from hypothesis import given
from hypothesis import strategies as st

from portal.domain.deliverability.dns_answers import LookupFailure, RecordType
from portal.domain.deliverability.spf.check_host import check_host
from portal.domain.deliverability.spf.evaluation import RFC_LIMITS, Outcome, SmtpClient, SpfResult, SpfTrouble
from portal.domain.deliverability.spf.explanation import explanation
from portal.domain.deliverability.spf.record import is_spf_record, parse_record
from portal.domain.deliverability.spf.tree import spf_tree
from tests.support.dns_zone import DnsZone, answered
from tests.support.spf_zones import ADDRESSES, NAMES, PATIENTLY, hostile_zones, spf_texts

clients = st.builds(
    SmtpClient,
    st.sampled_from(ADDRESSES).map(ip_address),
    helo=st.sampled_from(("mail.a.example", "localhost", "[192.0.2.1]", "")),
    mail_from=st.sampled_from((*(f"ada@{name}" for name in NAMES), "@a.example", "ä.b@a.example", "x@ä..b", "")),
)
MOST_QUESTIONS = 1 + RFC_LIMITS.lookups * (2 + RFC_LIMITS.exchangers) + 1 + RFC_LIMITS.reverse_names


@PATIENTLY
@given(zone=hostile_zones(), client=clients)
def test_an_evaluation_ends_within_the_limits_whatever_is_published(zone: DnsZone, client: SmtpClient) -> None:
    evaluation = answered(zone, lambda answers: check_host(client, answers))
    asking = [step for _, _, step in evaluation.outline() if step.asked and step.lookup]
    over = [step for _, _, step in evaluation.outline() if step.trouble is SpfTrouble.TOO_MANY_LOOKUPS]

    assert len(zone.asked) == len(set(zone.asked)) <= MOST_QUESTIONS
    assert len(asking) <= evaluation.lookups <= RFC_LIMITS.lookups + 1
    assert evaluation.voids <= RFC_LIMITS.voids + 1
    assert sum(question.type is RecordType.TXT for question in zone.asked) <= 1 + RFC_LIMITS.lookups
    assert not over or evaluation.result is SpfResult.PERMERROR


@PATIENTLY
@given(zone=hostile_zones(), client=clients)
def test_a_result_comes_from_the_term_the_trace_names(zone: DnsZone, client: SmtpClient) -> None:
    evaluation = answered(zone, lambda answers: check_host(client, answers))
    numbers = [step.lookup for _, _, step in evaluation.outline() if step.lookup]

    assert numbers == list(range(1, evaluation.lookups + 1))
    match evaluation.result:
        case SpfResult.PASS | SpfResult.FAIL | SpfResult.SOFTFAIL:
            assert all(step.outcome is Outcome.MATCH for _, step in evaluation.path)
            assert evaluation.path
        case SpfResult.TEMPERROR:
            failures = {answer.detail for answer in zone.failures.values()}
            assert any(failure in evaluation.root.detail for failure in failures)
        case SpfResult.PERMERROR | SpfResult.NONE:
            assert evaluation.trouble


@PATIENTLY
@given(zone=hostile_zones(), client=clients)
def test_a_failed_lookup_never_reads_as_a_missing_record(zone: DnsZone, client: SmtpClient) -> None:
    evaluation = answered(zone, lambda answers: check_host(client, answers))
    for question in tuple(zone.asked):
        failing = DnsZone(zone.records, {**zone.failures, question: LookupFailure("no answer within 5 s")})
        result = answered(failing, lambda answers: check_host(client, answers)).result
        assert result is not SpfResult.NONE or evaluation.result is SpfResult.NONE


@PATIENTLY
@given(zone=hostile_zones(), client=clients)
def test_an_explanation_is_text_or_nothing(zone: DnsZone, client: SmtpClient) -> None:
    evaluation = answered(zone, lambda answers: check_host(client, answers))
    told = answered(zone, lambda answers: explanation(evaluation, answers))
    assert told is None or evaluation.result is SpfResult.FAIL


@PATIENTLY
@given(zone=hostile_zones())
def test_the_whole_tree_is_seen_within_bounds(zone: DnsZone) -> None:
    tree = answered(zone, lambda answers: spf_tree("a.example", answers))
    numbers = [term.lookup for _, _, term in tree.terms()]
    assert numbers == list(range(1, tree.lookups + 1))
    assert tree.lookups <= 40


@given(raw=spf_texts())
def test_reading_a_record_loses_no_term_and_never_raises(raw: bytes) -> None:
    if not is_spf_record(raw):
        return
    record = parse_record(raw)
    words = [word for word in raw[len(b"v=spf1") :].split(b" ") if word]
    repeated = [error for error in record.errors if "a second time" in error.why]
    assert len(record.directives) + len(record.modifiers) + len(record.errors) - len(repeated) == len(words)


@given(raw=st.binary())
def test_any_bytes_can_be_read_as_a_record(raw: bytes) -> None:
    parse_record(b"v=spf1 " + raw)
