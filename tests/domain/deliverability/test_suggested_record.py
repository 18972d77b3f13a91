"""What people are asked to publish, in the forms their panels want."""

import pytest

from portal.domain.deliverability.report_json import report_to_json
from portal.domain.deliverability.spf.merge import merged_record
from portal.domain.deliverability.suggested_record import Action, SuggestedRecord
from tests.support.deliverability_scenarios import SCENARIOS, Scenario, reported


@pytest.mark.parametrize(
    ("name", "zone", "host"),
    [
        ("acme.example", "acme.example", "@"),
        ("_dmarc.acme.example", "acme.example", "_dmarc"),
        ("_dmarc.news.acme.example", "acme.example", "_dmarc.news"),
        ("notacme.example", "acme.example", "notacme.example"),
    ],
)
def test_a_name_is_also_given_as_panels_want_it(name: str, zone: str, host: str) -> None:
    assert SuggestedRecord(name, zone, "TXT", "x").host == host


def test_a_long_value_is_cut_into_strings_that_fit() -> None:
    record = SuggestedRecord("s1._domainkey.acme.example", "acme.example", "TXT", "v=DKIM1; p=" + "A" * 600)
    assert [len(chunk) for chunk in record.chunks] == [255, 255, 101]
    assert "".join(record.chunks) == record.value
    assert record.zone_file_line.count('"') == 6


def test_a_zone_file_line_escapes_what_would_end_its_string() -> None:
    record = SuggestedRecord("acme.example", "acme.example", "TXT", 'a"b\\c')
    assert record.zone_file_line == r'acme.example. IN TXT "a\"b\\c"'
    assert SuggestedRecord("s1.acme.example", "acme.example", "CNAME", "s1.esp.test").zone_file_line == (
        "s1.acme.example. IN CNAME s1.esp.test."
    )


@pytest.mark.parametrize(
    ("published", "add", "drop", "merged"),
    [
        pytest.param([], ["ip4:192.0.2.1"], [], "v=spf1 ip4:192.0.2.1 ~all", id="the first record"),
        pytest.param(["v=spf1 mx -all"], ["a"], [], "v=spf1 mx a -all", id="before the end, which stays"),
        pytest.param(["v=spf1 mx ?all"], [], [], "v=spf1 mx ~all", id="a neutral end goes"),
        pytest.param(["v=spf1 mx"], ["mx"], [], "v=spf1 mx ~all", id="nothing twice"),
        pytest.param(["v=spf1 mx ~all", "v=spf1 mx a -all"], [], [], "v=spf1 mx a -all", id="two records"),
        pytest.param(["v=spf1 mx redirect=b.test"], [], [], "v=spf1 mx include:b.test ~all", id="a redirect"),
        pytest.param(
            ["v=spf1 mx redirect=b.test -all"], [], [], "v=spf1 mx include:b.test -all", id="an idle redirect"
        ),
        pytest.param(["v=spf1 mx exp=e.test -all"], [], [], "v=spf1 mx -all exp=e.test", id="an explanation"),
        pytest.param(["v=spf1 mx -all include:b.test"], [], [], "v=spf1 mx -all", id="what was never reached"),
        pytest.param(
            ["v=spf1 exists:%{l,}.b.test -all"], [], [], "v=spf1 exists:%{l,}.b.test -all", id="its own comma"
        ),
        pytest.param(["v=spf1 ip4:192.0.2/24 mx -all"], [], [], "v=spf1 mx -all", id="a term nobody can read"),
        pytest.param(["v=spf1 ~ipv4:192.0.2.1 mx -all"], [], [], "v=spf1 ~ip4:192.0.2.1 mx -all", id="a slip"),
        pytest.param(["v=spf1 mx; a:b.test, -all;"], [], [], "v=spf1 mx a:b.test -all", id="other marks between terms"),
        pytest.param(["v=spf1 mx\u00a0a\u2003-all"], [], [], "v=spf1 mx a -all", id="spaces that only look like one"),
        pytest.param(
            ["v=spf1 mx redirect:b.test"], [], [], "v=spf1 mx include:b.test ~all", id="a redirect by a colon"
        ),
        pytest.param(["v=spf1 include:b.test mx -all"], [], ["include:b.test"], "v=spf1 mx -all", id="a dead include"),
        pytest.param(["v=spf1 -a:b.test ~mx -all"], [], [], "v=spf1 -a:b.test ~mx -all", id="qualifiers stay"),
    ],
)
def test_what_is_published_is_merged_and_never_doubled(
    published: list[str], add: list[str], drop: list[str], merged: str
) -> None:
    assert merged_record([text.encode() for text in published], add=add, drop=drop) == merged


def test_a_record_that_would_be_too_long_is_not_suggested() -> None:
    assert merged_record([], add=[f"ip4:192.0.2.{number}" for number in range(40)]) is None


@pytest.mark.parametrize("scenario", SCENARIOS[:20], ids=str)
def test_the_report_for_programs_has_the_promised_form(scenario: Scenario) -> None:
    report = reported(scenario.whom(), scenario.dns())
    told = report_to_json(report, queries=12, seconds=0.12345)

    assert list(told) == ["domain", "overall", "headline", "checks", "queries", "seconds"]
    assert (told["overall"], told["queries"], told["seconds"]) == (report.overall, 12, 0.123)
    for check in told["checks"]:
        assert list(check) == ["id", "status", "summary", "found", "wanted", "details"]
        assert check["status"] in {"pass", "warn", "fail", "unknown", "info", "skip"}
        for record in check["wanted"]:
            assert list(record) == ["name", "host", "type", "value", "action", "chunks"]
            assert record["action"] in {Action.ADD, Action.REPLACE}
            assert "".join(record["chunks"]) == record["value"]
