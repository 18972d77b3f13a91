"""A report takes so many questions and so many seconds, whatever is published and whoever is silent."""

import re
import time
from typing import Final

import pytest
from dns.rcode import Rcode

from portal.dns_resolver.inquiry import PAGE, REPORT, Budget
from portal.domain.deliverability.findings import CheckId, Verdict
from portal.domain.deliverability.subject import Subject
from portal.services.deliverability import Deliverability
from tests.support import name_server as scripts
from tests.support.deliverability_scenarios import KEYS
from tests.support.name_server import GIBBERISH, SILENCE, NameServer, closed_port

SUBJECT: Final = Subject.of("acme.example", "mail.acme.example", selectors=["s1"])
IMPATIENT: Final = Budget(questions=120, seconds=7, seconds_a_question=0.3, seconds_a_try=0.2)

MX_OF_MX: Final = "\n".join(
    [
        "mail.acme.example. A 203.0.113.10",
        "acme.example. MX 10 mail.acme.example.",
        f'acme.example. TXT "v=spf1 {" ".join(f"mx:n{number}.test" for number in range(10))} -all"',
        *(f"n{number}.test. MX 10 h{host}.n{number}.test." for number in range(10) for host in range(10)),
        *(f"h{host}.n{number}.test. A 198.51.100.1" for number in range(10) for host in range(10)),
    ]
)
DEEP: Final = "\n".join(
    [
        "mail.acme.example. A 203.0.113.10",
        'acme.example. TXT "v=spf1 include:n0.test -all"',
        *(f'n{number}.test. TXT "v=spf1 include:n{number + 1}.test -all"' for number in range(60)),
    ]
)
"""Each record is known only when the one before has come."""

HEALTHY: Final = """
acme.example. MX 10 mx.acme.example.
acme.example. TXT "v=spf1 include:spf.acme.example -all"
spf.acme.example. TXT "v=spf1 ip4:203.0.113.10 -all"
mail.acme.example. A 203.0.113.10
10.113.0.203.in-addr.arpa. PTR mail.acme.example.
s1._domainkey.acme.example. CNAME s1.keys.test.
s1.keys.test. TXT "v=DKIM1; k=rsa; p={key}"
_dmarc.acme.example. TXT "v=DMARC1; p=reject; rua=mailto:dmarc@reports.test"
acme.example._report._dmarc.reports.test. TXT "v=DMARC1"
"""


def healthy_zone() -> str:
    key = KEYS["rsa2048"]
    return HEALTHY.replace("{key}", f'{key[:200]}" "{key[200:]}')


@pytest.mark.parametrize("says", [Rcode.SERVFAIL, Rcode.REFUSED, SILENCE, GIBBERISH])
def test_no_look_up_that_fails_makes_a_healthy_domain_red(says: scripts.Answer) -> None:
    with NameServer(healthy_zone()) as server:
        checked = Deliverability([server.address]).check(SUBJECT)
        asked = sorted({(name, rdtype) for name, rdtype, _ in server.asked})
    assert checked.report.overall is Verdict.PASS
    assert checked.queries == len(asked)
    for name, rdtype in asked:
        with NameServer(healthy_zone()) as server:
            server.script(name, rdtype, says)
            report = Deliverability([server.address]).check(SUBJECT, IMPATIENT).report
        assert Verdict.FAIL not in {each.verdict for each in report.findings}, (name, rdtype)
        assert not re.search("missing|not found|no record", report.headline, re.IGNORECASE), (name, rdtype)


def test_a_domain_whose_answers_come_only_by_tcp_is_as_good_as_any() -> None:
    with NameServer(healthy_zone()) as by_udp, NameServer(healthy_zone(), cuts_short=True) as by_tcp:
        reports = [Deliverability([each.address]).check(SUBJECT).report for each in (by_udp, by_tcp)]
    assert reports[0] == reports[1]
    assert reports[0].overall is Verdict.PASS


def test_a_domain_whose_answers_cannot_be_fetched_whole_is_not_known() -> None:
    with NameServer(healthy_zone(), cuts_short=True, tcp=False) as server:
        report = Deliverability([server.address]).check(SUBJECT).report
    assert report.overall is Verdict.UNKNOWN
    assert Verdict.FAIL not in {each.verdict for each in report.findings}
    assert "cut short" in report.headline


def test_as_many_mail_servers_as_there_may_be_are_not_all_asked_for() -> None:
    with NameServer(MX_OF_MX) as server:
        checked = Deliverability([server.address]).check(SUBJECT)
        asked = len(server.asked)
    assert checked.queries == asked == 120
    assert checked.seconds < 10
    assert checked.report.overall is not Verdict.PASS
    assert "the limit of 120 questions" in " ".join(each.summary for each in checked.report.findings)


@pytest.mark.parametrize("budget", [REPORT, PAGE], ids=["report", "page"])
def test_silence_at_every_step_costs_no_more_than_the_time_there_is(budget: Budget) -> None:
    with NameServer(DEEP) as server:
        for number in range(60):  # every answer comes at the second try only
            data = f'"v=spf1 include:n{number + 1}.test -all"'
            server.script(f"n{number}.test", "TXT", SILENCE, (data,))
        begin = time.monotonic()
        checked = Deliverability([server.address]).check(SUBJECT, budget)
        took = time.monotonic() - begin
    assert took < budget.seconds + 2
    assert checked.queries <= 120
    assert checked.report.of(CheckId.SPF).verdict is Verdict.UNKNOWN


@pytest.mark.parametrize("says", [Rcode.SERVFAIL, Rcode.REFUSED])
def test_a_name_server_that_fails_makes_everything_unknown(says: scripts.Answer) -> None:
    class Failing(NameServer):
        def _scripted(self, name: object, rdtype: object) -> scripts.Answer | None:  # noqa: ARG002 - asked for anything
            return says

    with Failing() as server:
        report = Deliverability([server.address]).check(SUBJECT).report
    assert report.overall is Verdict.UNKNOWN
    assert Verdict.FAIL not in {each.verdict for each in report.findings}


def test_nobody_there_makes_everything_unknown_in_the_time_of_a_page() -> None:
    checked = Deliverability([closed_port()]).check(SUBJECT, PAGE)
    assert checked.report.overall is Verdict.UNKNOWN
    assert checked.seconds < 8
