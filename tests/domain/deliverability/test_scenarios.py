"""What the report says of each domain in ``tests/data/deliverability/scenarios``, and what is true of every one."""

import json
from ipaddress import IPv4Address, IPv6Address

import pytest

from portal.domain.deliverability.dns_answers import LookupFailure, MailExchanger
from portal.domain.deliverability.findings import CheckId, Finding, Verdict
from portal.domain.deliverability.report import Report
from portal.domain.deliverability.report_json import report_to_json
from tests.support.deliverability_scenarios import SCENARIOS, Scenario, published, reported
from tests.support.dns_zone import DnsZone

FOR_ABSENCE_ONLY = ("missing", "not found", "no record", "No SPF record", "No DMARC record", "No DKIM key")
NOT_RED = [scenario for scenario in SCENARIOS if not scenario.failing and "fail" not in scenario.expect.values()]


def words_of(finding: Finding) -> str:
    return "\n".join([finding.summary, *(remark.sentence for remark in finding.details)])


def verdicts_of(report: Report) -> dict[str, str]:
    return {finding.check: finding.verdict for finding in report.findings}


@pytest.mark.parametrize("scenario", SCENARIOS, ids=str)
def test_the_report_says_of_a_domain_what_its_scenario_says(scenario: Scenario) -> None:
    report = reported(scenario.whom(), scenario.dns())
    found = {**verdicts_of(report), "overall": report.overall}

    assert {check: found[check] for check in scenario.expect} == scenario.expect, report
    for check, words in scenario.says.items():
        assert words in words_of(report.of(CheckId(check)))
    for check, value in scenario.wanted.items():
        wanted = report.of(CheckId(check)).wanted
        assert (wanted[0].value if wanted else "") == value


@pytest.mark.parametrize("scenario", SCENARIOS, ids=str)
def test_what_is_wanted_heals(scenario: Scenario) -> None:
    subject, zone = scenario.whom(), scenario.dns()
    for finding in reported(subject, zone).findings:
        if not finding.wanted:
            continue
        healed = reported(subject, published(zone, finding.wanted)).of(finding.check)
        assert healed.verdict is not Verdict.FAIL or not scenario.heals, healed


@pytest.mark.parametrize("scenario", SCENARIOS, ids=str)
def test_every_red_check_that_the_dns_can_heal_says_how(scenario: Scenario) -> None:
    report = reported(scenario.whom(), scenario.dns())
    red = {CheckId(check) for check, verdict in scenario.expect.items() if verdict == "fail" and check != "overall"}
    healable = red & {CheckId.SPF, CheckId.DMARC} if scenario.heals else set()
    assert {check for check in healable if not report.of(check).wanted} == set()


@pytest.mark.parametrize("scenario", NOT_RED, ids=str)
def test_a_failed_lookup_is_never_red_and_never_said_to_be_an_absence(scenario: Scenario) -> None:
    subject, zone = scenario.whom(), scenario.dns()
    before = reported(subject, zone)
    red_before = {check for check, verdict in verdicts_of(before).items() if verdict == "fail"}
    for question in dict.fromkeys(zone.asked):
        blind = DnsZone(zone.records, {question: LookupFailure("no answer came in 5 s")})
        after = reported(subject, blind)
        without = {key: data for key, data in zone.records.items() if key != (question.name, question.type)}
        gone = reported(subject, DnsZone(without))

        assert {check for check, verdict in verdicts_of(after).items() if verdict == "fail"} <= red_before, question
        for finding in after.findings:
            if finding.summary != before.of(finding.check).summary:
                assert not any(word in words_of(finding) for word in FOR_ABSENCE_ONLY), (question, finding)
        if gone.overall is Verdict.FAIL:
            assert after.overall is not Verdict.PASS, question


@pytest.mark.parametrize("scenario", SCENARIOS, ids=str)
def test_the_order_of_records_changes_nothing(scenario: Scenario) -> None:
    zone = scenario.dns()
    turned = DnsZone({key: tuple(reversed(data)) for key, data in zone.records.items()}, dict(zone.failures))
    assert verdicts_of(reported(scenario.whom(), turned)) == verdicts_of(reported(scenario.whom(), zone))


@pytest.mark.parametrize("scenario", SCENARIOS, ids=str)
def test_a_report_takes_few_questions_and_shows_only_text(scenario: Scenario) -> None:
    zone = scenario.dns()
    report = reported(scenario.whom(), zone)

    assert len(zone.asked) == len(set(zone.asked)) <= 120
    assert {question.name for question in zone.asked if "." not in question.name} == set()
    shown = [*(words_of(finding) for finding in report.findings), report.headline]
    shown += [text for finding in report.findings for text in finding.found]
    assert all(line.isprintable() for text in shown for line in text.split("\n"))
    assert all(len(chunk) <= 255 for each in report.findings for record in each.wanted for chunk in record.chunks)


def test_every_verdict_of_every_check_has_a_scenario() -> None:
    seen: dict[str, set[str]] = {}
    for scenario in SCENARIOS:
        for check, verdict in scenario.expect.items():
            seen.setdefault(check, set()).add(verdict)
    for check in ("domain", "spf", "dkim", "dmarc", "alignment", "ptr", "overall"):
        assert seen[check] >= {"pass", "warn", "fail", "unknown"}
    for check in ("tls_rpt", "mta_sts", "bimi"):
        assert seen[check] == {"pass", "warn", "info"}
    assert len(SCENARIOS) >= 150


def test_a_hostile_zone_is_judged_all_the_same() -> None:
    noise = (b"\x00\x1b<script>" * 900, b"v=spf1 " + b"include:acme.example " * 500, b"v=DMARC1; p=\xff" + b";" * 5000)
    endless = DnsZone(
        {
            ("acme.example", "TXT"): (noise[1],),
            ("_dmarc.acme.example", "TXT"): noise,
            ("s1._domainkey.acme.example", "TXT"): noise * 100,
            ("acme.example", "MX"): tuple(MailExchanger(number, f"{'x' * 70}.example") for number in range(500)),
            ("mail.acme.example", "A"): (IPv4Address("203.0.113.10"),),
            ("mail.acme.example", "AAAA"): (IPv6Address("2001:db8::1"),),
        }
    )
    report = reported(SCENARIOS[0].whom(), endless)
    assert report.overall is Verdict.FAIL
    assert len(endless.asked) <= 120
    assert len(json.dumps(report_to_json(report, queries=0, seconds=0))) <= 20_000
