import asyncio
from collections.abc import Iterator
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Final

import pytest
from dns.rcode import Rcode

from portal.dns_resolver import DnsResolver
from portal.domain.mail.host_names import HostError, parse_host
from portal.domain.routing.smtp_route import Endpoint, TlsMode
from portal.smtp.endpoint_guard import ForbiddenDestination, GuardRules, LookupFailed, NoSuchHost, judged_addresses
from tests.support.forbidden_destinations import RECORDS, SPELLINGS
from tests.support.name_server import SILENCE, NameServer

PUBLIC: Final = "8.8.8.8"
ZONE: Final = f"""
smtp.acme.example.      A      {PUBLIC}
smtp.acme.example.      AAAA   2606:4700:4700::1111
eu.acme.example.        CNAME  mail.acme.example.
mail.acme.example.      CNAME  smtp.acme.example.
smtp.xn--bcher-kva.example. A  {PUBLIC}
smtp.office365.com.     A      {PUBLIC}
mixed.acme.example.     A      {PUBLIC}
mixed.acme.example.     A      10.0.0.25
half.acme.example.      A      {PUBLIC}
half.acme.example.      AAAA   ::1
alias.acme.example.     CNAME  metadata.google.internal.
metadata.google.internal. A    169.254.169.254
127.0.0.1.nip.example.  A      127.0.0.1
text.acme.example.      TXT    "no address here"
"""
PLAIN: Final = GuardRules()


@pytest.fixture
def name_server() -> Iterator[NameServer]:
    with NameServer(ZONE) as server:
        yield server


@pytest.fixture(scope="module")
def kind_name_server() -> Iterator[NameServer]:
    """To it every name there can be is a public server: what the grammar lets through, passes."""
    with NameServer(f"*. A {PUBLIC}") as server:
        yield server


def judged(
    server: NameServer, host: str, *, port: int = 587, rules: GuardRules = PLAIN, timeout: float = 5
) -> list[str]:
    resolver = DnsResolver([server.address])
    found = judged_addresses(Endpoint(host, port, TlsMode.STARTTLS), rules, resolver, timeout=timeout)
    return [str(address) for address in asyncio.run(found)]


@pytest.mark.parametrize("host", SPELLINGS)
def test_a_forbidden_host_is_refused_in_every_spelling(kind_name_server: NameServer, host: str) -> None:
    with pytest.raises(ForbiddenDestination):
        judged(kind_name_server, host)

    assert kind_name_server.asked == []


@pytest.mark.parametrize("host", SPELLINGS)
def test_and_what_the_form_would_read_it_as_is_refused_too(kind_name_server: NameServer, host: str) -> None:
    with pytest.raises((HostError, ForbiddenDestination)):
        judged(kind_name_server, parse_host(host))

    assert kind_name_server.asked == []


def test_the_spellings_are_many_and_each_is_another() -> None:
    assert len(set(SPELLINGS)) == len(SPELLINGS) >= 80


@pytest.mark.parametrize(("rdtype", "record"), RECORDS)
def test_a_name_that_leads_inside_is_refused(name_server: NameServer, rdtype: str, record: str) -> None:
    name_server.script("mail.evil.example", rdtype, (record,))

    with pytest.raises(ForbiddenDestination):
        judged(name_server, "mail.evil.example")


@pytest.mark.parametrize(
    "host",
    [
        "mixed.acme.example",
        "half.acme.example",
        "alias.acme.example",
        "metadata.google.internal",
        "127.0.0.1.nip.example",
    ],
)
def test_one_inside_address_condemns_the_name(name_server: NameServer, host: str) -> None:
    with pytest.raises(ForbiddenDestination):
        judged(name_server, host)


@pytest.mark.parametrize("count", [2, 200])
def test_an_inside_address_does_not_hide_behind_public_ones(name_server: NameServer, count: int) -> None:
    many = tuple(f"8.8.{n // 256}.{n % 256}" for n in range(1, count))
    name_server.script("crowd.acme.example", "A", (*many, "127.0.0.1"))

    with pytest.raises(ForbiddenDestination):
        judged(name_server, "crowd.acme.example")


def test_the_refusal_says_nothing_of_what_was_found(name_server: NameServer) -> None:
    texts = set()
    for host, port in [("127.0.0.1", 587), ("metadata.google.internal", 587), ("0x7f.1", 25), ("8.8.8.8", 22)]:
        with pytest.raises(ForbiddenDestination) as refused:
            judged(name_server, host, port=port)
        texts.add(str(refused.value))

    assert texts == {"This destination is not allowed."}


@pytest.mark.parametrize(
    ("host", "addresses"),
    [
        ("smtp.acme.example", [PUBLIC, "2606:4700:4700::1111"]),
        ("eu.acme.example", [PUBLIC, "2606:4700:4700::1111"]),
        (parse_host("SMTP.Bücher.example."), [PUBLIC]),
        (parse_host("smtp.Office365.com"), [PUBLIC]),
        ("8.8.4.4", ["8.8.4.4"]),
        ("2606:4700:4700::1111", ["2606:4700:4700::1111"]),
    ],
)
def test_a_mail_server_of_the_public_internet_is_reached(
    name_server: NameServer, host: str, addresses: list[str]
) -> None:
    assert judged(name_server, host) == addresses


@pytest.mark.parametrize("host", ["SMTP.acme.example", "smtp.acme.example.", "smtp.bücher.example"])
def test_a_host_that_did_not_come_through_the_grammar_is_refused(name_server: NameServer, host: str) -> None:
    with pytest.raises(ForbiddenDestination):
        judged(name_server, host)


def test_a_literal_is_judged_without_asking_anybody(name_server: NameServer) -> None:
    judged(name_server, "8.8.4.4")

    assert name_server.asked == []


@pytest.mark.parametrize("port", [25, 465, 587, 2465, 2525, 2587])
def test_submission_ports_are_allowed(name_server: NameServer, port: int) -> None:
    assert judged(name_server, PUBLIC, port=port) == [PUBLIC]


@pytest.mark.parametrize("port", [0, 1, 22, 80, 110, 443, 993, 3306, 5432, 6379, 11211, 25000, 65535, 65536 + 25, -1])
def test_no_other_port_is(name_server: NameServer, port: int) -> None:
    with pytest.raises(ForbiddenDestination):
        judged(name_server, "smtp.acme.example", port=port)

    assert name_server.asked == []


def test_the_operator_may_allow_a_relay_of_the_house_and_nothing_around_it(name_server: NameServer) -> None:
    rules = GuardRules((ip_network("10.0.0.25/32"), ip_network("fd00:25::/64")), PLAIN.allowed_ports)
    name_server.script("relay.house.example", "A", ("10.0.0.25",))
    name_server.script("relay.house.example", "AAAA", ("fd00:25::1",))
    name_server.script("other.house.example", "A", ("10.0.0.25", "10.0.0.26"))

    assert judged(name_server, "relay.house.example", rules=rules) == ["10.0.0.25", "fd00:25::1"]
    assert judged(name_server, "mixed.acme.example", rules=rules) == [PUBLIC, "10.0.0.25"]
    for host, port in [("other.house.example", 587), ("10.0.0.26", 587), ("::ffff:a00:19", 587), ("10.0.0.25", 22)]:
        with pytest.raises(ForbiddenDestination):
            judged(name_server, host, port=port, rules=rules)


@pytest.mark.parametrize("network", [IPv4Network("127.0.0.0/8"), IPv6Network("::1/128")])
def test_an_allowed_network_does_not_allow_other_spellings_of_it(
    name_server: NameServer, network: IPv4Network | IPv6Network
) -> None:
    for host in ("localhost", "127.1", "0x7f.1", "0:0:0:0:0:0:0:1", "::ffff:7f00:1", "64:ff9b::7f00:1"):
        with pytest.raises(ForbiddenDestination):
            judged(name_server, host, rules=GuardRules((network,), PLAIN.allowed_ports))


def test_the_second_answer_of_a_rebinding_name_is_judged_as_the_first_was(name_server: NameServer) -> None:
    name_server.script("rebind.evil.example", "A", (PUBLIC,), ("127.0.0.1",))

    assert judged(name_server, "rebind.evil.example") == [PUBLIC]
    with pytest.raises(ForbiddenDestination):
        judged(name_server, "rebind.evil.example")


def test_a_name_is_asked_for_once(name_server: NameServer) -> None:
    name_server.script("rebind.evil.example", "A", (PUBLIC,), ("127.0.0.1",))

    judged(name_server, "rebind.evil.example")

    assert sorted(name_server.asked) == [
        ("rebind.evil.example", "A", "udp"),
        ("rebind.evil.example", "AAAA", "udp"),
    ]


@pytest.mark.parametrize(
    ("host", "scripted", "error"),
    [
        ("text.acme.example", (), NoSuchHost),
        ("gone.acme.example", Rcode.NXDOMAIN, NoSuchHost),
        ("broken.acme.example", Rcode.SERVFAIL, LookupFailed),
        ("silent.acme.example", SILENCE, LookupFailed),
    ],
)
def test_without_an_address_there_is_nothing_to_judge(
    name_server: NameServer, host: str, scripted: tuple[()] | Rcode, error: type[Exception]
) -> None:
    for rdtype in ("A", "AAAA"):
        name_server.script(host, rdtype, scripted)

    with pytest.raises(error):
        judged(name_server, host, timeout=0.5)
