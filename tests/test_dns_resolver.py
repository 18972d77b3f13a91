import asyncio
import time
from collections.abc import Iterator
from typing import Final

import dns.name
import dns.nameserver
import dns.resolver
import pytest
from dns.rcode import Rcode

from portal.dns_resolver import DnsResolver
from portal.domain.mail.host_names import LookupFailed, NoSuchHost
from tests.support.name_server import SILENCE, Answer, NameServer, closed_port

NOTHING: Final = ()
HOST: Final = "smtp.acme.example"


@pytest.fixture
def name_server() -> Iterator[NameServer]:
    with NameServer("acme.example. MX 10 smtp.acme.example.") as server:
        yield server


def resolved(*servers: tuple[str, int], host: str = HOST, timeout: float = 5) -> list[str]:
    return [str(address) for address in asyncio.run(DnsResolver(servers).addresses(host, timeout=timeout))]


@pytest.mark.parametrize(
    ("a", "aaaa", "addresses"),
    [
        pytest.param(("192.0.2.1",), ("2001:db8::1",), ["192.0.2.1", "2001:db8::1"], id="both families"),
        pytest.param(("192.0.2.1",), NOTHING, ["192.0.2.1"], id="IPv4 only"),
        pytest.param(NOTHING, ("2001:db8::1",), ["2001:db8::1"], id="IPv6 only"),
        pytest.param(
            ("192.0.2.1", "192.0.2.2", "192.0.2.3"),
            ("2001:db8::1",),
            ["192.0.2.1", "192.0.2.2", "192.0.2.3", "2001:db8::1"],
            id="IPv4 first",
        ),
        pytest.param(("192.0.2.1",), Rcode.SERVFAIL, ["192.0.2.1"], id="AAAA fails"),
        pytest.param(("192.0.2.1",), Rcode.NXDOMAIN, ["192.0.2.1"], id="a balancer denies the name when asked AAAA"),
        pytest.param(("192.0.2.1",), SILENCE, ["192.0.2.1"], id="AAAA is dropped on the way"),
        pytest.param(SILENCE, ("2001:db8::1",), ["2001:db8::1"], id="A is dropped on the way"),
        pytest.param(Rcode.REFUSED, ("2001:db8::1",), ["2001:db8::1"], id="A is refused"),
    ],
)
def test_a_name_has_the_addresses_that_were_learned(
    name_server: NameServer, a: Answer, aaaa: Answer, addresses: list[str]
) -> None:
    name_server.script(HOST, "A", a)
    name_server.script(HOST, "AAAA", aaaa)
    began = time.monotonic()

    assert resolved(name_server.address) == addresses
    assert time.monotonic() - began < 2


@pytest.mark.parametrize(
    ("a", "aaaa", "error"),
    [
        pytest.param(NOTHING, NOTHING, NoSuchHost, id="other records only"),
        pytest.param(Rcode.NXDOMAIN, Rcode.NXDOMAIN, NoSuchHost, id="no such name"),
        pytest.param(Rcode.NXDOMAIN, NOTHING, NoSuchHost, id="denied by one"),
        pytest.param(Rcode.SERVFAIL, Rcode.SERVFAIL, LookupFailed, id="both fail"),
        pytest.param(Rcode.REFUSED, Rcode.REFUSED, LookupFailed, id="refused"),
        pytest.param(Rcode.NOTIMP, Rcode.FORMERR, LookupFailed, id="cannot"),
        pytest.param(NOTHING, Rcode.SERVFAIL, LookupFailed, id="it may have had an IPv6 address"),
        pytest.param(SILENCE, Rcode.NXDOMAIN, LookupFailed, id="it may have had an IPv4 address"),
        pytest.param(SILENCE, SILENCE, LookupFailed, id="silence"),
    ],
)
def test_a_failure_is_never_taken_for_a_missing_name(
    name_server: NameServer, a: Answer, aaaa: Answer, error: type[Exception]
) -> None:
    name_server.script(HOST, "A", a)
    name_server.script(HOST, "AAAA", aaaa)

    with pytest.raises(error):
        resolved(name_server.address, timeout=0.5)


def test_a_lost_packet_is_sent_again(name_server: NameServer) -> None:
    name_server.script(HOST, "A", SILENCE, ("192.0.2.1",))
    name_server.script(HOST, "AAAA", SILENCE, NOTHING)

    assert resolved(name_server.address) == ["192.0.2.1"]


def test_the_next_name_server_is_asked_when_one_fails(name_server: NameServer) -> None:
    name_server.script(HOST, "A", ("192.0.2.1",))
    with NameServer() as broken:
        for rdtype in ("A", "AAAA"):
            broken.script(HOST, rdtype, Rcode.SERVFAIL)

        assert resolved(broken.address, name_server.address) == ["192.0.2.1"]


def test_nobody_listening_costs_no_more_than_the_time_given() -> None:
    began = time.monotonic()

    with pytest.raises(LookupFailed):
        resolved(closed_port(), timeout=0.6)
    assert time.monotonic() - began < 1.5


@pytest.mark.parametrize(
    ("count", "transports"),
    [pytest.param(60, ["udp"], id="1000 octets"), pytest.param(200, ["udp", "tcp"], id="3000 octets")],
)
def test_a_long_answer_comes_whole(name_server: NameServer, count: int, transports: list[str]) -> None:
    many = tuple(f"192.0.2.{n}" for n in range(count))
    name_server.script(HOST, "A", many)

    assert resolved(name_server.address) == list(many)
    assert [transport for _, rdtype, transport in name_server.asked if rdtype == "A"] == transports


def test_the_answer_of_an_alias_is_its_targets() -> None:
    with NameServer("a.example. CNAME b.example.\nb.example. CNAME c.example.\nc.example. A 192.0.2.1") as server:
        assert resolved(server.address, host="a.example") == ["192.0.2.1"]


def test_an_alias_to_nowhere_is_no_host() -> None:
    with NameServer("a.example. CNAME gone.example.") as server, pytest.raises(NoSuchHost):
        resolved(server.address, host="a.example")


@pytest.mark.parametrize("host", ["smtp", "smtp.acme.example", "smtp.acme.example."])
def test_a_name_is_asked_for_as_it_is_and_never_in_a_search_list(
    name_server: NameServer, monkeypatch: pytest.MonkeyPatch, host: str
) -> None:
    def with_search_list(resolver: dns.resolver.BaseResolver, _: object) -> None:
        resolver.nameservers = [dns.nameserver.Do53Nameserver(*name_server.address)]
        resolver.search = [dns.name.from_text("house.example.")]
        resolver.use_search_by_default = True

    monkeypatch.setattr(dns.resolver.BaseResolver, "read_resolv_conf", with_search_list)

    with pytest.raises(NoSuchHost):
        asyncio.run(DnsResolver().addresses(host, timeout=2))
    assert {name for name, _, _ in name_server.asked} == {host.removesuffix(".")}


def test_without_a_configuration_look_ups_fail_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(_: object, __: str) -> None:
        raise dns.resolver.NoResolverConfiguration

    monkeypatch.setattr(dns.resolver.BaseResolver, "read_resolv_conf", missing)
    resolver = DnsResolver()

    with pytest.raises(LookupFailed):
        asyncio.run(resolver.addresses(HOST, timeout=1))


def test_cancelling_leaves_nothing_running(name_server: NameServer) -> None:
    name_server.script(HOST, "A", SILENCE)
    name_server.script(HOST, "AAAA", SILENCE)

    async def cancel_it() -> set[asyncio.Task[object]]:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await DnsResolver([name_server.address]).addresses(HOST, timeout=5)
        return asyncio.all_tasks() - {asyncio.current_task()}

    assert asyncio.run(cancel_it()) == set()
