"""What the openspf suite does not ask of an SPF evaluator: international names, traces, limits, and the whole tree."""

from ipaddress import ip_address
from time import process_time
from typing import Any

import pytest

from portal.domain.deliverability.dns_answers import LookupFailure, Question, ipv4_of, mx, txt
from portal.domain.deliverability.spf.check_host import check_host
from portal.domain.deliverability.spf.evaluation import Evaluation, SmtpClient, SpfLimits, SpfResult, SpfTrouble
from portal.domain.deliverability.spf.record import parse_record
from portal.domain.deliverability.spf.tree import SpfTree, spf_tree
from tests.support.dns_zone import DnsZone, answered

PROVIDER = """
    acme.example            TXT  "v=spf1 mx include:spf.esp.example ~all"
    acme.example            MX   10 mx.acme.example.
    mx.acme.example         A    198.51.100.1
    spf.esp.example         TXT  "v=spf1 include:_a.esp.example include:_b.esp.example -all"
    _a.esp.example          TXT  "v=spf1 ip4:192.0.2.0/24 -all"
    _b.esp.example          TXT  "v=spf1 ip6:2001:db8::/32 -all"
"""


def evaluate(zone: DnsZone | str, ip: str, mail_from: str = "ada@acme.example", **limits: int) -> Evaluation:
    known = DnsZone.from_text(zone) if isinstance(zone, str) else zone
    client = SmtpClient(ip_address(ip), "mail.acme.example", mail_from)
    return answered(known, lambda answers: check_host(client, answers, limits=SpfLimits(**limits)))


def tree_of(zone: DnsZone | str, domain: str = "acme.example") -> SpfTree:
    known = DnsZone.from_text(zone) if isinstance(zone, str) else zone
    return answered(known, lambda answers: spf_tree(domain, answers))


@pytest.mark.parametrize(
    ("ip", "result", "path", "lookups"),
    [
        pytest.param(
            "192.0.2.9",
            SpfResult.PASS,
            ["include:spf.esp.example", "include:_a.esp.example", "ip4:192.0.2.0/24"],
            3,
            id="through two includes",
        ),
        pytest.param("198.51.100.1", SpfResult.PASS, ["mx"], 1, id="at once"),
        pytest.param(
            "2001:db8::9",
            SpfResult.PASS,
            ["include:spf.esp.example", "include:_b.esp.example", "ip6:2001:db8::/32"],
            4,
            id="in the second family",
        ),
        pytest.param("203.0.113.1", SpfResult.SOFTFAIL, ["~all"], 4, id="nobody's"),
    ],
)
def test_the_trace_tells_which_terms_decided(ip: str, result: SpfResult, path: list[str], lookups: int) -> None:
    evaluation = evaluate(PROVIDER, ip)
    assert evaluation.result is result
    assert [step.term for _, step in evaluation.path] == path
    assert evaluation.lookups == lookups


def test_the_outline_has_every_term_with_its_depth_and_its_publisher() -> None:
    outline = evaluate(PROVIDER, "203.0.113.1").outline()
    assert [(depth, domain, step.term, step.lookup) for depth, domain, step in outline] == [
        (0, "acme.example", "mx", 1),
        (0, "acme.example", "include:spf.esp.example", 2),
        (1, "spf.esp.example", "include:_a.esp.example", 3),
        (2, "_a.esp.example", "ip4:192.0.2.0/24", None),
        (2, "_a.esp.example", "-all", None),
        (1, "spf.esp.example", "include:_b.esp.example", 4),
        (2, "_b.esp.example", "ip6:2001:db8::/32", None),
        (2, "_b.esp.example", "-all", None),
        (1, "spf.esp.example", "-all", None),
        (0, "acme.example", "~all", None),
    ]


@pytest.mark.parametrize(
    ("mail_from", "asked"),
    [
        pytest.param("ada@münchen.example", "xn--mnchen-3ya.example", id="umlaut"),
        pytest.param("ada@MÜNCHEN.example", "xn--mnchen-3ya.example", id="capital umlaut"),
        pytest.param("ada@straße.example", "xn--strae-oqa.example", id="IDNA 2008, not strasse"),
        pytest.param("ada@例え。example", "xn--r8jz45g.example", id="ideographic full stop"),
        pytest.param("ada@acme.example.", "acme.example", id="the root's dot"),
    ],
)
def test_an_international_domain_is_asked_for_by_its_a_labels(mail_from: str, asked: str) -> None:
    zone = DnsZone({(asked, "TXT"): (b"v=spf1 +all",)})
    assert evaluate(zone, "192.0.2.1", mail_from).result is SpfResult.PASS
    assert zone.asked == [txt(asked)]


@pytest.mark.parametrize(
    "domain", ["a..example", "ä" * 64 + ".example", "x" * 64 + ".example", "xn--\u00ff", "host", ""]
)
def test_what_is_no_domain_has_no_policy_and_asks_nothing(domain: str) -> None:
    zone = DnsZone({})
    evaluation = evaluate(zone, "192.0.2.1", f"ada@{domain}")
    assert (evaluation.result, evaluation.trouble) == (SpfResult.NONE, SpfTrouble.NOT_A_DOMAIN)
    assert zone.asked == []


@pytest.mark.parametrize(
    ("record", "ip", "result"),
    [
        pytest.param("ip4:192.0.2.1 -all", "::ffff:192.0.2.1", "pass", id="an IPv4 address mapped into IPv6 is IPv4"),
        pytest.param("ip6:::1 -all", "::1", "pass", id="a short IPv6 address stays IPv6"),
        pytest.param("ip6:::1 -all", "0.0.0.1", "fail", id="and is no IPv4 address"),
        pytest.param("ip6:fe80::1%eth0 -all", "fe80::1", "permerror", id="zones are for one machine"),
        pytest.param("ip4:192.0.2.01 -all", "192.0.2.1", "permerror", id="octal is no address"),
        pytest.param("a=b mx=c -all", "192.0.2.1", "fail", id="a modifier may be called like a mechanism"),
        pytest.param("redirect=b.example redirect=b.example", "192.0.2.1", "permerror", id="two redirects"),
        pytest.param("all redirect=nowhere.example", "192.0.2.1", "pass", id="redirect beside all is not followed"),
        pytest.param("?all ip4:192.0.2.1", "192.0.2.1", "neutral", id="behind all nothing is looked at"),
        pytest.param("exists:%{l}.acme.example -all", "192.0.2.1", "fail", id="a local part that is no label"),
        pytest.param("a:%{d0}.example -all", "192.0.2.1", "permerror", id="a macro that keeps nothing"),
        pytest.param(f"a:%{{d{'9' * 5000}}}.acme.example -all", "192.0.2.1", "fail", id="a number without end"),
        pytest.param("mx:null.example -all", "192.0.2.1", "fail", id="a null MX names no host"),
    ],
)
def test_a_record_is_understood(record: str, ip: str, result: str) -> None:
    zone = DnsZone.from_text("null.example MX 0 .")
    zone.records = {**zone.records, ("acme.example", "TXT"): (f"v=spf1 {record}".encode(),)}
    assert evaluate(zone, ip, "a.b..c@acme.example").result == result


def test_a_name_that_grew_too_long_loses_labels_from_the_left() -> None:
    zone = DnsZone.from_text('acme.example TXT "v=spf1 exists:%{l}.%{l}.%{l}.%{l}.%{l}.acme.example -all"')
    evaluate(zone, "192.0.2.1", "x" * 60 + "@acme.example")
    name = zone.asked[-1].name
    assert len(name) <= 253
    assert name == ".".join(["x" * 60] * 3) + ".acme.example"


@pytest.mark.parametrize(
    ("failing", "ip", "result"),
    [
        pytest.param(txt("acme.example"), "192.0.2.9", "temperror", id="the record itself"),
        pytest.param(txt("spf.esp.example"), "192.0.2.9", "temperror", id="an include"),
        pytest.param(mx("acme.example"), "192.0.2.9", "temperror", id="the MX before"),
        pytest.param(ipv4_of("mx.acme.example"), "192.0.2.9", "temperror", id="a host of the MX"),
        pytest.param(ipv4_of("mx.acme.example"), "2001:db8::9", "pass", id="an address of the other family"),
        pytest.param(txt("_b.esp.example"), "192.0.2.9", "pass", id="what lies behind the match"),
    ],
)
def test_a_failed_lookup_matters_only_where_it_is_needed(failing: Question[Any], ip: str, result: str) -> None:
    zone = DnsZone.from_text(PROVIDER)
    zone.failures = {failing: LookupFailure("SERVFAIL")}
    assert evaluate(zone, ip).result == result


def test_names_of_the_client_are_not_the_senders_voids() -> None:
    zone = DnsZone.from_text(
        'acme.example TXT "v=spf1 ptr ptr:b.example ptr:c.example ?all"\n'
        "1.2.0.192.in-addr.arpa PTR gone.example.\n1.2.0.192.in-addr.arpa PTR away.example."
    )
    evaluation = evaluate(zone, "192.0.2.1")
    assert (evaluation.result, evaluation.voids) == (SpfResult.NEUTRAL, 0)


def test_of_a_clients_names_only_the_first_ten_are_looked_at() -> None:
    names = [f"n{number}.acme.example" for number in range(11)]
    zone = DnsZone.from_text('acme.example TXT "v=spf1 ptr -all"')
    zone.records = {
        **zone.records,
        ("1.2.0.192.in-addr.arpa", "PTR"): tuple(names),
        (names[10], "A"): (ip_address("192.0.2.1"),),
    }
    assert evaluate(zone, "192.0.2.1").result is SpfResult.FAIL
    assert ipv4_of(names[9]) in zone.asked
    assert ipv4_of(names[10]) not in zone.asked


def test_the_tree_asks_nothing_for_terms_no_receiver_comes_to() -> None:
    terms = " ".join(f"a:n{number}.acme.example" for number in range(1, 13))
    zone = DnsZone.from_text(f'acme.example TXT "v=spf1 {terms} -all"')
    assert tree_of(zone).lookups == 12
    assert ipv4_of("n10.acme.example") in zone.asked
    assert ipv4_of("n11.acme.example") not in zone.asked


@pytest.mark.parametrize(
    "record",
    [
        b"a " * 30000,
        b"%{d}" * 15000,
        b"a:" + b"%%" * 30000,
        b"a:" + b"a-" * 30000,
        b"x=" + b"=" * 60000,
        b"%{d" + b"9" * 60000,
    ],
    ids=["terms", "macros", "percent signs", "hyphens", "equals signs", "digits"],
)
def test_the_longest_record_is_read_in_no_time(record: bytes) -> None:
    begin = process_time()
    parse_record(b"v=spf1 " + record)
    assert process_time() - begin < 2


def test_limits_can_be_stricter() -> None:
    assert evaluate(PROVIDER, "192.0.2.9", lookups=2).trouble is SpfTrouble.TOO_MANY_LOOKUPS


@pytest.mark.parametrize(
    ("record", "why"),
    [
        ("ipv4:192.0.2.1", "«ipv4:192.0.2.1»: there is no mechanism «ipv4»: «ip4» is meant"),
        ("~all;", "«~all;»: terms are parted by spaces; leave out commas and semicolons"),
        ("=all", "«=all»: this is neither a mechanism nor a modifier"),
        ("ip4:192.0.2.0/33", "«ip4:192.0.2.0/33»: a network prefix has at most 32 bits here"),
        ("include:esp", "«include:esp»: «esp» is not a full domain name"),
        ("include", "«include»: after «include» a colon and a domain name are missing"),
        ("a:", "«a:»: the domain name is missing"),
        ("all:x", "«all:x»: nothing may follow «all»"),
        (
            "ip4:192.0.2.1\u00a0-all",
            r"«ip4:192.0.2.1\xa0-all»: only ASCII characters are allowed, and this holds others; they may be invisible",
        ),
    ],
)
def test_an_error_names_the_term_and_what_is_wrong(record: str, why: str) -> None:
    assert [str(error) for error in parse_record(f"v=spf1 {record}".encode()).errors] == [why]


def test_the_tree_counts_what_a_stranger_costs_and_asks_a_level_at_a_time() -> None:
    zone = DnsZone.from_text(PROVIDER)
    tree = tree_of(zone)
    assert (tree.lookups, tree.voids, tree.is_cut) == (4, 0, False)
    assert [node.domain for node in tree.nodes()] == [
        "acme.example",
        "spf.esp.example",
        "_a.esp.example",
        "_b.esp.example",
    ]
    assert len(zone.asked) == 7


@pytest.mark.parametrize(
    ("zone", "troubles"),
    [
        pytest.param('acme.example TXT "v=spf1 include:acme.example"', ["loop"], id="a loop"),
        pytest.param('acme.example TXT "v=spf1 include:gone.example"', ["no_such_domain"], id="a dead include"),
        pytest.param(
            'acme.example TXT "v=spf1 redirect=b.example"\nb.example TXT "v=spf1 ip4:1"',
            ["syntax"],
            id="a broken redirect",
        ),
        pytest.param(
            'acme.example TXT "v=spf1 include:b.example"\nb.example TXT "v=spf1"\nb.example TXT "v=spf1 a"',
            ["several_records"],
            id="two records below",
        ),
        pytest.param(
            'acme.example TXT "v=spf1 -all include:gone.example redirect=gone.example"', [], id="what is never reached"
        ),
    ],
)
def test_the_tree_names_what_is_broken_in_it(zone: str, troubles: list[str]) -> None:
    assert [term.trouble for _, _, term in tree_of(zone).terms() if term.trouble] == troubles


def test_the_tree_knows_what_only_a_message_can_tell() -> None:
    tree = tree_of('acme.example TXT "v=spf1 include:%{i}.esp.example include:_spf.%{d2} -all"')
    assert tree.depends_on_message
    known = tree_of('acme.example TXT "v=spf1 include:_spf.%{d} -all"\n_spf.acme.example TXT "v=spf1 a -all"')
    assert not known.depends_on_message
    assert known.lookups == 2


def test_a_tree_without_end_is_cut() -> None:
    chain = "\n".join(f'n{number}.example TXT "v=spf1 include:n{number + 1}.example"' for number in range(60))
    tree = tree_of(chain, "n0.example")
    assert (tree.lookups, tree.is_cut) == (40, True)
