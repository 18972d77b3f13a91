"""Zones made to cost as much as possible: the report comes all the same, and a used-up budget never makes it green."""

import json
from ipaddress import ip_address
from time import process_time
from typing import Any

import pytest

from portal.domain.deliverability.dns_answers import DnsAnswers, LookupFailure, MailExchanger
from portal.domain.deliverability.findings import Verdict
from portal.domain.deliverability.lookup_plan import missing_questions
from portal.domain.deliverability.report import report
from portal.domain.deliverability.report_json import report_to_json
from tests.support.deliverability_scenarios import SCENARIOS, reported
from tests.support.dns_zone import DnsZone

HEALTHY = next(scenario for scenario in SCENARIOS if scenario.name == "nothing is wrong")
BUDGET = 120
Records = dict[tuple[str, str], tuple[Any, ...]]


def spf(terms: bytes) -> Records:
    return {("acme.example", "TXT"): (b"v=spf1 " + terms,)}


MX_OF_MX: Records = {
    **spf(b" ".join(b"mx:n%d.test" % number for number in range(10)) + b" -all"),
    **{
        (f"n{number}.test", "MX"): tuple(MailExchanger(1, f"h{host}.n{number}.test") for host in range(10))
        for number in range(10)
    },
    **{(f"h{host}.n{number}.test", "A"): (ip_address("198.51.100.1"),) for number in range(10) for host in range(10)},
}
HOSTILE: dict[str, Records] = {
    "thousands of networks": spf(b"ip4:1.1.1.1 " * 5400),
    "thousands of look-ups": spf(b"a " * 32000),
    "thousands of modifiers": spf(b"a=%{d} " * 9000),
    "thousands of errors": spf(b"; " * 32000),
    "thousands of records": {("acme.example", "TXT"): (b"v=spf1 ip4:1.1.1.1 -all",) * 4000},
    "long records below": {
        **spf(b" ".join(b"include:n%d.test" % number for number in range(60))),
        **{(f"n{number}.test", "TXT"): (b"v=spf1 " + b"ip4:1.1.1.1 " * 5000,) for number in range(60)},
    },
    "as many mail servers as there may be": MX_OF_MX,
    "hundreds of addresses": {
        **spf(b"ip4:1.1.1.1 " * 5400),
        ("mail.acme.example", "A"): tuple(ip_address(f"198.51.100.{number}") for number in range(250)),
    },
    "hundreds of names": {("10.113.0.203.in-addr.arpa", "PTR"): tuple(f"n{number}.test" for number in range(500))},
    "thousands of keys": {("s1._domainkey.acme.example", "TXT"): (b"v=DKIM1; p=",) * 4000},
    "thousands of report addresses": {
        ("_dmarc.acme.example", "TXT"): (
            b"v=DMARC1; p=reject; rua=" + b",".join(b"mailto:a@d%d.test" % number for number in range(4000)),
        )
    },
}


def hostile_zone(name: str) -> DnsZone:
    return DnsZone({**HEALTHY.dns().records, **HOSTILE[name]})


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_zone_gets_its_report_in_seconds(name: str) -> None:
    begin = process_time()
    found = reported(HEALTHY.whom(), hostile_zone(name))

    assert process_time() - begin < 10
    assert len(json.dumps(report_to_json(found, queries=0, seconds=0))) <= 20_000
    assert all(text.isprintable() for finding in found.findings for text in (finding.summary, *finding.found))


@pytest.mark.parametrize("name", [name for name in HOSTILE if name != "as many mail servers as there may be"])
def test_a_hostile_zone_costs_no_more_questions_than_a_report_may_ask(name: str) -> None:
    zone = hostile_zone(name)
    reported(HEALTHY.whom(), zone)
    assert len(zone.asked) <= BUDGET


def test_what_is_not_asked_because_the_budget_is_used_up_is_not_known() -> None:
    zone = hostile_zone("as many mail servers as there may be")
    answers = DnsAnswers()
    while questions := missing_questions(HEALTHY.whom(), answers):
        answers |= {
            question: zone.answer(question)
            if len(zone.asked) < BUDGET
            else LookupFailure("there was no time left to ask")
            for question in questions
        }
    assert report(HEALTHY.whom(), answers).overall is Verdict.UNKNOWN
