"""What the name servers say, as the checks are told it."""

import time
from collections.abc import Iterator
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Final

import pytest
from dns.rcode import Rcode

from portal.dns_resolver.inquiry import REPORT, Budget, DnsInquiry
from portal.domain.deliverability.dns_answers import (
    Answer,
    LookupFailure,
    MailExchanger,
    NoRecord,
    Question,
    Records,
    ipv4_of,
    ipv6_of,
    mx,
    name_of_address,
    txt,
)
from tests.support import name_server as scripts
from tests.support.name_server import GIBBERISH, SILENCE, NameServer, closed_port
from tests.support.nsd import Nsd, running_nsd

SHORT: Final = Budget(questions=120, seconds=5, seconds_a_question=0.5, seconds_a_try=0.2)
DOMAIN: Final = "acme.example"
LONG: Final = b"v=DKIM1; p=" + b"A" * 3000


def answer(server: tuple[str, int], question: Question[Any], budget: Budget = SHORT) -> Answer[Any]:
    return DnsInquiry([server], budget).ask([question])[question]


def in_strings(text: bytes, length: int) -> str:
    """TXT data as a zone file has it, cut after every so many octets."""
    return " ".join(f'"{text[start : start + length].decode()}"' for start in range(0, len(text), length))


@pytest.fixture(scope="module")
def nsd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nsd]:
    records = f"""
acme.example MX 20 backup.acme.example.
acme.example MX 10 MX.Acme.example.
quiet.example MX 0 .
mx.acme.example A 203.0.113.11
mx.acme.example AAAA 2001:db8::11
whole.example TXT "v=spf1 ip4:203.0.113.10 -all"
split.example TXT "v=spf1 ip4:203." "0.113.1" "" "0 -all"
octets.example TXT "\\200\\255;\\"\\\\"
two.example TXT "v=spf1 -all"
two.example TXT "google-site-verification=x"
long.example TXT {in_strings(LONG, 255)}
strings.example TXT {in_strings(LONG, 7)}
alias.example CNAME step.example.
step.example CNAME Whole.example.
nowhere.example CNAME gone.example.
aside.example CNAME acme.example.
abroad.example CNAME elsewhere.invalid.
*.wild.example TXT "anything"
odd\\ name.example TXT "literal"
child.example NS ns.elsewhere.example.
10.113.0.203.in-addr.arpa PTR Mail.acme.example.
11.113.0.203.in-addr.arpa PTR mail\\.acme.example.
invalid NS ns.elsewhere.example.
"""
    with running_nsd(".", records, tmp_path_factory.mktemp("nsd")) as server:
        yield server


def no_record(*, name_exists: bool, canonical: str = "") -> NoRecord:
    return NoRecord(name_exists, negative_ttl=60, canonical=canonical)


@pytest.mark.peers
@pytest.mark.parametrize(
    ("question", "expected"),
    [
        (mx(DOMAIN), Records((MailExchanger(10, "mx.acme.example"), MailExchanger(20, "backup.acme.example")), 60)),
        (mx("quiet.example"), Records((MailExchanger(0, ""),), 60)),
        (ipv4_of("mx.acme.example"), Records((ip_address("203.0.113.11"),), 60)),
        (ipv6_of("mx.acme.example"), Records((ip_address("2001:db8::11"),), 60)),
        (txt("whole.example"), Records((b"v=spf1 ip4:203.0.113.10 -all",), 60)),
        (txt("split.example"), Records((b"v=spf1 ip4:203.0.113.10 -all",), 60)),
        (txt("octets.example"), Records((b'\xc8\xff;"\\',), 60)),
        (txt("long.example"), Records((LONG,), 60)),
        (txt("strings.example"), Records((LONG,), 60)),
        (txt("alias.example"), Records((b"v=spf1 ip4:203.0.113.10 -all",), 60, canonical="whole.example")),
        (txt("nowhere.example"), no_record(name_exists=False, canonical="gone.example")),
        (txt("aside.example"), no_record(name_exists=True, canonical="acme.example")),
        (txt(DOMAIN), no_record(name_exists=True)),
        (txt("10.113.0.203.in-addr.arpa"), no_record(name_exists=True)),
        (txt("example.in-addr.arpa"), no_record(name_exists=False)),
        (txt("deep.below.wild.example"), Records((b"anything",), 60)),
        (txt("odd name.example"), Records((b"literal",), 60)),
        (txt("odd\\ name.example"), no_record(name_exists=False)),
        (name_of_address(ip_address("203.0.113.10")), Records(("mail.acme.example",), 60)),
        (name_of_address(ip_address("203.0.113.11")), Records(("mail\\.acme.example",), 60)),
        (txt("below.child.example"), LookupFailure("the DNS server knows no answer and does not ask further")),
        (txt("abroad.example"), LookupFailure("the DNS server knows no answer and does not ask further")),
    ],
    ids=str,
)
def test_what_nsd_says_is_read_as_it_is_meant(nsd: Nsd, question: Question[Any], expected: Answer[Any]) -> None:
    found = answer(nsd.address, question)
    if isinstance(found, Records) and question == mx(DOMAIN):  # which comes in any order
        found = Records(tuple(sorted(found.data, key=lambda each: each.preference)), found.ttl)
    assert found == expected


@pytest.mark.peers
def test_several_records_are_several(nsd: Nsd) -> None:
    found = answer(nsd.address, txt("two.example"))
    assert isinstance(found, Records)
    assert sorted(found.data) == [b"google-site-verification=x", b"v=spf1 -all"]


@pytest.mark.peers
def test_what_a_server_is_not_there_for_is_refused(tmp_path: Path) -> None:
    with running_nsd(DOMAIN, "www A 192.0.2.1", tmp_path) as server:
        assert answer(server.address, txt("other.example")) == LookupFailure("the DNS server answered REFUSED")


@pytest.mark.parametrize(
    ("says", "detail"),
    [
        (Rcode.SERVFAIL, "the DNS server answered SERVFAIL"),
        (Rcode.REFUSED, "the DNS server answered REFUSED"),
        (Rcode.NOTIMP, "the DNS server answered NOTIMP"),
        (Rcode.FORMERR, "the DNS server answered FORMERR"),
        (SILENCE, "no answer came in time"),
        (GIBBERISH, "no answer came in time"),  # by UDP anybody may have sent it
    ],
)
def test_a_failure_says_what_happened_and_is_never_a_missing_record(says: scripts.Answer, detail: str) -> None:
    with NameServer(f'{DOMAIN}. TXT "there"') as server:
        server.script(DOMAIN, "TXT", says)
        assert answer(server.address, txt(DOMAIN)) == LookupFailure(detail)


def test_the_seconds_waited_in_vain_are_told() -> None:
    with NameServer() as server:
        server.script(DOMAIN, "TXT", SILENCE)
        patience = Budget(questions=1, seconds=5, seconds_a_question=1, seconds_a_try=0.5)
        assert answer(server.address, txt(DOMAIN), patience) == LookupFailure("no answer came in 1 s")


@pytest.mark.parametrize(
    ("tcp", "expected"),
    [
        (True, Records((LONG,), 60)),
        (False, LookupFailure("the DNS server's answer was cut short and could not be fetched whole by TCP")),
    ],
)
def test_a_long_answer_comes_by_tcp_or_is_not_known(*, tcp: bool, expected: Answer[Any]) -> None:
    with NameServer(f"{DOMAIN}. TXT {in_strings(LONG, 255)}", tcp=tcp) as server:
        assert answer(server.address, txt(DOMAIN)) == expected


@pytest.mark.parametrize("says", [SILENCE, GIBBERISH, Rcode.SERVFAIL])
def test_what_is_cut_short_and_fails_by_tcp_is_not_known(says: scripts.Answer) -> None:
    with NameServer(cuts_short=True) as server:
        server.script(DOMAIN, "TXT", says)
        assert isinstance(answer(server.address, txt(DOMAIN)), LookupFailure)


def test_answers_that_come_only_by_tcp_are_answers() -> None:
    zone = f'{DOMAIN}. TXT "v=spf1 -all"\n{DOMAIN}. MX 10 mx.{DOMAIN}.'
    with NameServer(zone, cuts_short=True) as server:
        found = DnsInquiry([server.address], SHORT).ask([txt(DOMAIN), mx(DOMAIN), txt("gone.example")])
    assert list(found.values()) == [
        Records((b"v=spf1 -all",), 60),
        Records((MailExchanger(10, "mx.acme.example"),), 60),
        NoRecord(name_exists=False),
    ]


def test_a_chain_of_aliases_without_end_is_not_known() -> None:
    with NameServer("a.example. CNAME b.example.\nb.example. CNAME a.example.") as server:
        assert isinstance(answer(server.address, txt("a.example")), LookupFailure)


def test_without_a_name_server_nothing_is_known() -> None:
    assert DnsInquiry([], SHORT).ask([txt(DOMAIN)]) == {txt(DOMAIN): LookupFailure("no DNS server is set")}
    assert isinstance(answer(closed_port(), txt(DOMAIN)), LookupFailure)


def test_a_lost_packet_is_sent_again_and_the_next_server_asked() -> None:
    with NameServer(f'{DOMAIN}. TXT "there"') as server, NameServer() as broken:
        broken.script(DOMAIN, "TXT", Rcode.SERVFAIL)
        server.script(DOMAIN, "TXT", SILENCE, ('"there"',))
        found = DnsInquiry([broken.address, server.address], REPORT).ask([txt(DOMAIN)])
    assert found == {txt(DOMAIN): Records((b"there",), 60)}


def test_names_of_one_label_are_not_asked_for() -> None:
    with NameServer("localhost. A 127.0.0.1") as server:
        assert answer(server.address, ipv4_of("localhost")) == NoRecord(name_exists=False)
        assert server.asked == []


def test_many_questions_wait_together() -> None:
    questions = [txt(f"n{number}.example") for number in range(20)]
    with NameServer() as server:
        for question in questions:
            server.script(question.name, "TXT", SILENCE)
        begin = time.monotonic()
        found = DnsInquiry([server.address], SHORT).ask(questions)
    assert list(found) == questions
    assert time.monotonic() - begin < 2


def test_what_is_beyond_the_number_of_questions_is_not_asked_and_not_known() -> None:
    questions = [txt(f"n{number}.example") for number in range(10)]
    with NameServer() as server:
        inquiry = DnsInquiry([server.address], Budget(7, 5, 1, 1))
        first, then = inquiry.ask(questions[:5]), inquiry.ask(questions[5:])
        assert sorted(name for name, _, _ in server.asked) == sorted(question.name for question in questions[:7])
    assert set(first.values()) == {NoRecord(name_exists=False)}
    assert [isinstance(each, LookupFailure) for each in then.values()] == [False, False, True, True, True]
    assert then[questions[9]] == LookupFailure("the limit of 7 questions for one check was reached")
    assert inquiry.queries == 7


def test_what_is_beyond_the_time_is_not_asked_and_not_known() -> None:
    with NameServer() as server:
        server.script(DOMAIN, "TXT", SILENCE)
        inquiry = DnsInquiry([server.address], Budget(120, 1, 5, 2))
        inquiry.ask([txt(DOMAIN)])
        assert 0.9 < inquiry.seconds < 2
        assert inquiry.ask([mx(DOMAIN)]) == {mx(DOMAIN): LookupFailure("the 1 s for one check were used up")}
        assert inquiry.queries == 1
